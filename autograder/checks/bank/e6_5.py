"""Typical answers to E6.5, `gradient_variance(estimator, num_rep, rng)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Estimator = Callable[[Any], Array]


def _named(function: Callable[..., Any]) -> Implementation:
    return {"gradient_variance": function}


def estimates(estimator: Estimator, num_rep: int, rng: Any) -> Array:
    return np.array([estimator(rng) for _ in range(num_rep)], dtype=float)


def _from(reduce: Callable[[Array], Any]) -> Implementation:
    """What `reduce` makes of the estimates (num_rep, P)."""
    return _named(lambda estimator, num_rep, rng: reduce(estimates(estimator, num_rep, rng)))


def var(rows: Array) -> Array:
    return np.var(rows, axis=0, ddof=1)


def reset_each_time(estimator: Estimator, num_rep: int, rng: Any) -> Array:
    return var(np.array([estimator(np.random.default_rng(0)) for _ in range(num_rep)]))


def own_generator(estimator: Estimator, num_rep: int, rng: Any) -> Array:
    own = np.random.default_rng(0)
    return var(np.array([estimator(own) for _ in range(num_rep)]))


def numbered_seeds(estimator: Estimator, num_rep: int, rng: Any) -> Array:
    return var(np.array([estimator(np.random.default_rng(i)) for i in range(num_rep)]))


def one_estimate_repeated(estimator: Estimator, num_rep: int, rng: Any) -> Array:
    one = estimator(rng)
    return var(np.array([one for _ in range(num_rep)]))


def mean_of_another_run(ddof: int) -> Implementation:
    def answer(estimator: Estimator, num_rep: int, rng: Any) -> Array:
        centre = np.mean(estimates(estimator, num_rep, rng), axis=0)
        rows = estimates(estimator, num_rep, rng)
        return np.sum((rows - centre) ** 2, axis=0) / (num_rep - ddof)

    return _named(answer)


def one_pass(rows: Array) -> Array:
    num = len(rows)
    return (np.mean(rows**2, axis=0) - np.mean(rows, axis=0) ** 2) * num / (num - 1)


def one_pass_of_sums(rows: Array) -> Array:
    return (np.sum(rows**2, axis=0) - np.sum(rows, axis=0) ** 2 / len(rows)) / (len(rows) - 1)


def other_count(by: int) -> Implementation:
    return _named(
        lambda estimator, num_rep, rng: var(estimates(estimator, max(num_rep + by, 1), rng))
    )


def in_whole_numbers(estimator: Estimator, num_rep: int, rng: Any) -> Array:
    first = estimator(rng)
    rows = np.empty((num_rep, *first.shape), dtype=first.dtype)
    rows[0] = first
    for i in range(1, num_rep):
        rows[i] = estimator(rng)
    centre = np.zeros_like(first)
    centre[:] = np.mean(rows, axis=0)
    return np.sum((rows - centre) ** 2, axis=0) / (num_rep - 1)


WRONG = (
    Wrong(
        "divided-by-the-number",
        _from(lambda rows: np.var(rows, axis=0)),
        "From two repetitions you get half of the variance, on average: the mean was estimated "
        "from the same estimates. Which denominator makes up for that (`ddof`)?",
    ),
    Wrong(
        "standard-deviation",
        _from(lambda rows: np.std(rows, axis=0, ddof=1)),
        "That is the standard deviation. The variance is its square; it is what falls as 1/M.",
        also=(_from(lambda rows: np.std(rows, axis=0)),),
    ),
    Wrong(
        "summed-over-parameters",
        _from(lambda rows: np.sum(var(rows))),
        "Return one variance for each parameter. Their sum, the trace of the covariance, hides "
        "which parameter is the noisy one.",
        also=(
            _from(lambda rows: np.trace(np.atleast_2d(np.cov(rows.T)))),
            _from(lambda rows: np.sum(np.var(rows, axis=0))),
        ),
    ),
    Wrong(
        "averaged-over-parameters",
        _from(lambda rows: np.mean(var(rows))),
        "Return one variance for each parameter, not their average.",
        also=(_from(lambda rows: np.mean(np.var(rows, axis=0))),),
    ),
    Wrong(
        "everything-in-one-heap",
        _from(lambda rows: np.var(rows, ddof=1)),
        "You take the variance over repetitions *and* parameters at once, so differences between "
        "the parameters count as noise. Which axis runs over the repetitions?",
        also=(_from(np.var),),
    ),
    Wrong(
        "across-parameters",
        _from(lambda rows: np.var(rows, axis=1, ddof=1)),
        "You compare the parameters with each other, within one estimate. The variance is that of "
        "one parameter over the repetitions: the other axis.",
        also=(_from(lambda rows: np.var(rows, axis=1)),),
    ),
    Wrong(
        "covariance-matrix",
        _from(lambda rows: np.cov(rows.T)),
        "That is the whole covariance matrix, (P, P). The variances stand on its diagonal.",
    ),
    Wrong(
        "variance-of-the-mean",
        _from(lambda rows: var(rows) / len(rows)),
        "That is the variance of the *average* of your estimates, which shrinks with `num_rep`. "
        "Asked is the variance of one estimate.",
        also=(_from(lambda rows: np.var(rows, axis=0) / len(rows)),),
    ),
    Wrong(
        "mean-returned",
        _from(lambda rows: np.mean(rows, axis=0)),
        "Those are the means of the estimates. How much do they scatter about them?",
    ),
    Wrong(
        "not-centred",
        _from(lambda rows: np.mean(rows**2, axis=0)),
        "That is the mean square. A constant estimator has no variance: subtract the mean first.",
        also=(_from(lambda rows: np.sum(rows**2, axis=0) / (len(rows) - 1)),),
    ),
    Wrong(
        "seed-reset-inside",
        _named(reset_each_time),
        "Every repetition gets a generator with the same seed, hence the same noise, and the "
        "variance is 0. Pass the one `rng` that you were given on to every call.",
        also=(_named(one_estimate_repeated),),
    ),
    Wrong(
        "given-generator-ignored",
        _named(own_generator),
        "You draw from a generator of your own: whatever `rng` comes in, the answer is the same. "
        "Use the one that is given.",
        also=(_named(numbered_seeds),),
    ),
    Wrong(
        "mean-of-another-run",
        mean_of_another_run(1),
        "You subtract the mean of other repetitions than those whose spread you measure. Keep the "
        "estimates, and use their own mean.",
        also=(mean_of_another_run(0),),
    ),
    Wrong(
        "one-pass-formula",
        _from(one_pass),
        "E[g²] − E[g]² is right on paper. With gradients near 1e7 it subtracts two numbers of 14 "
        "digits that agree in nearly all of them. Subtract the mean first, then square.",
        also=(_from(one_pass_of_sums),),
    ),
    Wrong(
        "miscounted",
        other_count(1),
        "Count the calls of the estimator: `num_rep` repetitions are asked for.",
        also=(other_count(-1),),
    ),
    Wrong(
        "median-deviation",
        _from(lambda rows: np.mean(np.abs(rows - np.mean(rows, axis=0)), axis=0)),
        "That is the mean absolute deviation. A variance is the average of the *squared* ones.",
    ),
    Wrong(
        "whole-numbers-truncated",
        _named(in_whole_numbers),
        "When the estimates are whole numbers your mean is cut to whole numbers: an array made by "
        "`zeros_like` inherits the type of its model.",
    ),
)


# Right


def welford(estimator: Estimator, num_rep: int, rng: Any) -> Array:
    mean: Any = 0.0
    squares: Any = 0.0
    for count in range(1, num_rep + 1):
        g = np.asarray(estimator(rng), dtype=float)
        gap = g - mean
        mean = mean + gap / count
        squares = squares + gap * (g - mean)
    return squares / (num_rep - 1)


def by_hand(estimator: Estimator, num_rep: int, rng: Any) -> list[float]:
    rows = [list(estimator(rng)) for _ in range(num_rep)]
    found = []
    for column in zip(*rows, strict=True):
        mean = sum(column) / num_rep
        found.append(float(sum((value - mean) ** 2 for value in column) / (num_rep - 1)))
    return found


def diagonal_of_the_covariance(rows: Array) -> Array:
    return np.diag(np.atleast_2d(np.cov(rows, rowvar=False)))


def spawned(estimator: Estimator, num_rep: int, rng: Any) -> Array:
    return var(np.array([estimator(child) for child in rng.spawn(num_rep)]))


RIGHT = (
    Right("Welford's updates", _named(welford)),
    Right("lists", _named(by_hand)),
    Right("diagonal of the covariance", _from(diagonal_of_the_covariance)),
    Right("a spawned generator for each repetition", _named(spawned)),
)

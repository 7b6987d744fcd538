"""Typical answers to E4.2, `minibatch_elbo_gradient(grad_log_lik, ..., lam, data, idx)`.

(N / B) sum_{i in idx} grad_log_lik_i + grad_log_prior + grad_entropy. Most answers differ in how
the three are weighed, so they are made from weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Weight = Callable[[int, int], float]
"""(N, B) -> the weight of a term."""


def scaled(num: int, size: int) -> float:
    return num / size


def once(num: int, size: int) -> float:
    return 1.0


def _named(function: Callable[..., Any]) -> Implementation:
    return {"minibatch_elbo_gradient": function}


def _weighed(
    likelihood: Weight = scaled,
    prior: Weight = once,
    entropy: Weight = once,
    rows: Callable[[Array, Array], Array] = lambda data, idx: data[idx],
    count: Callable[[Array], int] = len,
) -> Implementation:
    """The three gradients with weights; `rows` picks the batch, `count` says what N is."""

    def gradient(lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array) -> Any:
        num, size = count(data), len(idx)
        total = np.sum(lik(lam, rows(data, idx)), axis=0)
        return (
            likelihood(num, size) * total
            + prior(num, size) * log_prior(lam)
            + entropy(num, size) * log_q(lam)
        )

    return _named(gradient)


# Wrong


def all_the_data(data: Array, idx: Array) -> Array:
    return data


def first_rows(data: Array, idx: Array) -> Array:
    return data[: len(idx)]


def rows_once(data: Array, idx: Array) -> Array:
    return data[np.unique(idx)]


def rows_by_a_mask(data: Array, idx: Array) -> Array:
    mask = np.zeros(len(data), dtype=bool)
    mask[idx] = True
    return data[mask]


def one_row_each(lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array) -> Any:
    return len(data) / len(idx) * lik(lam, data[idx]) + log_prior(lam) + log_q(lam)


def over_parameters_too(
    lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array
) -> Any:
    return len(data) / len(idx) * np.sum(lik(lam, data[idx])) + log_prior(lam) + log_q(lam)


def over_parameters(
    lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array
) -> Any:
    return len(data) / len(idx) * np.sum(lik(lam, data[idx]), axis=1) + log_prior(lam) + log_q(lam)


def numbers_of_rows(
    lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array
) -> Any:
    return len(data) / len(idx) * np.sum(lik(lam, idx), axis=0) + log_prior(lam) + log_q(lam)


def a_row_alone(lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array) -> Any:
    total = 0.0
    for i in idx:
        total = total + lik(lam, data[i])
    return len(data) / len(idx) * total + log_prior(lam) + log_q(lam)


def into_integers(lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array) -> Any:
    total = np.zeros_like(lam)
    for row in lik(lam, data[idx]):
        total = (total + len(data) / len(idx) * row).astype(total.dtype)
    return (total + log_prior(lam) + log_q(lam)).astype(total.dtype)


WRONG = (
    Wrong(
        "N-over-B-forgotten",
        _weighed(likelihood=once),
        "Average your answer over all batches: is it the gradient of the whole ELBO? A batch of B "
        "rows has to stand for N.",
    ),
    Wrong(
        "batch-averaged",
        _weighed(likelihood=lambda num, size: 1 / size),
        "You average the rows of the batch, so the likelihood counts as much as a single datum. "
        "How many data are there?",
    ),
    Wrong(
        "upside-down",
        _weighed(likelihood=lambda num, size: size / num),
        "Your factor is upside down: from a smaller batch, must each row count for more or for "
        "less?",
    ),
    Wrong(
        "prior-scaled-too",
        _weighed(prior=scaled),
        "The prior is scaled as well. Is it a sum over the data? How often does the ELBO hold "
        "log p(z)?",
    ),
    Wrong(
        "everything-scaled",
        _weighed(prior=scaled, entropy=scaled),
        "Prior and entropy are scaled as well. Only the likelihood is a sum over the data, of "
        "which you see B instead of N.",
    ),
    Wrong(
        "entropy-scaled-too",
        _weighed(entropy=scaled),
        "The entropy is scaled as well. It belongs to q, and knows of no data.",
    ),
    Wrong(
        "scaled-by-N",
        _weighed(likelihood=lambda num, size: num),
        "That is N times the *sum* over the batch. With B = N it should be the plain sum: what is "
        "missing?",
    ),
    Wrong(
        "divided-by-B-twice",
        _weighed(likelihood=lambda num, size: num / size**2),
        "You take the mean over the batch and then divide by B once more. N times the mean, or N/B "
        "times the sum.",
    ),
    Wrong(
        "all-the-data",
        _weighed(likelihood=once, rows=all_the_data),
        "You use all rows of the data. Which ones does `idx` name?",
        also=(_weighed(rows=all_the_data),),
    ),
    Wrong(
        "first-rows",
        _weighed(rows=first_rows),
        "You take the first B rows, whichever `idx` names: `data[idx]`.",
    ),
    Wrong(
        "entries-counted-for-rows",
        _weighed(count=np.size),
        "N is the number of rows, `len(data)`. `data.size` counts every entry of the matrix.",
    ),
    Wrong(
        "row-numbers-for-rows",
        _named(numbers_of_rows),
        "`grad_log_lik` takes the rows themselves, `data[idx]`, not their numbers.",
    ),
    Wrong(
        "a-row-without-its-axis",
        _named(a_row_alone),
        "`grad_log_lik` takes several rows. `data[i]` has lost the axis that counts them; "
        "`data[i : i + 1]` is a batch of one row, and `data[idx]` needs no loop at all.",
    ),
    Wrong(
        "rows-not-summed",
        _named(one_row_each),
        "Your result still has one gradient per row. The likelihood is the *sum* over the rows.",
    ),
    Wrong(
        "parameters-summed",
        _named(over_parameters_too),
        "The sum runs over the parameters as well. Add up the rows only, `axis=0`: one number per "
        "parameter is left.",
        also=(_named(over_parameters),),
    ),
    Wrong(
        "prior-forgotten",
        _weighed(prior=lambda num, size: 0.0),
        "Your gradient does not know the prior. Set the likelihood aside: what pulls q towards it?",
    ),
    Wrong(
        "entropy-forgotten",
        _weighed(entropy=lambda num, size: 0.0),
        "The entropy of q is missing. What keeps q from collapsing into a spike?",
    ),
    Wrong(
        "prior-and-entropy-forgotten",
        _weighed(prior=lambda num, size: 0.0, entropy=lambda num, size: 0.0),
        "That is the gradient of the likelihood alone. The ELBO has two terms more.",
    ),
    Wrong(
        "entropy-subtracted",
        _weighed(entropy=lambda num, size: -1.0),
        "ELBO = E[log likelihood] + E[log prior] **+** entropy. Which way does the entropy push "
        "the width of q?",
    ),
    Wrong(
        "prior-subtracted",
        _weighed(prior=lambda num, size: -1.0),
        "log p(z) is added to the log likelihood: the prior comes with a plus.",
        also=(_weighed(prior=lambda num, size: -1.0, entropy=lambda num, size: -1.0),),
    ),
    Wrong(
        "prior-shared-out",
        _weighed(prior=lambda num, size: size / num),
        "You give the batch its share of the prior, B/N. Average over all batches: the prior must "
        "count once in each.",
        also=(_weighed(prior=lambda num, size: size / num, entropy=lambda num, size: size / num),),
    ),
    Wrong(
        "repeated-rows-once",
        _weighed(rows=rows_once),
        "A row that was drawn twice counts twice: otherwise the batch has fewer than B rows, and "
        "N/B is not its weight.",
        also=(_weighed(rows=rows_by_a_mask),),
    ),
    Wrong(
        "whole-numbers-truncated",
        _named(into_integers),
        "With whole numbers in `lam`, an array made like it cuts off what you store in it. Give it "
        "`dtype=float`.",
    ),
)


# Right


def mean_times_num(
    lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array
) -> Any:
    return len(data) * np.mean(lik(lam, data[idx]), axis=0) + log_prior(lam) + log_q(lam)


def in_a_loop(lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array) -> Any:
    total = [float(p + h) for p, h in zip(log_prior(lam), log_q(lam), strict=True)]
    for i in idx:
        (row,) = lik(lam, data[i : i + 1])
        for j in range(len(lam)):
            total[j] += row[j] * len(data) / len(idx)
    return total


def shares(lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array) -> Any:
    """Each row brings its share of prior and entropy, 1/N of them."""
    rest = (log_prior(lam) + log_q(lam)) / len(data)
    return len(data) / len(idx) * np.sum(lik(lam, data[idx]) + rest, axis=0)


def by_counts(lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array) -> Any:
    """How often each row was drawn, over how often it is drawn on average."""
    weights = np.bincount(idx, minlength=len(data)) * len(data) / len(idx)
    return np.einsum("n,np->p", weights, lik(lam, data)) + log_prior(lam) + log_q(lam)


def single(lik: Any, log_prior: Any, log_q: Any, lam: Array, data: Array, idx: Array) -> Any:
    return np.float32(mean_times_num(lik, log_prior, log_q, lam, data, idx))


RIGHT = (
    Right("N times the mean", _named(mean_times_num)),
    Right("in a loop, a list", _named(in_a_loop)),
    Right("a share of the prior in each row", _named(shares)),
    Right("weights of all rows", _named(by_counts)),
    Right("single precision", _named(single)),
)

"""Typical answers to E10.4, `predictive_moments(f_mean, f_var_noise) -> (mean, var)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Part = Callable[[Array, Array], Any]
"""(f_mean (S, N), noise variances (S, N)) -> one of the results."""


def mean(f: Array, noise: Array) -> Array:
    return np.mean(f, axis=0)


def var(f: Array, noise: Array) -> Array:
    return np.mean(noise, axis=0) + np.var(f, axis=0)


def _named(function: Callable[..., Any]) -> Implementation:
    return {"predictive_moments": function}


def moments(
    variance: Part = var,
    centre: Part = mean,
    finish: Callable[[Any, Any], Any] = lambda m, v: (m, v),
) -> Implementation:
    """An answer with these parts changed; without arguments the right one."""

    def answer(f_mean: Array, f_var_noise: Any) -> Any:
        f = np.asarray(f_mean, float)
        noise = np.broadcast_to(np.asarray(f_var_noise, float), f.shape)
        return finish(centre(f, noise), variance(f, noise))

    return _named(answer)


solution = moments()["predictive_moments"]


def noise_averaged_over_points(f_mean: Array, f_var_noise: Any) -> Any:
    """np.mean(noise, axis=0) whatever its shape."""
    noise = np.asarray(f_var_noise, float)
    aleatoric = np.mean(noise, axis=0) if noise.ndim else noise
    return np.mean(f_mean, axis=0), aleatoric + np.var(f_mean, axis=0)


def noise_averaged_over_everything(f_mean: Array, f_var_noise: Any) -> Any:
    return np.mean(f_mean, axis=0), np.mean(f_var_noise) + np.var(f_mean, axis=0)


def fails_for_numbers(f_mean: Array, f_var_noise: Any) -> Any:
    return np.mean(f_mean, axis=0), f_var_noise.mean(axis=0) + np.var(f_mean, axis=0)


def fails_by_the_axis(f_mean: Array, f_var_noise: Any) -> Any:
    return np.mean(f_mean, axis=0), np.mean(f_var_noise, axis=0) + np.var(f_mean, axis=0)


def fails_row_by_row(f_mean: Array, f_var_noise: Any) -> Any:
    rows = [f_var_noise[s] for s in range(len(f_mean))]
    return np.mean(f_mean, axis=0), sum(rows) / len(rows) + np.var(f_mean, axis=0)


def stays_with_the_draws(f_mean: Array, f_var_noise: Any) -> Any:
    return np.mean(f_mean, axis=0), f_var_noise + np.var(f_mean, axis=0)


def one_pass(f: Array, noise: Array) -> Array:
    return np.mean(noise + f**2, axis=0) - np.mean(f, axis=0) ** 2


def in_whole_numbers(f_mean: Array, f_var_noise: Any) -> Any:
    m, v = solution(f_mean, f_var_noise)
    a, b = np.zeros_like(f_mean[0]), np.zeros_like(f_mean[0])
    a[:], b[:] = m, v
    return a, b


WRONG = (
    Wrong(
        "noise-forgotten",
        moments(lambda f, noise: np.var(f, axis=0)),
        "That is the variance of the *curves*, what we do not know about f. A fresh observation "
        "scatters about its curve as well: which part is missing?",
        also=(moments(lambda f, noise: np.var(f, axis=0, ddof=1)),),
    ),
    Wrong(
        "only-the-noise",
        moments(lambda f, noise: np.mean(noise, axis=0)),
        "That is the noise alone, as if the network were known. The draws of the weights disagree "
        "about f: by how much?",
    ),
    Wrong(
        "noise-sd-added",
        moments(lambda f, noise: np.mean(np.sqrt(noise), axis=0) + np.var(f, axis=0)),
        "You add a standard deviation to a variance. `f_var_noise` holds variances already; what "
        "are their units?",
        also=(moments(lambda f, noise: np.sqrt(np.mean(noise, axis=0)) + np.var(f, axis=0)),),
    ),
    Wrong(
        "noise-squared",
        moments(lambda f, noise: np.mean(noise**2, axis=0) + np.var(f, axis=0)),
        "`f_var_noise` holds *variances*. Squaring them would be right for sds.",
        also=(moments(lambda f, noise: np.mean(noise, axis=0) ** 2 + np.var(f, axis=0)),),
    ),
    Wrong(
        "sds-added",
        moments(lambda f, noise: (np.sqrt(np.mean(noise, axis=0)) + np.std(f, axis=0)) ** 2),
        "Standard deviations of independent parts do not add; their squares do.",
        also=(
            moments(lambda f, noise: np.sqrt(np.mean(noise, axis=0)) + np.std(f, axis=0)),
            moments(lambda f, noise: np.mean(noise, axis=0) + np.std(f, axis=0)),
        ),
    ),
    Wrong(
        "mean-of-the-sds",
        moments(lambda f, noise: np.mean(np.sqrt(noise), axis=0) ** 2 + np.var(f, axis=0)),
        "You average the noise's sds and square the average. The law of total variance averages "
        "the *variances*.",
        also=(moments(lambda f, noise: np.mean(np.sqrt(noise + np.var(f, axis=0)), axis=0) ** 2),),
    ),
    Wrong(
        "sd-returned",
        moments(lambda f, noise: np.sqrt(var(f, noise))),
        "That is the standard deviation. Asked is the variance.",
    ),
    Wrong(
        "over-the-points",
        moments(
            lambda f, noise: np.mean(noise, axis=1) + np.var(f, axis=1),
            lambda f, noise: np.mean(f, axis=1),
        ),
        "You average over the points. One row is one draw of the weights: which axis runs over "
        "the draws?",
        also=(moments(lambda f, noise: np.mean(noise, axis=-1) + np.var(f, axis=-1)),),
    ),
    Wrong(
        "everything-in-one-heap",
        moments(lambda f, noise: np.mean(noise) + np.var(f), lambda f, noise: np.mean(f)),
        "You reduce over draws *and* points, so that differences between the points count as "
        "uncertainty. One mean and one variance a point are asked for.",
        also=(
            moments(lambda f, noise: np.mean(noise, axis=0) + np.var(f)),
            moments(
                lambda f, noise: (np.mean(noise) + np.var(f)) * np.ones(f.shape[1]),
                lambda f, noise: np.mean(f) * np.ones(f.shape[1]),
            ),
        ),
    ),
    Wrong(
        "noise-averaged-over-points",
        _named(noise_averaged_over_points),
        "With noise variances of shape (N,), one a point, `np.mean(..., axis=0)` averages over "
        "the *points*. Only an (S, N) array has draws to average over.",
        also=(_named(noise_averaged_over_everything),),
    ),
    Wrong(
        "no-numbers-as-noise",
        _named(fails_for_numbers),
        "`f_var_noise` may also be a number, or (N,), and then it has no axis of draws. "
        "`np.broadcast_to(f_var_noise, f_mean.shape)` treats the three alike.",
        also=(
            _named(fails_by_the_axis),
            _named(fails_row_by_row),
            _named(stays_with_the_draws),
        ),
    ),
    Wrong(
        "variance-of-the-mean",
        moments(lambda f, noise: np.mean(noise, axis=0) + np.var(f, axis=0) / len(f)),
        "You divide the spread of the draws by their number. That is the error of the *average*, "
        "and would vanish with more draws; what we do not know about f would not.",
        also=(moments(lambda f, noise: var(f, noise) / len(f)),),
    ),
    Wrong(
        "noise-summed",
        moments(lambda f, noise: np.sum(noise, axis=0) + np.var(f, axis=0)),
        "With twice as many draws the noise in your variance doubles: average it.",
    ),
    Wrong(
        "spread-of-the-noise",
        moments(lambda f, noise: np.var(noise, axis=0) + np.var(f, axis=0)),
        "You take the variance *of the noise variances*. The law of total variance has their mean.",
    ),
    Wrong(
        "not-centred",
        moments(lambda f, noise: np.mean(noise + f**2, axis=0)),
        "That is E[y²]. Subtract the square of the mean: at a point far from 0 all draws may "
        "agree.",
    ),
    Wrong(
        "one-pass-formula",
        moments(one_pass),
        "E[y²] − E[y]² is right on paper. With means of a million it subtracts numbers that agree "
        "in 12 digits: subtract the mean first, then square.",
    ),
    Wrong(
        "divided-by-one-less",
        moments(lambda f, noise: np.mean(noise, axis=0) + np.var(f, axis=0, ddof=1)),
        "With two draws ddof = 1 doubles the spread, and with one it is 0/0. The prediction is "
        "the mixture of these S Gaussians: divide by S.",
    ),
    Wrong(
        "median-returned",
        moments(centre=lambda f, noise: np.median(f, axis=0)),
        "That is the median of the draws. Asked is the mean.",
    ),
    Wrong(
        "precisions-averaged",
        moments(lambda f, noise: 1.0 / np.mean(1.0 / noise, axis=0) + np.var(f, axis=0)),
        "You average precisions. That is right for a product of Gaussians; here one of the S "
        "Gaussians is picked at random, and their variances are averaged.",
    ),
    Wrong(
        "order-swapped",
        moments(finish=lambda m, v: (v, m)),
        "The two results came in the other order: first `mean`, then `var`.",
    ),
    Wrong(
        "whole-numbers-truncated",
        _named(in_whole_numbers),
        "For whole numbers your result is cut to whole numbers: an array made by `zeros_like` "
        "inherits the type of its model.",
    ),
)


# Right


def by_loops(f_mean: Array, f_var_noise: Any) -> list[list[float]]:
    num, points = f_mean.shape
    noise = np.broadcast_to(f_var_noise, f_mean.shape)
    means, variances = [], []
    for n in range(points):
        centre = sum(float(f) for f in f_mean[:, n]) / num
        inside = sum(
            float(v) + (float(f) - centre) ** 2
            for f, v in zip(f_mean[:, n], noise[:, n], strict=True)
        )
        means.append(centre)
        variances.append(inside / num)
    return [means, variances]


def by_shifted_second_moments(f_mean: Array, f_var_noise: Any) -> dict[str, Array]:
    shift = f_mean[0]
    g = f_mean - shift
    first = np.einsum("sn->n", 1.0 * g) / len(g)
    second = np.mean(f_var_noise + g**2, axis=0)
    return {"mean": shift + first, "var": second - first**2}


def unbiased_with_many_draws(f_mean: Array, f_var_noise: Any) -> Any:
    num = len(f_mean)
    noise = np.mean(f_var_noise + 0.0 * f_mean, axis=0)
    return np.mean(f_mean, axis=0), noise + np.var(f_mean, axis=0, ddof=1 if num >= 50 else 0)


def in_single_precision(f_mean: Array, f_var_noise: Any) -> Any:
    m, v = solution(f_mean, f_var_noise)
    return m.astype(np.float32), v.astype(np.float32)


RIGHT = (
    Right("loops and lists", _named(by_loops)),
    Right("shifted second moments, a dict", _named(by_shifted_second_moments)),
    Right("divided by S - 1 with many draws", _named(unbiased_with_many_draws)),
    Right("single precision", _named(in_single_precision)),
)

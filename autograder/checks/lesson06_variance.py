"""Checks of E6.5, `gradient_variance(estimator, num_rep, rng)`, on estimators that give numbers.

An estimator that reads its estimates from a table does not look at the generator, so every way of
using the generator gives the same number. Where noise is drawn, other uses than one call after the
other (spawned generators, say) are judged by the chi-square distribution of a sample variance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from autograder.checks.compare import array, close, require
from autograder.checks.lesson05_cases import exactly_or_in_expectation
from autograder.checks.protocol import Part, Recorder
from autograder.checks.values import build, generator, made
from vi_lib import pathwise

Array = Any
Rng = np.random.Generator

_INPUTS = "autograder.checks.inputs."
CHI_ALPHA = 1e-6
"""False-alarm rate of one test of variances, all coordinates and estimators together."""


def _variance(answer: Recorder, estimator: Any, num_rep: int, seed: int) -> Any:
    return answer.call("gradient_variance", estimator, num_rep, generator(seed))


def _of_a_table(answer: Recorder, rows: Array, num_rep: int, what: str) -> None:
    """The table has more rows than are asked for, so that other rows give other numbers."""
    estimator = made(_INPUTS + "table_estimator", rows)
    want = np.var(rows[:num_rep].astype(float), axis=0, ddof=1)
    close(_variance(answer, estimator, num_rep, 1), want, what)


def _table(rng: Rng, num: int, size: int) -> Array:
    spread = np.array([0.5, 2.0, 7.0, 1.3])[:size]
    return rng.uniform(2.0, 4.0, size) + spread * rng.standard_normal((num, size))


def _values(answer: Recorder, rng: Rng) -> None:
    for num_rep, size in ((7, 3), (12, 2)):
        what = f"the variances of {num_rep} estimates of {size} parameters"
        _of_a_table(answer, _table(rng, 4 * num_rep, size), num_rep, what)


def _edges(answer: Recorder, rng: Rng) -> None:
    _of_a_table(answer, _table(rng, 9, 1), 2, "the variance of 2 estimates of one parameter")
    whole = np.array([[3, -2], [4, 5], [-1, 1], [0, 9], [7, -5], [0, 0], [5, 2]])
    _of_a_table(answer, whole, 4, "the variances of 4 estimates that are whole numbers")
    far = 1e7 + _table(rng, 15, 2)
    estimator = made(_INPUTS + "table_estimator", far)
    want = np.var(far[:5], axis=0, ddof=1)
    what = "the variances of 5 estimates near 1e7"
    close(_variance(answer, estimator, 5, 1), want, what, rtol=1e-6)


def _fresh_noise(answer: Recorder, rng: Rng) -> None:
    mean, sd = rng.uniform(1.0, 2.0, 3), rng.uniform(0.4, 2.0, 3)
    estimator = made(_INPUTS + "gaussian_estimator", mean, sd)
    seeds = [int(seed) for seed in rng.integers(1, 2**31, 2)]

    def exact() -> None:
        for seed in seeds:
            want = pathwise.gradient_variance(build(estimator), 30, build(generator(seed)))
            close(
                _variance(answer, estimator, 30, seed), want, "the variances of 30 noisy estimates"
            )

    def otherwise() -> None:
        num_rep = 2000
        found = [array(_variance(answer, estimator, num_rep, s), "the variances") for s in seeds]
        require(found[0].shape == (3,), f"expected 3 variances, got shape {found[0].shape}.")
        require(bool(np.all(found[0] != found[1])), "another `rng` must give other noise.")
        for ours in found:
            _chi_square(ours / sd**2, num_rep, CHI_ALPHA / 6)

    exactly_or_in_expectation(exact, otherwise)


def _chi_square(ratio: Array, num_rep: int, alpha: float) -> None:
    low, high = stats.chi2(num_rep - 1).ppf([alpha / 2, 1.0 - alpha / 2]) / (num_rep - 1)
    require(
        bool(np.all((low < ratio) & (ratio < high))),
        f"the variances over {num_rep} repetitions, as multiples of the exact ones: expected "
        f"1 to within sampling error, got {np.round(ratio, 3)}.",
    )


def _race(answer: Recorder, rng: Rng) -> None:
    """On lesson 5's regression at the best q: path < total < score, in dL/dmu_0 and dL/dmu_1."""
    found = {}
    for name in ("path", "total", "score"):
        estimator = made(_INPUTS + "regression_gradient", name)
        seed = int(rng.integers(1, 2**31))
        variances = array(_variance(answer, estimator, 300, seed), "the variances")
        require(
            variances.shape == (4,),
            f"the variances of an estimator with 4 parameters: expected 4 numbers, "
            f"got {variances.size}.",
        )
        found[name] = variances[:2].astype(float)
    # Exactly 333, 833 and 13967 for mu_0. Factors of 1.5 and 3 are 4 and 9 standard errors of
    # the first two, and the third has heavy tails: it may come out at half or twice its value.
    path, total, score = (found[name] for name in ("path", "total", "score"))
    listed = ", ".join(f"{name} {values[0]:.4g}" for name, values in found.items())
    require(
        bool(np.all((path < total) & (total < score)) and 150.0 < path[0] < 700.0),
        f"on the regression, variances of dL/dmu_0: expected about 333 for the path derivative, "
        f"833 for the total derivative, 13967 for the score function, got {listed}.",
    )


VARIANCE_PARTS = (
    Part("variance of each parameter", 2.0, _values),
    Part("two repetitions, whole numbers, a large mean", 1.0, _edges),
    Part("noise from the given rng", 1.0, _fresh_noise, false_alarm=CHI_ALPHA),
    Part("the race on the regression", 1.0, _race, false_alarm=CHI_ALPHA),
)

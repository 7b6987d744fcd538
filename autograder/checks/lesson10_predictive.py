"""Checks of E10.4, `predictive_moments(f_mean, f_var_noise) -> (mean, var)`: exact.

The variance of the draws may be divided by S or, from 50 draws on, by S - 1. Whether the band
deserves its name is asked of a model whose posterior is known: draws with exactly its moments, and
2000 fresh observations at the quantiles of the exact predictive distribution, so that 1800 of them
lie in the right 90 % band, whatever the seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from autograder.checks.bank import e10_4
from autograder.checks.compare import Mismatch, array, close, require, unpack
from autograder.checks.protocol import Part, Recorder
from autograder.checks.slips import looking_up, nth
from vi_lib.amortised import predictive_moments
from vi_lib.oracles import LinearRegression

Array = Any
Rng = np.random.Generator

MOMENTS = "predictive_moments"
NAMES = ("mean", "var")
MANY = 50
"""From so many draws on both denominators are accepted."""
FRESH = 2000
COVERED = (0.866, 0.934)
"""Five standard errors about 90 % with 2000 observations."""


def _call(answer: Recorder, f_mean: Array, noise: Array) -> tuple[Any, ...]:
    """Both results; one number a draw where one a point is asked for is a mistake by its shape."""
    found = unpack(answer.call(MOMENTS, f_mean, noise), NAMES, f"`{MOMENTS}`")
    num, points = f_mean.shape
    for name, value in zip(NAMES, found, strict=True):
        if array(value, f"`{name}`").shape == (num,) and num != points:
            raise Mismatch(
                f"`{name}`: expected an array of shape ({points},), one number a point, got one of "
                f"shape ({num},), one number a draw.",
                name="over-the-points",
            )
    return found


def _draws(rng: Rng, num: int, points: int) -> Array:
    """f_mean (num, points): at each point a mean and a spread of its own, away from 1."""
    spread = rng.permutation(np.where(np.arange(points) % 2 == 0, 0.6, 1.6))
    centre = rng.choice([-1.0, 1.0], points) * rng.uniform(1.0, 3.0, points)
    return centre + spread * rng.standard_normal((num, points))


def _noise(rng: Rng, *shape: int) -> Array:
    """Variances, above and below 1."""
    return np.where(rng.random(shape) < 0.5, 0.4, 1.9) * rng.uniform(0.8, 1.2, shape)


def _variance(got: Any, f_mean: Array, noise: Array, what: str) -> None:
    """Divided by S, or by S - 1 if there are many draws; the first is what a student is told."""
    want = predictive_moments(f_mean, noise)[1]
    try:
        close(got, want, what)
    except Mismatch as mismatch:
        num = len(f_mean)
        if num < MANY:
            raise
        try:
            close(got, want + np.var(f_mean, axis=0) / (num - 1), what)
        except Mismatch:
            raise mismatch from None


def mean_over_draws(answer: Recorder, rng: Rng) -> None:
    """The mean at each point."""
    f_mean = _draws(rng, 60, 3)
    with looking_up(answer, e10_4.WRONG, nth(0, NAMES)):
        found = _call(answer, f_mean, _noise(rng, 60, 3))[0]
        close(found, np.mean(f_mean, axis=0), "`mean` at 3 points from 60 draws")


def variance_of_the_mixture(answer: Recorder, rng: Rng) -> None:
    """Both parts of the variance, with a noise variance for each draw and point."""
    f_mean, noise = _draws(rng, 60, 3), _noise(rng, 60, 3)
    with looking_up(answer, e10_4.WRONG, nth(1, NAMES)):
        found = _call(answer, f_mean, noise)[1]
        _variance(found, f_mean, noise, "`var` at 3 points from 60 draws")


def one_noise_for_all_draws(answer: Recorder, rng: Rng) -> None:
    """A number, and one variance a point."""
    f_mean = _draws(rng, 55, 4)
    for noise, what in (
        (float(_noise(rng, 1)[0]), "with one noise variance, a number"),
        (rng.permutation(np.array([0.2, 0.5, 1.4, 2.5])), "with a noise variance for each point"),
    ):
        with looking_up(answer, e10_4.WRONG, nth(1, NAMES)):
            _variance(_call(answer, f_mean, noise)[1], f_mean, noise, f"`var` {what}")


def few_draws_and_large_numbers(answer: Recorder, rng: Rng) -> None:
    """A single draw, two draws, whole numbers, and means of a million; always (S, N) variances."""
    large = 1e6 + rng.standard_normal((60, 3))
    cases = (
        (_draws(rng, 1, 3), _noise(rng, 1, 3), "from a single draw, which has no spread"),
        (_draws(rng, 2, 3), _noise(rng, 2, 3), "from two draws"),
        (np.array([[1, 4], [2, 2], [6, 3], [0, 1]]), np.array([[1, 2]] * 4), "of whole numbers"),
        (large, np.full((60, 3), 0.5), "where the means are a million"),
    )
    # Everything is on record before anything is compared: a NaN alone tells no slips apart.
    found = [_call(answer, f_mean, noise) for f_mean, noise, _ in cases]
    for (f_mean, noise, what), (mean, var) in zip(cases, found, strict=True):
        with looking_up(answer, e10_4.WRONG, nth(0, NAMES)):
            close(mean, np.mean(f_mean, axis=0), f"`mean` {what}")
        with looking_up(answer, e10_4.WRONG, nth(1, NAMES)):
            _variance(var, f_mean, noise, f"`var` {what}")


def exact_case(rng: Rng) -> tuple[Array, float, Array]:
    """Means of S draws of an exact posterior at fresh inputs (S, 2000), noise variance, fresh y."""
    noise_sd = float(rng.uniform(0.6, 0.8))
    x = np.linspace(-1.0, 1.0, 6)
    X = np.stack([np.ones(6), x], axis=1)
    beta = rng.choice([-1.0, 1.0], 2) * rng.uniform(0.5, 1.0, 2)
    model = LinearRegression(X, X @ beta + noise_sd * rng.standard_normal(6), 1.0, noise_sd)
    z = rng.standard_normal((100, 2))
    z -= z.mean(axis=0)
    z = np.linalg.solve(np.linalg.cholesky(z.T @ z / 100.0), z.T).T
    weights = model.mean + z @ np.linalg.cholesky(model.cov).T
    fresh = np.stack([np.ones(FRESH), rng.uniform(-2.0, 2.0, FRESH)], axis=1)
    sd = np.sqrt(noise_sd**2 + np.sum((fresh @ model.cov) * fresh, axis=1))
    levels = rng.permutation((np.arange(FRESH) + 0.5) / FRESH)
    return weights @ fresh.T, noise_sd**2, fresh @ model.mean + sd * special.ndtri(levels)


def coverage_of_an_exact_band(answer: Recorder, rng: Rng) -> None:
    """How many of 2000 fresh observations lie in mean ± 1.645 sqrt(var)."""
    f_mean, noise, y = exact_case(rng)
    found = zip(_call(answer, f_mean, np.full(f_mean.shape, noise)), NAMES, strict=True)
    mean, var = (array(value, f"`{name}`") for value, name in found)
    for name, came in (("mean", mean), ("var", var)):
        require(
            came.shape == (FRESH,),
            f"`{name}`: expected an array of shape ({FRESH},), got one of shape {came.shape}.",
        )
    require(bool(np.all(var > 0)), "`var`: expected positive numbers, got some that are not.")
    inside = float(np.mean(np.abs(y - mean) <= special.ndtri(0.95) * np.sqrt(var)))
    require(
        COVERED[0] <= inside <= COVERED[1],
        f"your 90 % band from the exact posterior: expected 90 % of {FRESH} fresh observations "
        f"inside, got {100.0 * inside:.1f} %.",
        expected=0.9,
        got=inside,
    )


MOMENT_PARTS = (
    Part("mean", 1.0, mean_over_draws),
    Part("variance", 2.0, variance_of_the_mixture),
    Part("one noise variance for all draws", 1.0, one_noise_for_all_draws),
    Part("few draws, whole numbers, large means", 1.0, few_draws_and_large_numbers),
    Part("a 90 % band holds 90 %", 1.0, coverage_of_an_exact_band),
)

"""Predictive moments, bands and their calibration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vi_lib._check import ShapeError
from vi_lib.amortised import (
    calibration_curve,
    coverage,
    gaussian_band,
    growing_noise,
    predictive_band,
    predictive_moments,
    tilted_wave,
    variance_split,
)

S, N = 4, 3


def draws(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, (S, N)), rng.uniform(0.1, 3, (S, N))


def test_moments_are_those_of_the_mixture():
    """Second moments of the S Gaussians, averaged: no law of total variance in sight."""
    f, var = draws()
    mean, variance = predictive_moments(f, var)
    np.testing.assert_allclose(mean, f.mean(axis=0), rtol=1e-13)
    second = np.mean(var + f**2, axis=0)
    np.testing.assert_allclose(variance, second - f.mean(axis=0) ** 2, rtol=1e-12)


@pytest.mark.parametrize("noise", [0.5, np.array([0.1, 0.2, 0.3]), np.full((S, 1), 0.5)])
def test_noise_may_be_a_number_or_depend_on_x_or_on_the_draw(noise):
    f, _ = draws()
    full = np.broadcast_to(noise, (S, N)).copy()
    for got, want in zip(predictive_moments(f, noise), predictive_moments(f, full), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13)
        assert got.shape == (N,)


def test_split_names_the_parts():
    f, var = draws()
    split = variance_split(f, var)
    np.testing.assert_allclose(split.aleatoric, var.mean(axis=0))
    np.testing.assert_allclose(split.epistemic, f.var(axis=0))
    certain = variance_split(np.tile(f[0], (S, 1)), var)
    np.testing.assert_allclose(certain.epistemic, 0.0)


def test_bands_are_quantiles_of_the_predictive_draws():
    rng = np.random.default_rng(1)
    f, eps = rng.normal(0, 2, (500, N)), rng.standard_normal((500, N))
    low, high = predictive_band(f, 0.5, eps, 0.8)
    y = f + 0.5 * eps
    np.testing.assert_allclose(low, np.percentile(y, 10, axis=0))
    np.testing.assert_allclose(high, np.percentile(y, 90, axis=0))


def test_gaussian_band_holds_its_mass():
    mean, var = np.array([1.0, -2.0]), np.array([4.0, 0.25])
    low, high = gaussian_band(mean, var, 0.9)
    inside = stats.norm.cdf(high, mean, np.sqrt(var)) - stats.norm.cdf(low, mean, np.sqrt(var))
    np.testing.assert_allclose(inside, 0.9, rtol=1e-12)


@pytest.mark.parametrize("generator", [growing_noise, tilted_wave])
def test_the_true_model_s_band_covers_what_it_says(generator):
    """2000 fresh points: 5 sd of a binomial fraction at .9 are .034, false alarm 6e-7 each."""
    data = generator(np.random.default_rng(2), 2000)
    low, high = gaussian_band(data["mean"], data["sd"] ** 2, 0.9)
    inside, se = coverage(data["y"], low, high)
    assert 0.866 < inside < 0.934
    assert se == pytest.approx(np.sqrt(inside * (1 - inside) / 2000))
    # Half of the variance is noticed.
    low, high = gaussian_band(data["mean"], data["sd"] ** 2 / 2, 0.9)
    assert coverage(data["y"], low, high)[0] < 0.866


def test_generators_hold_their_formulas():
    data = growing_noise(np.random.default_rng(3), 20_000)
    assert (data["x"].min() > -20, data["x"].max() < 60) == (True, True)
    np.testing.assert_allclose(
        data["mean"], 0.125 * data["x"] * (1 + np.sin(data["x"])) + 5, rtol=1e-13
    )
    np.testing.assert_allclose(data["sd"], 3 * (0.25 + ((data["x"] + 20) / 80) ** 2), rtol=1e-13)
    assert data["sd"].min() == pytest.approx(0.75, abs=0.01)
    wave = tilted_wave(np.random.default_rng(3), 20_000, noise_sd=2.0, reach=4.0)
    assert stats.kstest(wave["x"], stats.uniform(-4.0, 8.0).cdf).pvalue > 1e-6
    np.testing.assert_allclose(wave["mean"], 7 * np.sin(0.75 * wave["x"]) + wave["x"] / 2)
    for d in (data, wave):  # standardised residuals: Kolmogorov-Smirnov at 1e-6
        assert stats.kstest((d["y"] - d["mean"]) / d["sd"], "norm").pvalue > 1e-6


def test_calibration_curve_of_the_truth_is_the_diagonal_and_of_small_sds_below():
    """Dvoretzky-Kiefer-Wolfowitz: sup |F_N - F| > .06 at N = 2000 has rate 2 exp(-14.4) = 1e-6."""
    data = growing_noise(np.random.default_rng(4), 2000)
    f = np.tile(data["mean"], (3, 1))
    levels, inside = calibration_curve(data["y"], f, data["sd"])
    assert levels.shape == inside.shape == (19,)
    assert np.max(np.abs(inside - levels)) < 0.06
    _, narrow = calibration_curve(data["y"], f, data["sd"] / 2)
    assert np.all(narrow[:-1] < levels[:-1] - 0.02)
    _, wide = calibration_curve(data["y"], f, 2 * data["sd"])
    assert np.all(wide > levels)


def test_calibration_uses_the_mixture_not_its_moments():
    """Two components at ±5: values near 0 lie inside each central band but that of the mixture."""
    f = np.array([[-5.0], [5.0]])
    _, inside = calibration_curve(np.array([5.0]), f, 0.1, np.array([0.45, 0.55]))
    np.testing.assert_array_equal(inside, [0.0, 1.0])  # 5 is the .75 quantile


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: predictive_moments(np.ones(3), 1.0), ShapeError, r"f_mean must have shape \(S, N"),
        (lambda: predictive_moments(np.ones((4, 3)), np.ones(4)), ShapeError, r"got \(4,\)"),
        (lambda: predictive_moments(np.ones((4, 3)), -1.0), ValueError, "not be negative"),
        (lambda: gaussian_band(0.0, 1.0, 90), ValueError, r"level must be in \(0, 1\), got 90"),
        (
            lambda: predictive_band(np.ones((4, 3)), 1.0, np.ones(3)),
            ShapeError,
            r"eps must have shape \(4, 3\)",
        ),
        (lambda: coverage(np.ones(3), np.ones(2), np.ones(3)), ShapeError, "low must have"),
        (
            lambda: calibration_curve(np.ones(3), np.ones((2, 3)), 1.0, np.array([1.0])),
            ValueError,
            "level must be in",
        ),
        (lambda: calibration_curve(np.ones(2), np.ones((2, 3)), 1.0), ShapeError, "y must have"),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

"""Bounds against exact divergences between Gaussians."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from vi_lib import NonFiniteError, ShapeError
from vi_lib.diagnostics import cubo, error_bounds


def weighted_draws(num=200_000):
    """Quantiles of N(0, 1): averages over them are integrals, without Monte Carlo error."""
    return stats.norm.ppf((np.arange(num) + 0.5) / num)


@pytest.mark.parametrize(("mean", "sd"), [(0.3, 0.8), (-0.5, 0.95), (0.0, 0.5)])
def test_bounds_hold_and_have_the_size_of_the_formula(mean, sd):
    z = weighted_draws()
    log_w = stats.norm(mean, sd).logpdf(z) - stats.norm.logpdf(z) + 5.0
    found = error_bounds(log_w, z[:, None], log_evidence=5.0)
    ratio = lambda t: stats.norm(mean, sd).pdf(t) ** 2 / stats.norm.pdf(t)  # noqa: E731
    d2 = math.log(integrate.quad(ratio, -12, 12, epsabs=1e-13)[0])
    np.testing.assert_allclose(found.d2, d2, rtol=1e-3)
    w2 = math.hypot(mean, sd - 1.0)  # of two normals, exactly
    assert found.mean_error[0] >= abs(mean)
    assert found.w2 >= w2
    assert found.w1 >= abs(mean)
    # Without the evidence the divergence is bounded from above.
    assert error_bounds(log_w, z[:, None]).d2 >= d2


def test_elbo_evidence_cubo_are_in_order():
    z = weighted_draws()
    log_w = stats.norm(0.4, 0.7).logpdf(z) - stats.norm.logpdf(z) - 3.0
    assert np.mean(log_w) < -3.0 < cubo(log_w) < cubo(log_w, 3.0)
    np.testing.assert_allclose(cubo(log_w, 1.0), -3.0, atol=1e-6)


def test_values_are_their_formulas():
    rng = np.random.default_rng(4)
    z, log_w = rng.normal(3.0, 0.5, size=(40, 2)), 0.3 * rng.normal(size=40)
    found = error_bounds(log_w, z)
    chi2 = np.mean(np.exp(2 * log_w)) / np.exp(2 * np.mean(log_w)) - 1.0
    distance = np.linalg.norm(z - z.mean(axis=0), axis=1)
    np.testing.assert_allclose(found.chi**2, chi2, rtol=1e-12)
    np.testing.assert_allclose(found.mean_error, z.std(axis=0) * chi2**0.5, rtol=1e-12)
    np.testing.assert_allclose(found.w1**2, np.mean(distance**2) * chi2, rtol=1e-12)
    np.testing.assert_allclose(found.w2**4, 4.0 * np.mean(distance**4) * chi2, rtol=1e-12)


def test_nothing_to_bound_where_q_is_p():
    z = np.random.default_rng(0).normal(size=(100, 3))
    found = error_bounds(np.full(100, -4.2), z)
    assert found.d2 == found.chi == found.w1 == found.w2 == 0.0
    assert found.khat == -math.inf


def test_hopeless_weights_give_an_infinite_bound():
    z = np.random.default_rng(1).normal(size=(100, 1))
    found = error_bounds(np.linspace(-2000.0, 0.0, 100), z)
    assert found.chi == math.inf
    assert found.khat > 0.7


def test_bad_input():
    with pytest.raises(ShapeError, match=r"log_w must have shape \(30,\), got \(29,\)"):
        error_bounds(np.zeros(29), np.zeros((30, 2)))
    with pytest.raises(NonFiniteError, match="log_w must be finite"):
        error_bounds(np.r_[np.zeros(29), -np.inf], np.zeros((30, 2)))
    with pytest.raises(ValueError, match="order must be at least 1"):
        cubo(np.zeros(3), 0.5)

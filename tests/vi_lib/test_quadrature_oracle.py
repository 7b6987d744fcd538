"""Quadrature against closed forms, and against adaptive integration where there is none."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from scipy import integrate

from vi_lib import NonFiniteError, ShapeError, densities
from vi_lib.oracles import LinearRegression, NormalMeanSd, Quadrature

RNG = onp.random.default_rng(5)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.slow
def test_gaussian_posterior(dim):
    X, y = RNG.normal(size=(8, dim)), RNG.normal(size=8)
    exact = LinearRegression(X, y, 3.0, 0.7)
    got = Quadrature(exact.log_joint, onp.zeros(dim))
    assert got.log_evidence == pytest.approx(exact.log_evidence, abs=1e-10)
    onp.testing.assert_allclose(got.mean, exact.mean, rtol=1e-8)
    onp.testing.assert_allclose(got.cov, exact.cov, rtol=1e-8, atol=1e-12)
    onp.testing.assert_allclose(got.sd, exact.sd, rtol=1e-8)
    assert got.relative_error < 1e-9


def test_skewed_posterior_in_two_coordinates():
    """Mean and log sd of a normal, whose evidence and moments another route gives."""
    oracle = NormalMeanSd(onp.array([0.3, 1.9, -0.4, 0.8, 1.1]))

    def log_p(zeta):  # sd = exp(zeta_1)
        theta = np.concatenate([zeta[..., :1], np.exp(zeta[..., 1:])], axis=-1)
        return oracle.log_joint(theta) + zeta[..., 1]

    got = Quadrature(log_p, onp.zeros(2), reach=14.0)
    assert got.log_evidence == pytest.approx(oracle.log_evidence, abs=1e-8)
    assert got.relative_error < 1e-7
    onp.testing.assert_allclose(
        got.expectation(lambda z: onp.column_stack([z[:, 0], onp.exp(z[:, 1])])),
        oracle.mean,
        rtol=1e-7,
    )


def test_logistic_regression_in_one_coordinate():
    x, y = onp.array([-1.0, 0.3, 2.0]), onp.array([0.0, 1.0, 1.0])

    def log_p(theta):
        return np.sum(densities.bernoulli_logits(y, theta * x), axis=-1) + densities.normal(
            theta[..., 0], 0.0, 2.0
        )

    got = Quadrature(log_p, onp.zeros(1))
    mass = integrate.quad(lambda t: float(onp.exp(log_p(onp.array([[t]]))[0])), -25, 25)[0]
    assert got.log_evidence == pytest.approx(onp.log(mass), abs=1e-9)


def test_a_grid_too_coarse_for_the_density_says_so():
    spikes = Quadrature(lambda t: -0.5 * t[..., 0] ** 2 - 60.0 * np.sin(70.0 * t[..., 0]) ** 2,
                        onp.zeros(1), reach=700.0)  # fmt: skip
    assert spikes.relative_error > 1e-3


def test_bad_input():
    with pytest.raises(ShapeError, match="1 to 3 coordinates, got 4"):
        Quadrature(lambda t: -np.sum(t**2, axis=-1), onp.zeros(4))
    with pytest.raises(NonFiniteError, match="no maximum"):
        Quadrature(lambda t: 0.0 * t[..., 0], onp.zeros(1)).mean  # noqa: B018
    with pytest.raises(NonFiniteError, match="start must be finite"):
        Quadrature(lambda t: t[..., 0], onp.array([onp.inf]))

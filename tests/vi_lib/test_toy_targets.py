"""Funnel, banana and mixture: normalised, with the moments they claim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from vi_lib import NonFiniteError, ShapeError, SupportError
from vi_lib.oracles import Banana, Funnel, GaussianMixture, two_modes

MIXTURE = GaussianMixture(
    np.array([2.0, 1.0, 1.0]),
    np.array([[0.0, 1.0], [3.0, -1.0], [-2.0, 0.5]]),
    np.array([[0.5, 1.0], [1.0, 0.3], [0.7, 0.7]]),
)
TARGETS = {
    "funnel": Funnel(2, 1.0),
    "banana": Banana(0.5, 1.5),
    "mixture": MIXTURE,
    "narrow funnel": Funnel(2, 0.3),
}


@pytest.mark.parametrize("name", TARGETS)
def test_integrates_to_one_with_these_moments(name):
    """Gauss-Legendre in both directions, the inner one in a window that follows the outer point."""
    target = TARGETS[name]
    nodes, weights = np.polynomial.legendre.leggauss(400)
    x = target.mean[0] + 12.0 * target.sd[0] * nodes
    centre, width = np.zeros(400), np.full(400, 12.0)
    if isinstance(target, Funnel):
        width = 12.0 * np.exp(0.5 * x)
    if isinstance(target, Banana):
        centre = target.curvature * (x**2 - target.scale**2)
    theta = np.stack([np.tile(x[:, None], 400), centre[:, None] + width[:, None] * nodes], axis=-1)
    volume = 12.0 * target.sd[0] * weights[:, None] * width[:, None] * weights
    mass = np.exp(target.log_joint(theta)) * volume

    assert mass.sum() == pytest.approx(math.exp(target.log_evidence), rel=1e-9)
    mean = np.einsum("ij,ijd->d", mass, theta)
    np.testing.assert_allclose(mean, target.mean, atol=1e-9)
    second = np.einsum("ij,ijd,ije->de", mass, theta, theta)
    np.testing.assert_allclose(second - np.outer(mean, mean), target.cov, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(target.sd**2, np.diagonal(target.cov), rtol=1e-12)


@pytest.mark.parametrize("name", TARGETS)
def test_draws_have_the_moments(name):
    """z-tests of first and second moments, Bonferroni at 1e-6."""
    target = TARGETS[name]
    draws = target.sample(np.random.default_rng(0), 100_000)
    assert draws.shape == (100_000, 2)
    centred = draws - target.mean
    products = np.column_stack([centred, centred**2, centred[:, 0] * centred[:, 1]])
    exact = np.r_[0.0, 0.0, np.diagonal(target.cov), target.cov[0, 1]]
    z = (products.mean(axis=0) - exact) / (products.std(axis=0) / math.sqrt(len(draws)))
    assert np.all(np.abs(z) < stats.norm.isf(1e-6 / 10))


def test_the_deep_neck_is_finite():
    value = Funnel(10).log_joint(np.r_[-80.0, np.full(9, 1e-10)])
    assert np.isfinite(value)
    assert Funnel(10).sd[1] == pytest.approx(math.exp(9.0 / 4.0))


def test_two_modes_far_apart():
    target = two_modes(80.0, 0.1)
    want = math.log(0.5) + stats.norm(40.0, 0.1).logpdf(40.1)
    assert target.log_joint(np.array([40.1])) == pytest.approx(want)
    assert target.mean[0] == 0.0
    assert target.sd[0] == pytest.approx(math.hypot(40.0, 0.1))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Funnel(1), ValueError, "dim >= 2, got 1"),
        (lambda: Funnel(2, -1.0), SupportError, "scale must be positive"),
        (lambda: Banana(math.nan), NonFiniteError, "curvature"),
        (lambda: Banana(scale=0.0), SupportError, "scale"),
        (lambda: two_modes(1.0, 1.0, 1.5), SupportError, "weights must be positive"),
        (
            lambda: GaussianMixture(np.ones(2), np.zeros((3, 1)), np.ones((3, 1))),
            ShapeError,
            r"weights must have shape \(3,\)",
        ),
        (lambda: Banana().log_joint(np.zeros(3)), ShapeError, r"\(\.\.\., 2\)"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()

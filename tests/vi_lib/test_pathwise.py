"""Pathwise gradients term by term: against the estimators, in expectation, at the optimum."""

from __future__ import annotations

import numpy as np
import pytest
from autograd import elementwise_grad

from vi_lib import datasets
from vi_lib.estimators import per_draw_gradients, reparam, reparam_entropy, score, score_cv, stl
from vi_lib.families import MeanField
from vi_lib.oracles import CorrelatedGaussian, LinearRegression
from vi_lib.pathwise import (
    gradient_variance,
    path_derivative_gradient,
    reparameterization_gradient,
)

LINE = datasets.load("line_5")
LINE_MODEL = LinearRegression(np.column_stack([np.ones(5), LINE["x"]]), LINE["y"], 10.0, 0.1)
TARGET = CorrelatedGaussian(np.array([0.4, -1.0]), np.array([[1.2, 0.5], [0.5, 0.8]]))
MU, SD = np.array([0.1, 0.3]), np.array([0.4, 1.7])


def slope(model):
    return elementwise_grad(model.log_joint)


@pytest.mark.parametrize(
    ("function", "estimators"),
    [
        (reparameterization_gradient, (reparam, reparam_entropy)),
        (path_derivative_gradient, (stl,)),
    ],
)
def test_gradients_are_those_of_the_estimators(function, estimators):
    """In sd, the estimators' parameter being log sd."""
    eps = np.random.default_rng(0).standard_normal((7, 2))
    g_mu, g_sd = function(slope(TARGET), MU, SD, eps)
    q = MeanField(2)
    for estimator in estimators:
        rows = per_draw_gradients(estimator, q.init(MU, SD), TARGET.log_joint, q, eps)
        np.testing.assert_allclose(np.concatenate([g_mu, SD * g_sd]), rows.mean(axis=0), rtol=1e-10)


@pytest.mark.parametrize("function", [reparameterization_gradient, path_derivative_gradient])
def test_gradients_are_exact_for_noise_with_the_right_moments(function):
    """A Gaussian's gradient is linear in theta: mean 0 and covariance I are all that counts."""
    signs = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    g_mu, g_sd = function(slope(TARGET), MU, SD, signs)
    prec = np.linalg.inv(TARGET.cov)
    np.testing.assert_allclose(g_mu, -prec @ (MU - TARGET.mean), rtol=1e-12)
    np.testing.assert_allclose(g_sd, 1.0 / SD - np.diag(prec) * SD, rtol=1e-12)


def test_the_path_derivative_of_the_posterior_is_zero_on_each_draw():
    p = CorrelatedGaussian(MU, np.diag(SD**2))
    eps = np.random.default_rng(1).standard_normal((1, 2))
    for part in path_derivative_gradient(slope(p), MU, SD, eps):
        np.testing.assert_allclose(part, 0.0, atol=1e-14)
    assert np.min(np.abs(reparameterization_gradient(slope(p), MU, SD, eps))) > 0.1


def test_variances_per_draw_at_the_optimum_are_those_the_lesson_derives():
    """With L the best ELBO, prec the posterior's precision and r² = prec_01² s_0² s_1².

    In mu_0: (L² + 3 r²) / s_0² for the score, 3 r² with the best baseline, 1 + r² and r².
    """
    mu, sd, kl = LINE_MODEL.mean_field()
    elbo = LINE_MODEL.log_evidence - kl
    r2 = np.linalg.inv(LINE_MODEL.cov)[0, 1] ** 2 * np.prod(sd**2)
    want = {
        score: (elbo**2 + 3.0 * r2) / sd[0] ** 2,
        score_cv: 3.0 * r2 / sd[0] ** 2,
        reparam: (1.0 + r2) / sd[0] ** 2,
        stl: r2 / sd[0] ** 2,
    }
    np.testing.assert_allclose(list(want.values()), [13967.5, 999.9, 833.3, 333.3], rtol=1e-4)
    q, eps = MeanField(2), np.random.default_rng(2).standard_normal((400_000, 2))
    for estimator, exact in want.items():
        rows = per_draw_gradients(estimator, q.init(mu, sd), LINE_MODEL.log_joint, q, eps)
        assert np.var(rows[:, 0]) == pytest.approx(exact, rel=0.03), estimator.__name__


def test_variance_of_an_estimator_coordinate_by_coordinate():
    rng = np.random.default_rng(3)
    found = gradient_variance(lambda rng: rng.standard_normal(2) * [1.0, 3.0], 20_000, rng)
    np.testing.assert_allclose(found, [1.0, 9.0], rtol=0.05)
    table = iter([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])
    np.testing.assert_allclose(gradient_variance(lambda _: next(table), 3, rng), [7.0, 0.0])
    with pytest.raises(ValueError, match="at least 2"):
        gradient_variance(lambda rng: rng.standard_normal(2), 1, rng)

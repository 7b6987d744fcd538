"""KSD: the kernel's derivatives against autograd, its mean under p, and the test's level."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from autograd import elementwise_grad, grad, jacobian
from scipy import stats

from vi_lib import NonFiniteError, ShapeError, densities
from vi_lib.diagnostics import ksd, ksd_test, stein_matrix

COV = onp.array([[1.0, 0.6], [0.6, 2.0]])
MEAN = onp.array([0.5, -1.0])


def log_p(z):
    return densities.multivariate_normal(z, MEAN, COV) + 7.0


def test_stein_matrix_is_its_definition():
    """Each entry by autograd from the kernel itself, pair by pair."""
    rng = onp.random.default_rng(0)
    z, score = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    h = 1.3

    def kernel(a, b):
        return (1.0 + np.sum((a - b) ** 2) / h**2) ** -0.5

    want = onp.empty((4, 4))
    for i in range(4):
        for j in range(4):
            da = grad(kernel, 0)(z[i], z[j])
            db = grad(kernel, 1)(z[i], z[j])
            mixed = jacobian(lambda b, i=i: grad(kernel, 0)(z[i], b))(z[j])
            want[i, j] = (
                score[i] @ score[j] * kernel(z[i], z[j])
                + score[i] @ db
                + score[j] @ da
                + onp.trace(mixed)
            )
    onp.testing.assert_allclose(stein_matrix(z, score, h), want, rtol=1e-11, atol=1e-12)


def test_mean_is_zero_under_p_and_not_elsewhere():
    """E u(z, z') under N(0, sd) x N(0, sd), by Gauss-Hermite quadrature with 300 nodes."""
    nodes, weights = onp.polynomial.hermite_e.hermegauss(300)
    weights = weights / weights.sum()

    def mean_u(sd):
        z = sd * nodes[:, None]
        score = elementwise_grad(lambda z: densities.normal(z))(z)
        return weights @ stein_matrix(z, score, 1.0) @ weights

    onp.testing.assert_allclose(mean_u(1.0), 0.0, atol=1e-9)
    assert mean_u(1.5) > 0.05
    assert mean_u(0.8) > 0.005


def test_level_and_power_of_the_test():
    """Under p the p-value is uniform (KS at 1e-6); a mean-field fit of the same target is found."""
    rng = onp.random.default_rng(2)
    draw = lambda cov, n: rng.multivariate_normal(MEAN, cov, size=n)  # noqa: E731
    p_values = [ksd_test(log_p, draw(COV, 100), rng, 200).p_value for _ in range(150)]
    assert stats.kstest(p_values, "uniform").pvalue > 1e-6
    mean_field = onp.diag(1.0 / onp.diag(onp.linalg.inv(COV)))
    found = ksd_test(log_p, draw(mean_field, 1000), rng, 500)
    assert found.p_value == 1 / 501
    assert found.ksd_squared > 0.0


def test_a_constant_in_log_p_does_not_matter():
    z = onp.random.default_rng(3).normal(size=(20, 2))
    assert ksd(log_p, z) == ksd(lambda z: log_p(z) - 1000.0, z)


def test_bad_input():
    with pytest.raises(ShapeError, match=r"z must have shape \(S, D\)"):
        ksd(log_p, onp.zeros(3))
    with pytest.raises(ShapeError, match="at least 2 draws, got 1"):
        stein_matrix(onp.zeros((1, 2)), onp.zeros((1, 2)))
    with pytest.raises(NonFiniteError, match="score must be finite"):
        stein_matrix(onp.zeros((2, 1)), onp.array([[0.0], [onp.nan]]))
    with pytest.raises(ValueError, match="num_bootstrap"):
        ksd_test(log_p, onp.ones((3, 2)), onp.random.default_rng(0), 0)

"""Lesson 8's functions: the packed triangle, the ELBO, its gradients, Laplace's approximation."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from autograd.test_util import check_grads

from vi_lib import densities
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib.families import FullRank
from vi_lib.full_rank import (
    full_rank_elbo,
    full_rank_gradients,
    laplace_approximation,
    pack_tril,
    unpack_tril,
)


def factor(dim, seed=0):
    rng = np.random.default_rng(seed)
    return np.tril(rng.standard_normal((dim, dim)), -1) + np.diag(rng.uniform(0.4, 2.0, dim))


MEAN = np.array([1.0, -0.5, 2.0])
COV = factor(3, 7) @ factor(3, 7).T


def log_joint(z):
    return -1.3 + densities.multivariate_normal(z, MEAN, COV)


def kl_to_target(mu, L):
    S, precision = L @ L.T, np.linalg.inv(COV)
    _, log_ratio = np.linalg.slogdet(COV @ np.linalg.inv(S))
    return 0.5 * (np.trace(precision @ S) + (mu - MEAN) @ precision @ (mu - MEAN) - 3 + log_ratio)


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5])
def test_pack_and_unpack_are_inverse(dim):
    L = factor(dim, dim)
    vec = pack_tril(L)
    assert vec.shape == (dim * (dim + 1) // 2,)
    np.testing.assert_allclose(unpack_tril(vec, dim), L, rtol=1e-15)
    anything = np.random.default_rng(dim).standard_normal((3, vec.size))
    np.testing.assert_allclose(pack_tril(unpack_tril(anything, dim)), anything, rtol=1e-14)
    check_grads(lambda v: pack_tril(unpack_tril(v, dim)), modes=["rev"], order=1)(anything)


def test_the_triangle_is_packed_row_by_row_with_logarithms_on_the_diagonal():
    L = np.array([[2.0, 0.0, 0.0], [4.0, 3.0, 0.0], [5.0, 6.0, 7.0]])
    want = [np.log(2.0), 4.0, np.log(3.0), 5.0, 6.0, np.log(7.0)]
    np.testing.assert_allclose(pack_tril(L), want, rtol=1e-15)


def test_the_elbo_of_a_gaussian_is_exact_on_noise_with_the_right_moments():
    """It is log Z - KL(q || p) in closed form, on the points ±√D e_i."""
    mu, L = np.array([0.3, 0.1, -1.0]), factor(3, 1)
    eps = np.sqrt(3.0) * np.concatenate([np.eye(3), -np.eye(3)])
    want = -1.3 - kl_to_target(mu, L)
    np.testing.assert_allclose(full_rank_elbo(log_joint, mu, L, eps), want, rtol=1e-12)


def test_the_elbo_is_the_familys():
    q, mu, L = FullRank(3), np.array([0.3, 0.1, -1.0]), factor(3, 1)
    lam, eps = q.pack(mu, L), q.noise(np.random.default_rng(2), 6)
    want = np.mean(log_joint(q.transport(lam, eps))) + q.entropy(lam)
    np.testing.assert_allclose(full_rank_elbo(log_joint, mu, L, eps), want, rtol=1e-14)


@pytest.mark.parametrize("num_draws", [1, 7])
def test_the_gradients_are_the_derivatives_of_the_elbo(num_draws):
    """A log joint that is not Gaussian; autograd differentiates with respect to the triangle."""

    def skewed(z):
        return anp.sum(-anp.exp(z) + z, axis=-1) - 0.3 * z[..., 0] * z[..., 1] ** 2

    mu, L = np.array([0.3, 0.1, -1.0]), factor(3, 1)
    eps = np.random.default_rng(3).standard_normal((num_draws, 3))
    rows = grad(lambda z: anp.sum(skewed(z)))
    g_mu, g_L = full_rank_gradients(rows, mu, L, eps)
    # Entries of L as free parameters, without the logarithm.
    rows_, columns = np.tril_indices(3)
    scatter = np.zeros((6, 3, 3))
    scatter[np.arange(6), rows_, columns] = 1.0

    def value(mu, entries):
        return full_rank_elbo(skewed, mu, anp.tensordot(entries, scatter, 1), eps)

    np.testing.assert_allclose(g_mu, grad(value, 0)(mu, L[rows_, columns]), rtol=1e-12)
    want = grad(value, 1)(mu, L[rows_, columns])
    np.testing.assert_allclose(g_L[rows_, columns], want, rtol=1e-12)
    np.testing.assert_array_equal(np.triu(g_L, 1), np.zeros((3, 3)))


def test_plain_ascent_finds_the_gaussian():
    """KL below 1e-3 from a standard normal: the mean of the last half of 4000 noisy steps."""
    rng = np.random.default_rng(4)
    mu, L, precision = np.zeros(3), np.eye(3), np.linalg.inv(COV)
    start, last = kl_to_target(mu, L), []
    for step in range(4000):
        eps = rng.standard_normal((4, 3))
        eps = np.concatenate([eps, -eps])
        g_mu, g_L = full_rank_gradients(lambda z: -(z - MEAN) @ precision, mu, L, eps)
        mu, L = mu + 0.02 * g_mu, L + 0.02 * g_L
        if step >= 2000:
            last.append((mu, L))
    mu, L = (np.mean(values, axis=0) for values in zip(*last, strict=True))
    assert kl_to_target(mu, L) < 1e-3 < start


def test_laplace_is_exact_on_a_gaussian():
    mode, cov = laplace_approximation(log_joint, np.array([8.0, -9.0, 5.0]))
    np.testing.assert_allclose(mode, MEAN, rtol=1e-10)
    np.testing.assert_allclose(cov, COV, rtol=1e-9)


def test_laplace_on_the_logarithms_of_gammas():
    """Theta ~ Gamma(a, b), zeta = log theta: mode log(a / b), curvature a."""
    a, b = np.array([0.5, 3.0, 80.0]), np.array([2.0, 1e-3, 1e4])
    log_p = lambda zeta: anp.sum(a * zeta - b * anp.exp(zeta), axis=-1)  # noqa: E731
    mode, cov = laplace_approximation(log_p, np.array([0.0, 5.0, -2.0]))
    np.testing.assert_allclose(mode, np.log(a / b), rtol=1e-8)
    np.testing.assert_allclose(cov, np.diag(1 / a), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("start", "mode"), [(2.5, 3.0), (-2.5, -3.0)])
def test_laplace_climbs_to_the_mode_next_to_its_start(start, mode):
    log_p = lambda z: anp.logaddexp(  # noqa: E731
        densities.normal(z[..., 0], 3.0, 0.5), densities.normal(z[..., 0], -3.0, 0.5)
    )
    found, cov = laplace_approximation(log_p, np.array([start]))
    np.testing.assert_allclose(found, [mode], rtol=1e-6)
    np.testing.assert_allclose(cov, [[0.25]], rtol=1e-6)


EYE, Z2, Z3 = np.eye(2), np.zeros(2), np.zeros((3, 2))
UPPER = np.array([[1.0, 0.5], [0.0, 1.0]])


def flat(z):
    return -(z[..., 0] ** 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: unpack_tril(np.zeros(4), 2), ShapeError, r"vec must have shape \(\.\.\., 3\)"),
        (lambda: unpack_tril(np.zeros(4), 0), ShapeError, "D must be a whole number of at least 1"),
        (lambda: pack_tril(np.zeros((2, 3))), ShapeError, "L must have shape"),
        (lambda: pack_tril(1.0), ShapeError, "L must have shape"),
        (lambda: pack_tril(UPPER), SupportError, "L must be lower triangular"),
        (lambda: pack_tril(-EYE), SupportError, "L's diagonal must be positive"),
        (lambda: full_rank_elbo(flat, np.zeros(3), EYE, Z3), ShapeError, "L must have shape"),
        (lambda: full_rank_elbo(flat, Z2, EYE, np.zeros(2)), ShapeError, "eps must have shape"),
        (lambda: full_rank_elbo(np.sum, Z2, EYE, Z3), ShapeError, "log_joint's value must have"),
        (lambda: full_rank_gradients(flat, Z2, EYE, Z3), ShapeError, "grad_log_joint's value"),
        (lambda: full_rank_gradients(lambda z: z, Z2, -EYE, Z3), SupportError, "L's diagonal"),
        (lambda: laplace_approximation(flat, np.float64(0.0)), ShapeError, "start must have"),
        (lambda: laplace_approximation(anp.sum, Z2), ShapeError, "log_p's value must have"),
        (lambda: laplace_approximation(flat, Z2), ValueError, "not curved downward in every"),
        (lambda: laplace_approximation(lambda z: flat(z) * np.nan, Z2), NonFiniteError, "at start"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

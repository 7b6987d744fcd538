"""Enumeration oracles, each against a sum or an integral written differently."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from autograd import grad
from scipy import integrate, stats

from vi_lib import _discrete
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib._discrete import Ising, SmallMixture
from vi_lib.oracles import NormalNormal

FEW = np.array([-2.1, -1.5, 0.3, 1.9])


def random_ising(n, strength=0.6):
    rng = np.random.default_rng(n)
    J = strength * np.triu(rng.normal(size=(n, n)), 1)
    return Ising(J + J.T, rng.normal(size=n))


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_ising_against_a_loop_over_states_and_pairs(n):
    o = random_ising(n)
    total, first, second = 0.0, np.zeros(n), np.zeros((n, n))
    for state in itertools.product([-1, 1], repeat=n):
        z = np.array(state)
        pairs = sum(o.J[i, j] * z[i] * z[j] for i, j in itertools.combinations(range(n), 2))
        weight = np.exp(pairs + sum(o.h * z))
        assert o.log_joint(z.astype(float)) == pytest.approx(np.log(weight), abs=1e-13)
        total += weight
        first += weight * z
        second += weight * np.outer(z, z)
    assert o.dim == n
    assert o.log_evidence == pytest.approx(np.log(total), rel=1e-12)
    np.testing.assert_allclose(o.mean, first / total, rtol=1e-11, atol=1e-13)
    cov = second / total - np.outer(first, first) / total**2
    np.testing.assert_allclose(o.cov, cov, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(o.sd, np.sqrt(np.diag(cov)), rtol=1e-9)


def test_ising_without_couplings():
    h = np.array([0.3, -2.0, 0.0])
    o = Ising(np.zeros((3, 3)), h)
    assert o.log_evidence == pytest.approx(np.sum(np.log(2.0 * np.cosh(h))), rel=1e-13)
    np.testing.assert_allclose(o.mean, np.tanh(h), atol=1e-14)


@pytest.mark.parametrize("n", [2, 9, 15])
def test_ising_chain_against_the_transfer_matrix(n):
    """Log Z of a chain is a product of 2 x 2 matrices; n = 15 takes more than one block."""
    c, field = 0.8, 0.3
    J = c * (np.eye(n, k=1) + np.eye(n, k=-1))
    s = np.array([-1.0, 1.0])
    step, left = np.exp(c * np.outer(s, s) + field * s), np.exp(field * s)
    for _ in range(n - 1):
        left = left @ step
    o = Ising(J, np.full(n, field))
    assert o.log_evidence == pytest.approx(np.log(left.sum()), rel=1e-12)
    # d log Z / d h_i = E[z_i]; all together by a difference quotient in the common field.
    d = 1e-5
    up, down = (Ising(J, np.full(n, field + e)).log_evidence for e in (d, -d))
    assert o.mean.sum() == pytest.approx((up - down) / (2 * d), rel=1e-8)


def test_blocks_of_any_size_give_the_same_sums(monkeypatch):
    whole = random_ising(8)
    log_z, cov = whole.log_evidence, whole.cov
    monkeypatch.setattr(_discrete, "_BLOCK", 7)
    pieces = random_ising(8)
    assert pieces.log_evidence == pytest.approx(log_z, rel=1e-14)
    np.testing.assert_allclose(pieces.cov, cov, rtol=1e-11, atol=1e-14)


def test_strong_couplings_do_not_overflow():
    o = Ising(500.0 * (np.ones((4, 4)) - np.eye(4)), np.zeros(4))
    assert o.log_evidence == pytest.approx(6 * 500.0 + np.log(2.0), rel=1e-14)
    np.testing.assert_allclose(o.mean, 0.0, atol=1e-15)
    np.testing.assert_allclose(o.cov, 1.0, rtol=1e-14)
    frozen = Ising(np.zeros((2, 2)), np.array([800.0, -800.0]))
    np.testing.assert_array_equal(frozen.sd, 0.0)


# The mixture


@pytest.mark.parametrize("K", [1, 2, 3])
def test_mixture_evidence_by_a_loop_over_assignments(K):
    o = SmallMixture(FEW, K, 1.7)
    total = 0.0
    for c in itertools.product(range(K), repeat=len(FEW)):
        cov = np.eye(len(FEW)) + 1.7**2 * np.equal.outer(c, c)  # x | c, component means integrated
        total += stats.multivariate_normal(np.zeros(len(FEW)), cov).pdf(FEW) / K ** len(FEW)
    assert o.log_evidence == pytest.approx(np.log(total), rel=1e-11)


def test_mixture_by_quadrature_over_the_means():
    """Evidence, moments and P(c_i = c_j | x) from log_joint on a grid over (mu_1, mu_2)."""
    o = SmallMixture(FEW, 2, 1.7)
    grid = np.linspace(-14.0, 14.0, 561)  # the trapezoidal rule is exact to round-off here
    theta = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)
    f = np.exp(o.log_joint(theta)) * (grid[1] - grid[0]) ** 2
    assert o.log_evidence == pytest.approx(np.log(f.sum()), rel=1e-10)
    p = f / f.sum()
    mean = np.einsum("ij,ijk->k", p, theta)
    cov = np.einsum("ij,ijk,ijl->kl", p, theta - mean, theta - mean)
    np.testing.assert_allclose(o.mean, mean, rtol=1e-9)
    np.testing.assert_allclose(o.cov, cov, rtol=1e-9)
    np.testing.assert_allclose(o.sd, np.sqrt(np.diag(cov)), rtol=1e-9)
    odds = stats.norm.pdf(FEW[:, None, None], theta[..., 0], 1.0)
    first = odds / (odds + stats.norm.pdf(FEW[:, None, None], theta[..., 1], 1.0))
    for i, j in itertools.combinations(range(4), 2):
        same = first[i] * first[j] + (1 - first[i]) * (1 - first[j])
        assert o.same_component[i, j] == pytest.approx(np.sum(p * same), rel=1e-9)
    np.testing.assert_allclose(np.diag(o.same_component), 1.0, rtol=1e-13)
    assert o.same_component[0, 1] > 0.5 > o.same_component[0, 3]


def test_one_component_is_the_normal_model():
    o, normal = SmallMixture(FEW, 1, 1.7), NormalNormal(FEW, 0.0, 1.7, 1.0)
    assert (o.dim, o.log_evidence) == (1, pytest.approx(normal.log_evidence, rel=1e-12))
    assert o.mean[0] == pytest.approx(normal.mean[0], rel=1e-12)
    assert o.cov[0, 0] == pytest.approx(normal.cov[0, 0], rel=1e-12)
    theta = np.array([[0.3], [1.0]])
    np.testing.assert_allclose(o.log_joint(theta), normal.log_joint(theta), rtol=1e-13)


def test_one_observation_by_one_dimensional_quadrature():
    o = SmallMixture(np.array([2.0]), 3, 0.8)
    mass, _ = integrate.quad(
        lambda mu: stats.norm.pdf(2.0, mu, 1.0) * stats.norm.pdf(mu, 0.0, 0.8), -12, 12
    )
    assert o.log_evidence == pytest.approx(np.log(mass), rel=1e-10)


def test_labels_are_exchangeable():
    o = SmallMixture(FEW, 3, 1.7)
    np.testing.assert_allclose(o.mean, o.mean[0], rtol=1e-12)
    np.testing.assert_allclose(o.sd, o.sd[0], rtol=1e-12)
    order = [2, 0, 1]
    theta = np.array([0.3, -1.0, 2.0])
    assert o.log_joint(theta) == pytest.approx(o.log_joint(theta[order]), rel=1e-13)


def test_log_joint_is_differentiable_and_stable():
    o = SmallMixture(np.array([-40.0, 40.0]), 2, 30.0)
    gradient = grad(o.log_joint)(np.array([-41.0, 38.0]))
    np.testing.assert_allclose(gradient, [1.0 + 41 / 900, 2.0 - 38 / 900], rtol=1e-12)
    assert np.isfinite(o.log_joint(np.array([400.0, 400.0])))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: Ising(np.zeros((21, 21)), np.zeros(21)), ValueError, r"got 2\^21 for 21 signs"),
        (lambda: Ising(np.eye(2), np.zeros(2)), SupportError, "zero diagonal"),
        (lambda: random_ising(2).log_joint(np.zeros(3)), ShapeError, "z must have shape"),
        (lambda: SmallMixture(np.zeros(14), 3, 1.0), ValueError, r"3\^14 for 14 assignments"),
        (lambda: SmallMixture(FEW, 0, 1.0), ValueError, "K must be at least 1, got 0"),
        (lambda: SmallMixture(FEW, 2, 0.0), SupportError, "prior_sd must be positive"),
        (lambda: SmallMixture(FEW[:0], 2, 1.0), ShapeError, "N >= 1"),
        (lambda: SmallMixture(np.array([np.nan]), 2, 1.0), NonFiniteError, "x must be finite"),
        (lambda: SmallMixture(FEW, 2, 1.0).log_joint(np.zeros(3)), ShapeError, "theta must have"),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_a_million_configurations_are_allowed():
    Ising(np.zeros((20, 20)), np.zeros(20))
    SmallMixture(np.zeros(10), 4, 1.0)

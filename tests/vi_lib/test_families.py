"""The Gaussian families: broadcasting, packing, errors; their laws are in test_family_laws.py."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.test_util import check_grads
from hypothesis import given, settings
from hypothesis import strategies as st

from vi_lib._check import ShapeError, SupportError
from vi_lib.families import FullRank, MeanField

FAMILIES = [MeanField, FullRank]


def lam_for(q, seed=0, leading=()):
    return 0.6 * np.random.default_rng(seed).standard_normal((*leading, q.num_params))


SHAPES = st.sampled_from([((), ()), ((), (4,)), ((4,), (4,)), ((3,), (2, 3)), ((2, 1), (2, 5))])


@settings(deadline=None, derandomize=True, database=None, max_examples=40)
@given(
    family=st.sampled_from(FAMILIES),
    dim=st.integers(1, 4),
    shapes=SHAPES,
    seed=st.integers(0, 10_000),
)
def test_batched_parameters_equal_a_loop(family, dim, shapes, seed):
    q = family(dim)
    lam_shape, eps_shape = shapes
    lam = lam_for(q, seed, lam_shape)
    eps = np.random.default_rng(seed + 1).standard_normal((*eps_shape, dim))
    z = q.transport(lam, eps)
    log_q = q.log_prob(lam, z)
    full = np.broadcast_shapes(lam_shape, eps_shape)
    assert z.shape == (*full, dim)
    assert np.shape(log_q) == full
    rows = np.broadcast_to(lam, (*full, q.num_params))
    noise = np.broadcast_to(eps, (*full, dim))
    for index in np.ndindex(full):
        np.testing.assert_allclose(z[index], q.transport(rows[index], noise[index]), rtol=1e-12)
        one = q.log_prob(rows[index], z[index])
        np.testing.assert_allclose(log_q[index], one, rtol=1e-10)
    for index in np.ndindex(lam_shape):
        for method in (q.entropy, q.mean, q.sd, q.cov):
            np.testing.assert_allclose(method(lam)[index], method(lam[index]), rtol=1e-13)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("lam_leading", [(), (4,), (2, 4)])
def test_gradients_of_every_method(family, lam_leading):
    q = family(3)
    lam = lam_for(q, 7, lam_leading)
    eps = np.random.default_rng(8).standard_normal((2, 4, 3))

    def everything(lam):
        z = q.transport(lam, eps)
        return (
            anp.sum(q.log_prob(lam, z**2))
            + anp.sum(q.entropy(lam))
            + anp.sum(q.mean(lam) ** 2)
            + anp.sum(q.sd(lam) ** 3)
            + anp.sum(q.cov(lam) ** 2)
        )

    check_grads(everything, modes=["rev"], order=1)(lam)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("leading", [(), (5,)])
def test_pack_and_unpack_are_inverse(family, leading):
    q = family(4)
    lam = lam_for(q, 9, leading)
    np.testing.assert_allclose(q.pack(*q.unpack(lam)), lam, rtol=1e-13, atol=1e-15)
    check_grads(lambda lam: q.pack(*q.unpack(lam)), modes=["rev"], order=1)(lam)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_full_rank_layout(dim):
    """Row-major lower triangle, logarithms on the diagonal."""
    q = FullRank(dim)
    packed = np.arange(1.0, q.num_params - dim + 1) / 10
    mu, L = q.unpack(np.concatenate([np.arange(dim), packed]))
    np.testing.assert_array_equal(mu, np.arange(dim))
    k = 0
    for i in range(dim):
        for j in range(i + 1):
            assert L[i, j] == (np.exp(packed[k]) if i == j else packed[k])
            k += 1
    assert k == packed.size
    assert np.array_equal(np.triu(L, 1), np.zeros((dim, dim)))


def test_a_huge_off_diagonal_entry_does_not_overflow():
    q = FullRank(2)
    lam = q.init()
    lam[3] = 1e4
    assert q.unpack(lam)[1][1, 0] == 1e4


@pytest.mark.parametrize("family", FAMILIES)
def test_init(family):
    q = family(3)
    lam = q.init()
    assert lam.shape == (q.num_params,)
    np.testing.assert_array_equal(q.mean(lam), np.zeros(3))
    np.testing.assert_array_equal(q.cov(lam), np.eye(3))
    lam = q.init([1.0, 2.0, 3.0], 0.5)
    np.testing.assert_allclose(q.mean(lam), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(q.cov(lam), 0.25 * np.eye(3), rtol=1e-14)


def test_a_diagonal_full_rank_is_a_mean_field():
    mf, fr = MeanField(3), FullRank(3)
    mu, sd = np.array([1.0, -2.0, 0.5]), np.array([0.3, 1.0, 4.0])
    eps = mf.noise(np.random.default_rng(0), 5)
    np.testing.assert_array_equal(eps, fr.noise(np.random.default_rng(0), 5))
    a, b = mf.init(mu, sd), fr.init(mu, sd)
    z = mf.transport(a, eps)
    np.testing.assert_allclose(fr.transport(b, eps), z, rtol=1e-14)
    np.testing.assert_allclose(fr.log_prob(b, z), mf.log_prob(a, z), rtol=1e-13)
    np.testing.assert_allclose(fr.entropy(b), mf.entropy(a), rtol=1e-14)


Q, F = MeanField(2), FullRank(2)
L_UPPER = np.array([[1.0, 0.5], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MeanField(0), ShapeError, "dim must be a whole number of at least 1, got 0"),
        (lambda: FullRank(2.0), ShapeError, "dim must be a whole number .* got 2.0"),
        (lambda: Q.unpack(np.zeros(5)), ShapeError, r"MeanField\(dim=2\) takes lam \(\.\.\., 4\)"),
        (lambda: F.unpack(np.zeros(4)), ShapeError, r"FullRank\(dim=2\) takes lam \(\.\.\., 5\)"),
        (lambda: F.entropy(np.float64(1.0)), ShapeError, r"got \(\)"),
        (lambda: Q.transport(Q.init(), np.zeros((3, 1))), ShapeError, r"eps must have .*\(3, 1\)"),
        (lambda: F.transport(F.init(), np.zeros(3)), ShapeError, "eps must have"),
        (lambda: Q.log_prob(Q.init(), np.zeros(3)), ShapeError, "z must have"),
        (lambda: F.log_prob(F.init(), np.zeros(3)), ShapeError, "z must have"),
        (lambda: Q.init(np.zeros(3)), ShapeError, r"mean must be a number or \(2,\), got \(3,\)"),
        (lambda: F.init(0.0, np.ones(1)), ShapeError, r"sd must be a number or \(2,\)"),
        (lambda: Q.init(sd=0.0), SupportError, "sd must be positive"),
        (lambda: Q.pack(np.zeros(3), np.zeros(2)), ShapeError, "mu must have"),
        (lambda: F.pack(np.zeros(2), L_UPPER), SupportError, "L must be lower triangular"),
        (lambda: F.pack(np.zeros(2), -np.eye(2)), SupportError, "L's diagonal must be positive"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

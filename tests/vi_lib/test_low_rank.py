"""The low-rank Gaussian: large dimensions, extreme factors, its saddle, fits."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy import stats

from vi_lib import densities, estimators
from vi_lib._check import ShapeError
from vi_lib.families import FullRank, LowRank, MeanField
from vi_lib.fit import fit
from vi_lib.optimizers import adam


def generic(q, seed, size=0.5):
    return q.init() + size * np.random.default_rng(seed).standard_normal(q.num_params)


@pytest.mark.slow
def test_a_thousand_dimensions_agree_with_the_dense_density():
    q = LowRank(1000, 5)
    lam = generic(q, 0)
    z = np.random.default_rng(1).standard_normal((3, 1000))
    want = densities.multivariate_normal(z, q.mean(lam), q.cov(lam))
    np.testing.assert_allclose(q.log_prob(lam, z), want, rtol=1e-10)
    _, log_det = np.linalg.slogdet(q.cov(lam))
    entropy = 500 * (1 + np.log(2 * np.pi)) + log_det / 2
    np.testing.assert_allclose(q.entropy(lam), entropy, rtol=1e-12)


def test_no_matrix_of_the_size_of_the_covariance_is_formed():
    """At D = 100 000 it would take 80 GB."""
    q = LowRank(100_000, 2)
    lam = q.init()
    z = q.transport(lam, q.noise(np.random.default_rng(0), 2))
    value = lambda lam: np.sum(q.log_prob(lam, z)) + q.entropy(lam)  # noqa: E731
    assert np.all(np.isfinite(grad(value)(lam)))
    assert q.sd(lam).shape == (100_000,)


def test_factors_much_larger_than_the_diagonal_keep_their_digits():
    """Sd 1e-4 around a line on which the sd is 1e4: Woodbury as a difference would lose 16 digits.

    With z on the line through mu, z = mu + W t, and |W|² = S² much larger than s²,
    (z - mu)' cov⁻¹ (z - mu) = t² S² / (S² + s²).
    """
    q = LowRank(3, 1)
    W = 1e4 * np.array([[2.0], [1.0], [2.0]]) / 3.0
    lam = q.pack(np.zeros(3), np.full(3, np.log(1e-4)), W)
    S2, s2, t = 1e8, 1e-8, 1.7
    log_det = 2 * np.log(s2) + np.log(S2 + s2)
    want = -1.5 * densities.LOG_2PI - log_det / 2 - t**2 / 2 * S2 / (S2 + s2)
    np.testing.assert_allclose(q.log_prob(lam, W[:, 0] * t), want, rtol=1e-9)


def elbo(q, target):
    """Return the exact ELBO of a Gaussian q on a centred Gaussian target, as a function of lam."""
    precision = np.linalg.inv(target)

    def value(lam):
        mean, cov = q.mean(lam), q.cov(lam)
        quadratic = anp.sum(precision * cov) + mean @ precision @ mean
        return q.entropy(lam) - 0.5 * quadratic

    return value


TARGET = np.array([[1.0, 0.9, -0.5], [0.9, 2.0, 0.1], [-0.5, 0.1, 1.5]])


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_zero_factor_is_a_saddle_and_the_start_is_not(rank):
    q = LowRank(3, rank)
    slope = grad(elbo(q, TARGET))
    at_zero = q.unpack(slope(q.pack(np.zeros(3), np.zeros(3), np.zeros((3, rank)))))[2]
    np.testing.assert_array_equal(at_zero, np.zeros((3, rank)))
    start = q.unpack(slope(q.init()))[2]
    assert np.linalg.matrix_rank(start, tol=1e-3) == rank
    # Small: nothing but a touch of correlation.
    sd = q.sd(q.init())
    correlation = q.cov(q.init()) / np.outer(sd, sd) - np.eye(3)
    assert 0 < np.abs(correlation).max() <= 0.01


def test_the_factor_is_identified_up_to_a_rotation_of_its_columns():
    q = LowRank(4, 2)
    mu, omega, W = q.unpack(generic(q, 3))
    Q = np.array([[0.6, 0.8], [-0.8, 0.6]])
    z = np.random.default_rng(4).standard_normal((5, 4))
    a, b = q.pack(mu, omega, W), q.pack(mu, omega, W @ Q)
    np.testing.assert_allclose(q.log_prob(a, z), q.log_prob(b, z), rtol=1e-12)


def test_without_factors_it_is_a_mean_field():
    q, mf = LowRank(3, 2), MeanField(3)
    mu, omega = np.array([1.0, -2.0, 0.5]), np.array([-1.0, 0.0, 1.0])
    lam, reference = q.pack(mu, omega, np.zeros((3, 2))), mf.pack(mu, omega)
    z = np.random.default_rng(5).standard_normal((5, 3))
    np.testing.assert_allclose(q.log_prob(lam, z), mf.log_prob(reference, z), rtol=1e-13)
    np.testing.assert_allclose(q.entropy(lam), mf.entropy(reference), rtol=1e-13)
    np.testing.assert_array_equal(q.cov(lam), mf.cov(reference))


ESTIMATORS = [
    estimators.reparam,
    estimators.reparam_entropy,
    estimators.stl,
    estimators.score,
    estimators.score_cv,
]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.slow
def test_every_estimator_is_unbiased_for_it(estimator):
    """False-alarm rate 1e-6 each."""
    report = estimators.check_estimator(estimator, family=LowRank(2, 1))
    assert report.passed, report.summary()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_gradients_draw_by_draw_average_to_the_gradient(estimator):
    q = LowRank(3, 2)
    lam, eps = generic(q, 6), q.noise(np.random.default_rng(7), 5)
    log_p = lambda z: densities.multivariate_normal(z, np.ones(3), TARGET)  # noqa: E731
    rows = estimators.per_draw_gradients(estimator, lam, log_p, q, eps)
    _, mean = estimators.values_and_gradient(estimator, lam, log_p, q, eps)
    assert rows.shape == (5, q.num_params)
    np.testing.assert_allclose(rows.mean(axis=0), mean, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
def test_a_fit_finds_a_target_of_the_family():
    """Six coordinates with one common factor; KL in closed form, where mean field is .9 off."""
    loading = np.array([1.0, -1.0, 0.8, 0.5, -0.3, 1.5])
    cov = np.diag([0.5, 1.0, 0.2, 0.4, 0.8, 1.0]) + np.outer(loading, loading)
    mean = np.arange(6.0) / 3
    log_p = lambda z: densities.multivariate_normal(z, mean, cov)  # noqa: E731

    def kl(q, lam):
        precision, difference = np.linalg.inv(cov), q.mean(lam) - mean
        trace = np.trace(precision @ q.cov(lam))
        _, log_det = np.linalg.slogdet(cov)
        _, own = np.linalg.slogdet(q.cov(lam))
        return 0.5 * (trace + difference @ precision @ difference - 6 + log_det - own)

    gaps = {}
    for q in (LowRank(6, 1), MeanField(6)):
        options = {"estimator": estimators.stl, "optimizer": adam(0.02), "stop": None}
        rng = np.random.default_rng(8)
        gaps[q] = kl(q, fit(log_p, q, rng=rng, max_iters=1500, **options).lam)
    assert gaps[LowRank(6, 1)] < 1e-3
    assert gaps[MeanField(6)] > 0.5


def test_full_rank_agrees_where_rank_and_dim_are_equal():
    q, full = LowRank(2, 2), FullRank(2)
    lam = generic(q, 9)
    same = full.pack(q.mean(lam), np.linalg.cholesky(q.cov(lam)))
    z = np.random.default_rng(10).standard_normal((4, 2))
    np.testing.assert_allclose(q.log_prob(lam, z), full.log_prob(same, z), rtol=1e-11)


def test_log_prob_is_scipys_for_one_coordinate():
    q = LowRank(1, 1)
    lam = q.pack(np.array([0.3]), np.array([np.log(3.0)]), np.array([[4.0]]))
    want = stats.norm(0.3, 5.0).logpdf(2.0)
    np.testing.assert_allclose(q.log_prob(lam, np.array([2.0])), want, rtol=1e-14)


Q = LowRank(3, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LowRank(0, 1), "dim must be a whole number of at least 1, got 0"),
        (lambda: LowRank(3, 0), "rank must be at least 1, got 0: without common factors use Mean"),
        (lambda: LowRank(3, -1), "rank must be a whole number of at least 1, got -1"),
        (lambda: LowRank(3, 1.0), "rank must be a whole number .* got 1.0"),
        (lambda: LowRank(3, False), "rank must be a whole number .* got False"),
        (lambda: LowRank(3, 4), "rank must be at most dim = 3, got 4: FullRank"),
        (lambda: Q.pack(np.zeros(2), np.zeros(3), np.zeros((3, 2))), "mu must have shape"),
        (lambda: Q.pack(np.zeros(3), np.zeros(2), np.zeros((3, 2))), "omega must have shape"),
        (lambda: Q.pack(np.zeros(3), np.zeros(3), np.zeros((2, 3))), "W must have shape"),
        (lambda: Q.transport(Q.init(), np.zeros(3)), r"eps must have shape \(\.\.\., 5\)"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


def test_transport_and_start_are_their_formulas():
    q, rng = LowRank(4, 2), np.random.default_rng(8)
    lam, eps = rng.normal(size=q.num_params), rng.normal(size=(3, 6))
    mu, omega, W = q.unpack(lam)
    want = mu + np.exp(omega) * eps[:, :4] + np.einsum("dr,mr->md", W, eps[:, 4:])
    np.testing.assert_allclose(q.transport(lam, eps), want, rtol=1e-12)
    start = 0.1 / np.sqrt(2.0) * np.cos(np.outer([1, 2, 3, 4], [1, 2]))
    np.testing.assert_allclose(q.unpack(q.init(sd=3.0))[2], 3.0 * start, rtol=1e-12)

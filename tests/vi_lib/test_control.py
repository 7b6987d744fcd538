"""Control variates and Rao-Blackwellisation: exact formulas, no bias, and the bias there is not."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy import stats

from vi_lib import densities
from vi_lib._check import ShapeError
from vi_lib.estimators import (
    check_estimator,
    check_terms,
    gradient_variance,
    per_draw_gradients,
    rao_blackwell,
    reparam,
    score,
    score_cv,
    score_cv_optimal,
    values_and_gradient,
)
from vi_lib.families import FullRank, LowRank, MeanField
from vi_lib.oracles import CorrelatedGaussian

TARGET = CorrelatedGaussian(np.array([1.0, -0.5]), np.array([[0.49, 0.4], [0.4, 1.69]]))
FAMILIES = [MeanField(2), FullRank(2), LowRank(2, 1)]
families = pytest.mark.parametrize("q", FAMILIES, ids=repr)


def skewed(z):
    return anp.sum(2.0 * z - anp.exp(z), axis=-1) - 0.3 * z[..., 0] * z[..., 1] ** 2


def problem(q, num_draws=7, seed=0):
    rng = np.random.default_rng(seed)
    return 0.4 * rng.standard_normal(q.num_params), q.noise(rng, num_draws)


def scores_and_weights(lam, log_p, q, eps):
    z = q.transport(lam, eps)
    w = np.array(log_p(z) - q.log_prob(lam, z))
    return np.array([grad(lambda lam, z=z: q.log_prob(lam, z))(lam) for z in z]), w


# --- the optimal coefficient ---------------------------------------------------------------------


@families
def test_each_draw_uses_the_others_coefficient(q):
    lam, eps = problem(q)
    h, w = scores_and_weights(lam, skewed, q, eps)
    rows = []
    for m in range(len(w)):
        other_h, other_w = np.delete(h, m, axis=0), np.delete(w, m)
        a = np.sum(other_w[:, None] * other_h**2, axis=0) / np.sum(other_h**2, axis=0)
        rows.append((w[m] - a) * h[m])
    got = per_draw_gradients(score_cv_optimal, lam, skewed, q, eps)
    np.testing.assert_allclose(got, rows, rtol=1e-9, atol=1e-11)
    values, gradient = values_and_gradient(score_cv_optimal, lam, skewed, q, eps)
    np.testing.assert_allclose(gradient, np.mean(rows, axis=0), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(values, reparam(lam, skewed, q, eps), rtol=1e-13)


@families
def test_bench_certifies_the_optimal_control_variate(q):
    report = check_estimator(score_cv_optimal, TARGET, q, num_draws=20)
    assert report.passed, report.summary()
    assert not report.total_derivative


def gaussian_elbo(q, lam):
    trace = anp.sum(np.linalg.inv(TARGET.cov) * q.cov(lam))
    fit = densities.multivariate_normal(q.mean(lam), TARGET.mean, TARGET.cov)
    return fit - 0.5 * trace + q.entropy(lam)


def test_it_is_unbiased_with_two_draws_where_the_naive_coefficient_is_not():
    """t-tests over 20 000 pairs at 1e-6; the in-sample coefficient misses by 15 se and more.

    With two draws the others' coefficient is the other's value, so the estimates are written out;
    that the estimator is this formula is checked on the first pairs.
    """
    q, pairs = MeanField(2), 20_000
    lam, _ = problem(q, seed=3)
    eps = q.noise(np.random.default_rng(5), 2 * pairs)
    w = score(lam, TARGET.log_joint, q, eps)
    z = q.transport(lam, eps)
    h = per_draw_gradients(lambda lam, log_p, q, eps: q.log_prob(lam, z), lam, skewed, q, eps)
    w, h = w.reshape(pairs, 2, 1), h.reshape(pairs, 2, 4)
    left_out = np.mean((w - w[:, ::-1]) * h, axis=1)
    for k in range(5):
        _, got = values_and_gradient(
            score_cv_optimal, lam, TARGET.log_joint, q, eps[2 * k : 2 * k + 2]
        )
        np.testing.assert_allclose(got, left_out[k], rtol=1e-9, atol=1e-11)
    truth = grad(lambda lam: gaussian_elbo(q, lam))(lam)
    assert np.min(stats.ttest_1samp(left_out, truth, axis=0).pvalue) > 1e-6 / truth.size
    a = np.sum(w * h**2, axis=1, keepdims=True) / np.sum(h**2, axis=1, keepdims=True)
    naive = stats.ttest_1samp(np.mean((w - a) * h, axis=1), truth, axis=0)
    assert np.all(np.abs(naive.statistic) > 15)


def test_a_score_of_zero_costs_nothing():
    """At noise +1 and -1 the score of a log sd is 0 for both draws: no coefficient, no NaN."""
    q = MeanField(1)
    eps = np.array([[1.0], [-1.0]])
    _, gradient = values_and_gradient(score_cv_optimal, q.init(), lambda z: z[..., 0], q, eps)
    assert np.all(np.isfinite(gradient))
    assert gradient[1] == 0.0


def test_it_only_evaluates_the_model():
    q = MeanField(2)
    lam, eps = problem(q)
    log_p = lambda z: np.sign(np.asarray(z)[..., 0])  # noqa: E731
    assert np.all(np.isfinite(values_and_gradient(score_cv_optimal, lam, log_p, q, eps)[1]))


def test_variances_of_a_target_with_a_large_constant():
    """A constant of 100 nats drowns the bare score function; both baselines remove it."""
    q = MeanField(2)
    lam, _ = problem(q)
    variance = {
        e.__name__: gradient_variance(
            e, lam, lambda z: 100.0 + TARGET.log_joint(z), q, np.random.default_rng(0), 200, 20
        )
        for e in (score, score_cv, score_cv_optimal)
    }
    assert np.all(variance["score_cv"] < 0.05 * variance["score"])
    assert np.all(variance["score_cv_optimal"] < 0.05 * variance["score"])


# --- Rao-Blackwellisation ------------------------------------------------------------------------
# A chain z_1 - z_2 - z_3: z_1 ~ N(0, 1), z_2 ~ N(z_1, 1), z_3 ~ N(z_2, 1).


def links(z):
    return (
        densities.normal(z[..., 0], 0.0, 1.0),
        densities.normal(z[..., 1], z[..., 0], 1.0),
        densities.normal(z[..., 2], z[..., 1], 1.0),
    )


def chain(z):
    a, b, c = links(z)
    return a + b + c


def blankets(z):
    a, b, c = links(z)
    return np.stack([a + b, b + c, c], axis=-1)


def forgotten(z):
    a, b, c = links(z)
    return np.stack([a + b, b, c], axis=-1)  # z_2 occurs in c, too


CHAIN = CorrelatedGaussian(
    np.zeros(3), np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 2.0], [1.0, 2.0, 3.0]])
)


def test_gradient_is_each_coordinate_s_score_times_its_own_terms():
    q = MeanField(3)
    lam, eps = problem(q)
    z = q.transport(lam, eps)
    mu, omega = q.unpack(lam)
    u = (z - mu) / np.exp(omega)
    own = blankets(z) - densities.normal(z, mu, np.exp(omega))
    want = np.concatenate([own * u / np.exp(omega), own * (u**2 - 1.0)], axis=1)
    estimator = rao_blackwell(blankets)
    got = per_draw_gradients(estimator, lam, chain, q, eps)
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(
        estimator(lam, chain, q, eps), reparam(lam, chain, q, eps), rtol=1e-12
    )


def test_bench_certifies_it_and_sees_a_forgotten_term():
    report = check_estimator(rao_blackwell(blankets), CHAIN, MeanField(3))
    assert report.passed, report.summary()
    report = check_estimator(rao_blackwell(forgotten), CHAIN, MeanField(3))
    assert not report.passed
    assert np.all(np.abs(report.value_z) < report.threshold)  # the gradient alone is wrong


def test_superfluous_terms_cost_variance_and_nothing_else():
    q = MeanField(3)
    everything = rao_blackwell(lambda z: np.repeat(chain(z)[..., None], 3, axis=-1))
    assert check_estimator(everything, CHAIN, q).passed
    lam, _ = problem(q)
    few, many = (
        gradient_variance(e, lam, chain, q, np.random.default_rng(0), 300, 20)
        for e in (rao_blackwell(blankets), everything)
    )
    assert np.all(few[[2, 5]] < 0.5 * many[[2, 5]])  # the end of the chain has one term of three


def test_terms_are_checked_against_the_model():
    z = np.random.default_rng(1).standard_normal((6, 3))
    check_terms(blankets, chain, z)
    check_terms(lambda z: np.repeat(chain(z)[..., None], 3, axis=-1), chain, z)
    with pytest.raises(ValueError, match="terms of coordinate 1 miss a part of log_p"):
        check_terms(forgotten, chain, z)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: rao_blackwell(blankets)(np.zeros(9), chain, FullRank(3), np.zeros((4, 3))),
            TypeError,
            r"factorised family.*MeanField, got FullRank\(dim=3\)",
        ),
        (
            lambda: rao_blackwell(chain)(np.zeros(6), chain, MeanField(3), np.zeros((4, 3))),
            ShapeError,
            r"terms must have shape \(4, 3\), got \(4,\)",
        ),
        (lambda: check_terms(chain, chain, np.zeros((4, 3))), ShapeError, "terms must have shape"),
        (lambda: check_terms(blankets, chain, np.zeros((1, 3))), ShapeError, "at least two draws"),
        (
            lambda: score_cv_optimal(np.zeros(4), chain, MeanField(2), np.zeros((1, 2))),
            ShapeError,
            r"at least 2 draws, got eps of shape \(1, 2\)",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

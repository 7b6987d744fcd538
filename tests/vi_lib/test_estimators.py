"""Gradient estimators: identities at given noise, unbiasedness, and the bench that tests them."""

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
    differentiate,
    explicit_gradient,
    gradient_variance,
    per_draw_gradients,
    reparam,
    reparam_entropy,
    score,
    score_cv,
    stl,
    stop_gradient,
    values_and_gradient,
)
from vi_lib.families import FullRank, MeanField, Mixture
from vi_lib.oracles import CorrelatedGaussian, GaussianGamma, LinearRegression, NormalNormal

ESTIMATORS = [reparam, reparam_entropy, stl, score, score_cv]
TARGET = CorrelatedGaussian(np.array([1.0, -0.5]), np.array([[0.49, 0.4], [0.4, 1.69]]))


def skewed(z):
    """A target that is not Gaussian: a log-gamma in each coordinate, coupled."""
    return anp.sum(2.0 * z - anp.exp(z), axis=-1) - 0.3 * z[..., 0] * z[..., 1] ** 2


def problem(family, seed=0, num_draws=7):
    q = family(2)
    rng = np.random.default_rng(seed)
    return q, 0.4 * rng.standard_normal(q.num_params), q.noise(rng, num_draws)


def central_differences(f, lam, step=1e-5):
    return np.array(
        [(f(lam + step * e) - f(lam - step * e)) / (2 * step) for e in np.eye(len(lam))]
    )


both_families = pytest.mark.parametrize("family", [MeanField, FullRank])


@both_families
@pytest.mark.parametrize("estimator", [reparam, reparam_entropy])
def test_total_derivatives_equal_finite_differences(estimator, family):
    q, lam, eps = problem(family)
    f = differentiate(estimator, skewed, q)
    _, gradient = f(lam, eps)
    want = central_differences(lambda lam: f(lam, eps)[0], lam)
    np.testing.assert_allclose(gradient, want, rtol=1e-7, atol=1e-8)


@both_families
def test_stl_is_the_derivative_with_q_frozen(family):
    q, lam, eps = problem(family)

    def path_only(moved):
        z = q.transport(moved, eps)
        return np.mean(skewed(z) - q.log_prob(lam, z))

    _, gradient = values_and_gradient(stl, lam, skewed, q, eps)
    np.testing.assert_allclose(gradient, central_differences(path_only, lam), rtol=1e-7, atol=1e-8)


@both_families
def test_score_function_gradients_equal_their_formulas(family):
    q, lam, eps = problem(family)
    z = q.transport(lam, eps)
    w = skewed(z) - q.log_prob(lam, z)
    scores = np.array([grad(lambda lam, z=z: q.log_prob(lam, z))(lam) for z in z])
    got = per_draw_gradients(score, lam, skewed, q, eps)
    np.testing.assert_allclose(got, w[:, None] * scores, rtol=1e-12)
    others = np.array([np.mean(np.delete(w, m)) for m in range(len(w))])
    got = per_draw_gradients(score_cv, lam, skewed, q, eps)
    np.testing.assert_allclose(got, (w - others)[:, None] * scores, rtol=1e-12)


def test_score_needs_no_derivative_of_the_model():
    q, lam, eps = problem(MeanField)
    _, gradient = values_and_gradient(score, lam, lambda z: np.sign(z[..., 0]), q, eps)
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient != 0.0)


@both_families
def test_values_agree(family):
    q, lam, eps = problem(family)
    want = reparam(lam, skewed, q, eps)
    for estimator in (stl, score, score_cv):
        np.testing.assert_array_equal(estimator(lam, skewed, q, eps), want)
        np.testing.assert_array_equal(values_and_gradient(estimator, lam, skewed, q, eps)[0], want)
    surprise = -q.log_prob(lam, q.transport(lam, eps))
    got = reparam_entropy(lam, skewed, q, eps)
    np.testing.assert_allclose(got - q.entropy(lam), want - surprise, rtol=1e-12)


@both_families
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_mean_of_the_per_draw_gradients_is_the_gradient(estimator, family):
    q, lam, eps = problem(family)
    rows = per_draw_gradients(estimator, lam, skewed, q, eps)
    assert rows.shape == (7, q.num_params)
    value, gradient = differentiate(estimator, skewed, q)(lam, eps)
    np.testing.assert_allclose(rows.mean(axis=0), gradient, rtol=1e-12, atol=1e-14)
    assert value == np.mean(estimator(lam, skewed, q, eps))
    if estimator is not score_cv:  # its baseline needs other draws
        for m in range(7):
            _, one = values_and_gradient(estimator, lam, skewed, q, eps[m : m + 1])
            np.testing.assert_allclose(rows[m], one, rtol=1e-12, atol=1e-14)


def gaussian_elbo(q, lam):
    trace = anp.sum(np.linalg.inv(TARGET.cov) * q.cov(lam))
    fit = densities.multivariate_normal(q.mean(lam), TARGET.mean, TARGET.cov)
    return fit - 0.5 * trace + q.entropy(lam)


@both_families
@pytest.mark.parametrize("estimator", [reparam, reparam_entropy, stl, score])
def test_draws_are_unbiased(estimator, family):
    """t-tests of 40 000 single draws, value and gradient: false-alarm rate 1e-6 a case.

    The score function is heavy-tailed: its true rate is a few times the nominal one.
    """
    q, lam, eps = problem(family, seed=3, num_draws=40_000)
    gradients = per_draw_gradients(estimator, lam, TARGET.log_joint, q, eps)
    samples = np.column_stack([estimator(lam, TARGET.log_joint, q, eps), gradients])
    truth = np.append(gaussian_elbo(q, lam), grad(lambda lam: gaussian_elbo(q, lam))(lam))
    result = stats.ttest_1samp(samples, truth, axis=0)
    assert np.min(result.pvalue) > 1e-6 / truth.size


@pytest.mark.slow
def test_leave_one_out_baseline_is_unbiased_even_with_two_draws():
    """t-tests, false alarm 1e-6; a baseline with its own draw in it would halve the gradient."""
    q, lam, _ = problem(MeanField, seed=3)
    rng = np.random.default_rng(5)
    f = differentiate(score_cv, TARGET.log_joint, q)
    gradients = np.array([f(lam, q.noise(rng, 2))[1] for _ in range(6000)])
    truth = grad(lambda lam: gaussian_elbo(q, lam))(lam)
    result = stats.ttest_1samp(gradients, truth, axis=0)
    assert np.min(result.pvalue) > 1e-6 / truth.size
    halved = stats.ttest_1samp(gradients / 2, truth, axis=0)
    assert np.min(halved.pvalue) < 1e-12


def test_baseline_of_all_draws_would_shrink_the_gradient_by_one_over_m():
    q, lam, eps = problem(MeanField)
    z = q.transport(lam, eps)
    w = skewed(z) - q.log_prob(lam, z)
    scores = np.array([grad(lambda lam, z=z: q.log_prob(lam, z))(lam) for z in z])
    shrunk = np.mean((w - w.mean())[:, None] * scores, axis=0)
    _, gradient = values_and_gradient(score_cv, lam, skewed, q, eps)
    np.testing.assert_allclose(gradient * (len(eps) - 1) / len(eps), shrunk, rtol=1e-11)


@both_families
def test_stl_vanishes_for_every_draw_at_the_optimum(family):
    q = family(2)
    target = (
        TARGET if family is FullRank else CorrelatedGaussian(TARGET.mean, np.diag(TARGET.sd**2))
    )
    scale = np.linalg.cholesky(target.cov)
    lam = q.pack(target.mean, scale if family is FullRank else np.log(np.diagonal(scale)))
    eps = q.noise(np.random.default_rng(1), 50)
    assert np.abs(per_draw_gradients(stl, lam, target.log_joint, q, eps)).max() < 1e-12
    values = stl(lam, target.log_joint, q, eps)
    np.testing.assert_allclose(values, target.log_evidence, atol=1e-13)
    assert np.abs(per_draw_gradients(reparam, lam, target.log_joint, q, eps)).max() > 0.1


def test_gradient_variance_of_a_known_case():
    """The gradient in mu, -(z - m)/s², has variance sd²/s⁴: chi-square test, false alarm 1e-6."""
    oracle = CorrelatedGaussian(np.array([1.0]), np.array([[2.25]]))
    q, num_rep, num_draws = MeanField(1), 2000, 4
    lam = q.init(0.0, 0.8)
    variance = gradient_variance(
        reparam, lam, oracle.log_joint, q, np.random.default_rng(2), num_rep, num_draws
    )
    assert variance.shape == (2,)
    statistic = (num_rep - 1) * variance[0] / (0.64 / 2.25**2 / num_draws)
    assert 5e-7 < stats.chi2(num_rep - 1).cdf(statistic) < 1 - 5e-7


def test_gradient_variance_is_the_sample_variance_over_repetitions():
    q, lam, _ = problem(MeanField)
    variance = gradient_variance(reparam, lam, skewed, q, np.random.default_rng(4), 3, 5)
    rng = np.random.default_rng(4)
    gradients = [values_and_gradient(reparam, lam, skewed, q, q.noise(rng, 5))[1] for _ in range(3)]
    np.testing.assert_array_equal(variance, np.var(gradients, axis=0, ddof=1))
    with pytest.raises(ValueError, match="num_rep must be at least 2"):
        gradient_variance(reparam, lam, skewed, q, rng, 1, 5)


def test_stop_gradient_stops_every_level():
    f = lambda x: x * stop_gradient(x**2)  # noqa: E731
    assert grad(f)(3.0) == 9.0
    assert grad(lambda x: x * grad(f)(x))(3.0) == 9.0


# --- explicit gradients ------------------------------------------------------------------------


def by_hand(lam, log_p, q, eps, *, sign=1.0, chain=True, per_draw=False):
    """reparam_entropy of TARGET under MeanField, derived by hand."""
    mu, omega = q.unpack(lam)
    sd = np.exp(omega)
    z = mu + sd * eps
    pull = -np.linalg.solve(TARGET.cov, (z - TARGET.mean).T).T
    g_omega = pull * eps * (sd if chain else 1.0) + 1.0
    rows = sign * np.concatenate([pull, g_omega], axis=1)
    return log_p(z) + q.entropy(lam), rows if per_draw else rows.mean(axis=0)


def test_explicit_gradient_is_an_estimator_like_any_other():
    q, lam, eps = problem(MeanField)
    want = values_and_gradient(reparam_entropy, lam, TARGET.log_joint, q, eps)
    for per_draw in (False, True):

        @explicit_gradient
        def mine(lam, log_p, q, eps, per_draw=per_draw):
            return by_hand(lam, log_p, q, eps, per_draw=per_draw)

        assert mine.__name__ == "mine"
        got = values_and_gradient(mine, lam, TARGET.log_joint, q, eps)
        np.testing.assert_allclose(got[0], want[0], rtol=1e-13)
        np.testing.assert_allclose(got[1], want[1], rtol=1e-11)
        report = check_estimator(mine, TARGET)
        assert report.passed
        assert report.total_derivative
    rows = per_draw_gradients(mine, lam, TARGET.log_joint, q, eps)
    want = per_draw_gradients(reparam_entropy, lam, TARGET.log_joint, q, eps)
    np.testing.assert_allclose(rows, want, rtol=1e-11)


def test_explicit_gradients_of_groups():
    """One value and one gradient for each pair of draws, in each of the three ways to return it."""
    q, lam, eps = problem(MeanField, num_draws=6)
    rows = per_draw_gradients(reparam, lam, skewed, q, eps).reshape(3, 2, 4).mean(axis=1)
    values = reparam(lam, skewed, q, eps).reshape(3, 2).mean(axis=1)

    def pairs(lam, log_p, q, eps):
        return anp.mean(anp.reshape(reparam(lam, log_p, q, eps), (-1, 2)), axis=1)

    explicit = explicit_gradient(lambda lam, log_p, q, eps: (values, rows))
    averaged = explicit_gradient(lambda lam, log_p, q, eps: (values, rows.mean(axis=0)))
    for estimator in (pairs, explicit, averaged):
        got = values_and_gradient(estimator, lam, skewed, q, eps)
        np.testing.assert_allclose(got[0], values, rtol=1e-13)
        np.testing.assert_allclose(got[1], rows.mean(axis=0), rtol=1e-11)
    for estimator in (pairs, explicit):
        got = per_draw_gradients(estimator, lam, skewed, q, eps)
        np.testing.assert_allclose(got, rows, rtol=1e-11)
    with pytest.raises(ShapeError, match=r"gradient of <lambda> must have shape \(3, 4\)"):
        per_draw_gradients(averaged, lam, skewed, q, eps)
    with pytest.raises(ShapeError, match=r"must have shape \(6,\), got \(4,\); one value for each"):
        values_and_gradient(lambda *a: reparam(*a)[:4], lam, skewed, q, eps)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.zeros(7), r"must return the pair \(values, gradient\)"),
        ((np.zeros(6), np.zeros(4)), r"values of user must have shape \(7,\), got \(6,\)"),
        ((np.zeros(7), np.zeros(3)), r"gradient of user must have shape \(4,\), got \(3,\)"),
        ((np.zeros(7), np.zeros((6, 4))), r"gradient of user must have shape \(7, 4\)"),
    ],
)
def test_explicit_gradient_names_what_is_wrong(result, message):
    q, lam, eps = problem(MeanField)

    @explicit_gradient
    def user(lam, log_p, q, eps):
        return result

    with pytest.raises(ShapeError, match=message):
        values_and_gradient(user, lam, skewed, q, eps)


def test_per_draw_gradients_of_a_mean_are_refused():
    q, lam, eps = problem(MeanField)
    user = explicit_gradient(lambda lam, log_p, q, eps: (np.zeros(7), np.zeros(4)))
    with pytest.raises(ShapeError, match=r"must have shape \(7, 4\), got \(4,\)"):
        per_draw_gradients(user, lam, skewed, q, eps)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q, lam, eps: values_and_gradient(reparam, lam[:3], skewed, q, eps), "lam must"),
        (lambda q, lam, eps: values_and_gradient(reparam, lam, skewed, q, eps[0]), "eps must"),
        (lambda q, lam, eps: per_draw_gradients(reparam, lam, skewed, q, eps[:, :1]), "eps must"),
        (
            lambda q, lam, eps: values_and_gradient(
                lambda *a: anp.mean(reparam(*a)), lam, skewed, q, eps
            ),
            r"values of <lambda> must have shape \(7,\), got \(\)",
        ),
        (lambda q, lam, eps: score_cv(lam, skewed, q, eps[:1]), "at least 2 draws, got .*1, 2"),
        (lambda q, lam, eps: score_cv(lam, skewed, q, eps[0]), "at least 2 draws"),
    ],
)
def test_shape_errors(call, message):
    with pytest.raises(ShapeError, match=message):
        call(*problem(MeanField))


# --- check_estimator ---------------------------------------------------------------------------

x = np.linspace(0.0, 1.0, 5)
ORACLES = {
    "default": None,
    "normal": NormalNormal(np.array([0.3, 1.9, -0.4]), 0.5, 2.0, 0.7),
    "line": LinearRegression(np.column_stack([np.ones(5), x]), 1 + 0.5 * x + 0.1 * x**3, 10.0, 0.1),
}


@pytest.mark.slow
@pytest.mark.parametrize("family", [MeanField, FullRank])
@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_bench_passes_the_real_estimators(estimator, oracle, family):
    target = ORACLES[oracle]
    report = check_estimator(estimator, target, family(2 if target is None else target.dim))
    assert report.passed, report.summary()
    assert report.total_derivative == (estimator in (reparam, reparam_entropy))


def flipped_sign(lam, log_p, q, eps):
    value = reparam(lam, log_p, q, eps)
    return 2.0 * stop_gradient(value) - value


def descends_the_model_only(lam, log_p, q, eps):
    z = q.transport(lam, eps)
    return q.entropy(lam) + 2.0 * stop_gradient(log_p(z)) - log_p(z)


def dropped_entropy(lam, log_p, q, eps):
    return log_p(q.transport(lam, eps))


def entropy_without_gradient(lam, log_p, q, eps):
    return log_p(q.transport(lam, eps)) + stop_gradient(q.entropy(lam))


def entropy_with_the_wrong_sign(lam, log_p, q, eps):
    return log_p(q.transport(lam, eps)) - q.entropy(lam)


def entropy_counted_twice(lam, log_p, q, eps):
    z = q.transport(lam, eps)
    return log_p(z) - q.log_prob(lam, z) + q.entropy(lam)


def missing_constant(lam, log_p, q, eps):
    return reparam(lam, log_p, q, eps) - 0.5 * densities.LOG_2PI * q.dim


@explicit_gradient
def missing_chain_factor(lam, log_p, q, eps):
    mu, omega = q.unpack(lam)
    z = mu + np.exp(omega) * eps
    pull = grad(lambda z: anp.sum(log_p(z)))(z)
    gradient = np.concatenate([pull, pull * eps + 1.0], axis=1)  # exp(omega) is missing
    return log_p(z) + q.entropy(lam), gradient


def sd_for_variance(lam, log_p, q, eps):
    mu, omega = q.unpack(lam)
    z = q.transport(lam, eps)
    log_q = -0.5 * densities.LOG_2PI - omega - 0.5 * (z - mu) ** 2 / anp.exp(omega)
    return log_p(z) - anp.sum(log_q, axis=-1)


def omega_taken_as_variance(lam, log_p, q, eps):
    mu, omega = q.unpack(lam)
    return log_p(mu + anp.exp(0.5 * omega) * eps) + q.entropy(lam)


def omega_taken_as_sd(lam, log_p, q, eps):
    """The published code: zeta = eta * omega + mu, though omega is a log sd elsewhere."""
    mu, omega = q.unpack(lam)
    return log_p(mu + omega * eps) + q.entropy(lam)


def naive_gradient(lam, log_p, q, eps):
    z = stop_gradient(q.transport(lam, eps))
    return log_p(z) - q.log_prob(lam, z)


def score_without_log_q(lam, log_p, q, eps):
    z = q.transport(stop_gradient(lam), eps)
    log_q = q.log_prob(lam, z)
    surrogate = stop_gradient(log_p(z)) * log_q
    return stop_gradient(log_p(z) - log_q) + surrogate - stop_gradient(surrogate)


def score_of_the_mean_times_mean(lam, log_p, q, eps):
    z = q.transport(stop_gradient(lam), eps)
    log_q = q.log_prob(lam, z)
    w = stop_gradient(log_p(z) - log_q)
    return w + np.mean(w) * (log_q - stop_gradient(log_q))


def tempered(lam, log_p, q, eps):
    z = q.transport(lam, eps)
    return 1.05 * log_p(z) - q.log_prob(lam, z)


MUTANTS = [
    flipped_sign,
    descends_the_model_only,
    dropped_entropy,
    entropy_without_gradient,
    entropy_with_the_wrong_sign,
    entropy_counted_twice,
    missing_constant,
    missing_chain_factor,
    sd_for_variance,
    omega_taken_as_variance,
    omega_taken_as_sd,
    naive_gradient,
    score_without_log_q,
    score_of_the_mean_times_mean,
    tempered,
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda f: f.__name__)
def test_bench_kills_every_mutant(mutant, seed):
    report = check_estimator(mutant, rng=np.random.default_rng(seed))
    assert not report.passed, report.summary()


def test_a_wrong_gradient_with_right_values_is_seen_and_said():
    report = check_estimator(flipped_sign)
    assert np.all(np.abs(report.value_z) < report.threshold)
    assert "flipped_sign: FAILED" in report.summary()
    assert report.summary().count("<- off") >= 4
    np.testing.assert_allclose(report.gradient, -report.exact_gradient, rtol=0.5)


def test_report_of_a_right_estimator():
    report = check_estimator(reparam, num_rep=50)
    assert "reparam: passed" in report.summary()
    assert "<- off" not in report.summary()
    assert report.variance.shape == report.gradient.shape == (2, 4)
    again = check_estimator(reparam, num_rep=50)
    np.testing.assert_array_equal(report.gradient, again.gradient)


@pytest.mark.slow
def test_a_family_without_closed_entropy_is_judged_by_the_caller_s_exact_value():
    """A mixture's ELBO by a fine grid; the bench refuses it without one, and sees a wrong one."""
    q, grid = Mixture(1, 2), np.linspace(-15.0, 15.0, 3001)[:, None]
    target = NormalNormal(np.array([0.3, 1.9, -0.4]), 0.5, 2.0, 0.7)

    def exact(lam, shift=0.0):
        log_q = q.log_prob(lam, grid)
        inner = target.log_joint(grid) - log_q + shift * lam[0]
        return np.sum(np.exp(log_q) * inner) * (grid[1, 0] - grid[0, 0])

    report = check_estimator(reparam, target, q, exact=exact)
    assert report.passed, report.summary()
    assert not check_estimator(reparam, target, q, exact=lambda lam: exact(lam, 1.0)).passed


@pytest.mark.parametrize("family", [MeanField, FullRank])
def test_the_bench_looks_from_both_sides_wider_and_narrower(family):
    """In units of the target's sds, whatever its scale: a bench at the optimum sees no bias."""
    target = CorrelatedGaussian(np.array([4.0, -1.0]), np.array([[9.0, 0.9], [0.9, 16.0]]))
    q, seen = family(2), []

    def spy(lam, log_p, q, eps):
        seen.append(tuple(stop_gradient(lam)))
        return reparam(lam, log_p, q, eps)

    check_estimator(spy, target, q, num_rep=2, num_draws=4)
    first, second = (np.array(lam) for lam in list(dict.fromkeys(seen))[:2])
    for lam, offset, ratio in ((first, 0.5, 1.6), (second, -0.8, 0.5)):
        distance = (q.mean(lam) - target.mean) / [3.0, 4.0]
        np.testing.assert_allclose(distance, offset, atol=0.05)
        np.testing.assert_allclose(q.sd(lam) / [3.0, 4.0], ratio, rtol=0.15)


def test_a_noise_free_estimator_passes():
    """The exact ELBO itself: its error is rounding, its standard error zero."""

    def exact(lam, log_p, q, eps):
        return gaussian_elbo(q, lam) + 0.0 * eps[:, 0]

    assert check_estimator(exact, TARGET, FullRank(2)).passed


def test_nan_does_not_pass():
    report = check_estimator(lambda lam, log_p, q, eps: np.nan * reparam(lam, log_p, q, eps))
    assert not report.passed


def test_bench_refuses_what_it_cannot_judge():
    gamma = GaussianGamma(np.array([1.0, 2.0, 4.0]), 0.0, 1.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="got GaussianGamma, which differs from that by up to"):
        check_estimator(reparam, gamma)
    with pytest.raises(ShapeError, match="family has dim 3, the oracle 2"):
        check_estimator(reparam, family=MeanField(3))


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [score, score_cv])
def test_false_alarm_rate_of_the_bench(estimator):
    """At a nominal 5 % an unbiased estimator fails at most so often (binomial test at 1e-5)."""
    runs = 60
    failures = sum(
        not check_estimator(estimator, rng=np.random.default_rng(seed), false_alarm=0.05).passed
        for seed in range(runs)
    )
    assert stats.binom(runs, 0.05).sf(failures - 1) > 1e-5

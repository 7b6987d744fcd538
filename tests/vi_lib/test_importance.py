"""Importance-weighted bounds: identities on given noise, and quadrature as the exact reference."""

from __future__ import annotations

from dataclasses import dataclass

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
    doubly_reparameterized_bound,
    dreg,
    importance_weighted_bound,
    iwae,
    per_draw_gradients,
    renyi,
    renyi_bound,
    reparam,
    stl,
    values_and_gradient,
)
from vi_lib.families import FullRank, LowRank, MeanField
from vi_lib.fit import fit

FAMILIES = [MeanField(2), FullRank(2), LowRank(2, 1)]
ORDERS = [-1.0, 0.0, 0.5, 1.0, 2.0]


def skewed(z):
    """A target that is not Gaussian: a log-gamma in each coordinate, coupled."""
    return anp.sum(2.0 * z - anp.exp(z), axis=-1) - 0.3 * z[..., 0] * z[..., 1] ** 2


def problem(q, num_draws=12, seed=0):
    rng = np.random.default_rng(seed)
    return 0.4 * rng.standard_normal(q.num_params), q.noise(rng, num_draws)


def central_differences(f, lam, step=1e-5):
    return np.array(
        [(f(lam + step * e) - f(lam - step * e)) / (2 * step) for e in np.eye(len(lam))]
    )


families = pytest.mark.parametrize("q", FAMILIES, ids=repr)


# --- functions of log weights --------------------------------------------------------------------


def test_bound_is_the_log_of_the_mean_weight():
    log_w = np.random.default_rng(0).standard_normal((5, 3))
    want = np.log(np.mean(np.exp(log_w), axis=0))
    np.testing.assert_allclose(importance_weighted_bound(log_w), want, rtol=1e-14)
    assert np.shape(importance_weighted_bound(log_w[:, 0])) == ()
    np.testing.assert_array_equal(importance_weighted_bound(log_w[:1]), log_w[0])


@pytest.mark.parametrize("shift", [-2000.0, 1500.0])
def test_bounds_do_not_overflow_and_move_with_the_weights(shift):
    log_w = np.random.default_rng(1).standard_normal((4, 2))
    for bound in (
        importance_weighted_bound,
        doubly_reparameterized_bound,
        *(lambda w, a=a: renyi_bound(w, a) for a in ORDERS),
    ):
        np.testing.assert_allclose(bound(log_w + shift) - shift, bound(log_w), atol=1e-11)
        assert np.all(np.isfinite(grad(lambda w, b=bound: anp.sum(b(w)))(log_w + shift)))


def test_weights_of_zero():
    log_w = np.array([0.3, -np.inf, -np.inf])
    assert importance_weighted_bound(log_w) == pytest.approx(0.3 - np.log(3), abs=1e-14)
    assert importance_weighted_bound(np.full(3, -np.inf)) == -np.inf
    np.testing.assert_allclose(grad(importance_weighted_bound)(log_w), [1.0, 0.0, 0.0])


def test_renyi_bound_between_its_landmarks():
    log_w = np.random.default_rng(2).standard_normal((6, 4))
    np.testing.assert_array_equal(renyi_bound(log_w, 0.0), importance_weighted_bound(log_w))
    np.testing.assert_array_equal(renyi_bound(log_w, 1.0), log_w.mean(axis=0))
    # The next cumulant: 1/(1 - a) log mean exp((1 - a) x) = mean + (1 - a)/2 var + ...
    near = renyi_bound(log_w, 1.0 - 1e-4)
    np.testing.assert_allclose(
        near, log_w.mean(axis=0) + 0.5e-4 * log_w.var(axis=0), rtol=0, atol=1e-8
    )
    falling = np.array([renyi_bound(log_w, a) for a in (-50.0, *ORDERS, 50.0)])
    assert np.all(np.diff(falling, axis=0) < 0)
    assert np.all(falling[0] < log_w.max(axis=0))
    assert np.all(falling[-1] > log_w.min(axis=0))


def test_derivatives_are_normalised_weights_and_their_squares():
    log_w = np.random.default_rng(3).standard_normal((5, 2))
    v = np.exp(log_w) / np.exp(log_w).sum(axis=0)
    got = grad(lambda w: anp.sum(importance_weighted_bound(w)))(log_w)
    np.testing.assert_allclose(got, v, rtol=1e-13)
    got = grad(lambda w: anp.sum(doubly_reparameterized_bound(w)))(log_w)
    np.testing.assert_allclose(got, v**2, rtol=1e-12)
    np.testing.assert_array_equal(
        doubly_reparameterized_bound(log_w), importance_weighted_bound(log_w)
    )
    for alpha in ORDERS:
        u = np.exp((1 - alpha) * log_w)
        got = grad(lambda w, a=alpha: anp.sum(renyi_bound(w, a)))(log_w)
        np.testing.assert_allclose(got, u / u.sum(axis=0), rtol=1e-12)


# --- estimators at given noise -------------------------------------------------------------------


@families
@pytest.mark.parametrize("num_samples", [1, 3, 12])
def test_total_derivatives_equal_finite_differences(q, num_samples):
    lam, eps = problem(q)
    for estimator in (iwae(num_samples), *(renyi(a, num_samples) for a in ORDERS)):
        f = differentiate(estimator, skewed, q)
        want = central_differences(lambda lam, f=f: f(lam, eps)[0], lam)
        np.testing.assert_allclose(f(lam, eps)[1], want, rtol=1e-7, atol=1e-8)


@families
def test_gradients_are_weighted_sums_of_the_draws_gradients(q):
    """A group's gradient is Σ v_k g_k, with the total derivatives g for iwae; Σ v_k² for dreg."""
    lam, eps = problem(q)
    v = np.exp(reparam(lam, skewed, q, eps)).reshape(4, 3)
    v = v / v.sum(axis=1, keepdims=True)
    for estimator, weights, each in ((iwae(3), v, reparam), (dreg(3), v**2, stl)):
        rows = per_draw_gradients(each, lam, skewed, q, eps).reshape(4, 3, -1)
        want = np.sum(weights[..., None] * rows, axis=1)
        got = per_draw_gradients(estimator, lam, skewed, q, eps)
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
        _, mean = values_and_gradient(estimator, lam, skewed, q, eps)
        np.testing.assert_allclose(mean, want.mean(axis=0), rtol=1e-10, atol=1e-12)


@families
def test_groups_are_consecutive_draws_and_one_sample_is_the_elbo(q):
    lam, eps = problem(q)
    log_w = reparam(lam, skewed, q, eps)
    want = importance_weighted_bound(log_w.reshape(4, 3).T)
    for estimator in (iwae(3), dreg(3), renyi(0.0, 3)):
        np.testing.assert_allclose(estimator(lam, skewed, q, eps), want, rtol=1e-13)
    for one, same in ((iwae(1), reparam), (renyi(0.7, 1), reparam), (dreg(1), stl)):
        for a, b in zip(
            values_and_gradient(one, lam, skewed, q, eps),
            values_and_gradient(same, lam, skewed, q, eps),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_dreg_vanishes_for_every_group_where_q_is_the_target():
    q = FullRank(2)
    target = densities.multivariate_normal
    mean, L = np.array([1.0, -2.0]), np.array([[0.7, 0.0], [0.4, 1.1]])
    lam, eps = q.pack(mean, L), q.noise(np.random.default_rng(1), 60)

    def log_p(z):
        return -1.7 + target(z, mean, L @ L.T)

    assert np.abs(per_draw_gradients(dreg(5), lam, log_p, q, eps)).max() < 1e-12
    np.testing.assert_allclose(dreg(5)(lam, log_p, q, eps), -1.7, atol=1e-12)
    assert np.abs(per_draw_gradients(iwae(5), lam, log_p, q, eps)).max() > 0.1


@pytest.mark.parametrize("num_samples", [5, 25])
def test_dreg_is_less_noisy_near_the_target_and_noisier_elsewhere(num_samples):
    """Measured, not a law: the ratio is .0003 next to N(2, sd=3), and 25 for a narrower q."""
    q = MeanField(1)

    def log_p(z):
        return densities.normal(z, 2.0, 3.0)[..., 0]

    def ratio(lam):
        eps = q.noise(np.random.default_rng(0), 2000 * num_samples)
        rows = [per_draw_gradients(e(num_samples), lam, log_p, q, eps) for e in (dreg, iwae)]
        return rows[0].var(axis=0) / rows[1].var(axis=0)

    assert np.all(ratio(q.init(2.0, 2.9)) < 1e-3)
    assert np.all(ratio(q.init(2.0, 1.0)) > 10.0)


# --- what they estimate --------------------------------------------------------------------------


@dataclass(frozen=True)
class LogGamma:
    """exp(z) ~ Gamma(2, 1), unnormalised; moments only place the bench's points."""

    @property
    def mean(self):
        return np.array([0.4])

    @property
    def cov(self):
        return np.array([[0.6]])

    @property
    def log_evidence(self):
        return 0.0

    def log_joint(self, theta):
        return np.sum(2.0 * theta, axis=-1) - anp.sum(anp.exp(theta), axis=-1)


def expected_bound(target, num_samples, alpha=0.0, nodes=48):
    """E[VR_K(alpha)] as a function of lam, by a product Gauss-Hermite rule in K dimensions."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    grids = np.array(np.meshgrid(*[x] * num_samples, indexing="ij")).reshape(num_samples, -1)
    weight = np.prod(
        np.array(np.meshgrid(*[w / w.sum()] * num_samples, indexing="ij")), axis=0
    ).ravel()
    q = MeanField(1)

    def exact(lam):
        z = q.transport(lam, x[:, None])
        log_w = target.log_joint(z) - q.log_prob(lam, z)
        table = np.interp(grids.ravel(), x, log_w).reshape(grids.shape)  # exact at the nodes
        return float(np.sum(weight * renyi_bound(table, alpha)))

    return exact


def log_gamma_numpy(theta):
    return np.sum(2.0 * theta - np.exp(theta), axis=-1)


@pytest.mark.parametrize("num_samples", [1, 2, 3])
@pytest.mark.parametrize("factory", [iwae, dreg])
@pytest.mark.slow
def test_bench_certifies_importance_weighted_bounds(factory, num_samples):
    exact = expected_bound(LogGamma(), num_samples)
    finer = expected_bound(LogGamma(), num_samples, nodes=60)
    lam = np.array([0.1, -0.3])
    assert abs(exact(lam) - finer(lam)) < 1e-6
    report = check_estimator(
        factory(num_samples), LogGamma(), MeanField(1), exact=exact, num_draws=60
    )
    assert report.passed, report.summary()
    assert report.total_derivative == (factory is iwae)
    assert f"{factory.__name__}({num_samples}): passed" in report.summary()


@pytest.mark.parametrize("alpha", [-0.5, 0.5, 1.0, 2.0])
def test_bench_certifies_renyi_for_its_own_expectation(alpha):
    exact = expected_bound(LogGamma(), 2, alpha)
    report = check_estimator(renyi(alpha, 2), LogGamma(), MeanField(1), exact=exact, num_draws=60)
    assert report.passed, report.summary()
    assert report.total_derivative


def unsquared(lam, log_p, q, eps):
    """DReG with the weights instead of their squares."""
    z = q.transport(lam, eps)
    from vi_lib.estimators import stop_gradient

    log_w = (log_p(z) - q.log_prob(stop_gradient(lam), z)).reshape(-1, 2)
    return importance_weighted_bound(log_w.T)


def sum_of_weights(lam, log_p, q, eps):
    return iwae(2)(lam, log_p, q, eps) + np.log(2.0)


def mean_of_logs(lam, log_p, q, eps):
    return anp.mean(anp.reshape(reparam(lam, log_p, q, eps), (-1, 2)), axis=1)


@pytest.mark.parametrize("mutant", [unsquared, sum_of_weights, mean_of_logs, iwae(4)])
def test_bench_kills_mutants_of_the_bound(mutant):
    exact = expected_bound(LogGamma(), 2)
    report = check_estimator(mutant, LogGamma(), MeanField(1), exact=exact, num_draws=60)
    assert not report.passed, report.summary()


def renyi_gaussians(alpha, mean, sd, m, s):
    """-D_alpha(N(mean, sd) || N(m, s)), the variational Rényi bound of a normalised target."""
    if alpha == 1.0:
        return -(np.log(s / sd) + (sd**2 + (mean - m) ** 2) / (2 * s**2) - 0.5)
    mixed = alpha * s**2 + (1 - alpha) * sd**2
    return -(
        np.log(s / sd) + np.log(s**2 / mixed) / (2 * (alpha - 1))
        + alpha * (mean - m) ** 2 / (2 * mixed)
    )  # fmt: skip


@pytest.mark.parametrize("alpha", [0.25, 0.5, 1.0, 1.5])
def test_renyi_tends_to_the_closed_form_between_gaussians(alpha):
    """z-test of the mean of the weights' powers, false alarm 1e-6: one group of 400 000 draws."""
    q, K = MeanField(1), 400_000
    lam, eps = q.init(0.4, 0.8), q.noise(np.random.default_rng(4), K)

    def log_p(z):
        return densities.normal(z, 0.0, 1.0)[..., 0]

    want = renyi_gaussians(alpha, 0.4, 0.8, 0.0, 1.0)
    (got,) = renyi(alpha, K)(lam, log_p, q, eps)
    log_w = reparam(lam, log_p, q, eps)
    if alpha == 1.0:
        se = log_w.std() / np.sqrt(K)
    else:
        power = np.exp((1 - alpha) * (log_w - want))
        se = power.std() / power.mean() / abs(1 - alpha) / np.sqrt(K)
    assert abs(got - want) < stats.norm.isf(5e-7) * se


@dataclass(frozen=True)
class Standard(LogGamma):
    def log_joint(self, theta):
        return densities.normal(theta, 0.0, 1.0)[..., 0]


@pytest.mark.parametrize(("alpha", "side"), [(0.5, 1), (0.0, 1), (1.5, -1)])
def test_finite_samples_are_biased_for_the_limit_as_stated(alpha, side):
    """By quadrature, no luck involved: from below for alpha < 1, from above for alpha > 1."""
    lam = MeanField(1).init(0.4, 0.8)
    limit = renyi_gaussians(alpha, 0.4, 0.8, 0.0, 1.0) if alpha else 0.0
    bounds = np.array([expected_bound(Standard(), K, alpha)(lam) for K in (1, 2, 3)])
    assert np.all(side * np.diff(bounds) > 1e-3)
    assert np.all(side * (limit - bounds) > 1e-3)
    assert bounds[0] == pytest.approx(renyi_gaussians(1.0, 0.4, 0.8, 0.0, 1.0), abs=1e-9)


def test_bound_rises_with_the_number_of_samples_and_stays_below_the_evidence():
    q = MeanField(1)
    exact = [expected_bound(Standard(), K)(q.init(0.9, 0.6)) for K in (1, 2, 3)]
    assert exact == sorted(exact)
    assert exact[0] < exact[2] < 0.0


# --- in the loop ---------------------------------------------------------------------------------


def test_history_has_the_standard_error_of_groups():
    q = MeanField(1)
    r = fit(Standard().log_joint, q, q.init(1.0, 0.5), estimator=iwae(3), stop=None, max_iters=1,
            num_draws=12, rng=np.random.default_rng(1))  # fmt: skip
    values = iwae(3)(q.init(1.0, 0.5), Standard().log_joint, q,
                     q.noise(np.random.default_rng(1), 12))  # fmt: skip
    assert values.shape == (4,)
    np.testing.assert_allclose(r.history[0], [values.mean(), values.std(ddof=1) / 2.0], rtol=1e-13)


@pytest.mark.parametrize("estimator", [iwae(5), dreg(5), renyi(0.5, 5)], ids=lambda e: e.__name__)
@pytest.mark.slow
def test_fit_climbs_them_and_stops(estimator):
    q = MeanField(1)
    r = fit(lambda z: densities.normal(z, 3.0, 0.5)[..., 0], q, estimator=estimator,
            rng=np.random.default_rng(0))  # fmt: skip
    assert r.converged
    assert abs(r.mean[0] - 3.0) < 0.1 * 0.5
    assert abs(np.log(r.sd[0] / 0.5)) < 0.1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: importance_weighted_bound(np.float64(1.0)), ShapeError, r"first axis.*got \(\)"),
        (lambda: renyi_bound(np.zeros((0, 3)), 0.5), ShapeError, r"got \(0, 3\)"),
        (lambda: renyi_bound(np.zeros(3), np.inf), ValueError, "alpha must be finite, got inf"),
        (lambda: renyi(np.nan, 3), ValueError, "alpha must be finite"),
        (lambda: iwae(0), ValueError, "num_samples must be at least 1, got 0"),
        (
            lambda: dreg(5)(np.zeros(2), skewed, MeanField(1), np.zeros((12, 1))),
            ShapeError,
            r"dreg\(5\) needs noise \(M, 1\) with M a multiple of 5, got \(12, 1\)",
        ),
        (
            lambda: fit(skewed, MeanField(2), estimator=iwae(4), num_draws=10),
            ShapeError,
            "M a multiple of 4",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

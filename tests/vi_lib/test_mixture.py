"""The mixture of Gaussians: its quantile out to both tails, its paths, its gradients, its fits."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad
from autograd.test_util import check_grads
from scipy import special, stats

from vi_lib import densities, estimators
from vi_lib._check import ShapeError, SupportError
from vi_lib._quantile import logsumexp, mixture_quantile
from vi_lib._special import log_ndtr
from vi_lib.families import MeanField, Mixture
from vi_lib.fit import fit
from vi_lib.optimizers import adam

#: (weights, means, sds) of one-dimensional mixtures, easy and hard.
CASES = {
    "overlapping": ([0.2, 0.5, 0.3], [-1.0, 0.5, 2.0], [0.7, 1.0, 0.4]),
    "far apart": ([0.5, 0.5], [-40.0, 40.0], [0.1, 0.1]),
    "far apart and unequal": ([0.9, 0.1 - 1e-9, 1e-9], [-40.0, 40.0, 90.0], [0.1, 3.0, 0.1]),
    "a spike in a plain": ([0.5, 0.5], [1.0, 0.0], [1e-5, 10.0]),
    "one narrow, one with no weight": ([1.0 - 1e-200, 1e-200], [0.0, 5.0], [1.0, 1.0]),
    "equal components": ([0.5, 0.5], [2.0, 2.0], [3.0, 3.0]),
}
EPS = np.concatenate([np.linspace(-6.0, 6.0, 241), [-37.0, -12.0, 12.0, 37.0]])
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@cases
def test_the_quantile_solves_its_equation_in_both_tails(case):
    """Log F = log Φ(eps) below the median, log(1 - F) = log Φ(-eps) above, to 13 digits."""
    w, mu, sd = (np.array(part) for part in case)
    x = mixture_quantile(np.log(w), mu, np.log(sd), EPS)
    u = (x[:, None] - mu) / sd
    lower = special.logsumexp(np.log(w) + stats.norm.logcdf(u), axis=1)
    upper = special.logsumexp(np.log(w) + stats.norm.logsf(u), axis=1)
    got = np.where(EPS > 0, upper, lower)
    want = stats.norm.logcdf(-np.abs(EPS))
    # x is the nearest double, so log F is known to the spacing of x times its slope.
    slope = np.exp(special.logsumexp(np.log(w / sd) + stats.norm.logpdf(u), axis=1) - got)
    np.testing.assert_array_less(np.abs(got - want), 1e-13 * (1 - want) + slope * np.spacing(x))
    assert np.all(np.diff(x[:241]) > 0)


def test_components_far_apart_leave_each_tail_to_one_of_them():
    """There ½ Φ(u) = Φ(eps) for the lower component, and the mirror image for the upper."""
    w, mu, sd = (np.array(part) for part in CASES["far apart"])
    eps = np.array([0.5, 1.0, 3.0, 6.0])
    u = stats.norm.isf(2 * stats.norm.sf(eps))
    for sign in (1.0, -1.0):
        x = mixture_quantile(np.log(w), mu, np.log(sd), sign * eps)
        np.testing.assert_allclose(x, sign * (40.0 + 0.1 * u), rtol=1e-14)


def test_one_component_is_a_gaussian():
    q, mf = Mixture(3, 1), MeanField(3)
    mu, omega = np.array([1.0, -2.0, 1e4]), np.array([-8.0, 0.0, 3.0])
    lam, same = q.pack(np.array([0.7]), mu[None], omega[None]), mf.pack(mu, omega)
    eps = np.concatenate([np.random.default_rng(0).standard_normal((5, 3)), [[-30.0, 30.0, 0.0]]])
    np.testing.assert_allclose(q.transport(lam, eps), mf.transport(same, eps), rtol=1e-15)
    z = mf.transport(same, eps)
    np.testing.assert_allclose(q.log_prob(lam, z), mf.log_prob(same, z), rtol=1e-14)
    np.testing.assert_allclose(q.cov(lam), mf.cov(same), rtol=1e-14)


def test_the_mirror_image_of_a_mixture_has_the_mirrored_draws():
    """Bit for bit: both tails get the same care."""
    q = Mixture(2, 3)
    logits, mu, omega = q.unpack(np.random.default_rng(1).standard_normal(q.num_params))
    eps = 2.0 * np.random.default_rng(2).standard_normal((50, 2))
    z = q.transport(q.pack(logits, mu, omega), eps)
    np.testing.assert_array_equal(q.transport(q.pack(logits, -mu, omega), -eps), -z)


def test_derivatives_of_any_order():
    """The first against central differences, the second likewise; both sides of the median."""
    eps = np.array([-3.0, -0.4, 0.3, 4.0])

    def draws(log_w, mu, omega, eps):
        return anp.sin(mixture_quantile(log_w - logsumexp(log_w), mu, omega, eps))

    w, mu, sd = (np.array(part) for part in CASES["overlapping"])
    check_grads(draws, modes=["rev"], order=2)(np.log(w), mu, np.log(sd), eps)


def test_derivatives_of_the_log_of_the_normal_distribution_function():
    """The first is h = phi / Phi = sqrt(2 / pi) / erfcx(-x / sqrt(2)), the second -h (x + h)."""
    x = np.array([-30.0, -2.0, 0.0, 3.0])
    hazard = np.sqrt(2.0 / np.pi) / special.erfcx(-x / np.sqrt(2.0))
    slope = elementwise_grad(log_ndtr)
    # exp(log phi - log Phi): two logs of 450 leave 450 times the grain of a float; 30.03 - 30, too.
    np.testing.assert_allclose(slope(x), hazard, rtol=1e-12)
    np.testing.assert_allclose(elementwise_grad(slope)(x), -hazard * (x + hazard), rtol=1e-9)


def test_far_apart_the_derivatives_are_those_of_the_component_that_is_near():
    """Dz/dmu_k is the probability of component k given z: here 0 or 1, with dz/domega = z - mu."""
    q = Mixture(1, 2)
    lam = q.pack(np.zeros(2), np.array([[-40.0], [40.0]]), np.full((2, 1), np.log(0.1)))
    for eps, near in ((-6.0, 0), (-1.0, 0), (1.0, 1), (6.0, 1)):
        z = q.transport(lam, np.array([eps]))
        slope = grad(lambda lam, e=eps: q.transport(lam, np.array([e]))[0])(lam)
        want = np.zeros((2, 2, 1))
        want[0, near], want[1, near] = 1.0, z - (-40.0, 40.0)[near]
        np.testing.assert_allclose(slope[2:], want.ravel(), rtol=1e-12)
        # The logits: d[w_k Φ(u)] = 0 with dw = ±1/4, in closed form for the tail.
        u = (abs(z[0]) - 40.0) / 0.1
        by_weight = 0.25 * stats.norm.sf(u) / (0.5 * stats.norm.pdf(u) / 0.1)
        sign = 1.0 if near == 1 else -1.0
        np.testing.assert_allclose(slope[near], sign * by_weight, rtol=1e-9)
        np.testing.assert_allclose(slope[:2].sum(), 0.0, atol=1e-15)


def test_extreme_parameters_give_finite_values_and_slopes():
    q = Mixture(2, 3)
    logits = np.array([0.0, -900.0, 800.0])
    mu = np.array([[0.0, 0.0], [1e6, -1e6], [-1e3, 1e3]])
    omega = np.array([[0.0, 0.0], [10.0, -10.0], [-12.0, 12.0]])
    lam = q.pack(logits, mu, omega)
    eps = np.array([[0.3, -5.0], [-6.0, 6.0], [0.0, 0.0], [8.0, 1.0]])
    z = q.transport(lam, eps)
    np.testing.assert_allclose(z, mu[2] + np.exp(omega[2]) * eps, rtol=1e-13)
    value = lambda lam: anp.sum(q.log_prob(lam, q.transport(lam, eps)))  # noqa: E731
    assert np.all(np.isfinite(grad(value)(lam)))


def test_logits_are_free_up_to_a_constant_and_components_up_to_their_order():
    q = Mixture(2, 3)
    lam = np.random.default_rng(3).standard_normal(q.num_params)
    logits, mu, omega = q.unpack(lam)
    z = np.random.default_rng(4).standard_normal((5, 2))
    for other in (q.pack(logits + 7.0, mu, omega), q.pack(logits[::-1], mu[::-1], omega[::-1])):
        np.testing.assert_allclose(q.log_prob(other, z), q.log_prob(lam, z), rtol=1e-13)
        np.testing.assert_allclose(q.transport(other, z), q.transport(lam, z), rtol=1e-11)
    np.testing.assert_allclose(q.weights(lam), special.softmax(logits), rtol=1e-14)
    slope = grad(lambda lam: anp.sum(q.log_prob(lam, z)))(lam)
    np.testing.assert_allclose(slope[:3].sum(), 0.0, atol=1e-13)


def test_a_start_with_equal_components_would_stay_and_init_does_not():
    q = Mixture(2, 3)
    log_p = two_modes
    eps = q.noise(np.random.default_rng(5), 20)
    equal = q.pack(np.zeros(3), np.zeros((3, 2)), np.zeros((3, 2)))
    for lam, stuck in ((equal, True), (q.init(), False)):
        _, slope = estimators.values_and_gradient(estimators.reparam, lam, log_p, q, eps)
        _, by_mu, _ = q.unpack(slope)
        differences = np.abs(by_mu[:, None] - by_mu)[np.triu_indices(3, 1)]
        assert np.all(differences < 1e-12) if stuck else np.all(differences.max(axis=-1) > 1e-2)


GRID = np.linspace(-12.0, 12.0, 4001)[:, None]


@pytest.mark.parametrize(
    "estimator",
    [estimators.reparam, estimators.stl, estimators.score, estimators.score_cv],
)
@pytest.mark.slow
def test_estimators_are_unbiased_for_it(estimator):
    """Against quadrature of the ELBO; t-tests, Bonferroni, false-alarm rate 1e-6 each."""
    q = Mixture(1, 2)
    lam = q.pack(np.array([0.3, -0.4]), np.array([[-1.0], [1.2]]), np.array([[-0.2], [0.1]]))

    def log_p(z):
        return densities.student_t(z[..., 0], 4.0, 0.5, 1.3)

    def elbo(lam):
        log_q = q.log_prob(lam, GRID)
        return anp.sum(anp.exp(log_q) * (log_p(GRID) - log_q)) * (GRID[1, 0] - GRID[0, 0])

    rng, estimates = np.random.default_rng(6), []
    for _ in range(200):
        values, slope = estimators.values_and_gradient(estimator, lam, log_p, q, q.noise(rng, 100))
        estimates.append([values.mean(), *slope])
    truth = np.array([elbo(lam), *grad(elbo)(lam)])
    # The logits' gradients sum to zero in each estimate but for score_cv's; all have a spread.
    result = stats.ttest_1samp(np.array(estimates), truth, axis=0)
    assert np.min(result.pvalue) > 1e-6 / len(truth)


def test_gradients_draw_by_draw_average_to_the_gradient():
    q = Mixture(2, 3)
    eps = q.noise(np.random.default_rng(7), 6)
    rows = estimators.per_draw_gradients(estimators.reparam, q.init(), two_modes, q, eps)
    _, mean = estimators.values_and_gradient(estimators.reparam, q.init(), two_modes, q, eps)
    np.testing.assert_allclose(rows.mean(axis=0), mean, rtol=1e-10, atol=1e-13)


def two_modes(z):
    """A normalised density with two modes, of correlation and weights that matter."""
    a = densities.multivariate_normal(z, np.array([-2.0, -1.0]), np.diag([0.5, 1.0]))
    b = densities.multivariate_normal(z, np.array([2.0, 1.5]), np.diag([1.0, 0.3]))
    return anp.logaddexp(np.log(0.35) + a, np.log(0.65) + b)


@pytest.mark.slow
def test_a_fit_finds_both_modes():
    """KL = -ELBO, as the target is normalised: below 1e-3, where a Gaussian leaves 0.3."""
    q = Mixture(2, 2)
    options = {"stop": None, "optimizer": adam(0.05), "estimator": estimators.stl}
    result = fit(two_modes, q, rng=np.random.default_rng(8), max_iters=500, **options)
    z = q.transport(result.lam, q.noise(np.random.default_rng(9), 20_000))
    assert np.mean(q.log_prob(result.lam, z) - two_modes(z)) < 1e-3
    np.testing.assert_allclose(np.sort(q.weights(result.lam)), [0.35, 0.65], atol=0.02)
    gaussian = fit(two_modes, MeanField(2), rng=np.random.default_rng(8), max_iters=500, **options)
    assert -gaussian.elbo > 0.3


Q = Mixture(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Mixture(0, 2), ShapeError, "dim must be a whole number of at least 1, got 0"),
        (lambda: Mixture(2, 0), ShapeError, "components must be a whole number of at least 1"),
        (lambda: Mixture(2, 1.5), ShapeError, "components must be a whole number .* got 1.5"),
        (lambda: Q.pack(np.zeros(2), np.zeros((3, 2)), np.zeros((3, 2))), ShapeError, "logits"),
        (lambda: Q.pack(np.zeros(3), np.zeros((2, 3)), np.zeros((3, 2))), ShapeError, "mu must"),
        (lambda: Q.pack(np.zeros(3), np.zeros((3, 2)), np.zeros(6)), ShapeError, "omega must"),
        (lambda: Q.weights(np.zeros(14)), ShapeError, r"components=3\) takes lam \(\.\.\., 15\)"),
        (lambda: Q.init(sd=-1.0), SupportError, "sd must be positive"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_not_a_number_in_is_not_a_number_out():
    lam = Q.init()
    lam[3] = np.nan
    assert np.all(np.isnan(Q.transport(lam, np.zeros((2, 2)))[:, 0]))


def test_start_is_its_formula():
    cosines = 0.7 * np.cos(np.outer([1, 2, 3], [1, 2]))
    _, mu, _ = Mixture(2, 3).unpack(Mixture(2, 3).init(5.0, 2.0))
    np.testing.assert_allclose(mu, 5.0 + 2.0 * (cosines - cosines.mean(axis=0)), rtol=1e-12)

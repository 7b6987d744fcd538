"""Oracles: the evidence by independent routes, moments by brute-force quadrature."""

from __future__ import annotations

import itertools

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad
from scipy import integrate, optimize, stats

from vi_lib import datasets, densities
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib._scale_mixture import ScaleMixture
from vi_lib.families import FullRank, MeanField
from vi_lib.oracles import (
    CorrelatedGaussian,
    GaussianGamma,
    LinearRegression,
    LinearRegressionUnknownSd,
    NormalMeanSd,
    NormalNormal,
)

RNG = np.random.default_rng(17)
LINE = datasets.load("line_5")
LINE_X = np.column_stack([np.ones(5), LINE["x"]])
THREE = np.array([0.3, 1.9, -0.4])

GAUSSIAN = {
    "correlated": CorrelatedGaussian(np.array([1.0, -0.5]), np.array([[4.0, 0.8], [0.8, 0.25]])),
    "normal": NormalNormal(THREE, 0.5, 2.0, 0.7),
    "line": LinearRegression(LINE_X, LINE["y"], 10.0, 0.1),
    "prior sds": LinearRegression(
        RNG.standard_normal((6, 3)), RNG.standard_normal(6), np.array([0.5, 1.0, 3.0]), 0.8
    ),
    "more columns than rows": LinearRegression(
        RNG.standard_normal((2, 4)), RNG.standard_normal(2), 1.5, 0.3
    ),
    "no data": NormalNormal(np.zeros(0), 0.5, 2.0, 0.7),
}
UNKNOWN_SD = {
    "mean and sd": NormalMeanSd(THREE),
    "one observation": NormalMeanSd(np.array([1.3])),
    "gamma": GaussianGamma(THREE, 0.5, 0.3, 2.0, 1.5),
    "regression": LinearRegressionUnknownSd(np.array([[1.0], [2.0], [-0.5]]), THREE, 1.7, 0.6),
}
ALL = {**GAUSSIAN, **UNKNOWN_SD}


def random_lam(q, oracle, rng):
    lam = q.init(oracle.mean, oracle.sd)
    return lam + 0.5 * rng.standard_normal(q.num_params) * np.where(
        np.arange(q.num_params) < q.dim, np.resize(oracle.sd, q.num_params), 1.0
    )


def kl_to_posterior(oracle, mean, cov):
    """KL(N(mean, cov) || posterior), by the textbook formula."""
    P = np.linalg.inv(oracle.cov)
    gap = oracle.mean - mean
    log_dets = np.linalg.slogdet(oracle.cov)[1] - np.linalg.slogdet(cov)[1]
    return 0.5 * (np.trace(P @ cov) + gap @ P @ gap - len(mean) + log_dets)


def exact_elbo(oracle, mean, cov):
    """E_q log_joint + H[q]; 2 D symmetric points integrate the quadratic log_joint exactly."""
    dim = len(mean)
    L = np.linalg.cholesky(cov)
    points = mean + np.sqrt(dim) * np.concatenate([L.T, -L.T])
    return np.mean(oracle.log_joint(points)) + stats.multivariate_normal(mean, cov).entropy()


@pytest.mark.parametrize("name", ALL)
def test_shapes_and_types(name):
    oracle = ALL[name]
    D = oracle.dim
    assert oracle.mean.shape == oracle.sd.shape == (D,)
    assert oracle.cov.shape == (D, D)
    assert isinstance(oracle.log_evidence, float)
    np.testing.assert_allclose(oracle.cov, oracle.cov.T, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(oracle.sd**2, np.diagonal(oracle.cov), rtol=1e-12)
    theta = np.abs(np.random.default_rng(0).standard_normal((4, 2, D))) + 0.1
    got = oracle.log_joint(theta)
    assert got.shape == (4, 2)
    for index in np.ndindex(4, 2):
        np.testing.assert_allclose(got[index], oracle.log_joint(theta[index]), rtol=1e-12)
    gradient = elementwise_grad(lambda t: oracle.log_joint(t))(theta)
    differences = np.zeros_like(theta)
    for d in range(D):
        e = 1e-6 * np.eye(D)[d]
        differences[..., d] = (oracle.log_joint(theta + e) - oracle.log_joint(theta - e)) / 2e-6
    np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", GAUSSIAN)
def test_log_joint_is_evidence_times_posterior(name):
    """Log p(x) = log p(x, theta) - log p(theta | x), whatever theta."""
    oracle = GAUSSIAN[name]
    theta = oracle.mean + 3 * oracle.sd * np.random.default_rng(1).standard_normal((20, oracle.dim))
    posterior = stats.multivariate_normal(oracle.mean, oracle.cov).logpdf(theta)
    got = oracle.log_joint(theta) - posterior
    np.testing.assert_allclose(got, oracle.log_evidence, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["line", "prior sds", "more columns than rows"])
def test_evidence_is_that_of_the_marginal_normal(name):
    o = GAUSSIAN[name]
    prior_cov = np.diag(np.full(o.dim, o.prior_sd, dtype=float) ** 2)
    cov = o.noise_sd**2 * np.eye(len(o.y)) + o.X @ prior_cov @ o.X.T
    want = stats.multivariate_normal(np.zeros(len(o.y)), cov).logpdf(o.y)
    assert o.log_evidence == pytest.approx(want, rel=1e-10)
    # and the posterior is the one of the normal equations
    precision = o.X.T @ o.X / o.noise_sd**2 + np.linalg.inv(prior_cov)
    np.testing.assert_allclose(o.cov, np.linalg.inv(precision), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(
        o.mean, np.linalg.solve(precision, o.X.T @ o.y) / o.noise_sd**2, rtol=1e-9
    )


def test_normal_normal_by_the_textbook():
    o = GAUSSIAN["normal"]
    precision = 3 / 0.49 + 1 / 4
    assert o.cov[0, 0] == pytest.approx(1 / precision, rel=1e-13)
    assert o.mean[0] == pytest.approx((THREE.sum() / 0.49 + 0.5 / 4) / precision, rel=1e-13)
    cov = 0.49 * np.eye(3) + 4.0
    want = stats.multivariate_normal(np.full(3, 0.5), cov).logpdf(THREE)
    assert o.log_evidence == pytest.approx(want, rel=1e-12)


def test_without_data_the_posterior_is_the_prior():
    o = GAUSSIAN["no data"]
    assert (o.mean[0], o.sd[0]) == pytest.approx((0.5, 2.0))
    assert o.log_evidence == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("family", [MeanField, FullRank])
@pytest.mark.parametrize("name", GAUSSIAN)
def test_elbo_plus_kl_is_the_evidence(name, family):
    """For 20 random q, to 1e-10 of the largest term."""
    oracle = GAUSSIAN[name]
    q, rng = family(oracle.dim), np.random.default_rng(2)
    for _ in range(20):
        lam = random_lam(q, oracle, rng)
        mean, cov = q.mean(lam), q.cov(lam)
        elbo, kl = exact_elbo(oracle, mean, cov), kl_to_posterior(oracle, mean, cov)
        assert kl >= 0.0
        assert abs(elbo + kl - oracle.log_evidence) < 1e-10 * (1.0 + abs(elbo) + abs(kl))


@pytest.mark.parametrize("name", GAUSSIAN)
def test_mean_field_is_the_best_factorised_gaussian(name):
    oracle = GAUSSIAN[name]
    mean, sd, kl = oracle.mean_field()
    assert kl == pytest.approx(kl_to_posterior(oracle, mean, np.diag(sd**2)), rel=1e-9, abs=1e-12)
    assert np.all(sd <= oracle.sd * (1 + 1e-12))
    rng = np.random.default_rng(3)
    for _ in range(20):
        moved = mean + 0.01 * sd * rng.standard_normal(oracle.dim)
        scaled = sd * np.exp(0.01 * rng.standard_normal(oracle.dim))
        assert kl_to_posterior(oracle, moved, np.diag(scaled**2)) > kl


def test_numbers_of_the_line():
    """Errata X01-X05: the published notebook's data and its exact answers."""
    o = GAUSSIAN["line"]
    mean, sd, kl = o.mean_field()
    np.testing.assert_allclose(o.mean, [0.95716, 0.63223], atol=5e-6)
    np.testing.assert_allclose(mean, o.mean, rtol=1e-14)
    np.testing.assert_allclose(sd, [0.04472, 0.07303], atol=5e-6)
    assert o.log_evidence == pytest.approx(-4.54336, abs=5e-6)
    assert kl == pytest.approx(0.54923, abs=5e-6)
    assert o.log_evidence - kl == pytest.approx(-5.0925971618, abs=5e-11)


def test_numbers_of_the_correlated_gaussian():
    mean, sd, kl = GAUSSIAN["correlated"].mean_field()
    np.testing.assert_array_equal(mean, [1.0, -0.5])
    np.testing.assert_allclose(sd, [1.2, 0.3], rtol=1e-14)
    assert kl == pytest.approx(-0.5 * np.log(1 - 0.64), rel=1e-13)


def test_numbers_of_the_gaussian_gamma_model():
    x = datasets.load("gaussian_100")["x"]
    o = GaussianGamma(x, 0.0, 1e-6, 0.01, 0.01)
    assert o.log_evidence == pytest.approx(-168.733258, abs=5e-7)
    # The mean-field optimum, from its own fixed point: alpha, beta, nu, tau of the lesson.
    alpha, beta = 0.01 + 50, 1.0
    for _ in range(100):
        tau = 1e-6 + 100 * alpha / beta
        nu = 100 * x.mean() * alpha / beta / tau
        beta = 0.01 + 0.5 * np.sum((x - nu) ** 2 + 1 / tau)
    np.testing.assert_allclose(
        [alpha, beta, nu, tau], [50.01, 64.29919, 5.027109, 77.777029], rtol=5e-8
    )
    np.testing.assert_allclose(o.mean, [nu, alpha / beta], rtol=2e-2)


def brute_force(log_joint, mean, sd, *, nodes=1001, reach=20.0):
    """Evidence, mean and covariance by the trapezoidal rule over (theta_0, log theta_1)."""
    spread = np.log1p(sd[1] / mean[1])
    t = np.linspace(np.log(mean[1]) - reach * spread, np.log(mean[1]) + reach * spread, nodes)
    # theta_0's width follows the scale, so that no corner of the grid is too coarse.
    u = np.sinh(np.linspace(-9.0, 9.0, 2 * nodes))
    theta = np.stack(np.meshgrid(mean[0] + sd[0] * u, np.exp(t), indexing="ij"), axis=-1)
    log_f = log_joint(theta) + t
    peak = log_f.max()
    du = np.cosh(np.linspace(-9.0, 9.0, 2 * nodes)) * (18.0 / (2 * nodes - 1)) * sd[0]
    f = np.exp(log_f - peak) * du[:, None] * (t[1] - t[0])
    total = f.sum()
    weights = f / total
    first = np.einsum("ij,ijk->k", weights, theta)
    centred = theta - first
    return peak + np.log(total), first, np.einsum("ij,ijk,ijl->kl", weights, centred, centred)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean and sd", "gamma", "regression"])
def test_unknown_scale_against_two_dimensional_quadrature(name):
    oracle = UNKNOWN_SD[name]
    log_evidence, mean, cov = brute_force(oracle.log_joint, oracle.mean, oracle.sd)
    assert oracle.log_evidence == pytest.approx(log_evidence, abs=1e-9)
    np.testing.assert_allclose(oracle.mean, mean, rtol=1e-8)
    np.testing.assert_allclose(oracle.cov, cov, rtol=1e-7, atol=1e-9)


@pytest.mark.slow
def test_unknown_sd_against_adaptive_quadrature():
    """Two covariates: SciPy's adaptive rule over sd, each value by a marginal normal."""
    data = datasets.load("regression_200")
    X, y = data["X"], data["y"]
    o = LinearRegressionUnknownSd(X, y, np.array([10.0, 4.0]), 5.0)
    prior_cov = np.diag([100.0, 16.0])

    def log_f(sd):
        marginal = stats.multivariate_normal(
            np.zeros(200), sd**2 * np.eye(200) + X @ prior_cov @ X.T
        )
        return marginal.logpdf(y) + stats.halfnorm(0, 5.0).logpdf(sd)

    mode = optimize.minimize_scalar(lambda sd: -log_f(sd), bounds=(1, 5), method="bounded").x
    peak = log_f(mode)
    mass, _ = integrate.quad(lambda sd: np.exp(log_f(sd) - peak), 1.5, 4.5, points=[mode])
    assert o.log_evidence == pytest.approx(peak + np.log(mass), abs=1e-8)
    first, _ = integrate.quad(lambda sd: sd * np.exp(log_f(sd) - peak), 1.5, 4.5, points=[mode])
    assert o.mean[2] == pytest.approx(first / mass, rel=1e-8)
    np.testing.assert_allclose(o.mean, [5.0, -3.5, 2.5], atol=5 * o.sd.max())


@pytest.mark.slow
def test_evidence_is_the_same_in_both_spaces():
    o = NormalMeanSd(datasets.load("normal_100")["x"])
    mu = np.linspace(-1.0, 1.0, 401)
    t = np.linspace(-0.7, 0.8, 401)
    zeta = np.stack(np.meshgrid(mu, t, indexing="ij"), axis=-1)
    log_f = o.unconstrained_log_joint(zeta)
    area = (mu[1] - mu[0]) * (t[1] - t[0])
    got = log_f.max() + np.log(np.exp(log_f - log_f.max()).sum() * area)
    assert got == pytest.approx(o.log_evidence, abs=1e-9)
    constrained = np.concatenate([zeta[..., :1], np.exp(zeta[..., 1:])], axis=-1)
    np.testing.assert_allclose(log_f, o.log_joint(constrained) + zeta[..., 1], rtol=1e-13)


def test_normal_mean_sd_spells_out_its_model():
    o = NormalMeanSd(THREE)
    mu, sd = 0.4, 1.7
    want = (
        stats.norm(mu, sd).logpdf(THREE).sum()
        + stats.norm(0, 1).logpdf(mu)
        + stats.halfnorm(0, 1).logpdf(sd)
    )
    assert o.log_joint(np.array([mu, sd])) == pytest.approx(want, rel=1e-13)


def test_gaussian_gamma_spells_out_its_model():
    o = UNKNOWN_SD["gamma"]
    mu, gamma = 0.4, 1.7
    want = (
        stats.norm(mu, gamma**-0.5).logpdf(THREE).sum()
        + stats.norm(0.5, 0.3**-0.5).logpdf(mu)
        + stats.gamma(2.0, scale=1 / 1.5).logpdf(gamma)
    )
    assert o.log_joint(np.array([mu, gamma])) == pytest.approx(want, rel=1e-13)


@pytest.mark.parametrize("name", ["mean and sd", "gamma", "regression"])  # one datum: a log pole
def test_marginals_integrate_to_the_moments(name):
    oracle = UNKNOWN_SD[name]
    for d in range(2):
        low = 0.0 if d == 1 else oracle.mean[d] - 60 * oracle.sd[d]
        edges = oracle.mean[d] + np.array([-3.0, -1.0, 0.0, 1.0, 3.0, 10.0]) * oracle.sd[d]
        points = [low, *edges[edges > low], oracle.mean[d] + 60 * oracle.sd[d]]
        nodes, weights = np.polynomial.legendre.leggauss(200)
        mass = first = second = 0.0
        for a, b in itertools.pairwise(points):
            v = 0.5 * (b - a) * nodes + 0.5 * (a + b)
            f = 0.5 * (b - a) * weights * oracle.marginal(d, v)
            mass, first = mass + f.sum(), first + (f * v).sum()
            second += (f * (v - oracle.mean[d]) ** 2).sum()
        assert mass == pytest.approx(1.0, abs=1e-6)
        assert first == pytest.approx(oracle.mean[d], rel=1e-5, abs=1e-5)
        assert second == pytest.approx(oracle.cov[d, d], rel=1e-4)
    np.testing.assert_array_equal(oracle.marginal(1, np.array([-1.0, 0.0])), [0.0, 0.0])
    with pytest.raises(IndexError, match=r"coordinate must be in 0..1, got 2"):
        oracle.marginal(2, np.ones(1))


@pytest.mark.parametrize("name", UNKNOWN_SD)
def test_outside_the_support_the_log_joint_is_minus_infinity(name):
    oracle = UNKNOWN_SD[name]
    theta = np.array([[0.3, -1.0], [0.3, 0.0], [0.3, 1.0]])
    got = oracle.log_joint(theta)
    assert list(np.isfinite(got)) == [False, False, True]
    assert np.all(got[:2] == -np.inf)
    gradient = elementwise_grad(
        lambda theta: anp.where(theta[:, 1] > 0, oracle.log_joint(theta), 0)
    )
    assert np.all(np.isfinite(gradient(theta)))


def test_without_data_the_scale_has_its_prior():
    """A half-normal of scale c has mean c sqrt(2/pi) and variance c² (1 - 2/pi)."""
    o = LinearRegressionUnknownSd(np.zeros((0, 1)), np.zeros(0), 1.7, 0.6)
    assert o.log_evidence == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(o.mean, [0.0, 0.6 * np.sqrt(2 / np.pi)], atol=1e-12)
    np.testing.assert_allclose(o.cov, np.diag([1.7**2, 0.36 * (1 - 2 / np.pi)]), atol=1e-12)


def test_a_narrow_peak_between_grid_points_is_found():
    """Without data log g has its prior, N(0.1, 1e-5), much narrower than the grid is wide."""

    def log_prior(t):
        return densities.normal(t, 0.1, 1e-5)

    mixture = ScaleMixture(np.zeros((0, 1)), np.zeros(0), 1.0, log_prior)
    assert mixture.log_evidence == pytest.approx(0.0, abs=1e-10)
    assert mixture.mean[1] == pytest.approx(np.exp(0.1 + 0.5e-10), rel=1e-12)
    assert mixture.cov[1, 1] == pytest.approx(1e-10 * np.exp(0.2), rel=1e-6)


@pytest.mark.parametrize(
    "oracle",
    [
        NormalMeanSd(np.full(3, 0.1)),
        LinearRegressionUnknownSd(LINE_X, LINE_X @ [0.3, 1.7], 10.0),
        LinearRegressionUnknownSd(np.zeros((1, 1)), np.zeros(1), 1.0),
    ],
)
def test_data_without_a_residual_have_no_evidence(oracle):
    with pytest.raises(ValueError, match="the evidence is infinite"):
        _ = oracle.log_evidence


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: NormalNormal(np.zeros((2, 2)), 0.0, 1.0, 1.0),
            ShapeError,
            r"x must have .*\(N,\)",
        ),
        (
            lambda: NormalNormal(THREE, np.nan, 1.0, 1.0),
            NonFiniteError,
            "prior_mean must be finite",
        ),
        (lambda: NormalNormal(THREE, 0.0, 0.0, 1.0), SupportError, "prior_sd must be positive"),
        (lambda: NormalNormal(THREE, 0.0, 1.0, -1.0), SupportError, "lik_sd must be positive"),
        (
            lambda: LinearRegression(THREE, THREE, 1.0, 1.0),
            ShapeError,
            r"X must have shape \(N, D\)",
        ),
        (
            lambda: LinearRegression(LINE_X, THREE, 1.0, 1.0),
            ShapeError,
            r"y must have shape \(5,\)",
        ),
        (
            lambda: LinearRegression(LINE_X, LINE["y"], np.ones(3), 1.0),
            ShapeError,
            r"prior_sd must have shape \(2,\), got \(3,\)",
        ),
        (
            lambda: LinearRegression(np.full((5, 2), np.inf), LINE["y"], 1.0, 1.0),
            NonFiniteError,
            "X must be",
        ),
        (lambda: GAUSSIAN["line"].log_joint(np.zeros(3)), ShapeError, "theta must have shape"),
        (lambda: UNKNOWN_SD["gamma"].log_joint(np.zeros(3)), ShapeError, "theta must have shape"),
        (lambda: GaussianGamma(THREE, 0.0, 0.0, 1.0, 1.0), SupportError, "tau0 must be positive"),
        (lambda: GaussianGamma(THREE, 0.0, 1.0, 1.0, -1.0), SupportError, "beta0 must be positive"),
        (lambda: NormalMeanSd(np.array([np.nan])), NonFiniteError, "x must be finite, got nan"),
        (
            lambda: LinearRegressionUnknownSd(LINE_X, LINE["y"], 1.0, 0.0),
            SupportError,
            "sd_scale must be positive",
        ),
        (
            lambda: CorrelatedGaussian(np.zeros(2), np.eye(3)),
            ShapeError,
            r"cov must have .*\(2, 2\)",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_covariance_that_is_none_is_refused():
    with pytest.raises(np.linalg.LinAlgError):
        CorrelatedGaussian(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_correlated_gaussian_is_normalised():
    o = GAUSSIAN["correlated"]
    assert (o.dim, o.log_evidence) == (2, 0.0)
    want = densities.multivariate_normal(np.zeros(2), o.mean, o.cov)
    assert o.log_joint(np.zeros(2)) == want

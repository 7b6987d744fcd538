"""Linear regression: the exact posterior, what mean field keeps of it, and unknown noise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import roots_genlaguerre

from vi_lib import _regression, cavi, datasets
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib._scale_mixture import ScaleMixture
from vi_lib.densities import gamma as log_gamma
from vi_lib.oracles import GaussianGamma, LinearRegression, LinearRegressionUnknownSd

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(5)
LINE = datasets.load("line_5")
#: X, y, prior_prec, noise_prec
CASES = {
    "line": (np.column_stack([np.ones(5), LINE["x"]]), LINE["y"], 0.01, 100.0),
    "prior precisions": (RNG.normal(size=(7, 3)), RNG.normal(size=7), np.array([0.5, 4.0, 1.0]), 2),
    "more columns than rows": (RNG.normal(size=(2, 4)), RNG.normal(size=2), 0.7, 3.0),
    "one row": (np.array([[2.0]]), np.array([-1.5]), 0.3, 0.5),
    "no rows": (np.zeros((0, 2)), np.zeros(0), np.array([2.0, 3.0]), 1.0),
}
cases = pytest.mark.parametrize(("X", "y", "prior_prec", "noise_prec"), CASES.values(), ids=CASES)


def random_problem(seed, rows, columns, log_scale=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, columns)) @ rng.normal(size=(columns, columns))
    y = np.exp(log_scale) * (X @ rng.normal(size=columns) + rng.normal(size=rows))
    return X, y, np.exp(rng.normal(size=columns)), float(np.exp(rng.normal()))


def gaussian_kl(mean_q, cov_q, mean_p, cov_p):
    """KL(N_q || N_p) by a route the library does not take: numpy's slogdet and solve."""
    gap = mean_p - mean_q
    log_dets = np.linalg.slogdet(cov_p)[1] - np.linalg.slogdet(cov_q)[1]
    ratio = np.trace(np.linalg.solve(cov_p, cov_q)) + gap @ np.linalg.solve(cov_p, gap)
    return 0.5 * (ratio - len(gap) + log_dets)


@cases
def test_exact_posterior_against_scipy_and_the_oracle(X, y, prior_prec, noise_prec):
    mean, cov, log_evidence = cavi.exact_posterior_linreg(X, y, prior_prec, noise_prec)
    prior_sd = np.full(X.shape[1], prior_prec, dtype=float) ** -0.5
    oracle = LinearRegression(X, y, prior_sd, noise_prec**-0.5)
    np.testing.assert_allclose(mean, oracle.mean, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(cov, oracle.cov, rtol=1e-9, atol=1e-14)
    assert log_evidence == pytest.approx(oracle.log_evidence, rel=1e-11, abs=1e-12)
    if len(y):
        marginal = np.eye(len(y)) / noise_prec + (X * prior_sd**2) @ X.T
        expected = stats.multivariate_normal(np.zeros(len(y)), marginal).logpdf(y)
        assert log_evidence == pytest.approx(expected, rel=1e-10)


@cases
def test_mean_field_keeps_the_means_and_the_diagonal_of_the_precision(X, y, prior_prec, noise_prec):
    mean, cov, _ = cavi.exact_posterior_linreg(X, y, prior_prec, noise_prec)
    m, prec = cavi.cavi_linreg(X, y, prior_prec, noise_prec, 3000)
    np.testing.assert_allclose(m, mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(prec, np.diag(np.linalg.inv(cov)), rtol=1e-9)
    assert m.dtype == prec.dtype == float
    # The same answer as the projection of the exact posterior.
    projected_mean, projected_sd, kl = cavi.mean_field_gaussian(mean, cov)
    np.testing.assert_allclose(prec**-0.5, projected_sd, rtol=1e-9)
    elbo = cavi.elbo_linreg(X, y, prior_prec, noise_prec, projected_mean, prec)
    log_evidence = cavi.exact_posterior_linreg(X, y, prior_prec, noise_prec)[2]
    assert log_evidence - elbo == pytest.approx(kl, abs=1e-9)


@cases
def test_elbo_plus_kl_is_the_evidence(X, y, prior_prec, noise_prec):
    mean, cov, log_evidence = cavi.exact_posterior_linreg(X, y, prior_prec, noise_prec)
    rng = np.random.default_rng(0)
    for _ in range(20):
        m = mean + rng.normal(size=len(mean))
        prec = np.exp(rng.normal(size=len(mean)))
        elbo = cavi.elbo_linreg(X, y, prior_prec, noise_prec, m, prec)
        kl = gaussian_kl(m, np.diag(1.0 / prec), mean, cov)
        assert elbo + kl == pytest.approx(log_evidence, abs=1e-10 * (1.0 + abs(elbo) + kl))


def test_numbers_of_the_line():
    """The ELBO at the optimum of the published line, known to eleven digits."""
    X, y, prior_prec, noise_prec = CASES["line"]
    m, prec = cavi.cavi_linreg(X, y, prior_prec, noise_prec, 2000)
    elbo = cavi.elbo_linreg(X, y, prior_prec, noise_prec, m, prec)
    assert elbo == pytest.approx(-5.0925971618, abs=5e-11)


def test_one_sweep_by_hand():
    X, y = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([3.0, 1.0])
    m, prec = cavi.cavi_linreg(X, y, np.array([1.0, 2.0]), 2.0, 1)
    first = 2.0 * (1.0 * 3.0 + 0.5 * 1.0) / (1.0 + 2.0 * 1.25)
    second = 2.0 * (2.0 * (3.0 - first) - 1.0 * (1.0 - 0.5 * first)) / (2.0 + 2.0 * 5.0)
    np.testing.assert_allclose(m, [first, second], rtol=1e-14)
    np.testing.assert_allclose(prec, [3.5, 12.0], rtol=1e-14)


def test_elbo_broadcasts_over_q():
    X, y, prior_prec, noise_prec = CASES["prior precisions"]
    mean, prec = RNG.normal(size=(4, 2, 3)), np.exp(RNG.normal(size=(2, 3)))
    grid = cavi.elbo_linreg(X, y, prior_prec, noise_prec, mean, prec)
    assert grid.shape == (4, 2)
    one = cavi.elbo_linreg(X, y, prior_prec, noise_prec, mean[3, 1], prec[1])
    assert grid[3, 1] == pytest.approx(one, rel=1e-13)


def test_integer_data_are_no_integers_inside():
    m, prec = cavi.cavi_linreg([[1], [2]], [1, 2], 1, 1, 5)
    assert (m[0], prec[0]) == pytest.approx((5 / 6, 6.0))


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 12), st.integers(1, 5), st.floats(-4, 4))
def test_no_sweep_lowers_the_elbo(seed, rows, columns, log_scale):
    """The loop itself raises ArithmeticError; the ELBO after more sweeps is higher, too."""
    X, y, prior_prec, noise_prec = random_problem(seed, rows, columns, log_scale)
    args = (X, y, prior_prec, noise_prec)
    elbos = [cavi.elbo_linreg(*args, *cavi.cavi_linreg(*args, n)) for n in (1, 2, 5, 40)]
    assert np.all(np.diff(elbos) >= -1e-12 * (1.0 + np.abs(elbos[:-1])))
    assert elbos[-1] <= cavi.exact_posterior_linreg(*args)[2] + 1e-9 * (1.0 + abs(elbos[-1]))


def test_a_wrong_sweep_is_reported(monkeypatch):
    right = _regression._sweep_means

    def overshoots(mean, A, b):
        return mean + 2.2 * (right(mean, A, b) - mean)

    monkeypatch.setattr(_regression, "_sweep_means", overshoots)
    with pytest.raises(ArithmeticError, match=r"the ELBO fell from .* in sweep \d+"):
        cavi.cavi_linreg(*CASES["prior precisions"], 20)


# Unknown noise precision

#: X, y, prior_prec, a0, b0
UNKNOWN = {
    "line": (CASES["line"][0], CASES["line"][1], 0.01, 1.5, 0.02),
    "strong priors": (CASES["prior precisions"][0], CASES["prior precisions"][1],
                      np.array([0.5, 4.0, 1.0]), 1.7, 2.3),
    "more columns than rows": (*CASES["more columns than rows"][:2], 0.7, 2.0, 1.0),
    "no rows": (np.zeros((0, 2)), np.zeros(0), np.array([2.0, 3.0]), 2.0, 1.5),
}  # fmt: skip
unknown = pytest.mark.parametrize(
    ("X", "y", "prior_prec", "a0", "b0"), UNKNOWN.values(), ids=UNKNOWN
)


def exact_unknown(X, y, prior_prec, a0, b0):
    """The exact posterior, the precision integrated by quadrature."""
    prior_sd = np.full(X.shape[1], prior_prec, dtype=float) ** -0.5
    return ScaleMixture(X, y, prior_sd, lambda t: log_gamma(np.exp(t), a0, b0) + t, power=-1)


@unknown
def test_unknown_noise_elbo_is_the_evidence_minus_kl(X, y, prior_prec, a0, b0):
    """KL(q || posterior) by quadrature over gamma of the KL between the Gaussians given gamma.

    As q(beta) does not depend on gamma, KL = KL(q(gamma) || p(gamma | y)) + E_q(gamma)[KL(q(beta)
    || p(beta | y, gamma))]; neither term is in the library.
    """
    exact = exact_unknown(X, y, prior_prec, a0, b0)
    dim, rng = X.shape[1], np.random.default_rng(1)
    for _ in range(3):
        mean = exact.mean[:-1] + 0.3 * rng.normal(size=dim)
        root = rng.normal(size=(dim, dim)) + 2.0 * np.eye(dim)
        cov, a_q, b_q = 0.1 * root @ root.T, 5.0 + 3.0 * rng.random(), 1.0 + rng.random()
        q_gamma = stats.gamma(a_q, scale=1.0 / b_q)

        def integrand(g, mean=mean, cov=cov, q_gamma=q_gamma):
            log_p_y, centre, spread = exact.given(np.array([1.0 / g]))
            log_p_gamma = log_p_y[0] + log_gamma(g, a0, b0) - exact.log_evidence
            kl_beta = gaussian_kl(mean, cov, centre[0], spread[0])
            return q_gamma.pdf(g) * (q_gamma.logpdf(g) - log_p_gamma + kl_beta)

        edges = [0.0, *q_gamma.ppf([1e-6, 0.1, 0.5, 0.9, 1 - 1e-6]), q_gamma.isf(1e-15)]
        pieces = itertools.pairwise(edges)
        kl = sum(integrate.quad(integrand, a, b, epsabs=1e-11)[0] for a, b in pieces)
        elbo = cavi.elbo_linreg_unknown_noise(X, y, prior_prec, a0, b0, mean, cov, a_q, b_q)
        assert elbo + kl == pytest.approx(exact.log_evidence, abs=1e-8 * (1.0 + abs(elbo)))


@unknown
def test_unknown_noise_fit_is_close_below_the_evidence(X, y, prior_prec, a0, b0):
    q = cavi.cavi_linreg_unknown_noise(X, y, prior_prec, a0, b0, rel_tol=1e-14)
    exact = exact_unknown(X, y, prior_prec, a0, b0)
    gap = exact.log_evidence - q["elbo"][-1]
    assert -1e-10 < gap < 0.3
    assert q["a_q"] == a0 + len(y) / 2
    # q(beta) is the exact posterior for a fixed noise precision, that of E[gamma].
    mean, cov, _ = cavi.exact_posterior_linreg(X, y, prior_prec, q["a_q"] / q["b_q"])
    np.testing.assert_allclose(q["mean"], mean, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(q["cov"], cov, rtol=1e-6, atol=1e-12)
    if not len(y):
        assert gap == pytest.approx(0.0, abs=1e-12)


@unknown
def test_unknown_noise_neither_factor_can_be_improved(X, y, prior_prec, a0, b0):
    q = cavi.cavi_linreg_unknown_noise(X, y, prior_prec, a0, b0, rel_tol=0.0)
    best, rng = q.pop("elbo")[-1], np.random.default_rng(2)
    sd = np.sqrt(np.diag(q["cov"]))
    for _ in range(30):
        stretch = np.exp(0.1 * rng.normal(size=len(sd)))
        other = {
            "mean": q["mean"] + 0.1 * sd * rng.normal(size=len(sd)),
            "cov": q["cov"] * np.outer(stretch, stretch),
            "a_q": q["a_q"] * np.exp(0.1 * rng.normal()),
            "b_q": q["b_q"] * np.exp(0.1 * rng.normal()),
        }
        for name in q:
            changed = {**q, name: other[name]}
            assert cavi.elbo_linreg_unknown_noise(X, y, prior_prec, a0, b0, **changed) < best


def test_unknown_noise_terms_by_gauss_quadrature():
    """E_q[log joint - log q] with nodes for one coefficient and for gamma."""
    X, y = np.array([[1.0], [2.0], [-0.5]]), np.array([0.7, 1.9, 0.4])
    mean, var, a_q, b_q = np.array([0.8]), 0.2, 4.5, 2.0
    z, w = np.polynomial.hermite_e.hermegauss(20)
    beta, w = mean[0] + np.sqrt(var) * z, w / w.sum()
    g, v = roots_genlaguerre(150, a_q - 1.0)
    gamma, v = g / b_q, v / v.sum()
    log_lik = stats.norm.logpdf(
        y[:, None, None], X[:, 0, None, None] * beta[:, None], gamma**-0.5
    ).sum(axis=0)
    log_joint = log_lik + stats.norm(0, 0.7**-0.5).logpdf(beta)[:, None]
    log_joint = log_joint + stats.gamma(1.7, scale=1 / 2.3).logpdf(gamma)
    entropy = stats.norm(0, var**0.5).entropy() + stats.gamma(a_q, scale=1 / b_q).entropy()
    got = cavi.elbo_linreg_unknown_noise(X, y, 0.7, 1.7, 2.3, mean, np.array([[var]]), a_q, b_q)
    # log(gamma) is not a polynomial: the Laguerre nodes leave some 1e-7 of it.
    assert got == pytest.approx(w @ log_joint @ v + entropy, abs=1e-6)


def test_a_constant_covariate_is_the_gaussian_gamma_model():
    x = RNG.normal(3.0, 2.0, 12)
    prior = {"mu0": 0.0, "tau0": 0.5, "alpha0": 1.7, "beta0": 2.3}
    q = cavi.cavi_linreg_unknown_noise(np.ones((12, 1)), x, 0.5, 1.7, 2.3, rel_tol=1e-14)
    p = cavi.cavi_gaussian_gamma(x, prior, rel_tol=1e-14)
    np.testing.assert_allclose(q["elbo"], p["elbo"], rtol=1e-13)
    assert (q["mean"][0], 1 / q["cov"][0, 0]) == pytest.approx((p["nu_q"], p["tau_q"]), rel=1e-12)
    assert (q["a_q"], q["b_q"]) == pytest.approx((p["alpha_q"], p["beta_q"]), rel=1e-12)
    assert q["elbo"][-1] < GaussianGamma(x, 0.0, 0.5, 1.7, 2.3).log_evidence


def test_with_many_data_the_noise_prior_hardly_matters():
    """The exact posterior under a half-normal prior of the sd is nearly the same."""
    data = datasets.load("regression_200")
    q = cavi.cavi_linreg_unknown_noise(data["X"], data["y"], 0.01, 0.5, 0.5)
    oracle = LinearRegressionUnknownSd(data["X"], data["y"], 10.0, 5.0)
    sd = oracle.sd
    assert np.all(np.abs(q["mean"] - oracle.mean[:-1]) < 0.02 * sd[:-1])
    np.testing.assert_allclose(np.diag(q["cov"]) ** 0.5, sd[:-1], rtol=0.02)
    assert abs((q["a_q"] / q["b_q"]) ** -0.5 - oracle.mean[-1]) < 0.2 * sd[-1]


@settings(max_examples=40)
@given(
    st.integers(0, 10**6), st.integers(0, 12), st.integers(1, 5),
    st.floats(-4, 4), st.floats(-4, 3), st.floats(-4, 3),
)  # fmt: skip
def test_unknown_noise_no_sweep_lowers_the_elbo(seed, rows, columns, log_scale, log_a0, log_b0):
    X, y, prior_prec, _ = random_problem(seed, rows, columns, log_scale)
    a0, b0 = np.exp(log_a0), np.exp(log_b0)
    q = cavi.cavi_linreg_unknown_noise(X, y, prior_prec, a0, b0, max_iter=60, rel_tol=-np.inf)
    assert len(q["elbo"]) == 60
    assert np.all(np.diff(q["elbo"]) >= -1e-10 * (1.0 + np.abs(q["elbo"][:-1])))


def test_unknown_noise_a_wrong_update_is_reported(monkeypatch):
    right = _regression.gamma_factor

    def forgets_the_covariance(X, y, a0, b0, mean, cov):
        return right(X, y, a0, b0, mean, 0.0 * cov)

    monkeypatch.setattr(_regression, "gamma_factor", forgets_the_covariance)
    with pytest.raises(ArithmeticError, match=r"the ELBO fell from .* in sweep \d+"):
        cavi.cavi_linreg_unknown_noise(*UNKNOWN["more columns than rows"], rel_tol=-np.inf)


X2, Y2 = np.ones((2, 1)), np.ones(2)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: cavi.exact_posterior_linreg(Y2, Y2, 1, 1), ShapeError, r"X must have .*\(N, D\)"),
        (lambda: cavi.exact_posterior_linreg(X2, X2, 1, 1), ShapeError, r"y must have shape \(2,"),
        (lambda: cavi.exact_posterior_linreg(X2, Y2, 0, 1), SupportError, "prior_prec must be pos"),
        (lambda: cavi.exact_posterior_linreg(X2, Y2, Y2, 1), ShapeError, r"prior_prec .* \(1,\)"),
        (lambda: cavi.cavi_linreg(X2, Y2, 1, -1.0, 3), SupportError, "noise_prec must be positive"),
        (lambda: cavi.cavi_linreg(X2, Y2, 1, 1, 0), ValueError, "at least 1, got 0"),
        (lambda: cavi.cavi_linreg(X2 * np.nan, Y2, 1, 1, 3), NonFiniteError, "X must be finite"),
        (lambda: cavi.elbo_linreg(X2, Y2, 1, 1, [0], [0]), SupportError, "prec must be positive"),
        (lambda: cavi.elbo_linreg(X2, Y2, 1, 1, [0, 1], [1]), ShapeError, r"mean .*\(\.\.\., 1\)"),
        (lambda: cavi.cavi_linreg_unknown_noise(X2, Y2, 1, 0, 1), SupportError, "a0 must be pos"),
        (lambda: cavi.cavi_linreg_unknown_noise(X2, Y2, 1, 1, -2), SupportError, "b0 must be pos"),
        (
            lambda: cavi.elbo_linreg_unknown_noise(X2, Y2, 1, 1, 1, [0.0], [1.0], 1, 1),
            ShapeError,
            r"cov must have shape \(1, 1\)",
        ),
    ],
)  # fmt: skip
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

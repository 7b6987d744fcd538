"""Divergences against quadrature, exact arithmetic and each other."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy import integrate, special, stats

from vi_lib import densities
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib.divergences import (
    elbo_monte_carlo,
    elbo_normal_mean,
    gaussian_kl,
    kl_monte_carlo,
    log_mean_exp,
    mvn_kl,
    project_forward,
    project_reverse,
    renyi_gaussian,
)

EPS = np.finfo(float).eps
GAUSSIANS = [
    (0.0, 1.0, 0.0, 1.0),
    (0.3, 0.7, -1.1, 1.9),
    (0.3, 1.9, -1.1, 0.7),
    (5.0, 1e-3, 5.0, 2.0),
    (-2.0, 3.0, 4.0, 3.0),
]


def by_quadrature(integrand, mu, sd):
    value, _ = integrate.quad(integrand, mu - 12 * sd, mu + 12 * sd, points=[mu], epsabs=1e-13)
    return value


@pytest.mark.parametrize("case", GAUSSIANS)
def test_gaussian_kl_by_quadrature(case):
    mu_q, sd_q, mu_p, sd_p = case

    def integrand(z):
        log_q = densities.normal(z, mu_q, sd_q)
        return np.exp(log_q) * (log_q - densities.normal(z, mu_p, sd_p))

    got = gaussian_kl(*case)
    assert got == pytest.approx(by_quadrature(integrand, mu_q, sd_q), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("change", [0.4, -0.4, 1e-3, -1e-5, 1e-9, 2.0**-40, 30.0, -0.999])
def test_gaussian_kl_keeps_its_digits(change):
    """Against 80 digits: near equality the printed formula is off by 1e-16, of 1e-18."""
    sd_q, sd_p, mu = 1.7 * (1.0 + change), 1.7, 1e-9
    with localcontext() as context:
        context.prec = 80
        q, p, d = Decimal(sd_q), Decimal(sd_p), Decimal(mu)
        want = (p / q).ln() + (q * q + d * d) / (2 * p * p) - Decimal("0.5")
    assert gaussian_kl(mu, sd_q, 0.0, sd_p) == pytest.approx(float(want), rel=16 * EPS)


def test_gaussian_kl_is_zero_for_equal_arguments_only():
    assert gaussian_kl(0.3, 1.1, 0.3, 1.1) == 0.0
    rng = np.random.default_rng(0)
    mu, sd = rng.standard_normal(1000), rng.uniform(0.1, 5.0, 1000)
    assert np.all(gaussian_kl(mu, np.nextafter(sd, 9.0), mu, sd) > 0.0)
    assert np.all(gaussian_kl(np.nextafter(mu, 9.0), sd, mu, sd) > 0.0)
    assert gaussian_kl(0.0, 1e-300, 0.0, 1e300) == pytest.approx(600 * np.log(10) - 0.5)


def test_gaussian_kl_broadcasts_and_has_a_direction():
    got = gaussian_kl(np.zeros((3, 1)), 1.0, np.arange(4.0), np.ones(4))
    np.testing.assert_allclose(got, np.tile(np.arange(4.0) ** 2 / 2, (3, 1)), rtol=1e-15)
    assert gaussian_kl(0.0, 0.1, 0.0, 1.0) < gaussian_kl(0.0, 1.0, 0.0, 0.1)


def test_gaussian_kl_has_the_right_gradient():
    for sd_q in (0.3, 1.0, 1.0 + 1e-9, 1.2, 1.4, 4.0):
        slope = grad(lambda s: gaussian_kl(0.0, s, 0.0, 1.0))(sd_q)
        assert slope == pytest.approx(sd_q - 1.0 / sd_q, rel=1e-14, abs=EPS)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9, 1.1, 2.0])
@pytest.mark.parametrize("case", GAUSSIANS)
def test_renyi_by_quadrature(alpha, case):
    mu_q, sd_q, mu_p, sd_p = case
    got = renyi_gaussian(alpha, *case)
    var = alpha * sd_p**2 + (1.0 - alpha) * sd_q**2
    if var <= 0.0:
        assert got == np.inf
        return
    mu = (alpha * mu_q * sd_p**2 + (1.0 - alpha) * mu_p * sd_q**2) / var  # the integrand's mode

    def log_integrand(z):
        return alpha * densities.normal(z, mu_q, sd_q) + (1.0 - alpha) * densities.normal(
            z, mu_p, sd_p
        )

    top = log_integrand(mu)
    mass = by_quadrature(lambda z: np.exp(log_integrand(z) - top), mu, sd_q * sd_p / np.sqrt(var))
    assert got == pytest.approx((np.log(mass) + top) / (alpha - 1.0), rel=1e-9, abs=1e-11)


def test_renyi_grows_with_its_order_through_kl():
    case = (0.3, 0.7, -1.1, 1.9)
    alphas = np.array([0.01, 0.3, 0.7, 1 - 1e-9, 1.0, 1 + 1e-9, 1.5, 4.0])
    values = np.array([renyi_gaussian(a, *case) for a in alphas])
    assert np.all(np.diff(values) > 0.0)
    np.testing.assert_allclose(values[3:6], gaussian_kl(*case), rtol=1e-8)
    # skew symmetry: D_a(q, p) = a / (1 - a) D_{1-a}(p, q)
    back = renyi_gaussian(0.7, *case[2:], *case[:2])
    assert values[1] == pytest.approx(0.3 / 0.7 * back, rel=1e-14)
    assert np.all(np.isinf(renyi_gaussian(3.0, 0.0, np.array([2.0, 9.0]), 0.0, 1.0)))


def random_cov(rng, dim):
    A = rng.standard_normal((dim, dim))
    return A @ A.T + 0.1 * np.eye(dim)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_mvn_kl_is_the_printed_formula(dim):
    rng = np.random.default_rng(dim)
    m0, m1 = rng.standard_normal((2, dim))
    S0, S1 = random_cov(rng, dim), random_cov(rng, dim)
    want = 0.5 * (
        np.trace(np.linalg.solve(S1, S0))
        - dim
        + (m1 - m0) @ np.linalg.solve(S1, m1 - m0)
        + np.linalg.slogdet(S1)[1]
        - np.linalg.slogdet(S0)[1]
    )
    assert mvn_kl(m0, S0, m1, S1) == pytest.approx(want, rel=1e-11)
    assert abs(mvn_kl(m0, S0, m0, S0)) < 1e-25


def test_mvn_kl_of_independent_coordinates_is_a_sum():
    mu_q, mu_p, sd_q, sd_p = np.random.default_rng(3).uniform(0.5, 2.0, (4, 6))
    got = mvn_kl(mu_q, np.diag(sd_q**2), mu_p, np.diag(sd_p**2))
    assert got == pytest.approx(np.sum(gaussian_kl(mu_q, sd_q, mu_p, sd_p)), rel=1e-14)


def test_mvn_kl_of_mean_field_at_correlation_08():
    cov = np.array([[1.0, 0.8], [0.8, 1.0]])
    got = mvn_kl(np.zeros(2), 0.36 * np.eye(2), np.zeros(2), cov)
    assert got == pytest.approx(0.510826, abs=5e-7)
    assert got == pytest.approx(-0.5 * np.log(0.36), rel=1e-14)


def solve_exactly(S, B):
    """S⁻¹ B and det S by elimination with fractions."""
    rows = [[Fraction(float(v)) for v in row] for row in np.hstack([S, B])]
    det = Fraction(1)
    for k in range(len(rows)):
        det *= rows[k][k]  # positive definite: no pivot is zero
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in range(len(rows)):
            if i != k:
                factor = rows[i][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[len(rows) :] for row in rows], det


def exact_mvn_kl(S0, S1, shift):
    """From the entries as they are in floats; only the logarithm is rounded, to 60 digits."""
    dim = len(S0)
    solved, det1 = solve_exactly(S1, np.column_stack([S0, shift]))
    _, det0 = solve_exactly(S0, shift[:, None])
    total = sum((solved[i][i] for i in range(dim)), Fraction(0))
    total += sum((Fraction(float(shift[i])) * solved[i][dim] for i in range(dim)), Fraction(0))
    ratio = det1 / det0
    with localcontext() as context:
        context.prec = 60
        log_ratio = (Decimal(ratio.numerator) / Decimal(ratio.denominator)).ln()
        trace = Decimal(total.numerator) / Decimal(total.denominator)
        return float((trace - dim + log_ratio) / 2)


def narrow_cov(rng, dim, width):
    """A covariance whose narrowest direction, of sd about `width`, lies askew."""
    Q = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    S = Q @ np.diag([width**2, *rng.uniform(0.5, 2.0, dim - 1)]) @ Q.T
    return np.tril(S) + np.tril(S, -1).T


@pytest.mark.parametrize("seed", range(6))
def test_mvn_kl_at_condition_number_1e8(seed):
    rng = np.random.default_rng(seed)
    S0, S1 = random_cov(rng, 4), narrow_cov(rng, 4, 0.7e-4)
    cond = np.linalg.cond(S1)
    assert 0.9e8 < cond < 1e9
    shift = rng.standard_normal(4)
    for first, second in ((S0, S1), (S1, S0)):
        got = mvn_kl(shift, first, np.zeros(4), second)
        assert got == pytest.approx(exact_mvn_kl(first, second, shift), rel=EPS * cond)
    close = mvn_kl(np.zeros(4), S1, np.zeros(4), S1 * (1.0 + 2.0**-20))
    want = 4.0 * gaussian_kl(0.0, 1.0, 0.0, np.sqrt(1.0 + 2.0**-20))
    assert close == pytest.approx(want, rel=0.05)  # 4.5e-13: the printed formula gives ±2e-8


def test_mvn_kl_broadcasts():
    rng = np.random.default_rng(4)
    m0 = rng.standard_normal((4, 1, 2))
    S1 = np.stack([random_cov(rng, 2) for _ in range(3)])
    got = mvn_kl(m0, np.eye(2), np.zeros(2), S1)
    assert got.shape == (4, 3)
    for i, j in np.ndindex(4, 3):
        one = mvn_kl(m0[i, 0], np.eye(2), np.zeros(2), S1[j])
        assert got[i, j] == pytest.approx(one, rel=1e-14)


def test_mvn_kl_has_the_right_gradient():
    rng = np.random.default_rng(5)
    m0, m1 = rng.standard_normal((2, 3))
    S0, S1 = random_cov(rng, 3), random_cov(rng, 3)
    np.testing.assert_allclose(
        grad(mvn_kl, 0)(m0, S0, m1, S1), np.linalg.solve(S1, m0 - m1), rtol=1e-11
    )
    slope = grad(mvn_kl, 1)(m0, S0, m1, S1)
    want = 0.5 * (np.linalg.inv(S1) - np.linalg.inv(S0))
    np.testing.assert_allclose(0.5 * (slope + slope.T), want, rtol=1e-9, atol=1e-11)


THETA = np.random.default_rng(6).normal(0.3, 0.7, 40_000)


def test_kl_monte_carlo():
    case = (0.3, 0.7, -1.1, 1.9)

    def log_q(z):
        return densities.normal(z, 0.3, 0.7)

    def log_p(z):
        return densities.normal(z, -1.1, 1.9)

    estimate, error = kl_monte_carlo(log_q, log_p, THETA)
    ratios = log_q(THETA) - log_p(THETA)
    assert estimate == pytest.approx(np.mean(ratios), rel=1e-14)
    assert error == pytest.approx(np.std(ratios, ddof=1) / 200.0, rel=1e-12)
    assert abs(estimate - gaussian_kl(*case)) < 5.0 * error  # false alarm 6e-7
    assert kl_monte_carlo(log_q, log_q, THETA) == (0.0, 0.0)
    infinite, unknown = kl_monte_carlo(log_q, lambda z: densities.half_normal(z), THETA)
    assert infinite == np.inf
    assert np.isnan(unknown)


def test_elbo_monte_carlo_of_the_posterior_is_the_evidence():
    x, prior = np.array([0.4, 1.9, -0.2]), (0.5, 2.0)
    prec = 1.0 / 4.0 + 3.0 / 0.49
    post = ((0.5 / 4.0 + np.sum(x) / 0.49) / prec, prec**-0.5)

    def log_joint(theta):
        lik = np.sum(densities.normal(x, theta[:, None], 0.7), axis=-1)
        return lik + densities.normal(theta, *prior)

    log_evidence = elbo_normal_mean(x, *prior, 0.7, *post)[1]
    for theta in (THETA[:1], THETA[:9], THETA[100:900]):
        got = elbo_monte_carlo(log_joint, lambda z: densities.normal(z, *post), theta)
        assert got == pytest.approx(log_evidence, abs=1e-12)
    q = (1.1, 0.5)
    theta = q[0] + q[1] * np.random.default_rng(7).standard_normal(50_000)
    terms = log_joint(theta) - densities.normal(theta, *q)
    got = elbo_monte_carlo(log_joint, lambda z: densities.normal(z, *q), theta)
    elbo = elbo_normal_mean(x, *prior, 0.7, *q)[0]
    assert abs(got - elbo) < 5.0 * np.std(terms) / np.sqrt(50_000)  # false alarm 6e-7


def test_elbo_normal_mean_adds_up():
    rng = np.random.default_rng(8)
    for _ in range(20):
        x = rng.normal(1.0, 2.0, rng.integers(1, 30))
        prior_mean, m = rng.normal(0.0, 3.0, 2)
        prior_sd, lik_sd, s = rng.uniform(0.1, 3.0, 3)
        elbo, log_evidence, kl = elbo_normal_mean(x, prior_mean, prior_sd, lik_sd, m, s)
        assert elbo + kl == pytest.approx(log_evidence, rel=1e-12, abs=1e-10)
        assert elbo <= log_evidence
        cov = lik_sd**2 * np.eye(len(x)) + prior_sd**2
        want = stats.multivariate_normal(np.full(len(x), prior_mean), cov).logpdf(x)
        assert log_evidence == pytest.approx(want, rel=1e-10)


def test_log_mean_exp_of_large_and_small_numbers():
    for shift in (-1000.0, 0.0, 1000.0):
        a = np.array([0.1, -2.0, 0.7]) + shift
        want = shift + np.log(np.mean(np.exp([0.1, -2.0, 0.7])))
        assert log_mean_exp(a) == pytest.approx(want, rel=1e-15)
    assert log_mean_exp([0, 0]) == 0.0
    assert log_mean_exp(3.5) == 3.5
    assert log_mean_exp([np.inf, 800.0]) == np.inf
    assert np.isnan(log_mean_exp([np.nan, 1.0]))


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_log_mean_exp_axes(axis, keepdims):
    a = np.random.default_rng(9).standard_normal((2, 3, 4))
    got = log_mean_exp(a, axis=axis, keepdims=keepdims)
    count = a.size / np.size(got)
    want = special.logsumexp(a, axis=axis, keepdims=keepdims) - np.log(count)
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)


def test_log_mean_exp_of_impossible_rows():
    a = np.array([[-np.inf, -np.inf], [-np.inf, 0.0], [700.0, 710.0]])
    got = log_mean_exp(a, axis=1)
    np.testing.assert_allclose(got[1:], [-np.log(2), 710 + np.log1p(np.exp(-10)) - np.log(2)])
    assert got[0] == -np.inf
    slope = grad(lambda a: anp.sum(log_mean_exp(a, axis=1)[1:]))(a)
    weight = 1.0 / (1.0 + np.exp(-10.0))
    np.testing.assert_allclose(slope, [[0, 0], [0, 1], [1 - weight, weight]], rtol=1e-11)
    assert np.all(grad(lambda a: anp.sum(log_mean_exp(a, axis=1)))(a)[0] == 0.0)


def bimodal(z):
    left = np.log(0.3) + densities.normal(z, -2.0, 0.5)
    return anp.logaddexp(left, np.log(0.7) + densities.normal(z, 3.0, 0.8)) + 11.0


def test_forward_projection_has_the_moments():
    mean, sd = project_forward(bimodal, -12.0, 15.0)
    lifted = project_forward(lambda x: bimodal(x) + 5000.0, -12.0, 15.0)
    np.testing.assert_allclose(lifted, (mean, sd), rtol=1e-9)
    want = 0.3 * -2.0 + 0.7 * 3.0
    assert mean == pytest.approx(want, rel=1e-12)
    var = 0.3 * (0.25 + (want + 2.0) ** 2) + 0.7 * (0.64 + (want - 3.0) ** 2)
    assert sd == pytest.approx(np.sqrt(var), rel=1e-12)


def test_reverse_projection_settles_in_the_mode_of_its_start():
    grid = np.linspace(-20.0, 20.0, 40_001)

    def kl(mean, sd):
        q = densities.normal(grid, mean, sd)
        return np.sum(np.exp(q) * (q - bimodal(grid) + 11.0)) * (grid[1] - grid[0])

    for start, mode, sd, weight in ((-2.5, -2.0, 0.5, 0.3), (2.0, 3.0, 0.8, 0.7)):
        mean, width = project_reverse(bimodal, start, 1.0)
        assert abs(mean - mode) < 0.01
        assert abs(width - sd) < 0.01
        assert kl(mean, width) == pytest.approx(-np.log(weight), abs=2e-3)
        for step in (1e-3, -1e-3):
            assert kl(mean + step, width) > kl(mean, width)
            assert kl(mean, width + step) > kl(mean, width)
    assert project_reverse(lambda z: densities.normal(z, 4.0, 0.3), 0.0, 1.0) == pytest.approx(
        (4.0, 0.3), rel=1e-7
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gaussian_kl(0, -1.0, 0, 1), SupportError, "sd_q must be positive.*got -1.0"),
        (lambda: gaussian_kl(0, 1, 0, np.array([1, 0])), SupportError, "sd_p must be pos.*got 0.0"),
        (lambda: renyi_gaussian(-1.0, 0, 1, 0, 1), SupportError, "alpha must be pos.*got -1.0"),
        (
            lambda: mvn_kl(np.zeros(2), np.eye(2), np.zeros(2), np.array([[1, 2.0], [2, 1]])),
            SupportError,
            "S1 must be positive definite, got the smallest eigenvalue -1",
        ),
        (
            lambda: mvn_kl(np.zeros(2), np.array([[1, 0.1], [0.2, 1]]), np.zeros(2), np.eye(2)),
            SupportError,
            "S0 must be symmetric, got entries that differ by 0.1",
        ),
        (
            lambda: mvn_kl(np.zeros(3), np.eye(2), np.zeros(2), np.eye(2)),
            ShapeError,
            r"m0 must have shape \(..., 2\), got \(3,\)",
        ),
        (
            lambda: kl_monte_carlo(lambda z: z, lambda z: z, np.zeros(1)),
            ShapeError,
            "at least 2 draws, got 1",
        ),
        (
            lambda: kl_monte_carlo(lambda z: z[:, 0], lambda z: z, np.zeros((5, 5))),
            ShapeError,
            r"must have shape \(5,\), got \(5, 5\)",
        ),
        (
            lambda: kl_monte_carlo(lambda z: z - np.inf, lambda z: z, np.zeros(4)),
            NonFiniteError,
            "numbers above -inf",
        ),
        (lambda: elbo_monte_carlo(np.sum, np.sum, np.zeros(4)), ShapeError, r"\(4,\), got \(\)"),
        (lambda: elbo_normal_mean([], 0, 1, 1, 0, 1), ShapeError, "N >= 1"),
        (lambda: elbo_normal_mean([1.0], 0, 1, 1, 0, -1), SupportError, "s must be positive"),
        (lambda: log_mean_exp([]), ShapeError, "at least one entry"),
        (lambda: project_reverse(bimodal, 0.0, 0.0), SupportError, "sd must be positive"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

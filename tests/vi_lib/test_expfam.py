"""Exponential families: identities of the log partition function, SciPy, quadrature."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy import integrate, special, stats

from vi_lib._check import ShapeError, SupportError
from vi_lib._special import multidigamma, multigammaln
from vi_lib.divergences import gaussian_kl, mvn_kl
from vi_lib.expfam import (
    Categorical,
    Dirichlet,
    Gamma,
    Gaussian,
    MultivariateGaussian,
    NormalWishart,
    entropy,
    kl,
)


def random_cov(rng, leading, dim):
    A = rng.standard_normal((*leading, dim, dim))
    return A @ np.swapaxes(A, -1, -2) + 0.3 * np.eye(dim)


def gaussian(rng, leading):
    return rng.normal(0, 2, leading), rng.uniform(0.2, 3.0, leading)


def gamma(rng, leading):
    return rng.uniform(0.1, 5.0, leading), rng.uniform(0.2, 4.0, leading)


def multivariate(rng, leading):
    return rng.standard_normal((*leading, 3)), random_cov(rng, leading, 3)


def normal_wishart(rng, leading):
    return (
        rng.standard_normal((*leading, 3)),
        rng.uniform(0.3, 4.0, leading),
        random_cov(rng, leading, 3),
        rng.uniform(2.2, 9.0, leading),
    )


FAMILIES = {
    "gaussian": (Gaussian(), gaussian),
    "multivariate": (MultivariateGaussian(3), multivariate),
    "one_dimensional": (
        MultivariateGaussian(1),
        lambda rng, leading: (rng.standard_normal((*leading, 1)), random_cov(rng, leading, 1)),
    ),
    "gamma": (Gamma(), gamma),
    "dirichlet": (Dirichlet(4), lambda rng, leading: (rng.uniform(0.1, 5.0, (*leading, 4)),)),
    "categorical": (
        Categorical(4),
        lambda rng, leading: (rng.dirichlet(np.ones(4), leading or None),),
    ),
    "normal_wishart": (NormalWishart(3), normal_wishart),
}
families = pytest.mark.parametrize(("family", "draw"), FAMILIES.values(), ids=FAMILIES.keys())


@families
@pytest.mark.parametrize("seed", range(5))
def test_mean_parameters_are_the_gradient_of_the_log_partition(family, draw, seed):
    eta = family.natural(*draw(np.random.default_rng(seed), ()))
    assert eta.shape == (family.num_params,)
    got = family.mean_parameters(eta)
    want = grad(family.log_partition)(eta)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@families
def test_the_gradient_is_the_limit_of_differences(family, draw):
    """Along random directions, so that autograd is not the only witness."""
    rng = np.random.default_rng(7)
    eta = family.natural(*draw(rng, ()))
    for _ in range(5):
        direction = 1e-3 * rng.standard_normal(family.num_params) * np.minimum(np.abs(eta), 0.3)
        near, far = (
            family.log_partition(eta + k * direction) - family.log_partition(eta - k * direction)
            for k in (1, 2)
        )
        want = family.mean_parameters(eta) @ direction
        assert (8 * near - far) / 12 == pytest.approx(want, rel=1e-6, abs=1e-11)


@families
@pytest.mark.parametrize("leading", [(), (3,), (2, 2)])
def test_round_trips(family, draw, leading):
    params = draw(np.random.default_rng(1), leading)
    eta = family.natural(*params)
    assert eta.shape == (*leading, family.num_params)
    back = family.standard(eta)
    back = back if isinstance(back, tuple) else (back,)
    for got, want in zip(back, params, strict=True):
        assert np.shape(got) == np.shape(want)
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(family.natural(*back), eta, rtol=1e-10, atol=1e-12)


@families
def test_leading_axes_are_a_loop(family, draw):
    rng = np.random.default_rng(2)
    eta_q, eta_p = (family.natural(*draw(rng, (3, 2))) for _ in range(2))
    for function, shape in (
        (family.log_partition, (3, 2)),
        (family.mean_parameters, (3, 2, family.num_params)),
        (lambda eta: entropy(family, eta), (3, 2)),
        (lambda eta: kl(family, eta, eta_p[..., :1, :] if eta.ndim == 3 else eta_p), (3, 2)),
    ):
        got = function(eta_q)
        assert got.shape == shape
    every = kl(family, eta_q, eta_p)
    for i, j in np.ndindex(3, 2):
        one = kl(family, eta_q[i, j], eta_p[i, j])
        assert every[i, j] == pytest.approx(one, rel=1e-9, abs=1e-13)


@families
def test_kl_is_positive_and_zero_for_equals_only(family, draw):
    rng = np.random.default_rng(3)
    eta_q, eta_p = (family.natural(*draw(rng, (50,))) for _ in range(2))
    assert np.all(kl(family, eta_q, eta_q) == 0.0)
    assert np.all(kl(family, eta_q, eta_p) > 1e-3)
    # near equality: half of the squared length in Fisher's metric, grad mean_parameters
    step = 1e-5 * (eta_p - eta_q)
    near = kl(family, eta_q, eta_q + step)
    curvature = np.sum(
        step * (family.mean_parameters(eta_q + step) - family.mean_parameters(eta_q)), axis=-1
    )
    np.testing.assert_allclose(near, 0.5 * curvature, rtol=5e-3, atol=1e-13)


@families
def test_entropy_and_kl_are_those_of_log_prob(family, draw):
    """The identity H[q] + KL(q, p) = -E_q[log p], by linearity of the latter in T."""
    rng = np.random.default_rng(4)
    eta_q, eta_p = (family.natural(*draw(rng, ())) for _ in range(2))
    cross = -(
        family.log_base_measure
        + eta_p @ family.mean_parameters(eta_q)
        - family.log_partition(eta_p)
    )
    assert entropy(family, eta_q) + kl(family, eta_q, eta_p) == pytest.approx(cross, rel=1e-12)


def test_log_prob_matches_scipy():
    rng = np.random.default_rng(5)
    x = rng.uniform(0.1, 4.0, 20)
    family = Gaussian()
    got = family.log_prob(family.natural(0.4, 1.3), x)
    np.testing.assert_allclose(got, stats.norm(0.4, 1.3).logpdf(x), rtol=1e-12)
    family = Gamma()
    got = family.log_prob(family.natural(2.3, 1.7), x)
    np.testing.assert_allclose(got, stats.gamma(2.3, scale=1 / 1.7).logpdf(x), rtol=1e-12)
    alpha = np.array([0.7, 2.0, 5.5])
    x = rng.dirichlet(alpha, 20)
    family = Dirichlet(3)
    got = family.log_prob(family.natural(alpha), x)
    np.testing.assert_allclose(got, stats.dirichlet(alpha).logpdf(x.T), rtol=1e-12)
    family = Categorical(3)
    probs = np.array([0.2, 0.5, 0.3])
    got = family.log_prob(family.natural(probs) + 5.0, [0, 2, 1, 1])
    np.testing.assert_allclose(got, np.log(probs[[0, 2, 1, 1]]), rtol=1e-13)
    mean, cov = multivariate(rng, ())
    x = rng.standard_normal((20, 3))
    family = MultivariateGaussian(3)
    got = family.log_prob(family.natural(mean, cov), x)
    np.testing.assert_allclose(got, stats.multivariate_normal(mean, cov).logpdf(x), rtol=1e-11)


def test_normal_wishart_log_prob_matches_scipy():
    rng = np.random.default_rng(6)
    m, kappa, W, nu = normal_wishart(rng, ())
    precs = stats.wishart(float(nu), W).rvs(20, random_state=rng)
    means = rng.standard_normal((20, 3))
    family = NormalWishart(3)
    got = family.log_prob(family.natural(m, kappa, W, nu), (means, precs))
    for s in range(20):
        want = stats.wishart(float(nu), W).logpdf(precs[s])
        want += stats.multivariate_normal(m, np.linalg.inv(kappa * precs[s])).logpdf(means[s])
        assert got[s] == pytest.approx(want, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize(
    ("family", "params_q", "params_p", "ends"),
    [
        (Gaussian(), (0.4, 1.3), (-1.0, 0.7), (-15.0, 15.0)),
        (Gamma(), (2.3, 1.7), (0.6, 3.0), (0.0, 40.0)),
        (Gamma(), (0.6, 3.0), (2.3, 1.7), (0.0, 30.0)),
    ],
)
def test_kl_and_entropy_by_quadrature(family, params_q, params_p, ends):
    eta_q, eta_p = family.natural(*params_q), family.natural(*params_p)

    def integral(value):
        def integrand(x):
            return np.exp(family.log_prob(eta_q, x)) * value(x)

        low, high = ends
        pieces = [(low, 0.5), (0.5, 3.0), (3.0, high)]
        return sum(
            integrate.quad(integrand, *piece, epsabs=1e-13, epsrel=1e-12, limit=200)[0]
            for piece in pieces
        )

    assert integral(lambda x: 1.0) == pytest.approx(1.0, abs=1e-10)
    want = integral(lambda x: family.log_prob(eta_q, x) - family.log_prob(eta_p, x))
    assert kl(family, eta_q, eta_p) == pytest.approx(want, abs=1e-9)
    want = integral(lambda x: -family.log_prob(eta_q, x))
    assert entropy(family, eta_q) == pytest.approx(want, abs=1e-9)


def test_kl_against_other_formulas():
    rng = np.random.default_rng(8)
    q, p = gaussian(rng, (5,)), gaussian(rng, (5,))
    family = Gaussian()
    got = kl(family, family.natural(*q), family.natural(*p))
    np.testing.assert_allclose(got, gaussian_kl(*q, *p), rtol=1e-11)
    q, p = multivariate(rng, (5,)), multivariate(rng, (5,))
    family = MultivariateGaussian(3)
    got = kl(family, family.natural(*q), family.natural(*p))
    np.testing.assert_allclose(got, mvn_kl(*q, *p), rtol=1e-10)
    want = stats.multivariate_normal(q[0][0], q[1][0]).entropy()
    assert entropy(family, family.natural(q[0][0], q[1][0])) == pytest.approx(want, rel=1e-12)
    alpha, beta = rng.uniform(1.0, 5.0, (2, 2))
    u = np.linspace(-36.0, 36.0, 14401)
    x = special.expit(u)
    log_q, log_p = stats.beta(*alpha).logpdf(x), stats.beta(*beta).logpdf(x)
    want = np.sum(np.exp(log_q) * (log_q - log_p) * x * special.expit(-u)) * (u[1] - u[0])
    family = Dirichlet(2)
    got = kl(family, family.natural(alpha), family.natural(beta))
    assert got == pytest.approx(want, rel=1e-10)
    q, p = rng.dirichlet(np.ones(4), 2)
    family = Categorical(4)
    got = kl(family, family.natural(q) + 3.0, family.natural(p))
    assert got == pytest.approx(np.sum(q * np.log(q / p)), rel=1e-13)
    assert entropy(family, family.natural(q)) == pytest.approx(stats.entropy(q), rel=1e-13)


def test_normal_wishart_by_monte_carlo():
    """Means of T and of log q - log p over 40 000 draws; |z| < 5.5 in 17 tests: 7e-7 in all."""
    rng = np.random.default_rng(9)
    family = NormalWishart(3)
    q, p = normal_wishart(rng, ()), normal_wishart(rng, ())
    m, kappa, W, nu = q
    eta_q, eta_p = family.natural(*q), family.natural(*p)
    precs = stats.wishart(float(nu), W).rvs(40_000, random_state=rng)
    factors = np.linalg.cholesky(np.linalg.inv(kappa * precs))
    means = m + np.matmul(factors, rng.standard_normal((40_000, 3, 1)))[..., 0]
    x = (means, precs)
    quantities = [*family.sufficient_statistics(x).T]
    expected = [*family.mean_parameters(eta_q)]
    quantities += [
        family.log_prob(eta_q, x) - family.log_prob(eta_p, x),
        -family.log_prob(eta_q, x),
    ]
    expected += [kl(family, eta_q, eta_p), entropy(family, eta_q)]
    for values, want in zip(quantities, expected, strict=True):
        z = (np.mean(values) - want) / (np.std(values) / 200.0)
        assert abs(z) < 5.5


def test_normal_wishart_in_one_dimension_is_normal_gamma():
    """W(w, nu) of one number is Gamma(nu / 2, rate = 1 / (2 w))."""
    family, gammas, normals = NormalWishart(1), Gamma(), Gaussian()
    q = (np.array([0.3]), 2.0, np.array([[0.7]]), 3.4)
    p = (np.array([-1.0]), 0.5, np.array([[1.9]]), 1.2)
    got = kl(family, family.natural(*q), family.natural(*p))
    of_prec = kl(gammas, gammas.natural(1.7, 1 / 1.4), gammas.natural(0.6, 1 / 3.8))
    # given the precision t: KL(N(.3, prec 2 t), N(-1, prec t / 2)), whose mean has E[t] = nu w
    at_one = kl(normals, normals.natural(0.3, 2.0**-0.5), normals.natural(-1.0, 2.0**0.5))
    of_mean = at_one + 0.25 * 1.3**2 * (3.4 * 0.7 - 1.0)
    assert got == pytest.approx(of_prec + of_mean, rel=1e-12)


def test_conjugate_update_adds_statistics():
    """A posterior's natural parameters are the prior's plus the statistics of the data."""
    rng = np.random.default_rng(10)
    y = rng.standard_normal((7, 2)) + 1.5
    family = NormalWishart(2)
    m0, kappa0, W0, nu0 = np.array([0.2, -0.4]), 1.5, np.array([[0.5, 0.1], [0.1, 0.8]]), 4.0
    outer = np.einsum("ni,nj->nij", y, y).reshape(7, 4)
    per_point = np.concatenate([y, np.full((7, 1), -0.5), -0.5 * outer, np.full((7, 1), 0.5)], 1)
    eta = family.natural(m0, kappa0, W0, nu0) + per_point.sum(0)
    m, kappa, W, nu = family.standard(eta)
    mean, scatter = y.mean(0), (y - y.mean(0)).T @ (y - y.mean(0))
    assert kappa == pytest.approx(8.5)
    assert nu == pytest.approx(11.0)
    np.testing.assert_allclose(m, (1.5 * m0 + 7 * mean) / 8.5, rtol=1e-13)
    shrunk = 1.5 * 7 / 8.5 * np.outer(mean - m0, mean - m0)
    want = np.linalg.inv(np.linalg.inv(W0) + scatter + shrunk)
    np.testing.assert_allclose(W, want, rtol=1e-11)


def test_multivariate_gamma_function():
    a = np.array([2.6, 7.0, 300.0])
    np.testing.assert_allclose(
        multigammaln(a, 5), [special.multigammaln(v, 5) for v in a], rtol=1e-14
    )
    for dim in (1, 4):
        slope = grad(lambda a, dim=dim: anp.sum(multigammaln(a, dim)))(a)
        np.testing.assert_allclose(multidigamma(a, dim), slope, rtol=1e-14)


BAD = -0.5 * np.array([[1.0, 2.0], [2.0, 1.0]]).ravel()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Gaussian().standard(np.array([0.0, 0.5])), SupportError, "negative.*got 0.5"),
        (lambda: Gaussian().natural(0.0, -1.0), SupportError, "sd must be positive.*got -1.0"),
        (lambda: Gaussian().log_partition(np.zeros(3)), ShapeError, r"\(\.\.\., 2\), got \(3,\)"),
        (lambda: Gamma().log_partition(np.array([-1.0, -1.0])), SupportError, "above -1.*got -1.0"),
        (lambda: Gamma().mean_parameters(np.array([1.0, 2.0])), SupportError, "rate must be neg"),
        (lambda: Gamma().sufficient_statistics(np.array([-1.0])), SupportError, "x must be pos"),
        (lambda: Dirichlet(2).standard(np.array([0.0, -1.5])), SupportError, "above -1.*got -1.5"),
        (lambda: Dirichlet(2).natural(np.ones(3)), ShapeError, r"alpha must have shape"),
        (lambda: Categorical(2).natural(np.array([0.5, 0.6])), SupportError, "must sum to 1"),
        (lambda: Categorical(2).sufficient_statistics([0, 2]), SupportError, r"labels 0\.\.1"),
        (lambda: Categorical(2).standard(np.array([0.0, np.inf])), SupportError, "finite"),
        (
            lambda: MultivariateGaussian(2).standard(np.array([0.0, 0.0, *BAD])),
            SupportError,
            "cov⁻¹, must be positive definite, got the smallest eigenvalue -1",
        ),
        (
            lambda: MultivariateGaussian(2).natural(np.zeros(2), np.array([[1, 0.5], [0.2, 1]])),
            SupportError,
            "cov must be symmetric",
        ),
        (
            lambda: NormalWishart(2).standard(
                np.array([0, 0, 0.5, *(-0.5 * np.eye(2).ravel()), 1])
            ),
            SupportError,
            r"kappa = -2 eta\[\.\.\., 2\] must be positive.*got -1.0",
        ),
        (
            lambda: NormalWishart(2).standard(
                np.array([0, 0, -0.5, *(-0.5 * np.eye(2).ravel()), -0.5])
            ),
            SupportError,
            r"nu = 2 eta\[\.\.\., -1\] \+ D must be above D - 1 = 1, got",
        ),
        (
            lambda: NormalWishart(2).log_partition(np.array([0, 0, -0.5, *BAD, 1.0])),
            SupportError,
            "W⁻¹ = .* must be positive definite",
        ),
        (
            lambda: NormalWishart(2).natural(np.zeros(2), 1.0, np.eye(2), 1.0),
            SupportError,
            "nu must be above D - 1 = 1",
        ),
    ],
)
def test_what_is_no_parameter_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()

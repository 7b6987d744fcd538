"""Sampling by transformation: exact distributions, exact pathwise derivatives."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad
from scipy import integrate, stats

from vi_lib import sampling
from vi_lib._check import ShapeError, SupportError
from vi_lib.sampling import sample_reparameterized

EDGES = np.array([1e-300, 1e-20, 2.0**-53, 0.25, 0.5, 0.75, 1.0 - 2.0**-53])
GRID = (np.arange(2000) + 0.5) / 2000

# name: (parameters, SciPy's distribution, probability of a smaller draw as a function of eps)
UNIFORM = {
    "exponential": ({"rate": 1.7}, stats.expon(scale=1 / 1.7), lambda u: 1.0 - u),
    "cauchy": ({"loc": 0.4, "scale": 1.3}, stats.cauchy(0.4, 1.3), lambda u: (u + 0.5) % 1.0),
    "laplace": ({"loc": 0.4, "scale": 1.3}, stats.laplace(0.4, 1.3), lambda u: u),
    "gamma": ({"shape": 2.3, "rate": 1.7}, stats.gamma(2.3, scale=1 / 1.7), lambda u: u),
    "inverse_gamma": (
        {"shape": 2.3, "rate": 1.7},
        stats.invgamma(2.3, scale=1.7),
        lambda u: 1.0 - u,
    ),
}
OTHERS = {
    "standard_laplace": ({}, stats.laplace()),
    "gaussian": ({"mu": 0.4, "sd": 1.3}, stats.norm(0.4, 1.3)),
    "lognormal": ({"mu": 0.4, "sd": 0.6}, stats.lognorm(0.6, scale=np.exp(0.4))),
}


@pytest.mark.parametrize("name", UNIFORM)
def test_the_distribution_function_of_a_draw_is_its_uniform(name):
    params, distribution, below = UNIFORM[name]
    x = sample_reparameterized(name, GRID, **params)
    np.testing.assert_allclose(distribution.cdf(x), below(GRID), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", [0.01, 0.05, 0.3, 1.0, 2.5, 30.0, 1000.0])
def test_gamma_draws_invert_the_distribution_function(shape):
    x = sampling.gamma(GRID, shape, 1.0)
    seen = x > 0.0
    np.testing.assert_allclose(stats.gamma(shape).cdf(x[seen]), GRID[seen], rtol=2e-12)


def test_small_shapes_do_not_underflow_in_the_logarithm():
    """F(x) = x^a / Γ(a + 1) to the last digit there."""
    log_x = sampling.log_gamma(np.array([1e-10, 0.01]), 1e-3, 2.0)
    want = (np.log([1e-10, 0.01]) + gammaln_near_one(1e-3)) / 1e-3 - np.log(2.0)
    np.testing.assert_allclose(log_x, want, rtol=1e-13)
    assert np.all(sampling.gamma(np.array([1e-10, 0.01]), 1e-3, 2.0) == 0.0)


def gammaln_near_one(a):
    """The logarithm of Γ(1 + a) = -γ a + π²/12 a² - ζ(3)/3 a³ + π⁴/360 a⁴ - ζ(5)/5 a⁵."""
    return (
        -0.5772156649015329 * a
        + np.pi**2 / 12 * a**2
        - 1.2020569031595942 / 3 * a**3
        + np.pi**4 / 360 * a**4
        - 1.0369277551433699 / 5 * a**5
    )


@pytest.mark.parametrize("name", [*UNIFORM, *OTHERS])
def test_kolmogorov_smirnov(name):
    """Levels of 1e-6: a false alarm in one run of a million."""
    params, distribution = {**UNIFORM, **OTHERS}[name][:2]
    rng = np.random.default_rng(1)
    eps = 1.0 - rng.random((20_000, 2) if name in ("gaussian", "standard_laplace") else 20_000)
    eps = rng.standard_normal(20_000) if name == "lognormal" else np.minimum(eps, 1 - 2.0**-53)
    x = sample_reparameterized(name, eps, **params)
    assert x.shape == (20_000,)
    assert stats.kstest(x, distribution.cdf).pvalue > 1e-6
    if name == "gaussian":  # the printed row without the 2 has half of the variance
        assert stats.kstest(0.4 + (x - 0.4) / np.sqrt(2.0), distribution.cdf).pvalue < 1e-6


def test_gaussian_moments_are_exact_under_quadrature():
    """Midpoints are exact in the angle; in eps_1, E[-2 log eps_1] = 2."""
    radius_nodes, weights = np.polynomial.laguerre.laggauss(20)
    eps = np.stack(np.meshgrid(np.exp(-radius_nodes), GRID[:20] * 100, indexing="ij"), axis=-1)
    x = sampling.gaussian(eps, 0.4, 1.3)
    for power, want in ((1, 0.4), (2, 0.4**2 + 1.3**2)):
        mean = weights @ np.mean(x**power, axis=1)
        assert mean == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("leading", [(), (4,)])
def test_mvn_has_the_covariance_of_its_factor(leading):
    rng = np.random.default_rng(2)
    L, mu = rng.standard_normal((*leading, 3, 3)), rng.standard_normal((*leading, 3))
    eps = rng.standard_normal((4, 3))
    x = sampling.mvn(eps, mu, L)
    for s in range(4):
        want = (mu if not leading else mu[s]) + (L if not leading else L[s]) @ eps[s]
        np.testing.assert_allclose(x[s], want, rtol=1e-14, atol=1e-15)
    if not leading:
        columns = sampling.mvn(np.eye(3), np.zeros(3), L)
        np.testing.assert_allclose(columns.T @ columns, L @ L.T, rtol=1e-13)


# name: (a test function h, E[h(x)] in closed form for the parameters in order)
EXPECTED = {
    "exponential": (lambda x: anp.exp(-x), lambda rate: rate / (rate + 1.0)),
    "cauchy": (
        lambda x: 1.0 / (1.0 + x**2),
        lambda loc, scale: (1.0 + scale) / ((1.0 + scale) ** 2 + loc**2),
    ),
    "laplace": (lambda x: anp.cos(x), lambda loc, scale: anp.cos(loc) / (1.0 + scale**2)),
    "gamma": (lambda x: anp.exp(-x), lambda shape, rate: (rate / (rate + 1.0)) ** shape),
    "inverse_gamma": (
        lambda x: anp.exp(-1.0 / x),
        lambda shape, rate: (rate / (rate + 1.0)) ** shape,
    ),
}


def pathwise(name, params, h, which):
    """The integral over eps of d h(x) / d parameter, by quadrature on each half of (0, 1)."""
    names = list(params)

    def slope(u):
        def value(theta):
            changed = {**params, names[which]: theta}
            return anp.sum(h(sample_reparameterized(name, np.array([u]), **changed)))

        return grad(value)(params[names[which]])

    halves = [(0.0, 0.5), (0.5, 1.0)]
    return sum(integrate.quad(slope, *ends, epsabs=1e-11, epsrel=1e-11)[0] for ends in halves)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_mean_pathwise_gradient_is_that_of_the_expectation(name):
    params, (h, expectation) = UNIFORM[name][0], EXPECTED[name]
    values = list(params.values())
    for which in range(len(values)):
        want = grad(expectation, which)(*values)
        assert pathwise(name, params, h, which) == pytest.approx(want, abs=1e-8), which


@pytest.mark.parametrize("shape", [0.05, 0.4, 1.0, 60.0])
def test_gamma_pathwise_gradient_at_all_sizes_of_the_shape(shape):
    want = grad(lambda a: 2.0**-a)(shape)
    got = pathwise("gamma", {"shape": shape, "rate": 1.0}, EXPECTED["gamma"][0], 0)
    assert got == pytest.approx(want, rel=1e-7)


def test_treating_the_inverse_gammas_base_as_noise_drops_a_part():
    """With 1/e for fixed e the gradient in the shape would be 0; that of E[log x] is -trigamma."""

    def mean_log(shape):
        return anp.mean(anp.log(sampling.inverse_gamma(GRID, shape, 1.7)))

    assert grad(mean_log)(2.3) < -0.5
    fixed = 1.0 / sampling.gamma(GRID, 2.3, 1.0)
    assert grad(lambda shape: anp.mean(anp.log(1.7 * fixed)) + 0.0 * shape)(2.3) == 0.0


@pytest.mark.parametrize("name", UNIFORM)
def test_values_and_gradients_are_finite_near_the_ends(name):
    params = UNIFORM[name][0]
    x = sample_reparameterized(name, EDGES, **params)
    assert np.all(np.isfinite(x))
    for key in params:

        def value(theta, key=key):
            return sample_reparameterized(name, EDGES, **{**params, key: theta * np.ones(7)})

        theta, step = params[key], 1e-5 * params[key]
        slope = elementwise_grad(value)(theta * np.ones(7))
        near, far = (value(theta + k * step) - value(theta - k * step) for k in (1, 2))
        difference = (8.0 * near - far) / (12.0 * step)
        rounding = 4.0 * np.finfo(float).eps * np.abs(x) / step  # of the values' difference
        assert np.all(np.abs(slope - difference) <= 1e-8 * np.abs(difference) + rounding + 1e-10)


def test_gaussian_is_finite_near_the_ends():
    eps = np.stack([EDGES, EDGES[::-1]], axis=-1)
    assert np.all(np.isfinite(sampling.gaussian(eps, 0.0, 1.0)))
    slope = grad(lambda sd: anp.sum(sampling.gaussian(eps, 0.0, sd)))(2.0)
    assert slope == pytest.approx(np.sum(sampling.gaussian(eps, 0.0, 1.0)), rel=1e-13)


def test_laplace_keeps_both_tails():
    np.testing.assert_allclose(
        sampling.laplace(np.array([1e-300, 0.5, 1.0 - 2.0**-53]), 0.0, 1.0),
        [np.log(2e-300), 0.0, 52.0 * np.log(2.0)],
        rtol=1e-15,
    )
    e = GRID - 0.5
    printed = 0.4 - 1.3 * np.sign(e) * np.log(1.0 - 2.0 * np.abs(e))
    np.testing.assert_allclose(sampling.laplace(GRID, 0.4, 1.3), printed, rtol=1e-9, atol=1e-12)


def test_parameters_broadcast():
    rate = np.array([[0.5], [2.0]])
    x = sampling.exponential(GRID[:3], rate)
    assert x.shape == (2, 3)
    np.testing.assert_allclose(x[0], 4.0 * x[1], rtol=1e-15)
    shape = np.array([[0.5], [2.0]])
    assert sampling.gamma(GRID[:3], shape, 1.0).shape == (2, 3)
    slope = grad(lambda a: anp.sum(sampling.gamma(GRID[:3], a, 1.0)))(shape)
    assert slope.shape == (2, 1)


def test_rademacher_draws_have_probability_p():
    for p in (0.0, 0.1875, 0.5, 1.0):
        assert np.mean(sampling.rademacher((np.arange(16) + 0.5) / 16, p)) == 2.0 * p - 1.0


def test_rademacher_has_a_gradient_but_no_pathwise_one():
    """A draw does not move with p, the expectation does: h(1) - h(-1)."""

    def h(x):
        return x**3 + 0.5 * x

    step = 1.0 / 2000
    draws = [sampling.rademacher(GRID, p) for p in (0.3 - step, 0.3 + step)]
    moved = np.mean(draws[0] != draws[1])
    assert moved == pytest.approx(2.0 * step)  # all others have derivative 0
    slope = (np.mean(h(draws[1])) - np.mean(h(draws[0]))) / (2 * step)
    assert slope == pytest.approx(h(1.0) - h(-1.0), rel=1e-12)
    with pytest.raises(TypeError, match=r"no pathwise gradient in p.*score function"):
        grad(lambda p: anp.mean(h(sampling.rademacher(GRID, p))))(0.3)
    with pytest.raises(TypeError, match="no pathwise gradient"):
        grad(lambda p: sample_reparameterized("rademacher", GRID, p=p)[0])(0.3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sample_reparameterized("beta", GRID), ValueError, "one of exponential, .*'beta'"),
        (
            lambda: sample_reparameterized("cauchy", GRID, loc=0.0),
            TypeError,
            r"cauchy needs the parameters \(loc, scale\), got \(loc\)",
        ),
        (
            lambda: sample_reparameterized("gaussian", GRID, mu=0.0, sd=1.0),
            ShapeError,
            r"eps must have shape \(\.\.\., 2\), got \(2000,\)",
        ),
        (
            lambda: sample_reparameterized("mvn", GRID[:3], mu=np.zeros(2), L=np.eye(2)),
            ShapeError,
            r"eps must have shape \(\.\.\., 2\), got \(3,\)",
        ),
        (
            lambda: sample_reparameterized("mvn", GRID[:2], mu=np.zeros(2), L=np.zeros((2, 3))),
            ShapeError,
            r"L must have shape \(\.\.\., 3, 3\)",
        ),
        (lambda: sampling.exponential(np.array([0.0, 0.5]), 1.0), SupportError, "eps .*got 0.0"),
        (lambda: sampling.laplace(np.array([0.5, 1.0]), 0.0, 1.0), SupportError, "got 1.0"),
        (lambda: sampling.cauchy(np.array([np.nan]), 0.0, 1.0), SupportError, "got nan"),
        (lambda: sampling.exponential(GRID, -1.0), SupportError, "rate must be positive"),
        (lambda: sampling.gamma(GRID, 0.0, 1.0), SupportError, "shape must be positive"),
        (lambda: sampling.lognormal(GRID, 0.0, -1.0), SupportError, "sd must be positive"),
        (lambda: sampling.rademacher(GRID, 1.5), SupportError, r"p must be in \[0, 1\], got 1.5"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_signs_on_given_noise():
    """With cos 0 = 1 and radius 1 at eps = (exp(-1/2), next to 0): mu + sd, not mu - sd."""
    eps = np.array([np.exp(-0.5), 1e-12])
    np.testing.assert_allclose(sampling.gaussian(eps, 3.0, 2.0), 5.0, rtol=1e-12)
    np.testing.assert_allclose(sampling.lognormal(np.array(1.0), 3.0, 2.0), np.exp(5.0))
    np.testing.assert_allclose(sampling.mvn(np.ones(1), np.array([3.0]), np.array([[2.0]])), 5.0)

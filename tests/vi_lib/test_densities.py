"""Log densities against SciPy's, their supports, tails and gradients."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad, jacobian
from scipy import integrate, stats

from vi_lib import densities
from vi_lib._check import ShapeError

# name: (ours(x), SciPy's frozen distribution, support)
REAL, POSITIVE = (-np.inf, np.inf), (0.0, np.inf)
CONTINUOUS = {
    "normal": (lambda x: densities.normal(x, 0.7, 1.9), stats.norm(0.7, 1.9), REAL),
    "half_normal": (lambda x: densities.half_normal(x, 1.9), stats.halfnorm(0, 1.9), POSITIVE),
    "lognormal": (
        lambda x: densities.lognormal(x, 0.4, 0.6),
        stats.lognorm(0.6, scale=np.exp(0.4)),
        POSITIVE,
    ),
    "gamma": (lambda x: densities.gamma(x, 2.3, 1.7), stats.gamma(2.3, scale=1 / 1.7), POSITIVE),
    "exponential": (
        lambda x: densities.exponential(x, 1.7),
        stats.expon(scale=1 / 1.7),
        POSITIVE,
    ),
    "laplace": (lambda x: densities.laplace(x, 0.7, 1.9), stats.laplace(0.7, 1.9), REAL),
    "cauchy": (lambda x: densities.cauchy(x, 0.7, 1.9), stats.cauchy(0.7, 1.9), REAL),
    "inverse_gamma": (
        lambda x: densities.inverse_gamma(x, 4.3, 1.7),
        stats.invgamma(4.3, scale=1.7),
        POSITIVE,
    ),
    "half_cauchy": (lambda x: densities.half_cauchy(x, 1.9), stats.halfcauchy(0, 1.9), POSITIVE),
    "beta": (lambda x: densities.beta(x, 2.3, 1.7), stats.beta(2.3, 1.7), (0.0, 1.0)),
    "student_t": (lambda x: densities.student_t(x, 3.5, 0.7, 1.9), stats.t(3.5, 0.7, 1.9), REAL),
}
DISCRETE = {
    "bernoulli_logits": (
        lambda x: densities.bernoulli_logits(x, 0.8),
        stats.bernoulli(1 / (1 + np.exp(-0.8))),
        np.arange(2),
    ),
    "poisson": (lambda x: densities.poisson(x, 3.2), stats.poisson(3.2), np.arange(30)),
    "binomial_logits": (
        lambda x: densities.binomial_logits(x, 7, 0.8),
        stats.binom(7, 1 / (1 + np.exp(-0.8))),
        np.arange(-1, 10),
    ),
    "negative_binomial": (
        lambda x: densities.negative_binomial(x, 3.2, 1.4),
        stats.nbinom(1.4, 1.4 / (1.4 + 3.2)),
        np.arange(60),
    ),
    "categorical_logits": (
        lambda x: densities.categorical_logits(x, np.log([0.2, 0.5, 0.3]) + 7.0),
        stats.rv_discrete(values=(np.arange(3), [0.2, 0.5, 0.3])),
        np.arange(-1, 5),
    ),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_matches_scipy(name):
    ours, theirs, support = CONTINUOUS[name]
    x = theirs.ppf(np.linspace(0.001, 0.999, 50)).reshape(10, 5)
    np.testing.assert_allclose(ours(x), theirs.logpdf(x), rtol=1e-12, atol=1e-13)
    mass, _ = integrate.quad(lambda x: np.exp(ours(np.float64(x))), *support, epsabs=1e-12)
    assert mass == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_matches_scipy(name):
    ours, theirs, values = DISCRETE[name]
    np.testing.assert_allclose(ours(values), theirs.logpmf(values), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_gradient_is_finite_everywhere(name):
    """Also outside the support, where a careless np.where would leave a NaN behind."""
    ours, _, support = CONTINUOUS[name]
    x = np.array([-3.0, -0.5, 0.3, 2.0])
    gradient = elementwise_grad(ours)(x)
    step = 1e-6
    inside = (x > support[0]) & (x < support[1])
    differences = (ours(x[inside] + step) - ours(x[inside] - step)) / (2 * step)
    np.testing.assert_allclose(gradient[inside], differences, rtol=1e-7, atol=1e-9)
    assert np.all(np.isfinite(gradient))
    assert np.all(ours(x[~inside]) == -np.inf)


def test_edges_of_the_supports():
    zero = np.array(0.0)
    assert densities.half_normal(zero, 2.0) == pytest.approx(stats.halfnorm(0, 2).logpdf(0.0))
    assert densities.exponential(zero, 2.0) == pytest.approx(np.log(2.0))
    assert densities.lognormal(zero) == -np.inf
    assert densities.gamma(zero, 2.0, 1.0) == -np.inf


@pytest.mark.parametrize("logit", [-800.0, -40.0, 0.0, 40.0, 800.0])
def test_bernoulli_keeps_its_tails(logit):
    for x in (0.0, 1.0):
        sign = 2.0 * x - 1.0
        want = -max(-sign * logit, 0.0) - np.log1p(np.exp(-abs(logit)))
        assert densities.bernoulli_logits(x, logit) == pytest.approx(want, rel=1e-14)
        slope = grad(lambda t, x=x: densities.bernoulli_logits(x, t))(logit)
        probability = np.exp(-np.logaddexp(0.0, -logit))
        assert slope == pytest.approx(x - probability, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("x", [0.0, 3.0, 40.0])
def test_negative_binomial_keeps_its_digits_near_the_poisson_limit(x):
    """The difference is ((x - m)² - x) / (2 c) + O(1/c²); the terms that cancel are below 1e3."""
    mean, c = 5.0, 1e10
    got = densities.negative_binomial(x, mean, c) - densities.poisson(x, mean)
    assert got == pytest.approx(((x - mean) ** 2 - x) / (2.0 * c), abs=1e-12)


@pytest.mark.parametrize(
    "density",
    [
        lambda a: densities.beta(0.3, a, 1.7 * a),
        lambda a: densities.inverse_gamma(0.3, a, 1.7 * a),
        lambda a: densities.half_cauchy(0.3, a),
        lambda a: densities.negative_binomial(4.0, a, 1.7 * a),
        lambda a: densities.binomial_logits(4.0, 9, a),
        lambda a: densities.categorical_logits(1, anp.array([0.2, a, a * a])),
        lambda a: densities.dirichlet(np.array([0.2, 0.5, 0.3]), anp.array([0.2, a, a * a])),
    ],
)
def test_gradients_in_the_parameters(density):
    for a in (0.4, 1.0, 2.7):
        step = 1e-5
        difference = (density(a + step) - density(a - step)) / (2 * step)
        assert grad(density)(a) == pytest.approx(difference, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("logit", [-800.0, 800.0])
def test_counts_keep_their_tails(logit):
    assert densities.binomial_logits(3, 5, logit) == pytest.approx(
        np.log(10.0) - 800.0 * (2.0 if logit > 0 else 3.0), rel=1e-14
    )
    logits = np.array([0.0, logit, -np.inf])
    got = densities.categorical_logits(np.arange(3), logits)
    np.testing.assert_allclose(got, [min(-logit, 0.0), min(logit, 0.0), -np.inf], atol=1e-300)
    slope = jacobian(lambda b: densities.categorical_logits(0, anp.array([0.0, b, -np.inf])))(logit)
    assert slope == (-1.0 if logit > 0 else 0.0)


@pytest.mark.parametrize(
    ("density", "shape"),
    [
        (lambda a: densities.beta(np.array([0.2, 0.7]), a, 2.0 * a), (3, 1)),
        (lambda a: densities.inverse_gamma(np.array([0.2, 0.7]), a, 2.0 * a), (3, 1)),
        (lambda a: densities.half_cauchy(np.array([0.2, 0.7]), a), (3, 1)),
        (lambda a: densities.binomial_logits(np.array([1, 4]), 5, a), (3, 1)),
        (lambda a: densities.negative_binomial(np.array([1, 4]), a, 2.0 * a), (3, 1)),
        (lambda a: densities.categorical_logits(np.array([1, 0, 2, 1]), a), (2, 1, 3)),
        (lambda a: densities.dirichlet(np.full((4, 3), 1 / 3), a), (2, 1, 3)),
    ],
)
def test_gradients_undo_broadcasts(density, shape):
    """Against a sum over copies: one parameter for many points."""
    a = np.random.default_rng(9).uniform(0.5, 2.0, shape)
    gradient = grad(lambda a: anp.sum(density(a)))(a)
    assert gradient.shape == shape
    index = tuple(0 for _ in shape)
    step = 1e-5 * np.eye(1, a.size).reshape(shape)
    change = density(a + step) - density(a - step)
    difference = np.sum(change) / 2e-5
    assert gradient[index] == pytest.approx(difference, rel=1e-7, abs=1e-9)


def test_categorical_broadcasts_labels_against_logits():
    logits = np.random.default_rng(3).standard_normal((4, 1, 3))
    labels = np.array([0, 2, 2, 1, 0])
    got = densities.categorical_logits(labels, logits)
    assert got.shape == (4, 5)
    want = logits[:, 0] - np.log(np.sum(np.exp(logits[:, 0]), axis=-1, keepdims=True))
    np.testing.assert_allclose(got, want[:, labels], rtol=1e-14)


def test_dirichlet_matches_scipy():
    alpha = np.array([0.7, 2.0, 5.5])
    x = np.random.default_rng(4).dirichlet(alpha, 20)
    want = stats.dirichlet(alpha).logpdf(x.T)
    np.testing.assert_allclose(densities.dirichlet(x, alpha), want, rtol=1e-12)
    assert densities.dirichlet(x.reshape(4, 5, 3), alpha).shape == (4, 5)
    two = densities.dirichlet(np.array([0.3, 0.7]), np.array([2.0, 3.0]))
    assert two == pytest.approx(densities.beta(0.3, 2.0, 3.0), rel=1e-14)


@pytest.mark.parametrize("x", [[0.5, 0.6], [1.5, -0.5], [1.0, 0.0], [0.2, 0.2]])
def test_dirichlet_is_minus_infinity_off_the_simplex(x):
    x = np.array(x)
    assert densities.dirichlet(x, np.array([2.0, 3.0])) == -np.inf
    assert np.all(np.isfinite(grad(lambda x: densities.dirichlet(x, np.array([2.0, 3.0])))(x)))


@pytest.mark.parametrize("leading", [(), (5,), (4, 1)])
def test_multivariate_normal_from_a_factor(leading):
    rng = np.random.default_rng(5)
    L = np.tril(rng.standard_normal((*leading, 3, 3)), -1) + np.eye(3) * 1.7
    x, mean = rng.standard_normal((4, 5, 3)), rng.standard_normal(3)
    got = densities.multivariate_normal(x, mean, chol=L)
    assert got.shape == (4, 5)
    every = np.broadcast_to(L, (4, 5, 3, 3))
    for i, j in np.ndindex(4, 5):
        cov = every[i, j] @ every[i, j].T
        want = stats.multivariate_normal(mean, cov).logpdf(x[i, j])
        assert got[i, j] == pytest.approx(want, rel=1e-12)
    slope = grad(lambda L: anp.sum(densities.multivariate_normal(x, mean, chol=L)))(L)
    assert np.shape(slope) == np.shape(L)


def test_multivariate_normal_wants_one_matrix():
    x = np.zeros(2)
    with pytest.raises(TypeError, match="either cov or chol"):
        densities.multivariate_normal(x, x)
    with pytest.raises(TypeError, match="either cov or chol"):
        densities.multivariate_normal(x, x, np.eye(2), chol=np.eye(2))
    with pytest.raises(ShapeError, match=r"chol must have shape \(\.\.\., 3, 3\), got \(2, 3\)"):
        densities.multivariate_normal(x, x, chol=np.zeros((2, 3)))


@pytest.mark.parametrize("leading", [(), (4,), (2, 3)])
def test_multivariate_normal(leading):
    rng = np.random.default_rng(1)
    A = rng.standard_normal((3, 3))
    mean, cov = rng.standard_normal(3), A @ A.T + 0.1 * np.eye(3)
    x = rng.standard_normal((*leading, 3))
    got = densities.multivariate_normal(x, mean, cov)
    assert np.shape(got) == leading
    np.testing.assert_allclose(got, stats.multivariate_normal(mean, cov).logpdf(x), rtol=1e-12)
    shifted = densities.multivariate_normal(x - x, mean - x, cov)
    np.testing.assert_allclose(shifted, got, rtol=1e-12)


def test_multivariate_normal_gradients():
    rng = np.random.default_rng(2)
    A = rng.standard_normal((3, 3))
    mean, cov = rng.standard_normal(3), A @ A.T + np.eye(3)
    x = rng.standard_normal((5, 3))
    total = lambda x, mean, cov: anp.sum(densities.multivariate_normal(x, mean, cov))  # noqa: E731
    pull = -np.linalg.solve(cov, (x - mean).T).T
    np.testing.assert_allclose(grad(total, 0)(x, mean, cov), pull, rtol=1e-11)
    np.testing.assert_allclose(grad(total, 1)(x, mean, cov), -pull.sum(0), rtol=1e-11)
    want = 0.5 * (pull.T @ pull - 5 * np.linalg.inv(cov))
    got = grad(total, 2)(x, mean, cov)
    np.testing.assert_allclose(0.5 * (got + got.T), want, rtol=1e-10)


@pytest.mark.parametrize(
    ("x", "mean", "cov", "message"),
    [
        (np.zeros(3), np.zeros(2), np.eye(2), r"x must have shape \(\.\.\., 2\), got \(3,\)"),
        (np.zeros(2), np.zeros(3), np.eye(2), r"mean must have shape \(\.\.\., 2\)"),
        (np.zeros(2), np.zeros(2), np.zeros((2, 3)), r"cov must have shape \(3, 3\)"),
        (np.zeros(2), np.zeros(2), np.float64(1.0), r"cov must have shape \(0, 0\), got \(\)"),
    ],
)
def test_multivariate_normal_names_the_wrong_shape(x, mean, cov, message):
    with pytest.raises(ShapeError, match=message):
        densities.multivariate_normal(x, mean, cov)


def test_a_covariance_that_is_none_is_refused():
    with pytest.raises(np.linalg.LinAlgError):
        densities.multivariate_normal(np.zeros(2), np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))

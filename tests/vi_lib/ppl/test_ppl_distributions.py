"""Distributions: densities against scipy, draws against their own density, gradients exactly."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from autograd import make_vjp
from scipy import stats

from vi_lib import ppl
from vi_lib._check import ShapeError, SupportError
from vi_lib.ppl._distribution import Transformed
from vi_lib.ppl._support import contains, in_support
from vi_lib.transforms import Log, for_support

# name: (our distribution of its parameters, the parameters, scipy's of the same parameters)
CONTINUOUS = {
    "Normal": (ppl.Normal, (1.5, 0.7), lambda m, s: stats.norm(m, s)),
    "LogNormal": (ppl.LogNormal, (0.3, 0.7), lambda m, s: stats.lognorm(s, scale=onp.exp(m))),
    "HalfNormal": (ppl.HalfNormal, (1.7,), lambda s: stats.halfnorm(scale=s)),
    "HalfCauchy": (ppl.HalfCauchy, (1.7,), lambda s: stats.halfcauchy(scale=s)),
    "Exponential": (ppl.Exponential, (1.7,), lambda r: stats.expon(scale=1 / r)),
    "Uniform": (ppl.Uniform, (-1.0, 3.0), lambda a, b: stats.uniform(a, b - a)),
    "Gamma": (ppl.Gamma, (2.5, 1.7), lambda a, r: stats.gamma(a, scale=1 / r)),
    "Gamma below 1": (ppl.Gamma, (0.4, 1.7), lambda a, r: stats.gamma(a, scale=1 / r)),
    "Beta": (ppl.Beta, (2.5, 0.8), stats.beta),
    "StudentT": (ppl.StudentT, (4.0, 1.0, 0.5), lambda d, m, s: stats.t(d, m, s)),
}
DISCRETE = {
    "Poisson": (ppl.Poisson(3.2), stats.poisson(3.2), 40),
    "Bernoulli": (ppl.Bernoulli(0.3), stats.bernoulli(0.3), 2),
    "Bernoulli by logits": (ppl.Bernoulli(logits=-0.4), stats.bernoulli(1 / (1 + onp.exp(0.4))), 2),
    "Binomial": (ppl.Binomial(5, 0.3), stats.binom(5, 0.3), 6),
    "Categorical": (
        ppl.Categorical([0.2, 0.5, 0.3]),
        stats.rv_discrete(values=([0, 1, 2], [0.2, 0.5, 0.3])),
        3,
    ),
    "Categorical by logits": (
        ppl.Categorical(logits=onp.log([0.2, 0.5, 0.3]) + 700.0),
        stats.rv_discrete(values=([0, 1, 2], [0.2, 0.5, 0.3])),
        3,
    ),
}
continuous = pytest.mark.parametrize("case", CONTINUOUS.values(), ids=list(CONTINUOUS))
discrete = pytest.mark.parametrize("case", DISCRETE.values(), ids=list(DISCRETE))


@continuous
def test_log_prob_is_scipys(case):
    make, params, reference = case
    v = reference(*params).ppf(onp.linspace(0.01, 0.99, 21))
    ours = make(*params).log_prob(v)
    onp.testing.assert_allclose(ours, reference(*params).logpdf(v), rtol=1e-10, atol=1e-10)


@continuous
def test_draws_follow_the_density(case):
    """Kolmogorov-Smirnov at a false-alarm rate of 1e-6."""
    make, params, reference = case
    draws = make(*params).sample(onp.random.default_rng(0), (4000,))
    assert stats.kstest(draws, reference(*params).cdf).pvalue > 1e-6


@continuous
def test_outside_of_the_support_the_density_is_zero(case):
    make, params, _ = case
    low, high = {"positive": (0, 9), "unit": (0, 1), "real": (-9, 9)}.get(
        make(*params).support, (-1, 3)
    )
    if low > -9:
        outside = onp.array([low - 0.5, high + 0.5])[: 1 + (high < 9)]
        onp.testing.assert_array_equal(make(*params).log_prob(outside), -onp.inf)
        assert not in_support(make(*params).support, outside).any()


# Of a ratio of two gammas only the sum over paths is determined, not the path: z-tests below.
ONE_NOISE = {k: v for k, v in CONTINUOUS.items() if k not in ("Beta", "StudentT")}


@pytest.mark.parametrize("case", ONE_NOISE.values(), ids=list(ONE_NOISE))
def test_draws_are_differentiable_as_the_distribution_function_says(case):
    """F(x; parameters) = u for the noise's u, so dx/dp = -(dF/dp) / f(x), draw by draw."""
    make, params, reference = case
    for i, h in enumerate([1e-5] * len(params)):

        def draw(p, i=i):
            return make(*params[:i], p, *params[i + 1 :]).sample(onp.random.default_rng(1), (50,))

        x = draw(params[i])
        derivative = onp.array(
            [_derivative(lambda p, m=m: draw(p)[m], params[i]) for m in range(50)]
        )
        up, down = (reference(*params[:i], params[i] + s * h, *params[i + 1 :]) for s in (1, -1))
        slope = -(up.cdf(x) - down.cdf(x)) / (2 * h) / reference(*params).pdf(x)
        onp.testing.assert_allclose(derivative, slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "params", "h", "mean"),
    [
        (ppl.Beta, (2.5, 0.8), lambda x: x, lambda a, b: a / (a + b)),
        (ppl.Beta, (0.3, 1.2), lambda x: x**2, lambda a, b: a * (a + 1) / (a + b) / (a + b + 1)),
        (ppl.StudentT, (9.0, 1.0, 0.5), lambda x: x**2, lambda d, m, s: m**2 + s**2 * d / (d - 2)),
    ],
)
def test_pathwise_gradients_of_ratios_are_unbiased(make, params, h, mean):
    """z-test at 4.9 standard errors: a false-alarm rate of 1e-6 a parameter."""
    num, rng = 4000, onp.random.default_rng(2)
    rows = tuple(onp.full(num, p) for p in params)
    state = rng.bit_generator.state
    for i in range(len(params)):
        rng.bit_generator.state = state
        vjp, _ = make_vjp(lambda p, i=i: h(make(*rows[:i], p, *rows[i + 1 :]).sample(rng)))(rows[i])
        gradients = vjp(onp.ones(num))
        step = 1e-5
        up, down = (mean(*params[:i], params[i] + s * step, *params[i + 1 :]) for s in (1, -1))
        exact = (up - down) / (2 * step)
        z = (gradients.mean() - exact) / (gradients.std(ddof=1) / onp.sqrt(num))
        assert abs(z) < 4.9


def test_pathwise_gradient_of_the_dirichlet():
    """d/d alpha_1 of E v_1 = alpha_1 / sum; z-test at 4.9 standard errors."""
    alpha, num = onp.tile([0.5, 1.5, 2.0], (4000, 1)), 4000
    rng = onp.random.default_rng(3)
    vjp, draws = make_vjp(lambda a: ppl.Dirichlet(a).sample(rng)[:, 0])(alpha)
    gradient = vjp(onp.ones(num))[:, 0]
    z = (gradient.mean() - 3.5 / 16.0) / (gradient.std(ddof=1) / onp.sqrt(num))
    assert abs(z) < 4.9
    assert abs(draws.mean() - 0.125) < 4.9 * draws.std(ddof=1) / onp.sqrt(num)


@discrete
def test_discrete_log_probs_are_scipys_and_sum_to_one(case):
    dist, reference, count = case
    v = onp.arange(count)
    onp.testing.assert_allclose(dist.log_prob(v), reference.logpmf(v), rtol=1e-10)
    assert onp.exp(dist.log_prob(v)).sum() == pytest.approx(1.0, abs=1e-12)
    if hasattr(dist, "enumerate_support"):
        onp.testing.assert_array_equal(dist.enumerate_support(), v)
        assert dist.support == range(count)


@pytest.mark.parametrize("name", ["Poisson", "Binomial", "Categorical", "Categorical by logits"])
def test_outside_of_a_discrete_support_the_probability_is_zero(name):
    dist, _, count = DISCRETE[name]
    outside = onp.array([-1] if name == "Poisson" else [-1, count])
    onp.testing.assert_array_equal(dist.log_prob(outside), -onp.inf)
    assert not in_support(dist.support, outside).any()


@discrete
def test_discrete_draws_have_their_frequencies(case):
    """Chi-square at a false-alarm rate of 1e-6."""
    dist, reference, count = case
    draws = dist.sample(onp.random.default_rng(4), (5000,))
    assert onp.all(in_support(dist.support, draws))
    kept = [v for v in range(count) if 5000 * reference.pmf(v) > 5]
    observed = onp.array([(draws == v).sum() for v in kept] + [(~onp.isin(draws, kept)).sum()])
    expected = 5000 * onp.array([reference.pmf(v) for v in kept])
    expected = onp.append(expected, 5000 - expected.sum())
    used = expected > 1e-9
    statistic = onp.sum((observed[used] - expected[used]) ** 2 / expected[used])
    assert stats.chi2.sf(statistic, used.sum() - 1) > 1e-6


def test_multivariate_normal_by_cov_and_by_factor():
    cov = onp.array([[2.0, 0.6], [0.6, 1.0]])
    mean, L = onp.array([1.0, -1.0]), onp.linalg.cholesky(cov)
    v = onp.random.default_rng(5).standard_normal((3, 4, 2))
    expected = stats.multivariate_normal(mean, cov).logpdf(v)
    onp.testing.assert_allclose(ppl.MultivariateNormal(mean, cov).log_prob(v), expected, rtol=1e-12)
    onp.testing.assert_allclose(ppl.MultivariateNormal(mean, L=L).log_prob(v), expected, rtol=1e-12)
    draws = ppl.MultivariateNormal(mean, L=L).sample(onp.random.default_rng(6), (3, 4))
    eps = onp.random.default_rng(6).standard_normal((3, 4, 2))
    onp.testing.assert_allclose(draws, mean + eps @ L.T, rtol=1e-14)


def test_dirichlet_density_is_scipys():
    alpha, v = onp.array([0.5, 1.5, 2.0]), onp.array([0.2, 0.3, 0.5])
    ours = ppl.Dirichlet(alpha).log_prob(onp.tile(v, (4, 1)))
    onp.testing.assert_allclose(ours, stats.dirichlet(alpha).logpdf(v), rtol=1e-12)
    assert ppl.Dirichlet(alpha).log_prob(onp.array([0.0, 0.5, 0.5])) == -onp.inf


def test_draws_of_a_very_sparse_dirichlet_underflow_nowhere():
    """All gammas of shape .001 are below the smallest number; their ratios are not."""
    draws = ppl.Dirichlet(onp.full(3, 1e-3)).sample(onp.random.default_rng(7), (300,))
    onp.testing.assert_allclose(draws.sum(axis=-1), 1.0, rtol=1e-15)
    # The largest is as likely the first, second or third: chi-square at 1e-6.
    counts = onp.bincount(draws.argmax(axis=-1), minlength=3)
    assert stats.chisquare(counts).pvalue > 1e-6


def test_delta_has_all_its_mass_at_one_point():
    point = ppl.Delta(onp.array([1.0, 2.0]), 1)
    assert point.log_prob(onp.array([1.0, 2.0])) == 0.0
    assert point.log_prob(onp.array([1.0, 2.1])) == -onp.inf
    assert point.sample(onp.random.default_rng(0), (3,)).shape == (3, 2)


def test_shapes_batch_event_and_their_sum():
    """N01: the batch is what the parameters broadcast to; an event has one log probability."""
    dist = ppl.Normal(onp.zeros((3, 1)), onp.ones(4))
    assert dist.batch_shape == (3, 4)
    assert dist.sample(onp.random.default_rng(0)).shape == (3, 4)
    event = dist.to_event(1)
    assert (event.batch_shape, event.event_dim) == ((3,), 1)
    v = event.sample(onp.random.default_rng(0))
    onp.testing.assert_allclose(event.log_prob(v), dist.log_prob(v).sum(axis=-1), rtol=1e-14)
    assert dist.to_event(2).log_prob(v).shape == ()


def test_expand_makes_independent_copies():
    dist = ppl.Normal(onp.array([0.0, 5.0]), 1.0).to_event(1).expand((3,))
    assert (dist.batch_shape, dist.event_dim) == ((3,), 1)
    v = dist.sample(onp.random.default_rng(0))
    assert v.shape == (3, 2)
    assert onp.unique(v).size == 6
    assert dist.log_prob(v).shape == (3,)
    assert dist.log_prob(v[0]).shape == (3,)  # one value for all copies still counts three times


def test_transformed_is_the_lognormal():
    base = ppl.Normal(onp.array([0.3]), 0.7).to_event(1)
    dist = Transformed(base, Log(), "positive", ())
    v = onp.array([0.5, 1.0, 4.0])
    rows = Transformed(
        ppl.Normal(onp.full((3, 1), 0.3), 0.7).to_event(1), Log(), "positive", ()
    ).log_prob(v)
    onp.testing.assert_allclose(rows, ppl.LogNormal(0.3, 0.7).log_prob(v), rtol=1e-13)
    assert dist.sample(onp.random.default_rng(0)) == pytest.approx(
        ppl.LogNormal(0.3, 0.7).sample(onp.random.default_rng(0))
    )


def test_transformed_on_the_simplex_integrates_to_one():
    """Over the triangle of three probabilities, by the trapezoid rule."""
    base = ppl.Normal(onp.zeros(2), 0.8).to_event(1)
    dist = Transformed(base, for_support("simplex"), "simplex", (3,))
    edges = onp.linspace(0.0, 1.0, 402)[1:-1]
    a, b = onp.meshgrid(edges, edges, indexing="ij")
    inside = a + b < 1.0 - 1e-9
    points = onp.stack([a[inside], b[inside], 1.0 - a[inside] - b[inside]], axis=-1)
    mass = onp.exp(dist.log_prob(points)).sum() * (edges[1] - edges[0]) ** 2
    assert mass == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: ppl.Normal(0.0, -1.0), SupportError, "Normal's sd must be positive, got -1.0"),
        (lambda: ppl.Gamma(-1.0, 1.0), SupportError, "Gamma's shape"),
        (lambda: ppl.Uniform(1.0, 1.0), SupportError, "low < high"),
        (lambda: ppl.Bernoulli(), ValueError, "exactly one"),
        (lambda: ppl.Bernoulli(0.5, 0.0), ValueError, "exactly one"),
        (lambda: ppl.Bernoulli(1.0), SupportError, "strictly between"),
        (lambda: ppl.Categorical([0.5, 0.6]), SupportError, "sum to 1"),
        (lambda: ppl.Categorical(0.5), ShapeError, "each value"),
        (lambda: ppl.MultivariateNormal(onp.zeros(2)), ValueError, "exactly one"),
        (lambda: ppl.MultivariateNormal(onp.zeros(2), onp.eye(3)), ShapeError, r"\(3, 3\)"),
        (lambda: ppl.Dirichlet(2.0), ShapeError, "K >= 2"),
        (lambda: ppl.Normal(onp.zeros(3)).expand((4,)), ShapeError, r"\(3,\) does not expand"),
        (lambda: ppl.Normal().to_event(1), ShapeError, "as many batch axes"),
    ],
)
def test_refusals(make, error, match):
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize(
    ("outer", "inner", "holds"),
    [
        ("real", "positive", True),
        ("positive", "real", False),
        ("positive", "unit", True),
        ("unit", (0.2, 0.8), True),
        ((0.2, 0.8), "unit", False),
        ("real", "count", False),
        ("count", range(3), True),
        (range(3), "count", False),
        (range(3), range(2), True),
        (range(2), range(3), False),
        ("simplex", "unit", False),
        ("unit", "simplex", True),
        ("real", "any", True),
    ],
)
def test_which_support_lies_in_which(outer, inner, holds):
    assert contains(outer, inner) is holds


def test_categorical_logits_are_differentiable():
    logits = onp.array([0.1, -0.4, 2.0])
    vjp, _ = make_vjp(lambda a: ppl.Categorical(logits=a).log_prob(2))(logits)
    p = onp.exp(logits) / onp.exp(logits).sum()
    onp.testing.assert_allclose(vjp(onp.ones(())), onp.array([0.0, 0.0, 1.0]) - p, rtol=1e-12)


def _derivative(f, x):
    vjp, _ = make_vjp(lambda p: np.sum(f(p)))(x)
    return vjp(1.0)

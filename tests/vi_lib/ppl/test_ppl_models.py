"""The models of lesson 9, each against its exact answer.

Where the log joint is quadratic and the guide Gaussian, the ELBO needs only the first two moments
of the noise. `Design` hands out noise with exactly these, so every step follows the exact gradient
and the fit must reach the exact optimum.
"""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from scipy import stats

from vi_lib import advi, cavi, dadvi, datasets, densities, families, fit, oracles, ppl
from vi_lib._special import digamma, gammaln
from vi_lib.gaussian_gamma import elbo_gaussian_gamma
from vi_lib.optimizers import adam, sgd
from vi_lib.ppl.elbo import batch_depth

pytestmark = pytest.mark.slow

# Ten readings with mean 19.75, and the ice creams sold on those days.
SENSORS = onp.array([18.0, 18.7, 19.2, 17.8, 20.3, 22.4, 20.3, 21.2, 19.5, 20.1])
SALES = onp.array([46.0, 47.0, 49.0, 44.0, 50.0, 54.0, 51.0, 52.0, 49.0, 53.0])


class Design:
    """A generator whose draws are the rows ±sqrt(D) e_i: mean 0 and covariance I, exactly."""

    def __init__(self, dim):
        rows = onp.sqrt(dim) * onp.eye(dim)
        self.eps, self.start = onp.concatenate([rows, -rows]), 0

    def standard_normal(self, shape):
        width = int(onp.prod(shape)) // len(self.eps)
        columns = self.eps[:, self.start : self.start + width]
        self.start = (self.start + width) % self.eps.shape[1]
        return onp.reshape(columns, shape)


def exact_fit(model, guide, *args, dim, steps, rate=0.1):
    """Adam with a falling rate on exact gradients; returns the parameters on their own scales."""
    design, params, state = Design(dim), {}, None
    depth = batch_depth(model, guide, args)
    optimizer = adam(lambda k: rate * (1.0 - (k - 1) / steps))
    for _ in range(steps):
        params, state, elbo = ppl.svi_step(
            model, guide, params, state, design, *args, optimizer=optimizer,
            num_particles=2 * dim, vectorize_particles=True, depth=depth,
        )  # fmt: skip
    sites = ppl.trace(ppl.substitute(guide, params), onp.random.default_rng(0))(*args)
    sites |= ppl.trace(ppl.substitute(ppl.replay(model, sites), params))(*args)
    return {n: site["value"] for n, site in sites.items() if site["type"] == "param"}, elbo


#: First medians of the automatic guides.
START = {"mean_temp": 15.0, "temp": 15.0}


def rng(seed=0):
    return onp.random.default_rng(seed)


def require_z(got, exact, se, sigma=4.9):
    """A normal test; at 4.9 sigma the false-alarm rate is 1e-6."""
    assert onp.all(onp.abs(onp.asarray(got) - exact) < sigma * onp.asarray(se))


def gaussian_identity(model, args, mean, cov, log_evidence):
    """Log p(zeta, x) = log p(x) + log N(zeta; mean, cov) at any zeta."""
    compiled = ppl.compile(model, *args)
    zeta = rng(1).standard_normal((5, compiled.dim)) * 3.0 + mean
    expected = log_evidence + stats.multivariate_normal(mean, cov).logpdf(zeta)
    onp.testing.assert_allclose(compiled.log_p(zeta), expected, rtol=1e-10)


# --- the temperature


def temp_model(sensor):
    temp = ppl.sample("temp", ppl.Normal(15.0, 2.0))
    ppl.sample("sensor", ppl.Normal(temp, 1.0), obs=sensor)


def test_one_reading():
    evidence = densities.normal(18.0, 15.0, onp.sqrt(5.0))
    gaussian_identity(temp_model, (18.0,), [17.4], [[0.8]], evidence)
    guide = ppl.auto_normal(temp_model, {"temp": 15.0})
    values, elbo = exact_fit(temp_model, guide, 18.0, dim=1, steps=300)
    assert values["temp.loc"] == pytest.approx(17.4, rel=1e-4)
    assert values["temp.sd"] == pytest.approx(0.8944, rel=1e-4)
    assert elbo == pytest.approx(evidence, abs=1e-5)


def test_ten_readings_of_one_temperature():
    def model(y):
        temp = ppl.sample("temp", ppl.Normal(15.0, 2.0))
        with ppl.plate("readings", len(y)):
            ppl.sample("sensor", ppl.Normal(temp, 1.0), obs=y)

    oracle = oracles.NormalNormal(SENSORS, 15.0, 2.0, 1.0)
    gaussian_identity(model, (SENSORS,), oracle.mean, oracle.cov, oracle.log_evidence)


def test_ten_temperatures_in_a_loop():
    def model(y):
        for i, reading in enumerate(y):
            temp = ppl.sample(f"temp_{i}", ppl.Normal(15.0, 2.0))
            ppl.sample(f"sensor_{i}", ppl.Normal(temp, 1.0), obs=reading)

    mean = (15.0 / 4.0 + SENSORS) / 1.25
    evidence = densities.normal(SENSORS, 15.0, onp.sqrt(5.0)).sum()
    gaussian_identity(model, (SENSORS,), mean, 0.8 * onp.eye(10), evidence)


def mean_model(y):
    mean_temp = ppl.sample("mean_temp", ppl.Normal(15.0, 2.0))
    with ppl.plate("days", len(y)):
        temp = ppl.sample("temp", ppl.Normal(mean_temp, 2.0))
        ppl.sample("sensor", ppl.Normal(temp, 1.0), obs=y)


def mean_model_posterior():
    prec = onp.zeros((11, 11))
    prec[0, 0] = 1 / 4 + 10 / 4
    prec[0, 1:] = prec[1:, 0] = -1 / 4
    prec[1:, 1:] = (1 / 4 + 1) * onp.eye(10)
    cov = onp.linalg.inv(prec)
    return cov @ onp.concatenate([[15 / 4], SENSORS]), cov


def test_unknown_mean_temperature():
    mean, cov = mean_model_posterior()
    assert mean[0] == pytest.approx(19.2222, abs=1e-4)
    assert onp.sqrt(cov[0, 0]) == pytest.approx(0.6667, abs=1e-4)
    marginal = stats.multivariate_normal(onp.full(10, 15.0), 5 * onp.eye(10) + 4)
    gaussian_identity(mean_model, (SENSORS,), mean, cov, marginal.logpdf(SENSORS))


def test_mean_field_has_the_exact_means_and_the_conditional_sds():
    """X31: the automatic guide's sd of the mean temperature is .6030, not .6667."""
    mean, _ = mean_model_posterior()
    values, _ = exact_fit(
        mean_model, ppl.auto_normal(mean_model, START), SENSORS, dim=11, steps=500
    )
    assert values["mean_temp.sd"] == pytest.approx(0.6030, abs=1e-4)
    assert values["mean_temp.loc"] == pytest.approx(mean[0], rel=1e-4)
    onp.testing.assert_allclose(values["temp.loc"], mean[1:], rtol=1e-4)
    onp.testing.assert_allclose(values["temp.sd"], 1.25**-0.5, rtol=1e-4)


def test_compiled_it_goes_to_fit_and_the_samples_have_names():
    compiled = ppl.compile(mean_model, SENSORS)
    assert compiled.vectorized
    assert compiled.names == ("mean_temp", *(f"temp[{i}]" for i in range(10)))
    result = fit(
        compiled.log_p, families.FullRank(11), layout=compiled.layout, rng=rng(), max_iters=20
    )
    draws = result.sample(rng(), 7)
    assert {name: d.shape for name, d in draws.items()} == {"mean_temp": (7,), "temp": (7, 10)}


def test_maximum_likelihood_by_param():
    def model(y):
        mean_temp = ppl.param("mean_temp", 15.0)
        with ppl.plate("days", len(y)):
            temp = ppl.sample("temp", ppl.Normal(mean_temp, 2.0))
            ppl.sample("sensor", ppl.Normal(temp, 1.0), obs=y)

    guide = ppl.auto_normal(model, {"temp": 15.0})
    values, elbo = exact_fit(model, guide, SENSORS, dim=10, steps=500)
    assert values["mean_temp"] == pytest.approx(19.75, rel=1e-5)
    evidence = densities.normal(SENSORS, 19.75, onp.sqrt(5.0)).sum()
    assert elbo == pytest.approx(evidence, abs=1e-4)


def test_a_chain_of_temperatures_has_the_smoothers_means():
    """N10: temp_t ~ N(temp_{t-1}, sd 1); against the joint Gaussian's exact posterior."""

    def model(y):
        temp = 15.0
        for t in range(len(y)):
            temp = ppl.sample(f"temp_{t}", ppl.Normal(temp, 1.0))
            ppl.sample(f"sensor_{t}", ppl.Normal(temp, 0.5), obs=y[t])

    y = SENSORS[:5]
    steps = onp.eye(5) - onp.eye(5, k=-1)
    prec = steps.T @ steps + 4 * onp.eye(5)
    cov = onp.linalg.inv(prec)
    mean = cov @ (steps.T @ onp.array([15.0, 0, 0, 0, 0]) + 4 * y)
    prior = onp.linalg.inv(steps.T @ steps)
    marginal = stats.multivariate_normal(onp.full(5, 15.0), prior + 0.25 * onp.eye(5))
    start = {f"temp_{t}": y[t] for t in range(5)}
    gaussian_identity(model, (y,), mean, cov, marginal.logpdf(y))
    values, _ = exact_fit(model, ppl.auto_normal(model, start), y, dim=5, steps=250)
    got = [values[f"temp_{t}.loc"] for t in range(5)]
    onp.testing.assert_allclose(got, mean, rtol=1e-4)


# --- regressions

X1 = onp.linspace(-1.0, 2.0, 12)
Y1 = 0.7 + 1.9 * X1 + 0.4 * rng(3).standard_normal(12)


def line_model(x, y):
    offset = ppl.sample("offset", ppl.Normal(0.0, 2.0))
    slope = ppl.sample("slope", ppl.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        ppl.sample("y", ppl.Normal(offset + slope * x, 0.4), obs=y)


LINE = oracles.LinearRegression(onp.stack([onp.ones(12), X1], axis=1), Y1, 2.0, 0.4)


def test_linear_regression_identity():
    gaussian_identity(line_model, (X1, Y1), LINE.mean, LINE.cov, LINE.log_evidence)


def test_linear_regression_with_all_correlations_is_exact():
    guide = ppl.auto_full_rank(line_model)
    values, elbo = exact_fit(line_model, guide, X1, Y1, dim=2, steps=350)
    L = onp.diag(values["auto.sd"])
    L[1, 0] = values["auto.lower"][0]
    onp.testing.assert_allclose(values["auto.loc"], LINE.mean, rtol=1e-4)
    onp.testing.assert_allclose(L @ L.T, LINE.cov, rtol=1e-3)
    assert elbo == pytest.approx(LINE.log_evidence, abs=1e-5)


def test_linear_regression_mean_field_loses_what_the_oracle_says():
    values, elbo = exact_fit(line_model, ppl.auto_normal(line_model), X1, Y1, dim=2, steps=350)
    mean, sd, kl = LINE.mean_field()
    onp.testing.assert_allclose([values["offset.loc"], values["slope.loc"]], mean, rtol=1e-4)
    onp.testing.assert_allclose([values["offset.sd"], values["slope.sd"]], sd, rtol=1e-4)
    assert elbo == pytest.approx(LINE.log_evidence - kl, abs=1e-5)


def test_the_posterior_mode_of_the_line_is_its_mean():
    values, _ = exact_fit(line_model, ppl.auto_delta(line_model), X1, Y1, dim=1, steps=350)
    got = [values["offset.point"], values["slope.point"]]
    onp.testing.assert_allclose(got, LINE.mean, rtol=1e-4)


def test_a_bad_guide_as_proposal_still_estimates_the_evidence():
    """Twice as wide as the posterior: the ELBO is far off, the weighted estimate is not."""

    def wide_guide(x, y):
        ppl.sample("offset", ppl.Normal(LINE.mean[0], 2 * LINE.sd[0]))
        ppl.sample("slope", ppl.Normal(LINE.mean[1], 2 * LINE.sd[1]))

    weighted = ppl.importance(line_model, wide_guide, X1, Y1, rng=rng(4), num_samples=2000)
    require_z(weighted.log_evidence, LINE.log_evidence, weighted.log_evidence_se)
    assert weighted.log_evidence_se < 0.05
    assert weighted.khat < 0.5
    assert onp.mean(weighted.log_weights) < LINE.log_evidence - 0.5
    w = onp.exp(weighted.log_weights - weighted.log_weights.max())
    for i, name in enumerate(["offset", "slope"]):
        x = weighted.samples[name]
        mean = onp.sum(w * x) / onp.sum(w)
        se = onp.sqrt(onp.sum(w**2 * (x - mean) ** 2)) / onp.sum(w)
        require_z(mean, LINE.mean[i], se)


def logistic_model(x, y):
    offset = ppl.sample("offset", ppl.Normal(0.0, 2.0))
    slope = ppl.sample("slope", ppl.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        ppl.sample("y", ppl.Bernoulli(logits=offset + slope * x), obs=y)


def quadrature(log_p, centre, width, num=121):
    """Log evidence, mean and covariance of a density of two coordinates on a grid."""
    axes = [onp.linspace(c - w, c + w, num) for c, w in zip(centre, width, strict=True)]
    grid = onp.stack(onp.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    log_w = log_p(grid)
    cell = onp.prod([a[1] - a[0] for a in axes])
    log_evidence = log_w.max() + onp.log(onp.exp(log_w - log_w.max()).sum() * cell)
    w = onp.exp(log_w - log_evidence) * cell
    mean = w @ grid
    return log_evidence, mean, (grid - mean).T @ ((grid - mean) * w[:, None])


def conditional_guide(mean, cov, names, inflate=1.3):
    """The Gaussian with these moments, a little too wide, as a guide: first one, then the other."""
    slope = cov[1, 0] / cov[0, 0]
    rest = onp.sqrt(cov[1, 1] - slope * cov[1, 0])

    def guide(*args):
        first = ppl.sample(names[0], ppl.Normal(mean[0], inflate * onp.sqrt(cov[0, 0])))
        ppl.sample(names[1], ppl.Normal(mean[1] + slope * (first - mean[0]), inflate * rest))

    return guide


def test_logistic_regression_against_quadrature():
    x = onp.linspace(-2.0, 2.0, 20)
    y = (rng(5).random(20) < 1 / (1 + onp.exp(-0.5 - 1.5 * x))).astype(float)
    compiled = ppl.compile(logistic_model, x, y)
    assert compiled.vectorized
    evidence, mean, cov = quadrature(compiled.log_p, (0.5, 2.0), (6.0, 6.0))
    logits = mean[0] + mean[1] * x
    by_hand = densities.bernoulli_logits(y, logits).sum() + densities.normal(mean, 0.0, 2.0).sum()
    assert compiled.log_p(mean) == pytest.approx(by_hand, rel=1e-12)

    guide = ppl.auto_full_rank(logistic_model)
    result = ppl.svi(
        logistic_model, guide, x, y, rng=rng(6), num_steps=200, num_particles=10,
        vectorize_particles=True, optimizer=adam(lambda k: 0.1 / (1 + k / 50)), estimator="stl",
    )  # fmt: skip
    assert result.elbo < evidence + 4.9 * result.elbo_se
    # Gaussian tails are too thin for this posterior; as a proposal the guide is made wider.
    wider = {**result.params, "auto.sd": result.params["auto.sd"] + onp.log(1.5)}
    weighted = ppl.importance(
        logistic_model, guide, x, y, rng=rng(7), num_samples=1500, params=wider
    )
    assert weighted.khat < 0.5
    assert weighted.log_evidence_se < 0.03
    require_z(weighted.log_evidence, evidence, weighted.log_evidence_se)
    draws = weighted.resample(rng(8), 3000)
    for i, name in enumerate(["offset", "slope"]):
        se = onp.sqrt(cov[i, i] * (1 / 3000 + 1 / weighted.effective_draws))
        require_z(draws[name].mean(), mean[i], se)


def ice_cream_model(temp, sales):
    alpha = ppl.sample("alpha", ppl.Normal(0.0, 100.0))
    beta = ppl.sample("beta", ppl.Normal(0.0, 100.0))
    with ppl.plate("days", len(temp)):
        rate = np.maximum(0.001, alpha + beta * temp)
        ppl.sample("sales", ppl.Poisson(rate), obs=sales)


def test_ice_creams_against_quadrature():
    """The posterior's correlation is -.99, so the grid follows offset and slope at the mean day."""
    compiled = ppl.compile(ice_cream_model, SENSORS, SALES)
    day = SENSORS.mean()

    def centred(grid):  # the rate on the mean day, and the slope: the map's determinant is 1
        return compiled.log_p(onp.stack([grid[:, 0] - day * grid[:, 1], grid[:, 1]], axis=-1))

    evidence, mean, cov = quadrature(centred, (SALES.mean(), 2.0), (18.0, 14.0), num=181)
    guide = conditional_guide(mean, cov, ("rate", "beta"))

    def alpha_guide(temp, sales):
        """Draw beta, then alpha given beta."""
        back = conditional_guide(
            onp.array([mean[1], mean[0] - day * mean[1]]),
            onp.array([[0, 1], [1, -day]]) @ cov @ onp.array([[0, 1], [1, -day]]).T,
            ("beta", "alpha"),
        )
        back(temp, sales)

    assert list(ppl.trace(guide, rng())()) == ["rate", "beta"]
    weighted = ppl.importance(
        ice_cream_model, alpha_guide, SENSORS, SALES, rng=rng(9), num_samples=2000
    )
    assert weighted.khat < 0.7
    require_z(weighted.log_evidence, evidence, weighted.log_evidence_se)
    w = onp.exp(weighted.log_weights - weighted.log_weights.max())
    beta = weighted.samples["beta"]
    got = onp.sum(w * beta) / onp.sum(w)
    require_z(got, mean[1], onp.sqrt(onp.sum(w**2 * (beta - got) ** 2)) / onp.sum(w))


def test_ice_creams_have_no_gradient_where_the_rate_is_cut_off():
    """N09: below alpha + beta temp = .001 the likelihood is flat, so no step leads back."""

    def fixed(temp, sales):
        ppl.sample("alpha", ppl.Delta(ppl.param("a", -500.0)))
        ppl.sample("beta", ppl.Delta(ppl.param("b", 1.0)))

    args = (SENSORS, SALES)
    params = ppl.init_params(ice_cream_model, fixed, args)
    _, slope = ppl.elbo_and_gradient(ice_cream_model, fixed, params, args, rng())
    assert slope == pytest.approx({"a": 500.0 / 100.0**2, "b": -1.0 / 100.0**2}, rel=1e-12)


# --- Gaussian with unknown mean and precision

PRIOR = {"mu0": 0.0, "tau0": 1e-2, "alpha0": 1.0, "beta0": 1.0}


def gaussian_gamma_model(x):
    mu = ppl.sample("mu", ppl.Normal(PRIOR["mu0"], PRIOR["tau0"] ** -0.5))
    gamma = ppl.sample("gamma", ppl.Gamma(PRIOR["alpha0"], PRIOR["beta0"]))
    with ppl.plate("rows", len(x)):
        ppl.sample("x", ppl.Normal(mu, gamma**-0.5), obs=x)


def kl_gaussian_gamma(q, p):
    """KL between two products of a Gaussian (mean, precision) and a Gamma (shape, rate)."""
    ratio = p["tau_q"] / q["tau_q"]
    square = p["tau_q"] * (q["nu_q"] - p["nu_q"]) ** 2
    kl_mu = 0.5 * (ratio + square - 1.0 - onp.log(ratio))
    a, b, c, d = q["alpha_q"], q["beta_q"], p["alpha_q"], p["beta_q"]
    kl_gamma = (a - c) * digamma(a) - gammaln(a) + gammaln(c) + c * onp.log(b / d) + a * (d - b) / b
    return float(kl_mu + kl_gamma)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["stl", {"gamma": "score"}])
def test_gaussian_and_gamma_guide_finds_the_answer_of_cavi(estimator):
    """Same model, same priors (X28). KL < .02, pathwise and with the score function for gamma."""
    x = datasets.load("gaussian_100")["x"]
    exact = cavi.cavi_gaussian_gamma(x, PRIOR)
    particles = 10 if estimator == "stl" else 40
    result = ppl.svi(
        gaussian_gamma_model, ppl.gaussian_gamma_guide, x, rng=rng(10), num_steps=700,
        num_particles=particles, vectorize_particles=True, estimator=estimator,
        optimizer=adam(lambda k: 0.1 if k < 450 else 0.1 * (700 - k) / 250, beta2=0.98),
    )  # fmt: skip
    values = {**result.values, "beta_q": result.values["alpha_q"] / result.values["mean_q"]}
    assert kl_gaussian_gamma(values, exact) < 0.02
    found = {name: float(value) for name, value in values.items() if name != "mean_q"}
    require_z(result.elbo, elbo_gaussian_gamma(x, **PRIOR, **found), result.elbo_se)


def test_one_step_of_plain_ascent_on_given_noise():
    """E9.5: the increment is rate times the gradient."""
    x = datasets.load("gaussian_100")["x"]
    args = (gaussian_gamma_model, ppl.gaussian_gamma_guide)
    first = ppl.init_params(*args, (x,))
    params, state, elbo = ppl.svi_step(*args, {}, None, rng(11), x, optimizer=sgd(1e-4))
    values, slope = ppl.elbo_and_gradient(*args, first, (x,), rng(11))
    assert elbo == values[0]
    assert list(params) == ["nu_q", "tau_q", "alpha_q", "mean_q"]
    for name, value in params.items():
        assert value == pytest.approx(first[name] + 1e-4 * slope[name], rel=1e-12)
    assert state["k"] == 1


# --- discrete


def test_two_state_sensor_by_enumeration_and_by_score_function():
    def model(reading):
        broken = ppl.sample("broken", ppl.Bernoulli(0.1))
        sd = 0.5 + 4.5 * broken
        ppl.sample("reading", ppl.Normal(20.0, sd), obs=reading)

    def guide(reading):
        ppl.sample("broken", ppl.Bernoulli(logits=ppl.param("logits", 0.0)))

    joint = onp.array([0.9, 0.1]) * onp.exp(densities.normal(21.3, 20.0, onp.array([0.5, 5.0])))
    marked = ppl.config_enumerate(model)
    posterior = ppl.posterior_of_discrete(marked, (21.3,), {})["broken"]
    onp.testing.assert_allclose(posterior, joint / joint.sum(), rtol=1e-12)

    result = ppl.svi(
        model, guide, 21.3, rng=rng(12), num_steps=300, num_particles=5,
        vectorize_particles=True, optimizer=adam(0.1),
    )  # fmt: skip
    # At the exact posterior all weights are the evidence, so the estimate has no variance left.
    assert result.elbo == pytest.approx(onp.log(joint.sum()), abs=1e-3)
    assert result.elbo_se < 1e-3
    odds = onp.log(joint[1] / joint[0])
    assert result.values["logits"] == pytest.approx(odds, abs=1e-2)


def test_mixture_of_two_against_the_quadrature_of_its_sum():
    """Centres by a fit of the enumerated model, evidence by importance, assignments exactly."""
    x = onp.array([-1.2, -0.8, -1.1, 1.9, 2.2, 2.0, 1.7])

    def model(x):
        low = ppl.sample("low", ppl.Normal(-1.0, 1.0))
        high = ppl.sample("high", ppl.Normal(2.0, 1.0))
        with ppl.plate("rows", len(x)):
            z = ppl.sample("z", ppl.Bernoulli(0.5))
            ppl.sample("x", ppl.Normal(low + (high - low) * z, 0.5), obs=x)

    marked = ppl.config_enumerate(model)
    compiled = ppl.compile(marked, x)
    assert compiled.vectorized
    evidence, mean, cov = quadrature(compiled.log_p, (-0.5, 1.0), (6.0, 6.0), num=241)
    guide = conditional_guide(mean, cov, ("low", "high"))
    weighted = ppl.importance(marked, guide, x, rng=rng(13), num_samples=1000)
    require_z(weighted.log_evidence, evidence, weighted.log_evidence_se)
    values = ppl.trace(ppl.condition(guide, {}), rng(14))(x)
    low, high = values["low"]["value"], values["high"]["value"]
    odds = densities.normal(x, high, 0.5) - densities.normal(x, low, 0.5)
    posterior = ppl.posterior_of_discrete(marked, (x,), values)["z"]
    onp.testing.assert_allclose(posterior[1], 1 / (1 + onp.exp(-odds)), rtol=1e-10)


def test_heights_with_the_prior_as_proposal():
    """Two heights, sd ~ HalfCauchy(10): the evidence against a grid over mean and sd."""
    x = onp.array([195.0, 185.0])

    def model(x):
        mean = ppl.sample("mean", ppl.Normal(200.0, 15.0))
        sd = ppl.sample("sd", ppl.HalfCauchy(10.0))
        with ppl.plate("people", len(x)):
            ppl.sample("x", ppl.Normal(mean, sd), obs=x)

    def prior(x):
        ppl.sample("mean", ppl.Normal(200.0, 15.0))
        ppl.sample("sd", ppl.HalfCauchy(10.0))

    compiled = ppl.compile(model, x)  # on the scale of log sd, with its Jacobian
    evidence, _, _ = quadrature(compiled.log_p, (195.0, 2.0), (90.0, 9.0), num=901)
    weighted = ppl.importance(model, prior, x, rng=rng(15), num_samples=4000)
    require_z(weighted.log_evidence, evidence, weighted.log_evidence_se)


def test_a_compiled_program_goes_where_a_model_goes():
    """`dadvi` and `advi` take it as it is; on whitened draws a Gaussian posterior is exact."""
    compiled = ppl.compile(mean_model, SENSORS)
    mean, cov = mean_model_posterior()
    start = {"mean_temp": 18.0}
    found = dadvi(compiled, "full_rank", rng=rng(3), progress=False, start=start).result
    onp.testing.assert_allclose(found.mean, mean, rtol=1e-6)
    onp.testing.assert_allclose(found.cov, cov, rtol=1e-5, atol=1e-8)
    few = advi(compiled, start=start, max_iters=1, stop=None, rng=rng(4), progress=False)
    assert abs(few.mean[0] - 18.0) < 1.0
    with pytest.raises(ValueError, match=r"batch_size needs a Model.*compiled program"):
        advi(compiled, batch_size=2)

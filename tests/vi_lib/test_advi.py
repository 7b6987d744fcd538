"""ADVI: gradients against autograd, fits against posteriors that are known."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from autograd import grad
from scipy import stats

from vi_lib import densities, oracles
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib.advi import advi, advi_gradients, advi_mean_field, lognormal_mean
from vi_lib.datasets import load
from vi_lib.eta import search_eta
from vi_lib.families import FullRank, LowRank, MeanField
from vi_lib.model import Model, Param
from vi_lib.optimizers import adam, advi_step
from vi_lib.transforms import Identity, Log

DATA = load("regression_200")
ORACLE = oracles.LinearRegression(DATA["X"], DATA["y"], 10.0, 2.5)


def rng(seed=0):
    return onp.random.default_rng(seed)


def regression(prior_sd=10.0):
    return Model(
        {"beta": Param((2,))},
        lambda theta: np.sum(densities.normal(theta["beta"], 0.0, prior_sd), axis=-1),
        lambda theta, data: densities.normal(data["y"], np.dot(theta["beta"], data["X"].T), 2.5),
        DATA,
    )


def skewed(zeta):
    """A smooth log density without symmetry that couples its two coordinates."""
    return -np.sum(np.cosh(zeta - 1.0), axis=-1) + 0.5 * zeta[:, 0] * zeta[:, 1] ** 2


# The gradients of equations (8) and (10)


@pytest.mark.parametrize("num_draws", [1, 5])
def test_gradients_are_those_of_the_elbo_on_the_same_noise(num_draws):
    eps = rng().standard_normal((num_draws, 2))
    mu, omega = onp.array([0.3, -0.2]), onp.array([-0.5, 0.4])

    def elbo(mu, omega):
        entropy = np.sum(omega) + np.log(2 * np.pi * np.e)
        return np.mean(skewed(mu + np.exp(omega) * eps)) + entropy

    g_mu, g_omega = advi_gradients(skewed, mu, omega, eps)
    onp.testing.assert_allclose(g_mu, grad(elbo, 0)(mu, omega), rtol=1e-12)
    onp.testing.assert_allclose(g_omega, grad(elbo, 1)(mu, omega), rtol=1e-12)


def test_gradient_vanishes_where_omega_is_the_log_of_the_sd():
    """Noise with mean 0 and second moment 1 makes the Gaussian case exact (erratum X50)."""
    mean, sd = onp.array([2.0, -1.0]), onp.array([0.5, 3.0])
    eps = onp.array([[1.0, 1.0], [-1.0, -1.0]])
    g_mu, g_omega = advi_gradients(
        lambda z: np.sum(densities.normal(z, mean, sd), axis=-1), mean, onp.log(sd), eps
    )
    onp.testing.assert_allclose(g_mu, 0.0, atol=1e-14)
    onp.testing.assert_allclose(g_omega, 0.0, atol=1e-14)


# The algorithm in one function


def test_mean_field_on_the_lesson_s_regression():
    """Over 200 seeds the worst mean was .115 sd off and the worst sd 2.6 %; here twice that.

    The exercise's own tolerance, .2 and 20 %, is wider still.
    """
    mean, sd, _ = ORACLE.mean_field()
    q = advi_mean_field(ORACLE.log_joint, [Identity()] * 2, onp.zeros(2), 2000, rng(), 0.1)
    assert q["elbo"].shape == (2000,)
    onp.testing.assert_allclose(q["mu"], mean, atol=0.23 * sd.min())
    onp.testing.assert_allclose(onp.exp(q["omega"]), sd, rtol=0.052)


def test_transforms_bring_their_jacobian():
    """A log-normal target is N(m, s) on the log scale only with the Jacobian.

    Over 100 seeds the worst mean was .047 off, the worst log sd .049; the bounds are twice that.
    """
    m, s = onp.array([0.5, -1.0]), onp.array([0.3, 0.6])

    def log_joint(theta):
        return densities.normal(theta[:, 0], m[0], s[0]) + densities.lognormal(
            theta[:, 1], m[1], s[1]
        )

    q = advi_mean_field(log_joint, [Identity(), Log()], onp.zeros(2), 800, rng(), 0.3)
    onp.testing.assert_allclose(q["mu"], m, atol=0.094)
    onp.testing.assert_allclose(q["omega"], onp.log(s), atol=0.098)
    without = -1.0 - 0.6**2  # where the fit would land if the Jacobian were forgotten
    assert abs(q["mu"][1] - without) > 0.25


def test_its_elbo_is_the_estimate_before_each_step():
    eps = rng(3).standard_normal((10, 2))
    q = advi_mean_field(skewed, [Identity()] * 2, onp.array([0.2, 0.1]), 1, rng(3), 0.1)
    zeta = onp.array([0.2, 0.1]) + eps
    expected = skewed(zeta).mean() + onp.log(2 * onp.pi * onp.e)
    onp.testing.assert_allclose(q["elbo"], [expected], rtol=1e-12)


def test_it_repeats_itself_and_leaves_init_alone():
    init = onp.zeros(2)
    a, b = (advi_mean_field(skewed, [Identity()] * 2, init, 20, rng(4), 0.1) for _ in range(2))
    assert all(onp.array_equal(a[name], b[name]) for name in ("mu", "omega", "elbo"))
    onp.testing.assert_array_equal(init, 0.0)


def test_lognormal_mean_is_not_the_median():
    m, s = onp.array([0.0, -1.0]), onp.array([0.5, 2.0])
    onp.testing.assert_allclose(lognormal_mean(m, s), stats.lognorm(s, scale=onp.exp(m)).mean())


# Model + family + fit


@pytest.mark.parametrize("family", ["mean_field", "full_rank", FullRank(2)])
@pytest.mark.slow
def test_advi_on_a_model_finds_the_posterior(family):
    """Exact up to Monte Carlo error: the ELBO's own standard error and the noise of the fit.

    Over 100 seeds the worst mean was .097 sd off and the worst sd 5.0 %; the bounds are twice that.
    """
    r = advi(regression(), family, rng=rng(), stop=None, max_iters=600,
             optimizer=adam(lambda t: 0.3 / (1 + t / 30)))  # fmt: skip
    mean, sd, kl = ORACLE.mean_field()
    if family != "mean_field":
        mean, sd, kl = ORACLE.mean, ORACLE.sd, 0.0
    assert onp.abs((r.mean - mean) / sd).max() < 0.2
    assert onp.abs(onp.log(r.sd / sd)).max() < 0.1
    assert r.elbo - 6 * r.elbo_se < ORACLE.log_evidence - kl < r.elbo + 6 * r.elbo_se + 0.05
    assert r.sample(rng(), 5)["beta"].shape == (5, 2)
    assert "beta[1]" in r.summary()


@pytest.mark.slow
def test_advi_with_minibatches_finds_the_same_posterior():
    """Without N / B the sd would be sqrt(5) times too large, .8 in its logarithm (erratum X44).

    Over 100 seeds the worst mean was .40 sd off, the worst log sd .076; the bounds are twice that.
    """
    r = advi(regression(), batch_size=40, rng=rng(), stop=None, max_iters=1500,
             optimizer=adam(lambda t: 0.3 / (1 + t / 30)))  # fmt: skip
    mean, sd, _ = ORACLE.mean_field()
    assert onp.abs((r.mean - mean) / sd).max() < 0.8
    assert onp.abs(onp.log(r.sd / sd)).max() < 0.15


@pytest.mark.slow
def test_advi_of_a_positive_parameter_stays_positive():
    model = Model(
        {"mu": Param(), "sd": Param((), "positive")},
        lambda theta: densities.normal(theta["mu"]) + densities.half_normal(theta["sd"]),
        lambda theta, x: densities.normal(x, theta["mu"][:, None], theta["sd"][:, None]),
        load("normal_100")["x"],
    )
    r = advi(model, "full_rank", rng=rng(), max_iters=600, stop=None,
             optimizer=adam(lambda t: 0.3 / (1 + t / 30)))  # fmt: skip
    oracle = oracles.NormalMeanSd(load("normal_100")["x"])
    draws = r.sample(rng(), 4000)
    assert draws["sd"].min() > 0
    # The posterior of 100 points is nearly Gaussian in (mu, log sd); 0.2 sd is far above the fit's
    # noise, and far below the error of exp(mean of log sd) with a forgotten Jacobian.
    found = onp.array([draws["mu"].mean(), draws["sd"].mean()])
    assert onp.abs((found - oracle.mean) / oracle.sd).max() < 0.2
    assert r.elbo < oracle.log_evidence + 5 * r.elbo_se
    assert r.elbo > oracle.log_evidence - 0.05


def test_advi_resumes_with_minibatches():
    options = {"batch_size": 7, "stop": None, "num_draws": 2}
    whole = advi(regression(), rng=rng(), max_iters=30, **options)
    part = advi(regression(), rng=rng(), max_iters=12, **options)
    rest = advi(regression(), resume=part, max_iters=18, **options)
    onp.testing.assert_array_equal(rest.lam, whole.lam)


def test_a_nan_is_reported_by_the_parameter_s_name():
    model = Model(
        {"mu": Param(), "sd": Param((), "positive")},
        lambda theta: densities.normal(theta["mu"]) + np.log(theta["sd"] - 0.05),
        lambda theta, x: densities.normal(x, theta["mu"][:, None], theta["sd"][:, None]),
        onp.zeros(3),
    )
    lam = MeanField(2).init(mean=onp.array([0.0, -2.5]))
    with pytest.raises(NonFiniteError, match=r"iteration \d+: .* sd = -") as caught:
        advi(model, lam=lam, rng=rng())
    assert caught.value.draw is not None


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: advi(regression(), "meanfield"), ValueError, "'low_rank' or a family object, got"),
        (lambda: advi(regression(), MeanField(3)), ShapeError, "2 coordinates, .* has 3"),
        (lambda: advi(regression(), batch_size=201), ValueError, "the 200 observations, got 201"),
        (lambda: advi(regression(), batch_size=0), ValueError, "between 1 and the 200"),
        (lambda: advi(regression(), num_draw=3), TypeError, "num_draw"),
        (
            lambda: advi_gradients(skewed, onp.zeros(2), onp.zeros(2), onp.zeros(2)),
            ShapeError,
            r"eps must have shape \(M, 2\), got \(2,\)",
        ),
        (
            lambda: advi_gradients(np.sum, onp.zeros(2), onp.zeros(2), onp.zeros((3, 2))),
            ShapeError,
            r"log_joint's value must have shape \(3,\), got \(\)",
        ),
        (
            lambda: advi_mean_field(skewed, [Identity()], onp.zeros(2), 1, rng(), 0.1),
            ShapeError,
            "one transform per coordinate, 2, got 1",
        ),
        (
            lambda: advi_mean_field(skewed, [Identity()] * 2, onp.zeros(2), 1, rng(), 0.0),
            SupportError,
            "rate must be positive",
        ),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()


# Families, starts, step scales


def positive_model():
    return Model(
        {"mu": Param(), "sd": Param((), "positive")},
        lambda theta: densities.normal(theta["mu"]) + densities.half_normal(theta["sd"]),
        lambda theta, x: densities.normal(x, theta["mu"][:, None], theta["sd"][:, None]),
        load("normal_100")["x"],
    )


def test_low_rank_has_five_factors_or_as_many_as_asked():
    options = {"max_iters": 2, "stop": None, "rng": rng()}
    wide = Model(
        {"z": Param((7,))},
        lambda theta: np.sum(densities.normal(theta["z"]), axis=-1),
        lambda theta, x: densities.normal(x, theta["z"][:, :1]),
        onp.zeros(1),
    )
    assert advi(wide, "low_rank", **options).family == LowRank(7, 5)
    assert advi(wide, "low_rank", rank=2, **options).family == LowRank(7, 2)
    assert advi(regression(), "low_rank", **options).family == LowRank(2, 2)


def test_start_by_name_is_the_first_mean():
    r = advi(positive_model(), start={"sd": 2.0}, max_iters=0, stop=None, rng=rng())
    onp.testing.assert_allclose(r.mean, [0.0, onp.log(2.0)], atol=1e-15)
    onp.testing.assert_allclose(r.sd, 1.0)


def test_eta_is_the_scale_of_the_advi_step():
    options = {"max_iters": 5, "stop": None}
    by_eta = advi(regression(), eta=0.3, rng=rng(), **options)
    by_hand = advi(regression(), optimizer=advi_step(0.3), rng=rng(), **options)
    onp.testing.assert_array_equal(by_eta.lam, by_hand.lam)


def test_eta_can_be_searched_for():
    options = {"max_iters": 5, "stop": None}
    found = advi(regression(), eta="search", rng=rng(), **options)
    eta = float(found.reason.split("eta = ")[1].split()[0])
    source = rng()
    best = search_eta(regression().log_p, MeanField(2), rng=source)
    assert eta == best.eta
    by_hand = advi(regression(), eta=eta, rng=source, **options)
    onp.testing.assert_array_equal(found.lam, by_hand.lam)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"family": "flow"}, ValueError, "'full_rank', 'low_rank' or a family object, got 'flow'"),
        ({"family": "full_rank", "rank": 2}, ValueError, 'rank belongs to family="low_rank"'),
        ({"start": {"sigma": 1.0}}, ShapeError, "start names sigma; the parameters are beta"),
        ({"start": {"beta": 1.0}, "lam": onp.zeros(4)}, ValueError, "start and lam contradict"),
        ({"eta": 0.1, "optimizer": adam(0.1)}, ValueError, "eta and optimizer contradict"),
        ({"eta": -1.0}, SupportError, "eta must be positive"),
    ],
)
def test_contradictions_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        advi(regression(), rng=rng(), **options)

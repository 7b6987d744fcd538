"""Predictive draws and densities against closed forms, and draws corrected by weights."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from scipy import stats

from vi_lib import densities, oracles, predictive
from vi_lib._check import NonFiniteError, ShapeError
from vi_lib.advi import advi
from vi_lib.dadvi import dadvi
from vi_lib.families import MeanField
from vi_lib.fit import fit
from vi_lib.model import Model, Param
from vi_lib.predictive import (
    importance_weights,
    log_predictive_density,
    posterior_predictive,
    resample,
)

X = onp.array([0.4, 1.9, -0.3, 1.1])


def rng(seed=0):
    return onp.random.default_rng(seed)


def simulate(theta, data, rng):
    shape = (len(theta["mu"]), len(data))
    return theta["mu"][:, None] + rng.standard_normal(shape)


def mean_model(simulate=simulate):
    return Model(
        {"mu": Param()},
        lambda t: densities.normal(t["mu"], 0.0, 2.0),
        lambda t, x: densities.normal(x, t["mu"][:, None], 1.0),
        X,
        simulate,
    )


MODEL = mean_model()
FIT = dadvi(MODEL, rng=rng())  # exact, for a Gaussian posterior
VAR = 1.0 / (1 / 4 + len(X))
MEAN = VAR * X.sum()


def test_the_fit_of_these_tests_is_exact():
    onp.testing.assert_allclose([FIT.mean[0], FIT.sd[0] ** 2], [MEAN, VAR], atol=1e-6)


def test_posterior_predictive_has_the_moments_of_the_convolution():
    drawn = posterior_predictive(MODEL, FIT, rng(1), 20_000)
    assert drawn.shape == (20_000, 4)
    n, sd = drawn.shape[0], onp.sqrt(VAR + 1.0)
    assert onp.abs((drawn.mean(axis=0) - MEAN) / sd * onp.sqrt(n)).max() < 4.9  # rate 4e-6
    assert onp.abs((drawn.var(axis=0) / sd**2 - 1.0) / onp.sqrt(2 / n)).max() < 4.9
    # Two observations of one data set share mu.
    pair = onp.cov(drawn[:, 0], drawn[:, 1])[0, 1]
    assert abs(pair - VAR) < 4.9 * onp.sqrt((sd**4 + VAR**2) / n)


def test_posterior_predictive_at_other_covariates_and_with_other_results():
    assert posterior_predictive(MODEL, FIT, rng(), 5, onp.zeros(9)).shape == (5, 9)
    by_advi = advi(MODEL, rng=rng(), max_iters=3, stop=None)
    assert posterior_predictive(MODEL, by_advi, rng(), 5).shape == (5, 4)


def test_log_predictive_density_is_the_exact_one():
    """z-test with the delta method's error of a log mean; 4 observations at 1e-6 each."""
    held_out = onp.array([-2.0, 0.0, 1.0, 4.0])
    draws = 40_000
    got = log_predictive_density(MODEL, FIT, rng(2), draws, held_out)
    exact = stats.norm(MEAN, onp.sqrt(VAR + 1.0)).logpdf(held_out)
    second = stats.norm(MEAN, onp.sqrt(VAR + 0.5)).logpdf(held_out) - 0.5 * onp.log(4 * onp.pi)
    se = onp.sqrt(onp.expm1(second - 2 * exact) / draws)  # E p² = N(x; m, v + 1/2) / (2 sqrt pi)
    assert onp.abs((got - exact) / se).max() < 4.9
    own = log_predictive_density(MODEL, FIT, rng(2), draws)
    onp.testing.assert_array_equal(own, log_predictive_density(MODEL, FIT, rng(2), draws, X))


def test_blocks_do_not_change_the_density(monkeypatch):
    whole = log_predictive_density(MODEL, FIT, rng(), 1000)
    monkeypatch.setattr(predictive, "BLOCK", 4 * 7)
    blocks = log_predictive_density(MODEL, FIT, rng(), 1000)
    onp.testing.assert_allclose(blocks, whole, rtol=1e-12)


def test_an_impossible_observation_has_density_zero():
    model = Model(
        {"mu": Param()},
        lambda t: densities.normal(t["mu"]),
        lambda t, x: onp.where(x[None] < 100.0, 0.0 * t["mu"][:, None], -onp.inf),
        X,
    )
    got = log_predictive_density(model, FIT, rng(), 50, onp.array([0.0, 200.0]))
    assert got.tolist() == [0.0, -onp.inf]


def test_resampling_moves_the_draws_to_the_posterior():
    """From N(.5, 1) to N(0, 1): the weights' E_q w² z² = 1.25 exp(.25) gives the error, 5 of them.

    Uncorrected draws are 44 errors off.
    """
    target = oracles.CorrelatedGaussian(onp.zeros(1), onp.eye(1))
    off = fit(target.log_joint, MeanField(1), MeanField(1).init(0.5), max_iters=0, stop=None,
              rng=rng())  # fmt: skip
    n = 20_000
    drawn = resample(off, target.log_joint, rng(3), n)["z"]
    assert drawn.shape == (n, 1)
    assert abs(drawn.mean()) < 5 * onp.sqrt((1.25 * onp.exp(0.25) + 1.0) / n)
    assert off.sample(rng(3), n)["z"].mean() > 40 * onp.sqrt((1.25 * onp.exp(0.25) + 1.0) / n)


def test_weights_are_those_of_the_draws_and_sum_to_one():
    target = oracles.CorrelatedGaussian(onp.zeros(2), onp.array([[1.0, 0.3], [0.3, 1.0]]))
    r = dadvi(target.log_joint, MeanField(2), rng=rng())
    zeta, log_w, khat = importance_weights(r, target.log_joint, rng(1), 500)
    assert onp.exp(log_w).sum() == pytest.approx(1.0)
    raw = target.log_joint(zeta) - r.family.log_prob(r.lam, zeta)
    small = onp.argsort(raw)[:300]  # the tail alone is smoothed
    onp.testing.assert_allclose(onp.ptp((log_w - raw)[small]), 0.0, atol=1e-12)
    assert khat < 0.7


def test_a_fit_that_weights_cannot_repair_is_said_to_be_one():
    target = oracles.CorrelatedGaussian(onp.zeros(5), onp.eye(5) * 9.0)
    narrow = fit(target.log_joint, MeanField(5), max_iters=0, stop=None, rng=rng())
    with pytest.warns(RuntimeWarning, match="resampling does not repair this fit"):
        resample(narrow, target.log_joint, rng(), 10)


def hole(z):
    return np.where(z[:, 0] > 2.0, np.nan, -0.5 * z[:, 0] ** 2)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: posterior_predictive(mean_model(None), FIT, rng()),
            ValueError,
            "the model has no simulate",
        ),
        (
            lambda: posterior_predictive(mean_model(lambda t, x, r: t["mu"]), FIT, rng(), 3),
            ShapeError,
            r"simulate's value must have shape \(3, 4\), got \(3,\)",
        ),
        (lambda: resample(FIT, hole, rng(), 10), NonFiniteError, "log_p is nan at draw .*: mu = 2"),
        (lambda: resample(FIT, MODEL.log_p, rng(), 1, 24), ShapeError, "at least 25, got 24"),
        (lambda: resample(FIT, lambda z: z, rng(), 1), ShapeError, r"must have shape \(4000,\)"),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

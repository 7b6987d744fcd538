"""Models: the log joint, minibatches that are exactly unbiased, refusals in plain words."""

from __future__ import annotations

import itertools
import tracemalloc

import autograd.numpy as np
import numpy as onp
import pytest

from vi_lib import densities, oracles
from vi_lib._check import ShapeError, SupportError
from vi_lib.model import Model, Param

RNG = onp.random.default_rng(0)
X = RNG.standard_normal((6, 2))
Y = X @ onp.array([1.0, -2.0]) + 0.5 * RNG.standard_normal(6)


def log_prior(theta):
    beta = np.sum(densities.normal(theta["beta"], 0.0, 0.7), axis=-1)
    return beta + densities.half_normal(theta["sd"], 1.0)


def log_lik(theta, data):
    fitted = np.dot(theta["beta"], data["X"].T)
    return densities.normal(data["y"], fitted, theta["sd"][:, None])


PARAMS = {"beta": Param((2,)), "sd": Param((), "positive")}
MODEL = Model(PARAMS, log_prior, log_lik, {"X": X, "y": Y})
ZETA = RNG.standard_normal((4, 3))


def test_log_p_is_prior_times_likelihood_times_jacobian():
    beta, log_sd = ZETA[:, :2], ZETA[:, 2]
    expected = [
        densities.normal(b, 0.0, 0.7).sum()
        + densities.half_normal(onp.exp(s), 1.0)
        + densities.normal(Y, X @ b, onp.exp(s)).sum()
        + s  # log|d sd / d zeta|
        for b, s in zip(beta, log_sd, strict=True)
    ]
    onp.testing.assert_allclose(MODEL.log_p(ZETA), expected, rtol=1e-13)


def test_evidence_is_that_of_the_constrained_scale():
    """The integral over zeta with the Jacobian is the evidence; the oracle has it without one."""
    x = onp.array([0.3, -1.2, 0.8])
    oracle = oracles.NormalMeanSd(x)
    model = Model(
        {"mu": Param(), "sd": Param((), "positive")},
        lambda theta: densities.normal(theta["mu"]) + densities.half_normal(theta["sd"]),
        lambda theta, x: densities.normal(x, theta["mu"][:, None], theta["sd"][:, None]),
        x,
    )
    mu, log_sd = onp.linspace(-5.0, 5.0, 201), onp.linspace(-6.0, 3.0, 201)
    grid = onp.stack(onp.meshgrid(mu, log_sd, indexing="ij"), axis=-1)
    mass = onp.exp(model.log_p(grid)).sum() * (mu[1] - mu[0]) * (log_sd[1] - log_sd[0])
    assert onp.log(mass) == pytest.approx(oracle.log_evidence, abs=1e-6)


@pytest.mark.parametrize("leading", [(), (4,), (2, 3)])
def test_leading_axes_broadcast(leading):
    zeta = onp.random.default_rng(1).standard_normal((*leading, 3))
    value = MODEL.log_p(zeta)
    assert onp.shape(value) == leading
    rows = [MODEL.log_p(row[None])[0] for row in zeta.reshape(-1, 3)]
    onp.testing.assert_allclose(onp.ravel(value), rows, rtol=1e-13)


@pytest.mark.parametrize("size", range(1, 7))
def test_the_mean_over_all_minibatches_is_the_full_log_density(size):
    batches = itertools.combinations(range(6), size)
    values = [MODEL.minibatch(list(idx))(ZETA) for idx in batches]
    onp.testing.assert_allclose(onp.mean(values, axis=0), MODEL.log_p(ZETA), rtol=1e-13)


def test_a_minibatch_scales_the_likelihood_only():
    theta = MODEL.constrain(ZETA)
    likelihood = 6 / 2 * log_lik(theta, {"X": X[[1, 4]], "y": Y[[1, 4]]}).sum(axis=-1)
    expected = log_prior(theta) + likelihood + ZETA[:, 2]
    onp.testing.assert_allclose(MODEL.minibatch([1, 4])(ZETA), expected, rtol=1e-13)


def test_data_may_be_one_array():
    model = Model({"mu": Param()}, lambda t: densities.normal(t["mu"]),
                  lambda t, x: densities.normal(x, t["mu"][:, None]), Y)  # fmt: skip
    assert model.num_data == 6
    values = [model.minibatch([i])(ZETA[:, :1]) for i in range(6)]
    onp.testing.assert_allclose(onp.mean(values, axis=0), model.log_p(ZETA[:, :1]), rtol=1e-13)


def test_names_and_round_trip():
    assert MODEL.names == ("beta[0]", "beta[1]", "sd")
    assert MODEL.dim == 3
    onp.testing.assert_allclose(MODEL.unconstrain(MODEL.constrain(ZETA)), ZETA, rtol=1e-12)


def test_pointwise_log_lik_is_the_likelihood_unscaled():
    theta = MODEL.constrain(ZETA)
    onp.testing.assert_array_equal(MODEL.pointwise_log_lik(theta), log_lik(theta, {"X": X, "y": Y}))
    held_out = {"X": X[:1] + 1.0, "y": Y[:1]}
    onp.testing.assert_array_equal(
        MODEL.pointwise_log_lik(theta, held_out), log_lik(theta, held_out)
    )


def mean_only(data):
    return Model({"mu": Param()}, lambda t: densities.normal(t["mu"]),
                 lambda t, x: densities.normal(x, t["mu"][:, None]), data)  # fmt: skip


@pytest.mark.parametrize("data", [[0.5], (0.5,), onp.array([0.5], dtype="float32")])
def test_one_observation_in_any_sequence(data):
    model, zeta = mean_only(data), ZETA[:, :1]
    expected = densities.normal(zeta[:, 0]) + densities.normal(0.5, zeta[:, 0])
    onp.testing.assert_allclose(model.log_p(zeta), expected, rtol=1e-14)
    onp.testing.assert_array_equal(model.minibatch([0])(zeta), model.log_p(zeta))


def test_single_precision_data_cost_no_precision_of_the_parameters():
    small = {"X": X.astype("float32"), "y": Y.astype("float32")}
    same_numbers = {name: values.astype(float) for name, values in small.items()}
    models = [Model(PARAMS, log_prior, log_lik, data) for data in (small, same_numbers)]
    values = [model.log_p(ZETA) for model in models]
    assert values[0].dtype == float
    onp.testing.assert_allclose(*values, rtol=1e-12)


@pytest.mark.parametrize("kind", ["array", "columns"])
def test_a_minibatch_of_a_million_rows_copies_its_own_rows_only(kind):
    x = onp.zeros((1_000_000, 4))
    model = Model(
        {"mu": Param()},
        lambda t: densities.normal(t["mu"]),
        lambda t, d: densities.normal((d if kind == "array" else d["x"])[:, 0], t["mu"][:, None]),
        x if kind == "array" else {"x": x},
    )
    model.minibatch([0])  # whatever is done once
    tracemalloc.start()
    model.minibatch(onp.arange(50))(ZETA[:, :1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000  # the data are 32 MB, the batch 1.6 kB


def test_a_start_by_name_is_on_the_scale_of_the_parameters():
    onp.testing.assert_allclose(MODEL.start({"sd": 2.0}), [0.0, 0.0, onp.log(2.0)], atol=1e-15)
    onp.testing.assert_allclose(MODEL.start({"beta": [1.0, 2.0]}), [1.0, 2.0, 0.0], atol=1e-15)
    onp.testing.assert_allclose(MODEL.start({"beta": 3.0}), [3.0, 3.0, 0.0], atol=1e-15)
    onp.testing.assert_allclose(MODEL.start({}), onp.zeros(3), atol=1e-15)


def change(**changes):
    arguments = {"params": PARAMS, "log_prior": log_prior, "log_lik": log_lik,
                 "data": {"X": X, "y": Y}, **changes}  # fmt: skip
    return Model(**arguments)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: change(params={"k": Param((), "count")}), SupportError, "'k' is discrete"),
        (lambda: change(params={"k": Param((), "R+")}), SupportError, "parameter 'k': support"),
        (lambda: change(params={}), SupportError, "at least one parameter"),
        (lambda: change(data={"X": X, "y": Y[:5]}), ShapeError, "X has 6, y has 5"),
        (lambda: change(data={}), ShapeError, "there is none"),
        (lambda: change(data=onp.zeros(0)), ShapeError, "data has 0"),
        (lambda: change(data=3.0), ShapeError, r"data must have shape \(N,\), got \(\)"),
        (lambda: MODEL.start({"sigma": 2.0}), ShapeError, "start names sigma; the parameters are"),
        (lambda: MODEL.start({"sd": -2.0}), SupportError, r"theta\['sd'\]"),
        (lambda: MODEL.start({"beta": [1.0]}), ShapeError, r"shape \(2,\) or be a number, got"),
        (lambda: MODEL.pointwise_log_lik({"sd": X}), ShapeError, "parameters beta, sd, got sd"),
        (
            lambda: MODEL.pointwise_log_lik({"beta": X, "sd": ZETA[:, 0]}),
            ShapeError,
            r"theta\['sd'\] must have shape \(6,\), got \(4,\)",
        ),
        (
            lambda: MODEL.pointwise_log_lik(MODEL.constrain(ZETA), {"X": X, "y": Y[:2]}),
            ShapeError,
            "X has 6, y has 2",
        ),
        (
            lambda: change(log_prior=lambda t: densities.normal(t["beta"])).log_p(ZETA),
            ShapeError,
            r"log_prior's value must have shape \(4,\), got \(4, 2\)",
        ),
        (
            lambda: change(log_lik=lambda t, d: log_lik(t, d).sum(axis=-1)).log_p(ZETA),
            ShapeError,
            r"log_lik's value must have shape \(4, 6\), got \(4,\)",
        ),
        (lambda: MODEL.log_p(ZETA[:, :2]), ShapeError, r"\(..., 3\), got \(4, 2\)"),
        (lambda: MODEL.minibatch([]), ShapeError, "at least one observation"),
        (lambda: MODEL.minibatch([[0]]), ShapeError, r"idx must have shape \(B,\)"),
        (lambda: MODEL.minibatch([6]), IndexError, r"in 0..5, got 6 to 6"),
        (lambda: MODEL.minibatch([-1, 2]), IndexError, r"in 0..5, got -1 to 2"),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

"""Errors of layouts, models, predictions, data sets and figures."""

from __future__ import annotations

import sys
from unittest import mock

import autograd.numpy as anp
import matplotlib as mpl
import numpy as np

from vi_lib import (
    Model,
    NonFiniteError,
    Param,
    ShapeError,
    SupportError,
    advi,
    datasets,
    densities,
    figure,
    inference_data,
    latent_plots,
    plots,
    predictive,
)
from vi_lib.flipbook import flipbook
from vi_lib.layout import Layout
from vi_lib.model import num_rows
from vi_lib.result import hdi

nan = np.nan
ONES = np.ones(4)


UNEVEN = {"a": ONES, "b": ONES[:2]}


def rng(seed=0):
    return np.random.default_rng(seed)


def log_prior(theta):
    return densities.normal(theta["mu"], 0.0, 3.0) + densities.half_normal(theta["sd"])


def log_lik(theta, y):
    return densities.normal(y, theta["mu"][:, None], theta["sd"][:, None])


def model(params=None, log_lik=log_lik, data=ONES, simulate=None):
    params = {"mu": Param(), "sd": Param(support="positive")} if params is None else params
    return Model(params, log_prior, log_lik, data, simulate)


MODEL = model()
FIT = advi(MODEL, rng=rng(), max_iters=2, stop=None)
THETA = {"mu": np.zeros(3), "sd": np.ones(3)}
LAYOUT = Layout(MODEL.params)


def two_columns():
    return model(log_lik=lambda t, d: log_lik(t, d["a"]), data={"a": ONES, "b": ONES})


def to_arviz(model, arviz=None):
    """With another object in ArviZ' place, which takes seconds to import; None is not there."""
    with mock.patch.dict(sys.modules, {"arviz": arviz}):
        inference_data.to_arviz(model, FIT, rng())


def ax():
    return mpl.figure.Figure().subplots()


def book(values=(1, 2), alt="a line", start=0):
    return flipbook(lambda fig, value: None, values, label="k", alt=alt, start=start)


ROWS = [
    # layouts and models
    ("layout.Param", lambda: Param("positive"), ShapeError,
     ("tuple of whole numbers", "got 'positive'", 'Param(support="positive")')),
    ("layout.Param", lambda: Param((2, 0)), ShapeError, ("at least 1", "got (2, 0)")),
    ("layout.Layout", lambda: Layout({}), SupportError, ("at least one parameter", "got none")),
    ("layout.Layout", lambda: Layout({"k": Param(support="integer")}),
     SupportError, ("has no unconstrained scale", "parameter 'k' is discrete ('integer')")),
    ("layout.Layout", lambda: Layout({"w": Param(support="simplex")}),
     ShapeError, ("shape (..., K)", "got ()")),
    ("layout.Layout.unconstrain", lambda: LAYOUT.unconstrain({"mu": 0.0}),
     ShapeError, ("must hold the parameters mu, sd", "got mu")),
    ("layout.Layout.unconstrain", lambda: LAYOUT.unconstrain({"mu": 0.0, "sd": -1.0}),
     SupportError, ("theta['sd']: theta must be in [0.0, inf]", "got -1.0")),
    ("layout.Layout.start", lambda: LAYOUT.start({"tau": 1.0}),
     ShapeError, ("the parameters are mu, sd", "names tau")),
    ("layout.Layout.start", lambda: LAYOUT.start({"mu": 0.0, "sd": 0.0}),
     SupportError, ("inside the support of sd, its boundary excluded", "got -inf")),
    ("layout.Param.zeta_shape", lambda: Param(support="ordered").zeta_shape,
     ShapeError, ("needs a vector: shape (..., K)", "got ()")),
    ("model.Model", lambda: model({"mu": Param(support="circle")}),
     SupportError, ("parameter 'mu': support must be", "got 'circle'")),
    ("model.Model", lambda: model(data={"x": ONES, "y": ONES[:3]}),
     ShapeError, ("one row per observation", "x has 4, y has 3")),
    ("model.Model.pointwise_log_lik", lambda: MODEL.pointwise_log_lik({"mu": ONES}),
     ShapeError, ("must hold the parameters mu, sd", "got mu")),
    ("model.Model.pointwise_log_lik",
     lambda: model(log_lik=lambda t, y: t["mu"]).pointwise_log_lik(THETA),
     ShapeError, ("log_lik's value must have shape (3, 4)", "got (3,)")),
    ("model.Model.start", lambda: MODEL.start({"tau": 1.0}),
     ShapeError, ("the parameters are mu, sd", "names tau")),
    ("model.Model.start", lambda: MODEL.start({"sd": ONES}),
     ShapeError, ("must have shape () or be a number", "got (4,)")),
    ("model.Model.start", lambda: MODEL.start({"sd": -1.0}),
     SupportError, ("must be in [0.0, inf]", "got -1.0")),
    ("model.Model.minibatch", lambda: MODEL.minibatch(np.zeros(0, dtype=int)),
     ShapeError, ("at least one observation", "got none")),
    ("model.Model.minibatch", lambda: MODEL.minibatch(np.array([0, 4])),
     IndexError, ("idx must lie in 0..3", "got 0 to 4")),
    ("model.num_rows", lambda: num_rows({"x": ONES, "y": ONES[:3]}),
     ShapeError, ("one row per observation", "x has 4, y has 3")),
    # predictions and InferenceData
    ("predictive.simulate", lambda: predictive.simulate(MODEL, THETA, rng()),
     ValueError, ("must return (M, N, ...)", "has no simulate")),
    ("predictive.simulate",
     lambda: predictive.simulate(model(simulate=lambda t, y, r: t["mu"]), THETA, rng()),
     ShapeError, ("simulate's value must have shape (3, 4)", "got (3,)")),
    ("predictive.posterior_predictive",
     lambda: predictive.posterior_predictive(MODEL, FIT, rng(), 3),
     ValueError, ("must return (M, N, ...)", "has no simulate")),
    ("predictive.posterior_predictive",
     lambda: predictive.posterior_predictive(model(simulate=lambda t, y, r: y), FIT, rng(), 3),
     ShapeError, ("simulate's value must have shape (3, 4)", "got (4,)")),
    ("predictive.log_predictive_density",
     lambda: predictive.log_predictive_density(two_columns(), FIT, rng(), 3, UNEVEN),
     ShapeError, ("one row per observation", "a has 4, b has 2")),
    ("predictive.importance_weights",
     lambda: predictive.importance_weights(FIT, lambda z: anp.sum(z, axis=-1) + nan, rng(), 30),
     NonFiniteError, ("log_p is nan", "at draw 0: mu = ")),
    ("predictive.importance_weights",
     lambda: predictive.importance_weights(FIT, np.asarray, rng(), 30),
     ShapeError, ("log_p's value must have shape (30,)", "got (30, 2)")),
    ("predictive.resample", lambda: predictive.resample(FIT, lambda z: z[:, 0] + np.inf, rng(), 3),
     NonFiniteError, ("log_p is inf", "at draw 0: mu = ")),
    ("predictive.resample", lambda: predictive.resample(FIT, MODEL.log_p, rng(), 1, 24),
     ShapeError, ("num_candidates must be at least 25", "got 24")),
    ("inference_data.to_arviz", lambda: to_arviz(MODEL),
     ImportError, ("needs ArviZ", "not installed: pip install")),
    ("inference_data.to_arviz", lambda: to_arviz(two_columns(), mock.MagicMock()),
     ValueError, ("one of a, b", "got None")),
    ("result.hdi", lambda: hdi(ONES, 0.9),
     ShapeError, ("draws must have shape (S, D)", "got (4,)")),
    # data and figures
    ("datasets.load", lambda: datasets.load("moons"), KeyError, ("expected one of", "'moons'")),
    ("datasets.describe", lambda: datasets.describe("moons"),
     KeyError, ("expected one of", "'moons'")),
    ("figure.show", lambda: figure.show(ax().figure, " "),
     ValueError, ("needs an alternative text", "say what the figure shows")),
    ("plots.marginal", lambda: plots.marginal(ax(), np.array([-1.0, 2.0]), "positive"),
     SupportError, ("in the support [0.0, inf]", "got -1.0 to 2.0")),
    ("plots.contours",
     lambda: plots.contours(ax(), lambda t: t[:, 0] + nan, (0.0, 1.0), (0.0, 1.0), num=3),
     ValueError, ("finite", "anywhere on the grid")),
    ("plots.elbo_trace", lambda: plots.elbo_trace(ax(), ONES, window=5),
     ValueError, ("between 1 and the 4 iterations", "got 5")),
    ("plots.gradient_arrows",
     lambda: plots.gradient_arrows(ax(), np.ones((3, 2)), np.ones((4, 2)), np.ones(3), np.ones(2)),
     ShapeError, ("gradients must have shape (3, 2)", "got (4, 2)")),
    ("flipbook.flipbook", lambda: book(values=()), ValueError, ("at least one value", "got none")),
    ("flipbook.flipbook", lambda: book(start=2), ValueError, ("between 0 and 1", "got 2")),
    ("flipbook.flipbook", lambda: book(alt=""),
     ValueError, ("needs an alternative text", "say what the frames show")),
    ("latent_plots.latent_scatter",
     lambda: latent_plots.latent_scatter(ax(), np.ones((3, 3)), np.arange(3)),
     ShapeError, ("mean must have shape (N, 2)", "got (3, 3)")),
    ("latent_plots.latent_grid",
     lambda: latent_plots.latent_grid(ax(), lambda z: np.ones((len(z), 6)), 2, shape=(2, 2)),
     ShapeError, ("2 x 2 pixels", "6 of them")),
    ("latent_plots.latent_grid", lambda: latent_plots.latent_grid(ax(), np.asarray, 2, tail=0.5),
     ValueError, ("tail must be in (0, 0.5)", "got 0.5")),
    ("latent_plots.reconstruction_strip",
     lambda: latent_plots.reconstruction_strip(ax(), np.ones((2, 4)), np.ones((2, 9))),
     ShapeError, ("reconstructions must have shape (M, 2, 4)", "got (1, 2, 9)")),
    ("latent_plots.kl_per_coordinate",
     lambda: latent_plots.kl_per_coordinate(ax(), np.ones((2, 2, 2))),
     ShapeError, ("kl must have shape (D,)", "got (2, 2, 2)")),
]  # fmt: skip

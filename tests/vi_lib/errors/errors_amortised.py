"""Errors of networks, amortised inference and the variational autoencoder."""

from __future__ import annotations

import tempfile
from pathlib import Path

import autograd.numpy as anp
import numpy as np

from vi_lib import NonFiniteError, ShapeError, SupportError, amortised, storage
from vi_lib.amortised import bayes_net, training
from vi_lib.amortised.mlp import mlp_shapes

nan = np.nan


def rng():
    return np.random.default_rng(0)


X, Y = np.ones((5, 2)), np.ones(5)
NET = amortised.init_mlp((2, 3, 1), rng())
BAYES = amortised.init_bayes_net((2, 3, 1), rng())
WEIGHTS = np.ones((4, len(BAYES["mu"])))
VAE, IMAGES = amortised.init_vae((4, 3, 2), rng()), np.ones((5, 4))
NARROW, EPS = IMAGES[:, 1:], np.ones((6, 5, 2))
F, NOISE = np.ones((6, 5)), np.ones((6, 5))
FLAT = np.outer(np.arange(5.0), [1.0, 2.0, 3.0])


def amortised_values(y=Y):
    params = amortised.init_amortised_regression((2, 3), rng())
    return amortised.amortised_regression_values(params, X, y, np.ones((4, 5, 1)))


def train(objective=lambda params, *batch: anp.sum(params["w"]), params=None, **options):
    params = {"w": np.ones(2)} if params is None else params
    return training.train(
        objective, params, 5, num_steps=1, rng=rng(), **{"batch_size": 5, **options}
    )


def load():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.npz"
        storage.write(path, {"lam": Y})
        training.Training.load(path)


def fit_vae(x=IMAGES, **options):
    return amortised.fit_vae(x, (4, 3, 2), 1, rng(), **{"batch_size": 5, **options})


NO_IMAGE = ("x must have shape (..., 4)", "got (5, 3)")

ROWS = [
    # networks
    ("amortised.mlp.mlp_shapes", lambda: mlp_shapes((3,)),
     ValueError, ("two or more whole numbers", "got (3,)")),
    ("amortised.init_mlp", lambda: amortised.init_mlp((2, 1), rng(), "xavier"),
     ValueError, ("'glorot' or 'he'", "got 'xavier'")),
    ("amortised.mlp", lambda: amortised.mlp(NET, Y), ShapeError, ("shape (..., 2)", "got (5,)")),
    ("amortised.mlp", lambda: amortised.mlp({"w": Y}, X), ShapeError, ("must hold W1", "got w")),
    ("amortised.unpack", lambda: amortised.unpack(Y, {"W1": (2, 3)}),
     ShapeError, ("flat must have shape (..., 6)", "got (5,)")),
    # regression and prediction
    ("amortised.fit_mlp_regression", lambda: amortised.fit_mlp_regression(Y, Y),
     ShapeError, ("X must have shape (N, K)", "got (5,)")),
    ("amortised.predict_mlp_regression", lambda: amortised.predict_mlp_regression(NET, F.T),
     ShapeError, ("x must have shape (..., 2)", "got (5, 6)")),
    ("amortised.latent_regression_elbo",
     lambda: amortised.latent_regression_elbo(1.0, 0.0, -1.0, 1.0),
     SupportError, ("s must be positive", "got -1.0")),
    ("amortised.published_optimum", lambda: amortised.published_optimum(1.0, 0.0),
     SupportError, ("var_y must be positive", "got 0.0")),
    ("amortised.amortised_regression_values", lambda: amortised_values(Y[1:]),
     ShapeError, ("y must have shape (5,)", "got (4,)")),
    ("amortised.init_amortised_regression",
     lambda: amortised.init_amortised_regression((2, 3), rng(), noise_sd=-1.0),
     SupportError, ("noise_sd must be positive", "got -1.0")),
    ("amortised.predictive_moments", lambda: amortised.predictive_moments(Y, 1.0),
     ShapeError, ("f_mean must have shape (S, N)", "got (5,)")),
    ("amortised.predictive_moments", lambda: amortised.predictive_moments(F, -1.0),
     ValueError, ("must not be negative", "got -1.0")),
    ("amortised.variance_split", lambda: amortised.variance_split(F, Y[1:]),
     ShapeError, ("a number, (5,) or (6, 5)", "got (4,)")),
    ("amortised.variance_split", lambda: amortised.variance_split(F, -1.0),
     ValueError, ("must not be negative", "got -1.0")),
    ("amortised.predictive_band", lambda: amortised.predictive_band(F, 1.0, NOISE[1:]),
     ShapeError, ("eps must have shape (6, 5)", "got (5, 5)")),
    ("amortised.predictive_band", lambda: amortised.predictive_band(F, 1.0, NOISE, 1.0),
     ValueError, ("level must be in (0, 1)", "got 1.0")),
    ("amortised.gaussian_band", lambda: amortised.gaussian_band(Y, Y, 90),
     ValueError, ("level must be in (0, 1)", "got 90")),
    ("amortised.coverage", lambda: amortised.coverage(Y, Y[1:], Y),
     ShapeError, ("low must have shape (5,)", "got (4,)")),
    ("amortised.calibration_curve", lambda: amortised.calibration_curve(Y[1:], F, 1.0),
     ShapeError, ("y must have shape (5,)", "got (4,)")),
    ("amortised.calibration_curve", lambda: amortised.calibration_curve(Y, F, 1.0, [0.5, 1.5]),
     ValueError, ("level must be in (0, 1)", "got 1.5")),
    # Bayesian networks
    ("amortised.sample_weights", lambda: amortised.sample_weights(BAYES, Y),
     ShapeError, ("eps must have shape (..., 13)", "got (5,)")),
    ("amortised.bayes_net.hidden_units", lambda: bayes_net.hidden_units(12, 2),
     ShapeError, ("one-hidden-layer net", "12 weights")),
    ("amortised.bayes_by_backprop_loss",
     lambda: amortised.bayes_by_backprop_loss(BAYES, X, Y[1:], WEIGHTS, 1.0),
     ShapeError, ("y must have shape (5,)", "got (4,)")),
    ("amortised.bayes_by_backprop_loss",
     lambda: amortised.bayes_by_backprop_loss(BAYES, X, Y, WEIGHTS, 0.0),
     SupportError, ("num_batches must be positive", "got 0.0")),
    ("amortised.bayes_net_outputs",
     lambda: amortised.bayes_net_outputs(BAYES, Y, WEIGHTS, (2, 3, 1)),
     ShapeError, ("x must have shape (..., 2)", "got (5,)")),
    ("amortised.bayes_net_elbo",
     lambda: amortised.bayes_net_elbo(BAYES, X, Y[1:], WEIGHTS, (2, 3, 1)),
     ShapeError, ("y must have shape (5,)", "got (4,)")),
    ("amortised.bayes_net_elbo",
     lambda: amortised.bayes_net_elbo(BAYES, X, Y, WEIGHTS, (2, 3, 1), prior_sd=-1.0),
     SupportError, ("prior_sd must be positive", "got -1.0")),
    ("amortised.init_bayes_net", lambda: amortised.init_bayes_net((2, 3, 1), rng(), sd=0.0),
     SupportError, ("sd must be positive", "got 0.0")),
    ("amortised.fit_bayes_net", lambda: amortised.fit_bayes_net(Y, Y),
     ShapeError, ("X must have shape (N, K)", "got (5,)")),
    ("amortised.fit_bayes_net", lambda: amortised.fit_bayes_net(X, Y, noise="known"),
     ValueError, ("'learned', 'heteroscedastic' or an sd", "got 'known'")),
    # training
    ("amortised.train", lambda: train(lambda params, *batch: anp.sum(params["w"]) + nan),
     NonFiniteError, ("step 1: the objective must be finite", "got nan")),
    ("amortised.train", lambda: train(lambda params, *batch: params["w"]),
     ShapeError, ("must have shape ()", "got (2,)")),
    ("amortised.train", lambda: train(batch_size=6),
     ValueError, ("batch_size must lie in 1..5", "got 6")),
    ("amortised.Training.load", load, ValueError, ("not a saved Training", "holds lam")),
    # the variational autoencoder
    ("amortised.init_vae", lambda: amortised.init_vae((4, 3, 2), rng(), decoder_sizes=(2, 3)),
     ValueError, ("must lead from 2 to", "got (2, 3)")),
    ("amortised.encode", lambda: amortised.encode(VAE, NARROW), ShapeError, NO_IMAGE),
    ("amortised.encode", lambda: amortised.encode(VAE, IMAGES, scale="log"),
     ValueError, ("'exp' or 'softplus'", "got 'log'")),
    ("amortised.mlp_decoder", lambda: amortised.mlp_decoder(VAE, Y),
     ShapeError, ("must have shape (..., 2)", "got (5,)")),
    ("amortised.bernoulli_log_likelihood",
     lambda: amortised.bernoulli_log_likelihood(IMAGES, NARROW),
     ShapeError, ("logits must have shape (..., 4)", "got (5, 3)")),
    ("amortised.kl_diag_gaussian_standard",
     lambda: amortised.kl_diag_gaussian_standard(IMAGES, NARROW),
     ShapeError, ("log_sd must have shape (..., 4)", "got (5, 3)")),
    ("amortised.kl_annealing", lambda: amortised.kl_annealing(-1, 3),
     ValueError, ("must be at least 0", "got -1, 3")),
    ("amortised.vae_elbo", lambda: amortised.vae_elbo(VAE, IMAGES, EPS[0, 0]),
     ShapeError, ("(B, D) or (M, B, D)", "got (2,)")),
    ("amortised.vae_values", lambda: amortised.vae_values(VAE, NARROW, EPS), ShapeError, NO_IMAGE),
    ("amortised.vae_iwae", lambda: amortised.vae_iwae(VAE, IMAGES, EPS[0]),
     ShapeError, ("eps must have shape (K, 5, 2)", "got (5, 2)")),
    ("amortised.vae_dreg", lambda: amortised.vae_dreg(VAE, IMAGES, EPS[:, :3]),
     ShapeError, ("eps must have shape (K, 5, 2)", "got (6, 3, 2)")),
    ("amortised.vae_log_evidence", lambda: amortised.vae_log_evidence(VAE, NARROW, rng(), 3),
     ShapeError, NO_IMAGE),
    ("amortised.binarise", lambda: amortised.binarise(nan * IMAGES),
     NonFiniteError, ("x must be finite", "got nan")),
    ("amortised.fit_vae", lambda: fit_vae(0.5 * IMAGES),
     SupportError, ("0 or 1", "got 0.5")),
    ("amortised.fit_vae", lambda: fit_vae(NARROW),
     ShapeError, ("x must have shape (N, 4)", "got (5, 3)")),
    ("amortised.fit_vae",
     lambda: fit_vae(log_lik=lambda x, output: nan * anp.sum(output, axis=-1)),
     NonFiniteError, ("step 1: the objective must be finite", "got nan")),
    ("amortised.fit_vae", lambda: fit_vae(bound="tight"),
     ValueError, ("bound must be", "got 'tight'")),
    ("amortised.refine", lambda: amortised.refine(VAE, NARROW, rng()), ShapeError, NO_IMAGE),
    ("amortised.amortization_gap", lambda: amortised.amortization_gap(VAE, NARROW, rng()),
     ShapeError, NO_IMAGE),
    ("amortised.LinearVAE", lambda: amortised.LinearVAE(X, Y[1:], 1.0),
     ShapeError, ("b must have shape (5,)", "got (4,)")),
    ("amortised.LinearVAE", lambda: amortised.LinearVAE(X, Y, 0.0),
     SupportError, ("noise_sd must be positive", "got 0.0")),
    ("amortised.probabilistic_pca", lambda: amortised.probabilistic_pca(Y, 1),
     ShapeError, ("x must have shape (N, X)", "got (5,)")),
    ("amortised.probabilistic_pca", lambda: amortised.probabilistic_pca(X, 2),
     ValueError, ("dim must lie in 1..1", "got 2")),
    ("amortised.probabilistic_pca", lambda: amortised.probabilistic_pca(FLAT, 1),
     ValueError, ("no variance beyond 1 directions", "the evidence is unbounded")),
]  # fmt: skip

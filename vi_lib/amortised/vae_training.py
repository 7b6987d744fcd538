"""Training a variational autoencoder, and how good its encoder is.

`train_vae` is the whole recipe in one call; `fit_vae` returns what it needs to go on, too. An
encoder is not the best q of its family for every image: `refine` gives each image a lam of its own,
started at the encoder's, and what the ELBO gains is the amortization gap (Cremer, Li and Duvenaud
2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy as onp
from autograd import make_vjp

from vi_lib import densities
from vi_lib._check import Array, SupportError, plain, require_finite, require_shape
from vi_lib.amortised.mlp import Activation, Params, Scheme
from vi_lib.amortised.training import Training, train
from vi_lib.amortised.vae import (
    LogLik,
    Scale,
    bernoulli_log_likelihood,
    encode,
    init_vae,
    kl_annealing,
    kl_diag_gaussian_standard,
    latent_dim,
    mlp_decoder,
    vae_elbo,
)
from vi_lib.estimators import reparam_entropy
from vi_lib.families import MeanField
from vi_lib.optimizers import Step, adam


def binarise(x: Array, threshold: float = 8.0) -> Array:
    """Return 1.0 where x >= threshold and 0.0 elsewhere: images for a Bernoulli likelihood.

    8 is half of the ink a pixel of `datasets.load("digits")` can hold.

    Raises:
        NonFiniteError: if a pixel is not finite.
    """
    require_finite("x", x)
    return onp.where(onp.asarray(x) >= threshold, 1.0, 0.0)


def fit_vae(
    x: Array,
    sizes: Sequence[int],
    num_steps: int,
    rng: onp.random.Generator | None = None,
    *,
    decoder_sizes: Sequence[int] | None = None,
    activation: Activation = np.tanh,
    scheme: Scheme = "glorot",
    scale: Scale = "exp",
    log_lik: LogLik = bernoulli_log_likelihood,
    beta: float = 1.0,
    warmup_steps: int = 0,
    batch_size: int = 100,
    num_draws: int = 1,
    optimizer: Step | None = None,
    **options: Any,
) -> Training:
    """Maximise `vae_elbo` over encoder and decoder together.

    Args:
        x: observations (N, X); pixels in {0, 1} for the Bernoulli likelihood.
        sizes: widths (pixels, hidden, ..., latent), as in `init_vae`.
        num_steps: steps of this call.
        rng: source of weights, order and noise; None with `resume`.
        decoder_sizes: as in `init_vae`; (latent, pixels) is a linear decoder.
        activation: of the hidden layers.
        scheme: scale of the first weights, as in `init_mlp`.
        scale: as in `encode`.
        log_lik: (x, decoder's output) -> (...).
        beta: weight of the KL after the warm-up.
        warmup_steps: steps over which the weight of the KL rises from 0.
        batch_size: images of a step.
        num_draws: draws M of each image's z.
        optimizer: step rule, by default `adam(0.01)`.
        **options: passed to `train`: progress, callbacks, resume.

    Returns:
        The training; its history holds the objective of each step, nats an image.

    Raises:
        SupportError: if the likelihood is Bernoulli and a pixel is not 0 or 1.
        ShapeError: if the images do not have sizes[0] pixels.
        NonFiniteError: as in `train`.
    """
    x = onp.asarray(x, dtype=float)
    require_shape("x", x, ("N", sizes[0]))
    if log_lik is bernoulli_log_likelihood and not onp.all((x == 0.0) | (x == 1.0)):
        bad = x[(x != 0.0) & (x != 1.0)][0]
        raise SupportError(f"a Bernoulli VAE needs pixels 0 or 1, got {bad}: binarise them")
    params = None
    if options.get("resume") is None:
        rng = onp.random.default_rng() if rng is None else rng
        params = init_vae(sizes, rng, decoder_sizes=decoder_sizes, scheme=scheme)

    def objective(params: Params, rows: Array, eps: Array, step: int) -> Array:
        weight = beta * kl_annealing(step, warmup_steps)
        return vae_elbo(
            params, x[rows], eps, weight, activation=activation, scale=scale, log_lik=log_lik
        )

    return train(
        objective,
        params,
        len(x),
        noise=lambda rng, batch: rng.standard_normal((num_draws, batch, sizes[-1])),
        batch_size=min(batch_size, len(x)),
        num_steps=num_steps,
        optimizer=optimizer,
        rng=rng,
        **options,
    )


def train_vae(
    x: Array, sizes: Sequence[int], num_steps: int, rng: onp.random.Generator, **options: Any
) -> Params:
    """Return the parameters of a VAE after `num_steps` steps; arguments as in `fit_vae`.

    For instance, 1500 binarised digits, sizes (64, 64, 2) and 360 steps take a second or two and
    reach a test ELBO near -22 nats an image, with ReLU and the scheme "he" near -21; 3000 steps of
    (64, 128, 64, 2) reach -19.1. Independent pixels, each with its own probability, have -25.2.
    """
    return fit_vae(x, sizes, num_steps, rng, **options).params


class AmortizationGap(NamedTuple):
    """What a q of its own would win for each observation, (N,) each, nats.

    Attributes:
        amortised: ELBO with the encoder's lam.
        refined: ELBO after `refine`, from the same noise.
    """

    amortised: Array
    refined: Array

    @property
    def gap(self) -> Array:
        """Refined less amortised ELBO, (N,); noise can make a small one negative."""
        return self.refined - self.amortised


def refine(
    params: Params,
    x: Array,
    rng: onp.random.Generator,
    *,
    num_steps: int = 300,
    num_draws: int = 10,
    optimizer: Step | None = None,
    activation: Activation = np.tanh,
    scale: Scale = "exp",
    log_lik: LogLik = bernoulli_log_likelihood,
) -> Array:
    """Return lam (N, 2 D), one best q for each observation, with the decoder held fixed.

    Plain variational inference with `reparam_entropy`, N posteriors side by side: the sum of their
    ELBOs has one row of gradient for each.

    Args:
        params: of a trained VAE.
        x: observations (N, X).
        rng: source of the noise.
        num_steps: steps.
        num_draws: draws of each step.
        optimizer: step rule, by default Adam with rate .1 / (1 + t / 30).
        activation: of the hidden layers.
        scale: as in `encode`.
        log_lik: (x, decoder's output) -> (...).

    Raises:
        ShapeError: if x does not fit the encoder.
    """
    q = MeanField(latent_dim(params))
    lam = plain(encode(params, x, activation=activation, scale=scale))
    step = adam(lambda t: 0.1 / (1.0 + t / 30.0)) if optimizer is None else optimizer

    def log_joint(z: Array) -> Array:
        log_prior = np.sum(densities.normal(z), axis=-1)
        return log_prior + log_lik(x, mlp_decoder(params, z, activation))

    state = None
    for _ in range(num_steps):
        eps = rng.standard_normal((num_draws, len(x), q.dim))
        vjp, values = make_vjp(lambda lam, eps=eps: reparam_entropy(lam, log_joint, q, eps))(lam)
        increment, state = step(vjp(onp.full(onp.shape(values), 1.0 / num_draws)), state)
        lam = lam + increment
    return lam


def amortization_gap(
    params: Params,
    x: Array,
    rng: onp.random.Generator,
    *,
    eval_draws: int = 200,
    activation: Activation = np.tanh,
    scale: Scale = "exp",
    log_lik: LogLik = bernoulli_log_likelihood,
    **options: Any,
) -> AmortizationGap:
    """Return each observation's ELBO with the encoder's q and with one of its own.

    Args:
        params: of a trained VAE.
        x: observations (N, X).
        rng: source of the noise.
        eval_draws: draws of each ELBO, the same for both, so that their difference is less noisy.
        activation: of the hidden layers.
        scale: as in `encode`.
        log_lik: (x, decoder's output) -> (...).
        **options: passed to `refine`: num_steps, num_draws, optimizer.

    Raises:
        ShapeError: if x does not fit the encoder.
    """
    q = MeanField(latent_dim(params))
    net: dict[str, Any] = {"activation": activation, "scale": scale}
    refined = refine(params, x, rng, log_lik=log_lik, **net, **options)
    eps = rng.standard_normal((eval_draws, len(x), q.dim))

    def elbo(lam: Array) -> Array:
        z = q.transport(lam, eps)
        reconstruction = onp.mean(log_lik(x, mlp_decoder(params, z, activation)), axis=0)
        return plain(reconstruction - kl_diag_gaussian_standard(*q.unpack(lam)))

    return AmortizationGap(elbo(plain(encode(params, x, **net))), elbo(refined))

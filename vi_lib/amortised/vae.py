"""The variational autoencoder: an encoder network gives every observation its own q.

    z_n ~ N(0, I),    x_n | z_n ~ p(x | decoder(z_n)),    q(z_n) = MeanField(encoder(x_n))

    ELBO_n = E_q log p(x_n | z_n) - beta KL(q(z_n) || N(0, I))

Nothing here is new but the encoder: q is the `MeanField` of ADVI, with one row of lam an image,
lam (B, 2 D) in place of (2 D,), and `vae_values` hands it to the very estimators that ADVI uses.
Generative and variational parameters are one dict, so one gradient trains both.

Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014); beta: Higgins et al. (2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, ShapeError, require_shape
from vi_lib.amortised.mlp import Activation, Params, Scheme, init_mlp, mlp
from vi_lib.estimators import Estimator, reparam
from vi_lib.families import MeanField
from vi_lib.transforms import softplus

Scale: TypeAlias = Literal["exp", "softplus"]
LogLik: TypeAlias = Callable[[Array, Array], Array]
"""(x (..., X), decoder's output (..., X)) -> (...), nats."""


def bernoulli_log_likelihood(x: Array, logits: Array) -> Array:
    """Return Σ_pixels [x logits - log(1 + exp(logits))], (...), nats: one value an image.

    The sum, not the mean: with the mean, 64 pixels would weigh as little as one against the KL, and
    the posterior would collapse onto the prior. At logits = ±800 value and gradient are finite.

    Args:
        x: pixels in {0, 1} (..., X).
        logits: log odds of a 1 (..., X).

    Raises:
        ShapeError: unless x and logits have the same last axis.
    """
    require_shape("logits", logits, (..., onp.shape(x)[-1] if onp.ndim(x) else "X"))
    return np.sum(densities.bernoulli_logits(x, logits), axis=-1)


def kl_diag_gaussian_standard(mu: Array, log_sd: Array) -> Array:
    """Return KL(N(mu, diag sd²) || N(0, I)) = ½ Σ_d (mu² + sd² - 1 - 2 log sd), (...), nats.

    Args:
        mu: means (..., D).
        log_sd: logarithms of the standard deviations (..., D).

    Raises:
        ShapeError: unless both have the same last axis.
    """
    require_shape("log_sd", log_sd, (..., np.shape(mu)[-1] if np.ndim(mu) else "D"))
    # expm1: near sd = 1 the three terms cancel to the second order.
    return 0.5 * np.sum(mu**2 + np.expm1(2.0 * log_sd) - 2.0 * log_sd, axis=-1)


def init_vae(
    sizes: Sequence[int],
    rng: onp.random.Generator,
    *,
    decoder_sizes: Sequence[int] | None = None,
    scheme: Scheme = "glorot",
) -> Params:
    """Draw the parameters of encoder and decoder.

    Args:
        sizes: widths of the encoder, (pixels, hidden, ..., latent). Its output has 2 latent units,
            mean and scale.
        rng: source of the weights.
        decoder_sizes: widths of the decoder, by default the encoder's in reverse; (latent, pixels)
            is a linear decoder.
        scheme: see `init_mlp`.

    Returns:
        A dict enc_W1, enc_b1, ..., dec_W1, dec_b1, ...; `count_parameters` counts it.

    Raises:
        ValueError: if sizes are out of range or those of the decoder do not fit the encoder's.
    """
    *encoder, latent = sizes
    decoder = tuple(reversed(tuple(sizes))) if decoder_sizes is None else tuple(decoder_sizes)
    if (decoder[0], decoder[-1]) != (latent, encoder[0] if encoder else None):
        raise ValueError(
            f"decoder_sizes must lead from {latent} to {encoder[:1]} units, got {decoder}"
        )
    return {
        **init_mlp((*encoder, 2 * latent), rng, scheme, prefix="enc_"),
        **init_mlp(decoder, rng, scheme, prefix="dec_"),
    }


def latent_dim(params: Params) -> int:
    """Return D, the number of latent coordinates of a VAE with these parameters."""
    return int(np.shape(params["dec_W1"])[-2])


def encode(
    params: Params, x: Array, *, activation: Activation = np.tanh, scale: Scale = "exp"
) -> Array:
    """Return lam (..., B, 2 D) of `MeanField`, means and log sds, one row an observation.

    Args:
        params: from `init_vae`.
        x: observations (..., B, X).
        activation: of the hidden layers.
        scale: what makes an sd of the encoder's second half s: exp(s) or softplus(s).

    Raises:
        ValueError: if scale is neither.
        ShapeError: if x does not fit the encoder.
    """
    output = mlp(params, x, activation, prefix="enc_")
    if scale == "exp":
        return output
    if scale != "softplus":
        raise ValueError(f"scale must be 'exp' or 'softplus', got {scale!r}")
    dim = latent_dim(params)
    return np.concatenate([output[..., :dim], np.log(softplus(output[..., dim:]))], axis=-1)


def mlp_decoder(params: Params, z: Array, activation: Activation = np.tanh) -> Array:
    """Return the decoder's output for z (..., D): logits (..., X) of a Bernoulli VAE.

    Raises:
        ShapeError: if z does not fit the decoder.
    """
    return mlp(params, z, activation, prefix="dec_")


def vae_values(
    params: Params,
    x: Array,
    eps: Array,
    estimator: Estimator = reparam,
    *,
    activation: Activation = np.tanh,
    scale: Scale = "exp",
    log_lik: LogLik = bernoulli_log_likelihood,
) -> Array:
    """Return an estimator's values, one for each observation and draw, nats.

    Their mean over draws is the ELBO of an observation, and with `reparam` each is a log importance
    weight log p(x, z) - log q(z). The estimator must differentiate log p (`reparam`,
    `reparam_entropy`, `stl`): the score function would leave the decoder without a gradient.

    Args:
        params: from `init_vae`.
        x: observations (B, X).
        eps: noise (B, D) or, for K draws an observation, (K, B, D).
        estimator: (lam, log_p, q, eps) -> values.
        activation: of the hidden layers.
        scale: see `encode`.
        log_lik: (x, decoder's output) -> (...).

    Returns:
        values (B,) or (K, B).

    Raises:
        ShapeError: if a shape is wrong.
    """
    lam, q = _posterior(params, x, eps, activation, scale)

    def log_joint(z: Array) -> Array:
        prior = np.sum(densities.normal(z), axis=-1)
        return prior + log_lik(x, mlp_decoder(params, z, activation))

    return estimator(lam, log_joint, q, eps)


def vae_elbo(
    params: Params,
    x: Array,
    eps: Array,
    beta: float = 1.0,
    *,
    activation: Activation = np.tanh,
    scale: Scale = "exp",
    log_lik: LogLik = bernoulli_log_likelihood,
) -> Array:
    """Return the ELBO of a batch: log likelihood at z minus beta times the exact KL, nats.

    Summed over pixels and latent coordinates, averaged over the batch (and the draws): a batch in
    which every image stands twice has the same ELBO. With beta = 1 it has the expectation of the
    mean of `vae_values`, which estimates the KL from the same draws.

    Args:
        params: from `init_vae`.
        x: observations (B, X).
        eps: noise (B, D), or (M, B, D) for M draws an observation.
        beta: weight of the KL; 1 is the ELBO, less is annealing.
        activation: of the hidden layers.
        scale: see `encode`.
        log_lik: (x, decoder's output) -> (...).

    Returns:
        a number.

    Raises:
        ShapeError: if a shape is wrong.
    """
    lam, q = _posterior(params, x, eps, activation, scale)
    reconstruction = log_lik(x, mlp_decoder(params, q.transport(lam, eps), activation))
    return np.mean(reconstruction) - beta * np.mean(kl_diag_gaussian_standard(*q.unpack(lam)))


def kl_annealing(step: int, warmup_steps: int) -> float:
    """Return beta = min(1, step / warmup_steps), rising from 0 at step 0; 1 without a warm-up.

    Source: Bowman et al., Generating Sentences from a Continuous Space (2016), section 3.1, anneal
    the weight of the KL; theirs is a sigmoid, this ramp is linear.

    Raises:
        ValueError: if step or warmup_steps is negative.
    """
    if step < 0 or warmup_steps < 0:
        raise ValueError(f"step and warmup_steps must be at least 0, got {step}, {warmup_steps}")
    return 1.0 if step >= warmup_steps else step / warmup_steps


def _posterior(
    params: Params, x: Array, eps: Array, activation: Activation, scale: Scale
) -> tuple[Array, MeanField]:
    """Return lam (B, 2 D) and the family."""
    q = MeanField(latent_dim(params))
    require_shape("x", x, ("B", "X"))
    if np.ndim(eps) not in (2, 3):
        raise ShapeError(f"eps must have shape (B, D) or (M, B, D), got {np.shape(eps)}")
    require_shape("eps", eps, (..., np.shape(x)[0], q.dim))
    return encode(params, x, activation=activation, scale=scale), q

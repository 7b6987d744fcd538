"""Tighter bounds for the variational autoencoder from several samples an observation.

    L_K = E log 1/K Σ_k w_k,    w_k = p(x, z_k) / q(z_k),    L_1 = ELBO <= L_2 <= ... <= log p(x)

The log weights are `vae_values` with `reparam`: importance sampling needs nothing that the ELBO
does not have. As K grows the bound depends less on q, and the encoder's gradient drowns in its own
noise (Rainforth et al. 2018); the doubly reparameterised gradient repairs that.

Sources: Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders (2016); Tucker, Lawson,
Gu and Maddison, Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives (2019).
"""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, plain, require_shape
from vi_lib.amortised.mlp import Activation, Params
from vi_lib.amortised.vae import LogLik, Scale, bernoulli_log_likelihood, latent_dim, vae_values
from vi_lib.estimators import (
    LogDensity,
    importance_weighted_bound,
    reparam,
    stl,
    stop_gradient,
    with_gradient_of,
)
from vi_lib.families import Family


def vae_iwae(
    params: Params,
    x: Array,
    eps: Array,
    *,
    activation: Activation = np.tanh,
    scale: Scale = "exp",
    log_lik: LogLik = bernoulli_log_likelihood,
) -> Array:
    """Return the importance-weighted bound of each observation, (B,), nats.

    With K = 1 it is `vae_values`. The gradient is the total derivative, for encoder and decoder.

    Args:
        params: from `init_vae`.
        x: observations (B, X).
        eps: noise (K, B, D) of K samples an observation.
        activation: of the hidden layers.
        scale: see `encode`.
        log_lik: (x, decoder's output) -> (...).

    Raises:
        ShapeError: if a shape is wrong.
    """
    require_shape("eps", eps, ("K", onp.shape(x)[0], latent_dim(params)))
    log_w = vae_values(params, x, eps, reparam, activation=activation, scale=scale, log_lik=log_lik)
    return importance_weighted_bound(log_w)


def vae_dreg(
    params: Params,
    x: Array,
    eps: Array,
    *,
    activation: Activation = np.tanh,
    scale: Scale = "exp",
    log_lik: LogLik = bernoulli_log_likelihood,
) -> Array:
    """Return `vae_iwae`'s values, (B,), with the doubly reparameterised gradient for the encoder.

    With normalised weights v_k the decoder's gradient is Σ_k v_k d log w_k, as before, and the
    encoder's Σ_k v_k² (d log w_k / d z_k) (d z_k / d lam): unbiased for the same bound, and exactly
    zero where q is the posterior.

    Args and errors as in `vae_iwae`.

    Raises:
        ShapeError: if a shape is wrong.
    """
    require_shape("eps", eps, ("K", onp.shape(x)[0], latent_dim(params)))
    return vae_values(
        params,
        x,
        eps,
        _doubly_reparameterized,
        activation=activation,
        scale=scale,
        log_lik=log_lik,
    )


def vae_log_evidence(
    params: Params,
    x: Array,
    rng: onp.random.Generator,
    num_samples: int = 1000,
    *,
    activation: Activation = np.tanh,
    scale: Scale = "exp",
    log_lik: LogLik = bernoulli_log_likelihood,
) -> Array:
    """Return an estimate of log p(x) for each observation, (B,), from below on average, nats.

    The importance-weighted bound with many samples; how held-out data are usually scored.

    Args:
        params: from `init_vae`.
        x: observations (B, X).
        rng: source of the samples.
        num_samples: samples K an observation.
        activation: of the hidden layers.
        scale: see `encode`.
        log_lik: (x, decoder's output) -> (...).

    Raises:
        ShapeError: if a shape is wrong.
    """
    eps = rng.standard_normal((num_samples, len(x), latent_dim(params)))
    return plain(vae_iwae(params, x, eps, activation=activation, scale=scale, log_lik=log_lik))


def _doubly_reparameterized(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
    """An estimator for `vae_values`: the bound (B,) from noise (K, B, D).

    `estimators.dreg` fixes p; here the decoder learns, too, so its path keeps the weight v and only
    the path through z gets the second one.
    """
    log_w = plain(stl(stop_gradient(lam), log_p, q, eps))
    bound = importance_weighted_bound(log_w)
    v = onp.exp(log_w - bound) / len(log_w)
    z = q.transport(lam, eps)
    fixed = stop_gradient(z)
    z = fixed + v[..., None] * (z - fixed)  # the same point, with the derivative scaled by v
    log_w = log_p(z) - q.log_prob(stop_gradient(lam), z)
    return with_gradient_of(bound, np.sum(v * log_w, axis=0))

"""How good an encoder is: the amortization gap.

An encoder is not the best q of its family for every image. `refine` gives each image a lam of its
own, started at the encoder's; what the ELBO gains is the amortization gap, and what then separates
it from the evidence is the family's (Cremer, Li and Duvenaud 2018). `linear_vae` has both exactly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import autograd.numpy as np
import numpy as onp
from autograd import make_vjp

from vi_lib import densities
from vi_lib._check import Array, plain
from vi_lib.amortised.mlp import Activation, Params
from vi_lib.amortised.vae import (
    LogLik,
    Scale,
    bernoulli_log_likelihood,
    encode,
    kl_diag_gaussian_standard,
    latent_dim,
    mlp_decoder,
)
from vi_lib.estimators import reparam_entropy
from vi_lib.families import MeanField
from vi_lib.optimizers import Step, adam


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

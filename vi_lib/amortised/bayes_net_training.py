"""Training a Bayesian network by minibatches: the recipe around `bayes_net_elbo`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, require_shape
from vi_lib.amortised.bayes_net import bayes_net_elbo, init_bayes_net
from vi_lib.amortised.mlp import Activation, Params, mlp_shapes
from vi_lib.amortised.training import Training, train
from vi_lib.amortised.vae import kl_annealing
from vi_lib.optimizers import Step, adam


def fit_bayes_net(
    X: Array,
    y: Array,
    hidden: Sequence[int] = (20,),
    *,
    noise: str | float = "learned",
    prior_sd: float = 1.0,
    warmup_steps: int = 1000,
    activation: Activation = np.tanh,
    batch_size: int = 50,
    num_draws: int = 4,
    num_steps: int = 3000,
    optimizer: Step | None = None,
    rng: onp.random.Generator | None = None,
    **options: Any,
) -> tuple[Training, tuple[int, ...]]:
    """Fit a Bayesian network by minibatches.

    Args:
        X: inputs (N, K), best of unit scale.
        y: targets (N,), best of unit scale.
        hidden: widths of the hidden layers.
        noise: "learned", one sd for all points; a number, the known sd; "heteroscedastic", the
            network's second output is log sd(x).
        prior_sd: standard deviation of each weight before the data. It sets how much the function
            may bend; with 1 a wave with several turns in the data's range is smoothed away.
        warmup_steps: steps over which the weight of the KL rises from 0. Without a warm-up the KL
            often wins first: the weights go back to the prior before they have learnt the function,
            and the noise explains the data for good.
        activation: of the hidden layers.
        batch_size: observations of a step.
        num_draws: draws of the weights in a step.
        num_steps: steps.
        optimizer: step rule, by default Adam with `default_rate`.
        rng: source of weights, order and noise; by default a fresh one.
        **options: passed to `train`: progress, callbacks, resume.

    Returns:
        The training, whose history holds the objective per observation, from the warm-up on the
        ELBO estimated from a batch; and the sizes of the network, which prediction needs.

    Raises:
        ShapeError: if the shapes do not fit.
        ValueError: if noise is none of the three.
    """
    require_shape("X", X, ("N", "K"))
    require_shape("y", y, (len(X),))
    known = not isinstance(noise, str)
    if not known and noise not in ("learned", "heteroscedastic"):
        raise ValueError(f"noise must be 'learned', 'heteroscedastic' or an sd, got {noise!r}")
    sizes = (X.shape[1], *hidden, 2 if noise == "heteroscedastic" else 1)
    batch = min(batch_size, len(X))
    num_batches = len(X) / batch
    resume = options.get("resume")
    rng = onp.random.default_rng() if rng is None and resume is None else rng
    params = None
    if resume is None and rng is not None:
        params = init_bayes_net(sizes, rng, noise_sd=float(noise) if known else 1.0)

    def elbo(params: Params, rows: Array, eps: Array, step: int) -> Array:
        if known:
            params = {**{k: params[k] for k in ("mu", "rho")}, "log_noise_sd": onp.log(noise)}
        share = bayes_net_elbo(
            params,
            X[rows],
            y[rows],
            eps,
            sizes,
            num_batches=num_batches,
            beta=kl_annealing(step, warmup_steps),
            prior_sd=prior_sd,
            activation=activation,
        )
        return share / batch

    training = train(
        elbo,
        params,
        len(X),
        noise=lambda rng, _: rng.standard_normal((num_draws, _num_weights(sizes))),
        batch_size=batch,
        num_steps=num_steps,
        optimizer=adam(default_rate) if optimizer is None else optimizer,
        rng=rng,
        **options,
    )
    return training, sizes


def default_rate(t: int) -> float:
    """Return the step size .02 / sqrt(1 + t / 300): the noise of the weights' draws must fade."""
    return 0.02 / (1.0 + t / 300.0) ** 0.5


def _num_weights(sizes: Sequence[int]) -> int:
    return sum(math.prod(shape) for shape in mlp_shapes(sizes).values())

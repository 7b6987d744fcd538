"""Bayes by backprop: a network whose weights are latent variables.

    w_j ~ N(0, 1),    y_n | w ~ N(f(x_n; w), noise_sd²),    q(w_j) = N(mu_j, softplus(rho_j)²)

One draw of all weights serves the whole batch; its noise eps is an argument. The KL counts once a
pass over the data, so a batch's objective holds KL / num_batches of it, and the batches' objectives
of one eps sum to that of the full data.

Source: Blundell et al., Weight Uncertainty in Neural Networks (2015), sections 3.2 to 3.4, with the
KL to the Gaussian prior in closed form instead of sampled.
"""

from __future__ import annotations

from collections.abc import Sequence

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, ShapeError, require_positive, require_shape
from vi_lib.amortised.mlp import Activation, Params, init_mlp, mlp, pack
from vi_lib.transforms import inverse_softplus, softplus


def weight_kl(params: Params, prior_sd: float = 1.0) -> Array:
    """Return KL(q(w) || N(0, prior_sd² I)), nats, with sd = softplus(rho).

    Σ_j ½ (mu² + sd²) / prior_sd² - ½ - log(sd / prior_sd).
    """
    mu, sd = params["mu"] / prior_sd, softplus(params["rho"]) / prior_sd
    return np.sum(0.5 * (mu**2 + sd**2 - 1.0) - np.log(sd))


def sample_weights(params: Params, eps: Array) -> Array:
    """Return w = mu + softplus(rho) eps, (..., P), for noise eps (..., P).

    Raises:
        ShapeError: unless the last axis of eps has P entries.
    """
    require_shape("eps", eps, (..., np.shape(params["mu"])[0]))
    return params["mu"] + softplus(params["rho"]) * eps


def hidden_units(num_weights: int, num_inputs: int, num_outputs: int = 1) -> int:
    """Return the H of a one-hidden-layer net with so many weights: P = H (K + 1) + (H + 1) O.

    Raises:
        ShapeError: if no whole H fits.
    """
    H, rest = divmod(num_weights - num_outputs, num_inputs + num_outputs + 1)
    if rest or H < 1:
        raise ShapeError(
            f"{num_weights} weights are no one-hidden-layer net with {num_inputs} inputs and"
            f" {num_outputs} outputs"
        )
    return H


def bayes_by_backprop_loss(
    params: Params, X: Array, y: Array, eps: Array, num_batches: float
) -> Array:
    """Return -Σ_n log N(y_n; f(x_n; w), noise_sd²) + KL(q || N(0, I)) / num_batches, nats.

    The negative ELBO's share of a batch, with w = mu + softplus(rho) eps: the loss of the source,
    where everything else in this library is maximised. Both terms are sums, so that the losses of
    the batches with a common eps add up to that of the full data with num_batches = 1.

    f has one hidden layer of tanh units; its flat weights are W1 (K, H) row by row, b1 (H,),
    W2 (H, 1), b2 (1,), and H follows from their number.

    Args:
        params: mu (P,), rho (P,), log_noise_sd, a number.
        X: inputs (B, K).
        y: targets (B,).
        eps: noise (P,), one entry a weight, or (M, P) for the mean over M draws.
        num_batches: batches in the data, N / B.

    Returns:
        a number.

    Raises:
        ShapeError: if a shape is wrong.
        SupportError: unless num_batches is positive.
    """
    require_shape("X", X, ("B", "K"))
    sizes = (onp.shape(X)[1], hidden_units(len(params["mu"]), onp.shape(X)[1]), 1)
    return -bayes_net_elbo(params, X, y, eps, sizes, num_batches=num_batches)


def bayes_net_elbo(
    params: Params,
    X: Array,
    y: Array,
    eps: Array,
    sizes: Sequence[int],
    *,
    num_batches: float = 1.0,
    beta: float = 1.0,
    prior_sd: float = 1.0,
    activation: Activation = np.tanh,
) -> Array:
    """Return a batch's share of the ELBO, Σ_n log N(y_n; f(x_n; w), noise) - KL / num_batches.

    Args:
        params: mu (P,), rho (P,) and log_noise_sd, a number. With two outputs in `sizes` the second
            is log noise sd(x) and log_noise_sd is not read.
        X: inputs (B, K).
        y: targets (B,).
        eps: noise (P,), or (M, P) for the mean over M draws.
        sizes: widths of the layers, (K, ..., 1 or 2).
        num_batches: batches in the data, N / B.
        beta: weight of the KL; 1 is the ELBO, less is annealing.
        prior_sd: standard deviation of each weight before the data.
        activation: of the hidden layers.

    Returns:
        a number, nats.

    Raises:
        ShapeError: if a shape is wrong.
        SupportError: unless num_batches and prior_sd are positive.
    """
    require_positive("num_batches", num_batches)
    require_positive("prior_sd", prior_sd)
    require_shape("y", y, (onp.shape(X)[0],))
    f, noise_sd = bayes_net_outputs(params, X, eps, sizes, activation)
    log_lik = np.sum(densities.normal(y, f, noise_sd), axis=-1)
    return np.mean(log_lik) - beta * weight_kl(params, prior_sd) / num_batches


def bayes_net_outputs(
    params: Params,
    X: Array,
    eps: Array,
    sizes: Sequence[int],
    activation: Activation = np.tanh,
) -> tuple[Array, Array]:
    """Return f(x; w) and the noise's sd for weights drawn with eps.

    Args:
        params: as in `bayes_net_elbo`.
        X: inputs (N, K).
        eps: noise (P,) or (S, P).
        sizes: widths of the layers.
        activation: of the hidden layers.

    Returns:
        f (N,) or (S, N); noise sd of the same shape if it depends on x, else a number. Their means
        and squares are what `predictive_moments` takes.

    Raises:
        ShapeError: if a shape is wrong.
    """
    output = mlp(sample_weights(params, eps), X, activation, sizes=sizes)
    log_noise_sd = output[..., 1] if sizes[-1] == 2 else params["log_noise_sd"]
    return output[..., 0], np.exp(log_noise_sd)


def init_bayes_net(
    sizes: Sequence[int],
    rng: onp.random.Generator,
    *,
    sd: float = 0.05,
    noise_sd: float = 1.0,
) -> Params:
    """Draw means as `init_mlp` does, and set all sds of the weights to `sd`, small at first.

    Returns:
        mu (P,), rho (P,) and log_noise_sd, a number.

    Raises:
        SupportError: unless sd and noise_sd are positive.
    """
    require_positive("sd", sd)
    require_positive("noise_sd", noise_sd)
    mu = pack(init_mlp(sizes, rng))
    return {
        "mu": mu,
        "rho": onp.full(mu.shape, inverse_softplus(onp.array(sd))),
        "log_noise_sd": onp.array(onp.log(noise_sd)),
    }

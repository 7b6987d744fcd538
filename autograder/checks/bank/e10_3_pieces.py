"""Answers to E10.3, a Bayesian network's loss, put together from exchangeable pieces."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np

from autograder.checks.protocol import Implementation

Array = Any
LOG_2PI = math.log(2.0 * math.pi)


def softplus(rho: Array) -> Array:
    return np.logaddexp(0.0, rho)


def draw(mu: Array, sd: Array, eps: Array) -> Array:
    return mu + sd * eps


def cut(w: Array, inputs: int) -> tuple[Array, Array, Array, Array]:
    """W1 (K, H), b1 (H,), W2 (H, 1), b2 (1,) from the flat weights, in this order."""
    H = (len(w) - 1) // (inputs + 2)
    a, b = inputs * H, (inputs + 1) * H
    return np.reshape(w[:a], (inputs, H)), w[a:b], np.reshape(w[b : b + H], (H, 1)), w[b + H :]


def net(w: Array, X: Array) -> Array:
    W1, b1, W2, b2 = cut(w, X.shape[1])
    return (np.dot(np.tanh(np.dot(X, W1) + b1), W2) + b2)[:, 0]


def log_lik(y: Array, f: Array, log_noise_sd: Any) -> Array:
    """One value a row."""
    z = (y - f) * np.exp(-1.0 * log_noise_sd)
    return -0.5 * z**2 - log_noise_sd - 0.5 * LOG_2PI


@dataclass(frozen=True)
class At:
    """What a KL divergence may be made of."""

    mu: Array
    sd: Array
    rho: Array
    eps: Array
    w: Array


def kl(at: At) -> Array:
    return np.sum(0.5 * (at.mu**2 + at.sd**2 - 1.0) - np.log(at.sd))


def kl_of_the_draw(at: At) -> Array:
    """Log q(w) - log p(w), the constants cancel."""
    return np.sum(0.5 * at.w**2 - 0.5 * at.eps**2 - np.log(at.sd))


def combine(rows: Array, penalty: Array, num_batches: float) -> Array:
    return -np.sum(rows) + penalty / num_batches


def loss(
    sds: Callable[[Array], Array] = softplus,
    draws: Callable[[Array, Array, Array], Array] = draw,
    nets: Callable[[Array, Array], Array] = net,
    rows: Callable[[Array, Array, Any], Array] = log_lik,
    penalty: Callable[[At], Any] = kl,
    total: Callable[[Array, Any, float], Any] = combine,
    finish: Callable[[Any], Any] = lambda value: value,
) -> Implementation:
    """An answer with these pieces changed; without arguments the right one."""

    def answer(params: dict[str, Any], X: Array, y: Array, eps: Array, num_batches: float) -> Any:
        mu, rho = params["mu"], params["rho"]
        sd = sds(rho)
        w = draws(mu, sd, eps)
        values = rows(y, nets(w, X), params["log_noise_sd"])
        return finish(total(values, penalty(At(mu, sd, rho, eps, w)), num_batches))

    return {"bayes_by_backprop_loss": answer}

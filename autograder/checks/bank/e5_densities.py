"""The Gaussian log density and score that the typical answers of lesson 5 share."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np

Array = Any

LOG_2PI = float(np.log(2.0 * np.pi))


def log_normal(theta: Array, mu: Array, sd: Array) -> Array:
    """Elementwise log N(theta; mu, sd²)."""
    return -0.5 * LOG_2PI - np.log(sd) - 0.5 * ((theta - mu) / sd) ** 2


def log_q(theta: Array, mu: Array, sd: Array) -> Array:
    """Log density of the factorised Gaussian: (S, D) -> (S,)."""
    return np.sum(log_normal(theta, mu, sd), axis=-1)


def score(theta: Array, mu: Array, sd: Array) -> tuple[Array, Array]:
    """Derivatives of log q in mu and in sd, (S, D) each."""
    z = (theta - mu) / sd
    return z / sd, (z**2 - 1.0) / sd


def weights(log_joint: Any, theta: Array, mu: Array, sd: Array) -> Array:
    """Log p(x, theta) - log q(theta), one per draw (S,)."""
    return log_joint(theta) - log_q(theta, mu, sd)

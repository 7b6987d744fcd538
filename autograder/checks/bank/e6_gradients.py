"""What the typical answers to E6.3 and E6.4 share: a gradient put together from its pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation

Array = Any
Piece = Callable[["At"], Any]
"""From the quantities at the draws to an array (S, D) or (D,)."""


@dataclass(frozen=True)
class At:
    """The draws of one call: r is the slope of log p at theta = mu + sd eps, (S, D)."""

    r: Array
    mu: Array
    sd: Array
    eps: Array

    @property
    def inside(self) -> Array:
        """Slope of log p - log q in theta, (S, D)."""
        return self.r + self.eps / self.sd


def mean(rows: Array) -> Array:
    return np.mean(rows, axis=0)


def place(mu: Array, sd: Array, eps: Array) -> Array:
    return mu + sd * eps


@dataclass(frozen=True)
class Gradient:
    """Makes answers to one exercise: `of()` is the right one, its arguments change pieces.

    `in_mu` and `in_sd` give one value per draw, (S, D); `average` reduces them; `extra` is added to
    the average of the second; `draws` maps (mu, sd, eps) to theta.
    """

    function: str
    in_mu: Piece
    in_sd: Piece
    extra: Piece

    def of(
        self,
        in_mu: Piece | None = None,
        in_sd: Piece | None = None,
        extra: Piece | None = None,
        average: Callable[[Array], Array] = mean,
        draws: Callable[..., Array] = place,
        noise: Callable[[Array], Array] = lambda eps: eps,
        finish: Callable[[Array, Array, At], Any] = lambda g_mu, g_sd, at: (g_mu, g_sd),
    ) -> Implementation:
        """An answer with these pieces changed; `finish` has the last word on both results."""

        def answer(grad_log_joint: Any, mu: Array, sd: Array, eps: Array) -> Any:
            slope = np.asarray(grad_log_joint(draws(mu, sd, eps)), dtype=float)
            at = At(slope + np.zeros(eps.shape), mu, sd, noise(eps))
            g_mu = average((in_mu or self.in_mu)(at))
            g_sd = average((in_sd or self.in_sd)(at)) + (extra or self.extra)(at)
            return finish(g_mu, g_sd, at)

        return {self.function: answer}


TOTAL = Gradient(
    "reparameterization_gradient", lambda at: at.r, lambda at: at.r * at.eps, lambda at: 1 / at.sd
)
PATH = Gradient(
    "path_derivative_gradient", lambda at: at.inside, lambda at: at.inside * at.eps, lambda at: 0.0
)


def other_noise(eps: Array) -> Array:
    return np.random.default_rng(0).standard_normal(eps.shape)


def in_whole_numbers(g_mu: Array, g_sd: Array, at: At) -> Any:
    a, b = np.zeros_like(at.mu), np.zeros_like(at.sd)
    a[:], b[:] = g_mu, g_sd
    return a, b

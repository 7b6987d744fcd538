"""Distributions whose draws are vectors, and the point mass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, ShapeError, plain
from vi_lib._special import gammaln
from vi_lib.ppl._continuous import Shape, batch, log_gamma_draws
from vi_lib.ppl._distribution import Distribution, check_parameters


@dataclass(frozen=True, eq=False)
class MultivariateNormal(Distribution):
    """N(mean, L L') over the last axis; give the covariance `cov` or its Cholesky factor `L`.

    Attributes:
        mean: (..., D).
        cov: Symmetric positive definite (D, D), or None.
        L: Lower triangular with a positive diagonal (D, D), or None.

    Raises:
        ValueError: Unless exactly one of `cov` and `L` is given.
        ShapeError: If the shapes do not fit.
        numpy.linalg.LinAlgError: If `cov` is not positive definite.
    """

    mean: Any
    cov: Any = None
    L: Any = None
    support = "real"
    pathwise = True
    event_dim = 1

    def __post_init__(self) -> None:
        check_parameters(self)
        if (self.cov is None) == (self.L is None):
            raise ValueError("MultivariateNormal takes cov or L, exactly one of the two")
        mean, scale = (onp.shape(plain(a)) for a in (self.mean, self._scale))
        if not mean or scale != (mean[-1], mean[-1]):
            raise ShapeError(
                f"MultivariateNormal needs mean (..., D) and cov or L (D, D), got {mean}, {scale}"
            )

    @property
    def _scale(self) -> Any:
        return self.cov if self.L is None else self.L

    @property
    def factor(self) -> Array:
        """L (D, D)."""
        return np.linalg.cholesky(self.cov) if self.L is None else self.L

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The mean's shape without its last axis."""
        return onp.shape(plain(self.mean))[:-1]

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw mean + L eps."""
        eps = rng.standard_normal((*batch(self, shape), onp.shape(plain(self.mean))[-1]))
        return self.mean + np.dot(eps, self.factor.T)

    def log_prob(self, v: Array) -> Array:
        """Return -D/2 log 2π - Σ log L_ii - ½ |L⁻¹ (v - mean)|², nats."""
        L, residual = self.factor, v - self.mean
        dim = onp.shape(plain(L))[-1]
        u = np.linalg.solve(L, np.reshape(residual, (-1, dim)).T)
        quadratic = np.reshape(np.sum(u**2, axis=0), np.shape(residual)[:-1])
        log_det = np.sum(np.log(np.diagonal(L, 0, -1, -2)))  # the axes autograd can differentiate
        return -0.5 * dim * densities.LOG_2PI - log_det - 0.5 * quadratic


@dataclass(frozen=True, eq=False)
class Dirichlet(Distribution):
    """Density proportional to Π v_k^(alpha_k - 1) on the simplex; the last axis of alpha is K.

    Raises:
        ShapeError: Unless alpha has at least 2 entries on its last axis.
        SupportError: If one is negative.
    """

    alpha: Any
    support = "simplex"
    pathwise = True
    event_dim = 1

    def __post_init__(self) -> None:
        check_parameters(self, "alpha")
        if onp.shape(plain(self.alpha))[-1:] in ((), (1,)):
            raise ShapeError(
                f"Dirichlet needs alpha (..., K), K >= 2, got {onp.shape(plain(self.alpha))}"
            )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of alpha without its last axis."""
        return onp.shape(plain(self.alpha))[:-1]

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw g / Σ g with g_k ~ Gamma(alpha_k, 1)."""
        size = (*batch(self, shape), onp.shape(plain(self.alpha))[-1])
        log_g = log_gamma_draws(self.alpha, rng, size)
        g = np.exp(log_g - onp.max(plain(log_g), axis=-1, keepdims=True))
        return g / np.sum(g, axis=-1, keepdims=True)

    def log_prob(self, v: Array) -> Array:
        """Return log Γ(Σ alpha) - Σ log Γ(alpha_k) + Σ (alpha_k - 1) log v_k, nats."""
        alpha = self.alpha
        constant = gammaln(np.sum(alpha, axis=-1)) - np.sum(gammaln(alpha), axis=-1)
        inside = onp.all(plain(v) > 0.0, axis=-1)
        safe = np.where(inside[..., None], v, 1.0)
        kernel = np.sum((alpha - 1.0) * np.log(safe), axis=-1)
        return np.where(inside, constant + kernel, -onp.inf)


@dataclass(frozen=True, eq=False)
class Delta(Distribution):
    """All mass at `value`: log probability 0 there, -inf elsewhere.

    Attributes:
        value: The point.
        event_dim: How many of its last axes are one event.
    """

    value: Any
    event_dim: int = 0
    support = "any"
    pathwise = True

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The point's shape without the event's axes."""
        shape = onp.shape(plain(self.value))
        return shape[: len(shape) - self.event_dim]

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Return the point; the generator is not used."""
        own = onp.shape(plain(self.value))
        event = own[len(own) - self.event_dim :]
        return self.value + onp.zeros((*batch(self, shape), *event))

    def log_prob(self, v: Array) -> Array:
        """Return 0 at the point and -inf elsewhere."""
        same = plain(v) == plain(self.value)
        if self.event_dim:
            same = onp.all(same, axis=tuple(range(-self.event_dim, 0)))
        return onp.where(same, 0.0, -onp.inf)

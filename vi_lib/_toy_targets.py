"""Shapes that defeat a Gaussian: a funnel, a banana, two modes. Normalised, with exact moments.

Re-exported by `vi_lib.oracles`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, require_finite, require_positive, require_shape


@dataclass(frozen=True)
class Funnel:
    """Neal's funnel: v ~ N(0, sd=scale), x_i ~ N(0, sd=exp(v / 2)), theta = (v, x_1 .. x_{D-1}).

    No Gaussian has both its mouth and its neck. E x_i² = E exp(v) = exp(scale² / 2).

    Source: Neal, Slice sampling (Annals of Statistics 2003), section 8, with scale 3 and D = 10.

    Raises:
        ValueError: unless dim >= 2.
        SupportError: unless scale is positive.
    """

    dim: int = 2
    scale: float = 3.0

    def __post_init__(self) -> None:
        if self.dim < 2:
            raise ValueError(f"a funnel needs dim >= 2, got {self.dim}")
        require_positive("scale", self.scale)

    @property
    def log_evidence(self) -> float:
        """0, nats."""
        return 0.0

    @property
    def mean(self) -> Array:
        """Zeros (D,)."""
        return onp.zeros(self.dim)

    @property
    def cov(self) -> Array:
        """Diagonal (D, D): scale² and exp(scale² / 2)."""
        return onp.diag(self.sd**2)

    @property
    def sd(self) -> Array:
        """Marginal standard deviations (D,)."""
        neck = math.exp(0.25 * self.scale**2)
        return onp.array([self.scale] + [neck] * (self.dim - 1))

    def log_joint(self, theta: Array) -> Array:
        """Return log N(v; 0, scale) + Σ log N(x_i; 0, exp(v / 2)), (..., D) -> (...), nats."""
        require_shape("theta", theta, (..., self.dim))
        v, x = theta[..., :1], theta[..., 1:]
        # exp(-v / 2) x instead of x / exp(v / 2): in the deep neck the division overflows.
        half = 0.5 * v
        inside = -0.5 * densities.LOG_2PI - half - 0.5 * (x * np.exp(-half)) ** 2
        return densities.normal(v[..., 0], 0.0, self.scale) + np.sum(inside, axis=-1)

    def sample(self, rng: onp.random.Generator, num_draws: int) -> Array:
        """Draw (num_draws, D) exactly."""
        v = self.scale * rng.standard_normal((num_draws, 1))
        x = onp.exp(0.5 * v) * rng.standard_normal((num_draws, self.dim - 1))
        return onp.concatenate([v, x], axis=1)


@dataclass(frozen=True)
class Banana:
    """x ~ N(0, sd=scale), y | x ~ N(curvature (x² - scale²), sd=1), theta = (x, y).

    A Gaussian bent along a parabola (Haario, Saksman and Tamminen 1999). Mean 0, no correlation,
    var y = 1 + 2 curvature² scale⁴.

    Raises:
        SupportError: unless scale is positive.
        NonFiniteError: unless curvature is finite.
    """

    curvature: float = 0.5
    scale: float = 2.0

    def __post_init__(self) -> None:
        require_positive("scale", self.scale)
        require_finite("curvature", self.curvature)

    @property
    def dim(self) -> int:
        """2."""
        return 2

    @property
    def log_evidence(self) -> float:
        """0, nats."""
        return 0.0

    @property
    def mean(self) -> Array:
        """Zeros (2,)."""
        return onp.zeros(2)

    @property
    def sd(self) -> Array:
        """Marginal standard deviations (2,)."""
        return onp.array([self.scale, math.sqrt(1.0 + 2.0 * self.curvature**2 * self.scale**4)])

    @property
    def cov(self) -> Array:
        """Diagonal (2, 2), though x and y are far from independent."""
        return onp.diag(self.sd**2)

    def log_joint(self, theta: Array) -> Array:
        """Return log p(x) + log p(y | x), (..., 2) -> (...), nats."""
        require_shape("theta", theta, (..., 2))
        x, y = theta[..., 0], theta[..., 1]
        ridge = self.curvature * (x**2 - self.scale**2)
        return densities.normal(x, 0.0, self.scale) + densities.normal(y, ridge, 1.0)

    def sample(self, rng: onp.random.Generator, num_draws: int) -> Array:
        """Draw (num_draws, 2) exactly."""
        x, noise = self.scale * rng.standard_normal(num_draws), rng.standard_normal(num_draws)
        return onp.column_stack([x, self.curvature * (x**2 - self.scale**2) + noise])


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Σ_k weight_k N(theta; mean_k, sd_k²) with independent coordinates within each component.

    Args:
        weights: (K,), positive; they are divided by their sum.
        means: (K, D).
        sds: (K, D).

    Raises:
        ShapeError, SupportError, NonFiniteError: naming the argument.
    """

    weights: Array
    means: Array
    sds: Array

    def __post_init__(self) -> None:
        require_shape("means", self.means, ("K", "D"))
        require_shape("weights", self.weights, (len(self.means),))
        require_shape("sds", self.sds, onp.shape(self.means))
        require_finite("means", self.means)
        require_positive("weights", self.weights)
        require_positive("sds", self.sds)

    @property
    def dim(self) -> int:
        """D."""
        return onp.shape(self.means)[1]

    @property
    def log_evidence(self) -> float:
        """0, nats."""
        return 0.0

    @property
    def proportions(self) -> Array:
        """The weights divided by their sum (K,)."""
        weights = onp.asarray(self.weights, dtype=float)
        return weights / weights.sum()

    @property
    def mean(self) -> Array:
        """Mean (D,), which may lie where the density is nearly 0."""
        return self.proportions @ onp.asarray(self.means)

    @property
    def cov(self) -> Array:
        """Covariance (D, D): within components plus between them."""
        centred = onp.asarray(self.means) - self.mean
        within = onp.diag(self.proportions @ onp.asarray(self.sds) ** 2)
        return within + (centred * self.proportions[:, None]).T @ centred

    @property
    def sd(self) -> Array:
        """Marginal standard deviations (D,)."""
        return onp.sqrt(onp.diagonal(self.cov))

    def log_joint(self, theta: Array) -> Array:
        """Return the log density, (..., D) -> (...), nats."""
        require_shape("theta", theta, (..., self.dim))
        each = densities.normal(theta[..., None, :], self.means, self.sds)
        log_terms = np.sum(each, axis=-1) + onp.log(self.proportions)
        top = np.max(log_terms, axis=-1, keepdims=True)
        return top[..., 0] + np.log(np.sum(np.exp(log_terms - top), axis=-1))

    def sample(self, rng: onp.random.Generator, num_draws: int) -> Array:
        """Draw (num_draws, D) exactly."""
        k = rng.choice(len(self.proportions), size=num_draws, p=self.proportions)
        noise = rng.standard_normal((num_draws, self.dim))
        return onp.asarray(self.means)[k] + onp.asarray(self.sds)[k] * noise


def two_modes(separation: float = 4.0, sd: float = 1.0, weight: float = 0.5) -> GaussianMixture:
    """Return weight N(-separation / 2, sd²) + (1 - weight) N(separation / 2, sd²) in one dimension.

    Raises:
        SupportError: unless 0 < weight < 1 and sd > 0.
    """
    half = 0.5 * separation
    return GaussianMixture(
        onp.array([weight, 1.0 - weight]),
        onp.array([[-half], [half]]),
        onp.array([[sd], [sd]]),
    )

"""A posterior by brute force: the log joint on a grid of Gauss-Legendre points.

For two or three parameters this is the reference that needs no argument about mixing. The grid is
laid around the mode, along the axes of the posterior's curvature, so a correlated posterior costs
no more points than an uncorrelated one. Re-exported by `vi_lib.oracles`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from autograd import elementwise_grad

from vi_lib._check import Array, NonFiniteError, ShapeError, require_finite, require_shape

#: Points in each direction, for one, two and three parameters.
NODES = {1: 400, 2: 200, 3: 80}


@dataclass(frozen=True, eq=False)
class Quadrature:
    """The posterior of a log joint in up to three real coordinates.

    The grid covers `reach` standard deviations of the Laplace approximation in each of its
    principal directions. `relative_error` compares the evidence with that of a grid of 3/4 as many
    points and tells whether the digits can be trusted; mass outside the grid it cannot see.

    Args:
        log_density: (..., D) -> (...), nats, with every constant; differentiable by autograd.
        start: (D,), from where the mode is sought.
        reach: half the grid's width in Laplace standard deviations.

    Raises:
        ShapeError: unless start is (D,) with D at most 3.
        NonFiniteError: if no maximum with a finite, negative definite curvature is found.
    """

    log_density: Callable[[Array], Array]
    start: Array
    reach: float = 9.0

    def __post_init__(self) -> None:
        require_shape("start", self.start, ("D",))
        require_finite("start", self.start)
        if len(self.start) not in NODES:
            raise ShapeError(f"quadrature is for 1 to 3 coordinates, got {len(self.start)}")

    @property
    def dim(self) -> int:
        """D."""
        return len(self.start)

    def log_joint(self, theta: Array) -> Array:
        """Return the log joint, (..., D) -> (...), nats."""
        require_shape("theta", theta, (..., self.dim))
        return self.log_density(theta)

    @cached_property
    def laplace(self) -> tuple[Array, Array]:
        """The mode (D,) and a root A (D, D) of the inverse curvature there, A A' = (-H)^-1."""
        from scipy import optimize

        gradient = elementwise_grad(lambda rows: self.log_joint(rows))
        found = optimize.minimize(
            lambda t: -float(self.log_joint(t[None])[0]),
            np.asarray(self.start, dtype=float),
            jac=lambda t: -gradient(t[None])[0],
            method="BFGS",
            options={"gtol": 1e-8},
        )
        # Central differences of the gradient: the axes of the grid need no more digits.
        step = 1e-5 * np.maximum(1.0, np.abs(found.x))
        shifted = np.concatenate([found.x + np.diag(step), found.x - np.diag(step)])
        slopes = gradient(shifted)
        hessian = (slopes[: self.dim] - slopes[self.dim :]) / (2.0 * step[:, None])
        curvature = -0.5 * (hessian + hessian.T)
        if not np.all(np.isfinite(curvature)) or np.min(np.linalg.eigvalsh(curvature)) <= 0.0:
            raise NonFiniteError(
                f"the log joint has no maximum with negative curvature near {found.x}, got the"
                f" curvature {curvature.tolist()}: start elsewhere"
            )
        values, vectors = np.linalg.eigh(curvature)
        return found.x, vectors / np.sqrt(values)

    def grid(self, num_nodes: int) -> tuple[Array, Array]:
        """Return points (num_nodes^D, D) and the logarithms of their quadrature weights."""
        nodes, weights = np.polynomial.legendre.leggauss(num_nodes)
        mode, root = self.laplace
        axes = np.meshgrid(*[self.reach * nodes] * self.dim, indexing="ij")
        log_weights = np.meshgrid(*[np.log(self.reach * weights)] * self.dim, indexing="ij")
        standard = np.stack([axis.ravel() for axis in axes], axis=1)
        log_volume = np.linalg.slogdet(root)[1]
        return mode + standard @ root.T, log_volume + sum(w.ravel() for w in log_weights)

    def _log_masses(self, num_nodes: int) -> tuple[Array, Array, float]:
        points, log_weights = self.grid(num_nodes)
        with np.errstate(all="ignore"):  # far outside a log joint may underflow to -inf
            log_mass = np.asarray(self.log_joint(points), dtype=float) + log_weights
        if np.any(np.isnan(log_mass)):
            bad = points[np.argmax(np.isnan(log_mass))]
            raise NonFiniteError(f"the log joint is NaN at {bad}: reduce reach = {self.reach}")
        top = float(np.max(log_mass))
        total = top + math.log(float(np.sum(np.exp(log_mass - top))))
        return points, np.exp(log_mass - total), total

    @cached_property
    def _posterior(self) -> tuple[Array, Array, float]:
        return self._log_masses(NODES[self.dim])

    @property
    def log_evidence(self) -> float:
        """Log of the integral of exp(log joint), nats."""
        return self._posterior[2]

    @cached_property
    def relative_error(self) -> float:
        """|1 - evidence of a coarser grid / evidence|."""
        coarse = self._log_masses(3 * NODES[self.dim] // 4)[2]
        return abs(math.expm1(coarse - self.log_evidence))

    def expectation(self, function: Callable[[Array], Array]) -> Array:
        """Return E[function(theta) | data]; function maps (S, D) to (S, ...)."""
        points, mass, _ = self._posterior
        return np.tensordot(mass, np.asarray(function(points)), axes=1)

    @cached_property
    def mean(self) -> Array:
        """Posterior mean (D,)."""
        return self.expectation(lambda theta: theta)

    @cached_property
    def cov(self) -> Array:
        """Posterior covariance (D, D)."""

        def outer(theta: Array) -> Array:
            centred = theta - self.mean
            return centred[:, :, None] * centred[:, None, :]

        return self.expectation(outer)

    @property
    def sd(self) -> Array:
        """Posterior standard deviations (D,)."""
        return np.sqrt(np.diagonal(self.cov))

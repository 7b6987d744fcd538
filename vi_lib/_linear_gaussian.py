"""theta ~ N(m, P), y | theta ~ N(A theta + b, R): everything linear and Gaussian at once.

The lecture's temperature models, a Kalman smoother, a linear-Gaussian decoder and every regression
with known noise are cases of it. With S = R + A P A' and the gain K = P A' S^-1 (Bishop 2006, eqs.
(2.113)-(2.117)):

    y ~ N(A m + b, S),    theta | y ~ N(m + K (y - A m - b), P - K S K').

Re-exported by `vi_lib.oracles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, require_finite, require_shape
from vi_lib.cavi import mean_field_gaussian


@dataclass(frozen=True, eq=False)
class LinearGaussian:
    """The posterior of theta given y.

    Args:
        y: (N,).
        A: (N, D).
        noise_cov: R, (N, N), positive definite.
        prior_mean: m, (D,).
        prior_cov: P, (D, D), positive definite.
        offset: b, (N,), by default 0.

    Raises:
        ShapeError, NonFiniteError: naming the argument.
        numpy.linalg.LinAlgError: if a covariance is not positive definite.
    """

    y: Array
    A: Array
    noise_cov: Array
    prior_mean: Array
    prior_cov: Array
    offset: Array | None = None

    def __post_init__(self) -> None:
        require_shape("A", self.A, ("N", "D"))
        num_data, dim = onp.shape(self.A)
        shapes = {
            "y": (num_data,),
            "noise_cov": (num_data, num_data),
            "prior_mean": (dim,),
            "prior_cov": (dim, dim),
        }
        for name, shape in shapes.items():
            require_shape(name, getattr(self, name), shape)
            require_finite(name, getattr(self, name))
        if self.offset is not None:
            require_shape("offset", self.offset, (num_data,))
        onp.linalg.cholesky(self.noise_cov)
        onp.linalg.cholesky(self.prior_cov)

    @property
    def dim(self) -> int:
        """D."""
        return onp.shape(self.A)[1]

    @property
    def _b(self) -> Array:
        return onp.zeros(len(self.y)) if self.offset is None else onp.asarray(self.offset)

    def log_joint(self, theta: Array) -> Array:
        """Return log p(y | theta) + log p(theta), (..., D) -> (...), nats."""
        require_shape("theta", theta, (..., self.dim))
        fitted = np.dot(theta, onp.transpose(self.A)) + self._b
        log_lik = densities.multivariate_normal(fitted, onp.asarray(self.y), self.noise_cov)
        return log_lik + densities.multivariate_normal(theta, self.prior_mean, self.prior_cov)

    @cached_property
    def _update(self) -> tuple[float, Array, Array]:
        """Log evidence, posterior mean and covariance."""
        A, P = onp.asarray(self.A, dtype=float), onp.asarray(self.prior_cov, dtype=float)
        predicted = A @ self.prior_mean + self._b
        S = self.noise_cov + A @ P @ A.T
        gain = onp.linalg.solve(S, A @ P).T
        log_evidence = densities.multivariate_normal(onp.asarray(self.y, dtype=float), predicted, S)
        mean = self.prior_mean + gain @ (self.y - predicted)
        # Joseph's form stays symmetric and positive definite in floating point.
        rest = onp.eye(self.dim) - gain @ A
        cov = rest @ P @ rest.T + gain @ self.noise_cov @ gain.T
        return float(log_evidence), mean, cov

    @property
    def log_evidence(self) -> float:
        """Log N(y; A m + b, R + A P A'), nats."""
        return self._update[0]

    @property
    def mean(self) -> Array:
        """Posterior mean (D,)."""
        return self._update[1]

    @property
    def cov(self) -> Array:
        """Posterior covariance (D, D)."""
        return self._update[2]

    @property
    def sd(self) -> Array:
        """Posterior standard deviations (D,)."""
        return onp.sqrt(onp.diagonal(self.cov))

    def mean_field(self) -> tuple[Array, Array, float]:
        """Return mean, sd and KL (nats) of the best factorised Gaussian."""
        return mean_field_gaussian(self.mean, self.cov)

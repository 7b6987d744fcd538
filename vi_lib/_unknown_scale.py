"""Oracles whose noise scale is unknown: exact up to a one-dimensional quadrature.

The coefficients are integrated in closed form, the scale by `ScaleMixture`. The posteriors are not
Gaussian, so they have no closed mean field; they have exact marginal densities instead.
Public names of this module are re-exported by `vi_lib.oracles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, require_finite, require_positive, require_shape
from vi_lib._scale_mixture import ScaleMixture, require_regression


@dataclass(frozen=True, eq=False)
class LinearRegressionUnknownSd:
    """y ~ N(X beta, sd² I), beta ~ N(0, prior_sd²), sd ~ HalfNormal(sd_scale).

    theta = (beta, sd) has D = K + 1 coordinates, the last one positive. `sd_scale` is the standard
    deviation of the normal before it is folded.

    Raises:
        ShapeError, NonFiniteError, SupportError: naming the argument.
    """

    X: Array
    y: Array
    prior_sd: Any
    sd_scale: float = 1.0

    def __post_init__(self) -> None:
        require_regression(self.X, self.y, self.prior_sd)
        require_positive("sd_scale", self.sd_scale)

    @property
    def dim(self) -> int:
        """D = K + 1."""
        return self.X.shape[1] + 1

    def log_joint(self, theta: Array) -> Array:
        """Return log p(y | beta, sd) + log p(beta) + log p(sd), (..., D) -> (...), nats.

        It is -inf where sd <= 0.
        """
        require_shape("theta", theta, (..., self.dim))
        beta, sd = theta[..., :-1], theta[..., -1]
        inside = sd > 0.0
        safe = np.where(inside, sd, 1.0)
        fitted = np.dot(beta, self.X.T)
        log_lik = np.sum(densities.normal(self.y, fitted, safe[..., None]), axis=-1)
        log_prior = np.sum(densities.normal(beta, 0.0, self.prior_sd), axis=-1)
        log_prior = log_prior + densities.half_normal(safe, self.sd_scale)
        return np.where(inside, log_lik + log_prior, -np.inf)

    def unconstrained_log_joint(self, zeta: Array) -> Array:
        """Return log_joint(beta, exp(zeta_D)) + zeta_D, (..., D) -> (...): of (beta, log sd)."""
        return _log_last(self.log_joint, zeta)

    @cached_property
    def _mixture(self) -> ScaleMixture:
        return ScaleMixture(self.X, self.y, self.prior_sd, self._log_prior_of_log_sd, power=2)

    def _log_prior_of_log_sd(self, t: Array) -> Array:
        return densities.half_normal(onp.exp(t), self.sd_scale) + t

    @property
    def log_evidence(self) -> float:
        """Log p(y), nats, by quadrature over log sd."""
        return self._mixture.log_evidence

    @property
    def mean(self) -> Array:
        """Posterior mean of (beta, sd), (D,)."""
        return self._mixture.mean

    @property
    def cov(self) -> Array:
        """Posterior covariance of (beta, sd), (D, D)."""
        return self._mixture.cov

    @property
    def sd(self) -> Array:
        """Posterior standard deviations of (beta, sd), (D,)."""
        return onp.sqrt(onp.diagonal(self.cov))

    def marginal(self, coordinate: int, values: Array) -> Array:
        """Return the posterior density of one coordinate of theta at `values` (V,)."""
        return self._mixture.marginal(coordinate, values)


@dataclass(frozen=True, eq=False)
class NormalMeanSd:
    """x_i ~ N(mu, sd), mu ~ N(0, sd=1), sd ~ HalfNormal(1); theta = (mu, sd).

    Raises:
        ShapeError, NonFiniteError: naming the argument.
    """

    x: Array

    def __post_init__(self) -> None:
        require_shape("x", self.x, ("N",))
        require_finite("x", self.x)

    @cached_property
    def _regression(self) -> LinearRegressionUnknownSd:
        """A regression on a constant is the same model."""
        return LinearRegressionUnknownSd(onp.ones((len(self.x), 1)), self.x, 1.0, 1.0)

    @property
    def dim(self) -> int:
        """2."""
        return 2

    def log_joint(self, theta: Array) -> Array:
        """Return log p(x | mu, sd) + log p(mu) + log p(sd), (..., 2) -> (...); -inf for sd <= 0."""
        return self._regression.log_joint(theta)

    def unconstrained_log_joint(self, zeta: Array) -> Array:
        """Return log_joint(mu, exp(zeta_1)) + zeta_1, (..., 2) -> (...), nats: of (mu, log sd)."""
        return self._regression.unconstrained_log_joint(zeta)

    @property
    def log_evidence(self) -> float:
        """Log p(x), nats, by quadrature over log sd."""
        return self._regression.log_evidence

    @property
    def mean(self) -> Array:
        """Posterior mean of (mu, sd), (2,)."""
        return self._regression.mean

    @property
    def cov(self) -> Array:
        """Posterior covariance of (mu, sd), (2, 2)."""
        return self._regression.cov

    @property
    def sd(self) -> Array:
        """Posterior standard deviations of (mu, sd), (2,)."""
        return self._regression.sd

    def marginal(self, coordinate: int, values: Array) -> Array:
        """Return the posterior density of mu (coordinate 0) or sd (1) at `values` (V,)."""
        return self._regression.marginal(coordinate, values)


@dataclass(frozen=True, eq=False)
class GaussianGamma:
    """x_i ~ N(mu, prec=gamma), mu ~ N(mu0, prec=tau0), gamma ~ Gamma(alpha0, rate=beta0).

    mu and gamma are independent a priori, so the posterior is no Normal-Gamma; theta = (mu, gamma).

    Raises:
        ShapeError, NonFiniteError, SupportError: naming the argument.
    """

    x: Array
    mu0: float
    tau0: float
    alpha0: float
    beta0: float

    def __post_init__(self) -> None:
        require_shape("x", self.x, ("N",))
        require_finite("x", self.x)
        require_finite("mu0", self.mu0)
        for name in ("tau0", "alpha0", "beta0"):
            require_positive(name, getattr(self, name))

    @property
    def dim(self) -> int:
        """2."""
        return 2

    def log_joint(self, theta: Array) -> Array:
        """Return log p(x | mu, gamma) + log p(mu) + log p(gamma), (..., 2) -> (...), nats.

        It is -inf where gamma <= 0.
        """
        require_shape("theta", theta, (..., 2))
        mu, gamma = theta[..., 0], theta[..., 1]
        inside = gamma > 0.0
        safe = np.where(inside, gamma, 1.0)
        log_lik = np.sum(densities.normal(self.x, mu[..., None], safe[..., None] ** -0.5), axis=-1)
        log_prior = densities.normal(mu, self.mu0, self.tau0**-0.5)
        log_prior = log_prior + densities.gamma(safe, self.alpha0, self.beta0)
        return np.where(inside, log_lik + log_prior, -np.inf)

    @cached_property
    def _mixture(self) -> ScaleMixture:
        ones = onp.ones((len(self.x), 1))
        return ScaleMixture(
            ones, self.x - self.mu0, self.tau0**-0.5, self._log_prior_of_log_gamma, power=-1
        )

    def _log_prior_of_log_gamma(self, t: Array) -> Array:
        return densities.gamma(onp.exp(t), self.alpha0, self.beta0) + t

    @property
    def log_evidence(self) -> float:
        """Log p(x), nats, by quadrature over log gamma."""
        return self._mixture.log_evidence

    @property
    def mean(self) -> Array:
        """Posterior mean of (mu, gamma), (2,)."""
        return self._mixture.mean + onp.array([self.mu0, 0.0])

    @property
    def cov(self) -> Array:
        """Posterior covariance of (mu, gamma), (2, 2)."""
        return self._mixture.cov

    @property
    def sd(self) -> Array:
        """Posterior standard deviations of (mu, gamma), (2,)."""
        return onp.sqrt(onp.diagonal(self.cov))

    def marginal(self, coordinate: int, values: Array) -> Array:
        """Return the posterior density of mu (coordinate 0) or gamma (1) at `values` (V,)."""
        shift = self.mu0 if coordinate == 0 else 0.0
        return self._mixture.marginal(coordinate, onp.asarray(values) - shift)


def _log_last(log_joint: Any, zeta: Array) -> Array:
    """Return log_joint with its last coordinate taken as exp(zeta_D), plus log |J| = zeta_D."""
    theta = np.concatenate([zeta[..., :-1], np.exp(zeta[..., -1:])], axis=-1)
    return log_joint(theta) + zeta[..., -1]

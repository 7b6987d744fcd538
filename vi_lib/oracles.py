"""Targets whose posterior *and* evidence are known, so that KL(q || p) = log Z - ELBO is a number.

Every oracle has `dim`, `log_joint(theta (..., D)) -> (...)` in nats with every constant,
`log_evidence`, and the posterior's `mean` (D,), `sd` (D,), `cov` (D, D). Where the posterior is
Gaussian, `mean_field()` gives the best factorised Gaussian and what it costs.

`NormalNormal`, `LinearRegression`, `LinearGaussian` and `CorrelatedGaussian` are closed forms. In
`GaussianGamma`, `NormalMeanSd` and `LinearRegressionUnknownSd` everything but the noise scale is
integrated in closed form and the scale by one-dimensional quadrature, exact to about twelve digits.
`Quadrature` takes any log joint in up to three coordinates; `Ising` and `SmallMixture` enumerate up
to 2^20 configurations. `Funnel`, `Banana` and `GaussianMixture` are normalised densities that no
Gaussian fits, with exact moments and draws.

Source: Bishop, Pattern Recognition and Machine Learning (2006), eqs. (2.141), (3.50)-(3.51),
(10.15).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, require_finite, require_positive, require_shape
from vi_lib._discrete import Ising, SmallMixture
from vi_lib._linear_gaussian import LinearGaussian
from vi_lib._quadrature import Quadrature
from vi_lib._scale_mixture import ScaleMixture, require_regression
from vi_lib._toy_targets import Banana, Funnel, GaussianMixture, two_modes
from vi_lib._unknown_scale import GaussianGamma, LinearRegressionUnknownSd, NormalMeanSd
from vi_lib.cavi import mean_field_gaussian

__all__ = [
    "Banana",
    "CorrelatedGaussian",
    "Funnel",
    "GaussianGamma",
    "GaussianMixture",
    "Ising",
    "LinearGaussian",
    "LinearRegression",
    "LinearRegressionUnknownSd",
    "NormalMeanSd",
    "NormalNormal",
    "Quadrature",
    "SmallMixture",
    "two_modes",
]


@dataclass(frozen=True, eq=False)
class CorrelatedGaussian:
    """The normalised density N(theta; mean, cov): log evidence 0. mean (D,), cov (D, D).

    Raises:
        ShapeError: unless mean is (D,) and cov (D, D).
    """

    mean: Array
    cov: Array

    def __post_init__(self) -> None:
        require_shape("cov", self.cov, (len(self.mean), len(self.mean)))
        onp.linalg.cholesky(self.cov)  # raises unless it is positive definite

    @property
    def dim(self) -> int:
        """D."""
        return len(self.mean)

    @property
    def sd(self) -> Array:
        """Marginal standard deviations (D,)."""
        return onp.sqrt(onp.diagonal(self.cov))

    @property
    def log_evidence(self) -> float:
        """0, nats."""
        return 0.0

    def log_joint(self, theta: Array) -> Array:
        """Return log N(theta; mean, cov), (..., D) -> (...), nats."""
        return densities.multivariate_normal(theta, self.mean, self.cov)

    def mean_field(self) -> tuple[Array, Array, float]:
        """Return mean, sd and KL (nats) of the best factorised Gaussian."""
        return mean_field_gaussian(self.mean, self.cov)


@dataclass(frozen=True, eq=False)
class LinearRegression:
    """y ~ N(X theta, noise_sd² I), theta ~ N(0, prior_sd²), with known noise.

    Args:
        X: (N, D).
        y: (N,).
        prior_sd: a number or (D,).
        noise_sd: a number.

    Raises:
        ShapeError, NonFiniteError, SupportError: naming the argument.
    """

    X: Array
    y: Array
    prior_sd: Any
    noise_sd: float

    def __post_init__(self) -> None:
        require_regression(self.X, self.y, self.prior_sd)
        require_positive("noise_sd", self.noise_sd)

    @property
    def dim(self) -> int:
        """D."""
        return self.X.shape[1]

    def log_joint(self, theta: Array) -> Array:
        """Return log p(y | theta) + log p(theta), (..., D) -> (...), nats."""
        require_shape("theta", theta, (..., self.dim))
        fitted = np.dot(theta, self.X.T)
        log_lik = np.sum(densities.normal(self.y, fitted, self.noise_sd), axis=-1)
        return log_lik + np.sum(densities.normal(theta, 0.0, self.prior_sd), axis=-1)

    @cached_property
    def _given_noise(self) -> tuple[Array, Array, Array]:
        engine = ScaleMixture(self.X, self.y, self.prior_sd)
        return engine.given(onp.array([self.noise_sd**2]))

    @cached_property
    def log_evidence(self) -> float:
        """Log N(y; 0, noise_sd² I + X prior_sd² X'), nats (Bishop 2006, eq. (2.115))."""
        return float(self._given_noise[0][0])

    @cached_property
    def mean(self) -> Array:
        """Posterior mean (D,)."""
        return self._given_noise[1][0]

    @cached_property
    def cov(self) -> Array:
        """Posterior covariance (D, D)."""
        return self._given_noise[2][0]

    @property
    def sd(self) -> Array:
        """Posterior standard deviations (D,)."""
        return onp.sqrt(onp.diagonal(self.cov))

    def mean_field(self) -> tuple[Array, Array, float]:
        """Return mean, sd and KL (nats) of the best factorised Gaussian."""
        return mean_field_gaussian(self.mean, self.cov)


@dataclass(frozen=True, eq=False)
class NormalNormal:
    """x_i ~ N(theta, sd=lik_sd), theta ~ N(prior_mean, sd=prior_sd); theta has shape (..., 1).

    Raises:
        ShapeError, NonFiniteError, SupportError: naming the argument.
    """

    x: Array
    prior_mean: float
    prior_sd: float
    lik_sd: float

    def __post_init__(self) -> None:
        require_shape("x", self.x, ("N",))
        require_finite("x", self.x)
        require_finite("prior_mean", self.prior_mean)
        require_positive("prior_sd", self.prior_sd)
        require_positive("lik_sd", self.lik_sd)

    @property
    def dim(self) -> int:
        """1."""
        return 1

    def log_joint(self, theta: Array) -> Array:
        """Return log p(x | theta) + log p(theta), (..., 1) -> (...), nats."""
        require_shape("theta", theta, (..., 1))
        log_lik = np.sum(densities.normal(self.x, theta, self.lik_sd), axis=-1)
        return log_lik + densities.normal(theta[..., 0], self.prior_mean, self.prior_sd)

    @cached_property
    def _centred(self) -> LinearRegression:
        """The same model for theta - prior_mean, a regression on a constant."""
        ones = onp.ones((len(self.x), 1))
        return LinearRegression(ones, self.x - self.prior_mean, self.prior_sd, self.lik_sd)

    @property
    def log_evidence(self) -> float:
        """Log p(x), nats."""
        return self._centred.log_evidence

    @property
    def mean(self) -> Array:
        """Posterior mean (1,) (Bishop 2006, eq. (2.141))."""
        return self.prior_mean + self._centred.mean

    @property
    def cov(self) -> Array:
        """Posterior variance (1, 1)."""
        return self._centred.cov

    @property
    def sd(self) -> Array:
        """Posterior standard deviation (1,)."""
        return self._centred.sd

    def mean_field(self) -> tuple[Array, Array, float]:
        """Return mean, sd and KL (nats): one coordinate loses nothing by factorising."""
        return mean_field_gaussian(self.mean, self.cov)

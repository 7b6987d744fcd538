"""The models behind the patients of `vi_lib.clinic`: data, posterior, weights, all Gaussian inside.

A case works on the unconstrained scale (a, b) or (a, log b); `report` and `prior` speak of the
parameters themselves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vi_lib._check import Array

#: Data of a patient.
NUM_DATA = 100


class Line:
    """y ~ N(a + b x, noise_sd), with Gaussian priors: the posterior is Gaussian."""

    def __init__(self, rng: np.random.Generator, shift: float, outliers: float) -> None:
        from scipy.special import ndtri

        place = (np.arange(NUM_DATA) + 0.5) / NUM_DATA
        x = rng.permutation(2.0 * place - 1.0) + shift
        self.X = np.stack([np.ones(NUM_DATA), x], axis=1)
        self.noise_sd = float(rng.uniform(0.6, 1.2))
        self.prior_sd = rng.uniform(1.5, 3.0, 2)
        self.prior_mean = rng.choice([-1.0, 1.0], 2) * rng.uniform(1.0, 3.0, 2)
        offset = rng.choice([-1.0, 1.0], 2) * rng.uniform(0.3, 0.9, 2)
        theta = self.prior_mean + self.prior_sd * offset
        noise = rng.permutation(ndtri(place))
        noise[rng.choice(NUM_DATA, 3, replace=False)] += outliers * rng.uniform(0.8, 1.2, 3)
        self.y = self.X @ theta + self.noise_sd * noise

    def posterior(self, weight: float) -> tuple[Array, Array]:
        """Mean (2,) and precision (2, 2) if every datum counts `weight` times."""
        prec = weight * self.X.T @ self.X / self.noise_sd**2 + np.diag(self.prior_sd**-2.0)
        score = weight * self.X.T @ self.y / self.noise_sd**2 + self.prior_mean / self.prior_sd**2
        return np.linalg.solve(prec, score), prec

    def fit(self, weight: float) -> tuple[Array, Array]:
        """Mean and sd (2,) of the best mean field."""
        mean, prec = self.posterior(weight)
        return mean, np.diag(prec) ** -0.5

    def report(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Means and sds on the parameters' own scale (..., 2)."""
        return mean, sd

    @property
    def prior(self) -> tuple[Array, Array]:
        """Mean and sd (2,) of the prior, on the parameters' own scale."""
        return self.prior_mean, self.prior_sd

    def gain(self) -> float:
        """What a full-rank family adds to the ELBO, ½ (Σ log P_dd - log det P), nats."""
        prec = self.posterior(1.0)[1]
        return 0.5 * float(np.sum(np.log(np.diag(prec))) - np.linalg.slogdet(prec)[1])

    def draw(self, mean: Array, sd: Array, eps: Array) -> tuple[Array, Array]:
        """Draws of q (S, 2) and their log weights (S,)."""
        theta = mean + sd * eps
        return theta, self.log_lik(theta) + _normal(
            theta, self.prior_mean, self.prior_sd
        ) - _normal(theta, mean, sd)

    def log_lik(self, theta: Array) -> Array:
        """(S, 2) -> (S,), nats, from the sums over the data."""
        phi = self.features(theta)
        fitted = phi @ (self.X.T @ self.X)
        square = self.y @ self.y - 2.0 * phi @ (self.X.T @ self.y) + np.sum(fitted * phi, axis=-1)
        constant = math.log(self.noise_sd) + 0.5 * math.log(2.0 * math.pi)
        return -0.5 * square / self.noise_sd**2 - NUM_DATA * constant

    def features(self, theta: Array) -> Array:
        """What the means of the data are linear in, (S, 2) -> (S, 2)."""
        return theta

    def location(self, theta: Array) -> Array:
        """Means of the data, (S, 2) -> (S, N)."""
        return self.features(theta) @ self.X.T


class Square(Line):
    """y ~ N(a² + b x, noise_sd): the sign of a is lost, so there are two modes far apart."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, 0.15, 0.0)
        self.prior_mean[0] = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.5))
        self.root = float(rng.uniform(1.5, 2.5))
        residual = self.y - self.X @ np.linalg.lstsq(self.X, self.y, rcond=None)[0]
        slope = self.prior_mean[1] + 0.5 * self.prior_sd[1]
        self.y = self.root**2 + slope * self.X[:, 1] + residual
        self.slope = slope

    def posterior(self, weight: float) -> tuple[Array, Array]:
        """Of the mode with the sign of the prior's mean, by its curvature."""
        if weight == 0.0:
            return self.prior_mean, np.diag(self.prior_sd**-2.0)
        sign = math.copysign(1.0, self.prior_mean[0])
        J = self.X * np.array([2.0 * sign * self.root, 1.0])
        prec = weight * J.T @ J / self.noise_sd**2 + np.diag(self.prior_sd**-2.0)
        return np.array([sign * self.root, self.slope]), prec

    def features(self, theta: Array) -> Array:
        """(a², b)."""
        return np.stack([theta[..., 0] ** 2, theta[..., 1]], axis=-1)


class Growth(Line):
    """y ~ N(a + x log b, noise_sd) with b > 0, a growth factor with a log-normal prior.

    Everything is Gaussian in log b. Without the Jacobian the prior N(log b) / b lacks the b that
    cancels the denominator: its exponent is tilted by -log b, which moves the mean by -sd².
    """

    def __init__(self, rng: np.random.Generator, jacobian: bool) -> None:
        super().__init__(rng, 0.15, 0.0)
        residual = self.y - self.X @ np.linalg.lstsq(self.X, self.y, rcond=None)[0]
        self.prior_mean[1] = float(rng.uniform(-0.5, 0.5))
        self.prior_sd[1] = float(rng.uniform(0.6, 0.9))
        theta = self.prior_mean + 0.6 * self.prior_sd * rng.choice([-1.0, 1.0], 2)
        self.y = residual + self.X @ theta
        self.truth = self.prior_mean.copy()
        if not jacobian:
            self.prior_mean[1] -= self.prior_sd[1] ** 2

    def report(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Moments of the log-normal in the second place."""
        first = np.array([1.0, 0.0])
        own = np.exp(mean + 0.5 * sd**2)
        own_sd = own * np.sqrt(np.expm1(sd**2))
        return np.where(first, mean, own), np.where(first, sd, own_sd)

    @property
    def prior(self) -> tuple[Array, Array]:
        """Of the prior that was meant."""
        return self.report(self.truth, self.prior_sd)


def _normal(x: Array, mean: Any, sd: Any) -> Array:
    """Log N(x; mean, sd) summed over the last axis."""
    z = (x - mean) / sd
    return np.sum(-0.5 * z**2 - np.log(sd) - 0.5 * math.log(2.0 * math.pi), axis=-1)

"""Continuous distributions of numbers; their draws are differentiable in the parameters.

Each draw is written as a function of the parameters and of noise that does not depend on them, so
automatic differentiation finds the pathwise gradient. For the gamma function's relatives (Gamma,
Beta, Student's t) that is the implicit one of `vi_lib.sampling`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, SupportError, plain
from vi_lib._special import gammaln
from vi_lib.ppl._distribution import Distribution, check_parameters
from vi_lib.sampling import log_gamma

Shape = tuple[int, ...] | None

#: Stands in for a uniform draw of exactly 0.
SMALLEST_UNIFORM = 2.0**-54


@dataclass(frozen=True, eq=False)
class Normal(Distribution):
    """N(mean, sd); `sd` is a standard deviation, as in Pyro's `Normal(loc, scale)`.

    Raises:
        SupportError: If a sd is negative.
    """

    mean: Any = 0.0
    sd: Any = 1.0
    support = "real"
    pathwise = True

    def __post_init__(self) -> None:
        check_parameters(self, "sd")

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw mean + sd eps."""
        return self.mean + self.sd * rng.standard_normal(batch(self, shape))

    def log_prob(self, v: Array) -> Array:
        """Return log N(v; mean, sd), nats."""
        return densities.normal(v, self.mean, self.sd)


@dataclass(frozen=True, eq=False)
class LogNormal(Distribution):
    """exp(N(mu, sd)): `mu` and `sd` belong to the logarithm.

    Raises:
        SupportError: If a sd is negative.
    """

    mu: Any = 0.0
    sd: Any = 1.0
    support = "positive"
    pathwise = True

    def __post_init__(self) -> None:
        check_parameters(self, "sd")

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw exp(mu + sd eps)."""
        return np.exp(self.mu + self.sd * rng.standard_normal(batch(self, shape)))

    def log_prob(self, v: Array) -> Array:
        """Return log N(log v; mu, sd) - log v, nats."""
        return densities.lognormal(v, self.mu, self.sd)


@dataclass(frozen=True, eq=False)
class HalfNormal(Distribution):
    """|N(0, sd)|; `sd` is that of the normal before it is folded.

    Raises:
        SupportError: If a sd is negative.
    """

    sd: Any = 1.0
    support = "positive"
    pathwise = True

    def __post_init__(self) -> None:
        check_parameters(self, "sd")

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw sd |eps|."""
        return self.sd * onp.abs(rng.standard_normal(batch(self, shape)))

    def log_prob(self, v: Array) -> Array:
        """Return log 2 + log N(v; 0, sd) for v >= 0, nats."""
        return densities.half_normal(v, self.sd)


@dataclass(frozen=True, eq=False)
class HalfCauchy(Distribution):
    """|Cauchy(0, scale)|; `scale` is the median.

    Raises:
        SupportError: If a scale is negative.
    """

    scale: Any = 1.0
    support = "positive"
    pathwise = True

    def __post_init__(self) -> None:
        check_parameters(self, "scale")

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw scale tan(π u / 2)."""
        return self.scale * onp.tan(0.5 * math.pi * rng.random(batch(self, shape)))

    def log_prob(self, v: Array) -> Array:
        """Return log 2 + log Cauchy(v; 0, scale) for v >= 0, nats."""
        inside = math.log(2.0) + densities.cauchy(v, 0.0, self.scale)
        return np.where(v >= 0.0, inside, -onp.inf)


@dataclass(frozen=True, eq=False)
class Exponential(Distribution):
    """Density rate exp(-rate v).

    Raises:
        SupportError: If a rate is negative.
    """

    rate: Any = 1.0
    support = "positive"
    pathwise = True

    def __post_init__(self) -> None:
        check_parameters(self, "rate")

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw e / rate with e standard exponential."""
        return rng.standard_exponential(batch(self, shape)) / self.rate

    def log_prob(self, v: Array) -> Array:
        """Return log rate - rate v for v >= 0, nats."""
        return densities.exponential(v, self.rate)


@dataclass(frozen=True, eq=False)
class Uniform(Distribution):
    """Uniform between `low` and `high`.

    As the limits of a `plate`'s rows may differ, the support reported is the smallest interval that
    holds them all.

    Raises:
        SupportError: Unless low < high.
    """

    low: Any = 0.0
    high: Any = 1.0
    pathwise = True

    def __post_init__(self) -> None:
        check_parameters(self)
        if not onp.all(plain(self.low) < plain(self.high)):
            raise SupportError(f"Uniform needs low < high, got {self.low} and {self.high}")

    @property
    def support(self) -> tuple[float, float]:
        """(low, high)."""
        return float(onp.min(plain(self.low))), float(onp.max(plain(self.high)))

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw low + (high - low) u."""
        return self.low + (self.high - self.low) * rng.random(batch(self, shape))

    def log_prob(self, v: Array) -> Array:
        """Return -log(high - low) between the limits, nats."""
        inside = (plain(v) >= plain(self.low)) & (plain(v) <= plain(self.high))
        return np.where(inside, -np.log(self.high - self.low), -onp.inf)


@dataclass(frozen=True, eq=False)
class Gamma(Distribution):
    """Density proportional to v^(shape - 1) exp(-rate v): mean shape / rate.

    Raises:
        SupportError: If a shape or rate is negative.
    """

    shape: Any
    rate: Any = 1.0
    support = "positive"
    pathwise = True

    def __post_init__(self) -> None:
        check_parameters(self, "shape", "rate")

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw g / rate with g ~ Gamma(shape, 1), its derivative implicit."""
        return np.exp(log_gamma_draws(self.shape, rng, batch(self, shape))) / self.rate

    def log_prob(self, v: Array) -> Array:
        """Return shape log rate - log Γ(shape) + (shape - 1) log v - rate v, nats."""
        return densities.gamma(v, self.shape, self.rate)


@dataclass(frozen=True, eq=False)
class Beta(Distribution):
    """Density proportional to v^(alpha - 1) (1 - v)^(beta - 1): mean alpha / (alpha + beta).

    Raises:
        SupportError: If a shape is negative.
    """

    alpha: Any
    beta: Any
    support = "unit"
    pathwise = True

    def __post_init__(self) -> None:
        check_parameters(self, "alpha", "beta")

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw a / (a + b) with a ~ Gamma(alpha, 1), b ~ Gamma(beta, 1)."""
        log_a = log_gamma_draws(self.alpha, rng, batch(self, shape))
        log_b = log_gamma_draws(self.beta, rng, batch(self, shape))
        return np.exp(-np.logaddexp(0.0, log_b - log_a))

    def log_prob(self, v: Array) -> Array:
        """Return (alpha - 1) log v + (beta - 1) log(1 - v) - log B(alpha, beta), nats."""
        inside = (plain(v) > 0.0) & (plain(v) < 1.0)
        safe = np.where(inside, v, 0.5)
        constant = gammaln(self.alpha + self.beta) - gammaln(self.alpha) - gammaln(self.beta)
        kernel = (self.alpha - 1.0) * np.log(safe) + (self.beta - 1.0) * np.log1p(-safe)
        return np.where(inside, constant + kernel, -onp.inf)


@dataclass(frozen=True, eq=False)
class StudentT(Distribution):
    """loc + scale T, T Student's t with `df` degrees of freedom.

    Raises:
        SupportError: If a df or scale is negative.
    """

    df: Any
    loc: Any = 0.0
    scale: Any = 1.0
    support = "real"
    pathwise = True

    def __post_init__(self) -> None:
        check_parameters(self, "df", "scale")

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw loc + scale eps / sqrt(2 g / df) with g ~ Gamma(df / 2, 1)."""
        size = batch(self, shape)
        halves = np.exp(log_gamma_draws(0.5 * self.df, rng, size))
        eps = rng.standard_normal(size)
        return self.loc + self.scale * eps / np.sqrt(2.0 * halves / self.df)

    def log_prob(self, v: Array) -> Array:
        """Return the log density of Student's t, nats."""
        return densities.student_t(v, self.df, self.loc, self.scale)


def batch(dist: Distribution, shape: Shape) -> tuple[int, ...]:
    """Return the batch shape to draw, by default the distribution's own."""
    return dist.batch_shape if shape is None else shape


def log_gamma_draws(shape: Any, rng: onp.random.Generator, size: tuple[int, ...]) -> Array:
    """Draw logarithms of Gamma(shape, 1) values, differentiable in the shape parameter."""
    u = onp.maximum(rng.random(size), SMALLEST_UNIFORM)
    return log_gamma(u, shape + onp.zeros(size), 1.0)

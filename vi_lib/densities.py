"""Log densities in nats, as plain functions of autograd.numpy.

Each one is a formula with every constant kept: an evidence is a number only if nothing was dropped.
They are elementwise and broadcast, except `multivariate_normal`, whose last axis is the event. A
point outside the support has log density -inf. The second argument of a Gaussian is always a
standard deviation and is called `sd`. Scales are not checked here, because these functions are
called in the innermost loop: a negative scale gives NaN, never a wrong number.

Source: Bishop, Pattern Recognition and Machine Learning (2006), appendix B.
"""

from __future__ import annotations

import math

import autograd.numpy as np

from vi_lib._check import Array, require_shape
from vi_lib._special import gammaln

LOG_2PI = math.log(2.0 * math.pi)


def normal(x: Array, mean: Array | float = 0.0, sd: Array | float = 1.0) -> Array:
    """Return -½ log 2π - log sd - ½ ((x - mean) / sd)²."""
    return -0.5 * LOG_2PI - np.log(sd) - 0.5 * ((x - mean) / sd) ** 2


def half_normal(x: Array, sd: Array | float = 1.0) -> Array:
    """Return log 2 + log N(x; 0, sd) for x >= 0; `sd` is that of the normal before it is folded."""
    return np.where(x >= 0.0, math.log(2.0) + normal(x, 0.0, sd), -np.inf)


def lognormal(x: Array, mu: Array | float = 0.0, sd: Array | float = 1.0) -> Array:
    """Return log N(log x; mu, sd) - log x for x > 0; `mu` and `sd` belong to log x."""
    inside, safe = _positive_part(x)
    return np.where(inside, normal(np.log(safe), mu, sd) - np.log(safe), -np.inf)


def gamma(x: Array, shape: Array | float, rate: Array | float) -> Array:
    """Return shape log rate - log Γ(shape) + (shape - 1) log x - rate x for x > 0."""
    inside, safe = _positive_part(x)
    constant = shape * np.log(rate) - gammaln(shape)
    return np.where(inside, constant + (shape - 1.0) * np.log(safe) - rate * safe, -np.inf)


def exponential(x: Array, rate: Array | float = 1.0) -> Array:
    """Return log rate - rate x for x >= 0."""
    return np.where(x >= 0.0, np.log(rate) - rate * x, -np.inf)


def laplace(x: Array, loc: Array | float = 0.0, scale: Array | float = 1.0) -> Array:
    """Return -log(2 scale) - |x - loc| / scale."""
    return -np.log(2.0 * scale) - np.abs(x - loc) / scale


def cauchy(x: Array, loc: Array | float = 0.0, scale: Array | float = 1.0) -> Array:
    """Return -log π - log scale - log(1 + ((x - loc) / scale)²)."""
    return -math.log(math.pi) - np.log(scale) - np.log1p(((x - loc) / scale) ** 2)


def student_t(
    x: Array, df: Array | float, loc: Array | float = 0.0, scale: Array | float = 1.0
) -> Array:
    """Return the log density of loc + scale T, T Student's t with `df` degrees of freedom."""
    constant = gammaln(0.5 * (df + 1.0)) - gammaln(0.5 * df) - 0.5 * np.log(df * math.pi)
    return constant - np.log(scale) - 0.5 * (df + 1.0) * np.log1p(((x - loc) / scale) ** 2 / df)


def bernoulli_logits(x: Array, logits: Array | float) -> Array:
    """Return x logits - log(1 + exp(logits)), the log probability of x in {0, 1}.

    `logaddexp` keeps both tails: at logits = ±800 the value and its gradient are finite.
    """
    return x * logits - np.logaddexp(0.0, logits)


def poisson(x: Array, rate: Array | float) -> Array:
    """Return x log rate - rate - log x!, the log probability of the count x, for rate > 0."""
    return x * np.log(rate) - rate - gammaln(x + 1.0)


def multivariate_normal(x: Array, mean: Array, cov: Array) -> Array:
    """Return log N(x; mean, cov) over the last axis.

    With cov = L L', u = L⁻¹ (x - mean): -D/2 log 2π - Σ log L_ii - ½ u'u.

    Args:
        x: points (..., D).
        mean: (D,) or (..., D).
        cov: symmetric positive definite (D, D).

    Returns:
        log densities (...), nats.

    Raises:
        ShapeError: unless cov is square and the last axes of x and mean have its length.
        numpy.linalg.LinAlgError: if cov is not positive definite.
    """
    dim = np.shape(cov)[-1] if np.ndim(cov) else 0
    require_shape("cov", cov, (dim, dim))
    require_shape("x", x, (..., dim))
    require_shape("mean", mean, (..., dim))
    L = np.linalg.cholesky(cov)
    residual = x - mean
    # One two-dimensional system for all points; a stack of systems would factorise L once a point.
    u = np.linalg.solve(L, np.reshape(residual, (-1, dim)).T)
    log_det = np.sum(np.log(np.diagonal(L, 0, -1, -2)))  # the axes autograd can differentiate
    quadratic = np.reshape(np.sum(u**2, axis=0), np.shape(residual)[:-1])
    return -0.5 * dim * LOG_2PI - log_det - 0.5 * quadratic


def _positive_part(x: Array) -> tuple[Array, Array]:
    """Return where x > 0, and x with 1 elsewhere, so that log is never asked for a bad value."""
    inside = x > 0.0
    return inside, np.where(inside, x, 1.0)

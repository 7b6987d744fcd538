"""Log densities in nats, as plain functions of autograd.numpy.

Each one is a formula with every constant kept: an evidence is a number only if nothing was dropped.
They are elementwise and broadcast, except `multivariate_normal` and `dirichlet`, whose last axis is
the event, and `categorical_logits`, whose logits have one axis more than the labels. A point
outside the support has log density -inf. The second argument of a Gaussian is always a standard
deviation and is called `sd`. Scales are not checked here, because these functions are called in the
innermost loop: a negative scale gives NaN, never a wrong number.

Source: Bishop, Pattern Recognition and Machine Learning (2006), appendix B.
"""

from __future__ import annotations

import math

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, plain, require_shape
from vi_lib._special import LOG_2PI, betaln, gammaln


def normal(x: Array, mean: Array | float = 0.0, sd: Array | float = 1.0) -> Array:
    """Return -½ log 2π - log sd - ½ ((x - mean) / sd)², elementwise."""
    return -0.5 * LOG_2PI - np.log(sd) - 0.5 * ((x - mean) / sd) ** 2


def half_normal(x: Array, sd: Array | float = 1.0) -> Array:
    """Return log 2 + log N(x; 0, sd) for x >= 0, elementwise; `sd` is that before it is folded."""
    return np.where(x >= 0.0, math.log(2.0) + normal(x, 0.0, sd), -np.inf)


def lognormal(x: Array, mu: Array | float = 0.0, sd: Array | float = 1.0) -> Array:
    """Return log N(log x; mu, sd) - log x for x > 0, elementwise; `mu` and `sd` belong to log x."""
    inside, safe = _positive_part(x)
    return np.where(inside, normal(np.log(safe), mu, sd) - np.log(safe), -np.inf)


def gamma(x: Array, shape: Array | float, rate: Array | float) -> Array:
    """Return shape log rate - log Γ(shape) + (shape - 1) log x - rate x, x > 0, elementwise."""
    inside, safe = _positive_part(x)
    constant = shape * np.log(rate) - gammaln(shape)
    return np.where(inside, constant + (shape - 1.0) * np.log(safe) - rate * safe, -np.inf)


def inverse_gamma(x: Array, shape: Array | float, rate: Array | float) -> Array:
    """Return shape log rate - log Γ(shape) - (shape + 1) log x - rate / x, x > 0, elementwise.

    The density of 1 / g for g ~ Gamma(shape, rate); `rate` is a scale of x.
    """
    inside, safe = _positive_part(x)
    constant = shape * np.log(rate) - gammaln(shape)
    return np.where(inside, constant - (shape + 1.0) * np.log(safe) - rate / safe, -np.inf)


def beta(x: Array, a: Array | float, b: Array | float) -> Array:
    """Return (a - 1) log x + (b - 1) log(1 - x) - log B(a, b) for 0 < x < 1, elementwise."""
    inside = (x > 0.0) & (x < 1.0)
    safe = np.where(inside, x, 0.5)
    value = (a - 1.0) * np.log(safe) + (b - 1.0) * np.log1p(-safe) - betaln(a, b)
    return np.where(inside, value, -np.inf)


def exponential(x: Array, rate: Array | float = 1.0) -> Array:
    """Return log rate - rate x for x >= 0, elementwise."""
    return np.where(x >= 0.0, np.log(rate) - rate * x, -np.inf)


def laplace(x: Array, loc: Array | float = 0.0, scale: Array | float = 1.0) -> Array:
    """Return -log(2 scale) - abs(x - loc) / scale, elementwise."""
    return -np.log(2.0 * scale) - np.abs(x - loc) / scale


def cauchy(x: Array, loc: Array | float = 0.0, scale: Array | float = 1.0) -> Array:
    """Return -log π - log scale - log(1 + ((x - loc) / scale)²), elementwise."""
    return -math.log(math.pi) - np.log(scale) - np.log1p(((x - loc) / scale) ** 2)


def half_cauchy(x: Array, scale: Array | float = 1.0) -> Array:
    """Return log 2 + log Cauchy(x; 0, scale) for x >= 0, elementwise."""
    return np.where(x >= 0.0, math.log(2.0) + cauchy(x, 0.0, scale), -np.inf)


def student_t(
    x: Array, df: Array | float, loc: Array | float = 0.0, scale: Array | float = 1.0
) -> Array:
    """Return elementwise the log density of loc + scale T, T Student's t with df `df`."""
    constant = gammaln(0.5 * (df + 1.0)) - gammaln(0.5 * df) - 0.5 * np.log(df * math.pi)
    return constant - np.log(scale) - 0.5 * (df + 1.0) * np.log1p(((x - loc) / scale) ** 2 / df)


def bernoulli_logits(x: Array, logits: Array | float) -> Array:
    """Return x logits - log(1 + exp(logits)), the log probability of x in {0, 1}, elementwise.

    `logaddexp` keeps both tails: at logits = ±800 the value and its gradient are finite.
    """
    return x * logits - np.logaddexp(0.0, logits)


def poisson(x: Array, rate: Array | float) -> Array:
    """Return x log rate - rate - log x!, log probability of the count x, rate > 0, elementwise."""
    return x * np.log(rate) - rate - gammaln(x + 1.0)


def binomial_logits(x: Array, num_trials: Array | int, logits: Array | float) -> Array:
    """Return elementwise log C(n, x) + x logits - n log(1 + exp(logits)), x of n = num_trials."""
    inside = (x >= 0) & (x <= num_trials)
    successes = np.where(inside, x, 0.0)
    # C(n, x) = 1 / ((n + 1) B(x + 1, n - x + 1))
    choices = -np.log(num_trials + 1.0) - betaln(successes + 1.0, num_trials - successes + 1.0)
    value = choices + successes * logits - num_trials * np.logaddexp(0.0, logits)
    return np.where(inside, value, -np.inf)


def negative_binomial(x: Array, mean: Array | float, concentration: Array | float) -> Array:
    """Return elementwise the log probability of a count with variance mean + mean² / concentration.

    A Poisson count whose rate is Gamma(concentration, rate=concentration / mean); large
    concentrations approach the Poisson distribution. With c = concentration, m = mean:
    log Γ(x + c) - log Γ(c) - log x! + x log(m / (m + c)) - c log(1 + m / c).
    """
    c = concentration
    # Γ(x + c) / (Γ(c) x!) = 1 / ((x + c) B(x + 1, c)), without a difference of large logarithms
    choices = -np.log(x + c) - betaln(x + 1.0, c)
    return choices + x * np.log(mean / (mean + c)) - c * np.log1p(mean / c)


def categorical_logits(x: Array, logits: Array) -> Array:
    """Return logits_x - log Σ_k exp(logits_k) for labels x in 0..K-1.

    Args:
        x: labels (...), whole numbers; another number has log probability -inf.
        logits: unnormalised log probabilities (..., K); -inf for an impossible label.

    Returns:
        log probabilities, the leading axes of both broadcast, nats.

    Raises:
        ShapeError: if logits is a number.
    """
    require_shape("logits", logits, (..., "K"))
    chosen = onp.asarray(x)[..., None] == onp.arange(np.shape(logits)[-1])
    top = onp.max(plain(logits), axis=-1, keepdims=True)
    log_total = top[..., 0] + np.log(np.sum(np.exp(logits - top), axis=-1))
    # Adding zeros, because autograd's where does not undo a broadcast.
    every = logits + onp.zeros(chosen.shape)
    picked = np.sum(np.where(chosen, every, onp.zeros(np.shape(every))), axis=-1)
    return np.where(onp.any(chosen, axis=-1), picked - log_total, -np.inf)


def dirichlet(x: Array, alpha: Array) -> Array:
    """Return log Γ(Σ alpha_k) - Σ log Γ(alpha_k) + Σ (alpha_k - 1) log x_k over the last axis.

    A density with respect to the first K - 1 entries. x (..., K) must be positive and sum to 1
    within 1e-8, else -inf; alpha (..., K).
    """
    positive, safe = _positive_part(x)
    sums = np.abs(np.sum(x, axis=-1) - 1.0) <= 1e-8
    constant = gammaln(np.sum(alpha, axis=-1)) - np.sum(gammaln(alpha), axis=-1)
    value = constant + np.sum((alpha - 1.0) * np.log(safe), axis=-1)
    return np.where(np.all(positive, axis=-1) & sums, value, -np.inf)


def multivariate_normal(
    x: Array, mean: Array, cov: Array | None = None, *, chol: Array | None = None
) -> Array:
    """Return log N(x; mean, cov) over the last axis.

    With cov = L L', u = L⁻¹ (x - mean): -D/2 log 2π - Σ log L_ii - ½ u'u.

    Args:
        x: points (..., D).
        mean: (D,) or (..., D).
        cov: symmetric positive definite (D, D).
        chol: L in place of cov, lower triangular with a positive diagonal, (D, D) or (..., D, D).

    Returns:
        log densities (...), nats.

    Raises:
        TypeError: unless exactly one of cov and chol is given.
        ShapeError: unless cov is square and the last axes of x and mean have its length.
        numpy.linalg.LinAlgError: if cov is not positive definite.
    """
    if (cov is None) == (chol is None):
        both = "neither" if cov is None else "both"
        raise TypeError(f"multivariate_normal needs either cov or chol, got {both}")
    name, matrix = ("cov", cov) if chol is None else ("chol", chol)
    dim = np.shape(matrix)[-1] if np.ndim(matrix) else 0
    require_shape(name, matrix, (dim, dim) if chol is None else (..., dim, dim))
    require_shape("x", x, (..., dim))
    require_shape("mean", mean, (..., dim))
    L = np.linalg.cholesky(cov) if chol is None else chol
    residual = x - mean
    log_det = np.sum(np.log(np.diagonal(L, 0, -1, -2)), axis=-1)  # axes autograd differentiates
    if np.ndim(L) == 2:
        # One two-dimensional system for all points; a stack would factorise L once a point.
        u = np.linalg.solve(L, np.reshape(residual, (-1, dim)).T)
        quadratic = np.reshape(np.sum(u**2, axis=0), np.shape(residual)[:-1])
    else:
        leading = onp.broadcast_shapes(np.shape(L)[:-2], np.shape(residual)[:-1])
        u = np.linalg.solve(
            L + onp.zeros((*leading, 1, 1)), (residual + onp.zeros((*leading, 1)))[..., None]
        )
        quadratic = np.sum(u[..., 0] ** 2, axis=-1)
    return -0.5 * dim * LOG_2PI - log_det - 0.5 * quadratic


def _positive_part(x: Array) -> tuple[Array, Array]:
    """Return where x > 0, and x with 1 elsewhere, so that log is never asked for a bad value."""
    inside = x > 0.0
    return inside, np.where(inside, x, 1.0)

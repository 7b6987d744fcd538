r"""The gamma distribution's quantiles and how they move with the shape.

A draw x = F⁻¹(u; a) of Gamma(a, rate=1) keeps F(x; a) = u when the shape a changes, so

    dx/da = -(∂F(x; a)/∂a) / f(x; a)

without any formula for F⁻¹ (implicit reparameterization). Small shapes have draws such as 1e-2000,
so everything is in log x. With t = x exp(∓s) the derivative is an integral of a positive function,
on that side of exp(ψ(a)) on which x is:

    d log x / da = ∫_0^∞ (ψ(a) - log x + s) exp(-a s + x (1 - exp(-s))) ds    log x <= ψ(a)
                 = ∫_0^∞ (log x - ψ(a) + s) exp(a s - x (exp(s) - 1)) ds      log x >= ψ(a)

Both follow from ∂f/∂a = f (log t - ψ(a)), whose integral over all t is 0. Nothing cancels, so
Gauss's quadrature on the part above exp(-44) of the exponential gives 13 digits in both tails.

Source: Figurnov, Mohamed and Mnih, Implicit Reparameterization Gradients (NeurIPS 2018).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import autograd.numpy as np
import numpy as onp
from autograd.extend import defvjp, primitive
from autograd.numpy.numpy_vjps import unbroadcast_f

from vi_lib._check import Array
from vi_lib._special import digamma, gammaln

#: The integrals stop where the exponential has fallen to exp(-44), 1e-19 of its start.
DEPTH = 44.0
NODES, PANELS = 24, 2


@primitive
def gamma_log_quantile(u: Any, shape: Any) -> Array:
    """Return log F⁻¹(u; shape) of the Gamma(shape, rate=1) distribution, elementwise.

    Below x = 1e-17, F(x) is x^shape / Γ(shape + 1) to the last digit, which is solved for log x:
    it is finite where x underflows. Differentiable once in both arguments.

    Args:
        u: probabilities in (0, 1).
        shape: positive.
    """
    from scipy import special

    tiny = (onp.log(u) + special.gammaln(onp.add(shape, 1.0))) / shape
    with onp.errstate(divide="ignore"):
        return onp.where(tiny < -39.0, tiny, onp.log(special.gammaincinv(shape, u)))


@primitive
def gamma_log_quantile_slope(log_x: Any, shape: Any) -> Array:
    """Return d log x / d shape at fixed F(x; shape), elementwise; positive.

    Relative error below 1e-13 for shapes from 0.01 to 1000, 1e-12 to 1e5, and 1e-6 down to 0.001,
    at all u from 1e-300 to 1 - 1e-15. Not differentiable further.

    Args:
        log_x: logarithm of a draw of Gamma(shape, rate=1).
        shape: positive.
    """
    log_x, shape = onp.broadcast_arrays(onp.asarray(log_x, float), onp.asarray(shape, float))
    gap = digamma(shape) - log_x
    slope = onp.empty(gap.shape)
    for side in (-1.0, 1.0):
        for large in (False, True):
            here = ((gap >= 0.0) == (side < 0.0)) & ((log_x >= 0.0) == large)
            if here.any():
                slope[here] = _integral(log_x[here], shape[here], onp.abs(gap[here]), side, large)
    return slope


def gamma_cdf_shape_derivative(log_x: Array, shape: Array) -> Array:
    """Return ∂F(x; shape)/∂shape of Gamma(shape, rate=1) at x = exp(log_x), elementwise; < 0."""
    log_density = shape * log_x - np.exp(log_x) - gammaln(shape)  # of log x: x f(x)
    return -np.exp(log_density) * gamma_log_quantile_slope(log_x, shape)


def _integral(log_x: Array, a: Array, gap: Array, side: float, large: bool) -> Array:
    """The integral below (side -1) or above (side 1) x, for vectors of x < 1 or of x >= 1."""
    x = onp.exp(log_x)
    end = _end_below(x, a) if side < 0.0 else _end_above(log_x, a)
    # Above a tiny x the integrand is flat until s = -log x and then drops within a few units.
    middle = onp.maximum(0.5 * end, -log_x - 4.0 if side > 0.0 else 0.0)[:, None]
    nodes, weights = _rule()
    s = onp.concatenate([middle * nodes, middle + (end[:, None] - middle) * nodes], axis=1)
    widths = onp.concatenate([middle * weights, (end[:, None] - middle) * weights], axis=1)
    signed = side * s
    # x (exp(s) - 1) - a s for s of either sign: for a large x as x (exp(s) - 1 - s) + (x - a) s,
    # because x is close to a; for a small x through log x, because x may be 0 and exp(s) infinite.
    if large:
        depth = x[:, None] * (onp.expm1(signed) - signed) + (x - a)[:, None] * signed
    else:
        depth = onp.exp(log_x[:, None] + signed) - x[:, None] - a[:, None] * signed
    return onp.sum(widths * (gap[:, None] + s) * onp.exp(-depth), axis=-1)


def _end_below(x: Array, a: Array) -> Array:
    """Return the s with a s - x (1 - exp(-s)) = DEPTH, by Newton's method from its right."""
    s = (DEPTH + x) / a
    for _ in range(12):
        s = s - (a * s + x * onp.expm1(-s) - DEPTH) / (a - x * onp.exp(-s))
    return s


def _end_above(log_x: Array, a: Array) -> Array:
    """Return the s with x (exp(s) - 1) - a s = DEPTH, as `_end_below` but in y = x (exp(s) - 1)."""
    y = 2.0 * DEPTH + 10.0 * onp.sqrt(a)
    x = onp.exp(log_x)
    for _ in range(12):
        y = y - (y - a * onp.logaddexp(0.0, onp.log(y) - log_x) - DEPTH) / (1.0 - a / (x + y))
    return onp.logaddexp(0.0, onp.log(y) - log_x)


@lru_cache(maxsize=1)
def _rule() -> tuple[Array, Array]:
    """Gauss and Legendre's nodes and weights on equal panels of [0, 1], for each half."""
    nodes, weights = onp.polynomial.legendre.leggauss(NODES)
    starts = onp.arange(PANELS)[:, None]
    return ((nodes + 1.0) / 2.0 + starts).ravel() / PANELS, onp.tile(weights, PANELS) / 2 / PANELS


defvjp(
    gamma_log_quantile,
    lambda ans, u, a: unbroadcast_f(
        u,
        lambda g: g * np.exp(gammaln(a) + np.exp(ans) - a * ans),  # 1 / (x f(x))
    ),
    lambda ans, u, a: unbroadcast_f(a, lambda g: g * gamma_log_quantile_slope(ans, a)),
)

"""Logarithms of the gamma, beta and normal distribution functions, with autograd's derivatives.

`autograd.scipy` has them, but importing it loads scipy's statistics, integration and signal
processing, which takes longer than all of vi_lib; scipy.special alone takes half of its time. So
scipy is imported at the first call.
"""

from __future__ import annotations

import math
from typing import Any

import autograd.numpy as np
from autograd.extend import defvjp, primitive
from autograd.numpy.numpy_vjps import unbroadcast_f

from vi_lib._check import Array

LOG_2PI = math.log(2.0 * math.pi)


@primitive
def gammaln(x: Any) -> Array:
    """Return log|Gamma(x)|, elementwise."""
    from scipy import special

    return special.gammaln(x)


@primitive
def digamma(x: Any) -> Array:
    """Return d log|Gamma(x)| / dx, elementwise."""
    from scipy import special

    return special.digamma(x)


@primitive
def trigamma(x: Any) -> Array:
    """Return the second derivative of log|Gamma(x)|, elementwise; not differentiable further."""
    from scipy import special

    return special.polygamma(1, x)


@primitive
def betaln(a: Any, b: Any) -> Array:
    """Return log B(a, b) = log[Γ(a) Γ(b) / Γ(a + b)] for positive a, b, elementwise.

    Not a difference of three large logarithms: for a much larger than b it keeps its digits.
    """
    from scipy import special

    return special.betaln(a, b)


@primitive
def log_ndtr(x: Any) -> Array:
    """Return log Φ(x), the log of the standard normal distribution function, elementwise.

    It keeps its digits in the lower tail, where Φ itself underflows; for the upper one use
    1 - Φ(x) = Φ(-x).
    """
    from scipy import special

    return special.log_ndtr(x)


defvjp(gammaln, lambda ans, x: lambda g: g * digamma(x))
defvjp(digamma, lambda ans, x: lambda g: g * trigamma(x))
defvjp(
    betaln,
    lambda ans, a, b: unbroadcast_f(a, lambda g: g * (digamma(a) - digamma(a + b))),
    lambda ans, a, b: unbroadcast_f(b, lambda g: g * (digamma(b) - digamma(a + b))),
)
defvjp(
    log_ndtr,
    lambda ans, x: lambda g: g * np.exp(-0.5 * x**2 - 0.5 * math.log(2.0 * math.pi) - ans),
)


def multigammaln(a: Any, dim: int) -> Array:
    """Return log Γ_D(a) = D (D - 1) / 4 log π + Σ_{i=1..D} log Γ(a + (1 - i) / 2), a > (D - 1) / 2.

    The logarithm of the multivariate gamma function, elementwise; gradients through `gammaln`.
    """
    total = gammaln(a) + 0.25 * dim * (dim - 1) * math.log(math.pi)
    for i in range(1, dim):
        total = total + gammaln(a - 0.5 * i)
    return total


def multidigamma(a: Any, dim: int) -> Array:
    """Return d log Γ_D(a) / da = Σ_{i=1..D} ψ(a + (1 - i) / 2), elementwise."""
    total = digamma(a)
    for i in range(1, dim):
        total = total + digamma(a - 0.5 * i)
    return total

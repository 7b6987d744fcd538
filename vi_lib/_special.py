"""The logarithms of the gamma and beta functions and their derivatives, for autograd.

`autograd.scipy` has them, but importing it loads scipy's statistics, integration and signal
processing, which takes longer than all of vi_lib; scipy.special alone takes half of its time. So
scipy is imported at the first call.
"""

from __future__ import annotations

from typing import Any

from autograd.extend import defvjp, primitive
from autograd.numpy.numpy_vjps import unbroadcast_f

from vi_lib._check import Array


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


defvjp(gammaln, lambda ans, x: lambda g: g * digamma(x))
defvjp(digamma, lambda ans, x: lambda g: g * trigamma(x))
defvjp(
    betaln,
    lambda ans, a, b: unbroadcast_f(a, lambda g: g * (digamma(a) - digamma(a + b))),
    lambda ans, a, b: unbroadcast_f(b, lambda g: g * (digamma(b) - digamma(a + b))),
)

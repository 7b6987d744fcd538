"""The gamma function's logarithm and its derivative, for autograd.

`autograd.scipy` has them, but importing it loads scipy's statistics, integration and signal
processing, which takes longer than all of vi_lib; scipy.special alone takes half of its time. So
scipy is imported at the first call.
"""

from __future__ import annotations

from typing import Any

from autograd.extend import defvjp, primitive

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


defvjp(gammaln, lambda ans, x: lambda g: g * digamma(x))
defvjp(digamma, lambda ans, x: lambda g: g * trigamma(x))

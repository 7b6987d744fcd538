r"""Sampling by transformation: a draw is a function of parameters and of noise free of them.

Where x = f(eps, parameters) is differentiable in the parameters,
d/d(parameters) E[h(x)] = E[h'(x) ∂f/∂(parameters)], the pathwise gradient. Every function takes its
noise `eps` as an argument; what it has to be is in its docstring. One row of the table each::

    exponential      eps ~ U(0, 1)       -log(eps) / rate
    cauchy           eps ~ U(0, 1)       loc + scale tan(π eps)
    laplace          eps ~ U(0, 1)       loc - scale sign(e) log(1 - 2 |e|), e = eps - 1/2
    standard_laplace eps ~ U(0, 1)²      log(eps_1 / eps_2)
    gaussian         eps ~ U(0, 1)²      mu + sd sqrt(-2 log eps_1) cos(2π eps_2)   (Box and Muller)
    mvn              eps ~ N(0, I)       mu + L eps
    lognormal        eps ~ N(0, 1)       exp(mu + sd eps)
    gamma            eps ~ U(0, 1)       F⁻¹(eps; shape) / rate, derivative implicit
    inverse_gamma    eps ~ U(0, 1)       1 / gamma(eps, shape, rate)
    rademacher       eps ~ U(0, 1)       1 if eps < p, else -1; no pathwise gradient

Parameters broadcast against the draws. A uniform of exactly 0 or 1 is refused.

Sources: Devroye, Non-Uniform Random Variate Generation (1986); Figurnov, Mohamed and Mnih (NeurIPS
2018) for the gamma distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy as onp
from autograd.extend import Box

from vi_lib._check import Array, SupportError, plain, require_positive, require_shape
from vi_lib._implicit import gamma_log_quantile


def exponential(eps: Array, rate: Any) -> Array:
    """Return x = -log(eps) / rate, elementwise: density rate exp(-rate x), F(x) = 1 - eps.

    Raises:
        SupportError: unless 0 < eps < 1 and rate > 0.
    """
    _require_uniform(eps)
    require_positive("rate", rate)
    return -np.log(eps) / rate


def cauchy(eps: Array, loc: Any, scale: Any) -> Array:
    """Return x = loc + scale tan(π eps), elementwise; F(x) = eps + 1/2 modulo 1.

    Raises:
        SupportError: unless 0 < eps < 1 and scale > 0.
    """
    _require_uniform(eps)
    require_positive("scale", scale)
    return loc + scale * np.tan(onp.pi * eps)


def laplace(eps: Array, loc: Any, scale: Any) -> Array:
    """Return x = F⁻¹(eps), elementwise, for the density exp(-abs(x - loc) / scale) / (2 scale).

    With e = eps - 1/2 in (-1/2, 1/2), x = loc - scale sign(e) log(1 - 2 abs(e)). The argument of
    the logarithm is twice the smaller of eps and 1 - eps, which keeps the digits of a tiny eps.

    Raises:
        SupportError: unless 0 < eps < 1 and scale > 0.
    """
    _require_uniform(eps)
    require_positive("scale", scale)
    lower = plain(eps) < 0.5
    tail = np.log(2.0 * np.where(lower, eps, 1.0 - eps))
    return loc + scale * np.where(lower, tail, -tail)


def standard_laplace(eps: Array) -> Array:
    """Return log(eps_1 / eps_2), the difference of two standard exponentials; (..., 2) -> (...).

    Raises:
        ShapeError: unless eps is (..., 2).
        SupportError: unless 0 < eps < 1.
    """
    require_shape("eps", eps, (..., 2))
    _require_uniform(eps)
    return np.log(eps[..., 0]) - np.log(eps[..., 1])


def gaussian(eps: Array, mu: Any, sd: Any) -> Array:
    """Return mu + sd sqrt(-2 log eps_1) cos(2π eps_2) for two uniforms each; (..., 2) -> (...).

    Without the 2 under the root the variance is half of sd².

    Raises:
        ShapeError: unless eps is (..., 2).
        SupportError: unless 0 < eps < 1 and sd > 0.
    """
    require_shape("eps", eps, (..., 2))
    _require_uniform(eps)
    require_positive("sd", sd)
    radius = np.sqrt(-2.0 * np.log(eps[..., 0]))
    return mu + sd * radius * np.cos(2.0 * onp.pi * eps[..., 1])


def mvn(eps: Array, mu: Array, L: Array) -> Array:
    """Return mu + L eps ~ N(mu, L L') for standard normal eps; (..., D) -> (..., D).

    Args:
        eps: noise (..., D) from N(0, I).
        mu: mean (D,) or (..., D).
        L: (D, D) or (..., D, D), any square root of the covariance.

    Raises:
        ShapeError: unless L is (..., D, D), mu and eps (..., D).
    """
    dim = np.shape(L)[-1] if np.ndim(L) else 0
    require_shape("L", L, (..., dim, dim))
    require_shape("eps", eps, (..., dim))
    require_shape("mu", mu, (..., dim))
    if np.ndim(L) == 2:
        return mu + np.dot(eps, np.transpose(L))
    return mu + np.sum(L * eps[..., None, :], axis=-1)


def lognormal(eps: Array, mu: Any, sd: Any) -> Array:
    """Return exp(mu + sd eps), elementwise, for normal eps; `mu` and `sd` belong to log x.

    Raises:
        SupportError: unless sd > 0.
    """
    require_positive("sd", sd)
    return np.exp(mu + sd * eps)


def log_gamma(eps: Array, shape: Any, rate: Any) -> Array:
    """Return log x, elementwise, of x = `gamma(eps, shape, rate)`, finite below the least float.

    At shape 0.05 one draw in 10¹⁵ is below 1e-308, at shape 0.001 every second one.

    Raises:
        SupportError: unless 0 < eps < 1, shape > 0 and rate > 0.
    """
    _require_uniform(eps)
    require_positive("shape", shape)
    require_positive("rate", rate)
    return gamma_log_quantile(eps, shape) - np.log(rate)


def gamma(eps: Array, shape: Any, rate: Any) -> Array:
    """Return x = F⁻¹(eps; shape) / rate, elementwise: log density (shape - 1) log x - rate x + c.

    No formula removes the shape from the noise of a gamma variable, but the equation
    F(x; shape) = eps defines x as a function of the shape, and its derivative follows from it:
    -(∂F/∂shape) / f(x). autograd gets this one; see `vi_lib._implicit`.

    Raises:
        SupportError: unless 0 < eps < 1, shape > 0 and rate > 0.
    """
    return np.exp(log_gamma(eps, shape, rate))


def inverse_gamma(eps: Array, shape: Any, rate: Any) -> Array:
    """Return 1 / g, elementwise, for g = `gamma(eps, shape, rate)`; `rate` is a scale of 1 / g.

    The row "1/e" of many tables is no reparameterization in the shape: e is a gamma variable, whose
    distribution still depends on the shape, so treating e as noise drops a part of the gradient.
    Here the gamma's implicit derivative supplies it.

    Raises:
        SupportError: unless 0 < eps < 1, shape > 0 and rate > 0.
    """
    return np.exp(-log_gamma(eps, shape, rate))


def rademacher(eps: Array, p: Any = 0.5) -> Array:
    """Return 1 where eps < p and -1 elsewhere, elementwise: 1 with probability p.

    A transformation of noise, but no reparameterization. For fixed eps the draw is a step function
    of p, whose derivative is 0 wherever it exists, while E[h(x)] = p h(1) + (1 - p) h(-1) has
    the derivative h(1) - h(-1). The pathwise gradient would be 0 and wrong, hence the error; sum
    over the two values, or use the score function.

    Raises:
        TypeError: if autograd differentiates with respect to p.
        SupportError: unless 0 <= p <= 1.
    """
    _require_uniform(eps)
    if isinstance(p, Box):
        raise TypeError(
            "rademacher has no pathwise gradient in p: its draws are discrete, so the derivative of"
            " a draw is 0 while that of an expectation is not. Use the score function, or sum over"
            " the values -1 and 1"
        )
    probability = onp.asarray(p, dtype=float)
    inside = (probability >= 0.0) & (probability <= 1.0)
    if not inside.all():
        raise SupportError(f"p must be in [0, 1], got {probability[~inside].flat[0]}")
    return onp.where(plain(eps) < probability, 1.0, -1.0)


ROWS: dict[str, tuple[Callable[..., Array], tuple[str, ...]]] = {
    "exponential": (exponential, ("rate",)),
    "cauchy": (cauchy, ("loc", "scale")),
    "laplace": (laplace, ("loc", "scale")),
    "standard_laplace": (standard_laplace, ()),
    "gaussian": (gaussian, ("mu", "sd")),
    "mvn": (mvn, ("mu", "L")),
    "lognormal": (lognormal, ("mu", "sd")),
    "gamma": (gamma, ("shape", "rate")),
    "inverse_gamma": (inverse_gamma, ("shape", "rate")),
    "rademacher": (rademacher, ("p",)),
}


def sample_reparameterized(name: str, eps: Array, **params: Any) -> Array:
    """Return the draws of the distribution `name` that belong to the noise `eps`.

    Args:
        name: a row of the table above.
        eps: uniform on (0, 1), (S,); (S, 2) for `gaussian` and `standard_laplace`; standard normal
            for `mvn`, (S, D), and `lognormal`.
        params: the parameters of the row by name, such as loc and scale.

    Raises:
        ValueError: if there is no such row.
        TypeError: if a parameter is missing or unknown.
        SupportError: if a scale is not positive or a uniform not inside (0, 1).
    """
    if name not in ROWS:
        raise ValueError(f"name must be one of {', '.join(ROWS)}, got {name!r}")
    draw, wanted = ROWS[name]
    if set(params) != set(wanted):
        raise TypeError(
            f"{name} needs the parameters ({', '.join(wanted)}), got ({', '.join(params)})"
        )
    return draw(eps, **params)


def _require_uniform(eps: Array) -> None:
    value = onp.asarray(plain(eps), dtype=float)
    inside = (value > 0.0) & (value < 1.0)
    if not inside.all():
        raise SupportError(f"eps must be in the open interval (0, 1), got {value[~inside].flat[0]}")

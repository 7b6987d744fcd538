"""Derivatives of an estimator: what turns (values, lam) into gradients and their variance.

An estimator returns one value a draw, (M,), or one value for each group of M / G consecutive draws,
(G,), as bounds with several importance samples do. What is said of draws below holds for groups
then, and averages are averages over groups.

Public names of this module are re-exported by `vi_lib.estimators`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import autograd.numpy as np
import numpy as onp
from autograd import make_vjp

from vi_lib._check import Array, ShapeError, plain, require_shape
from vi_lib.families import Family

LogDensity: TypeAlias = Callable[[Array], Array]
"""(..., D) -> (...), nats."""

Estimator: TypeAlias = Callable[[Array, LogDensity, Family, Array], Array]
"""(lam (P,) or (M, P), log_p, q, eps (M, E)) -> values (M,), or (G,) with G a divisor of M."""

ExplicitEstimator: TypeAlias = Callable[[Array, LogDensity, Family, Array], tuple[Array, Array]]
"""(lam (P,), log_p, q, eps (M, E)) -> values (M,) and gradient (P,) or, draw by draw, (M, P)."""


def stop_gradient(x: Array) -> Array:
    """Return the value of x, of any shape, as a constant: no derivative flows through it."""
    return plain(x)


def values_and_gradient(
    estimator: Estimator, lam: Array, log_p: LogDensity, q: Family, eps: Array
) -> tuple[Array, Array]:
    """Return the values (M,) or (G,) and the gradient (P,) of their mean, by one backward pass.

    Raises:
        ShapeError: unless lam is (P,), eps (M, E) and the values are (M,) or (G,), G dividing M.
    """
    require_shape("lam", lam, (q.num_params,))
    require_shape("eps", eps, ("M", q.noise_dim))
    vjp, values = make_vjp(lambda lam: estimator(lam, log_p, q, eps))(lam)
    num_values = _num_values(estimator, values, len(eps))
    return plain(values), vjp(onp.full(num_values, 1.0 / num_values))


def differentiate(
    estimator: Estimator, log_p: LogDensity, q: Family
) -> Callable[[Array, Array], tuple[float, Array]]:
    """Return f(lam (P,), eps (M, E)) -> (ELBO estimate in nats, gradient estimate (P,))."""

    def elbo_and_gradient(lam: Array, eps: Array) -> tuple[float, Array]:
        values, gradient = values_and_gradient(estimator, lam, log_p, q, eps)
        return float(onp.mean(values)), gradient

    return elbo_and_gradient


def per_draw_gradients(
    estimator: Estimator, lam: Array, log_p: LogDensity, q: Family, eps: Array
) -> Array:
    """Return every draw's own gradient, (M, P), or every group's, (G, P), by one backward pass.

    lam is repeated once a draw and the sum of the values is differentiated: value m depends on the
    rows of its own draws alone. The mean of the result is `differentiate`'s gradient.

    Raises:
        ShapeError: if a shape is wrong, or for an `explicit_gradient` that returns only the mean.
    """
    require_shape("lam", lam, (q.num_params,))
    require_shape("eps", eps, ("M", q.noise_dim))
    rows = onp.tile(lam, (len(eps), 1))
    vjp, values = make_vjp(lambda rows: estimator(rows, log_p, q, eps))(rows)
    num_values = _num_values(estimator, values, len(eps))
    gradients = vjp(onp.ones(num_values))
    if num_values == len(eps):
        return gradients
    return onp.sum(onp.reshape(gradients, (num_values, -1, q.num_params)), axis=1)


def gradient_variance(
    estimator: Estimator,
    lam: Array,
    log_p: LogDensity,
    q: Family,
    rng: onp.random.Generator,
    num_rep: int,
    num_draws: int,
) -> Array:
    """Return the variance (P,) of the gradient estimate from `num_draws` draws.

    It is the sample variance (denominator num_rep - 1) over `num_rep` independent estimates.

    Raises:
        ValueError: for fewer than two repetitions.
    """
    if num_rep < 2:
        raise ValueError(f"num_rep must be at least 2, a variance needs two values, got {num_rep}")
    gradients = [
        values_and_gradient(estimator, lam, log_p, q, q.noise(rng, num_draws))[1]
        for _ in range(num_rep)
    ]
    return onp.var(gradients, axis=0, ddof=1)


def explicit_gradient(function: ExplicitEstimator) -> Estimator:
    """Turn a function that returns (values, gradient) into an estimator.

    The result has the function's values, and the derivative of their mean is the given gradient:
    for a gradient derived by hand, or one that automatic differentiation cannot find.

    Args:
        function: (lam (P,), log_p, q, eps) -> values (M,), gradient (P,), or (M, P) draw by draw;
            with a value for each group of draws (G,) and (G, P).

    Returns:
        an estimator.

    Raises:
        ShapeError: when the estimator is called and a shape is wrong.
    """

    @functools.wraps(function)
    def estimator(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
        rows = plain(lam)
        result: Any = function(rows if rows.ndim == 1 else rows[0], log_p, q, eps)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise ShapeError(
                f"{_name(function)} must return the pair (values, gradient), got {type(result)}"
            )
        values, gradient = (onp.asarray(part, dtype=float) for part in result)
        num_values = _num_values(function, values, len(eps))
        if rows.ndim == 1 and gradient.ndim == 1:
            require_shape(f"gradient of {_name(function)}", gradient, (q.num_params,))
        else:
            require_shape(f"gradient of {_name(function)}", gradient, (num_values, q.num_params))
        if rows.ndim == 2:  # all rows are the same lam, so a group's mean is lam as well
            lam = np.mean(np.reshape(lam, (num_values, -1, q.num_params)), axis=1)
        return with_gradient_of(values, np.sum(lam * gradient, axis=-1))

    return estimator


def with_gradient_of(values: Array, surrogate: Array) -> Array:
    """Return `values`, bit for bit, with the derivative of `surrogate`; both of any shape."""
    return values + (surrogate - stop_gradient(surrogate))


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", repr(function))


def _num_values(function: Callable[..., Any], values: Any, num_draws: int) -> int:
    """Return the number of values; it must be M or, for groups of draws, a divisor of M."""
    shape = np.shape(plain(values))
    if len(shape) == 1 and shape[0] > 0 and num_draws % shape[0] == 0:
        return int(shape[0])
    what = f"values of {_name(function)}"
    raise ShapeError(
        f"{what} must have shape ({num_draws},), got {shape}; one value for each of equal groups of"
        " draws would do as well"
    )

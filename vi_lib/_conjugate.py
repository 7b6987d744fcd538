"""The loop that all models with closed-form updates share.

Coordinate ascent sets one factor of q after the other to its best value,
log q_j(z_j) = E_{-j}[log p(x, z)] + const (Bishop 2006, eq. 10.9). As no update can lower the ELBO,
a fall is the surest sign of a wrong formula, and the loop reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from vi_lib._check import Array, SupportError, require_finite, require_positive, require_shape

#: An ELBO may fall by this fraction of its size between sweeps before it counts as a bug. Round-off
#: makes a converged trace wobble in the last digits (1e-14 relative); a wrong update costs more.
ROUND_OFF_SLACK = 1e-9

State = TypeVar("State")


def coordinate_ascent(
    sweep: Callable[[State], State],
    elbo: Callable[[State], float],
    start: State,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> tuple[State, Array]:
    """Repeat `sweep` until the ELBO stands still.

    Args:
        sweep: Maps the parameters of q to new ones, each factor updated once; it must leave its
            argument as it is.
        elbo: The ELBO of such parameters in nats.
        start: Where to begin. Its ELBO is not asked for, so a start may be incomplete.
        max_iter: Largest number of sweeps.
        rel_tol: Stop when a sweep raises the ELBO by at most this fraction of its size (of 1 if
            the ELBO is smaller). With `-inf` exactly `max_iter` sweeps are made.

    Returns:
        The last state, and the trace: one ELBO after each sweep. A trace of length `max_iter` may
        have been cut short.

    Raises:
        ValueError: If `max_iter` is less than 1.
        NonFiniteError: If an ELBO is not finite; it names the sweep.
        ArithmeticError: If a sweep lowers the ELBO by more than round-off; only a wrong update can.
    """
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1, got {max_iter}")
    state, trace = start, list[float]()
    for number in range(1, max_iter + 1):
        state = sweep(state)
        trace.append(float(elbo(state)))
        require_finite("the ELBO", trace[-1], iteration=number)
        if number == 1:
            continue
        rise, size = trace[-1] - trace[-2], max(1.0, abs(trace[-2]))
        if rise < -ROUND_OFF_SLACK * size:
            raise ArithmeticError(
                f"the ELBO fell from {trace[-2]:.9g} to {trace[-1]:.9g} in sweep {number}"
            )
        if rise <= rel_tol * size:
            break
    return state, np.array(trace)


def require_probabilities(name: str, rows: Array) -> None:
    """Raise unless each row of a matrix (N, K) is a probability vector.

    Raises:
        SupportError: Naming the first row that is none.
    """
    good = np.all(rows >= 0.0, axis=1) & (np.abs(np.sum(rows, axis=1) - 1.0) <= 1e-8)
    if not good.all():
        first = int(np.argmin(good))
        raise SupportError(
            f"each row of {name} must be a probability vector, got {rows[first]} in row {first}"
        )


def named(what: str, values: Mapping[str, float], keys: tuple[str, ...]) -> tuple[float, ...]:
    """Return the values under `keys`, of which all but the first (a mean) must be positive.

    Raises:
        ValueError: If a key is missing.
        SupportError: If a number that must be positive is not.
    """
    if not set(keys) <= set(values):
        raise ValueError(f"{what} must have the keys {', '.join(keys)}, got {', '.join(values)}")
    numbers = tuple(float(values[key]) for key in keys)
    for key, number in zip(keys[1:], numbers[1:], strict=True):
        require_positive(f"{what}[{key!r}]", number)
    return numbers


def positive_vector(name: str, value: Any, dim: int) -> Array:
    """Return a positive number, or a vector (dim,) of them, as a new vector (dim,).

    Raises:
        ShapeError: If it is neither.
        SupportError: If an entry is not positive and finite.
    """
    require_positive(name, value)
    if np.ndim(value):
        require_shape(name, value, (dim,))
    return np.full(dim, value, dtype=float)

"""Checks of arguments, and the errors they raise.

Every error of the library says what was expected and what came. The three classes are
`ValueError`s, so a caller who does not care which one it is can catch that.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from autograd.extend import Box

Array: TypeAlias = np.ndarray
"""An array of float64; its shape is in the docstring of the function that takes or returns it."""


class ShapeError(ValueError):
    """An array has the wrong shape."""


class SupportError(ValueError):
    """A value lies outside the support on which a function is defined."""


class NonFiniteError(ValueError):
    """A NaN or an infinity where a finite number is needed.

    Attributes:
        iteration: the iteration at which it appeared, or None where there are no iterations.
        coordinate: the parameter it belongs to, an index or a name, or None.
        draw: the index of the Monte Carlo draw, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        iteration: int | None = None,
        coordinate: int | str | None = None,
        draw: int | None = None,
    ) -> None:
        super().__init__(message)
        self.iteration = iteration
        self.coordinate = coordinate
        self.draw = draw


def plain(x: Any) -> Any:
    """Return the value of `x` without autograd's boxes, at any depth of nested differentiation."""
    while isinstance(x, Box):
        x = x._value
    return x


def require_shape(name: str, x: Any, expected: tuple[Any, ...]) -> None:
    """Raise unless `x` has the shape `expected`.

    Args:
        name: what `x` is called in the caller's signature.
        x: a number, an array or an autograd box.
        expected: one entry an axis: a number for an exact length, a string such as "M" for any
            length; a leading `...` stands for any number of further axes.

    Raises:
        ShapeError: naming the expected and the actual shape.
    """
    got = np.shape(plain(x))
    leading = len(expected) > 0 and expected[0] is ...
    axes = expected[1:] if leading else expected
    tail = got[len(got) - len(axes) :] if len(axes) <= len(got) else None
    fits = tail is not None and (leading or len(got) == len(axes))
    if fits and tail is not None:
        fits = all(isinstance(e, str) or e == n for e, n in zip(axes, tail, strict=True))
    if not fits:
        wanted = ", ".join("..." if e is ... else str(e) for e in expected)
        wanted = f"({wanted},)" if len(expected) == 1 else f"({wanted})"
        raise ShapeError(f"{name} must have shape {wanted}, got {got}")


def require_finite(name: str, x: Any, *, iteration: int | None = None) -> None:
    """Raise unless every entry of `x` is finite.

    The last axis is taken as the coordinate; of an array with two or more axes the first is the
    draw.

    Raises:
        NonFiniteError: naming the first bad entry; it carries iteration, coordinate and draw.
    """
    value = np.asarray(plain(x), dtype=float)
    finite = np.isfinite(value)
    if finite.all():
        return
    first = np.unravel_index(int(np.argmin(finite)), value.shape)
    where = "" if not first else f" at index {tuple(int(i) for i in first)}"
    when = "" if iteration is None else f" in iteration {iteration}"
    raise NonFiniteError(
        f"{name} must be finite, got {value[first]}{where}{when}"
        f" ({int((~finite).sum())} of {value.size} entries are not finite)",
        iteration=iteration,
        coordinate=int(first[-1]) if first else None,
        draw=int(first[0]) if len(first) > 1 else None,
    )


def require_positive(name: str, x: Any) -> None:
    """Raise unless every entry of `x` is finite and greater than zero.

    Raises:
        SupportError: naming the smallest entry, or the NaN or infinity that came.
    """
    value = np.asarray(plain(x), dtype=float)
    good = np.isfinite(value) & (value > 0.0)
    if not good.all():
        raise SupportError(f"{name} must be positive and finite, got {value[~good].flat[0]}")

"""Functions that are recorded when they are called again, and run as straight NumPy from then on.

The first call is carried out as it is, and so is every call of a function that looks at values. At
the second call with arrays of the same shapes the function is recorded, and the program must return
what the function returns; a function that draws random numbers of its own shows here. The fourth,
eighth, sixteenth call and so on are compared again, for functions that change in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vi_lib._check import Array
from vi_lib._tape import Program, record

CHANGED = (
    "the log density returned another value for the same arguments than before: its functions must"
    " depend on their arguments alone. One that changes while it is fitted can be given to `fit` as"
    " a plain function, such as lambda zeta: model.log_p(zeta)"
)
#: Largest relative difference between a function and its program, which differ in no operation.
AGREEMENT = 1e-10


@dataclass(eq=False)
class Replay:
    """`function` (arrays) -> an array or a tuple of arrays, faster from the third call on."""

    function: Callable[..., Any]
    _known: dict[Any, Program | None] = field(default_factory=dict)
    _calls: Counter[Any] = field(default_factory=Counter)

    def __call__(self, *arrays: Array) -> Any:
        """Return what the function returns.

        Raises:
            ValueError: If it turns out that the function is no longer what has been recorded.
        """
        shapes = tuple([a.shape for a in arrays])
        self._calls[shapes] = calls = self._calls[shapes] + 1
        program = self._known.get(shapes)
        if program is None:
            found = self.function(*arrays)
            if calls == 2:
                self._known[shapes] = _trusted(self.function, arrays, found)
            return found
        found = program.run(*arrays)
        if calls & (calls - 1) == 0 and not _agree(found, self.function(*arrays)):
            raise ValueError(CHANGED)
        return found


def recordable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function whose result depends on its arguments, and its object's, alone."""
    function.recordable = True  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True, eq=False)
class OfArrays:
    """A log density of zeta and of arrays that change from step to step, such as a minibatch.

    `function` (zeta, *columns) depends on its arguments alone.
    """

    function: Callable[..., Array]
    columns: tuple[Array, ...]

    def __call__(self, zeta: Array) -> Array:
        """Return the log density, in nats."""
        return self.function(zeta, *self.columns)


def _trusted(function: Callable[..., Any], arrays: tuple[Array, ...], found: Any) -> Program | None:
    try:
        program = record(function, *arrays)
        return program if _agree(program.run(*arrays), found) else None
    except Exception:  # the function itself did well here: whatever it is, boxes cannot do it
        return None


@dataclass(eq=False)
class ReplayLinear:
    """`function` (x) -> (value, v -> product), such as a gradient and products with its Jacobian.

    The part of a product that does not depend on v is computed once for each x.
    """

    function: Callable[[Array], tuple[Array, Callable[[Array], Array]]]
    _known: dict[Any, Program | None] = field(default_factory=dict)
    _calls: Counter[Any] = field(default_factory=Counter)

    def __call__(self, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return what the function returns."""
        self._calls[x.shape] = calls = self._calls[x.shape] + 1
        program = self._known.get(x.shape)
        if program is not None:
            return program.run(x)
        found, product = self.function(x)
        if calls == 2:
            self._known[x.shape] = self._trusted(x, found, product)
        return found, product

    def _trusted(self, x: Array, found: Array, product: Callable[[Array], Array]) -> Program | None:
        def both(x: Array, v: Array) -> tuple[Array, Array]:
            value, apply = self.function(x)
            return value, apply(v)

        v = np.cos(np.arange(x.size, dtype=float)).reshape(x.shape)
        try:
            program = record(both, x, later=(v,))
            value, then = program.run(x)
            return program if _agree((value, then(v)), (found, product(v))) else None
        except Exception:  # as above
            return None


def _agree(got: Any, wanted: Any) -> bool:
    """Whether a program returns what its function does, up to rounding."""
    pairs = zip(got, wanted, strict=True) if isinstance(wanted, tuple) else ((got, wanted),)
    return all(
        np.shape(a) == np.shape(b)
        and np.allclose(a, b, rtol=AGREEMENT, atol=AGREEMENT * _size(b), equal_nan=True)
        for a, b in pairs
    )


def _size(x: Any) -> float:
    finite = np.abs(x)[np.isfinite(x)]
    return float(np.max(finite, initial=0.0))

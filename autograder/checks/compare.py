"""Comparing what came with what was expected, in the words of the exercise.

Every function here returns nothing when all is well and raises `Mismatch` otherwise. Tolerances are
relative to the expected value; a test's own cases must make every term of the answer at least 100
times larger than they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import stdtrit

EXACT = 1e-9
"""Relative tolerance for closed forms."""
NUMERICAL = 1e-6
"""Relative tolerance where the reference itself is a quadrature, an iteration or a derivative."""
SINGLE = 1e-4
"""Relative tolerance granted to answers in float32."""


class Mismatch(AssertionError):
    """What came is not what was expected; carries both, so that the reason can be looked up."""

    def __init__(
        self, message: str, expected: Any = None, got: Any = None, name: str | None = None
    ):
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.got = got
        self.name = name  # a mistake recognised from the comparison itself, such as "negated"


def show(value: Any) -> str:
    """A short, fixed-digit rendering of a value for a message."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{key}: {show(item)}" for key, item in list(value.items())[:8]) + "}"
        )
    if isinstance(value, (list, tuple)):
        inside = ", ".join(show(item) for item in value[:8])
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, np.ndarray) and value.ndim > 0:
        text = np.array2string(value, precision=6, threshold=8, edgeitems=3, separator=", ")
        return " ".join(text.split())
    if isinstance(value, (float, np.ndarray, np.floating)):
        return f"{float(value):.8g}"
    return repr(value)


def array(value: Any, what: str) -> np.ndarray:
    """`value` as a numeric array, whether number, list or array."""
    try:
        found = np.asarray(value)
    except ValueError:
        found = np.asarray(None)
    if found.dtype.kind not in "fiub":
        raise Mismatch(f"{what}: expected numbers, got {_shown(value)}.", got=value)
    return found


def number(value: Any, what: str) -> float:
    """`value` as a float, whether it came as a number, a 0-d array or an array of one entry."""
    found = array(value, what)
    if found.size != 1:
        raise Mismatch(f"{what}: expected one number, got {show(value)}.", got=value)
    return float(found.reshape(()))


def close(
    got: Any,
    expected: Any,
    what: str,
    *,
    rtol: float = EXACT,
    atol: float = 0.0,
    any_shape: bool = False,
) -> None:
    """Require `got` to equal `expected` in shape and, within the tolerance, in value.

    The tolerance of an entry is `rtol * |expected| + atol`, plus `1e-3 rtol` of the largest entry
    for round-off. A number may come as a float, a 0-d or a (1,) array. With `any_shape` only the
    number of entries counts.
    """
    want = np.asarray(expected, dtype=float)
    came = array(got, what)
    single = came.dtype == np.float32
    rtol = max(rtol, SINGLE) if single else rtol
    kind = ", in single precision (float32)" if single else ""
    came = came.astype(float)
    if came.shape != want.shape:
        if came.size != want.size or not (any_shape or want.size == 1):
            raise Mismatch(
                f"{what}: expected {_shape(want)}, got {_shape(came)}.", expected=expected, got=got
            )
        came = came.reshape(want.shape)
    if np.isfinite(want).all() and not np.isfinite(came).all():
        raise Mismatch(
            f"{what}: expected {show(want)}, got {show(came)}{kind}, which is not finite.",
            want,
            came,
            "not-finite",
        )
    largest = np.max(np.abs(want), initial=0.0, where=np.isfinite(want))
    tolerance = rtol * np.abs(want) + atol + 1e-3 * rtol * largest
    with np.errstate(invalid="ignore"):
        near = np.where(np.isfinite(want), np.abs(came - want) <= tolerance, came == want)
        opposite = np.abs(came + want) <= tolerance
    if near.all():
        return
    name = "negated" if opposite.all() and largest > 0 else None
    raise Mismatch(f"{what}: expected {show(want)}, got {show(came)}{kind}.", want, came, name)


def _shown(value: Any) -> str:
    """`show`, with a question where nothing came."""
    return "None (is a `return` missing?)" if value is None else show(value)


def _brief(value: Any, most: int = 160) -> str:
    text = _shown(value)
    return text if len(text) <= most else f"{text[:most]} …"


def _shape(values: np.ndarray) -> str:
    return "one number" if values.ndim == 0 else f"an array of shape {values.shape}"


def unpack(value: Any, names: tuple[str, ...], what: str) -> tuple[Any, ...]:
    """The parts of a returned tuple, list, named tuple, dataclass, or array of rows."""
    if isinstance(value, dict):
        if set(names) <= set(value):
            return tuple(value[name] for name in names)
        parts: list[Any] = list(value.values())
    elif isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0):
        parts = list(value)
    else:
        parts = [value]
    if len(parts) != len(names):
        listing = ", ".join(names)
        raise Mismatch(
            f"{what}: expected {len(names)} results ({listing}), got {_brief(value)}.", got=value
        )
    return tuple(parts)


def entry(value: Any, key: str, what: str) -> Any:
    """The entry `key` of a returned dict, or of a named tuple or dataclass with that field."""
    if not isinstance(value, dict):
        raise Mismatch(
            f"{what}: expected a dict with the key {key!r}, got {_brief(value)}.", got=value
        )
    if key not in value:
        raise Mismatch(
            f"{what}: expected the key {key!r}, got the keys {sorted(value)}.", got=value
        )
    return value[key]


def require(condition: bool, message: str, *, expected: Any = None, got: Any = None) -> None:
    """Require a property that is not an equality, such as a sign or an order."""
    if not condition:
        raise Mismatch(message, expected, got)


def z_test(draws: np.ndarray, expected: Any, what: str, *, alpha: float = 1e-6) -> None:
    """Require the mean of independent draws (R,) or (R, P) to be `expected`, per coordinate.

    A t-test with a false-alarm rate of at most `alpha` for all coordinates together (Bonferroni),
    for near-Gaussian draws: average heavy tails into batches first, so that R >= 20 rows of many
    draws each are left.
    """
    rows = np.asarray(draws, dtype=float)
    rows = rows.reshape(len(rows), -1)
    want = np.asarray(expected, dtype=float).reshape(-1)
    if not np.isfinite(rows).all():
        raise Mismatch(f"{what}: expected finite values, got some that are not.", name="not-finite")
    if rows.shape[1] != want.size:
        raise Mismatch(f"{what}: expected {want.size} values per call, got {rows.shape[1]}.")
    with np.errstate(over="ignore"):
        mean, error = rows.mean(axis=0), rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
    if not np.isfinite(error).all():
        # An infinite error would let any mean pass.
        raise Mismatch(f"{what}: expected a mean of {show(want)}, got values up to 1e154 and more.")
    error = np.maximum(error, 1e-12 * np.maximum(np.abs(want), 1e-300))
    threshold = -stdtrit(len(rows) - 1.0, alpha / 2 / want.size)
    if np.all(np.abs(mean - want) <= threshold * error):
        return
    opposite = bool(np.all(np.abs(mean + want) <= threshold * error))
    raise Mismatch(
        f"{what}: expected a mean of {show(want)}, got {show(mean)} ± {show(error)} "
        f"over {len(rows)} repetitions.",
        want,
        mean,
        "negated" if opposite else None,
    )

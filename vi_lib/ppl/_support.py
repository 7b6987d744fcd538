"""Supports: where the draws of a distribution lie, and which support lies in which."""

from __future__ import annotations

from typing import TypeAlias

import numpy as onp

from vi_lib._check import Array, plain

Support: TypeAlias = "str | tuple[float, float] | range"
"""`"real"`, `"positive"`, `"unit"`, a pair `(a, b)`, `"simplex"`, `"ordered"`, `"count"` (0, 1, 2,
...), `range(n)` for 0 to n - 1, or `"any"`."""

#: How far the entries of a point on the simplex may miss the sum 1.
SIMPLEX_SLACK = 1e-8


def in_support(support: Support, v: Array) -> Array:
    """Return whether v lies in the closure of a support, entry by entry (rows of a simplex)."""
    v = onp.asarray(plain(v))
    if support == "any":
        return onp.full(onp.shape(v), True)
    if isinstance(support, range):
        return (v >= support.start) & (v < support.stop) & (v == onp.floor(v))
    if support == "count":
        return (v >= 0) & (v == onp.floor(v))
    if support == "simplex":
        return onp.all(v >= 0.0, axis=-1) & (onp.abs(onp.sum(v, axis=-1) - 1.0) <= SIMPLEX_SLACK)
    if support == "ordered":
        return onp.all(onp.diff(v, axis=-1) >= 0.0, axis=-1)
    low, high = _ends(support)
    return (v >= low) & (v <= high)  # NaN is in no support


def contains(outer: Support, inner: Support) -> bool:
    """Return whether every point of the support `inner` is one of `outer`."""
    if outer == inner or "any" in (outer, inner):
        return True
    if isinstance(inner, range) and (outer == "count" or isinstance(outer, range)):
        return inner.start >= 0 and (outer == "count" or inner.stop <= outer.stop)  # type: ignore[union-attr]
    if is_discrete(outer) or is_discrete(inner) or outer in ("simplex", "ordered"):
        return False
    if inner in ("simplex", "ordered"):
        inner = "unit" if inner == "simplex" else "real"
    (low, high), (least, most) = _ends(outer), _ends(inner)
    return low <= least and most <= high


def is_discrete(support: Support) -> bool:
    """Return whether a support has gaps, so that no gradient passes through its points."""
    return isinstance(support, range) or support == "count"


def _ends(support: Support) -> tuple[float, float]:
    if isinstance(support, tuple):
        return support
    return {"positive": (0.0, onp.inf), "unit": (0.0, 1.0)}.get(str(support), (-onp.inf, onp.inf))

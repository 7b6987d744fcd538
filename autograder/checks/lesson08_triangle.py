"""Checks of E8.1, `unpack_tril(vec, D)` and `pack_tril(L)`.

The order of the entries in vec is the answer's own. What it is, is read off the first call: the
entries of vec are all different, so each place of L shows where it comes from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import Mismatch, array, close, show
from autograder.checks.protocol import Part, Recorder, Unanswered

Array = Any
Rng = np.random.Generator

DIMS = (3, 1, 2, 4, 5)


def _vector(rng: Rng, dim: int) -> Array:
    """Entries of both signs that differ from each other, from 0, and in their exponentials."""
    num = dim * (dim + 1) // 2
    sizes = np.linspace(0.3, 1.6, num) + rng.uniform(-0.2, 0.2, num) / num
    return rng.permutation(sizes * np.where(np.arange(num) % 2 == 0, 1.0, -1.0))


def factor(rng: Rng, dim: int) -> Array:
    """Lower triangular with a positive diagonal; entries and log determinant are not near 0."""
    below = rng.choice([-1.0, 1.0], (dim, dim)) * rng.uniform(0.3, 1.1, (dim, dim))
    sizes = np.where(np.arange(dim) % 2 == 0, rng.uniform(1.6, 2.4, dim), rng.uniform(0.75, 0.85))
    return np.tril(below, -1) + np.diag(rng.permutation(sizes))


def _matrix(answer: Recorder, vec: Array, dim: int, what: str = "") -> Array:
    """What `unpack_tril` returns, lower triangular with a positive diagonal."""
    return _triangle(answer.call("unpack_tril", vec, dim), dim, what or f"D = {dim}")


def _triangle(found: Any, dim: int, case: str) -> Array:
    """The same for what has been returned already."""
    L = array(found, "`unpack_tril`")
    if L.shape != (dim, dim):
        raise Mismatch(f"`unpack_tril`, {case}: expected shape {(dim, dim)}, got {L.shape}.")
    if np.any(np.triu(L, 1) != 0.0):
        raise Mismatch(
            f"`unpack_tril`, {case}: expected zeros above the diagonal, got {show(L)}.", got=L
        )
    if not np.all(np.diagonal(L) > 0.0):
        raise Mismatch(
            f"`unpack_tril`, {case}: expected a positive diagonal, got {show(np.diagonal(L))}.",
            got=L,
        )
    return L


def _vector_of(answer: Recorder, L: Array, what: str) -> Array:
    """What `pack_tril` returns, of the right length."""
    packed = array(answer.call("pack_tril", L), "`pack_tril`")
    shape = (len(L) * (len(L) + 1) // 2,)
    if packed.shape != shape:
        raise Mismatch(f"`pack_tril`, {what}: expected shape {shape}, got {packed.shape}.")
    return packed


def _entries(L: Array) -> Array:
    """The logarithms of the diagonal and what is below it, in no particular order."""
    return np.concatenate([np.log(np.diagonal(L)), L[np.tril_indices(len(L), -1)]])


def _valid(answer: Recorder, rng: Rng) -> None:
    for dim in DIMS:
        vec = _vector(rng, dim)
        other = -np.sign(vec) * np.abs(_vector(rng, dim))
        # Both calls come first: at positive entries alone an absolute value changes nothing.
        both = [answer.call("unpack_tril", v, dim) for v in (vec, other)]
        found, again = (_entries(_triangle(L, dim, f"D = {dim}")) for L in both)
        what = f"`unpack_tril`, D = {dim}: log diagonal and entries below, in rising order"
        close(np.sort(found), np.sort(vec), what)
        order = np.argmin(np.abs(found[:, None] - vec), axis=1)
        what = f"`unpack_tril`, D = {dim}: the same places for another vec"
        close(again, other[order], what)


def _round_trip(answer: Recorder, rng: Rng) -> None:
    for dim in DIMS:
        vec, L = _vector(rng, dim), factor(rng, dim)
        unpacked = _matrix(answer, vec, dim)
        packed = _vector_of(answer, L, f"D = {dim}")
        again = answer.call("unpack_tril", packed, dim)
        back = answer.call("pack_tril", unpacked)
        try:
            close(again, L, f"`unpack_tril(pack_tril(L), {dim})`")
        except Mismatch as error:
            found = error.got if isinstance(error.got, np.ndarray) else np.zeros((1, 1))
            if np.allclose(np.diagonal(found), np.exp(np.diagonal(L))):
                error.name = "logarithm-forgotten-in-pack"
            raise
        close(back, vec, f"`pack_tril(unpack_tril(vec, {dim}))`")


def _slopes(answer: Recorder, vec: Array, dim: int, what: str) -> None:
    """The sum of L has the slope exp(v) in D entries v of vec, and 1 in the others."""
    try:
        slopes = array(answer.gradient("unpack_tril", 0, vec, dim), "the gradient").astype(float)
    except Unanswered as error:
        # The value had been right: it is autograd that the answer cannot take.
        raise Mismatch(
            f"{what}: expected numbers, got an error. {error.fault.message}",
            name="assigned-in-place" if "setting an array" in error.fault.message else None,
        ) from None
    if slopes.shape != vec.shape:
        raise Mismatch(f"{what}: expected shape {vec.shape}, got {slopes.shape}.")
    with np.errstate(over="ignore"):
        on = np.abs(slopes - np.exp(vec)) < np.abs(slopes - 1.0)
    want = np.where(on, np.exp(np.where(on, vec, 0.0)), 1.0)
    close(slopes, want, what)
    if on.sum() != dim:
        raise Mismatch(f"{what}: expected {dim} exponentials in it, got {on.sum()}.", got=slopes)


def _gradient(answer: Recorder, rng: Rng) -> None:
    for dim in (3, 1):
        what = f"the gradient of the sum of `unpack_tril(vec, {dim})` in vec"
        vec = _vector(rng, dim)
        _matrix(answer, vec, dim)
        _slopes(answer, vec, dim, what)


def _odd(answer: Recorder, rng: Rng) -> None:
    """Whole numbers; a correlated pair in large units, one of them tiny."""
    whole = np.array([[2, 0, 0], [-3, 1, 0], [4, -5, 3]])
    packed = _vector_of(answer, whole, "a matrix of whole numbers")
    what = "`unpack_tril(pack_tril(L), 3)` of a matrix of whole numbers"
    close(answer.call("unpack_tril", packed, 3), whole, what)
    vec = rng.permutation([1, -2, 3])
    found = np.sort(_entries(_matrix(answer, vec, 2, "a vec of whole numbers")))
    close(found, np.sort(vec), "`unpack_tril` of whole numbers: the entries, in rising order")
    large = float(rng.uniform(900.0, 2000.0))
    for sign in (-1.0, 1.0):
        units = np.array([[large, 0.0], [sign * large, 1e-12 * large]])
        packed = _vector_of(answer, units, f"entries near {large:.0f}")
        what = f"`unpack_tril(pack_tril(L), 2)` of a matrix with an entry of {sign * large:.0f}"
        close(answer.call("unpack_tril", packed, 2), units, what)
        what = f"the gradient of the sum of `unpack_tril(vec, 2)` with {sign * large:.0f} in vec"
        _slopes(answer, packed, 2, what)


TRIANGLE_PARTS = (
    Part("unpack: lower triangular, with a positive diagonal", 1.0, _valid),
    Part("there and back, D = 1 to 5", 1.5, _round_trip),
    Part("autograd finds the gradient", 1.0, _gradient),
    Part("whole numbers, large entries", 0.5, _odd),
)

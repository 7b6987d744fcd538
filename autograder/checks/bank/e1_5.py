"""Typical answers to E1.5, `log_mean_exp(a, axis=None, keepdims=False)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def _named(function: Callable[..., Any]) -> Implementation:
    return {"log_mean_exp": function}


def naive(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    return np.log(np.mean(np.exp(a), axis=axis, keepdims=keepdims))


def without_mean(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    return special.logsumexp(a, axis=axis, keepdims=keepdims)


def plain_mean(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    return np.mean(a, axis=axis, keepdims=keepdims)


def divided_by_everything(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    return special.logsumexp(a, axis=axis, keepdims=keepdims) - np.log(np.size(a))


def divided_by_rows(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    return special.logsumexp(a, axis=axis, keepdims=keepdims) - np.log(len(a))


def _shifted_by(
    shift: Callable[[Array, Any], Array], guarded: bool, added_back: bool = True
) -> Implementation:
    """`naive` with a shift taken out: right if the shift has the right shape and is finite."""

    def answer(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
        m = shift(a, axis)
        m = np.where(np.isfinite(m), m, 0.0) if guarded else m
        rest = naive(a - m, axis, keepdims)
        return m + rest if added_back else rest

    return _named(answer)


def top_of_all(a: Array, axis: Any) -> Array:
    return np.max(a)


def flat_top(a: Array, axis: Any) -> Array:
    return np.max(a, axis=axis)


def top(a: Array, axis: Any) -> Array:
    return np.max(a, axis=axis, keepdims=True)


def unguarded(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    largest = top(a, axis)
    found = largest + naive(a - largest, axis, keepdims=True)
    return found if keepdims else np.squeeze(found, axis=axis)


def minimum_subtracted(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    low = np.min(a, axis=axis, keepdims=True)
    found = low + naive(a - low, axis, keepdims=True)
    return found if keepdims else np.squeeze(found, axis=axis)


def count_off(by: int) -> Implementation:
    def answer(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
        count = np.size(a) if axis is None else np.shape(a)[axis]
        return special.logsumexp(a, axis=axis, keepdims=keepdims) - np.log(count + by)

    return _named(answer)


def divided_before_the_logarithm(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    count = np.size(a) if axis is None else np.shape(a)[axis]
    return special.logsumexp(a, axis=axis, keepdims=keepdims) / count


def clipped(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    return naive(np.clip(a, -700.0, 700.0), axis, keepdims)


def _safe_top(a: Array, axis: Any) -> Array:
    largest = top(a, axis)
    return np.where(np.isfinite(largest), largest, 0.0)


def tiny_number_added(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    mean = np.mean(np.exp(a - _safe_top(a, axis)), axis=axis, keepdims=True)
    found = _safe_top(a, axis) + np.log(mean + 1e-300)
    return found if keepdims else np.squeeze(found, axis=axis)


def infinite_entries_dropped(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    count = np.maximum(np.sum(np.isfinite(a), axis=axis, keepdims=keepdims), 1)
    return special.logsumexp(a, axis=axis, keepdims=keepdims) - np.log(count)


def negative_axis_lost(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    return where_form(a, axis if axis in (None, 0, 1) else None, keepdims)


WRONG = (
    Wrong(
        "overflows",
        _named(naive),
        "Right on paper; but exp(1000) overflows to inf and exp(-1000) underflows to 0. Take the "
        "largest entry out of the average first: log mean exp(a) = m + log mean exp(a − m).",
    ),
    Wrong(
        "mean-forgotten",
        _named(without_mean),
        "That is the logarithm of the *sum*. For equal entries the mean must give the entry back: "
        "what is left to subtract?",
    ),
    Wrong(
        "one-maximum-for-all",
        _shifted_by(top_of_all, guarded=True),
        "You subtract the largest entry of the whole array. A row far below it underflows: each "
        "row needs its own maximum (`axis`, and `keepdims=True` so that it broadcasts).",
        also=(_shifted_by(top_of_all, guarded=False),),
    ),
    Wrong(
        "minus-infinity-unguarded",
        _named(unguarded),
        "Where all entries are -inf, so is the maximum, and -inf − (-inf) is NaN. What is the "
        "logarithm of a mean of zeros? Guard this case.",
    ),
    Wrong(
        "maximum-without-keepdims",
        _shifted_by(flat_top, guarded=True),
        "`np.max(a, axis=1)` has shape (3,) and does not line up with rows of a (3, 4) array: "
        "`keepdims=True` keeps it (3, 1).",
        also=(_shifted_by(flat_top, guarded=False),),
    ),
    Wrong(
        "maximum-keeps-its-axis",
        _shifted_by(top, guarded=True),
        "The maximum that you add has kept its axis, the mean has not. For axis=1 that is (3, 1) "
        "plus (3,), which broadcasts to (3, 3): bring both to the same shape before you add.",
        also=(_shifted_by(top, guarded=False),),
    ),
    Wrong(
        "divided-by-everything",
        _named(divided_by_everything),
        "Divide by the number of entries you average, that along `axis`, and not by the size of "
        "the whole array.",
        also=(_named(divided_by_rows),),
    ),
    Wrong(
        "plain-mean",
        _named(plain_mean),
        "exp and log cancel only for a single entry. The mean of the exponentials is not the "
        "exponential of the mean.",
    ),
    Wrong(
        "minimum-subtracted",
        _named(minimum_subtracted),
        "You take out the smallest entry, so the largest still overflows. Which one must become 0?",
    ),
    Wrong(
        "maximum-not-added-back",
        _shifted_by(top, guarded=False, added_back=False),
        "You subtract the maximum inside and do not add it again outside.",
        also=(_shifted_by(top, guarded=True, added_back=False),),
    ),
    Wrong(
        "count-off-by-one",
        count_off(1),
        "Count again: how many entries are averaged? Try two equal numbers.",
        also=(count_off(-1),),
    ),
    Wrong(
        "divided-after-the-logarithm",
        _named(divided_before_the_logarithm),
        "The mean divides inside the logarithm: outside, that is subtracting log n and not "
        "dividing by n.",
    ),
    Wrong(
        "clipped",
        _named(clipped),
        "Clipping keeps the numbers finite and makes them wrong: log mean exp of numbers near 1000 "
        "is near 1000.",
    ),
    Wrong(
        "tiny-number-added",
        _named(tiny_number_added),
        "The tiny number under the logarithm turns log 0 = -inf into some −690. Minus infinity is "
        "the right answer there.",
    ),
    Wrong(
        "infinite-entries-dropped",
        _named(infinite_entries_dropped),
        "An entry of -inf is a zero in the mean: it adds nothing to the sum, but it does count.",
    ),
    Wrong(
        "axis-ignored",
        _named(lambda a, axis=None, keepdims=False: where_form(a)),
        "Your result does not depend on `axis`: it must go into the maximum and into the mean.",
        also=(_named(lambda a, axis=None, keepdims=False: unguarded(a)),),
    ),
    Wrong(
        "keepdims-ignored",
        _named(lambda a, axis=None, keepdims=False: where_form(a, axis)),
        "With `keepdims=True` the averaged axis stays, with length 1.",
        also=(_named(lambda a, axis=None, keepdims=False: unguarded(a, axis)),),
    ),
    Wrong(
        "negative-axis-lost",
        _named(negative_axis_lost),
        "`axis=-1` is the last axis, as everywhere in NumPy.",
    ),
)


# Right


def where_form(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    safe = _safe_top(a, axis)
    found = safe + np.log(np.mean(np.exp(a - safe), axis=axis, keepdims=True))
    return found if keepdims else np.squeeze(found, axis=axis)


def with_scipy(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    count = np.size(a) if axis is None else np.shape(a)[axis]
    return special.logsumexp(a, axis=axis, keepdims=keepdims) - np.log(count)


def scipy_with_weights(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    shares = np.ones(np.shape(a)) / (np.size(a) if axis is None else np.shape(a)[axis])
    return special.logsumexp(a, b=shares, axis=axis, keepdims=keepdims)


def by_logaddexp(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    count = np.size(a) if axis is None else np.shape(a)[axis]
    found = np.logaddexp.reduce(np.asarray(a, dtype=float), axis=axis) - np.log(count)
    return np.reshape(found, np.shape(top(a, axis))) if keepdims else found


def in_a_loop(a: Array, axis: Any = None, keepdims: bool = False) -> Any:
    if axis is None:
        return one_by_one(np.ravel(a)) + np.zeros([1] * np.ndim(a) if keepdims else [])
    found = np.apply_along_axis(one_by_one, axis, np.asarray(a, dtype=float))
    return np.expand_dims(found, axis) if keepdims else found


def one_by_one(row: Array) -> float:
    largest = max(row)
    if largest == -np.inf:
        return largest
    return float(largest + np.log(sum(np.exp(value - largest) for value in row) / len(row)))


RIGHT = (
    Right("guarded by where", _named(where_form)),
    Right("scipy's logsumexp minus log n", _named(with_scipy)),
    Right("scipy's logsumexp with weights 1/n", _named(scipy_with_weights)),
    Right("logaddexp", _named(by_logaddexp)),
    Right("loops", _named(in_a_loop)),
)

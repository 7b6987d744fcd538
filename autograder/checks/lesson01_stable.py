"""Checks of E1.5, `log_mean_exp(a, axis=None, keepdims=False)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import close
from autograder.checks.protocol import Part, Recorder
from vi_lib.divergences import log_mean_exp

Array = Any
Rng = np.random.Generator


def _same(answer: Recorder, what: str, a: Array, **options: Any) -> None:
    close(answer.call("log_mean_exp", a, **options), log_mean_exp(a, **options), what)


def _values(answer: Recorder, rng: Rng) -> None:
    _same(answer, "`log_mean_exp` of 5 numbers", rng.normal(0.0, 1.5, 5))
    _same(answer, "`log_mean_exp` of whole numbers", rng.permutation([-3, 0, 1, 2]))
    _same(answer, "`log_mean_exp` of a single number", rng.uniform(1.0, 2.0, 1))


def _extremes(answer: Recorder, rng: Rng) -> None:
    a = rng.normal(0.0, 1.5, 5)
    _same(answer, "`log_mean_exp` of 5 numbers near -1000", a - 1000.0)
    _same(answer, "`log_mean_exp` of 5 numbers near 1000", a + 1000.0)
    _same(answer, "`log_mean_exp` of -1000, 0 and 1000", np.array([-1000.0, 0.0, 1000.0]))


def _axes(answer: Recorder, rng: Rng) -> None:
    a = rng.normal(0.0, 1.5, (3, 4))
    for axis in (None, 0, 1, -1):
        _same(answer, f"`log_mean_exp(a, axis={axis})` for a of shape (3, 4)", a, axis=axis)
    for axis in (1, None):
        options = {"axis": axis, "keepdims": True}
        what = f"`log_mean_exp(a, axis={axis}, keepdims=True)` for a of shape (3, 4)"
        _same(answer, what, a, **options)
    levels = a + np.array([[-2000.0], [0.0], [2000.0]])
    _same(answer, "`log_mean_exp(a, axis=1)` for rows near -2000, 0 and 2000", levels, axis=1)


def _zeros(answer: Recorder, rng: Rng) -> None:
    """The logarithm of 0 is -inf, among other entries, in a row, and everywhere."""
    a = rng.normal(0.0, 1.5, (3, 4))
    a[0, 1:3] = -np.inf
    _same(answer, "`log_mean_exp` of 4 numbers, two of them -inf", a[0])
    a[1] = -np.inf
    _same(answer, "`log_mean_exp(a, axis=1)` with a row of -inf", a, axis=1)
    _same(answer, "`log_mean_exp` of -inf, -inf and -inf", np.full(3, -np.inf))


STABLE_PARTS = (
    Part("value", 0.5, _values),
    Part("±1000", 1.0, _extremes),
    Part("axis and keepdims", 1.0, _axes),
    Part("minus infinity", 0.5, _zeros),
)

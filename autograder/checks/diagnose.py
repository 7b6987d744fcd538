"""Which typical mistake is it? The wrong answer of the bank that reproduces the outcomes decides.

Every call that a part made is on record, with its outcome. A wrong answer explains the failure
when, put through the same calls, it gives the same outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checks.answer import Call, Fault, LocalAnswer, Outcome
from autograder.checks.protocol import Exercise, Wrong

RTOL = 1e-6
"""Two answers agree when they agree to this relative tolerance."""
FAULTS = (
    ("could not be broadcast", "not aligned", "core dimension"),
    ("truth value of an array",),
    ("to unpack",),
    ("is not subscriptable",),
    ("is not defined",),
)
"""Faults of one type with different reasons: a wrong shape explains nothing but a wrong shape."""


def diagnose(
    exercise: Exercise, records: Sequence[tuple[Call, Outcome]], preferred: str | None = None
) -> Wrong | None:
    """The first wrong answer that reproduces the records; `preferred` names one to try first."""
    if not records or not exercise.replayed:
        return None
    bank = sorted(exercise.wrong, key=lambda wrong: wrong.name != preferred)
    return next((wrong for wrong in bank if reproduces(wrong, records)), None)


def reproduces(wrong: Wrong, records: Sequence[tuple[Call, Outcome]]) -> bool:
    """Whether the wrong answer gives the recorded outcome for every call, the last call first."""
    answers = map(LocalAnswer, (wrong.answer, *wrong.also))
    return any(
        all(_same_outcome(answer.perform(call), outcome) for call, outcome in reversed(records))
        for answer in answers
    )


def _same_outcome(ours: Outcome, theirs: Outcome) -> bool:
    if ours.fault is not None and theirs.fault is not None:
        return _alike(ours.fault, theirs.fault)
    if ours.fault is not None or theirs.fault is not None:
        return False
    same_behaviour = (ours.mutated, ours.global_random) == (theirs.mutated, theirs.global_random)
    return same_behaviour and same(ours.value, theirs.value)


def _alike(ours: Fault, theirs: Fault) -> bool:
    """Whether two faults are of one type, and of one kind where their type has several."""
    kinds = [
        [any(words in fault.message for words in kind) for kind in FAULTS]
        for fault in (ours, theirs)
    ]
    return ours.error_type == theirs.error_type and kinds[0] == kinds[1]


def same(a: Any, b: Any) -> bool:
    """Whether two returned values agree in structure and, to `RTOL`, in every number."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return type(a) is type(b) and bool(a == b)
    if isinstance(a, dict) or isinstance(b, dict):
        return False
    try:
        left, right = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    except (TypeError, ValueError):
        return False
    if left.shape != right.shape and not left.size == right.size == 1:
        return False
    left, right = left.reshape(-1), right.reshape(-1)
    largest = np.max(np.abs(left), initial=0.0, where=np.isfinite(left))
    return bool(np.allclose(left, right, rtol=RTOL, atol=1e-3 * RTOL * largest, equal_nan=True))

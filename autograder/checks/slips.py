"""Which mistake explains one of several results, whatever the others are?

`diagnose` asks for an entry of the bank that gives the same outcomes as a whole. An answer with one
slip in its mean and another in its sd matches none; here each result is looked up by itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograder.checks.answer import Call, LocalAnswer, Outcome
from autograder.checks.compare import Mismatch, unpack
from autograder.checks.diagnose import RTOL, same
from autograder.checks.protocol import PartTest, Recorder, Unanswered, Wrong

Pick = Callable[[Any], Any]
"""Takes the looked-at results out of what an answer returned; `Mismatch` where there are none."""


def nth(index: int, names: tuple[str, ...]) -> Pick:
    """The result number `index` of an answer that returns `names`."""
    return lambda value: unpack(value, names, "the answer")[index]


def keys(*names: str) -> Pick:
    """Some entries of a returned dict."""

    def pick(value: Any) -> Any:
        if not isinstance(value, dict) or not set(names) <= set(value):
            raise Mismatch("no such entries")
        return [value[name] for name in names]

    return pick


@contextmanager
def looking_up(answer: Recorder, bank: Sequence[Wrong], pick: Pick) -> Iterator[None]:
    """Name the slip when a comparison of the picked results fails in this block.

    The slip has to explain these results in all of the part's calls so far.
    """
    try:
        yield
    except Mismatch as error:
        error.name = slip(bank, answer.records, pick) or error.name
        raise


def slip(bank: Sequence[Wrong], records: Sequence[tuple[Call, Outcome]], pick: Pick) -> str | None:
    """The name of the first wrong answer with the same picked results in all recorded calls."""
    try:
        found = [(call, pick(outcome.value)) for call, outcome in reversed(records)]
    except Mismatch:
        return None
    if not found:
        return None
    for wrong in bank:
        for implementation in (wrong.answer, *wrong.also):
            if _gives(LocalAnswer(implementation), found, pick):
                return wrong.name
    return None


def _gives(answer: LocalAnswer, found: Sequence[tuple[Call, Any]], pick: Pick) -> bool:
    for call, results in found:
        outcome = answer.perform(call)
        if outcome.fault is not None:
            return False
        try:
            if not same(pick(outcome.value), results):
                return False
        except Mismatch:
            return False
    return True


def compared_alike(bank: Sequence[Wrong], part: PartTest) -> PartTest:
    """The part, which names a slip by what it compares in the end.

    For parts that combine several calls into one number, such as a difference that isolates a term:
    the wrong answers are put through the same part, with the same random inputs.
    """

    def named(answer: Recorder, rng: np.random.Generator) -> None:
        again = copy.deepcopy(rng)
        try:
            part(answer, rng)
        except Mismatch as error:
            if error.got is not None and error.expected is not None:
                error.name = _same_comparison(bank, part, again, error) or error.name
            raise

    return named


def _same_comparison(
    bank: Sequence[Wrong], part: PartTest, rng: np.random.Generator, seen: Mismatch
) -> str | None:
    for wrong in bank:
        for implementation in (wrong.answer, *wrong.also):
            try:
                part(Recorder(LocalAnswer(implementation)), copy.deepcopy(rng))
            except Mismatch as error:
                if same(error.expected, seen.expected) and _near(error.got, seen):
                    return wrong.name
            except Unanswered:
                continue
    return None


def _near(got: Any, seen: Mismatch) -> bool:
    """Whether two compared numbers agree; the scale is the expected one, since both may be 0."""
    try:
        ours, theirs, scale = (np.asarray(v, float) for v in (got, seen.got, seen.expected))
    except (TypeError, ValueError):
        return False
    largest = np.max(np.abs(scale), initial=0.0)
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=RTOL, atol=1e-5 * largest)

"""Answers as students write them, for the example class: bodies of functions, as text.

An answer replaces the stubs of its exercise in the order in which they stand in the cell, or the
`whole` cell. `points` is what it earns by the rule of the exercise, and `misconception` the mistake
it makes, if any. Both are stated here by hand, and the checks have to agree.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass


@dataclass(frozen=True)
class StudentAnswer:
    """One answer: the exercise, a name for it, what it is worth, and its text."""

    exercise: str
    name: str
    points: float
    bodies: tuple[str, ...]
    misconception: str = ""
    whole: bool = False


@functools.cache
def answers(lesson: str) -> dict[tuple[str, str], StudentAnswer]:
    """The answers of a lesson, such as "05_bbvi", by exercise and name."""
    module = importlib.import_module(f"{__name__}.lesson{lesson[:2]}")
    found = {(answer.exercise, answer.name): answer for answer in module.ANSWERS}
    if len(found) != len(module.ANSWERS):
        raise ValueError(f"expected different names for the answers of {lesson}")
    return found

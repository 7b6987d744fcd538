"""Where the exercises are: one module per lesson, loaded when first asked for.

An instructor's own exercises (`autograder.checks.own`) stand behind those of the course.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Iterable

from autograder.checks.own import BadChecks, own_exercises, own_lessons
from autograder.checks.protocol import Exercise


def lessons() -> tuple[int, ...]:
    """The numbers of the lessons that have exercises."""
    return tuple(sorted({*_lessons(), *own_lessons()}))


def exercises(lesson: int) -> tuple[Exercise, ...]:
    """The exercises of one lesson, in order."""
    ours, own = _exercises(lesson), own_exercises(lesson)
    if twice := {e.id for e in ours} & {e.id for e in own}:
        raise BadChecks(
            f"expected new ids in the own checks of lesson {lesson}, got {', '.join(sorted(twice))}"
        )
    if not ours and not own:
        raise KeyError(f"expected the number of a lesson, {_list(lessons())}, got {lesson}")
    return ours + own


def all_exercises() -> tuple[Exercise, ...]:
    """All exercises of the course, in order."""
    return tuple(exercise for lesson in lessons() for exercise in exercises(lesson))


def is_own(name: str) -> bool:
    """Whether this could be the name of an instructor's own exercise: no lesson of ours has it."""
    match = re.fullmatch(r"E(\d{1,2})\.(\d{1,2})", name)
    return match is not None and name not in {e.id for e in _exercises(int(match[1]))}


def find(name: str) -> Exercise:
    """The exercise of this name; `KeyError` with the known names if there is none."""
    match = re.fullmatch(r"E(\d{1,2})\.(\d{1,2})", name)
    if match:
        lesson = int(match[1])
        for exercise in _exercises(lesson):  # before any look at the disk
            if exercise.id == name:
                return exercise
        for exercise in exercises(lesson) if lesson in lessons() else ():
            if exercise.id == name:
                return exercise
    known = _list(exercise.id for exercise in all_exercises())
    raise KeyError(f"expected an exercise such as {known}, got {name!r}")


@functools.cache
def _lessons() -> tuple[int, ...]:
    package = importlib.import_module("autograder.checks")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(
        sorted(int(m[1]) for m in (re.fullmatch(r"lesson(\d\d)", name) for name in names) if m)
    )


@functools.cache
def _exercises(lesson: int) -> tuple[Exercise, ...]:
    if lesson not in _lessons():
        return ()
    return tuple(importlib.import_module(f"autograder.checks.lesson{lesson:02d}").EXERCISES)


def _list(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))

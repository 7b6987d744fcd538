"""Where the exercises are: one module per lesson, loaded when first asked for."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re

from autograder.checks.protocol import Exercise


def lessons() -> tuple[int, ...]:
    """The numbers of the lessons that have exercises."""
    package = importlib.import_module("autograder.checks")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(
        sorted(int(m[1]) for m in (re.fullmatch(r"lesson(\d\d)", name) for name in names) if m)
    )


@functools.cache
def exercises(lesson: int) -> tuple[Exercise, ...]:
    """The exercises of one lesson, in order."""
    return tuple(importlib.import_module(f"autograder.checks.lesson{lesson:02d}").EXERCISES)


def all_exercises() -> tuple[Exercise, ...]:
    """All exercises of the course, in order."""
    return tuple(exercise for lesson in lessons() for exercise in exercises(lesson))


def find(name: str) -> Exercise:
    """The exercise of this name; `KeyError` with the known names if there is none."""
    match = re.fullmatch(r"E(\d{1,2})\.(\d{1,2})", name)
    if match and int(match[1]) in lessons():
        for exercise in exercises(int(match[1])):
            if exercise.id == name:
                return exercise
    known = ", ".join(exercise.id for exercise in all_exercises())
    raise KeyError(f"expected an exercise such as {known}, got {name!r}")

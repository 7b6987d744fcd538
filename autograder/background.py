"""What answers to a lesson are compared with: code that everybody has, and the library's own."""

from __future__ import annotations

import functools
import importlib
import inspect
import operator
from pathlib import Path

from autograder.checks.protocol import Exercise
from autograder.lesson import Lesson
from autograder.similar import Fingerprints, all_runs

_BANK = Path(__file__).parent / "checks" / "bank"


def given(lesson: Lesson) -> Fingerprints:
    """The released code of a lesson and its solutions."""
    return all_runs([*lesson.released, *lesson.solutions])


def typical(lesson: Lesson) -> Fingerprints:
    """Typical answers, right and wrong, to the exercises of a lesson: the banks of its checks."""
    paths = [_BANK / f"{name}.py" for name in (_module(task.exercise.id) for task in lesson.tasks)]
    return all_runs(path.read_text(encoding="utf-8") for path in paths if path.is_file())


def library(lesson: Lesson) -> dict[str, Fingerprints]:
    """The library's functions that solve an exercise of a lesson, by name."""
    names = {name for task in lesson.tasks for name in _solving(task.exercise)}
    found = {name.replace(":", "."): _source(name) for name in sorted(names)}
    return {name: all_runs([source]) for name, source in found.items() if source}


def _module(exercise: str) -> str:
    return exercise.lower().replace(".", "_")


def _solving(exercise: Exercise) -> set[str]:
    """The functions that may not be called in an answer, and those that the check compares with."""
    references = {
        f"{value.__module__}:{value.__qualname__}"
        for value in exercise.reference.values()
        if getattr(value, "__module__", "").startswith("vi_lib") and hasattr(value, "__qualname__")
    }
    return references | set(exercise.forbidden)


@functools.cache
def _source(name: str) -> str:
    """The source of "module:qualname", "" if there is none to read."""
    module, _, path = name.partition(":")
    try:
        return inspect.getsource(operator.attrgetter(path)(importlib.import_module(module)))
    except (ImportError, AttributeError, TypeError, OSError):
        return ""

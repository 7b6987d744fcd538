"""Checks of an instructor's own, in a folder `checks` outside of this package.

The folder is that of the course named by the environment variable AUTOGRADER_COURSE; without it,
the nearest one above the current folder, so that it is found where a student has unpacked
`lessons/` with `checks/` beside it. Its modules are imported as `course_checks.lesson20`, and may
import one another under that name.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

from autograder.checks.protocol import Exercise

VARIABLE = "AUTOGRADER_COURSE"
FOLDER = "checks"
PACKAGE = "course_checks"
_HERE = Path(__file__).resolve().parent


class BadChecks(ValueError):
    """A module of own checks is not what exercises can be taken from."""


def own_folder() -> Path | None:
    """The folder with own checks, None if there is none."""
    return next(
        (f for f in _candidates() if f != _HERE and any(f.glob("lesson[0-9][0-9].py"))), None
    )


def own_lessons() -> tuple[int, ...]:
    """The numbers of the lessons that have exercises of an instructor's own."""
    folder = own_folder()
    names = sorted(folder.glob("lesson[0-9][0-9].py")) if folder else []
    return tuple(int(path.stem.removeprefix("lesson")) for path in names)


def own_exercises(lesson: int) -> tuple[Exercise, ...]:
    """The own exercises of a lesson; `BadChecks` says what is wrong with their module."""
    folder = own_folder()
    if folder is None or not (path := folder / f"lesson{lesson:02d}.py").is_file():
        return ()
    return _load(folder, path.stem)


def own_files(lesson: str) -> tuple[Path, ...]:
    """The files that the own checks of a lesson, given as "20", may depend on."""
    folder = own_folder()
    if folder is None or not (folder / f"lesson{lesson}.py").is_file():
        return ()
    return tuple(sorted(folder.rglob("*.py")))


def _candidates() -> Iterator[Path]:
    named = os.environ.get(VARIABLE)
    if named:
        yield Path(named).resolve() / FOLDER
        return
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the folder is gone
        return
    yield from (folder / FOLDER for folder in (here, *here.parents))


@functools.cache
def _load(folder: Path, name: str) -> tuple[Exercise, ...]:
    package = sys.modules.get(PACKAGE)
    if package is None or list(package.__path__) != [str(folder)]:
        for module in [m for m in sys.modules if f"{m}.".startswith(f"{PACKAGE}.")]:
            del sys.modules[module]  # of another course
        package = types.ModuleType(PACKAGE, __doc__)
        package.__path__ = [str(folder)]
        sys.modules[PACKAGE] = package
    importlib.invalidate_caches()  # the file may be new
    try:
        found = tuple(importlib.import_module(f"{PACKAGE}.{name}").EXERCISES)
    except Exception as error:
        raise BadChecks(f"expected EXERCISES in {folder / name}.py, but: {error!r}") from error
    number = int(name.removeprefix("lesson"))
    for exercise in found:
        if not isinstance(exercise, Exercise):
            raise BadChecks(f"expected an Exercise in EXERCISES of {name}.py, got {exercise!r}")
        if not re.fullmatch(rf"E{number}\.\d{{1,2}}", exercise.id):
            raise BadChecks(f"expected ids such as E{number}.1 in {name}.py, got {exercise.id!r}")
    return found

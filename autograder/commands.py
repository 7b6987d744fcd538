"""What the command `autograder check` does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.terminal import fitted

if TYPE_CHECKING:
    from autograder.sandbox.client import Zygote
    from autograder.sandbox.limits import Limits
    from autograder.submission import Submission

MISUSE = 2
NOT_HERE = (
    "`autograder check` needs Linux or macOS. Here, open the notebook in JupyterLab: Validate in "
    "its toolbar, or the check below each exercise, says the same."
)


def check(path: Path, timeout: float) -> int:
    """Show a student what the visible checks say about a notebook; return the exit code.

    0: all is right. 1: not all is right yet. 2: the file is not a notebook of the course.
    """
    if not path.is_file():
        print(f"Expected a notebook, but there is no file {str(path)!r}.", file=sys.stderr)
        return MISUSE
    try:
        import resource  # noqa: F401  (what the sandbox is made of; Windows has none of it)
    except ImportError:
        print(NOT_HERE, file=sys.stderr)
        return MISUSE
    from autograder.sandbox.client import CannotStart, Zygote
    from autograder.sandbox.limits import Limits
    from autograder.sandbox.nursery import open_nursery

    nursery = open_nursery()  # loads the libraries while it is found out how to isolate code
    zygote = Zygote(nursery=nursery.line if nursery is not None else None)
    try:
        zygote.start()
        return _check(path, zygote, Limits(seconds=timeout))
    except (ValueError, OSError, CannotStart) as error:
        print(error, file=sys.stderr)
        return MISUSE
    finally:
        zygote.close()
        if nursery is not None:
            nursery.close()


def _check(path: Path, zygote: Zygote, limits: Limits) -> int:
    from autograder.checks.render import number
    from autograder.course import all_names, is_practice
    from autograder.lesson import lesson_for_students
    from autograder.submission import read_submission
    from autograder.verdicts import verdicts_of

    data = path.read_bytes()
    lesson = lesson_for_students(_lesson_of(path, data, all_names()))
    submission = with_files(read_submission(data, lesson), path)
    score = 0.0
    for verdict in verdicts_of(submission, lesson, zygote, limits):
        print(fitted(str(verdict)), flush=True)
        score += verdict.score
    for note in submission.notes:
        print(fitted(note))
    practice = " They do not count: this lesson is for practice." * is_practice(lesson.name)
    print(f"{number(score)} of {number(lesson.points)} points on the visible checks.{practice}")
    return 0 if score == lesson.points else 1


def with_files(submission: Submission, path: Path) -> Submission:
    """A notebook together with the files that lie beside it."""
    return replace(submission, program=replace(submission.program, files=beside(path)))


def beside(path: Path) -> dict[str, bytes]:
    """The helper files beside a notebook, as far as they count when it is graded."""
    from autograder.handing_in import work

    return work.beside(path)[0]


def _lesson_of(path: Path, data: bytes, lessons: Sequence[str]) -> str:
    from autograder.handing_in.work import lesson_of
    from autograder.notebook_file import read_cells

    read_cells(data)  # what is no notebook is said to be none
    found = lesson_of(path, data, lessons)
    if found is None:
        known = ", ".join(lessons)
        raise ValueError(f"Expected a notebook of {known}, and {path.name} is none of them.")
    return found

"""What the command `autograder check` does."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox.client import CannotStart, Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.nursery import open_nursery
from autograder.terminal import fitted

if TYPE_CHECKING:
    from autograder.submission import Submission

MISUSE = 2
_LESSON_IN_ID = re.compile(r"[EO](\d{1,2})\b")


def check(path: Path, timeout: float) -> int:
    """Show a student what the visible checks say about a notebook; return the exit code.

    0: all is right. 1: not all is right yet. 2: the file is not a notebook of the course.
    """
    if not path.is_file():
        print(f"Expected a notebook, but there is no file {str(path)!r}.", file=sys.stderr)
        return MISUSE
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
    from autograder.grade import verdicts_of
    from autograder.lesson import load_lesson
    from autograder.notebooks import all_names, is_practice
    from autograder.submission import read_submission

    data = path.read_bytes()
    lesson = load_lesson(_lesson_of(path, data, all_names()))
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
    from autograder.collecting.choosing import MAX_FILES, MAX_FILES_BYTES

    found: dict[str, bytes] = {}
    left = MAX_FILES_BYTES
    for other in sorted(path.absolute().parent.iterdir()):
        hidden = other.name.startswith(".") or other.suffix == ".ipynb"
        if hidden or not other.is_file() or other.stat().st_size > left or len(found) == MAX_FILES:
            continue
        found[other.name] = other.read_bytes()
        left -= len(found[other.name])
    return found


def _lesson_of(path: Path, data: bytes, lessons: Sequence[str]) -> str:
    """The lesson of a notebook, by its grade ids, else by its name."""
    from autograder.collect import lesson_named
    from autograder.submission import read_cells

    ids = (_LESSON_IN_ID.match(cell.grade_id) for cell in read_cells(data)[0])
    number = next((int(match[1]) for match in ids if match), None)
    for name in lessons:
        if number is not None and name.startswith(f"{number:02d}_"):
            return name
    named = lesson_named(path.name, lessons)
    if named is None:
        known = ", ".join(lessons)
        raise ValueError(f"Expected a notebook of {known}, and {path.name} is none of them.")
    return named

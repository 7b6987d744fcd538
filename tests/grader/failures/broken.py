"""A hand-in that is broken in some way, and what is to become of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import toy

from autograder.collect import HandIn
from autograder.jobs import Job, work
from autograder.records import Record, Status
from autograder.sandbox.limits import Limits

SECONDS = 4.0
"""The limit of every hand-in here: a loop in a cell costs a second, one in a function 0.4."""
ALL = {"E5.1": 4.0, "E5.2": 3.0, "E5.3": 2.5}
NO_SQUARE = ALL | {"E5.2": 0.0}
SQUARE_LOST = {"E5.1": 4.0, "E5.3": 2.5}
NOTHING: dict[str, float] = {}


@dataclass(frozen=True)
class Case:
    """One hand-in for the toy lesson.

    `scores` are those of the exercises that are to be judged; what is not in it stays empty. `says`
    is in what its author reads, `note` in the notes. `files` are beside the notebook.
    """

    name: str
    data: bytes
    status: Status = "graded"
    scores: Mapping[str, float] = field(default_factory=lambda: ALL)
    says: str = ""
    note: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def score(self) -> float | None:
        """The points of what is judged; None if nothing is."""
        return sum(self.scores.values()) if self.scores else None


def graded(case: Case, limits: Limits | None = None) -> Record:
    """What becomes of a hand-in, the way a worker grades it."""
    limits = limits or Limits(seconds=SECONDS)
    return work(Job(HandIn("ada", "05_toy"), toy.lesson(), case.data, case.files, limits))


def read_by_author(record: Record) -> str:
    """All that a record tells the author."""
    hints = [hint for verdict in record.verdicts.values() for hint in verdict.hints]
    return "\n".join([record.message, *hints, *record.unjudged.values()])


def differences(case: Case, record: Record) -> list[str]:
    """In what a record is not as expected."""
    scores = {name: verdict.score for name, verdict in record.verdicts.items()}
    found = []
    if record.status != case.status:
        found.append(f"status {record.status}, not {case.status}")
    if scores != case.scores:
        found.append(f"scores {scores}, not {dict(case.scores)}")
    if record.score != case.score:
        found.append(f"score {record.score}, not {case.score}")
    if record.verdicts and set(scores) | set(record.unjudged) != set(ALL):
        found.append(f"neither judged nor empty with a reason: {set(ALL) - set(scores)}")
    if case.says not in read_by_author(record):
        found.append(f"expected {case.says!r} in {read_by_author(record)!r}")
    if case.note and not any(case.note in note for note in record.notes):
        found.append(f"expected the note {case.note!r} in {record.notes}")
    return found


# Making hand-ins.


def lines(*found: str) -> str:
    """Lines of code as one text."""
    return "\n".join(found)


def right(**answers: str) -> list[Any]:
    """The cells of a right hand-in, with some answers replaced."""
    return copy.deepcopy(toy.cells(**{**toy.RIGHT, **answers}))


def file(cells: Any, **changes: Any) -> bytes:
    """A notebook file with these cells; None as a change leaves an entry out."""
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changes}
    return json.dumps({k: v for k, v in content.items() if v is not MISSING}).encode()


MISSING = object()
WHOLE = file(right())


def place(cells: list[Any], grade_id: str) -> int:
    """Where the cell with this id stands."""
    ids = [(cell["metadata"].get("nbgrader") or {}).get("grade_id") for cell in cells]
    return ids.index(grade_id)


def edited(change: Callable[[list[Any]], Any], **answers: str) -> bytes:
    """A right notebook after a change of its cells."""
    cells = right(**answers)
    change(cells)
    return file(cells)


def all_alike(answer: str) -> bytes:
    """A hand-in with the same answer everywhere."""
    return file(right(**{name: answer.format(name) for name in toy.RIGHT}))


def square(name: str, *source: str, score: float | None = 0.0, says: str = "", **more: Any) -> Case:
    """A hand-in whose answer to E5.2 is this; None as a score: it is not judged."""
    scores = SQUARE_LOST if score is None else ALL | {"E5.2": score}
    status: Status = "partly graded" if score is None else "graded"
    data = file(right(square=lines(*source)))
    return Case(name, data, status, scores, says, **more)


def before(name: str, *source: str, **more: Any) -> Case:
    """A right hand-in whose first cell is this one."""
    return Case(name, file([toy.code(lines(*source)), *right()]), **more)

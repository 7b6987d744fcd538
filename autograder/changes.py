"""Regrading: what has changed against the grading before, for whom, and why."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.basis import what_changed
from autograder.checks.render import number
from autograder.files import write_whole
from autograder.lesson import Lesson
from autograder.records import Record

_MOST_NAMES = 12
_COLUMNS = ("student", "lesson", "exercise", "before", "after", "why")


@dataclass(frozen=True)
class Change:
    """Other points for an exercise than before; None if it was, or is, not judged."""

    student: str
    lesson: str
    exercise: str
    before: float | None
    after: float | None
    why: str


def compared(before: Record | None, after: Record) -> Record:
    """The record with what has changed against the one before, and why."""
    if before is None:
        return after
    old, new = points(before), points(after)
    other = {name: old.get(name) for name in {**old, **new} if old.get(name) != new.get(name)}
    why = what_changed(before.basis, after.basis) or ("graded again",)
    return replace(after, before=other, changed=why if other else ())


def points(record: Record) -> dict[str, float]:
    """The points of each exercise that was judged."""
    return {name: verdict.score for name, verdict in record.verdicts.items()}


def changes(records: Sequence[Record]) -> list[Change]:
    """What the latest grading of each hand-in has changed."""
    return [
        Change(r.student, r.lesson, name, before, points(r).get(name), "; ".join(r.changed))
        for r in sorted(records, key=lambda record: (record.student, record.lesson))
        for name, before in sorted(r.before.items())
    ]


def write_changes(records: Sequence[Record], path: Path) -> Path:
    """Write changes.csv; not judged is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for c in changes(records):
        writer.writerow([c.student, c.lesson, c.exercise, _cell(c.before), _cell(c.after), c.why])
    write_whole(path, file.getvalue().encode("utf-8", "replace"))
    return path


def sentences(found: Sequence[Change]) -> Iterator[str]:
    """Such as "E5.1: 2 → 4 points for ada and bob (the check changed)."""
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for c in found:
        step = f"{_words(c.before)} → {_words(c.after)}"
        groups[c.exercise, step, c.why].append(c.student)
    for (exercise, step, why), students in sorted(groups.items()):
        yield f"{exercise}: {step} points for {_names(students)} ({why})."


def by_hand(
    found: Sequence[Change],
    lessons: Mapping[str, Lesson],
    manual: Mapping[tuple[str, str, str], float],
) -> Iterator[str]:
    """Which points given by hand stand over automatic ones that have changed."""
    cells = {
        (name, task.exercise.id): task.check_id
        for name, lesson in lessons.items()
        for task in lesson.tasks
    }
    for c in found:
        cell = cells.get((c.lesson, c.exercise), "")
        given = manual.get((c.student, c.lesson, cell))
        if given is not None:
            yield (
                f"{c.student}, {c.exercise}: {number(given)} points given by hand stand; the "
                f"automatic ones beneath changed from {_words(c.before)} to {_words(c.after)}."
            )


def _names(students: Sequence[str]) -> str:
    rest = len(students) - _MOST_NAMES
    if rest > 0:
        return f"{', '.join(students[:_MOST_NAMES])} and {rest} others"
    return " and ".join([", ".join(students[:-1]), students[-1]] if students[1:] else students)


def _cell(value: float | None) -> str:
    return "" if value is None else number(value)


def _words(value: float | None) -> str:
    return "not judged" if value is None else number(value)

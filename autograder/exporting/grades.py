"""What there is to export: the points of each hand-in, those given by hand and penalties included.

The total of a hand-in is known when each of its exercises was judged or given points by hand. Open
questions count for a lesson as soon as somebody has been given points by hand for one of them; then
every answered one needs points before the total is known. What is not known stays empty.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.gradebook import manual_scores
from autograder.late import Late
from autograder.lesson import Lesson
from autograder.records import Record, load
from autograder.rosters import Known, known
from autograder.tables import defused


@dataclass(frozen=True)
class Line:
    """One hand-in with its points; None is what nobody has judged yet."""

    record: Record
    exercises: Mapping[str, float | None]
    questions: Mapping[str, float | None] = field(default_factory=dict)
    max_score: float = 0.0
    late: Late | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The exercises and questions without points."""
        points = {**self.exercises, **self.questions}
        return tuple(name for name, score in points.items() if score is None)

    @property
    def raw(self) -> float | None:
        """The points before a penalty; None as long as some are missing."""
        if self.missing or not self.exercises:
            return None
        given = [*self.exercises.values(), *self.questions.values()]
        return float(round(sum(score for score in given if score is not None), 6))

    @property
    def penalty(self) -> float:
        """The points to be taken off."""
        return self.late.penalty if self.late else 0.0

    @property
    def total(self) -> float | None:
        """The points that count; None as long as some are missing."""
        return None if self.raw is None else max(0.0, round(self.raw - self.penalty, 6))

    @property
    def known(self) -> Known:
        """What the student may be called in a list of the class."""
        record = self.record
        return known(record.platform_id, (record.email,), (record.student, *_name(record)))


def read_records(out: Path) -> list[Record]:
    """The records of the last run in a folder of results.

    Raises:
        ValueError: there are none, or one cannot be read.
    """
    current = _current(out / "grades.csv")
    records = [load(path) for path in sorted((out / "records").glob("*.json"))]
    shown = [
        record
        for record in records
        if current is None or (defused(record.student), record.lesson) in current
    ]
    if not shown:
        raise ValueError(
            f"Expected the results of `autograder grade` in {str(out)!r}, found no record."
        )
    return sorted(shown, key=lambda record: (record.student, record.lesson))


def _current(path: Path) -> set[tuple[str, str]] | None:
    """The hand-ins of the last run; a folder may hold records of earlier ones, too."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        return {(defused(row.get("student", "")), row.get("lesson", "")) for row in rows}


def lines(
    records: Iterable[Record],
    lessons: Mapping[str, Lesson],
    late: Mapping[tuple[str, str], Late],
    gradebook: Path,
) -> list[Line]:
    """One line per hand-in, with the points that stand in the gradebook by hand."""
    by_hand = manual_scores(gradebook)
    counted = {(lesson, cell) for _, lesson, cell in by_hand}
    found = []
    for record in records:
        lesson = lessons.get(record.lesson)
        exercises: dict[str, float | None] = {}
        questions: dict[str, float | None] = {}
        for task in lesson.tasks if lesson else ():
            place = record.student, record.lesson, task.check_id
            verdict = record.verdicts.get(task.exercise.id)
            exercises[task.exercise.id] = by_hand.get(place, verdict.score if verdict else None)
        asked = lesson.questions if lesson else {}
        for question in asked if any((record.lesson, q) in counted for q in asked) else ():
            untouched = record.score is not None and question not in record.open_answers
            given = by_hand.get((record.student, record.lesson, question))
            questions[question] = 0.0 if given is None and untouched else given
        most = _most(lesson, counted) if lesson else 0.0
        penalty = late.get((record.student, record.lesson))
        found.append(Line(record, exercises, questions, most, penalty))
    return found


def _most(lesson: Lesson, counted: set[tuple[str, str]]) -> float:
    extra = any((lesson.name, question) in counted for question in lesson.questions)
    return lesson.points + (sum(lesson.questions.values()) if extra else 0.0)


def of_lesson(found: Sequence[Line], lesson: str) -> list[Line]:
    """The hand-ins for one lesson."""
    return [line for line in found if line.record.lesson == lesson]


def _name(record: Record) -> tuple[str, ...]:
    """The student's name without the number that was put behind it."""
    for end in (f" ({record.platform_id})", f"-{record.platform_id}"):
        if record.platform_id and record.student.endswith(end):
            return (record.student.removesuffix(end),)
    return ()

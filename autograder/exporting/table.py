"""The table of everything: one row per hand-in, one column per exercise and open question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autograder.checks.render import number
from autograder.exporting.grades import Line
from autograder.lesson import Lesson
from autograder.tables import csv_text, defused

_BEFORE = ("student", "email", "platform_id", "lesson", "status", "submitted")
_AFTER = ("points", "days_late", "penalty", "total", "max_score", "missing", "lateness", "message")


def table(found: Sequence[Line], lessons: Mapping[str, Lesson]) -> str:
    """The table as CSV; a cell is empty where nothing is known, or nothing asked."""
    exercises = [task.exercise.id for lesson in lessons.values() for task in lesson.tasks]
    questions = [name for lesson in lessons.values() for name in lesson.questions]
    rows = [[*_BEFORE, *exercises, *questions, *_AFTER]]
    for line in found:
        record, late = line.record, line.late
        points = {**line.exercises, **line.questions}
        who = (record.student, record.email, record.platform_id, record.lesson, record.status)
        rows.append(
            [
                *(defused(text) for text in (*who, record.submitted)),
                *(shown(points.get(name)) for name in (*exercises, *questions)),
                shown(line.raw),
                *((str(late.days), shown(late.penalty)) if late else ("", "")),
                shown(line.total),
                shown(line.max_score) if record.lesson in lessons else "",
                " ".join(line.missing),
                *(defused(text) for text in (late.sentence if late else "", record.message)),
            ]
        )
    return csv_text(rows)


def shown(points: float | None) -> str:
    """Points as text; nothing for what is not known."""
    return "" if points is None else number(round(points, 2))

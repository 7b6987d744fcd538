"""The grade table: grades.csv, and the same on a terminal."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.checks.render import number
from autograder.files import write_whole
from autograder.lesson import Lesson
from autograder.records import Record
from autograder.tables import defused

_MAX_WIDTH = 40
_TEXT_COLUMNS = 2


def grades_csv(records: Sequence[Record], lessons: Mapping[str, Lesson]) -> str:
    """One row per student and lesson, one column per exercise of the course.

    A cell is empty when there is nothing to say: an exercise of another lesson, or one that was not
    judged. The same records give the same text. What a spreadsheet would compute gets a ' in front.
    """
    exercises = [task.exercise.id for lesson in lessons.values() for task in lesson.tasks]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    head = ["student", "lesson", "status", "score", "max_score"]
    writer.writerow([*head, *exercises, "message"])
    for record in sorted(records, key=lambda r: (r.student, r.lesson)):
        scores = [_points(record, name) for name in exercises]
        start = [defused(record.student), defused(record.lesson), record.status]
        total = ["" if record.score is None else number(record.score)]
        most = [number(record.max_score) if record.lesson in lessons else ""]
        writer.writerow([*start, *total, *most, *scores, defused(record.message)])
    return file.getvalue()


def write_grades(records: Sequence[Record], lessons: Mapping[str, Lesson], path: Path) -> Path:
    """Write grades.csv, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, grades_csv(records, lessons).encode("utf-8", "replace"))
    return path


def table_text(records: Sequence[Record], lessons: Mapping[str, Lesson]) -> str:
    """One block per lesson, aligned, with its own exercises only; then what went wrong."""
    blocks = []
    for name in sorted({record.lesson for record in records}):
        found = sorted((r for r in records if r.lesson == name), key=lambda r: r.student)
        tasks = lessons[name].tasks if name in lessons else ()
        exercises = [task.exercise.id for task in tasks]
        rows = [["student", "status", "score", *exercises]]
        for record in found:
            total = "" if record.score is None else number(record.score)
            most = number(record.max_score) if name in lessons else ""
            scores = [_points(record, exercise) or "-" for exercise in exercises]
            rows.append([record.student, record.status, f"{total or '-'} / {most}", *scores])
        lines = [name, *_aligned(rows)]
        lines += [printable(f"  {r.student}: {r.message}") for r in found if not r.graded]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def summary(records: Sequence[Record]) -> str:
    """How many were graded."""
    graded = sum(record.graded for record in records)
    total = f"{len(records)} hand-in{'s' * (len(records) != 1)}"
    if graded == len(records):
        return f"{total}: all graded."
    return f"{total}: {graded} graded, {len(records) - graded} not, or not wholly."


def _points(record: Record, exercise: str) -> str:
    verdict = record.verdicts.get(exercise)
    return "" if verdict is None else number(verdict.score)


def _aligned(rows: list[list[str]]) -> list[str]:
    """Rows as lines, two spaces between columns; text to the left, numbers to the right."""
    shown = [[printable(item)[:_MAX_WIDTH] for item in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    return ["  " + "  ".join(map(_padded, row, widths, range(len(row)))).rstrip() for row in shown]


def _padded(text: str, width: int, column: int) -> str:
    gap = " " * (width - _width(text))
    return text + gap if column < _TEXT_COLUMNS else gap + text


def printable(text: str) -> str:
    """A text that cannot do anything to a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )

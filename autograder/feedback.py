"""Feedback for students: one page per hand-in, one index per student, readable without a network.

A page shows the points of each exercise, first the hint, then what was expected and what came in
each sub-check, and what a person still reads. It holds nothing of other students, no test and no
path of the machine that graded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from autograder.pages import file_names, without_paths, write_page
from autograder.records import Record
from autograder.views import exercise_views


def write_feedback(records: Sequence[Record], out: Path) -> list[Path]:
    """Write `out/feedback/<student>/<lesson>.html` and an `index.html` per student.

    Odd names become safe file names (`pages.file_names`). Pages that would not change are left
    untouched. Returns the paths of all pages, in the order of students and lessons.

    Raises:
        ValueError: two records for the same student and lesson.
    """
    counts = Counter((record.student, record.lesson) for record in records)
    for (student, lesson), count in counts.items():
        if count > 1:
            raise ValueError(
                f"expected one record for student {student!r} and lesson {lesson!r}, got {count}"
            )
    folders = file_names(record.student for record in records)
    pages: list[Path] = []
    for student in sorted(folders):
        own = sorted((r for r in records if r.student == student), key=lambda r: r.lesson)
        pages += _write_student(own, out / "feedback" / folders[student])
    return pages


def page_of(records: Sequence[Record]) -> dict[tuple[str, str], str]:
    """Where `write_feedback` puts each student's and lesson's page, relative to `out`."""
    folders = file_names(record.student for record in records)
    pages: dict[tuple[str, str], str] = {}
    for student, folder in folders.items():
        names = file_names((r.lesson for r in records if r.student == student), taken=["index"])
        pages |= {
            (student, lesson): f"feedback/{folder}/{name}.html" for lesson, name in names.items()
        }
    return pages


def _write_student(records: Sequence[Record], folder: Path) -> list[Path]:
    names = file_names((record.lesson for record in records), taken=["index"])
    graded = [record for record in records if record.score is not None]
    index = write_page(
        folder / "index.html",
        "student.html",
        student=records[0].student,
        graded=len(graded),
        score=sum(record.score or 0.0 for record in graded),
        max_score=sum(record.max_score for record in graded),
        open_count=sum(bool(text.strip()) for r in records for text in r.open_answers.values()),
        lessons=[
            {
                "href": f"{names[record.lesson]}.html",
                "lesson": record.lesson,
                "status": record.status,
                "message": without_paths(record.message),
                "score": record.score,
                "max_score": record.max_score,
                "share": _share(record),
                "tone": _tone(record),
            }
            for record in records
        ],
    )
    return [index, *(_write_lesson(r, folder / f"{names[r.lesson]}.html") for r in records)]


def _write_lesson(record: Record, path: Path) -> Path:
    return write_page(
        path,
        "feedback.html",
        student=record.student,
        lesson=record.lesson,
        status=record.status,
        score=record.score,
        max_score=record.max_score,
        share=_share(record),
        tone=_tone(record),
        message=without_paths(record.message),
        kind_words=kind_words(record),
        exercises=exercise_views(record),
        open_answers=[
            (name, without_paths(text.strip())) for name, text in record.open_answers.items()
        ],
    )


def _share(record: Record) -> float:
    if record.score is None or not record.max_score:
        return 0.0
    return record.score / record.max_score


def _tone(record: Record) -> str:
    share = _share(record)
    return "correct" if share == 1 else "partly" if share > 0 else "idle"


def kind_words(record: Record) -> str:
    """A sentence that fits the result and says where to go on."""
    started = [
        v for v in record.verdicts.values() if v.status not in ("not started", "not defined")
    ]
    share = _share(record)
    if record.score is None:
        return (
            "This is not a zero: your work has not been judged. "
            "Mend the file and hand it in again, or ask your teacher."
        )
    if share == 1:
        return "Every point: well done."
    if not started and not record.unjudged:
        return "Nothing is started yet. The first exercise is the gentlest one: begin there."
    if record.unjudged:
        return "What could be judged counts in full; the rest is open, not lost. See below why."
    if share >= 0.75:
        return "Most of it stands. What is missing is named below, and it is not much."
    if share >= 0.4:
        return "A good part stands. Take the hints one at a time, from the top."
    return (
        "A start is made. Begin with the first hint below, mend that one answer, and run its "
        "check again: later exercises often use the earlier ones."
    )

"""All that a run of the grader leaves behind: records, grades.csv, gradebook, feedback, report."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.lesson import Lesson
from autograder.records import Record, save


def record_path(out: Path, student: str, lesson: str) -> Path:
    """Where the record of a hand-in is kept: a safe name, unique for the student and lesson."""
    digest = hashlib.sha256(f"{student}\0{lesson}".encode()).hexdigest()[:12]
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", f"{student}-{lesson}").strip("-")[:60]
    return out / "records" / f"{plain}-{digest}.json"


def save_record(record: Record, out: Path) -> Path:
    """Keep one record."""
    path = record_path(out, record.student, record.lesson)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(record, path)
    return path


def write_outputs(
    records: Sequence[Record], lessons: Mapping[str, Lesson], out: Path
) -> dict[str, Path]:
    """Write everything made from the records; return the path of each kind of output."""
    from autograder.feedback import write_feedback
    from autograder.gradebook import write_gradebook
    from autograder.report import write_report
    from autograder.table import write_grades

    write_feedback(records, out)
    return {
        "grades": write_grades(records, lessons, out / "grades.csv"),
        "gradebook": write_gradebook(records, lessons, out / "gradebook.db"),
        "report": write_report(records, out),
        "feedback": out / "feedback",
    }

"""All that a run of the grader leaves behind: records, grades.csv, gradebook, feedback, report."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.files import write_whole
from autograder.lesson import Lesson
from autograder.records import Record, load, save

if TYPE_CHECKING:
    from autograder.late import Late

_ABOUT = "run.json"


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


def earlier_record(out: Path, student: str, lesson: str) -> Record | None:
    """The record of an earlier run; None if there is none that can be read."""
    with contextlib.suppress(OSError, ValueError):  # damaged: graded again, and then overwritten
        return load(record_path(out, student, lesson))
    return None


def keep_source(source: Path, out: Path) -> None:
    """Keep where the hand-ins of these results lie, for the commands that look at them later."""
    data = json.dumps({"handins": str(source.resolve())}).encode()
    path = out / _ABOUT
    if not path.is_file() or path.read_bytes() != data:
        write_whole(path, data)


def source_of(out: Path) -> Path | None:
    """Where the hand-ins of the results in `out` lie; None if no run has said so."""
    try:
        return Path(json.loads((out / _ABOUT).read_text(encoding="utf-8"))["handins"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def no_notebook(record: Record) -> bytes | None:
    """For outputs without the students' notebooks."""
    return None


def write_outputs(
    records: Sequence[Record],
    lessons: Mapping[str, Lesson],
    out: Path,
    notebook: Callable[[Record], bytes | None] = no_notebook,
    late: Mapping[tuple[str, str], Late] | None = None,
    remarks: Sequence[str] = (),
) -> dict[str, Path]:
    """Write everything made from the records; return the path of each kind of output.

    `notebook` gives the bytes of a hand-in and is called once for each, `late` is what lateness
    costs by student and lesson, and `remarks` say what was left out on collecting.
    """
    from autograder.changes import write_changes
    from autograder.faces import write_faces
    from autograder.table import write_grades

    return {
        "grades": write_grades(records, lessons, out / "grades.csv"),
        **write_faces(records, lessons, out, notebook, late, remarks),
        "changes": write_changes(records, out / "changes.csv"),
    }

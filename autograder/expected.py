"""The example class: is the fate of each hand-in as its author expects?"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from autograder.records import Record


def compare(records: Sequence[Record], path: Path) -> int:
    """Compare with the table of expected statuses and scores; return the exit code."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = {(row["student"], row["lesson"]): row for row in csv.DictReader(file)}
    found = {(record.student, record.lesson): record for record in records}
    differences = [
        f"{student}, {lesson}: expected {_fate(row['status'], row['score'])}, got {got}"
        for (student, lesson), row in sorted(rows.items())
        if (got := _fate_of(found.get((student, lesson)))) != _fate(row["status"], row["score"])
    ]
    differences += [f"{', '.join(key)}: not expected" for key in sorted(set(found) - set(rows))]
    print("\n".join(differences) or "The example class: every status and score is as expected.")
    return 1 if differences else 0


def _fate_of(record: Record | None) -> str:
    if record is None:
        return "nothing"
    return _fate(record.status, "" if record.score is None else f"{record.score:g}")


def _fate(status: str, score: str) -> str:
    return f"{status} with {score} points" if score else status

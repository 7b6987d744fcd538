"""What is known about one hand-in after grading: plain data, kept as one JSON file per hand-in."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from autograder.checks.protocol import PartResult, Verdict
from autograder.files import write_whole

Status = Literal[
    "graded",
    "partly graded",
    "not a notebook",
    "wrong lesson",
    "timed out",
    "out of memory",
    "crashed",
    "refused",
    "practice",
]
"""The fate of a hand-in.

"graded": every exercise was judged. "partly graded": some exercises could not be judged (they
crashed or ran out of time) and stay empty in the table; the others count. "practice": the lesson
has no points, so there is nothing to judge. The rest: nothing could be judged, and no score is
given.
"""


@dataclass(frozen=True)
class Record:
    """One hand-in: who, what, how it went, and a sentence its author understands.

    `verdicts` holds one verdict per exercise that was judged; an exercise that could not be judged
    is in `unjudged` with the reason. `score` is None when nothing was judged: a zero never stands
    for "not graded". `open_answers` are the texts of the questions that a person grades. `notes`
    are remarks for the instructor, such as a damaged notebook that was mended; `tier` says how the
    student's code was isolated. `suspicions` are sentences about the code that a person should look
    at; they cost no points. `submitted` is an ISO time in UTC, "" if unknown. `basis` says what the
    record depends on. `before` holds the points of exercises that the latest grading has changed,
    None for not judged, and `changed` why.
    """

    student: str
    lesson: str
    status: Status
    message: str
    max_score: float
    score: float | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    unjudged: Mapping[str, str] = field(default_factory=dict)
    open_answers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    tier: str = ""
    fingerprint: str = ""
    basis: str = ""
    suspicions: tuple[str, ...] = ()
    submitted: str = ""
    attempt: int = 0
    email: str = ""
    platform_id: str = ""
    before: Mapping[str, float | None] = field(default_factory=dict)
    changed: tuple[str, ...] = ()

    @property
    def graded(self) -> bool:
        """Whether every exercise of the hand-in was judged, or there is none to judge."""
        return self.status in ("graded", "practice")


_LISTS = ("notes", "suspicions", "changed")
_FIELDS = {field.name for field in dataclasses.fields(Record)}


def save(record: Record, path: Path) -> None:
    """Write a record as JSON, whole or not at all, and on the disk when this returns."""
    text = json.dumps(dataclasses.asdict(record), indent=1, ensure_ascii=False)
    write_whole(path, text.encode("utf-8", "replace"))


def load(path: Path) -> Record:
    """Read what `save` wrote; `ValueError` if the file is not a record."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if unknown := sorted(set(data) - _FIELDS):
            raise ValueError(f"fields of another version of the grader: {', '.join(unknown)}")
        verdicts = {name: _verdict(found) for name, found in data.get("verdicts", {}).items()}
        lists = {name: tuple(data.get(name, ())) for name in _LISTS}
        return Record(**{**data, **lists, "verdicts": verdicts})
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"expected a grading record in {path.name}, got {error}") from None


def _verdict(data: dict[str, Any]) -> Verdict:
    parts = tuple(PartResult(**part) for part in data["parts"])
    return Verdict(**{**data, "parts": parts, "hints": tuple(data["hints"])})

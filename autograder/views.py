"""Verdicts as a feedback page shows them: the hints, then each sub-check with both its sides."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autograder.checks.protocol import PartResult, Verdict
from autograder.checks.registry import find
from autograder.pages import without_paths
from autograder.records import Record

_TONES = {
    "correct": ("correct", "✓"),
    "partly correct": ("partly", "◐"),
    "not yet correct": ("wrong", "✗"),
    "not started": ("idle", "○"),
    "not defined": ("idle", "○"),
    "not judged": ("idle", "?"),
}
_EXPECTED_GOT = re.compile(
    r"(?P<what>.*?): expected (?P<expected>.+?), got (?P<got>.+?)(?:\. (?P<more>[A-Z].*)|\.?)", re.S
)


@dataclass(frozen=True)
class PartView:
    """One sub-check as it is shown.

    `what` is the whole message where it does not have two sides; `more` is what it says after them.
    """

    name: str
    earned: float
    points: float
    tone: str
    sign: str
    verdict: str
    what: str = ""
    expected: str = ""
    got: str = ""
    more: str = ""


@dataclass(frozen=True)
class ExerciseView:
    """One exercise as it is shown; `score` is None if it could not be judged."""

    id: str
    title: str
    status: str
    tone: str
    sign: str
    score: float | None
    max_score: float | None
    hint_label: str = ""
    hints: tuple[str, ...] = ()
    parts: tuple[PartView, ...] = ()


def exercise_views(record: Record) -> list[ExerciseView]:
    """The exercises in order, judged or not."""
    names = sorted({*record.verdicts, *record.unjudged}, key=exercise_order)
    return [
        _judged(record.verdicts[name])
        if name in record.verdicts
        else _unjudged(name, record.unjudged[name])
        for name in names
    ]


def exercise_order(name: str) -> tuple[list[int], str]:
    """Sort key: E2.9 before E2.10."""
    return [int(digits) for digits in re.findall(r"\d+", name)], name


def hints_of(verdict: Verdict) -> tuple[str, ...]:
    """The hints that are not the message of a sub-check, the most useful first."""
    messages = {part.message for part in verdict.parts}
    return tuple(hint for hint in verdict.hints if hint not in messages)


def _judged(verdict: Verdict) -> ExerciseView:
    tone, sign = _TONES[verdict.status]
    idle = verdict.status in ("not started", "not defined")
    return ExerciseView(
        id=verdict.exercise,
        title=verdict.title,
        status=verdict.status,
        tone=tone,
        sign=sign,
        score=verdict.score,
        max_score=verdict.max_score,
        hint_label="" if idle else "Hint.",
        hints=tuple(map(without_paths, verdict.hints if idle else hints_of(verdict))),
        parts=() if idle else tuple(map(_part, verdict.parts)),
    )


def _unjudged(name: str, reason: str) -> ExerciseView:
    try:
        exercise = find(name)
        title, points = exercise.title, exercise.points
    except KeyError:
        title, points = "", None
    tone, sign = _TONES["not judged"]
    return ExerciseView(
        name, title, "not judged", tone, sign, None, points, "", (without_paths(reason),)
    )


def _part(part: PartResult) -> PartView:
    passed = part.earned == part.points
    message = without_paths(part.message)
    found = _EXPECTED_GOT.fullmatch(message)
    sides = found.groupdict(default="") if found else {"what": message}
    return PartView(
        name=part.name,
        earned=part.earned,
        points=part.points,
        tone="correct" if passed else "wrong",
        sign="✓" if passed else "✗",
        verdict="passed" if passed else "not passed",
        **sides,
    )

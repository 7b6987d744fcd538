"""Verdicts as a feedback page shows them: the hints, then each sub-check with both its sides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autograder.checks.protocol import PartResult, Verdict
from autograder.checks.registry import find
from autograder.notebooks import identifier
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
class ByHand:
    """What a person has given in a hand-in: points and comments by the name of the cell."""

    scores: Mapping[str, float] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)


NOTHING_BY_HAND = ByHand()


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
    """One exercise as it is shown; `score` is None if it could not be judged.

    `by_hand` says that a person has given the points; `comment` is what they wrote; `anchor` is the
    place of the answer on the page, "" if it is not shown; `section` is what to reread, "" if all
    is right.
    """

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
    by_hand: bool = False
    comment: str = ""
    anchor: str = ""
    section: str = ""

    @property
    def place(self) -> str:
        """Where the exercise stands on the page."""
        return f"result-{identifier(self.id)}"


@dataclass(frozen=True)
class QuestionView:
    """An open question as it is shown; `score` is None until a person has given points."""

    id: str
    text: str
    score: float | None
    max_score: float | None
    comment: str = ""


def exercise_views(
    record: Record,
    by_hand: ByHand = NOTHING_BY_HAND,
    anchors: Mapping[str, str] | None = None,
    sections: Mapping[str, str] | None = None,
) -> list[ExerciseView]:
    """The exercises in order, judged or not.

    `anchors` says where an exercise's answer stands on the page, `sections` what to reread for the
    cell of a name.
    """
    names = sorted({*record.verdicts, *record.unjudged}, key=exercise_order)
    views = [
        _judged(record.verdicts[name])
        if name in record.verdicts
        else _unjudged(name, record.unjudged[name])
        for name in names
    ]
    marked = [_with_marks(view, by_hand, (anchors or {}).get(view.id, "")) for view in views]
    return [_with_section(view, sections or {}) for view in marked]


def _with_marks(view: ExerciseView, by_hand: ByHand, anchor: str) -> ExerciseView:
    score = by_hand.scores.get(check_cell(view.id))
    comment = by_hand.comments.get(identifier(view.id), "")
    if score is not None:
        view = replace(view, score=score, by_hand=True)
    return replace(view, comment=comment, anchor=anchor)


def _with_section(view: ExerciseView, sections: Mapping[str, str]) -> ExerciseView:
    """What to reread, where something is left to do; formulas of a heading are set as code."""
    if view.status == "correct":
        return view
    return replace(view, section=sections.get(identifier(view.id), "").replace("$", "`"))


def question_views(
    record: Record, by_hand: ByHand, points: Mapping[str, float]
) -> list[QuestionView]:
    """The open questions: those of the lesson (`points` by id), and those that were answered."""
    return [
        QuestionView(
            id=name,
            text=record.open_answers.get(name, "").strip(),
            score=by_hand.scores.get(name),
            max_score=points.get(name),
            comment=by_hand.comments.get(name, ""),
        )
        for name in dict.fromkeys([*points, *record.open_answers])
    ]


def check_cell(exercise: str) -> str:
    """The name of the cell that the gradebook keeps an exercise's points under."""
    return f"{identifier(exercise)}-check"


def total(record: Record, by_hand: ByHand) -> float | None:
    """The points for the exercises: a person's where there are some, else ours; None if neither."""
    given = {
        name: by_hand.scores[check_cell(name)]
        for name in (*record.verdicts, *record.unjudged)
        if check_cell(name) in by_hand.scores
    }
    if record.score is None and not given:
        return None
    ours = sum(record.verdicts[name].score for name in given if name in record.verdicts)
    return float(round((record.score or 0.0) - ours + sum(given.values()), 6))


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
    hints = (without_paths(reason), what_to_try(reason))
    return ExerciseView(name, title, "not judged", tone, sign, None, points, "", hints)


def what_to_try(reason: str) -> str:
    """What the author of an answer can do that could not be judged."""
    known = {
        "took longer": "Look for a loop that cannot end, or for cells that compute far too long.",
        "did not finish": "Look for a loop that cannot end, or for far more work than was asked: "
        "run the cell alone, with few steps.",
        "ended Python": "Something there stops Python itself, such as `exit()`: take it out.",
        "memory": "Print the shapes: has an array one axis too many?",
    }
    found = next((words for mark, words in known.items() if mark in reason), "")
    again = "Then run the notebook from the top in a fresh kernel, and hand it in again."
    return f"{found or 'If you can see what went wrong, mend it.'} {again}"


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

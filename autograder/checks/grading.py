"""Grading one answer to one exercise: run the parts, add the points, find the hint."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.checks.answer import Answer, LocalAnswer
from autograder.checks.compare import Mismatch
from autograder.checks.diagnose import diagnose
from autograder.checks.kernel import KernelAnswer
from autograder.checks.protocol import (
    Exercise,
    Misbehaved,
    Part,
    PartResult,
    Recorder,
    Unanswered,
    Verdict,
    Wrong,
)
from autograder.checks.registry import find, is_own

PUBLIC_SEED = 0
"""The seed of the inputs that students see; the graded inputs use another one."""

NEGATED = (
    "Your result has the right size and the opposite sign. "
    "We maximise the ELBO: do not return minus what is asked."
)

KEPT = "The check of this exercise is not on this machine: it is judged when you have handed in."


class NotYetRight(AssertionError):
    """Raised by `check` under Validate, which shows nothing but errors."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: the verdict alone."""
        return str(self).splitlines()


def grade(
    exercise: str | Exercise,
    answer: Mapping[str, Any] | Answer,
    seed: int = PUBLIC_SEED,
    points: float | None = None,
) -> Verdict:
    """Judge an answer.

    Args:
        exercise: the exercise's name, such as "E5.2".
        answer: the answer's names bound to functions or classes; further names are ignored, so
            `globals()` will do.
        seed: chooses the inputs. The same seed gives the same verdict on a deterministic answer.
        points: what the exercise is worth, if not what its check says.

    Returns:
        A `Verdict` with `score`, `max_score`, `hints` and `misconception`.

    Raises:
        KeyError: no such exercise.
    """
    found = exercise if isinstance(exercise, Exercise) else find(exercise)
    found = found if points is None else found.worth(points)
    answering: Answer = LocalAnswer(answer) if isinstance(answer, Mapping) else answer
    results: list[PartResult] = []
    hints: list[str] = []
    faults: list[str] = []
    misconception: str | None = None
    for index, part in enumerate(found.parts):
        rng = np.random.default_rng([abs(int(seed)), zlib.crc32(found.id.encode()), index])
        result, hint, name, fault = _run(found, part, answering, rng, misconception)
        results.append(result)
        if fault:
            faults.append(fault)
        if result.message:
            misconception = misconception or name
            hints += [sentence for sentence in (hint, result.message) if sentence]
    score = float(round(sum(result.earned for result in results), 6))
    return Verdict(
        exercise=found.id,
        title=found.title,
        status=_status(score, found.points, faults, len(found.parts)),
        score=score,
        max_score=found.points,
        hints=tuple(dict.fromkeys(hints)),
        misconception=misconception,
        parts=tuple(results),
    )


def check(exercise: str, namespace: Mapping[str, Any], points: float | None = None) -> Verdict:
    """Judge the notebook's answer on the public inputs, for the student to read.

    Call it as `check("E5.2", globals())`. A call that does not end is stopped. Under nbgrader's
    Validate button an answer that is not right yet raises `NotYetRight` with the hints, since
    Validate shows nothing else. An exercise whose check the instructor has kept is not judged here,
    and the verdict says so.
    """
    try:
        find(exercise)
    except KeyError:
        if not is_own(exercise):
            raise
        return Verdict(exercise, "", "not checked here", 0.0, points or 0.0, (KEPT,))
    verdict = grade(exercise, KernelAnswer(namespace), PUBLIC_SEED, points)
    if os.environ.get("NBGRADER_EXECUTION") == "validate" and verdict.score < verdict.max_score:
        raise NotYetRight(str(verdict))
    return verdict


def _run(
    exercise: Exercise, part: Part, answer: Answer, rng: np.random.Generator, preferred: str | None
) -> tuple[PartResult, str, str | None, str]:
    """The part's result; if it failed, also the hint, the mistake's name and the kind of fault."""
    recorder = Recorder(answer, exercise.forbidden)
    try:
        part.test(recorder, rng)
    except Unanswered as error:
        wrong = None
        if error.fault.kind in ("raised", "not a value"):
            wrong = diagnose(exercise, recorder.records, preferred)
        result = PartResult(part.name, part.points, 0.0, error.fault.message)
        return result, wrong.hint if wrong else "", wrong.name if wrong else None, error.fault.kind
    except Misbehaved as error:
        return PartResult(part.name, part.points, 0.0, error.message), "", error.name, ""
    except Mismatch as error:
        wrong = diagnose(exercise, recorder.records, preferred) or _named(exercise, error.name)
        hint, name = (wrong.hint, wrong.name) if wrong else ("", error.name)
        if not wrong and name == "negated":
            hint = NEGATED
        return PartResult(part.name, part.points, 0.0, error.message), hint, name, ""
    return PartResult(part.name, part.points, part.points), "", None, ""


def _named(exercise: Exercise, name: str | None) -> Wrong | None:
    """The entry of the bank that the comparison itself has recognised by its symptoms."""
    return next((wrong for wrong in exercise.wrong if wrong.name == name), None)


def _status(score: float, points: float, faults: list[str], num_parts: int) -> str:
    if score == points:
        return "correct"
    if score > 0:
        return "partly correct"
    for kind, status in (("not started", "not started"), ("missing", "not defined")):
        if (
            len(faults) == num_parts
            and kind in faults
            and set(faults) <= {"not started", "missing"}
        ):
            return status
    return "not yet correct"

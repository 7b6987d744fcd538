"""Grading one hand-in: from its notebook to its record.

What counts as judged, here and in every table made from it:

- An exercise is judged when its check came to a verdict. An answer that is wrong, missing, not
  started, or that raises an exception is judged, and gets the points of the parts that passed.
- A call that loops, ends Python, or needs more memory than there is gives nothing to judge. If no
  part of the exercise had passed, the exercise is not judged: it stays empty, with the reason, for
  a person to look at. Points of parts that passed are kept, and the exercise is judged with them.
- So is every exercise that was not reached when the hand-in's time was used up.
- A hand-in is "graded" when all of its exercises are judged, "partly graded" when some are. When
  none is, it has no score, and the status says why. A zero never stands for "not graded".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autograder.checks.grading import grade as judge
from autograder.checks.protocol import Verdict
from autograder.checks.render import number
from autograder.collect import HandIn
from autograder.lesson import Lesson
from autograder.records import Record, Status
from autograder.sandbox.client import CannotStart, Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import RemoteAnswer, capital
from autograder.sandbox.session import Loss, Session
from autograder.sandbox.wire import sentence
from autograder.submission import Submission
from autograder.suspicion import look_at_program, look_at_text
from autograder.verdicts import plain

_NO_TOOL = Loss(
    "crashed", "the check itself failed on this answer, which is no fault of yours; a person looks"
)


def judge_submission(
    hand_in: HandIn, submission: Submission, lesson: Lesson, zygote: Zygote, limits: Limits
) -> Record:
    """Run a hand-in, judge its exercises one by one, and sum up.

    Raises:
        CannotStart: students' code cannot be run at all.
        OSError: there is no folder for it to run in, as on a full disk.
    """
    session = Session(zygote, submission.program, limits)
    verdicts: dict[str, Verdict] = {}
    losses: dict[str, Loss] = {}
    notes = [*hand_in.notes, *submission.notes]
    try:
        for task in lesson.tasks:
            answer = RemoteAnswer(session)
            try:
                verdict = plain(judge(task.exercise, answer, task.seed))
            except (CannotStart, OSError):  # no fault of the check's or of the answer's
                raise
            except Exception as error:  # a fault in a check must not cost the other exercises
                losses[task.exercise.id] = answer.loss or _NO_TOOL
                notes.append(sentence(f"The check of {task.exercise.id} raised {error!r}."))
                continue
            if answer.loss is not None and verdict.score == 0:
                losses[task.exercise.id] = answer.loss
            else:
                verdicts[task.exercise.id] = verdict
    finally:
        session.drop()
    told = set(losses.values())
    left_out = [loss for loss in session.losses.values() if loss not in told]
    notes += [f"Left out: {loss.sentence}." for loss in left_out]
    tier = zygote.tier or ""
    return _sum_up(hand_in, submission, lesson, verdicts, losses, tuple(notes), tier)


def _sum_up(
    hand_in: HandIn,
    submission: Submission,
    lesson: Lesson,
    verdicts: Mapping[str, Verdict],
    losses: Mapping[str, Loss],
    notes: tuple[str, ...],
    tier: str,
) -> Record:
    score = float(round(sum(verdict.score for verdict in verdicts.values()), 6))
    reasons = {name: capital(loss.sentence) for name, loss in losses.items()}
    status: Status = "graded"
    if losses:
        status = "partly graded" if verdicts else _status(next(iter(losses.values())))
    return Record(
        student=hand_in.student,
        lesson=lesson.name,
        status=status,
        message=_message(score, lesson, verdicts, losses, notes),
        max_score=lesson.points,
        score=score if verdicts else None,
        verdicts=dict(verdicts),
        unjudged=reasons,
        open_answers=dict(submission.open_answers),
        notes=notes,
        tier=tier,
        fingerprint=submission.fingerprint,
        suspicions=_suspicions(submission, lesson),
    )


def _suspicions(submission: Submission, lesson: Lesson) -> tuple[str, ...]:
    texts = [(f"the answer to {name}", text) for name, text in submission.open_answers.items()]
    return (*look_at_program(submission.program, lesson.released), *look_at_text(texts))


def _status(loss: Loss) -> Status:
    known: dict[str, Status] = {"timed out": "timed out", "out of memory": "out of memory"}
    return known.get(loss.kind, "crashed")


def _message(
    score: float,
    lesson: Lesson,
    verdicts: Mapping[str, Verdict],
    losses: Mapping[str, Loss],
    notes: Iterable[str],
) -> str:
    """What happened, for the author."""
    points = f"{number(score)} of {number(lesson.points)} points"
    if not losses:
        first = f"All exercises were judged: {points}."
    else:
        missing = "; ".join(f"{name} ({loss.sentence})" for name, loss in losses.items())
        first = (
            f"{points}, not counting what could not be judged: {missing}."
            if verdicts
            else f"Nothing could be judged: {next(iter(losses.values())).sentence}."
        )
    return " ".join([first, *notes])


def not_run(hand_in: HandIn, lesson: Lesson | None, status: Status, sentence: str) -> Record:
    """The record of a hand-in that was not run."""
    return Record(
        student=hand_in.student,
        lesson=hand_in.lesson,
        status=status,
        message=sentence,
        max_score=lesson.points if lesson else 0.0,
        notes=hand_in.notes,
    )

"""The verdicts of the visible checks on a notebook, as a student sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from autograder.checks.grading import PUBLIC_SEED, grade
from autograder.checks.protocol import Verdict
from autograder.lesson import Lesson
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import RemoteAnswer
from autograder.sandbox.session import Session
from autograder.sandbox.wire import sentence
from autograder.submission import Submission


def verdicts_of(
    submission: Submission, lesson: Lesson, zygote: Zygote, limits: Limits
) -> Iterator[Verdict]:
    """The verdicts of the visible checks, one by one, as a student sees them."""
    session = Session(zygote, submission.program, limits)
    try:
        for task in lesson.tasks:
            yield plain(grade(task.exercise, RemoteAnswer(session), PUBLIC_SEED))
    finally:
        session.drop()


def plain(verdict: Verdict) -> Verdict:
    """A verdict whose texts, which may quote the answer, are short and cannot do anything."""
    parts = tuple(replace(part, message=sentence(part.message)) for part in verdict.parts)
    return replace(verdict, hints=tuple(map(sentence, verdict.hints)), parts=parts)

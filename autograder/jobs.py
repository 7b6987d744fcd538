"""One hand-in as a job: plain data for whichever process grades it, and the work itself."""

from __future__ import annotations

import contextlib
import functools
import platform
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autograder.basis import code_hash
from autograder.collect import HandIn
from autograder.grade import judge_submission, not_run
from autograder.lesson import Lesson
from autograder.records import Record
from autograder.sandbox.client import CannotStart, Child, Zygote
from autograder.sandbox.limits import Limits
from autograder.submission import Unreadable, read_submission

_RUNS = 5
_STARTS = 3
_ONE_AT_A_TIME = threading.Lock()
_DISTURBED = (
    "Each time it ran, a process was killed: by its own code, by somebody, or by a system that "
    "was short of memory. In the last two cases, grade it again."
)
_OWN_FAULT = "The grader itself failed on this hand-in, which is no fault of yours; a person looks."


class OtherVersion(RuntimeError):
    """A process that grades has another version of the course."""


@dataclass(frozen=True)
class Job:
    """One hand-in to be graded: its bytes, or in `hand_in` the reason why there are none.

    `basis` says what the record depends on and goes into it. If `code` is given, the process that
    does the work must have the same code.
    """

    hand_in: HandIn
    lesson: Lesson | None = None
    data: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    basis: str = ""
    code: str = ""


def work(job: Job) -> Record:
    """Grade one hand-in in this process, with this process's zygote.

    Raises for no hand-in, whatever it is, but when nothing can be graded at all:

    Raises:
        OtherVersion: this process has other checks, or another library.
        CannotStart: students' code cannot be run here.
        OSError: such as a full disk.
    """
    if job.lesson is not None and job.code and job.code != code_hash(job.lesson.name):
        raise OtherVersion(
            f"The worker on {platform.node()} has another version of the course than this one: "
            "install the same version there, and run the command again."
        )
    with _ONE_AT_A_TIME:  # a worker of a cluster may have several threads; checks may not
        started = time.perf_counter()
        try:
            record = _graded(job)
        except (CannotStart, OSError):
            raise
        except Exception as error:
            note = f"The grader raised {error!r}."
            record = not_run(job.hand_in, job.lesson, "crashed", _OWN_FAULT)
            record = replace(record, notes=(*record.notes, note))
    seconds = round(time.perf_counter() - started, 3) if job.hand_in.status is None else 0.0
    return identified(replace(record, basis=job.basis, seconds=seconds), job.hand_in)


def identified(record: Record, hand_in: HandIn) -> Record:
    """The record with what its hand-in tells of who handed it in, and when."""
    return replace(
        record,
        submitted=hand_in.submitted,
        attempt=hand_in.attempt,
        email=hand_in.email,
        platform_id=hand_in.platform_id,
    )


def killer(job: Job) -> Record:
    """The record of a hand-in that has cost one worker after the other its life."""
    sentence = "Nothing could be judged: the notebook killed the process that graded it."
    record = not_run(job.hand_in, job.lesson, "crashed", sentence)
    return identified(replace(record, basis=job.basis), job.hand_in)


def _graded(job: Job) -> Record:
    hand_in, lesson = job.hand_in, job.lesson
    if hand_in.status is not None or lesson is None:
        return not_run(hand_in, lesson, hand_in.status or "refused", hand_in.sentence)
    try:
        submission = read_submission(job.data, lesson)
    except Unreadable as error:
        return not_run(hand_in, lesson, error.status, error.sentence)
    submission = replace(submission, program=replace(submission.program, files=job.files))
    zygote, started = own_zygote(), time.monotonic()
    for _ in range(_RUNS):
        zygote.kills = 0
        record = judge_submission(hand_in, submission, lesson, zygote, job.limits)
        if not zygote.kills or time.monotonic() - started > job.limits.seconds / 2:
            break
    if zygote.kills:
        record = replace(record, notes=(*record.notes, _DISTURBED))
    return record


@dataclass
class Watched(Zygote):
    """A zygote that counts the children that somebody else has killed, and is not put off by it.

    That is no loss of the hand-in's: somebody may have killed the zygote, or the system a child.
    """

    kills: int = 0

    def fork(self, limits: Limits) -> Child:
        """As a zygote does; whatever was killed on the way is started again."""
        for _ in range(_STARTS - 1):
            with contextlib.suppress(CannotStart):
                return super().fork(limits)
            self.close()
        return super().fork(limits)

    def end(self, child: Child, patience: float = 0.0) -> str:
        """As a zygote does; a child that is waited for was not to be killed."""
        ending = super().end(child, patience)
        self.kills += patience > 0 and any(word in ending for word in ("SIGKILL", "gone"))
        return ending


@functools.cache
def own_zygote() -> Watched:
    """The zygote of this process."""
    return Watched()

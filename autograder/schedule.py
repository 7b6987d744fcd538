"""Grading a class on any executor: a pool of processes on this machine, or a cluster.

Jobs are made when there is room for them, so a large class does not fill the memory. One that is
lost with the process that had it is tried again when all others are done, and alone: only then is
it certain which hand-in costs a process its life.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass
from itertools import islice

from autograder.collect import HandIn
from autograder.jobs import Job, OtherVersion, killer, work
from autograder.records import Record
from autograder.sandbox.client import CannotStart
from autograder.sandbox.tiers import NoTier
from autograder.workers import WorkerLost

TRIES_ALONE = 2
_GLANCE = 0.2
_TOLD = (OSError, CannotStart, NoTier, OtherVersion)


class ExecutorLost(RuntimeError):
    """Whatever carried out the jobs does not do so any more."""


@dataclass(frozen=True)
class Site:
    """Where jobs are carried out.

    `room` says how many jobs to have there at the same time. A job that fails with one of `lost`
    is lost with its process. `shows_start` is whether a future knows that its job was begun.
    """

    executor: Executor
    room: Callable[[], int]
    lost: tuple[type[BaseException], ...] = (WorkerLost,)
    shows_start: bool = True


def schedule(
    site: Site,
    hand_ins: Iterable[HandIn],
    job: Callable[[HandIn], Job],
    look: Callable[[Sequence[HandIn]], None] = lambda running: None,
) -> Iterator[Record]:
    """The records of hand-ins, in the order in which they are done.

    `look` is told several times a second which hand-ins are being graded.

    Raises:
        ExecutorLost, and whatever `jobs.work` raises when nothing can be graded at all.
    """
    lost: list[HandIn] = []
    for hand_in, record in _crowd(site, iter(hand_ins), job, look):
        if record is None:
            lost.append(hand_in)
        else:
            yield record
    for hand_in in lost:
        for _ in range(TRIES_ALONE):
            ((_, record),) = _crowd(site, iter([hand_in]), job, look)
            if record is not None:
                break
        yield record or killer(job(hand_in))


def _crowd(
    site: Site,
    queue: Iterator[HandIn],
    job: Callable[[HandIn], Job],
    look: Callable[[Sequence[HandIn]], None],
) -> Iterator[tuple[HandIn, Record | None]]:
    """Grade hand-ins side by side; None for those that are lost with a process."""
    sent: dict[Future[Record], HandIn] = {}
    while True:
        for hand_in in islice(queue, max(site.room() - len(sent), 0)):
            sent[site.executor.submit(work, job(hand_in))] = hand_in
        if not sent:
            return
        done, _ = concurrent.futures.wait(sent, _GLANCE, concurrent.futures.FIRST_COMPLETED)
        for future in done:
            hand_in = sent.pop(future)
            try:
                yield hand_in, future.result()
            except site.lost:
                yield hand_in, None
            except CancelledError:
                raise ExecutorLost("The jobs were cancelled: is the scheduler gone?") from None
            except _TOLD:
                raise
            except Exception as error:  # it never got as far as `work`, which raises no other
                raise ExecutorLost(f"A process that grades fails: {error!r}.") from error
        look([h for future, h in sent.items() if future.running() or not site.shows_start])

"""Grading a class in parallel: a pool of processes, each with a zygote of its own.

Processes, not threads: checks redirect output, watch calls and look at global random state, which
belong to a process. A worker that dies takes no hand-in with it: what it had in hand is graded
again, one by one.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import multiprocessing.forkserver
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import islice
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox.client import CannotStart
from autograder.sandbox.limits import Limits

if TYPE_CHECKING:
    from autograder.collect import HandIn
    from autograder.grade import Job
    from autograder.records import Record


def _context() -> ForkServerContext:
    """Workers are forked from a process that has loaded the grader and nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["autograder.grade", "autograder.notebooks"])
    return context


def warm_up() -> None:
    """Start loading what the workers need, in the background."""
    _context()
    multiprocessing.forkserver.ensure_running()


def grade_all(
    source: Path,
    hand_ins: Iterable[HandIn],
    limits: Limits,
    workers: int,
    root: Path | None = None,
    done: Callable[[Record], None] = lambda record: None,
) -> list[Record]:
    """Grade a class with `workers` processes; `done` is told of each record as it comes."""
    records: list[Record] = []
    waiting = list(hand_ins)
    alone: list[HandIn] = []

    def keep(record: Record) -> None:
        records.append(record)
        done(record)

    for hand_in, record in _in_pool(source, waiting, limits, workers, root):
        if record is None:
            alone.append(hand_in)
        else:
            keep(record)
    for hand_in in alone:  # a worker died while they were with it: which of them was it?
        for _, record in _in_pool(source, [hand_in], limits, 1, root):
            keep(record or _killer(hand_in, root))
    return sorted(records, key=lambda record: (record.student, record.lesson))


def _in_pool(
    source: Path, hand_ins: list[HandIn], limits: Limits, workers: int, root: Path | None
) -> Iterator[tuple[HandIn, Record | None]]:
    """Grade in a fresh pool of processes; None for hand-ins that were lost with a process."""
    from autograder.grade import work

    pool = concurrent.futures.ProcessPoolExecutor(workers, _context(), initializer=_begin)
    _require_work(pool)
    queue = iter(hand_ins)
    running: dict[concurrent.futures.Future[Record], HandIn] = {}
    try:
        while True:
            for hand_in in islice(queue, 2 * workers - len(running)):
                try:
                    future = pool.submit(work, _job(source, hand_in, limits, root))
                except BrokenProcessPool:
                    yield hand_in, None
                else:
                    running[future] = hand_in
            if not running:
                return
            finished, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in finished:
                hand_in = running.pop(future)
                try:
                    yield hand_in, future.result()
                except BrokenProcessPool:
                    yield hand_in, None
    finally:
        pool.shutdown(cancel_futures=True)


def _require_work(pool: concurrent.futures.ProcessPoolExecutor) -> None:
    """`CannotStart` if processes cannot even be started: then no hand-in is to blame."""
    try:
        pool.submit(int).result()
    except BrokenProcessPool as error:
        pool.shutdown()
        raise CannotStart(f"The processes that grade do not start: {error}") from None


def _begin() -> None:
    """A worker leaves Ctrl-C to its parent, and has its zygote start early."""
    from autograder.grade import own_zygote

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own_zygote().start()


def _job(source: Path, hand_in: HandIn, limits: Limits, root: Path | None) -> Job:
    from autograder.collect import read_notebook
    from autograder.grade import Job

    if hand_in.status is None:
        try:
            return Job(hand_in, read_notebook(source, hand_in), limits, root)
        except ValueError as error:
            hand_in = replace(hand_in, status="not a notebook", sentence=str(error))
    return Job(hand_in, limits=limits, root=root)


def _killer(hand_in: HandIn, root: Path | None) -> Record:
    from autograder.grade import not_run
    from autograder.lesson import load_lesson

    sentence = "Nothing could be judged: the notebook killed the process that graded it."
    return not_run(hand_in, load_lesson(hand_in.lesson, root), "crashed", sentence)

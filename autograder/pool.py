"""A class on this machine: as many processes as asked for, each with a zygote of its own.

Processes, not threads: checks redirect output, watch calls and look at global random state, which
belong to a process.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.util
import os
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox.limits import Limits
from autograder.sandbox.nursery import Nursery, open_nursery

if TYPE_CHECKING:
    from autograder.collect import HandIn
    from autograder.jobs import Job
    from autograder.lesson import Lesson
    from autograder.records import Record
    from autograder.sandbox.tiers import Tier
    from autograder.schedule import Site


LONGEST_TEMPORARY = 60


@contextlib.contextmanager
def warmed_up() -> Iterator[Nursery | None]:
    """Load in the background what the processes that grade need; at the end, let it go.

    `ValueError` if the folder for temporary files has a path that is too long for sockets in it.
    """
    _require_short(tempfile.gettempdir())
    nursery = open_nursery()
    try:
        _start_server()
        yield nursery
    finally:
        if nursery is not None:
            nursery.close()


@contextlib.contextmanager
def on_this_machine(count: int, tier: Tier, nursery: Nursery | None = None) -> Iterator[Site]:
    """A site of `count` processes. On an error they go at once, whatever they are at."""
    from autograder.schedule import Site
    from autograder.workers import Workers

    line = nursery.line if nursery is not None else None
    workers = Workers(count, _context(), functools.partial(_begin, tier, line), _end)
    try:
        yield Site(workers, lambda: 2 * count)
    except BaseException:
        workers.shutdown(wait=False)
        raise
    workers.shutdown()


def job_maker(
    source: Path,
    lessons: Mapping[str, Lesson],
    rules: Callable[[str], Mapping[str, str]],
    limits: Limits,
    code: Callable[[str], str] = lambda lesson: "",
) -> Callable[[HandIn], Job]:
    """How to make the job of a hand-in. `rules` gives the rules of a lesson, `code` its code."""
    from autograder.basis import basis
    from autograder.collect import read_files, read_notebook
    from autograder.jobs import Job

    def make(hand_in: HandIn) -> Job:
        data, files = b"", dict[str, bytes]()
        if hand_in.status is None:
            try:
                data, files = read_notebook(source, hand_in), read_files(source, hand_in)
            except ValueError as error:
                hand_in = replace(hand_in, status="not a notebook", sentence=str(error))
        name = hand_in.lesson
        found = basis(hand_in, data, files, rules(name))
        return Job(hand_in, lessons.get(name), data, files, limits, found, code(name))

    return make


def grade_all(
    source: Path,
    hand_ins: Iterable[HandIn],
    limits: Limits,
    workers: int,
    root: Path | None = None,
    done: Callable[[Record], None] = lambda record: None,
    tier: Tier | None = None,
) -> list[Record]:
    """Grade a class with `workers` processes; `done` is told of each record as it comes."""
    from autograder.basis import rules
    from autograder.lesson import load_lesson
    from autograder.notebooks import course_root, lesson_names
    from autograder.sandbox.tiers import chosen_tier
    from autograder.schedule import schedule

    tier = tier or chosen_tier()
    top = root or course_root()
    lessons = {name: load_lesson(name, root) for name in lesson_names(root)}
    make = job_maker(source, lessons, lambda lesson: rules(lesson, top, limits, tier), limits)
    records = []
    with warmed_up() as nursery, on_this_machine(workers, tier, nursery) as site:
        for record in schedule(site, hand_ins, make):
            records.append(record)
            done(record)
    return sorted(records, key=lambda record: (record.student, record.lesson))


def _require_short(folder: str) -> None:
    """A socket's path has at most 107 bytes on Linux; two folders in it and a name add 47."""
    size = len(os.fsencode(folder))
    if size > LONGEST_TEMPORARY:
        raise ValueError(
            f"Expected a folder for temporary files whose path has at most {LONGEST_TEMPORARY} "
            f"bytes, for sockets are made in it; got {folder!r} with {size}. "
            "Set the environment variable TMPDIR to another one."
        )


def _context() -> ForkServerContext:
    """Processes are forked from one that has loaded the grader and nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["autograder.jobs", "autograder.scratch"])
    return context


@functools.cache
def _start_server() -> None:
    """Once in a process, with its socket in a folder that is swept if this process is killed."""
    from autograder.scratch import settled_for_now

    _context()
    with settled_for_now():
        multiprocessing.util.get_temp_dir()  # is made here, and kept for all sockets
    multiprocessing.forkserver.ensure_running()


def _begin(tier: Tier, line: socket.socket | None) -> None:
    """A process settles in, and has its zygote start early."""
    from autograder.jobs import own_zygote
    from autograder.scratch import settle

    settle()
    zygote = own_zygote()
    zygote.tier, zygote.nursery = tier, line
    zygote.start()


def _end() -> None:
    from autograder.jobs import own_zygote
    from autograder.scratch import leave

    own_zygote().close()
    leave()

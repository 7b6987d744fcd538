"""The command `autograder grade`: collect, grade what is new or has changed, write everything.

A run may be killed at any moment. Each record is on the disk as soon as its hand-in is done, and
the next run finds it; everything else is made from the records, at the end, and made again.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox.limits import Limits

if TYPE_CHECKING:
    from autograder.collect import Collection, HandIn
    from autograder.jobs import Job
    from autograder.lesson import Lesson
    from autograder.records import Record
    from autograder.sandbox.nursery import Nursery
    from autograder.sandbox.tiers import Tier
    from autograder.schedule import Site

MISUSE = 2
INTERRUPTED = 130
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_TIER_C = (
    "Students' code is isolated by limits only (tier C): it could read your files. "
    "`autograder doctor` says why."
)


@dataclass(frozen=True)
class Order:
    """What to grade, and how. `dask` is the address of a scheduler, "" for this machine."""

    source: Path
    out: Path
    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    again: bool = False
    example: bool = False
    tier: str = ""
    dask: str = ""
    late: Path | None = None


def grade(order: Order) -> int:
    """Grade a class and write everything to `out`; return the exit code.

    0: every hand-in was graded. 1: some were not, or not wholly; the table says which and why.
    2: there is nothing to grade, the installation is not complete, or the disk is full. Of the
    example class some are broken on purpose: with `example`, 0 means that each status and score is
    as its author expects. What `out` holds from an earlier run and still holds good is kept, but
    not with `again`.
    """
    try:
        records = _grade(order)
        if order.example:
            from autograder.expected import compare

            return compare(records, order.source.parent / "expected.csv")
        return 0 if all(record.graded for record in records) else 1
    except (ValueError, OSError, RuntimeError) as error:
        from autograder.files import is_full

        print(_no_room(error, order.out) if is_full(error) else error, file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        print(
            f"Interrupted. What was graded is kept in {order.out / 'records'}: run the same "
            "command again to go on.",
            file=sys.stderr,
        )
        return INTERRUPTED


def _grade(order: Order) -> list[Record]:
    source, out = order.source, order.out
    if out.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"Expected --out to lie outside of the hand-ins, got {str(out)!r}.")
    for name in _ONE_THREAD:  # there is one process per core already
        os.environ.setdefault(name, "1")
    with _warm(order) as nursery:
        return _grade_with(order, nursery)


def _grade_with(order: Order, nursery: Nursery | None) -> list[Record]:
    source, out = order.source, order.out
    from autograder.collect import collect
    from autograder.files import locked, sweep
    from autograder.late import read_policy
    from autograder.lesson import load_lesson
    from autograder.notebooks import course_root, lesson_names, practice_names
    from autograder.outputs import keep_source
    from autograder.scratch import sweep_relics

    root = course_root()
    lessons = {name: load_lesson(name, root) for name in lesson_names(root)}
    if order.late is not None:
        read_policy(order.late, list(lessons))  # a policy that is not right is not kept
    found = collect(source, [*lessons, *practice_names(root)])
    for remark in found.remarks:
        print(remark, file=sys.stderr)
    with locked(out):
        sweep(out)
        sweep_relics(Path(tempfile.gettempdir()))
        keep_source(source, out)
        run = _Run(order, lessons, found, _maker(order, root, lessons), nursery)
        records = run.carry_out()
        sweep_relics(Path(tempfile.gettempdir()))  # of a killed run's processes, now gone
        return records


@dataclass(frozen=True)
class _Run:
    """One run, in a folder that is locked for it."""

    order: Order
    lessons: Mapping[str, Lesson]
    found: Collection
    make: Callable[[HandIn], Job]
    nursery: Nursery | None

    def carry_out(self) -> list[Record]:
        before, held = self._earlier()
        new = [h for h in self.found.hand_ins if (h.student, h.lesson) not in held]
        with _importing("autograder.faces", "autograder.nbgrader_api"):
            graded = list(self._graded(new, before)) if new else []
        records = sorted([*graded, *held.values()], key=_key)
        if held:
            print(f"{len(held)} hand-ins were graded before, and nothing has changed since.")
        regraded = [record for record in graded if _key(record) in before]
        self._write(records, regraded)
        return records

    def _earlier(self) -> tuple[dict[tuple[str, str], Record], dict[tuple[str, str], Record]]:
        """The records of earlier runs, and those among them that still hold."""
        from autograder.jobs import identified
        from autograder.outputs import earlier_record, save_record

        before, held = {}, {}
        for hand_in in self.found.hand_ins:
            record = earlier_record(self.order.out, hand_in.student, hand_in.lesson)
            if record is None:
                continue
            before[_key(record)] = record
            if not self.order.again and self.make(hand_in).basis == record.basis:
                held[_key(record)] = now = identified(record, hand_in)
                if now != record:  # graded the same, but under another address, say
                    save_record(now, self.order.out)
        return before, held

    def _graded(
        self, new: Sequence[HandIn], before: Mapping[tuple[str, str], Record]
    ) -> Iterator[Record]:
        from autograder.changes import compared
        from autograder.outputs import save_record
        from autograder.progress import progress
        from autograder.schedule import schedule

        with self._site(len(new)) as site, progress(len(new)) as watch:
            for found in schedule(site, new, self.make, watch.look):
                record = compared(before.get(_key(found)), found)
                save_record(record, self.order.out)
                watch.done(record)
                yield record

    @contextlib.contextmanager
    def _site(self, count: int) -> Iterator[Site]:
        if self.order.dask:
            from autograder.cluster import on_cluster

            with on_cluster(self.order.dask) as site:
                yield site
            return
        from autograder.pool import on_this_machine

        tier = _tier(self.order)
        if tier == "C":
            print(_TIER_C, file=sys.stderr)
        with on_this_machine(min(self.order.workers, count), tier, self.nursery) as site:
            yield site

    def _write(self, records: Sequence[Record], regraded: Sequence[Record]) -> None:
        from autograder.changes import by_hand, changes, sentences
        from autograder.gradebook import manual_scores
        from autograder.late import keep, penalties, policy_in, unknown_times
        from autograder.outputs import write_outputs
        from autograder.table import summary, table_text

        order = self.order
        if order.late is not None:
            keep(order.late, order.out)
        policy = policy_in(order.out, list(self.lessons))
        late = penalties(records, policy) if policy is not None else {}
        if policy is not None and (sentence := unknown_times(records, policy)):
            print(sentence, file=sys.stderr)
        paths = write_outputs(
            records, self.lessons, order.out, self._notebook, late, self.found.remarks
        )
        if regraded:
            changed = changes(regraded)
            print(f"{len(regraded)} hand-ins were graded again; {_number_of(changed)}.")
            print("\n".join(f"  {line}" for line in sentences(changed)), end="\n" * bool(changed))
            by_person = manual_scores(order.out / "gradebook.db") if changed else {}
            for line in by_hand(changed, self.lessons, by_person):
                print(f"  {line}")
        print(table_text(records, self.lessons), end="\n\n")
        print(summary(records))
        print("\n".join(f"{kind}: {path}" for kind, path in paths.items()))

    def _notebook(self, record: Record) -> bytes | None:
        """The file of a hand-in; None if there is none that can be read."""
        from autograder.collect import read_notebook

        hand_in = self._hand_ins.get(_key(record))
        if hand_in is None or hand_in.status is not None:
            return None
        with contextlib.suppress(ValueError):
            return read_notebook(self.order.source, hand_in)
        return None

    @functools.cached_property
    def _hand_ins(self) -> dict[tuple[str, str], HandIn]:
        return {(h.student, h.lesson): h for h in self.found.hand_ins}


def _key(record: Record) -> tuple[str, str]:
    return record.student, record.lesson


def _number_of(changed: Sequence[object]) -> str:
    if not changed:
        return "no points have changed"
    plural = "have" if len(changed) > 1 else "has"
    return f"the points of {len(changed)} exercise{'s' * (len(changed) > 1)} {plural} changed"


def _maker(order: Order, root: Path, lessons: Mapping[str, Lesson]) -> Callable[[HandIn], Job]:
    """How jobs are made, with the rules of each lesson read once."""
    from autograder.basis import code_hash, rules
    from autograder.pool import job_maker

    tier = _tier(order)

    @functools.cache
    def rules_of(lesson: str) -> dict[str, str]:
        return rules(lesson, root, order.limits, tier)

    code = functools.cache(code_hash) if order.dask else lambda lesson: ""
    return job_maker(order.source, lessons, rules_of, order.limits, code)


def _tier(order: Order) -> Tier:
    """How students' code will be isolated; on a cluster, its workers see to that."""
    from autograder.sandbox.tiers import chosen_tier, require

    return require(order.tier) if order.tier else chosen_tier()


@contextlib.contextmanager
def _warm(order: Order) -> Iterator[Nursery | None]:
    """Have what grades on this machine load in the background."""
    if order.dask:
        yield None
        return
    from autograder.pool import warmed_up

    with warmed_up() as nursery:
        yield nursery


@contextlib.contextmanager
def _importing(*modules: str) -> Iterator[None]:
    """Import what takes long, while this process waits for its workers."""
    thread = threading.Thread(target=lambda: [importlib.import_module(name) for name in modules])
    thread.start()
    try:
        yield
    finally:  # an import that is under way when the interpreter ends prints a traceback
        thread.join()


def _no_room(error: BaseException, out: Path) -> str:
    named = getattr(error, "filename", None)
    place = named or f"{out}, or the folder for temporary files {tempfile.gettempdir()},"
    return (
        f"The disk is full: {place} could not be written. Nothing is damaged, and what was graded "
        "is kept: make room, and run the same command again to go on."
    )

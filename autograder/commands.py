"""What the commands `autograder grade` and `autograder check` do."""

from __future__ import annotations

import contextlib
import csv
import importlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox.client import CannotStart, Zygote
from autograder.sandbox.limits import Limits

if TYPE_CHECKING:
    from autograder.records import Record

MISUSE = 2
INTERRUPTED = 130
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LESSON_IN_ID = re.compile(r"[EO](\d{1,2})\b")


def grade(
    source: Path,
    out: Path,
    workers: int,
    timeout: float,
    *,
    example: bool = False,
    again: bool = False,
) -> int:
    """Grade a class and write everything to `out`; return the exit code.

    0: every hand-in was graded. 1: some were not, or not wholly; the table says which and why.
    2: there is nothing to grade, or the installation is not complete. Of the example class some are
    broken on purpose: with `example`, 0 means that each status and score is as its author expects.
    What `out` holds from an earlier run and still holds good is kept, but not with `again`.
    """
    try:
        records = _grade(source, out, workers, Limits(seconds=timeout), again)
        if example:
            return _compare(records, source.parent / "expected.csv")
        return 0 if all(record.graded for record in records) else 1
    except (ValueError, OSError, CannotStart) as error:
        print(error, file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        print(f"Interrupted. What was graded stands in {out / 'records'}.", file=sys.stderr)
        return INTERRUPTED


def _grade(source: Path, out: Path, workers: int, limits: Limits, again: bool) -> list[Record]:
    if out.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"Expected --out to lie outside of the hand-ins, got {str(out)!r}.")
    for name in _ONE_THREAD:  # there is one process per core already
        os.environ.setdefault(name, "1")
    from autograder.pool import warm_up

    warm_up()
    from autograder.collect import collect
    from autograder.earlier import Earlier, rules
    from autograder.lesson import load_lesson
    from autograder.notebooks import course_root, lesson_names
    from autograder.outputs import save_record, write_outputs
    from autograder.pool import grade_all
    from autograder.table import summary, table_text

    root = course_root()
    found = collect(source, lesson_names(root))
    for remark in found.remarks:
        print(remark, file=sys.stderr)
    lessons = {name: load_lesson(name, root) for name in lesson_names(root)}
    earlier = Earlier(source, out, rules(root, limits))
    bases = {hand_in: earlier.basis(hand_in) for hand_in in found.hand_ins}
    held = {h: None if again else earlier.record(h, basis) for h, basis in bases.items()}
    new = [hand_in for hand_in, record in held.items() if record is None]
    basis_of = {(h.student, h.lesson): basis for h, basis in bases.items()}
    with _importing("autograder.nbgrader_api"), _progress(len(new)) as advance:

        def done(record: Record) -> None:
            basis = basis_of[record.student, record.lesson]
            save_record(replace(record, basis=basis), out)
            advance(record)

        graded = grade_all(source, new, limits, min(workers, len(new)), root, done) if new else []
    kept = [record for record in held.values() if record is not None]
    records = sorted([*graded, *kept], key=lambda record: (record.student, record.lesson))
    if kept:
        print(f"{len(kept)} hand-ins were graded before, and nothing has changed since.")
    paths = write_outputs(records, lessons, out)
    print(table_text(records, lessons), end="\n\n")
    print(summary(records))
    print("\n".join(f"{kind}: {path}" for kind, path in paths.items()))
    return records


@contextlib.contextmanager
def _importing(module: str) -> Iterator[None]:
    """Import a module that takes seconds, while this process waits for its workers."""
    thread = threading.Thread(target=importlib.import_module, args=[module])
    thread.start()
    try:
        yield
    finally:  # an import that is under way when the interpreter ends prints a traceback
        thread.join()


def _compare(records: Sequence[Record], path: Path) -> int:
    """Compare with the table of expected statuses and scores; return the exit code."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = {(row["student"], row["lesson"]): row for row in csv.DictReader(file)}
    found = {(record.student, record.lesson): record for record in records}
    differences = [
        f"{student}, {lesson}: expected {_fate(row['status'], row['score'])}, got {got}"
        for (student, lesson), row in sorted(rows.items())
        if (got := _fate_of(found.get((student, lesson)))) != _fate(row["status"], row["score"])
    ]
    differences += [f"{', '.join(key)}: not expected" for key in sorted(set(found) - set(rows))]
    print("\n".join(differences) or "The example class: every status and score is as expected.")
    return 1 if differences else 0


def _fate_of(record: Record | None) -> str:
    if record is None:
        return "nothing"
    return _fate(record.status, "" if record.score is None else f"{record.score:g}")


def _fate(status: str, score: str) -> str:
    return f"{status} with {score} points" if score else status


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[Record], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda record: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("Grading"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("grading", total=total)

        def advance(record: Record) -> None:
            bar.advance(task)
            if not record.graded:
                line = f"{record.student}, {record.lesson}: {record.status}"
                bar.console.print(line, markup=False, highlight=False)

        yield advance


def check(path: Path, timeout: float) -> int:
    """Show a student what the visible checks say about a notebook; return the exit code.

    0: all is right. 1: not all is right yet. 2: the file is not a notebook of the course.
    """
    zygote = Zygote()
    try:
        return _check(path, zygote, Limits(seconds=timeout))
    except (ValueError, OSError, CannotStart) as error:
        print(error, file=sys.stderr)
        return MISUSE
    finally:
        zygote.close()


def _check(path: Path, zygote: Zygote, limits: Limits) -> int:
    if not path.is_file():
        raise FileNotFoundError(f"Expected a notebook, but there is no file {str(path)!r}.")
    zygote.start()
    from autograder.checks.render import number
    from autograder.grade import verdicts_of
    from autograder.lesson import load_lesson
    from autograder.notebooks import lesson_names
    from autograder.submission import read_submission

    data = path.read_bytes()
    lesson = load_lesson(_lesson_of(path, data, lesson_names()))
    submission = read_submission(data, lesson)
    score = 0.0
    for verdict in verdicts_of(submission, lesson, zygote, limits):
        print(verdict, flush=True)
        score += verdict.score
    for note in submission.notes:
        print(note)
    print(f"{number(score)} of {number(lesson.points)} points on the visible checks.")
    return 0 if score == lesson.points else 1


def _lesson_of(path: Path, data: bytes, lessons: Sequence[str]) -> str:
    """The lesson of a notebook, by its grade ids, else by its name."""
    from autograder.collect import lesson_named
    from autograder.submission import read_cells

    ids = (_LESSON_IN_ID.match(cell.grade_id) for cell in read_cells(data)[0])
    number = next((int(match[1]) for match in ids if match), None)
    for name in lessons:
        if number is not None and name.startswith(f"{number:02d}_"):
            return name
    named = lesson_named(path.name, lessons)
    if named is None:
        known = ", ".join(lessons)
        raise ValueError(f"Expected a notebook of {known}, and {path.name} is none of them.")
    return named

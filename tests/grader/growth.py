"""What a run of many hand-ins takes on the way: memory, open files, processes, time per hand-in."""

from __future__ import annotations

import contextlib
import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crashing import Process, Tree, count, light_class, marks, read, start, until

from autograder.records import load


@dataclass(frozen=True)
class Mark:
    """A look at a run: memory in bytes and open files of each kind of process, and their number."""

    done: int
    memory: Mapping[str, int]
    files: Mapping[str, int]
    processes: Mapping[str, int]


@dataclass(frozen=True)
class Growth:
    """A run with looks at it, and the seconds of each hand-in in the order in which it was done."""

    code: int
    marks: tuple[Mark, ...]
    seconds: tuple[float, ...]
    finished: tuple[float, ...]

    def slowdown(self, share: float = 0.2) -> float:
        """The median time of the last hand-ins over that of the first ones."""
        size = max(int(share * len(self.seconds)), 1)
        return statistics.median(self.seconds[-size:]) / statistics.median(self.seconds[:size])


def measure(course: Path, top: Path, size: int, every: int, patience: float = 1200.0) -> Growth:
    """Grade a class of `size` light hand-ins with two processes, and look every `every` of them."""
    source, out = light_class(top / "class", size), top / "out"
    log = (top / "log").open("w")
    with log:
        arguments = ("grade", source, "--out", out, "--workers", 2)
        run = start(course, *arguments, stdout=log, stderr=log)
        tree, looks = Tree(run.pid), []
        for goal in range(every, size, every):
            assert until(lambda goal=goal: count(out) >= goal, run, patience, 0.05)  # type: ignore[misc]
            found = tree.look()
            if main := read(run.pid):
                found["main"] = [main]
            looks.append(_mark(goal, {kind: several for kind, several in found.items() if several}))
        run.wait(patience)
    written = sorted(marks(out).items(), key=lambda item: item[1][1])
    seconds = tuple(load(out / "records" / name).seconds for name, _ in written)
    finished = tuple(mark[1] / 1e9 for _, mark in written)
    return Growth(run.returncode, tuple(looks), seconds, finished)


def _mark(done: int, found: Mapping[str, list[Process]]) -> Mark:
    return Mark(
        done,
        {kind: max(_memory(p.pid) for p in several) for kind, several in found.items()},
        {kind: max(_files(p.pid) for p in several) for kind, several in found.items()},
        {kind: len(several) for kind, several in found.items()},
    )


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
    return 0


def _files(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/fd"))
    return 0

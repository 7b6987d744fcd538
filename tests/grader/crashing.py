"""A run of `autograder grade` as a tree of processes: how to look at it and kill parts of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mini
import toy

RIGHT = toy.notebook(mini.cells(mini.SCORE, mini.CONTROL, "Because."))
PARTLY = toy.notebook(mini.cells(mini.SCORE))
KINDS = ("server", "nursery", "worker", "zygote", "child", "other")
LIGHT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NO_COLOR": "1"}


def light_class(top: Path, count: int, partly: int = 0, first: int = 0) -> Path:
    """Hand-ins that take a few hundredths of a second each; one in three is only half right."""
    for number in range(first, first + count):
        path = top / f"s{number:04d}" / mini.NAME / f"{mini.NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(PARTLY if number % 3 == partly else RIGHT)
    return top


def start(course: Path, *arguments: Any, **options: Any) -> subprocess.Popen[str]:
    """`autograder` with these arguments, in a session of its own."""
    environment = {**os.environ, **LIGHT, **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "autograder", *map(str, arguments)],
        cwd=course,
        env=environment,
        text=True,
        start_new_session=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


@dataclass(frozen=True)
class Process:
    """A process as /proc shows it; `born` tells it from a later one with the same number."""

    pid: int
    parent: int
    born: int
    name: str

    @property
    def alive(self) -> bool:
        found = read(self.pid)
        return found is not None and found.born == self.born

    def send(self, number: int) -> bool:
        """Send a signal, if the process is still there."""
        if not self.alive:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def read(pid: int) -> Process | None:
    """A process that has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (OSError, UnicodeDecodeError):
        return None
    fields = status.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return Process(pid, int(fields[1]), int(fields[19]), command)


def everybody() -> list[Process]:
    """All processes that have not ended."""
    found = (read(int(name)) for name in os.listdir("/proc") if name.isdecimal())
    return [process for process in found if process is not None]


@dataclass
class Tree:
    """The processes of a run, by what they do; those whose parents were killed are still its."""

    root: int
    seen: dict[Process, str] = field(default_factory=dict)

    def look(self) -> dict[str, list[Process]]:
        """Those that live now."""
        children: dict[int, list[Process]] = {}
        for process in everybody():
            children.setdefault(process.parent, []).append(process)
        found: dict[str, list[Process]] = {kind: [] for kind in KINDS}
        known = {(p.pid, p.born): kind for p, kind in self.seen.items()}
        inside = {self.root, *(p.pid for p in self.seen)}
        level = [
            (process, known.get((process.pid, process.born), ""))
            for parent, several in children.items()
            for process in several
            if parent == self.root
            or (parent not in inside and (process.pid, process.born) in known)
        ]
        while level:
            below = []
            for process, above in level:
                kind = known.get((process.pid, process.born), "") or _kind(process, above)
                self.seen[process] = kind
                found[kind].append(process)
                below += [(child, kind) for child in children.get(process.pid, [])]
            level = below
        return found

    def relics(self, patience: float = 10.0) -> list[Process]:
        """Those that were seen and still live after a while."""
        deadline = time.monotonic() + patience
        while True:
            left = [process for process in self.seen if process.alive]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.02)


def _kind(process: Process, above: str) -> str:
    """What a process does, by its command line and by what its parent does."""
    if "multiprocessing.forkserver" in process.name:
        return "worker" if above == "server" else "server"
    if "autograder.sandbox.zygote" in process.name:
        return {"": "nursery", "server": "zygote", "nursery": "zygote"}.get(above, "child")
    return "other"


def until(
    condition: Callable[[], bool],
    process: subprocess.Popen[str],
    patience: float,
    pause: float = 0.01,
) -> bool:
    """Wait until something is so; False if the process ended before."""
    deadline = time.monotonic() + patience
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run does not go on"
        time.sleep(pause)
    return True


def marks(out: Path) -> dict[str, tuple[int, int]]:
    """Each record's file as it was written: a file that is written again is another one."""
    found = {}
    for entry in os.scandir(out / "records") if (out / "records").is_dir() else ():
        if entry.name.endswith(".json"):
            facts = entry.stat()
            found[entry.name] = (facts.st_ino, facts.st_mtime_ns)
    return found


def count(out: Path) -> int:
    """How many hand-ins are done."""
    try:
        return sum(name.endswith(".json") for name in os.listdir(out / "records"))
    except FileNotFoundError:
        return 0


def rewritten(
    before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]]
) -> list[str]:
    """Records that are not what they were."""
    return [name for name, mark in before.items() if after.get(name) != mark]

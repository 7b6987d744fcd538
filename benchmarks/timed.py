"""Running a command in a process of its own, with the time it takes: wall clock and processor."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_SETTLE_SECONDS = 10.0


@dataclass(frozen=True)
class Timing:
    """Seconds of one run: on the clock, and of processor time over all its processes."""

    wall: float
    cpu: float


class Failed(RuntimeError):
    """The command ended with an exit code that was not expected."""


def run(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str] = {},
    expected: Sequence[int] = (0,),
) -> Timing:
    """Run a command to its end; `Failed`, with what it said, if its exit code is another.

    The wall clock stops when the command ends. Processor time includes processes that the command
    leaves behind, until they end too; that needs Linux.
    """
    _adopt_orphans()
    log = folder / "benchmark.log"
    before, started = _children(), time.perf_counter()
    with log.open("wb") as file:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    wall = time.perf_counter() - started
    if done.returncode not in expected:
        said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise Failed(f"{' '.join(command)} ended with exit code {done.returncode}:\n{said}")
    _reap()
    return Timing(wall, _children() - before)


def _children() -> float:
    """Processor seconds of all ended children, with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _adopt_orphans() -> None:
    """Count processes whose parents end before them, such as the server that forks workers."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap() -> None:
    """Wait for such processes; one that stays for long is left alone and not counted."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)

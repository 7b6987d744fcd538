"""Running a command in a process of its own, with the time it takes: wall clock and processor.

Run as `python timed.py REPORT COMMAND...`, it is what starts the command, and the parent of all
that the command leaves behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
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
_REPORT, _LOG = "benchmark.json", "benchmark.log"


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
    report, log = folder / _REPORT, folder / _LOG
    with log.open("wb") as file:
        subprocess.run(
            [sys.executable, "-I", str(Path(__file__).resolve()), str(report), *command],
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=True,
        )
    found = json.loads(report.read_text(encoding="utf-8"))
    if found["code"] not in expected:
        said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise Failed(f"{' '.join(command)} ended with exit code {found['code']}:\n{said}")
    return Timing(found["wall"], found["cpu"])


def main(report: str, *command: str) -> None:
    """Run the command, wait for all it leaves behind, and write down how long it took."""
    if sys.platform == "linux":  # processes whose parents end before them come to this one
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.perf_counter()
    code = subprocess.run(command, check=False).returncode
    wall = time.perf_counter() - started
    _reap()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {"code": code, "wall": wall, "cpu": used.ru_utime + used.ru_stime}
    Path(report).write_text(json.dumps(found), encoding="utf-8")


def _reap() -> None:
    """Wait for what is left; a process that stays for long is left alone and not counted."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What one hand-in may use, and how a child process is held to it."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits on one hand-in.

    `seconds` is its own time for all cells and calls together; `allowance` shares it out, and
    `clock` says whose time it is. Memory is address space.
    `more_processes` counts threads as well. `scratch` bounds the bytes of all its files together,
    and `scratch_files` their number; tiers B and C notice it with a delay if there are more.
    """

    seconds: float = 60.0
    memory: int = 4096 * MIB
    file_size: int = 64 * MIB
    open_files: int = 256
    more_processes: int = 256
    scratch: int = 64 * MIB
    scratch_files: int = 4096


def hold(limits: Limits, *, threads_only: bool = False, others: bool = True) -> None:
    """Hold this process, and all it starts, to the limits. There is no way back.

    With `threads_only` it can start no processes, and must not lock memory or get ahead of others
    either. `others`: further processes of the same user count towards its number of processes.
    """
    cpu = int(limits.seconds) + 5  # the grader's clock comes first; this holds if the grader dies
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_CPU, cpu)
    _set(resource.RLIMIT_FSIZE, limits.file_size)
    _set(resource.RLIMIT_NOFILE, limits.open_files)
    _set(resource.RLIMIT_AS, limits.memory)
    if sys.platform == "linux":  # counts all processes of the user; the kernel exempts root
        present = _threads_of_user() if others else 1
        _set(resource.RLIMIT_NPROC, present + limits.more_processes)
        if threads_only:
            for kind in (resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE, resource.RLIMIT_RTPRIO):
                _set(kind, 0)


def _set(kind: int, value: int) -> None:
    """Set both limits, or the tightest that the system allows."""
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _threads_of_user() -> int:
    """How many threads the user runs at the moment; those of other users are not counted."""
    count, user = 0, os.getuid()
    for folder in os.scandir("/proc"):
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if folder.stat().st_uid == user:
                    count += len(os.listdir(f"{folder.path}/task"))
    return count

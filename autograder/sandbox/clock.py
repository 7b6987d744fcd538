"""Waiting for a child: the time is its own, and what comes late is interrupted before it is killed.

On a busy machine a child waits for a core, which is not its fault, and so does the grader that is
to receive its answer. Linux counts how long a thread did so, and that time does not count, as long
as the wait is not several times over.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field

AT_MOST = 3.0
"""So many times longer than allowed a wait may be, by the clock on the wall."""
OURSELVES = "thread-self"
"""What stands for this thread in the place of a process's number."""
GRACE = 0.3
"""Seconds in which an interrupted child may come to its senses."""


@dataclass
class Wait:
    """One wait for the process `pid`, which may use `seconds` of its own time."""

    pid: int
    seconds: float
    interrupted: bool = False
    _begun: float = field(default_factory=time.monotonic)
    _queued: float = 0.0
    _over: float = 0.0

    def __post_init__(self) -> None:
        self._queued = self._in_queues()

    def left(self) -> float:
        """The seconds left; when they are used up, interrupt the process and grant the grace.

        Raises:
            TimeoutError: the grace is over, too.
        """
        if not self.interrupted:
            wall = time.monotonic() - self._begun
            left = self.seconds - (wall if wall < self.seconds else self.spent())
            if left > 0:
                return left
            self.interrupted, self._over = True, time.monotonic() + GRACE
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGINT)
        left = self._over - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def spent(self) -> float:
        """Seconds of the process's own time since the wait began."""
        wall = time.monotonic() - self._begun
        return max(wall - max(self._in_queues() - self._queued, 0.0), wall / AT_MOST)

    def _in_queues(self) -> float:
        """What the child and this thread have waited for a core; never both at the same time."""
        return queued(self.pid) + queued(OURSELVES)


def queued(pid: int | str) -> float:
    """Seconds that a process's main thread was ready to run while others ran; 0 if unknown."""
    try:
        descriptor = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY)  # twice per wait: no detours
        try:
            return int(os.read(descriptor, 200).split()[1]) / 1e9
        finally:
            os.close(descriptor)
    except (OSError, ValueError, IndexError):
        return 0.0

"""Zygotes for all processes that grade, from one that has loaded the libraries.

Loading takes a second of processor time. A class needs it once, not once per process: the nursery
loads the libraries and nothing else, and becomes a zygote, by a fork, as often as it is asked to.
Each of them confines itself as one that was started by itself does. Where there is no nursery, or
it is gone, zygotes start by themselves.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_MODULE = "autograder.sandbox.zygote"
_PASSED_ON = ("PATH", "HOME", "LANG", "MPLCONFIGDIR", "XDG_CACHE_HOME", "VIRTUAL_ENV", "TZ")


def environment() -> dict[str, str]:
    """The few variables of a zygote; one thread per child, since the children run in parallel."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


@dataclass(frozen=True)
class Nursery:
    """The nursery of a run, and the line on which zygotes are asked for; several may share it."""

    process: subprocess.Popen[bytes]
    line: socket.socket

    def close(self) -> None:
        """End the nursery; its zygotes stay."""
        self.line.close()
        self.process.kill()
        self.process.wait()


def open_nursery() -> Nursery | None:
    """Start a nursery, and return at once; None where processes have no handles."""
    if not hasattr(os, "pidfd_open"):
        return None
    line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment(),
            cwd=tempfile.gettempdir(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return Nursery(process, line)


def ask(line: socket.socket, tier: str, descriptors: Sequence[int]) -> bool:
    """Ask for a zygote that has these open files; False if there is no nursery any more."""
    try:
        socket.send_fds(line, [tier.encode()], descriptors)
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Handle:
    """A process that is no child of this one, held so that its number is never another's."""

    pid: int
    descriptor: int

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it has ended; `subprocess.TimeoutExpired` if it has not in time."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        if not poll.poll(None if timeout is None else 1000 * timeout):
            raise subprocess.TimeoutExpired(_MODULE, timeout or 0.0)

    def kill(self) -> None:
        """End it now, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.descriptor)


def hold(pid: int) -> Handle:
    """A handle on a running process; `ProcessLookupError` if there is none."""
    return Handle(pid, os.pidfd_open(pid))


def tend(line: socket.socket, become: Callable[[socket.socket, str], None]) -> None:
    """Be the nursery until nobody holds the other end of the line.

    For each zygote that is asked for, `become` is called in a fork, with its socket and its tier.
    """
    signal.signal(signal.SIGCHLD, _forget)
    while True:
        tier, descriptors, _, _ = socket.recv_fds(line, 64, 2)
        if not tier:
            return
        if len(descriptors) == 2 and os.fork() == 0:
            _settle(line, descriptors)
            become(socket.socket(fileno=descriptors[0]), tier.decode())
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _forget(*_: object) -> None:
    """Forget zygotes that have ended; the time they took counts as the nursery's."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _settle(line: socket.socket, descriptors: Sequence[int]) -> None:
    """What a process that is started by itself has: a session, its signals, its own errors."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    line.close()
    os.dup2(descriptors[1], 2)
    os.close(descriptors[1])

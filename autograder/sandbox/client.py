"""The trusted side of the zygote: start it, let it fork children, end them."""

from __future__ import annotations

import array
import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from autograder.sandbox.limits import Limits
from autograder.sandbox.nursery import Handle, ask, environment, hold
from autograder.sandbox.proof import missing
from autograder.sandbox.removal import remove
from autograder.sandbox.tiers import Tier, chosen_tier, folder_for_child

_START_SECONDS = 120.0
_REPLY_SECONDS = 30.0
_TRIES = 3
_SILENT = "it says nothing"
_MODULE = "autograder.sandbox.zygote"
_REFUSED = "Refused to run students' code unconfined: tier {} could not be had: {}."


class ZygoteLost(Exception):
    """The zygote ended, or does not answer."""


class CannotStart(RuntimeError):
    """The zygote does not start: the installation is broken, no hand-in is to blame."""


@dataclass(frozen=True)
class Child:
    """A process that runs one hand-in: its id, the socket to it, and its directory.

    `folder` is "" for a child whose directory only it can see. `name` is what its zygote calls it.
    """

    pid: int
    sock: socket.socket
    folder: str
    name: int


@dataclass
class Zygote:
    """A zygote that is started when needed, and again when lost. Not for two threads at once.

    `tier` is how its children are isolated: the one asked for, else that of `tiers.chosen_tier`. It
    is known once the zygote has been started, and the same ever after. If there is a line to a
    `nursery`, the zygote comes from there as long as it can.
    """

    tier: Tier | None = None
    nursery: socket.socket | None = None
    process: subprocess.Popen[bytes] | Handle | None = None
    control: socket.socket | None = None
    errors: BinaryIO | None = None
    ready: bool = False

    def start(self) -> None:
        """Start the process, unless it runs; it inherits nothing of this one.

        Returns at once; the first `fork` waits until the libraries are loaded. `NoTier` if the tier
        asked for is not to be had.
        """
        if self.control is not None:
            return
        self.tier = self.tier or chosen_tier()
        self.control, theirs = socket.socketpair()
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `close`)
        with theirs:
            if self.nursery is not None:
                if ask(self.nursery, self.tier, [theirs.fileno(), self.errors.fileno()]):
                    return
                self.nursery = None
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno()), self.tier],
                pass_fds=[theirs.fileno()],
                env=environment(),
                cwd=tempfile.gettempdir(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
                start_new_session=True,
            )

    def fork(self, limits: Limits) -> Child:
        """A new child, confined, in a fresh directory; `CannotStart` if that cannot be had."""
        try:
            return self._fork(limits)
        except ZygoteLost:  # a student's code may have killed it meanwhile: start it once more
            self.close()
        try:
            return self._fork(limits)
        except ZygoteLost as error:
            raise CannotStart(f"The process that runs students' code is lost: {error}") from None

    def end(self, child: Child, patience: float = 0.0) -> str:
        """Kill a child with all its processes and remove its directory; say how it had ended."""
        child.sock.close()
        try:
            reply = self._ask({"end": child.name, "patience": patience})
            return str(reply["ending"]) or _ending(int(reply["status"]))
        except ZygoteLost:
            self.close()
            return "the process that had started it is gone, too"
        finally:
            remove(child.folder)

    def close(self) -> None:
        """End the zygote and its children."""
        if self.control is None or self.errors is None:
            return
        self.control.close()
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5.0)
            self.process.kill()
            self.process.wait()
        self.errors.close()
        self.process, self.control, self.errors, self.ready = None, None, None, False

    def _fork(self, limits: Limits) -> Child:
        self.start()
        self._wait_until_ready()
        assert self.tier is not None
        ours, theirs = socket.socketpair()
        folder = folder_for_child(self.tier)
        request = {"fork": {"folder": folder, "limits": dataclasses.asdict(limits)}}
        name = None
        try:
            reply = self._ask(request, [theirs.fileno()])
            theirs.close()
            if "refused" in reply:
                raise CannotStart(_REFUSED.format(self.tier, reply["refused"]))
            name = int(reply["pid"])
            return Child(self._confined(ours), ours, folder, name)
        except (ZygoteLost, CannotStart):
            ours.close()
            theirs.close()
            if name is not None:
                with contextlib.suppress(ZygoteLost):
                    self._ask({"end": name, "patience": 0.0})
            remove(folder)
            raise

    def _confined(self, sock: socket.socket) -> int:
        """The pid of a child, once it has reported that it is confined; `CannotStart` if not."""
        assert self.tier is not None
        try:
            report = _read_line(sock, _REPLY_SECONDS)
        except ZygoteLost:
            reason = self._last_words() or _SILENT
            raise CannotStart(_REFUSED.format(self.tier, reason)) from None
        lacking = missing(self.tier, list(report.get("facts", ())))
        if "refused" in report or report.get("tier") != self.tier or lacking:
            reason = report.get("refused") or f"it did not find that it {lacking}"
            raise CannotStart(_REFUSED.format(self.tier, reason))
        sock.settimeout(None)
        return int(report["pid"])

    def _wait_until_ready(self) -> None:
        """Wait for the libraries; start again, without the nursery, if it is lost before it is up.

        What is killed says nothing and is worth another try; an error would come again, and who
        has waited in vain for minutes need not wait again.
        """
        if self.ready:
            return
        said = ""
        for _ in range(_TRIES):
            self.start()
            given_up = time.monotonic() + _START_SECONDS
            try:
                pid = int(self._read(_START_SECONDS)["ready"])
                if self.process is None:
                    self.process = hold(pid)
                self.ready = True
                return
            except (ZygoteLost, ProcessLookupError):
                said = self._last_words()
                self.close()
                nursed, self.nursery = self.nursery is not None, None
                if (said or time.monotonic() >= given_up) and not nursed:
                    break
        raise CannotStart(f"The process that runs students' code does not start: {said or _SILENT}")

    def _ask(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        data = json.dumps(request).encode() + b"\n"
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        if self.control is None:
            raise ZygoteLost("it is not running")
        try:
            self.control.sendmsg([data], rights if descriptors else [])
        except OSError as error:
            raise ZygoteLost(str(error)) from None
        return self._read(_REPLY_SECONDS)

    def _read(self, seconds: float) -> dict[str, Any]:
        assert self.control is not None
        return _read_line(self.control, seconds)

    def _last_words(self) -> str:
        """The last line that the zygote, or a child of it, has written as an error; "" if none."""
        assert self.errors is not None
        self.errors.seek(0)
        said = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        return said[-1] if said else ""


def _read_line(sock: socket.socket, seconds: float) -> dict[str, Any]:
    """One line of JSON; `ZygoteLost` if none comes in time."""
    data, deadline = b"", time.monotonic() + seconds
    try:
        while not data.endswith(b"\n"):
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = sock.recv(65536)
            if not piece:
                raise ZygoteLost("it ended")
            data += piece
    except OSError as error:
        raise ZygoteLost(str(error)) from None
    return json.loads(data)


def _ending(status: int) -> str:
    """How a process ended, in words that complete "Python ended: ..."."""
    if status < 0:
        return "for an unknown reason"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        names = {
            int(signal.SIGSEGV): "a segmentation fault",
            int(signal.SIGSYS): "a signal that it sent to itself",  # by a rule of tier A's filter
        }
        known = {int(s): s.name for s in signal.Signals}
        return names.get(number, f"signal {known.get(number, number)}")
    return f"exit code {os.waitstatus_to_exitcode(status)}"

"""The zygote: a process that has loaded the libraries and forks a child on request.

Run as `python -P -m autograder.sandbox.zygote DESCRIPTOR TIER`, with a Unix socket to the grader.
Requests and replies are lines of JSON; a request for a child carries the child's own socket. With
no tier given, the process is a nursery.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any, cast

import vi_lib
from autograder.sandbox import linux
from autograder.sandbox.child import live
from autograder.sandbox.confinement import Cage, die_with, fork, prepare
from autograder.sandbox.footprint import Footprint, wait
from autograder.sandbox.limits import Limits
from autograder.sandbox.nursery import tend
from autograder.sandbox.removal import remove
from autograder.sandbox.tiers import Tier

_LIBRARIES = (
    "autograder.checks.inputs",
    "autograder.checks.scenes",
    "autograd.numpy",
    "autograd.scipy.special",
    "autograd.scipy.stats",
    "autograd.numpy.linalg",
    "matplotlib.animation",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "IPython.core.inputtransformer2",
)
_SWEEPS = 100


def load() -> None:
    """Load the libraries, and have no child copy what never changes."""
    gc.disable()  # nothing of what is loaded becomes garbage
    for name in (*_LIBRARIES, *(m.name for m in pkgutil.iter_modules(vi_lib.__path__, "vi_lib."))):
        importlib.import_module(name)
    gc.enable()
    gc.collect()
    gc.freeze()  # a child's garbage collections must not copy all of the parent's memory


def serve(control: socket.socket, tier: Tier) -> None:
    """Serve requests until the grader hangs up, then end all children."""
    control.set_inheritable(False)
    _adopt_orphans()
    pid = os.getpid()
    cage = prepare(tier, control.close)
    control.sendall(json.dumps({"ready": pid}).encode() + b"\n")
    children: dict[int, Footprint] = {}
    while True:
        wait(control, children.items(), _kill_group)
        line, descriptors = _request(control)
        if not line:
            break
        request = json.loads(line)
        reply: dict[str, Any]
        if "fork" in request:
            try:
                pid = _fork(control, cage, request["fork"], descriptors)
            except OSError as error:
                os.close(*descriptors)
                reply = {"refused": str(error.strerror or error)}
            else:
                folder, limits = request["fork"]["folder"], request["fork"]["limits"]
                children[pid] = Footprint(folder, Limits(**limits))
                reply = {"pid": pid}
        else:
            footprint = children.pop(request["end"])
            status = _end(request["end"], request["patience"])
            reply = {"status": status, "ending": footprint.ending}
        control.sendall(json.dumps(reply).encode() + b"\n")
    _sweep()
    for footprint in children.values():  # a killed grader does not remove their folders
        remove(footprint.folder)


def _request(control: socket.socket) -> tuple[bytes, list[int]]:
    data, descriptors = b"", []
    while not data.endswith(b"\n"):
        piece, found, _, _ = socket.recv_fds(control, 65536, 1)
        if not piece:
            return b"", []
        data += piece
        descriptors += found
    return data, descriptors


def _fork(
    control: socket.socket, cage: Cage, request: dict[str, Any], descriptors: list[int]
) -> int:
    (descriptor,) = descriptors
    parent = os.getpid()
    pid = fork(cage)
    if pid:
        os.close(descriptor)
        return pid
    code = 70
    try:
        control.close()
        die_with(parent)
        limits = Limits(**request["limits"])
        live(socket.socket(fileno=descriptor), cage, request["folder"], limits)
        code = 0
    except BaseException:  # nothing may return into the zygote's own loop
        traceback.print_exc()
    finally:
        os._exit(code)


def _end(pid: int, patience: float) -> int:
    """Kill a child and everything it left behind; return its wait status.

    With patience, in seconds, a child that is about to end by itself may do so and keep its status.
    """
    deadline = time.monotonic() + patience
    with contextlib.suppress(ChildProcessError):
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT  # looks, and keeps the process id taken
        while os.waitid(os.P_PID, pid, options) is None and time.monotonic() < deadline:
            time.sleep(0.001)
        _kill_group(pid)
        _, status = os.waitpid(pid, 0)
        _sweep()
        return status
    return -1


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # it has not got its own session yet
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _sweep() -> None:
    """Kill processes whose parents are gone and which became the zygote's (Linux only)."""
    for _ in range(_SWEEPS):
        found = _children()
        if not found:
            return
        for pid in found:
            _kill_group(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []


def _adopt_orphans() -> None:
    """Become the parent of processes that a child leaves behind (Linux only)."""
    if sys.platform == "linux":
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)


def main(descriptor: str, tier: str = "") -> None:
    """Be a zygote, or a nursery."""
    sock = socket.socket(fileno=int(descriptor))
    load()
    if tier:
        serve(sock, cast(Tier, tier))
    else:
        tend(sock, lambda control, tier: serve(control, cast(Tier, tier)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The life of a child: confine itself, run the cells, answer calls until the grader hangs up."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import random
import signal
import socket
import sys
import tempfile
from typing import Any

import numpy as np

from autograder.checks.answer import Fault, Outcome, perform
from autograder.checks.values import NotAValue
from autograder.sandbox import wire
from autograder.sandbox.cells import (
    CellError,
    Code,
    furnish,
    new_namespace,
    run_cells,
    students_turn,
)
from autograder.sandbox.confinement import Cage, Confined, confine
from autograder.sandbox.limits import Limits

_MAX_DESCRIPTORS = 4096
_SEED = 602_214_076
"""Of the global random numbers: the same in each run, and none that an answer seeds them with."""


def live(sock: socket.socket, cage: Cage, folder: str, limits: Limits) -> None:
    """Be the child; returns when the grader has hung up.

    Before anything else it confines itself and reports so, in one line of JSON; a child that cannot
    says why, and raises `OSError`.
    """
    _settle(sock, cage.descriptors)
    try:
        confined = confine(cage, folder, limits)
    except OSError as error:
        _tell(sock, {"refused": str(error.strerror or error)})
        raise
    _furnish(confined)
    _tell(sock, {"pid": confined.pid, "tier": cage.tier, "facts": confined.facts})
    with contextlib.suppress(wire.Closed):
        message = wire.receive(sock)
        _write(confined.folder, wire.to_files(message.get("files", {})))
        namespace = new_namespace()
        furnish(namespace)
        _run(sock, [Code(*cell) for cell in message["cells"]], namespace)
        while True:
            request = wire.receive(sock)
            _answer(sock, request, namespace)


def _settle(sock: socket.socket, needed: tuple[int, ...]) -> None:
    """A session, no open files but the socket and those needed, the usual signals."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    kept = sorted({2, sock.fileno(), *needed, _MAX_DESCRIPTORS})
    for low, high in itertools.pairwise(kept):
        os.closerange(low + 1, high)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _furnish(confined: Confined) -> None:
    """Three variables, the folder to import from, and the same random numbers every time."""
    folder = confined.folder
    os.environ.clear()
    os.environ.update(HOME=folder, TMPDIR=folder, MPLCONFIGDIR=folder)
    sys.argv[:] = ["notebook"]
    sys.path.insert(0, folder)
    tempfile.tempdir = folder
    random.seed(_SEED)
    np.random.seed(_SEED)  # noqa: NPY002


def _tell(sock: socket.socket, report: dict[str, Any]) -> None:
    sock.sendall(json.dumps(report).encode() + b"\n")


def _write(folder: str, files: dict[str, bytes]) -> None:
    """Write the student's helper files; what the limits do not allow is left out."""
    for name, content in files.items():
        if os.path.basename(name) != name:
            continue
        with contextlib.suppress(OSError, ValueError), open(os.path.join(folder, name), "wb") as f:
            f.write(content)


def _run(sock: socket.socket, cells: list[Code], namespace: dict[str, Any]) -> None:
    ourselves = os.getpid()

    def progress(number: int, index: int, line: int) -> None:
        if os.getpid() == ourselves:  # the notebook may have forked
            wire.send(sock, {"at": [number, index, line]})

    try:
        errors = run_cells(cells, namespace, progress)
        _leave_unless(ourselves)
    except MemoryError:
        _leave_unless(ourselves)
        wire.send(sock, {"out of memory": True})
        return
    names = [name for name, value in list(namespace.items()) if _callable(name, value)]
    wire.send(sock, {"names": names[:10_000], "errors": [_plain_error(e) for e in errors]})


def _leave_unless(ourselves: int) -> None:
    """End a process that the student's code has forked: it must not answer a second time."""
    if os.getpid() != ourselves:
        os._exit(0)


def _callable(name: Any, value: Any) -> bool:
    return isinstance(name, str) and name.isidentifier() and callable(value)


def _plain_error(error: CellError) -> dict[str, Any]:
    return {key: _text(value) for key, value in dataclasses.asdict(error).items()}


def _text(value: Any) -> Any:
    """A text that can be sent: halves of surrogate pairs are replaced."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _answer(sock: socket.socket, request: dict[str, Any], namespace: dict[str, Any]) -> None:
    """Carry out one call and reply, whatever the student's code did."""
    ourselves = os.getpid()
    call = wire.to_call(request["call"])
    try:
        with students_turn():
            outcome = perform(namespace, call)
    except BaseException as error:  # such as KeyboardInterrupt, raised by the answer itself
        sentence = f"`{call.target}` raised {type(error).__name__}."
        outcome = Outcome(fault=Fault("raised", sentence, type(error).__name__))
    _leave_unless(ourselves)
    try:
        _reply(sock, request["id"], outcome)
    except (NotAValue, MemoryError, ValueError) as error:
        sentence = f"`{call.target}`: the result cannot be passed on: {error}."
        fault = Fault("not a value", _text(sentence), type(error).__name__)
        _reply(sock, request["id"], Outcome(fault=fault))


def _reply(sock: socket.socket, number: int, outcome: Outcome) -> None:
    message = {"id": number, **wire.from_outcome(outcome)}
    wire.send(sock, message, most=wire.MAX_REPLY)

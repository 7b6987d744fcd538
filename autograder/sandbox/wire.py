"""Messages on the socket between the grader and a child: length, then `values.encode`d content.

Whatever the other end sends, reading gives a value, or raises `Closed`, `Malformed` or
`TimeoutError`. The grader's side trusts nothing: sizes are bounded before anything is read, times
are bounded by a deadline, and a reply is rebuilt field by field.
"""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.checks.answer import Call, Fault, Outcome
from autograder.checks.values import MAX_BYTES, NotAValue, decode, encode, plain
from autograder.sandbox.bounds import require_modest

MAX_MESSAGE = MAX_BYTES + 2**20
"""Bytes of one message: the largest value that an answer may return, and its description."""
MAX_STRUCTURE = 16 * 2**20
"""Bytes of the JSON in a message; as Python objects it takes up to ten times as much."""
MAX_REPLY = 2 * 2**20
"""Bytes of the JSON in a child's message: so many that the grader reads them in a moment."""
MAX_SENTENCE = 1000
"""Characters of a text that comes from a student's code."""


Deadline = float | Callable[[], float] | None
"""A time of `time.monotonic`, or a function that gives the seconds left, or no deadline."""


class Closed(Exception):
    """The other end is gone."""


class Malformed(Exception):
    """The other end sent something that is not a message."""


def send(
    sock: socket.socket, value: Any, deadline: Deadline = None, most: int = MAX_STRUCTURE
) -> None:
    """Send one message; `NotAValue` if it is too large, or its JSON longer than `most`."""
    data = encode(value)
    if len(data) > MAX_MESSAGE or int.from_bytes(data[:8], "little") > most:
        raise NotAValue(f"expected at most {MAX_BYTES} bytes in all, and arrays for long lists")
    try:
        sock.settimeout(_left(deadline))
        sock.sendall(len(data).to_bytes(8, "little") + data)
    except TimeoutError:
        raise
    except OSError as error:
        raise Closed(str(error)) from None


def receive(sock: socket.socket, deadline: Deadline = None, most: int = MAX_STRUCTURE) -> Any:
    """Receive one message; `Malformed` if it is none, or its JSON longer than `most`."""
    size = int.from_bytes(_read(sock, 8, deadline), "little")
    if not 8 <= size <= MAX_MESSAGE:
        raise Malformed(f"expected at most {MAX_MESSAGE} bytes, got {size}")
    data = _read(sock, size, deadline)
    structure = int.from_bytes(data[:8], "little")
    if structure > most:
        raise Malformed(f"expected at most {most} bytes of structure, got {structure}")
    try:
        return decode(data)
    except Exception as error:  # whatever goes wrong here is the sender's doing
        raise Malformed(f"{type(error).__name__}: {error}"[:MAX_SENTENCE]) from None


def _read(sock: socket.socket, size: int, deadline: Deadline) -> bytes:
    pieces, missing = [], size
    while missing:
        try:
            sock.settimeout(_left(deadline))
            piece = sock.recv(min(missing, 2**20))
        except TimeoutError:
            _left(deadline)  # what was read is kept while there is time left
            continue
        except OSError as error:
            raise Closed(str(error)) from None
        if not piece:
            raise Closed("end of stream")
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _left(deadline: Deadline) -> float | None:
    """Seconds until the deadline; `TimeoutError` when it has passed."""
    if deadline is None:
        return None
    left = deadline() if callable(deadline) else deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def from_files(files: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """Files as values."""
    return {name: np.frombuffer(content, np.uint8) for name, content in files.items()}


def to_files(message: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """The files that `from_files` wrote."""
    return {name: content.tobytes() for name, content in message.items()}


def from_call(call: Call) -> dict[str, Any]:
    """A call as values."""
    return {f.name: getattr(call, f.name) for f in dataclasses.fields(Call)}


def to_call(message: dict[str, Any]) -> Call:
    """The call that `from_call` wrote."""
    return Call(**message)


def from_outcome(outcome: Outcome) -> dict[str, Any]:
    """An outcome as values."""
    found = {f.name: getattr(outcome, f.name) for f in dataclasses.fields(Outcome)}
    return {**found, "fault": outcome.fault and dataclasses.asdict(outcome.fault)}


def to_outcome(message: Any) -> Outcome:
    """The outcome in a child's reply; `Malformed` if there is none.

    A value that would be too large to work with becomes a fault.
    """
    try:
        value = plain(message["value"])
        fault = None if message["fault"] is None else _to_fault(message["fault"])
        try:
            require_modest(value)
        except NotAValue as error:
            value, fault = None, Fault("not a value", f"The result: {error}.", "NotAValue")
        return Outcome(
            value=value,
            fault=fault,
            mutated=tuple(sentence(name) for name in message["mutated"][:8]),
            global_random=bool(message["global_random"]),
            used=tuple(sentence(name) for name in message["used"][:8]),
            seconds=float(message["seconds"]),
        )
    except Exception as error:  # as in `receive`
        raise Malformed(f"{type(error).__name__}: {error}"[:MAX_SENTENCE]) from None


def _to_fault(fault: dict[str, Any]) -> Fault:
    kind = fault["kind"]
    if kind not in ("not started", "missing", "raised", "not a value"):
        raise ValueError(f"unknown kind of fault {kind!r}")
    return Fault(kind, sentence(fault["message"]), sentence(fault["error_type"]))


def sentence(text: Any) -> str:
    """A text from the child: of bounded length and without control characters."""
    if not isinstance(text, str):
        raise TypeError(f"expected a text, got {type(text).__name__}")
    kept = text[:MAX_SENTENCE].encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() or c == "\n" else " " for c in kept)

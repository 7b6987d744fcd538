"""Messages on the socket: what is sent arrives, and whatever arrives does no harm."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.checks.answer import Call, Fault, Outcome
from autograder.checks.diagnose import same
from autograder.checks.values import encode, generator, made, named
from autograder.sandbox import wire

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def soon() -> float:
    return time.monotonic() + 5.0


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data


numbers = st.floats(allow_nan=False) | st.integers(-(2**62), 2**62) | st.booleans() | st.none()
arrays = st.lists(st.floats(allow_nan=False), max_size=5).map(np.array)
values = st.recursive(
    numbers | st.text(max_size=10) | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
@settings(max_examples=100, deadline=None)
def test_a_value_arrives_as_it_was_sent(value: Any) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send(ours, {"value": value}, soon())
        found = wire.receive(theirs, soon())["value"]
    assert type(found) is type(value)
    assert same(found, value)


def test_a_large_array_arrives(pair: Pair) -> None:
    sent = np.arange(2**20, dtype=float)
    sender = threading.Thread(target=wire.send, args=(pair[0], sent, soon()))
    sender.start()
    np.testing.assert_array_equal(wire.receive(pair[1], soon()), sent)
    sender.join()


def test_a_call_arrives_with_what_it_names() -> None:
    call = Call(
        "f",
        (np.arange(3.0), made("vi_lib.transforms.Log"), [1, (2.0, None)], named("math.pi")),
        {"rng": generator(3)},
        ("a", 1),
        "forward",
        0,
        ("m:f",),
    )
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send(ours, wire.from_call(call), soon())
        found = wire.to_call(wire.receive(theirs, soon()))
    np.testing.assert_array_equal(found.args[0], call.args[0])
    assert found.args[1:] == call.args[1:]
    assert found.kwargs == call.kwargs
    assert (found.constructor, found.method, found.argnum, found.watch) == (
        call.constructor,
        call.method,
        call.argnum,
        call.watch,
    )


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(2.5, seconds=0.25),
        Outcome({"mu": [1, 2], "ok": True}, mutated=("argument 1",), used=("vi_lib.bbvi:f",)),
        Outcome(fault=Fault("raised", "`f` raised ValueError: no", "ValueError")),
        Outcome(fault=Fault("not started", "not yet")),
        Outcome(global_random=True),
    ],
)
def test_an_outcome_arrives_as_it_was_sent(outcome: Outcome) -> None:
    assert wire.to_outcome(wire.from_outcome(outcome)) == outcome


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_random_bytes_are_malformed_or_a_value(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(framed(data))
        ours.close()
        try:
            found = wire.receive(theirs, soon())
        except (wire.Malformed, wire.Closed):
            return
        with pytest.raises(wire.Malformed):
            wire.to_outcome(found)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_message_is_malformed_or_a_value(data: st.DataObject) -> None:
    message = bytearray(encode(wire.from_outcome(Outcome({"a": np.ones(3)}, used=("x",)))))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(framed(bytes(message)))
        with contextlib.suppress(wire.Malformed):
            wire.to_outcome(wire.receive(theirs, soon()))


def json_message(text: bytes) -> bytes:
    return framed(len(text).to_bytes(8, "little") + text)


@pytest.mark.parametrize(
    "data",
    [
        framed(b""),
        (2**62).to_bytes(8, "little"),
        json_message(b'{"array": ["O", [1]]}'),
        json_message(b'{"array": ["<f8", [1000000000000]]}'),
        json_message(b'{"array": ["<f8", [0, -1]]}'),
        json_message(b'{"array": ["<f8", [99999999999999999999, 0]]}'),
        json_message(b'{"array": ["<f8,<f8", [1]]}'),
        json_message(b'{"pickle": "gASVAAAAAAAAAA=="}'),
        json_message(b"[" * 100_000),
        json_message(b"1" * 10_000),
        json_message(b'{"dict": [["a"], []]}'),
        framed((2**40).to_bytes(8, "little") + b"{}"),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_message_is_malformed(pair: Pair, data: bytes) -> None:
    pair[0].sendall(data)
    pair[0].close()
    with pytest.raises(wire.Malformed):
        wire.receive(pair[1], soon())


@pytest.mark.parametrize(
    "change",
    [
        {"fault": {"kind": "raised"}},
        {"fault": {"kind": "crashed", "message": "m", "error_type": "e"}},
        {"fault": {"kind": "raised", "message": 3, "error_type": "e"}},
        {"mutated": 3},
        {"used": [3]},
        {"seconds": "soon"},
        {"seconds": [1]},
    ],
)
def test_an_outcome_of_another_form_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(wire.Malformed):
        wire.to_outcome(wire.from_outcome(Outcome(1.0)) | change)


def test_a_named_object_in_a_reply_is_never_built() -> None:
    message = wire.from_outcome(Outcome(1.0)) | {"value": made("vi_lib.nothing.at_all")}
    found = wire.to_outcome(message)
    assert found.value == {"path": "vi_lib.nothing.at_all", "args": (), "kwargs": {}, "call": True}


def test_texts_are_bounded_and_hold_no_control_characters() -> None:
    assert wire.sentence("a\x1b[31mb\x00") == "a [31mb "
    assert len(wire.sentence("x" * 10**6)) == wire.MAX_SENTENCE
    assert wire.sentence("\ud800") == "?"


def test_silence_ends_at_the_deadline(pair: Pair) -> None:
    pair[0].sendall(b"\x10\x00")
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        wire.receive(pair[1], started + 0.05)
    assert time.monotonic() - started < 1.0
    with pytest.raises(TimeoutError):
        wire.send(pair[1], np.ones(2**22), time.monotonic() + 0.05)


def test_the_end_of_the_stream_is_closed(pair: Pair) -> None:
    pair[0].sendall(b"\x10\x00")
    pair[0].close()
    with pytest.raises(wire.Closed):
        wire.receive(pair[1], soon())
    with pytest.raises(wire.Closed):
        wire.send(pair[1], np.ones(2**20), soon())


def test_files_pass_byte_by_byte(pair: Pair) -> None:
    files = {"helper.py": b"x = 1\r\n", "empty": b"", "all bytes": bytes(range(256))}
    wire.send(pair[0], {"files": wire.from_files(files)})
    assert wire.to_files(wire.receive(pair[1])["files"]) == files

"""A child's memory holds no hidden input before the call that brings it, and no hidden seed ever.

The student's code looks through all memory that it can read. It does not hold what it looks for in
one piece, or it would find that.
"""

from __future__ import annotations

import secrets
import struct
import sys
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import pytest
import toy

from autograder.checks.protocol import Exercise, Part, Recorder
from autograder.collect import HandIn
from autograder.grade import judge_submission
from autograder.lesson import Task, describe
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.tiers import Tier, why_not
from autograder.submission import read_submission

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the attacks are written for Linux"),
]

SEARCH = """\
import ctypes, os
import autograd.numpy as np
FIRST, SECOND = {first!r}, {second!r}
libc = ctypes.CDLL(None, use_errno=True)
libc.sbrk.restype = ctypes.c_void_p
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
reading, writing = os.pipe()

def places():
    try:
        for line in open("/proc/self/maps"):
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if " r" in line and "[v" not in line:
                yield start, end
        return
    except OSError:
        pass
    near = [id(None), id(object()), libc.sbrk(0), ctypes.addressof(ctypes.c_int()),
            np.zeros(10**6).ctypes.data, ctypes.cast(libc.write, ctypes.c_void_p).value]
    reach, at = 3 * 2**28, 0
    for address in sorted(near):
        start = max(address - reach, at, 2**16) & -4096
        if start < address + reach:
            yield start, address + reach
        at = address + reach

def pieces():
    for start, end in places():
        tail = b""
        while start < end:
            count = libc.write(writing, start, min(65536, end - start))
            if count <= 0:
                start, tail = start + 4096, b""
                continue
            piece = os.read(reading, count)
            yield tail + piece
            start, tail = start + count, piece[-64:]

def search():
    found, looked = [0] * len(FIRST), 0
    for piece in pieces():
        looked += len(piece)
        for index, (first, second) in enumerate(zip(FIRST, SECOND)):
            at = piece.find(first)
            while at >= 0:
                found[index] += piece[at + len(first):at + len(first) + len(second)] == second
                at = piece.find(first, at + 1)
    return found, looked

def double(x):
    global KEPT
    KEPT = np.array(x)
    return 2 * KEPT"""


def forms(number: float | int) -> list[bytes]:
    """How a number lies in memory: as an array holds it, as Python holds it, as a text."""
    if isinstance(number, float):
        return [struct.pack("<d", number), repr(number).encode()]
    digits = struct.pack("<II", number & (2**30 - 1), number >> 30)
    return [struct.pack("<q", number), digits, str(number).encode()]


@pytest.fixture(params=get_args(Tier))
def jail(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    if reason := why_not(request.param):
        pytest.skip(f"this machine has no tier {request.param}: {reason}")
    zygote = Zygote(request.param)
    yield zygote
    zygote.close()


def test_no_hidden_input_and_no_seed_is_in_reach_before_its_time(
    jail: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    magic = float(np.random.default_rng().uniform(1.1, 1.9))
    seed = 2**58 + secrets.randbits(57)
    token = secrets.token_hex(16)
    monkeypatch.setenv("MALLORY_TOKEN", token)
    hidden = [*forms(magic), *forms(seed), token.encode()]
    found: dict[str, Any] = {}

    def before(answer: Recorder, _: Any) -> None:
        found["before"] = answer.call("search")

    def with_magic(answer: Recorder, rng: np.random.Generator) -> None:
        assert rng is not None
        answer.call("double", np.array([magic, magic]))

    def after(answer: Recorder, _: Any) -> None:
        found["after"] = answer.call("search")

    parts = (Part("a", 1.0, before), Part("b", 1.0, with_magic), Part("c", 1.0, after))
    exercise = Exercise("E5.1", "Search", ("double",), {}, parts)
    lesson = describe("05_toy", [Task(exercise, "E5-1", "E5-1-check", seed)], toy.cells())
    halves = [(form[: len(form) // 2], form[len(form) // 2 :]) for form in hidden]
    first, second = ([half[index] for half in halves] for index in (0, 1))
    code = SEARCH.format(first=first, second=second)
    submission = read_submission(toy.notebook(toy.cells(double=code)), lesson)
    record = judge_submission(HandIn("eve", "05_toy"), submission, lesson, jail, Limits(120.0))
    assert record.score == 3.0, record.verdicts
    counts, looked = found["before"]
    assert looked > 50 * 2**20  # the libraries alone are more
    assert counts == [0] * len(hidden)
    counts, _ = found["after"]
    assert counts[0] >= 2  # so the search finds what is there
    assert counts[2:] == [0] * len(hidden[2:])

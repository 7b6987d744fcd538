"""The time of a hand-in: whose it is, how it is shared out, and what an interrupt saves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autograder.checks.answer import Call
from autograder.sandbox import clock
from autograder.sandbox.allowance import Allowance
from autograder.sandbox.cells import Code
from autograder.sandbox.client import Zygote
from autograder.sandbox.clock import Wait, queued
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import RemoteAnswer
from autograder.sandbox.session import Loss, Program, Session

Start = Callable[..., Session]
COUNTED = "import os\nruns = []\n"
LOOP = "def loop():\n    while True: pass"
STUBBORN = """\
def spin():
    while True: pass
def loop():
    while True:
        try: spin()
        except BaseException: pass"""


@pytest.fixture
def start(zygote: Zygote) -> Iterator[Start]:
    sessions = []

    def begin(*cells: str, seconds: float = 4.0) -> Session:
        code = tuple(Code(number, source) for number, source in enumerate(cells, 1))
        sessions.append(Session(zygote, Program(code), Limits(seconds=seconds)))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.drop()


def lost(answer: RemoteAnswer, name: str) -> Loss:
    answer.perform(Call(name))
    assert answer.loss is not None
    return answer.loss


# The clock.


def test_a_wait_ends_with_an_interrupt_and_then_with_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *signal: sent.append(signal))
    monkeypatch.setattr(clock, "queued", lambda pid: 0.0)
    wait = Wait(4711, 0.0)
    assert 0.0 < wait.left() <= clock.GRACE
    assert wait.interrupted
    assert sent == [(4711, 2)]
    wait._over = 0.0
    with pytest.raises(TimeoutError):
        wait.left()
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("wall", "waited", "we_waited", "own"),
    [(10.0, 0.0, 0.0, 10.0), (10.0, 4.0, 0.0, 6.0), (10.0, 1.0, 4.0, 5.0), (12.0, 12.0, 0.0, 4.0)],
)
def test_time_in_a_queue_is_not_the_childs_but_for_a_third(
    monkeypatch: pytest.MonkeyPatch, wall: float, waited: float, we_waited: float, own: float
) -> None:
    now, queues = 100.0, {1: 7.0, clock.OURSELVES: 3.0}
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(clock, "queued", lambda pid: queues[pid])
    wait = Wait(1, 60.0, _begun=now)
    now += wall
    queues = {1: 7.0 + waited, clock.OURSELVES: 3.0 + we_waited}
    assert wait.spent() == pytest.approx(own)
    assert wait.left() == pytest.approx(60.0 - wall)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone counts the time in a queue")
def test_linux_tells_how_long_a_process_waited_for_a_core() -> None:
    cores = len(os.sched_getaffinity(0))
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores + 2)]
    try:
        if queued(busy[0].pid) == 0.0 and not os.path.exists("/proc/self/schedstat"):
            pytest.skip("this kernel has no /proc/PID/schedstat")
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline and max(queued(one.pid) for one in busy) < 0.05:
            time.sleep(0.02)
        assert max(queued(one.pid) for one in busy) >= 0.05
    finally:
        for one in busy:
            one.kill()
            one.wait()


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert queued(2**22 + 1) == 0.0


# The shares.


def test_cuts_halve_what_a_statement_may_take_and_definitions_always_run() -> None:
    time_of = Allowance(Limits(seconds=60.0))
    assert (time_of.for_call, time_of.for_exercise) == (6.0, 15.0)
    allowed = []
    for number in range(8):
        allowed.append(time_of.for_statement((number, 0, 1)))
        time_of.cut(allowed[-1])
    assert allowed[:3] == [15.0, 7.5, 3.75]
    assert allowed[-1] == 1.0
    assert sum(allowed) < 35.0


def test_what_ran_once_may_run_again() -> None:
    time_of = Allowance(Limits(seconds=60.0))
    time_of.ran((1, 0, 1), 14.0)
    for _ in range(2):
        time_of.cut(10.0)
    assert time_of.for_statement((1, 0, 1)) == 28.0
    assert time_of.for_statement((2, 0, 1)) == 1.0
    left = time_of.cells_left
    time_of.ran((1, 0, 1), 14.0)
    assert time_of.cells_left == left


# What it means for a session.


def test_a_loop_that_can_be_interrupted_keeps_the_child(start: Start) -> None:
    session = start("ran = True", LOOP, "def f():\n    return 1.0")
    assert lost(RemoteAnswer(session), "loop").kind == "timed out"
    assert RemoteAnswer(session).perform(Call("f")).value == 1.0
    assert session._children == 1


def test_a_loop_that_cannot_costs_a_new_child(start: Start) -> None:
    session = start(STUBBORN, "def f():\n    return 1.0")
    found = lost(RemoteAnswer(session), "loop")
    assert found == Loss("timed out", "`loop` did not finish within 0.4 s")
    assert RemoteAnswer(session).perform(Call("f")).value == 1.0
    assert session._children == 2


def test_an_interrupted_statement_ends_its_cell_only(start: Start) -> None:
    session = start("a = 1\nwhile True: pass\nb = 1", "def names():\n    return sorted(globals())")
    names = RemoteAnswer(session).perform(Call("names")).value
    assert "a" in names
    assert "b" not in names
    assert session._children == 1
    assert session.losses[1].sentence == "cell 1, line 2, did not finish within 1 s"


@pytest.mark.slow
def test_an_interrupt_that_is_swallowed_does_not_hit_what_comes_next(start: Start) -> None:
    swallow = "try: spin()\nexcept BaseException: pass\nafter = 1"
    session = start(STUBBORN, swallow, "def f():\n    return 1.0")
    assert RemoteAnswer(session).perform(Call("f")).value == 1.0
    assert set(session.losses) == {2}
    assert not {e.error_type for e in session.errors.values()} & {"KeyboardInterrupt"}


@pytest.mark.slow
def test_the_calls_of_one_exercise_share_its_time(start: Start) -> None:
    session = start("import time\ndef slow():\n    time.sleep(0.7)\n    return 1.0", seconds=8.0)
    answer = RemoteAnswer(session)
    outcomes = [answer.perform(Call("slow")) for _ in range(4)]
    assert [outcome.value for outcome in outcomes] == [1.0, 1.0, None, None]
    assert answer.loss == Loss("timed out", "the calls of `slow` took longer than 2 s together")
    assert RemoteAnswer(session).perform(Call("slow")).value == 1.0


@pytest.mark.slow
def test_many_slow_cells_leave_time_for_the_calls(start: Start) -> None:
    cells = ["import time\ntime.sleep(0.6)"] * 8
    session = start(*cells, "def f():\n    return 1.0")
    outcome: Any = RemoteAnswer(session).perform(Call("f"))
    assert outcome.value == 1.0
    assert session.losses
    assert session.time.left > 0.0

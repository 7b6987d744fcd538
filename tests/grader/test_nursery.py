"""Zygotes that come from a nursery are as those that start by themselves; without it, they do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.checks.answer import Call
from autograder.sandbox import client, nursery
from autograder.sandbox.cells import Code
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.nursery import Handle, Nursery, ask, hold, open_nursery
from autograder.sandbox.remote import RemoteAnswer
from autograder.sandbox.session import Program, Session

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="this system has no handles on processes"
)
CELL = """\
import os, random, sys
drawn = random.random()
def names(): return '\\n'.join(sorted(sys.modules))
def variables(): return sorted(os.environ)
def random_numbers(): return drawn
def order(): return list({'mu', 'sigma', 'theta', 'zeta'})
def leader(): return os.getsid(0) == os.getpgrp() == os.getpid()
def leave(): os._exit(3)
def open_files():
    found = []
    for number in range(64):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(number)
    return len(found)"""
SEEN = ("names", "variables", "random_numbers", "order", "leader", "open_files")


@pytest.fixture(scope="module")
def shared() -> Iterator[Nursery]:
    """A nursery that loads libraries once for all tests of this file."""
    found = open_nursery()
    assert found is not None
    yield found
    found.close()


def seen_by(zygote: Zygote) -> dict[str, Any]:
    """What a notebook finds around it."""
    session = Session(zygote, Program((Code(1, CELL),)), Limits(seconds=20.0))
    answer = RemoteAnswer(session)
    try:
        outcomes = {name: answer.perform(Call(name)) for name in SEEN}
        assert not [o.fault for o in outcomes.values() if o.fault], outcomes
        fault = answer.perform(Call("leave")).fault
        assert fault is not None
        assert "exit code 3" in fault.message
        return {name: outcome.value for name, outcome in outcomes.items()}
    finally:
        session.drop()


def test_a_zygote_from_the_nursery_is_as_one_that_starts_by_itself(
    shared: Nursery, zygote: Zygote
) -> None:
    raised = Zygote(tier=zygote.tier, nursery=shared.line)
    try:
        raised.start()
        assert raised.process is None, "expected that no interpreter was started"
        assert seen_by(raised) == seen_by(zygote)
        assert isinstance(raised.process, Handle)
    finally:
        raised.close()


def test_each_zygote_of_a_nursery_is_a_process_of_its_own_and_ends_alone(shared: Nursery) -> None:
    zygotes = [Zygote(tier="C", nursery=shared.line) for _ in range(2)]
    try:
        found = [zygote.fork(Limits()) for zygote in zygotes]
        handles = [zygote.process for zygote in zygotes]
        assert isinstance(handles[0], Handle)
        assert isinstance(handles[1], Handle)
        assert len({shared.process.pid, handles[0].pid, handles[1].pid}) == 3
        zygotes[0].end(found[0])
        zygotes[0].close()
        handles[0].wait(10.0)
        with pytest.raises(subprocess.TimeoutExpired):
            handles[1].wait(0.0)
        zygotes[1].end(found[1])
        zygotes[1].end(zygotes[1].fork(Limits()))
        assert zygotes[1].process is handles[1]
    finally:
        for zygote in zygotes:
            zygote.close()
    assert shared.process.poll() is None


def test_a_zygote_that_is_lost_comes_from_the_nursery_again(shared: Nursery) -> None:
    zygote = Zygote(tier="C", nursery=shared.line)
    try:
        zygote.end(zygote.fork(Limits()))
        first = zygote.process
        assert isinstance(first, Handle)
        os.kill(first.pid, signal.SIGKILL)
        first.wait(10.0)
        zygote.end(zygote.fork(Limits()))
        assert isinstance(zygote.process, Handle)
        assert zygote.process.pid != first.pid
    finally:
        zygote.close()


@pytest.mark.slow
def test_without_its_nursery_a_zygote_starts_by_itself_and_others_stay() -> None:
    gone = open_nursery()
    assert gone is not None
    first, second = (Zygote(tier="C", nursery=gone.line) for _ in range(2))
    try:
        first.end(first.fork(Limits()))
        gone.process.kill()
        gone.process.wait()
        second.start()
        assert isinstance(second.process, subprocess.Popen), "nobody else may hold the line"
        second.end(second.fork(Limits()))
        first.end(first.fork(Limits()))
        assert isinstance(first.process, Handle)
    finally:
        first.close()
        second.close()
        gone.close()


@pytest.mark.slow
def test_a_nursery_that_dies_with_a_zygote_asked_for_costs_nothing_but_time() -> None:
    line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    zygote = Zygote(tier="C", nursery=line)
    with line:
        zygote.start()
        assert zygote.process is None
        theirs.close()  # what was asked for is lost with it
        try:
            zygote.end(zygote.fork(Limits()))
            assert isinstance(zygote.process, subprocess.Popen)
        finally:
            zygote.close()


def test_a_nursery_ends_when_nobody_holds_its_line() -> None:
    found = open_nursery()
    assert found is not None
    copy = found.line.dup()
    found.line.close()
    with pytest.raises(subprocess.TimeoutExpired):
        found.process.wait(0.0)
    copy.close()
    assert found.process.wait(60.0) == 0


def test_a_line_without_a_nursery_says_so() -> None:
    line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.close()
    with line, Path(os.devnull).open() as file:
        assert ask(line, "C", [file.fileno(), file.fileno()]) is False


def test_where_processes_have_no_handles_there_is_no_nursery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    assert open_nursery() is None


def test_a_handle_ends_a_process_and_knows_when_it_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with process:
        handle = hold(process.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            handle.wait(0.0)
        handle.kill()
        handle.wait()
        assert process.wait() == -signal.SIGKILL
        handle.kill()  # of a process that is gone, nobody else's is taken
    with pytest.raises(ProcessLookupError):
        hold(process.pid)


def test_the_nursery_gets_no_more_variables_than_a_zygote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "1")
    assert "SECRET_TOKEN" not in nursery.environment()
    assert client.environment is nursery.environment

"""Processes that a notebook starts: in tier C it may, and none of them outlives it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import caged
import pytest

from autograder.sandbox.client import Zygote
from autograder.sandbox.session import Session

Start = Callable[..., Session]
value = caged.value


@pytest.fixture(scope="module")
def open_zygote() -> Iterator[Zygote]:
    found = caged.zygote_of("C")
    yield found
    found.close()


@pytest.fixture
def start(open_zygote: Zygote) -> Iterator[Start]:
    sessions = []

    def begin(*cells: str) -> Session:
        sessions.append(caged.session(open_zygote, *cells))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.drop()


def test_a_process_that_the_notebook_forks_does_not_answer_for_it(start: Start) -> None:
    session = start("import os\nos.fork()\nx = 1.0", "def f():\n    os.fork()\n    return x")
    for _ in range(5):
        assert value(session, "f") == 1.0


@pytest.mark.parametrize(
    "start_one",
    [
        "pid = os.fork()\nif pid == 0:\n    time.sleep(600)\n    os._exit(0)",
        "pid = subprocess.Popen(['sleep', '600']).pid",
        "pid = subprocess.Popen(['sleep', '600'], start_new_session=True).pid",
        "pid = subprocess.Popen(['setsid', '-f', 'sleep', '601']).pid",
    ],
)
def test_no_process_is_left_behind(start: Start, start_one: str) -> None:
    session = start(f"import os, subprocess, time\n{start_one}", "def f():\n    return pid")
    pid = value(session, "f")
    session.drop()
    assert _gone(int(pid))
    assert not _sleeping("601")


def test_a_storm_of_forks_is_over_when_the_child_is(start: Start) -> None:
    storm = "import os, time\nfor _ in range(60):\n    if os.fork() == 0:\n        time.sleep(600)"
    session = start(storm, "def f():\n    return os.getpgrp()")
    group = int(value(session, "f"))
    session.drop()
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def _gone(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def _sleeping(seconds: str) -> bool:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes() == f"sleep\0{seconds}\0".encode():
                return True
        except OSError:
            continue
    return False

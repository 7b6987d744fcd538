"""The pool of processes, which outlives its processes, and the schedule on any executor."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import mini
import pytest

from autograder.collect import HandIn
from autograder.jobs import Job
from autograder.records import Record
from autograder.sandbox.client import CannotStart
from autograder.schedule import TRIES_ALONE, ExecutorLost, Site, schedule
from autograder.workers import WorkerLost, Workers

CONTEXT = multiprocessing.get_context("forkserver")


def nothing() -> None:
    """What a process does first and last in these tests."""


def refuse() -> None:
    raise ValueError("there is no library")


def die() -> None:
    os._exit(3)


def leave(path: Path) -> None:
    path.touch()


def pid() -> int:
    return os.getpid()


def kill_yourself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for(path: Path) -> int:
    while not path.exists():
        time.sleep(0.01)
    return os.getpid()


def fail() -> None:
    raise KeyError("no such exercise")


def unsendable() -> Any:
    return lambda: None


@pytest.fixture
def workers() -> Iterator[Workers]:
    found = Workers(2, CONTEXT, nothing, nothing)
    yield found
    found.shutdown(wait=False)


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()


@pytest.mark.slow
def test_a_dead_process_costs_its_own_call_and_no_other(workers: Workers, tmp_path: Path) -> None:
    go = tmp_path / "go"
    slow = workers.submit(wait_for, go)
    with pytest.raises(WorkerLost):
        workers.submit(kill_yourself).result(60)
    numbers = {workers.submit(pid).result(60) for _ in range(3)}
    go.touch()
    assert slow.result(60) not in numbers
    assert len(numbers) == 1


@pytest.mark.slow
def test_errors_come_back_as_they_are(workers: Workers) -> None:
    with pytest.raises(KeyError, match="no such exercise"):
        workers.submit(fail).result(60)
    with pytest.raises(RuntimeError, match="cannot be sent"):
        workers.submit(unsendable).result(60)
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        workers.submit(pid, lambda: None).result(60)
    assert workers.submit(functools.partial(pow, 2), exp=5).result(60) == 32


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin", "words"), [(refuse, "there is no library"), (die, "each dies at once")]
)
def test_processes_that_do_not_start_are_nobodys_fault(begin: Any, words: str) -> None:
    workers = Workers(1, CONTEXT, begin, nothing)
    with pytest.raises(CannotStart, match=words):
        workers.submit(pid).result(120)
    workers.shutdown()


@pytest.mark.slow
def test_an_orderly_end_lets_calls_end_and_tidies_up(tmp_path: Path) -> None:
    workers = Workers(1, CONTEXT, nothing, functools.partial(leave, tmp_path / "tidy"))
    number = workers.submit(pid)
    workers.shutdown()
    assert not alive(number.result(0))
    assert (tmp_path / "tidy").exists()
    with pytest.raises(RuntimeError, match="dismissed"):
        workers.submit(pid)


@pytest.mark.slow
def test_an_end_at_once_kills_what_is_running_and_cancels_the_rest(tmp_path: Path) -> None:
    workers = Workers(1, CONTEXT, nothing, nothing)
    number = workers.submit(pid).result(60)
    running, waiting = workers.submit(wait_for, tmp_path / "never"), workers.submit(pid)
    while not running.running():
        time.sleep(0.01)
    workers.shutdown(wait=False)
    assert not alive(number)
    assert waiting.cancelled()
    assert isinstance(running.exception(0), WorkerLost)
    assert workers.processes == []


class Scripted(Executor):
    """An executor whose futures end as a script says, in order of submission."""

    def __init__(self, script: dict[str, list[Any]]):
        self.script, self.sent, self.at_once, self.most = script, [], 0, 0
        self.lock = threading.Lock()

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        (job,) = args
        name = job.hand_in.student
        self.sent.append(name)
        future: Future[Any] = Future()
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        end = self.script.get(name, []).pop(0) if self.script.get(name) else None
        threading.Thread(target=self._end, args=(future, end, job)).start()
        return future

    def _end(self, future: Future[Any], end: Any, job: Job) -> None:
        with self.lock:
            self.at_once -= 1
        if end == "cancel":
            future.cancel()
            future.set_running_or_notify_cancel()
        elif end is not None:
            future.set_exception(end)
        else:
            future.set_result(Record(job.hand_in.student, mini.NAME, "graded", "Fine.", 9.0, 9.0))


def run(script: dict[str, list[Any]], room: int = 3) -> tuple[list[Record], Scripted]:
    executor = Scripted(script)
    hand_ins = [HandIn(name, mini.NAME) for name in "abcdefgh"]
    records = list(schedule(Site(executor, lambda: room), hand_ins, Job))
    return records, executor


def test_each_hand_in_has_one_record_and_never_more_are_sent_than_there_is_room() -> None:
    records, executor = run({})
    assert sorted(record.student for record in records) == list("abcdefgh")
    assert sorted(executor.sent) == list("abcdefgh")
    assert executor.most <= 3


def test_what_is_lost_is_tried_again_last_and_alone() -> None:
    records, executor = run({"c": [WorkerLost()], "a": [WorkerLost(), WorkerLost()]})
    assert {record.student: record.status for record in records} == dict.fromkeys(
        "abcdefgh", "graded"
    )
    assert sorted(executor.sent[8:]) == ["a", "a", "c"]


def test_what_kills_one_process_after_the_other_is_given_up() -> None:
    records, executor = run({"b": [WorkerLost()] * (1 + TRIES_ALONE)})
    assert executor.sent.count("b") == 1 + TRIES_ALONE
    (given_up,) = (record for record in records if record.status != "graded")
    assert (given_up.student, given_up.status, given_up.score) == ("b", "crashed", None)
    assert "killed the process that graded it" in given_up.message


@pytest.mark.parametrize(
    ("end", "error", "words"),
    [
        ("cancel", ExecutorLost, "is the scheduler gone"),
        (ModuleNotFoundError("No module named 'autograder'"), ExecutorLost, "No module named"),
        (OSError(28, "No space left on device"), OSError, "No space"),
        (CannotStart("no tier"), CannotStart, "no tier"),
    ],
)
def test_what_is_no_hand_ins_fault_ends_the_run(end: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        run({"d": [end]})

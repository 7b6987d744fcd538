"""Checks in a notebook: a loop is stopped, a slip of the pen is named, and calmly."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

from autograder.checks import check
from autograder.checks.answer import Call
from autograder.checks.grading import grade
from autograder.checks.kernel import KernelAnswer, unread_version
from autograder.checks.patience import TooLong, limited
from autograder.checks.render import as_html


def endless(theta: Any, mu: Any, sd: Any) -> Any:
    while True:
        with contextlib.suppress(Exception):
            pass


def in_thread(work: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("run", [lambda work: work(), in_thread], ids=["main", "thread"])
def test_an_endless_loop_is_stopped_once_for_the_whole_exercise(run: Any) -> None:
    answer = KernelAnswer({"score_gaussian": endless}, call_seconds=0.3)
    verdict = run(lambda: grade("E5.1", answer))
    assert verdict.score == 0
    (sentence,) = {part.message for part in verdict.parts}
    assert sentence.startswith("`score_gaussian` did not come to an end within 0.3 s and was")
    assert "Traceback" not in as_html(verdict)


def test_waiting_counts_three_times_over() -> None:
    with pytest.raises(TooLong), limited(0.1):
        time.sleep(30)


def test_who_is_in_time_is_left_alone_and_the_timer_is_given_back() -> None:
    before = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with limited(5):
        pass
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)) == before


def test_what_an_exercise_may_take_is_shared_by_its_calls() -> None:
    answer = KernelAnswer({"f": lambda: sum(range(1000))}, left=0.0)
    answer.perform(Call("f"))
    assert answer.left < 0


BROKEN = "def score_gaussian(theta, mu, sd)\n    return theta"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (["", BROKEN], "expected ':' (line 1: `def score_gaussian(theta, mu, sd)`)"),
        (["", "def score_gaussian(a):\n    return a", "x = 1", BROKEN, "y ="], "line 1"),
        (["", BROKEN, "def score_gaussian(a):\n    return a"], ""),
        (["", "def other(:"], ""),
        (None, ""),
        (["", None], ""),
    ],
)
def test_the_last_version_of_a_cell_is_the_one_that_is_judged(inputs: Any, words: str) -> None:
    said = unread_version(inputs, "score_gaussian")
    assert words in said
    assert bool(said) == bool(words)


def test_a_slip_of_the_pen_gets_a_sentence_and_not_the_verdict_on_the_version_before() -> None:
    def score_gaussian(theta: Any, mu: Any, sd: Any) -> Any:
        gap = (np.asarray(theta) - mu) / sd
        return gap / sd, (gap**2 - 1) / sd

    names = {"score_gaussian": score_gaussian, "In": [""]}
    assert check("E5.1", names).status == "correct"
    verdict = check("E5.1", {**names, "In": ["", BROKEN]})
    assert (verdict.status, verdict.score) == ("not defined", 0.0)
    assert verdict.hints[0].startswith("Python cannot read the cell that defines `score_gaussian`")


def test_the_table_has_a_column_for_what_was_expected_and_one_for_what_came() -> None:
    wrong = {"score_gaussian": lambda theta, mu, sd: ((theta - mu) / sd, 0 * theta * mu * sd)}
    page = as_html(check("E5.1", wrong))
    assert ">Compared<" in page
    assert ">Expected<" in page
    assert ">Came<" in page
    assert ": expected" not in page
    untouched = as_html(check("E5.1", {}))
    assert "<table" not in untouched

"""From a notebook to a record: what is judged, what is not, and what the author is told."""

from __future__ import annotations

import time
from typing import Any

import pytest
import toy

from autograder.checks.protocol import Exercise, Part
from autograder.collect import HandIn
from autograder.grade import judge_submission, not_run
from autograder.lesson import Lesson, Task
from autograder.records import load, save
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.submission import read_submission

RIGHT = toy.RIGHT
LOOP = "def {}(x):\n    while True:\n        pass"
QUIT = "def {}(x):\n    import os\n    os._exit(0)"


def graded(zygote: Zygote, seconds: float = 20.0, **answers: str) -> Any:
    return toy.graded(zygote, toy.cells(**{**RIGHT, **answers}), seconds)


def scores(record: Any) -> dict[str, float]:
    return {name: verdict.score for name, verdict in record.verdicts.items()}


ALL = {"E5.1": 4.0, "E5.2": 3.0, "E5.3": 2.5}


def test_right_answers_get_all_points(zygote: Zygote) -> None:
    record = graded(zygote)
    assert (record.status, record.score, record.max_score) == ("graded", toy.POINTS, toy.POINTS)
    assert scores(record) == ALL
    assert record.message == "All exercises were judged: 9.5 of 9.5 points."
    assert (record.notes, record.unjudged) == ((), {})
    assert record.tier in ("A", "B", "C")


def test_an_untouched_notebook_is_judged_with_zero(zygote: Zygote) -> None:
    record = toy.graded(zygote, toy.cells())
    assert (record.status, record.score, record.fingerprint) == ("graded", 0.0, "")
    assert {verdict.status for verdict in record.verdicts.values()} == {"not started"}


def test_a_typical_mistake_gets_its_hint_and_keeps_the_rest(zygote: Zygote) -> None:
    record = graded(zygote, double="def double(x):\n    return 3 * x", total=RIGHT["total"])
    assert scores(record) == {"E5.1": 0.0, "E5.2": 3.0, "E5.3": 0.0}
    assert record.verdicts["E5.1"].misconception == "triple"
    assert record.status == "graded"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("def square(x)\n    return x", "its cell stopped in line 1 with SyntaxError"),
        ("import nowhere_at_all\ndef square(x):\n    return x**2", "ModuleNotFoundError"),
        ("", "is not defined"),
        ("square = 3", "cannot be called"),
        ("def square(x):\n    raise ValueError('no')", "raised ValueError: no"),
        ("def square(x):\n    raise KeyboardInterrupt", "raised KeyboardInterrupt"),
        ("def square(x):\n    import sys; sys.exit()", "raised SystemExit"),
        ("def square(x):\n    return square(x)", "RecursionError"),
        ("def square(x):\n    return input()", "EOFError"),
        ("def square(x):\n    return object()", "object of type object"),
        ("def square(x):\n    return 'x' * 10**7", "short text"),
        ("def square(x):\n    return print", "got an object of type"),
    ],
)
def test_an_answer_that_raises_is_judged_with_zero(zygote: Zygote, answer: str, words: str) -> None:
    record = graded(zygote, square=answer)
    assert record.status == "graded"
    assert scores(record) == ALL | {"E5.2": 0.0}
    assert any(words in hint for hint in record.verdicts["E5.2"].hints)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (LOOP.format("square"), "`square` did not finish within 0.4 s."),
        (QUIT.format("square"), "`square` ended Python (exit code 0)."),
        ("def square(x):\n    import ctypes; ctypes.string_at(0)", "a segmentation fault"),
        ("def square(x):\n    return np.ones(10**11)", "MiB of memory."),
        ("while True: pass\ndef square(x):\n    return x**2", "The cell of E5.2, line 1, did not"),
    ],
)
def test_an_answer_that_gives_nothing_stays_empty(zygote: Zygote, answer: str, reason: str) -> None:
    record = graded(zygote, 4.0, square=answer)
    assert record.status == "partly graded"
    assert scores(record) == {"E5.1": 4.0, "E5.3": 2.5}
    assert reason in record.unjudged["E5.2"]
    assert record.score == 6.5
    assert record.message.startswith("6.5 of 9.5 points, not counting what could not be judged")


def test_parts_that_passed_before_a_loop_are_kept(zygote: Zygote) -> None:
    answer = "def double(x):\n    while np.ndim(x) == 0: pass\n    return 2 * x"
    record = graded(zygote, 4.0, double=answer)
    assert record.status == "graded"
    assert scores(record) == ALL | {"E5.1": 3.0}
    assert "did not finish" in record.verdicts["E5.1"].parts[1].message


@pytest.mark.parametrize("junk", ["while True: pass", "import os; os._exit(1)"])
def test_what_stands_after_an_answer_does_not_cost_it(zygote: Zygote, junk: str) -> None:
    record = graded(zygote, 4.0, square=f"{RIGHT['square']}\n{junk}")
    assert (record.status, scores(record)) == ("graded", ALL)
    assert "Left out: the cell of E5.2, line 3," in record.message


def test_a_cell_that_crashes_elsewhere_costs_nothing(zygote: Zygote) -> None:
    cells = toy.cells(**RIGHT)
    cells.insert(1, toy.code("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"))
    record = toy.graded(zygote, cells)
    assert (record.status, scores(record)) == ("graded", ALL)


@pytest.mark.parametrize(
    ("make", "status"), [(LOOP, "timed out"), (QUIT, "crashed"), (None, "out of memory")]
)
def test_when_nothing_is_judged_there_is_no_score(
    zygote: Zygote, make: str | None, status: str
) -> None:
    hog = "def {}(x):\n    return np.ones(10**11)"
    answers = {name: (make or hog).format(name) for name in RIGHT}
    record = graded(zygote, 2.0 if make == LOOP else 20.0, **answers)
    assert (record.status, record.score) == (status, None)
    assert set(record.unjudged) == set(ALL)
    assert record.message.startswith("Nothing could be judged: `double`")


def test_loops_in_cells_leave_time_for_what_is_asked(zygote: Zygote) -> None:
    cells = [*(toy.code("while True: pass") for _ in range(6)), *toy.cells(**RIGHT)]
    record = toy.graded(zygote, cells, 2.0)
    assert (record.status, scores(record)) == ("graded", ALL)
    assert "Left out: code cell 1, line 1, did not finish within 0.5 s." in record.notes


def test_a_hand_in_takes_no_longer_than_its_limit(zygote: Zygote) -> None:
    stubborn = "def {}(x):\n    while True:\n        try:\n            while True: pass\n"
    answers = {name: f"{stubborn.format(name)}        except BaseException: pass" for name in RIGHT}
    started = time.monotonic()
    record = toy.graded(zygote, toy.cells(**answers), 1.0)
    assert (record.status, record.score) == ("timed out", None)
    assert record.unjudged["E5.3"].endswith(" s.")
    assert time.monotonic() - started < 10.0


def test_prints_and_warnings_cost_nothing(zygote: Zygote) -> None:
    chatty = "def square(x):\n    import warnings\n    warnings.warn('x')\n    print('y' * 10**6)\n"
    record = graded(zygote, square=f"{chatty}    return x**2")
    assert scores(record) == ALL


@pytest.mark.parametrize("lost", ["E5-2-check", "E5-2", "O5"])
def test_deleted_cells_cost_at_most_their_exercise(zygote: Zygote, lost: str) -> None:
    cells = [
        cell
        for cell in toy.cells(**RIGHT)
        if cell["metadata"].get("nbgrader", {}).get("grade_id") != lost
    ]
    record = toy.graded(zygote, cells)
    assert record.status == "graded"
    assert scores(record) == ALL | ({"E5.2": 0.0} if lost == "E5-2" else {})
    if lost == "E5-2":
        assert record.verdicts["E5.2"].status == "not defined"


def test_edited_checks_change_nothing(zygote: Zygote) -> None:
    cells = toy.cells(double="def double(x):\n    return x")
    for cell in cells:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = "from autograder.checks import grading; grading.PUBLIC_SEED = 1"
            cell["metadata"]["nbgrader"]["points"] = 100
    assert toy.graded(zygote, cells).score == 0.0


def test_patching_what_judges_changes_nothing(zygote: Zygote) -> None:
    attack = (
        "import numpy as np, builtins, autograder.checks.compare as compare\n"
        "compare.close = lambda *_, **__: None\n"
        "np.testing.assert_allclose = lambda *_, **__: None\n"
        "np.all = np.array_equal = lambda *_, **__: True\n"
        "builtins.abs = lambda x: 0\n"
        "def double(x):\n    return x"
    )
    record = graded(zygote, double=attack)
    assert record.verdicts["E5.1"].score == 0.0


def test_a_fault_in_a_check_is_not_the_students(zygote: Zygote, lesson: Lesson) -> None:
    def broken(answer: Any, rng: Any) -> None:
        raise ZeroDivisionError("in the check")

    exercise = Exercise("E5.9", "Broken", ("f",), {}, (Part("all", 1.0, broken),))
    tasks = (*lesson.tasks, Task(exercise, "E5-9", "E5-9-check", 1))
    submission = read_submission(toy.notebook(toy.cells(**RIGHT)), lesson)
    record = judge_submission(
        HandIn("ada", "05_toy"), submission, Lesson("05_toy", tasks), zygote, Limits()
    )
    assert (record.status, record.score, record.max_score) == ("partly graded", 9.5, 10.5)
    assert "no fault of yours" in record.unjudged["E5.9"]
    assert any("ZeroDivisionError" in note for note in record.notes)


def test_a_record_survives_being_saved(zygote: Zygote, tmp_path: Any, lesson: Lesson) -> None:
    for record in (
        graded(zygote, 2.0, square=LOOP.format("square"), open="Because."),
        not_run(HandIn("eve", "05_toy"), lesson, "refused", "No."),
    ):
        save(record, tmp_path / "record.json")
        assert load(tmp_path / "record.json") == record

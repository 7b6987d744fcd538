"""A right answer that waits before each result gets its points, or a sentence about time."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any

import pytest

from autograder.collect import HandIn
from autograder.jobs import Job, work
from autograder.lesson import load_lesson
from autograder.notebooks import lesson_names, solution_notebook
from autograder.records import Record
from autograder.sandbox.limits import Limits

pytestmark = pytest.mark.slow

WAIT = """

_inside = globals().setdefault("_inside", [])


def _waiting(function, seconds={seconds}):
    import time

    def waits(*args, **kwargs):
        if _inside:  # called by another answer, which has waited
            return function(*args, **kwargs)
        _inside.append(function)
        try:
            time.sleep(seconds)
            return function(*args, **kwargs)
        finally:
            _inside.clear()

    return waits


"""


#: What the fits of a check call in each of their hundreds of steps.
IN_EVERY_STEP: dict[str, Container[str]] = {
    "09_ppl": {
        *("sample", "param", "plate", "trace", "log_joint", "replay"),
        *("svi_step", "gaussian_gamma_guide"),
    }
}


def waiting(name: str, seconds: float, quick: Container[str] = ()) -> bytes:
    """The solution of a lesson in which every function that is asked for waits first."""
    notebook: dict[str, Any] = json.loads(solution_notebook(name).read_text(encoding="utf-8"))
    answers = {task.answer_id: task.exercise for task in load_lesson(name).tasks}
    for cell in notebook["cells"]:
        exercise = answers.get(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))
        if exercise is None:
            continue
        source = "".join(cell["source"]) + WAIT.format(seconds=seconds)
        for each in exercise.names:
            if each not in quick and not isinstance(exercise.reference[each], type):
                source += f"{each} = _waiting({each})\n"
        cell["source"] = source
    return json.dumps(notebook).encode()


def graded(name: str, seconds: float, limit: float, quick: Container[str] = ()) -> Record:
    data = waiting(name, seconds, quick)
    return work(Job(HandIn("ada", name), load_lesson(name), data, limits=Limits(limit)))


@pytest.mark.parametrize("name", lesson_names())
def test_an_answer_that_waits_a_little_gets_full_marks(name: str) -> None:
    """A check makes fewer than a hundred calls, so a fiftieth of a second each does no harm."""
    record = graded(name, 0.02, 60.0, IN_EVERY_STEP.get(name, ()))
    assert record.status == "graded", record.message
    assert record.score == load_lesson(name).points, record.message


@pytest.mark.parametrize("name", lesson_names())
def test_an_answer_that_waits_too_long_is_told_so(name: str) -> None:
    record = graded(name, 30.0, 4.0)
    lesson = load_lesson(name)
    functions = [
        task.exercise.id
        for task in lesson.tasks
        if not any(isinstance(found, type) for found in task.exercise.reference.values())
    ]
    for exercise in functions:
        verdict = record.verdicts.get(exercise)
        told = record.unjudged.get(exercise) or str(verdict)
        assert "did not finish within" in told or "time was used up" in told, told

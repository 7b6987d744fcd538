"""The same kinds of failures on the course's own lessons, with all of their exercises."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.collect import HandIn
from autograder.jobs import Job, work
from autograder.lesson import load_lesson
from autograder.notebooks import course_root, lesson_names, released_notebook, solution_notebook
from autograder.records import Record
from autograder.sandbox.limits import Limits

pytestmark = pytest.mark.slow

LESSONS = lesson_names()
Cells = list[dict[str, Any]]
Change = Callable[[Cells], object]


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def graded(name: str, data: bytes, seconds: float = 60.0) -> Record:
    return work(Job(HandIn("ada", name), load_lesson(name), data, limits=Limits(seconds)))


def after(name: str, change: Change) -> bytes:
    """The solution of a lesson after a change of its cells."""
    notebook = read(solution_notebook(name))
    change(notebook["cells"])
    return json.dumps(notebook).encode()


def answer(cells: Cells, name: str, number: int = 0) -> dict[str, Any]:
    """The cell that answers the exercise with this number."""
    grade_id = load_lesson(name).tasks[number].answer_id
    return next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def free(name: str) -> int:
    """The number of the first exercise whose functions no other one's solution calls."""
    tasks = load_lesson(name).tasks
    cells = read(solution_notebook(name))["cells"]
    sources = ["".join(answer(cells, name, number)["source"]) for number in range(len(tasks))]

    def is_called(function: str, number: int) -> bool:
        call = re.compile(rf"(?<![\w.]){function}\(")
        return any(call.search(text) for n, text in enumerate(sources) if n != number)

    return next(
        number
        for number, task in enumerate(tasks)
        if not any(is_called(function, number) for function in task.exercise.names)
    )


def only_lost(record: Record, name: str, reason: str) -> None:
    """That exercise is empty, for this reason, and all others have all points."""
    others = list(load_lesson(name).tasks)
    lost = others.pop(free(name)).exercise.id
    assert (record.status, set(record.unjudged)) == ("partly graded", {lost})
    assert reason in record.unjudged[lost]
    for task in others:
        assert record.verdicts[task.exercise.id].score == task.exercise.points, task.exercise.id


@pytest.mark.parametrize("name", LESSONS)
def test_an_untouched_notebook_has_no_points_and_a_solution_all(name: str) -> None:
    untouched = graded(name, released_notebook(name).read_bytes())
    assert (untouched.status, untouched.score) == ("graded", 0.0)
    solved = graded(name, solution_notebook(name).read_bytes())
    assert (solved.status, solved.score) == ("graded", load_lesson(name).points)
    assert any("graded check" in note for note in solved.notes)


@pytest.mark.parametrize("name", LESSONS)
def test_another_lesson_and_a_script_are_told_apart(name: str) -> None:
    other = next(other for other in LESSONS if other != name)
    found = graded(name, solution_notebook(other).read_bytes())
    assert (found.status, found.score) == ("wrong lesson", None)
    assert f"found the notebook of lesson {int(other[:2])}" in found.message
    script = graded(name, (course_root() / "solutions" / f"{name}.py").read_bytes())
    assert script.status == "not a notebook"
    assert "a Python script" in script.message


LOOP = ("while True: pass\n{}", "did not finish within")  # 12 s each: in every third lesson
EXIT = ("import os\nos._exit(1)\n{}", "ended Python (exit code 1)")
HOG = ("x = [0] * 10**11\n{}", "MiB of memory")


@pytest.mark.parametrize(
    ("source", "reason", "name"),
    [
        *((*LOOP, name) for name in LESSONS[::3]),
        *((*slip, name) for slip in (EXIT, HOG) for name in LESSONS),
    ],
)
def test_a_failure_costs_its_exercise_only(source: str, reason: str, name: str) -> None:
    def spoil(cells: Cells) -> None:
        cell = answer(cells, name, free(name))
        cell["source"] = source.format("".join(cell["source"]))

    only_lost(graded(name, after(name, spoil), 12.0), name, reason)


@pytest.mark.parametrize("name", LESSONS)
def test_a_right_answer_counts_wherever_it_stands(name: str) -> None:
    stub = load_lesson(name).stubs[load_lesson(name).tasks[0].answer_id]

    def into_a_new_cell(cells: Cells) -> None:
        cell = answer(cells, name)
        new = {**cell, "metadata": {}, "source": cell["source"], "id": "new"}
        cells.insert(cells.index(cell), new)
        cell["source"] = stub

    def without_ids(cells: Cells) -> None:
        for cell in cells:
            cell["metadata"] = {}

    def all_twice(cells: Cells) -> None:
        cells += cells

    for change in (into_a_new_cell, without_ids, all_twice):
        record = graded(name, after(name, change))
        assert (record.status, record.score) == ("graded", load_lesson(name).points), change


@pytest.mark.parametrize("name", LESSONS)
def test_two_runs_give_the_same(name: str) -> None:
    def spoil(cells: Cells) -> None:
        answer(cells, name)["source"] = "import torch"

    data = after(name, spoil)
    first, second = (graded(name, data) for _ in range(2))
    assert (first.verdicts, first.message, first.notes) == (
        second.verdicts,
        second.message,
        second.notes,
    )
    assert first.status == "graded"
    task = load_lesson(name).tasks[0]
    assert any("torch is none of them" in h for h in first.verdicts[task.exercise.id].hints)

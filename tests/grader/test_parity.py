"""An answer is worth the same in the notebook's process and behind the pipe."""

from __future__ import annotations

import json
import linecache
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from autograder.checks import grade
from autograder.checks.protocol import Verdict
from autograder.collect import HandIn
from autograder.example_answers import answers
from autograder.example_class import with_bodies
from autograder.grade import judge_submission
from autograder.lesson import Lesson, load_lesson
from autograder.notebooks import lesson_names, released_notebook, solution_notebook
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.submission import Submission, read_submission

LESSONS = [name for name in lesson_names() if released_notebook(name).is_file()]
ENDLESS = "never stops"


@cache
def sources(lesson: str) -> tuple[dict[str, Any], ...]:
    """The cells of a lesson's solution notebook."""
    return tuple(json.loads(solution_notebook(lesson).read_text(encoding="utf-8"))["cells"])


def cases() -> Iterator[tuple[str, str, str]]:
    """The solutions of each lesson, and all written answers: lesson, exercise, name."""
    for lesson in LESSONS:
        yield lesson, "", "solutions"
        for exercise, name in answers(lesson):
            if name != ENDLESS:
                yield lesson, exercise, name


def submission(lesson: Lesson, exercise: str, name: str) -> Submission:
    """The solution notebook with one answer replaced."""
    cells = []
    for cell in sources(lesson.name):
        found = dict(cell, source="".join(cell["source"]))
        if found["metadata"].get("nbgrader", {}).get("grade_id") == exercise.replace(".", "-"):
            answer = answers(lesson.name)[exercise, name]
            stub = lesson.stubs[exercise.replace(".", "-")]
            found["source"] = answer.bodies[0] if answer.whole else with_bodies(stub, answer.bodies)
        cells.append(found)
    return read_submission(json.dumps({"cells": cells, "metadata": {}}).encode(), lesson)


def local_verdicts(found: Submission, lesson: Lesson) -> dict[str, Verdict]:
    """What plain nbgrader does: run the cells here, and grade the names they define."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in found.program.cells:
        if cell.number not in found.program.demos:
            name, lines = f"<cell {cell.number}>", cell.source.splitlines(keepends=True)
            linecache.cache[name] = (len(cell.source), None, lines, name)  # as IPython does
            exec(compile(cell.source, name, "exec"), namespace)
    return {task.exercise.id: grade(task.exercise, namespace, task.seed) for task in lesson.tasks}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "exercise", "answer"), list(cases()))
def test_both_sides_of_the_pipe_agree(
    zygote: Zygote, name: str, exercise: str, answer: str
) -> None:
    lesson = load_lesson(name)
    found = submission(lesson, exercise, answer)
    if exercise:  # the others are those of the solutions, which are judged once
        tasks = tuple(task for task in lesson.tasks if task.exercise.id == exercise)
        lesson = replace(lesson, tasks=tasks)
    record = judge_submission(HandIn("ada", name), found, lesson, zygote, Limits(120.0))
    assert record.status == "graded", record.message
    assert record.verdicts == local_verdicts(found, lesson)

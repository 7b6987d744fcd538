"""Plain `nbgrader autograde` gives honest hand-ins the scores that our grader gives them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from plain_nbgrader import nbgrader

from autograder.collect import HandIn
from autograder.example_answers import answers
from autograder.example_class import with_bodies
from autograder.grade import judge_submission
from autograder.gradebook import write_gradebook
from autograder.lesson import Lesson, load_lesson
from autograder.notebooks import course_root, lesson_names, released_notebook, solution_notebook
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.submission import read_submission

#: nbgrader takes half a minute for a quick lesson, and minutes for one that trains networks;
#: docs/nbgrader.md compares the whole example class.
LESSONS = [name for name in lesson_names() if name.startswith("01")]


def notebook(path: Path, change: Callable[[dict[str, Any], str], None] | None = None) -> bytes:
    """A notebook's bytes, after a change of each cell that has a grade id."""
    content = json.loads(path.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if change and grade_id:
            change(cell, grade_id)
    return json.dumps(content).encode()


def hand_ins(lesson: Lesson) -> dict[str, bytes]:
    """The released notebook untouched, solved, and with an imperfect answer to each exercise."""
    released, solution = released_notebook(lesson.name), solution_notebook(lesson.name)
    right: dict[str, str] = {}

    def note(cell: dict[str, Any], grade_id: str) -> None:
        right[grade_id] = "".join(cell["source"])

    notebook(solution, note)
    imperfect = {
        answer.exercise.replace(".", "-"): answer
        for (_, name), answer in answers(lesson.name).items()
        if name != "never stops"
    }

    def fill(cell: dict[str, Any], grade_id: str) -> None:
        if grade_id in lesson.stubs:
            cell["source"] = right[grade_id]

    def spoil(cell: dict[str, Any], grade_id: str) -> None:
        if grade_id in imperfect:
            bodies, whole = imperfect[grade_id].bodies, imperfect[grade_id].whole
            cell["source"] = bodies[0] if whole else with_bodies(lesson.stubs[grade_id], bodies)

    return {
        "all": notebook(released, fill),
        "nothing": notebook(released),
        "some": notebook(released, spoil),
    }


def entries(path: Path, lesson: str) -> dict[tuple[str, str], tuple[float | None, bool]]:
    with Gradebook(f"sqlite:///{path}") as gradebook:
        return {
            (submission.student.id, grade.cell.name): (grade.auto_score, grade.needs_manual_grade)
            for submission in gradebook.assignment_submissions(lesson)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_both_graders_agree(zygote: Zygote, tmp_path: Path, name: str) -> None:
    lesson = load_lesson(name)
    shutil.copy(course_root() / "nbgrader_config.py", tmp_path)
    shutil.copytree(solution_notebook(name).parent, tmp_path / "solutions" / name)
    records = []
    for student, data in hand_ins(lesson).items():
        path = tmp_path / "submitted" / student / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        submission = read_submission(data, lesson)
        hand_in = HandIn(student, name)
        records.append(judge_submission(hand_in, submission, lesson, zygote, Limits(120.0)))
    assert [record.status for record in records] == ["graded"] * 3
    ours = write_gradebook(records, {name: lesson}, tmp_path / "ours.db")
    nbgrader(tmp_path, "generate_assignment", name)
    nbgrader(tmp_path, "autograde", name)
    theirs = tmp_path / "gradebook.db"
    assert entries(ours, name) == entries(theirs, name)
    write_gradebook(records, {name: lesson}, theirs)  # ours goes into theirs and changes nothing
    assert entries(ours, name) == entries(theirs, name)

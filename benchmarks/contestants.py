"""Who is measured: each grades the same folder of hand-ins by its own command.

A run starts in a fresh copy of the course, as a fresh process, and gives the time it took and the
points of each hand-in and exercise.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import otter_peer
from realistic import Course
from timed import Timing, run

from autograder.lesson import load_lesson

Scores = Mapping[tuple[str, str], float | None]
"""The points by student and exercise."""
PYTHON = [sys.executable, "-m"]
TOOLS = {  # nbgrader looks for alembic; one thread each, as our own command has it
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_GRADES = """\
SELECT submitted_assignment.student_id, base_cell.name, grade.auto_score FROM grade
JOIN base_cell ON base_cell.id = grade.cell_id
JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id"""


@dataclass(frozen=True)
class Task:
    """Hand-ins to be graded: the course, the folder they lie in, and how many processes to use."""

    course: Course
    hand_ins: Path
    workers: int

    @property
    def notebooks(self) -> list[Path]:
        """The files of all hand-ins, in order."""
        return sorted(self.hand_ins.glob(f"*/{self.course.lesson}/*.ipynb"))


@dataclass(frozen=True)
class Outcome:
    """A run: the time it took, the points it gave, and how the students' code was isolated."""

    timing: Timing
    scores: Scores
    tier: str = ""


def ours(task: Task) -> Outcome:
    """The whole command `autograder grade`, with feedback, report and gradebook."""
    with _scratch() as folder:
        command = ["autograder", "grade", str(task.hand_ins), "--out", str(folder / "out")]
        command += ["--workers", str(task.workers)]
        shutil.copytree(task.course.root, folder / "course")
        timing = run([*PYTHON, *command], folder / "course", TOOLS)
        record = json.loads(next((folder / "out" / "records").glob("*.json")).read_text("utf-8"))
        return Outcome(timing, _scores(folder / "out" / "gradebook.db"), record["tier"])


def nbgrader(task: Task) -> Outcome:
    """Plain `nbgrader autograde`, which writes grades and no feedback."""
    with _scratch() as folder:
        course = folder / "course"
        shutil.copytree(task.course.root, course)
        shutil.copytree(task.hand_ins, course / "submitted")
        timing = run([*PYTHON, "nbgrader", "autograde", task.course.lesson], course, TOOLS)
        return Outcome(timing, _scores(course / "gradebook.db"))


def floor(task: Task) -> Outcome:
    """The cells alone, in forks of a warm process: no grader can be faster on these hand-ins."""
    return _floor(task, "")


def unisolated(task: Task) -> Outcome:
    """The cells and the hidden checks, in forks of a warm process: a grader that trusts."""
    return _floor(task, str(task.course.root))


def _floor(task: Task, checks: str) -> Outcome:
    with _scratch() as folder:
        script = str(Path(__file__).with_name("floor.py"))
        command = [sys.executable, script, str(task.workers), checks, *map(str, task.notebooks)]
        return Outcome(run(command, folder, TOOLS), {})


@dataclass(frozen=True)
class Otter:
    """`otter run`, one hand-in after the other, each with a command of its own."""

    command: Path

    def __call__(self, task: Task) -> Outcome:
        """Grade all hand-ins of the task; the times are summed up."""
        lesson = load_lesson(task.course.lesson, task.course.root)
        scores: dict[tuple[str, str], float | None] = {}
        wall = cpu = 0.0
        with _scratch() as folder:
            tests = otter_peer.write_tests(lesson, folder / "autograder.zip")
            for path in task.notebooks:
                timing, points = otter_peer.grade(self.command, tests, path, folder / "results")
                wall, cpu = wall + timing.wall, cpu + timing.cpu
                scores |= {(path.parts[-3], name): value for name, value in points.items()}
        return Outcome(Timing(wall, cpu), scores)


def require_same(task: Task, ours: Scores, theirs: Scores, who: str) -> None:
    """`AssertionError` unless both gave the same points: else the comparison is void."""
    lesson = load_lesson(task.course.lesson, task.course.root)
    students = [path.parts[-3] for path in task.notebooks]
    keys = [(student, exercise.exercise.id) for student in students for exercise in lesson.tasks]
    different = {key: (ours[key], theirs[key]) for key in keys if ours[key] != theirs[key]}
    assert not different, f"expected the same points, got (ours, {who}): {different}"


def _scores(path: Path) -> Scores:
    with contextlib.closing(sqlite3.connect(path)) as database:
        rows = database.execute(_GRADES).fetchall()
    names = (
        (who, cell.removesuffix("-check").replace("-", "."), score) for who, cell, score in rows
    )
    return {(who, exercise): score for who, exercise, score in names}


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield Path(folder)

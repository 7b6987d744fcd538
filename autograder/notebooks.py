"""From text to notebooks, in two steps.

People edit `solutions/NN_name.py` (jupytext's percent format). `execute` turns it into
`solutions/NN_name/NN_name.ipynb`, executed, with stable cell ids and no timings, so that building
twice gives the same bytes; `release` lets nbgrader's generate_assignment take the solutions out and
write `lessons/NN_name/NN_name.ipynb`. On the cell line of the text, short options stand for
nbgrader's metadata:

    # %% exercise="E5.1"                       the student's cell
    # %% check="E5.1" seed=5101                the check cell; its body is written here
    # %% [markdown] open="O5" points=5         the answer to a question that a person grades
    # %% practice="E0.1"                       a check cell that gives no points

A lesson whose number is 00 is for practice: it is built and released like the others, has no points
and is not handed in.
"""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.checks.registry import find
from autograder.course import (
    DIGEST,
    all_names,
    course_root,
    identifier,
    is_practice,
    lesson_names,
    practice_names,
    released_notebook,
    solution_notebook,
    solution_text,
)
from autograder.course_points import repriced
from autograder.own_course import OwnCourse, own_course

if TYPE_CHECKING:
    import nbformat

__all__ = [
    "DIGEST",
    "ExerciseCells",
    "SourceError",
    "all_names",
    "course_root",
    "execute",
    "exercises_of",
    "from_text",
    "identifier",
    "is_practice",
    "lesson_names",
    "outdated",
    "practice_names",
    "release",
    "released_notebook",
    "solution_notebook",
    "solution_text",
]

CHECK_CELL = """\
check("{exercise}", globals(){points})
### BEGIN HIDDEN TESTS
from autograder.checks import grade

grade("{exercise}", globals(), seed={seed}{points})
### END HIDDEN TESTS"""

PRACTICE_CELL = 'check("{exercise}", globals())'


class SourceError(ValueError):
    """The text of a lesson is not what a notebook can be built from."""


@dataclass(frozen=True)
class ExerciseCells:
    """Where one exercise stands in a notebook, and how its graded check is called."""

    exercise: str
    answer_id: str
    check_id: str
    seed: int
    points: float


def from_text(path: Path, own: OwnCourse | None = None) -> nbformat.NotebookNode:
    """A lesson's text as a notebook, not executed, with nbgrader's metadata and stable ids.

    With the seeds and points of an instructor's own course, if one is given.
    """
    import jupytext
    import nbformat

    notebook = jupytext.read(path)
    if own is not None:
        _adapt(notebook, int(path.stem[:2]), own)
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        cell.metadata.pop("lines_to_next_cell", None)
        label = _expand(cell, path)
        key = label or hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[key] = seen.get(key, 0) + 1
        if label and seen[key] > 1:
            raise SourceError(f"{path.name}: the cell {label!r} stands twice")
        cell["id"] = key if seen[key] == 1 else f"{key}-{seen[key]}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    )
    notebook.metadata[DIGEST] = _digest(notebook)
    return notebook


def _adapt(notebook: nbformat.NotebookNode, lesson: int, own: OwnCourse) -> None:
    """Write an own course's seeds and points into the short options, and points into the prose."""
    old: dict[str, float] = {}
    for cell in notebook.cells:
        if exercise := cell.metadata.get("check"):
            old[exercise] = find(exercise).points
            points = own.points.get(exercise, old[exercise])
            if isinstance(cell.metadata.get("seed"), int):
                cell.metadata["seed"] = own.seed(exercise, cell.metadata["seed"])
            if points == 0:  # is there, and is not graded
                cell.metadata = {"practice": exercise}
            elif points != old[exercise]:
                cell.metadata["points"] = points
        elif question := cell.metadata.get("open"):
            old[question] = float(cell.metadata["points"])
            cell.metadata["points"] = own.points.get(question, old[question])
    new = {label: own.points.get(label, points) for label, points in old.items()}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = repriced(cell.source, lesson, old, new)


def _expand(cell: nbformat.NotebookNode, path: Path) -> str:
    """Replace the short options of a cell by nbgrader's metadata; return its grade id, if any."""
    meta = cell.metadata
    if exercise := meta.pop("exercise", None):
        find(exercise)
        if "### BEGIN SOLUTION" not in cell.source:
            raise SourceError(f"{path.name}: {exercise} has no ### BEGIN SOLUTION")
        return _nbgrader(cell, identifier(exercise), solution=True)
    if exercise := meta.pop("check", None):
        seed = meta.pop("seed", None)
        if not isinstance(seed, int) or seed == 0:
            raise SourceError(
                f"{path.name}: check {exercise} needs a seed other than 0, got {seed!r}"
            )
        if cell.source.strip():
            raise SourceError(f"{path.name}: the body of check {exercise} is written by the build")
        other = meta.pop("points", None)  # than its check says
        stated = "" if other is None else f", points={other:g}"
        cell.source = CHECK_CELL.format(exercise=exercise, seed=seed, points=stated)
        label = f"{identifier(exercise)}-check"
        points = find(exercise).points if other is None else float(other)
        return _nbgrader(cell, label, grade=True, points=points)
    if exercise := meta.pop("practice", None):
        find(exercise)
        if cell.source.strip():
            raise SourceError(f"{path.name}: the body of check {exercise} is written by the build")
        cell.source = PRACTICE_CELL.format(exercise=exercise)
        return f"{identifier(exercise)}-check"
    if question := meta.pop("open", None):
        points = float(meta.pop("points"))
        return _nbgrader(cell, identifier(question), grade=True, solution=True, points=points)
    return ""


def _nbgrader(
    cell: nbformat.NotebookNode,
    grade_id: str,
    *,
    grade: bool = False,
    solution: bool = False,
    points: float | None = None,
) -> str:
    cell.metadata["nbgrader"] = {
        "cell_type": cell.cell_type,
        "grade": grade,
        "grade_id": grade_id,
        "locked": grade and not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
        **({} if points is None else {"points": points}),
    }
    return grade_id


def _skeleton(notebook: nbformat.NotebookNode) -> list[Any]:
    return [[c["id"], c.cell_type, c.source, dict(c.metadata)] for c in notebook.cells]


def _digest(notebook: nbformat.NotebookNode) -> str:
    text = json.dumps(_skeleton(notebook), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _digest_of(path: Path) -> str | None:
    """The digest stored in a notebook, None if there is no readable notebook."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["metadata"].get(DIGEST)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def notebook_of(name: str, root: Path | None = None) -> nbformat.NotebookNode:
    """A lesson of a course as a notebook, not executed."""
    return from_text(solution_text(name, root), own_course(root or course_root()))


def outdated(name: str, root: Path | None = None) -> tuple[str, ...]:
    """Which notebooks of a lesson, "solutions" and "lessons", do not stem from its present text."""
    want = notebook_of(name, root).metadata[DIGEST]
    found = {"solutions": solution_notebook(name, root), "lessons": released_notebook(name, root)}
    return tuple(wing for wing, path in found.items() if _digest_of(path) != want)


def execute(name: str, root: Path | None = None) -> Path:
    """Build the executed notebook of a lesson from its text; raises if a cell fails."""
    import nbformat
    from nbclient import NotebookClient

    notebook = notebook_of(name, root)
    target = solution_notebook(name, root)
    target.parent.mkdir(parents=True, exist_ok=True)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # how prints split into outputs depends on time
        resources={"metadata": {"path": str(target.parent)}},
    )
    # The kernel writes a notice about its transport to stderr at each start.
    client.execute(stderr=subprocess.DEVNULL)
    notebook.metadata.pop("language_info", None)  # it holds the interpreter's patch version
    _require_full_marks(notebook, name)
    nbformat.write(notebook, target)
    return target


def _require_full_marks(notebook: nbformat.NotebookNode, name: str) -> None:
    """`SourceError` unless the solutions pass their own checks on the hidden inputs."""
    cells = {cell["id"]: cell for cell in notebook.cells}
    for task in exercises_of(notebook):
        outputs = cells[task.check_id].outputs
        got = outputs[-1].get("data", {}).get("text/plain") if outputs else None
        if got != str(task.points):
            raise SourceError(
                f"{name}: expected {task.points:g} points for the solution of {task.exercise} on "
                f"its hidden inputs, got {got}"
            )


def release(names: Sequence[str], root: Path | None = None) -> None:
    """Let nbgrader write the students' notebooks of these lessons into lessons/."""
    folder = root or course_root()
    for name in names:
        command = [sys.executable, "-m", "nbgrader", "generate_assignment", name]
        done = subprocess.run(
            [*command, "--no-db", "--force", "--log-level=WARN"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SourceError(f"nbgrader could not release {name}:\n{done.stdout}{done.stderr}")


def exercises_of(notebook: nbformat.NotebookNode) -> tuple[ExerciseCells, ...]:
    """The exercises of a solution notebook, read from its check cells."""
    return tuple(
        _read_check(cell)
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").endswith("-check")
    )


def _read_check(cell: nbformat.NotebookNode) -> ExerciseCells:
    meta = cell.metadata["nbgrader"]
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "grade":
            seed = next(ast.literal_eval(k.value) for k in node.keywords if k.arg == "seed")
            answer_id = meta["grade_id"].removesuffix("-check")
            exercise = ast.literal_eval(node.args[0])
            points = float(meta["points"])
            return ExerciseCells(exercise, answer_id, meta["grade_id"], seed, points)
    raise SourceError(f"the check cell {meta['grade_id']!r} has no hidden call of grade(...)")

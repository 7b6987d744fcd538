"""What the grader knows about a lesson: its exercises with their hidden seeds, and the stubs."""

from __future__ import annotations

import ast
import contextlib
import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograder.checks.grading import PUBLIC_SEED, find
from autograder.checks.protocol import Exercise

_HEADING = re.compile(r"^(##?)[ \t]+(\S.*?)[ \t]*$", re.MULTILINE)
_CHECKED = re.compile(r"""\bcheck\(\s*["'](E\d+\.\d+)["']""")


@dataclass(frozen=True)
class Task:
    """One exercise of a lesson, the ids of its cells, and the seed of its graded check."""

    exercise: Exercise
    answer_id: str
    check_id: str
    seed: int

    def __reduce__(self) -> Any:
        """Pickled as the exercise's name: its checks stay what they are where it is unpickled."""
        found = self.exercise
        return _task, (found.id, found.points, self.answer_id, self.check_id, self.seed)


def _task(exercise: str, points: float, answer_id: str, check_id: str, seed: int) -> Task:
    return Task(find(exercise).worth(points), answer_id, check_id, seed)


@dataclass(frozen=True)
class Lesson:
    """A lesson as it was released.

    `questions` gives the points of each open question by its grade id, `stubs` the released source
    of each cell that students fill in, `checks` the released sources of check cells, `demos` those
    of demonstrations, and `demo_names` what only demonstrations define. `released` holds the
    sources of all cells, `check_cells` those of check cells by grade id, and `solutions` the
    answers of the solution notebook. `title` is its first heading, and `sections` the heading of
    the section in which each graded cell stands, by grade id.
    """

    name: str
    tasks: tuple[Task, ...]
    questions: Mapping[str, float] = field(default_factory=dict)
    stubs: Mapping[str, str] = field(default_factory=dict)
    checks: frozenset[str] = frozenset()
    demos: frozenset[str] = frozenset()
    demo_names: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    check_cells: Mapping[str, str] = field(default_factory=dict)
    solutions: frozenset[str] = frozenset()
    title: str = ""
    sections: Mapping[str, str] = field(default_factory=dict)

    @property
    def points(self) -> float:
        """The points of all exercises; open questions are graded by a person and not in here."""
        return float(round(sum(task.exercise.points for task in self.tasks), 6))

    @property
    def ids(self) -> frozenset[str]:
        """The grade ids of all cells."""
        cells = {i for task in self.tasks for i in (task.answer_id, task.check_id)}
        return frozenset(cells | set(self.questions))


def load_lesson(name: str, root: Path | None = None) -> Lesson:
    """Read a lesson's two notebooks; `FileNotFoundError` says what to do when one is missing."""
    from autograder.course import course_root

    return _load_lesson(name, root or course_root())


@functools.cache
def _load_lesson(name: str, root: Path) -> Lesson:
    from autograder.course import is_practice, released_notebook, solution_notebook
    from autograder.notebooks import exercises_of
    from autograder.stubs import stubs_of

    solution = _read(solution_notebook(name, root))
    released = _read(released_notebook(name, root))
    # What exercises_of reads of a notebook, without the seconds that importing nbformat takes.
    notebook: Any = SimpleNamespace(
        cells=[
            SimpleNamespace(**{**cell, "source": text_of(cell["source"])})
            for cell in solution["cells"]
        ]
    )
    cells = exercises_of(notebook)
    tasks = [Task(find(c.exercise).worth(c.points), c.answer_id, c.check_id, c.seed) for c in cells]
    lesson = describe(name, practice_tasks(name) if is_practice(name) else tasks, released["cells"])
    answers = {task.answer_id for task in lesson.tasks}
    solved = (
        c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") in answers
    )
    return replace(
        lesson,
        stubs={**lesson.stubs, **stubs_of(solution["cells"])},  # students work where it is released
        solutions=frozenset(cell.source for cell in solved),
    )


@functools.cache
def lesson_for_students(name: str, root: Path | None = None) -> Lesson:
    """A lesson with the seed of the visible checks: where there is no solution, all that is known.

    `ValueError` if the released notebook is missing or damaged.
    """
    from autograder.course import is_practice, released_notebook, solution_notebook

    path = released_notebook(name, root)
    try:
        if solution_notebook(name, root).is_file():
            return load_lesson(name, root)
        cells = _read(path)["cells"]
        tasks = practice_tasks(name) if is_practice(name) else _visible_tasks(cells)
        return describe(name, tasks, cells)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(
            f"Expected the released notebook of {name} in {path}, and it is missing or damaged. "
            "Unpack the course again, into another folder."
        ) from None


def _visible_tasks(cells: Iterable[dict[str, Any]]) -> list[Task]:
    """The exercises that a released notebook has check cells for."""
    tasks = []
    for cell in cells:
        check_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        called = _CHECKED.search(text_of(cell["source"]))
        if check_id.endswith("-check") and called:
            answer_id = check_id.removesuffix("-check")
            tasks.append(Task(find(called[1]), answer_id, check_id, PUBLIC_SEED))
    return tasks


def practice_tasks(name: str) -> list[Task]:
    """The exercises of a lesson for practice, which have visible checks and no hidden ones."""
    from autograder.checks.registry import exercises
    from autograder.course import identifier

    labels = [(exercise, identifier(exercise.id)) for exercise in exercises(int(name[:2]))]
    return [Task(exercise, at, f"{at}-check", PUBLIC_SEED) for exercise, at in labels]


def describe(name: str, tasks: Iterable[Task], cells: list[dict[str, Any]]) -> Lesson:
    """A lesson from its exercises and the cells of its released notebook."""
    questions: dict[str, float] = {}
    stubs: dict[str, str] = {}
    checks: dict[str, str] = {}
    demos: list[str] = []
    others: list[str] = []
    for cell in cells:
        source = text_of(cell["source"])
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("solution"):
            stubs[meta["grade_id"]] = source
            if meta.get("grade"):
                questions[meta["grade_id"]] = float(meta["points"])
        elif meta.get("grade"):
            checks[meta["grade_id"]] = source
        elif cell["cell_type"] == "code":
            is_demo = "demo" in cell["metadata"].get("tags", ())
            (demos if is_demo else others).append(source)
    title, sections = headings(cells)
    return Lesson(
        name=name,
        tasks=tuple(tasks),
        questions=questions,
        stubs=stubs,
        checks=frozenset(checks.values()),
        demos=frozenset(demos),
        demo_names=_bound(demos) - _bound([*others, *stubs.values()]),
        released=frozenset(text_of(cell["source"]) for cell in cells),
        check_cells=checks,
        title=title,
        sections=sections,
    )


def headings(cells: Iterable[dict[str, Any]]) -> tuple[str, dict[str, str]]:
    """The first heading of a notebook, and the section of each graded cell by grade id."""
    title = section = ""
    found: dict[str, str] = {}
    for cell in cells:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id:
            found[grade_id] = section
        elif cell["cell_type"] == "markdown":
            for marks, text in _HEADING.findall(text_of(cell["source"])):
                title, section = (title, text) if marks == "##" else (title or text, section)
    return title, found


def text_of(source: Any) -> str:
    """A cell's source, which a notebook may store as one text or as a list of lines."""
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"expected {path}: run `autograder build` first")
    return json.loads(path.read_text(encoding="utf-8"))


def _bound(sources: Iterable[str]) -> frozenset[str]:
    """The names that some code binds anywhere: assignments, definitions, imports."""
    names: set[str] = set()
    for source in sources:
        with contextlib.suppress(SyntaxError):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.add(node.id)
                elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                    names.add(node.name)
                elif isinstance(node, ast.alias):
                    names.add((node.asname or node.name).partition(".")[0])
    return frozenset(names)

"""What a lesson says of itself: title, minutes, exercises and points, read from its notebook.

Everything stands in the notebook already: the first cell has the title, the minutes and the table
of exercises, the check cells have the points. Nothing is typed a second time.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.lesson import text_of
from autograder.stubs import stubs_of

_TITLE = re.compile(r"^# (\d+) · (.+)$", re.MULTILINE)
_MINUTES = re.compile(r"\*\*Time\*\* about (\d+) minutes")
_EXERCISE = re.compile(r"^\| (E\d+\.\d+) \| ([^|]+?) \|", re.MULTILINE)
_DEFINED = re.compile(r"^(?:def|class)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Facts:
    """A lesson from outside: `builds` says what is written in each exercise, by its id.

    `points` are those of the exercises by id, 0 for practice; `open_points` those of questions that
    a person reads. `stubs` has the empty answers by grade id, `asked` the names that they define.
    """

    name: str
    number: int
    title: str
    minutes: int
    builds: Mapping[str, str]
    points: Mapping[str, float]
    open_points: float
    stubs: Mapping[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> frozenset[str]:
        """The names that the exercises ask for."""
        return frozenset(name for stub in self.stubs.values() for name in _DEFINED.findall(stub))


@functools.cache
def facts_of(name: str, root: Path | None = None) -> Facts:
    """Read them; `ValueError` names what a notebook does not say, or that it is missing."""
    from autograder.course import identifier, released_notebook, solution_notebook

    path = solution_notebook(name, root)
    path = path if path.is_file() else released_notebook(name, root)
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        first = text_of(cells[0]["source"])
        about = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(f"Expected the notebook of {name} in {path}, as it was built.") from None
    title, minutes = _TITLE.search(first), _MINUTES.search(first)
    builds = dict(_EXERCISE.findall(first))
    if not (title and minutes and builds):
        wanted = "`# N · title`, `**Time** about N minutes` and a table of exercises"
        raise ValueError(f"Expected {wanted} in the first cell of {name}.")
    worth = {cell["grade_id"]: float(cell["points"]) for cell in about if cell.get("grade")}
    checks = {exercise: f"{identifier(exercise)}-check" for exercise in builds}
    answers = {identifier(exercise) for exercise in builds}
    return Facts(
        name=name,
        number=int(title[1]),
        title=title[2].strip(),
        minutes=int(minutes[1]),
        builds=builds,
        points={exercise: worth.get(check, 0.0) for exercise, check in checks.items()},
        open_points=sum(v for grade_id, v in worth.items() if not grade_id.endswith("-check")),
        stubs={k: stub for k, stub in _stubs(cells).items() if k in answers},
    )


def _stubs(cells: list[dict[str, Any]]) -> dict[str, str]:
    """The empty answers, of a solved notebook or of a released one."""
    released = {
        cell["metadata"]["nbgrader"]["grade_id"]: text_of(cell["source"])
        for cell in cells
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    return {**released, **stubs_of(cells)}

"""The toy lesson as a course on disk, known to every process of a command that is run there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import toy

# Python runs a `sitecustomize` that it finds on its path at every start: so the processes of the
# command find the toy lesson's checks where those of lesson 5 are.
_EVERYWHERE = "import autograder.checks\nautograder.checks.__path__.insert(0, {folder!r})\n"
_CHECKS = "from toy import EXERCISES  # noqa: F401\n"


def build(top: Path) -> tuple[Path, dict[str, str]]:
    """A course of the one lesson, and the environment in which its commands are to be run."""
    root, checks = top / "course", top / "everywhere"
    root.mkdir()
    (root / "nbgrader_config.py").touch()
    for wing, cells in (("solutions", _solution()), ("lessons", _released())):
        folder = root / wing / "05_toy"
        folder.mkdir(parents=True)
        content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (folder / "05_toy.ipynb").write_text(json.dumps(content))
    (root / "solutions" / "05_toy.py").touch()
    (checks / "lessons").mkdir(parents=True)
    (checks / "lessons" / "lesson05.py").write_text(_CHECKS)
    (checks / "sitecustomize.py").write_text(_EVERYWHERE.format(folder=str(checks / "lessons")))
    temporary = top / "temporary"
    temporary.mkdir()
    path = os.pathsep.join([str(checks), str(Path(toy.__file__).parent)])
    light = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NO_COLOR": "1"}
    return root, {**os.environ, **light, "PYTHONPATH": path, "TMPDIR": str(temporary)}


def _released() -> list[Any]:
    cells = toy.cells()
    for exercise, points in (("E5-1", 4.0), ("E5-2", 3.0), ("E5-3", 2.5)):
        for cell in cells:
            meta = cell["metadata"].get("nbgrader", {})
            if meta.get("grade_id") == f"{exercise}-check":
                meta.update(points=points, locked=True, schema_version=3)
    return cells


def _solution() -> list[Any]:
    cells = _released()
    answers = toy.cells(**toy.RIGHT, open="Because.")
    for number, cell in enumerate(cells):
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("solution"):
            cell["source"] = answers[number]["source"]
        elif meta.get("grade"):
            name = meta["grade_id"].removesuffix("-check").replace("-", ".")
            cell["source"] = f'grade("{name}", globals(), seed=500{name[-1]})'
    return cells

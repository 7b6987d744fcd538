"""Where the course lies, which lessons it has, and where their notebooks are.

A clone of the repository has solutions/. What students get as a zip has originals/ instead: the
lessons as they were released, beside those in lessons/ that they work on.
"""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

from autograder.own_course import named_course, own_course

ORIGINALS = "originals"
VERSION = "VERSION"
DIGEST = "course_digest"
"""Notebook metadata: what the notebook was built from, so that an outdated one is recognised."""
_WINGS = ("solutions", ORIGINALS)


def course_root(start: Path | None = None) -> Path:
    """The folder of the course: the nearest one, from here upwards, with nbgrader_config.py.

    The environment variable AUTOGRADER_COURSE may name another, an instructor's own.
    """
    if start is None and (named := named_course()) is not None:
        return named
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        is_course = any((folder / wing).is_dir() for wing in _WINGS)
        if is_course and (folder / "nbgrader_config.py").is_file():
            return folder
    found = Path(__file__).resolve().parents[1]
    if (found / "nbgrader_config.py").is_file():
        return found
    raise FileNotFoundError(
        f"expected the course's folder (with nbgrader_config.py and solutions/) at or above {here}"
    )


def all_names(root: Path | None = None) -> tuple[str, ...]:
    """All lessons, in order: solutions/*.py, or what students or an own course have."""
    top = root or course_root()
    if own := own_course(top):
        return tuple(own.texts)
    found = (top / "solutions").glob("[0-9][0-9]_*.py")
    if (top / ORIGINALS).is_dir():
        found = (top / ORIGINALS).glob("[0-9][0-9]_*")
    return tuple(sorted(path.stem for path in found))


def lesson_names(root: Path | None = None) -> tuple[str, ...]:
    """The lessons that are handed in and graded, in order."""
    return tuple(name for name in all_names(root) if not is_practice(name))


def practice_names(root: Path | None = None) -> tuple[str, ...]:
    """The lessons for practice, which have no points."""
    return tuple(name for name in all_names(root) if is_practice(name))


def is_practice(name: str) -> bool:
    """Whether a lesson of this name is for practice, by its number."""
    return name.startswith("00_")


def solution_text(name: str, root: Path | None = None) -> Path:
    """The text of a lesson."""
    top = root or course_root()
    own = own_course(top)
    return own.texts[name] if own else top / "solutions" / f"{name}.py"


def solution_notebook(name: str, root: Path | None = None) -> Path:
    """The executed notebook of a lesson, with solutions."""
    return (root or course_root()) / "solutions" / name / f"{name}.ipynb"


def released_notebook(name: str, root: Path | None = None) -> Path:
    """The notebook of a lesson as students get it."""
    top = root or course_root()
    wing = ORIGINALS if (top / ORIGINALS).is_dir() else "lessons"
    return top / wing / name / f"{name}.ipynb"


def students_notebook(name: str, root: Path | None = None) -> Path:
    """The notebook of a lesson that a student works on."""
    return (root or course_root()) / "lessons" / name / f"{name}.ipynb"


def identifier(label: str) -> str:
    """A label such as "E5.1" as nbgrader and nbformat allow it: "E5-1"."""
    return label.replace(".", "-")


@functools.cache
def course_version(root: Path | None = None) -> str:
    """The version of the course, as pyproject.toml or the students' VERSION says."""
    top = root or Path(__file__).resolve().parents[1]
    version = top / VERSION
    if version.is_file():
        return version.read_text(encoding="utf-8").strip()
    project = top / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    return "unknown"

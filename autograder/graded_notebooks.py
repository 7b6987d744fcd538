"""The notebooks that nbgrader's formgrader opens for the open questions, under `out/autograded/`.

A graded notebook has the student's answers and other cells, the question before each answer, and
nbgrader's metadata, made anew; nothing that acts in a browser (`defuse`), and no hidden test. The
rest of the lesson is left out, for whoever grades a hundred of them. Graded cells that were missing
in the hand-in stand at its end, so that every question can be given points.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.defuse import defused
from autograder.lesson import Lesson
from autograder.notebook_view import MAX_SOURCES
from autograder.own_cells import Output, OwnCell, Role
from autograder.pages import replace_file

FOLDER = "autograded"
CONFIG = '''\
"""For nbgrader's commands in this folder, which `autograder formgrade` starts."""

c = get_config()  # noqa: F821  (provided by traitlets)

c.CourseDirectory.feedback_directory = "nbgrader_feedback"  # feedback/ holds the course's own pages
'''
SOURCE = "source"
_HEADING = re.compile(r"^(?=#{1,6} )", re.MULTILINE)
_LEFT_OUT = "*What the student has not changed in the lesson is left out here.*"
_MISSING = "*The cells below were not in the notebook that was handed in.*"


def write_config(out: Path, lessons: Iterable[str]) -> Path:
    """Write `out/nbgrader_config.py`, so that nbgrader's commands work in this folder.

    formgrader lists an assignment only if there is a folder for its source.
    """
    for lesson in lessons:
        (out / SOURCE / lesson).mkdir(parents=True, exist_ok=True)
    return replace_file(out / "nbgrader_config.py", CONFIG.encode())


def write_graded(
    student: str, lesson: Lesson, cells: Sequence[OwnCell], out: Path, submitted: str = ""
) -> Path | None:
    """Write `out/autograded/<student>/<lesson>/<lesson>.ipynb`; None if there is nothing to write.

    The folder must bear the student's name, for nbgrader looks there; a name that is no name of a
    folder has none.
    """
    if not cells or not is_folder_name(student):
        return None
    folder = out / FOLDER / student / lesson.name
    if submitted:
        replace_file(folder / "timestamp.txt", submitted.encode())
    notebook = graded_notebook(lesson, cells)
    text = json.dumps(notebook, ensure_ascii=False)  # laid out, this would take ten times as long
    return replace_file(folder / f"{lesson.name}.ipynb", text.encode("utf-8", "replace"))


def is_folder_name(name: str) -> bool:
    """Whether a folder can have this name and lie where it should."""
    short = 0 < len(name.encode("utf-8", "surrogatepass")) <= 200
    return short and name.isprintable() and not set(name) & set("/\\:") and name not in (".", "..")


def graded_notebook(lesson: Lesson, cells: Sequence[OwnCell]) -> dict[str, Any]:
    """The notebook as data of nbformat 4.5."""
    missing = _missing(lesson, {cell.grade_id for cell in cells})
    shown = [OwnCell(_LEFT_OUT, False, "lesson"), *_of_interest(cells), *missing]
    made = [_cell(cell, lesson) for cell in shown]
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"
    return {
        "cells": made,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _of_interest(cells: Sequence[OwnCell]) -> Iterator[OwnCell]:
    """The cells that are not the lesson's, up to a size, and the section before each answer."""
    question, room = None, MAX_SOURCES
    for cell in cells:
        room -= len(cell.source) if cell.role == "own" else 0
        if cell.role == "own" and room < 0:
            continue
        if cell.role != "lesson":
            if question and cell.role in ("answer", "question"):
                yield question
                question = None
            yield cell
        elif not cell.is_code:
            question = replace(cell, source=_HEADING.split(cell.source)[-1])


def _missing(lesson: Lesson, present: set[str]) -> Iterator[OwnCell]:
    wanted = [
        *((task.answer_id, True) for task in lesson.tasks),
        *((task.check_id, True) for task in lesson.tasks),
        *((question, False) for question in lesson.questions),
    ]
    absent = [(grade_id, is_code) for grade_id, is_code in wanted if grade_id not in present]
    if absent:
        yield OwnCell(_MISSING, False, "lesson")
    for grade_id, is_code in absent:
        role: Role = (
            "check" if grade_id in lesson.check_cells else "answer" if is_code else "question"
        )
        yield OwnCell("", is_code, role, grade_id)


def _cell(cell: OwnCell, lesson: Lesson) -> dict[str, Any]:
    metadata = _metadata(cell, lesson)
    if cell.is_code or cell.role == "check":
        return {
            "cell_type": "code",
            "metadata": metadata,
            "source": lesson.check_cells.get(cell.grade_id, cell.source),
            "execution_count": None,
            "outputs": [made for output in cell.outputs for made in _output(output)],
        }
    own = cell.role != "lesson" and cell.source != lesson.stubs.get(cell.grade_id)
    source, pictures = defused(cell.source, cell.attachments) if own else (cell.source, {})
    attachments = {name: {found.kind: found.text} for name, found in pictures.items()}
    return {
        "cell_type": "markdown",
        "metadata": metadata,
        "source": source,
        **({"attachments": attachments} if attachments else {}),
    }


def _metadata(cell: OwnCell, lesson: Lesson) -> dict[str, Any]:
    """The nbgrader metadata of a graded cell, as the lesson has them."""
    if not cell.grade_id:
        return {}
    points = {task.check_id: task.exercise.points for task in lesson.tasks} | dict(lesson.questions)
    is_solution = cell.role != "check"
    is_grade = cell.grade_id in points
    return {
        "nbgrader": {
            "cell_type": "code" if cell.is_code else "markdown",
            "grade": is_grade,
            "grade_id": cell.grade_id,
            "locked": not is_solution,
            "schema_version": 3,
            "solution": is_solution,
            "task": False,
            **({"points": points[cell.grade_id]} if is_grade else {}),
        }
    }


def _output(output: Output) -> Iterator[dict[str, Any]]:
    if text := output.text + (f"\n[{output.left_out}]\n" if output.left_out else ""):
        yield {"output_type": "stream", "name": "stdout", "text": text}
    if picture := output.picture:
        data = {picture.kind: picture.text, "text/plain": picture.alt or "Figure"}
        yield {"output_type": "display_data", "metadata": {}, "data": data}

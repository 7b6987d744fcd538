"""What a student should know of a notebook before it is handed in. None of it is a refusal."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from autograder.collecting.entries import MAX_BYTES
from autograder.handing_in.work import Work, is_untouched, released_stubs
from autograder.lesson import Lesson, lesson_for_students
from autograder.notebook_file import Cell, Unreadable, read_cells
from autograder.sandbox.program import binds
from autograder.submission import read_submission

_KNOWN = {*sys.stdlib_module_names, "autograder", "vi_lib"}
_LARGE = 10 * 2**20


def warnings_of(work: Work, lessons: Sequence[str], root: Path) -> list[str]:
    """Everything about a notebook that its author may not expect."""
    found = list(work.left_out)
    if len(work.data) > MAX_BYTES:
        found.append(
            f"It is {_megabytes(len(work.data))}, and the grader takes at most "
            f"{_megabytes(MAX_BYTES)}: clear the outputs (Edit, Clear Outputs of All Cells), save."
        )
    elif len(work.data) > _LARGE:
        found.append(
            f"It is {_megabytes(len(work.data))}: some platforms take less. Clearing the outputs "
            "(Edit, Clear Outputs of All Cells) makes it small; they are not graded."
        )
    if work.lesson not in lessons:
        found.append("It is not the notebook of a lesson, as far as its name and its cells tell.")
        return found
    try:
        cells, _ = read_cells(work.data)
        lesson = lesson_for_students(work.lesson, root)
        stubs = released_stubs(work.lesson, root)
        found += read_submission(work.data, lesson).notes
    except Unreadable as error:
        found.append(f"The grader will not be able to read it. {error.sentence}")
        return found
    except ValueError as error:
        found.append(str(error))
        return found
    return [*found, *_unanswered(cells, lesson, stubs), *_missing_files(cells, work)]


def _unanswered(cells: Sequence[Cell], lesson: Lesson, stubs: Mapping[str, str]) -> Iterator[str]:
    untouched, gone = [], []
    for task in lesson.tasks:
        own = [cell for cell in cells if cell.grade_id == task.answer_id]
        others = [cell for cell in cells if cell not in own and cell.kind == "code"]
        if any(binds(cell.source, name) for cell in others for name in task.exercise.names):
            continue
        if not own:
            gone.append(task.exercise.id)
        elif all(is_untouched(cell.source, stubs.get(cell.grade_id, "")) for cell in own):
            untouched.append(task.exercise.id)
    if untouched:
        yield f"Not answered yet: {', '.join(untouched)}."
    if gone:
        yield f"The cell is gone, and no other answers: {', '.join(gone)}."
    for name in lesson.questions:
        own = [cell for cell in cells if cell.grade_id == name]
        if own and all(is_untouched(cell.source, stubs.get(name, "")) for cell in own):
            yield f"The open question {name} has no answer."


def _missing_files(cells: Iterable[Cell], work: Work) -> Iterator[str]:
    """Modules that the code imports and nobody else will have."""
    here = {Path(name).stem for name in work.files if name.endswith(".py")}
    for name in sorted(_imported(cells) - here - _KNOWN):
        with contextlib.suppress(ImportError, ValueError):
            if importlib.util.find_spec(name) is not None and not _is_local(name):
                continue
        yield (
            f"It imports `{name}`, which is neither installed nor beside the notebook: "
            f"put {name}.py into {work.path.absolute().parent}."
        )


def _imported(cells: Iterable[Cell]) -> set[str]:
    names: set[str] = set()
    for cell in cells:
        if cell.kind != "code":
            continue
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    return names


def _is_local(name: str) -> bool:
    """Whether a module is found only because this command was called in its folder."""
    return any((Path.cwd() / place).exists() for place in (f"{name}.py", f"{name}/__init__.py"))


def in_jupyter(path: Path, runtime: Path) -> bool:
    """Whether a Jupyter server seems to run in a folder around the notebook.

    Each server leaves a file in the folder `runtime`, and removes it when it ends.
    """
    for file in runtime.glob("jpserver-*.json"):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            top = Path(json.loads(file.read_text(encoding="utf-8"))["root_dir"])
            if path.resolve().is_relative_to(top.resolve()):
                return True
    return False


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB"

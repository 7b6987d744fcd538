"""Reading one hand-in: from the bytes of a file to what is to be run, mended and reported.

A file that is no notebook, or the notebook of another lesson, raises `Unreadable` with a status and
a sentence for its author. Everything less is mended, and a note says so.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograder.lesson import Lesson, text_of
from autograder.records import Status
from autograder.sandbox.cells import Code
from autograder.sandbox.session import Program

MAX_CODE = 4 * 2**20
"""Characters of code in one notebook."""
_SKIPPED_TOKENS = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


class Unreadable(ValueError):
    """There is nothing to grade in a file; carries the status and a sentence for its author."""

    def __init__(self, status: Status, sentence: str):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True)
class Cell:
    """A cell of a hand-in; `number` counts its code cells from 1 and is 0 for text."""

    source: str
    number: int
    grade_id: str = ""
    is_check: bool = False


@dataclass(frozen=True)
class Submission:
    """What a hand-in holds: what to run, answers to open questions, remarks for the instructor."""

    program: Program
    open_answers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fingerprint: str = ""


def read_submission(data: bytes, lesson: Lesson) -> Submission:
    """Read a hand-in for a lesson; `Unreadable` if it is not one."""
    cells, notes = read_cells(data)
    require_lesson(cells, lesson)
    cells, more = _without_untouched_copies(cells, lesson)
    if sum(len(cell.source) for cell in cells) > MAX_CODE:
        raise Unreadable("refused", f"The notebook holds more than {MAX_CODE} characters of code.")
    code = [c for c in cells if c.number and not c.is_check and c.source not in lesson.checks]
    answers = {task.answer_id: task.exercise.id for task in lesson.tasks}
    program = Program(
        cells=tuple(Code(cell.number, cell.source) for cell in code),
        labels={
            cell.number: f"the cell of {answers[cell.grade_id]}"
            if cell.grade_id in answers
            else f"code cell {cell.number}"
            for cell in code
        },
        demos=frozenset(cell.number for cell in code if cell.source in lesson.demos),
        demo_names=lesson.demo_names,
    )
    return Submission(
        program, _open_answers(cells, lesson), (*notes, *more), _fingerprint(code, lesson)
    )


def read_cells(data: bytes) -> tuple[list[Cell], list[str]]:
    """The cells of a notebook in any state that can be mended, and what was mended."""
    notebook, notes = _parse(data)
    found = notebook.get("cells")
    if not isinstance(found, list) and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        found = [cell for sheet in sheets for cell in sheet.get("cells") or ()]
        notes.append("The notebook is in the old format 3; it was converted.")
    if not isinstance(found, list):
        raise Unreadable("not a notebook", "The file is JSON, but not a notebook: it has no cells.")
    if not isinstance(notebook.get("metadata"), dict):
        notes.append("The notebook has no metadata; it was read without.")
    cells: list[Cell] = []
    number = damaged = 0
    for item in found:
        kind = item.get("cell_type") if isinstance(item, dict) else None
        if not isinstance(kind, str):
            damaged += 1
            continue
        number += kind == "code"
        source = text_of(item.get("source", item.get("input", "")))
        cells.append(Cell(source, number if kind == "code" else 0, *_grading(item)))
    if damaged:
        notes.append(f"{damaged} damaged cells were left out.")
    return cells, notes


def _parse(data: bytes) -> tuple[dict[str, Any], list[str]]:
    text = _decode(data)
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if not start:
        raise Unreadable("not a notebook", "The file is empty.")
    if start == "<":
        raise Unreadable(
            "not a notebook",
            "The file is a web page, not a notebook: hand in the .ipynb file itself.",
        )
    try:
        found = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
        where = "it breaks off" if at_end else "it is damaged"
        raise Unreadable(
            "not a notebook",
            f"The file is not a readable notebook: {where} at line {error.lineno}. "
            "Open it in JupyterLab, save it again, and hand that in.",
        ) from None
    except (RecursionError, ValueError):
        raise Unreadable("not a notebook", "The file is not a readable notebook.") from None
    if not isinstance(found, dict):
        raise Unreadable(
            "not a notebook", f"The file is JSON, but not a notebook: a {type(found).__name__}."
        )
    return found, []


def _decode(data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, "replace")


def _grading(item: dict[str, Any]) -> tuple[str, bool]:
    """The cell's grade id, and whether it is a check, from whatever its metadata are."""
    metadata = item.get("metadata")
    meta = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("grade_id"), str):
        return "", False
    is_check = bool(meta.get("grade")) and not meta.get("solution")
    return meta["grade_id"], is_check or meta["grade_id"].endswith("-check")


def require_lesson(cells: Sequence[Cell], lesson: Lesson) -> None:
    """`Unreadable` unless the cells belong to the lesson, by grade ids or by defined names."""
    if any(cell.grade_id in lesson.ids for cell in cells):
        return
    names = [name for task in lesson.tasks for name in task.exercise.names]
    pattern = "|".join(map(re.escape, names))
    defines = re.compile(rf"^(?:def|class)\s+(?:{pattern})\b", re.MULTILINE)
    if names and any(cell.number and defines.search(cell.source) for cell in cells):
        return
    other = next((m[1] for c in cells if (m := re.match(r"[EO](\d+)\b", c.grade_id))), None)
    found = f"the notebook of lesson {other}" if other else "none of its exercises"
    raise Unreadable(
        "wrong lesson", f"Expected the notebook of {lesson.name}, and found {found} in the file."
    )


def _without_untouched_copies(
    cells: Sequence[Cell], lesson: Lesson
) -> tuple[list[Cell], list[str]]:
    """Leave out a copy of an answer cell that nobody filled in, if another copy was filled in."""
    notes, left_out = [], set[int]()
    for grade_id, stub in lesson.stubs.items():
        copies = [cell for cell in cells if cell.grade_id == grade_id]
        if len(copies) < 2:
            continue
        filled = [cell for cell in copies if cell.source.strip() != stub.strip()]
        if filled:
            left_out |= {id(cell) for cell in copies if cell not in filled}
        label = grade_id.replace("-", ".")
        taken = "the last one that was filled in" if filled else "an untouched one"
        notes.append(f"The answer cell of {label} stands {len(copies)} times: {taken} counts.")
    return [cell for cell in cells if id(cell) not in left_out], notes


def _open_answers(cells: Sequence[Cell], lesson: Lesson) -> dict[str, str]:
    answers = {}
    for cell in cells:
        if cell.grade_id in lesson.questions:
            text = cell.source.strip()
            if text and text != lesson.stubs[cell.grade_id].strip():
                answers[cell.grade_id] = text.encode("utf-8", "replace").decode()
    return answers


def _fingerprint(code: Sequence[Cell], lesson: Lesson) -> str:
    """A hash of the answers' tokens without layout and comments; empty if all are untouched."""
    stubs = {task.answer_id: lesson.stubs.get(task.answer_id, "") for task in lesson.tasks}
    answers = {cell.grade_id: cell.source for cell in code if cell.grade_id in stubs}
    tokens = [_tokens(answers.get(grade_id, "")) for grade_id in stubs]
    if all(found in ((), _tokens(stubs[name])) for name, found in zip(stubs, tokens, strict=True)):
        return ""
    return hashlib.sha256(repr(tokens).encode()).hexdigest()[:16]


def _tokens(source: str) -> tuple[str, ...]:
    try:
        found = tokenize.generate_tokens(io.StringIO(source).readline)
        return tuple(token.string for token in found if token.type not in _SKIPPED_TOKENS)
    except (tokenize.TokenError, SyntaxError):
        return tuple(source.split())

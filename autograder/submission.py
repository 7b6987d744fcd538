"""Reading one hand-in: from the bytes of a file to what is to be run, mended and reported.

A file that is no notebook, or the notebook of another lesson, raises `Unreadable` with a status and
a sentence for its author. Everything less is mended, and a note says so. What is graded is what the
notebook defines, wherever in it that stands; ids of cells are only a help.
"""

from __future__ import annotations

import hashlib
import io
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.lesson import Lesson
from autograder.notebook_file import Cell, Unreadable, read_cells
from autograder.sandbox.cells import Code
from autograder.sandbox.program import Program, binds

__all__ = ["MAX_CODE", "Submission", "Unreadable", "read_cells", "read_submission"]

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""What acts on a terminal, or cannot be written to a file."""
MAX_CODE = 4 * 2**20
"""Characters of code in one notebook."""
_GRADED_CHECK = re.compile(r"\bgrade\(.*\bseed\s*=")
_SKIPPED_TOKENS = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True)
class Submission:
    """What a hand-in holds: what to run, answers to open questions, remarks for the instructor."""

    program: Program
    open_answers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fingerprint: str = ""


@dataclass(frozen=True)
class _Code(Cell):
    """A code cell with its number among the notebook's code cells."""

    number: int = 0


def read_submission(data: bytes, lesson: Lesson) -> Submission:
    """Read a hand-in for a lesson; `Unreadable` if it is not one."""
    cells, notes = read_cells(data)
    require_lesson(cells, lesson)
    if sum(len(cell.source) for cell in cells) > MAX_CODE:
        raise Unreadable("refused", f"The notebook holds more than {MAX_CODE} characters of code.")
    code, about_code = _code(cells, lesson)
    code, about_copies = _without_untouched_copies(code, lesson)
    code = _stubs_first(code, lesson)
    answers = {task.answer_id: task.exercise.id for task in lesson.tasks}
    program = Program(
        cells=tuple(Code(cell.number, cell.source) for cell in code),
        labels={
            cell.number: f"the cell of {answers[cell.grade_id]}"
            if cell.grade_id in answers
            else f"code cell {cell.number}"
            for cell in code
        },
        answers=_cells_of_names(code, lesson),
        demos=frozenset(cell.number for cell in code if cell.source in lesson.demos),
        demo_names=lesson.demo_names,
    )
    open_answers, about_questions = _open_answers(cells, lesson)
    notes += [*_about_ids(cells, lesson), *about_code, *about_copies, *about_questions]
    return Submission(program, open_answers, tuple(notes), _fingerprint(code, lesson))


def require_lesson(cells: Sequence[Cell], lesson: Lesson) -> None:
    """`Unreadable` unless the cells belong to the lesson, by grade ids or by defined names.

    Beside another lesson's ids a common name such as `trace` is not enough: then all names of some
    exercise must be there.
    """
    if any(cell.grade_id in lesson.ids for cell in cells):
        return
    exercises = [task.exercise.names for task in lesson.tasks]
    defined = {n for names in exercises for n in names if any(_defines(c, [n]) for c in cells)}
    other = next((m[1] for c in cells if (m := re.match(r"[EO](\d+)\b", c.grade_id))), None)
    if any(defined.issuperset(names) for names in exercises) or (defined and other is None):
        return
    found = f"the notebook of lesson {other}" if other else "none of its exercises"
    raise Unreadable(
        "wrong lesson", f"Expected the notebook of {lesson.name}, and found {found} in the file."
    )


def _defines(cell: Cell, names: Iterable[str]) -> bool:
    return cell.kind == "code" and any(binds(cell.source, name) for name in names)


def _code(cells: Sequence[Cell], lesson: Lesson) -> tuple[list[_Code], list[str]]:
    """The code to run: all code cells but the checks, and answers that were turned into text."""
    notes: list[str] = []
    found: list[_Code] = []
    answers = {task.answer_id: task.exercise.id for task in lesson.tasks}
    number = 0
    for cell in cells:
        exercise = answers.get(cell.grade_id)
        if cell.kind != "code" and exercise is None:
            continue
        number += 1
        if cell.kind != "code":
            notes.append(f"The answer cell of {exercise} was no code cell; it was run as one.")
        elif exercise is None and _is_check(cell, lesson):
            if _GRADED_CHECK.search(cell.source):
                notes.append("The notebook holds a graded check, as only the solution does.")
            named = [t.exercise.id for t in lesson.tasks if _defines(cell, t.exercise.names)]
            notes += [f"The answer to {name} stands in the cell of a check." for name in named]
            if not named:
                continue
        found.append(_Code("code", cell.source, cell.grade_id, number=number))
    return found, list(dict.fromkeys(notes))


def _cells_of_names(code: Sequence[_Code], lesson: Lesson) -> dict[str, int]:
    """In which cell each asked name is to be defined."""
    names = {task.answer_id: task.exercise.names for task in lesson.tasks}
    return {name: cell.number for cell in code for name in names.get(cell.grade_id, ())}


def _is_check(cell: Cell, lesson: Lesson) -> bool:
    return (
        cell.source in lesson.checks
        or cell.grade_id.endswith("-check")
        or (cell.graded and not cell.solution)
    )


def _about_ids(cells: Sequence[Cell], lesson: Lesson) -> list[str]:
    if any(cell.grade_id in lesson.ids for cell in cells):
        return []
    return ["The cells have lost their ids; answers were found by the names that they define."]


def _without_untouched_copies(cells: list[_Code], lesson: Lesson) -> tuple[list[_Code], list[str]]:
    """Leave out a copy of an answer cell that nobody filled in, if another copy was filled in."""
    notes, left_out = [], set[int]()
    for task in lesson.tasks:
        copies = [cell for cell in cells if cell.grade_id == task.answer_id]
        if len(copies) < 2:
            continue
        filled = [cell for cell in copies if not _is_stub(cell, lesson)]
        if filled:
            left_out |= {cell.number for cell in copies if cell not in filled}
        taken = "the last one that was filled in" if filled else "an untouched one"
        notes.append(_many(task.exercise.id, len(copies), taken))
    return [cell for cell in cells if cell.number not in left_out], notes


def _many(name: str, count: int, taken: str) -> str:
    return f"The answer cell of {name} stands {count} times: {taken} counts."


def _is_stub(cell: Cell, lesson: Lesson) -> bool:
    return cell.source.strip() == lesson.stubs.get(cell.grade_id, "").strip()


def _stubs_first(cells: list[_Code], lesson: Lesson) -> list[_Code]:
    """Move an untouched answer cell before a cell that answers in its stead.

    Who has answered in a new cell above has answered, although the notebook runs from the top.
    """
    found = list(cells)
    for task in lesson.tasks:
        stub = next(
            (c for c in cells if c.grade_id == task.answer_id and _is_stub(c, lesson)), None
        )
        answer = next((c for c in cells if c != stub and _defines(c, task.exercise.names)), None)
        if stub is not None and answer is not None and answer.number < stub.number:
            found.remove(stub)
            found.insert(found.index(answer), stub)
    return found


def _open_answers(cells: Sequence[Cell], lesson: Lesson) -> tuple[dict[str, str], list[str]]:
    answers: dict[str, str] = {}
    notes = []
    for name in lesson.questions:
        copies = [cell for cell in cells if cell.grade_id == name]
        filled = [cell for cell in copies if cell.source.strip() and not _is_stub(cell, lesson)]
        if filled:
            answers[name] = _CONTROL.sub("?", filled[-1].source.strip())
        if not copies:
            notes.append(f"The cell of the open question {name} is missing.")
        if len(copies) > 1:
            taken = "the last one that was filled in" if filled else "an untouched one"
            notes.append(_many(name, len(copies), taken))
    return answers, notes


def _fingerprint(code: Sequence[_Code], lesson: Lesson) -> str:
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

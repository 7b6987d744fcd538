"""A made-up class with its hand-ins, to try the grader on and to test it.

`write_example_class` builds the hand-ins from the students' notebooks, the solutions and
`example_answers`, always the same bytes. `CLASS` says by rule what each is worth: an exercise that
is right earns its points, one that is untouched or lost earns nothing, a typical answer what
`example_answers` states. No grader is asked.
"""

from __future__ import annotations

import copy
import csv
import io
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from autograder.checks.registry import find
from autograder.example_answers import StudentAnswer, answers
from autograder.example_damage import Damage, Notebook, cell_of
from autograder.notebooks import exercises_of, identifier, released_notebook, solution_notebook
from autograder.records import Status

STUB = "# Your answer replaces this line.\nraise NotImplementedError"
TEXT_STUB = "*Your answer replaces this line.*"
RIGHT, UNTOUCHED = "right", "untouched"


@dataclass(frozen=True)
class HandIn:
    """One hand-in and what it is worth.

    `answers` names an answer per exercise: "right" (the solution), "untouched", or one of
    `example_answers`; `rest` is used for exercises that are not named. `damage` is done to the
    notebook, then `spoil` to the file's text. `left` gives what remains of exercises that the
    damage costs, or that are right themselves and call an answer that is wrong.
    """

    student: str
    lesson: str
    answers: Mapping[str, str] = field(default_factory=dict)
    rest: str = RIGHT
    reflection: str = ""
    damage: tuple[Damage, ...] = ()
    spoil: Callable[[str], str] = lambda text: text
    file: str = ""
    content: str = ""
    status: Status = "graded"
    left: Mapping[str, float] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where it lies in the folder of hand-ins."""
        return Path(self.student) / self.lesson / (self.file or f"{self.lesson}.ipynb")


def write_example_class(directory: Path) -> Path:
    """Write `directory/handins/<student>/<lesson>/...` and `directory/expected.csv`.

    Files of an earlier run are replaced; files that would not change are left untouched.

    Returns:
        The folder of hand-ins.

    Raises:
        FileExistsError: the folder of hand-ins holds something else.
        FileNotFoundError: a lesson's notebooks have not been built.
    """
    from autograder.example_roster import CLASS

    handins = directory / "handins"
    files = {handins / handin.path: _text(handin) for handin in CLASS}
    strangers = [path for path in _files(handins) if path not in files]
    if strangers:
        raise FileExistsError(
            f"expected only the example class in {handins}, got {strangers[0].relative_to(handins)}"
        )
    files[directory / "expected.csv"] = expected_table(CLASS)
    for path, text in files.items():
        data = text.encode()
        if not path.is_file() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return handins


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def expected_table(handins: tuple[HandIn, ...]) -> str:
    """CSV: student, lesson, status, score (empty if not graded), planted misconceptions."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["student", "lesson", "status", "score", "misconception"])
    for handin in sorted(handins, key=lambda handin: (handin.student, handin.lesson)):
        score = expected_score(handin)
        planted = "; ".join(f"{e} {name}" for e, name in expected_misconceptions(handin).items())
        score_text = "" if score is None else f"{score:g}"
        table.writerow([handin.student, handin.lesson, handin.status, score_text, planted])
    return out.getvalue()


def exercise_names(lesson: str) -> tuple[str, ...]:
    """The exercises of a lesson, in the order of its notebook."""
    return tuple(cells.exercise for cells in exercises_of(_read(solution_notebook(lesson))))


def chosen(handin: HandIn) -> dict[str, str]:
    """The name of the answer to each exercise."""
    names = exercise_names(handin.lesson)
    unknown = set(handin.answers) - set(names)
    if unknown:
        raise ValueError(f"expected exercises of {handin.lesson}, got {sorted(unknown)}")
    return {name: handin.answers.get(name, handin.rest) for name in names}


def expected_score(handin: HandIn) -> float | None:
    """The points by rule; None where nothing can be judged."""
    if handin.status not in ("graded", "partly graded"):
        return None
    return float(
        sum(
            handin.left.get(exercise, _points(handin.lesson, exercise, name))
            for exercise, name in chosen(handin).items()
        )
    )


def _points(lesson: str, exercise: str, name: str) -> float:
    if name == UNTOUCHED:
        return 0.0
    return find(exercise).points if name == RIGHT else answers(lesson)[exercise, name].points


def expected_misconceptions(handin: HandIn) -> dict[str, str]:
    """The mistakes that were planted, by exercise."""
    if expected_score(handin) is None:
        return {}
    known = answers(handin.lesson)
    return {
        exercise: known[exercise, name].misconception
        for exercise, name in chosen(handin).items()
        if name not in (RIGHT, UNTOUCHED)
        and exercise not in handin.left
        and known[exercise, name].misconception
    }


def _read(path: Path) -> Notebook:
    if not path.is_file():
        raise FileNotFoundError(f"expected the notebook {path}: run `autograder build` first")
    return copy.deepcopy(_parsed(path, path.stat().st_mtime_ns))


_CACHE: dict[tuple[Path, int], Notebook] = {}


def _parsed(path: Path, stamp: int) -> Notebook:
    if (path, stamp) not in _CACHE:
        _CACHE[path, stamp] = nbformat.read(path, as_version=4)
    return _CACHE[path, stamp]


def _text(handin: HandIn) -> str:
    """The text of the file that is handed in."""
    lesson = handin.content or handin.lesson
    notebook, solution = _read(released_notebook(lesson)), _read(solution_notebook(lesson))
    for exercise, name in chosen(handin).items() if lesson == handin.lesson else ():
        _answer(notebook, solution, handin.lesson, exercise, name)
    if handin.reflection:
        _reflect(notebook, handin.reflection)
    for damage in handin.damage:
        damage(notebook)
    return handin.spoil(nbformat.writes(notebook) + "\n")


def _answer(notebook: Notebook, solution: Notebook, lesson: str, exercise: str, name: str) -> None:
    cell = cell_of(notebook, identifier(exercise))
    if name == RIGHT:
        source = cell_of(solution, identifier(exercise)).source
        lines = [line for line in source.splitlines() if "### BEGIN SOL" not in line]
        cell.source = "\n".join(line for line in lines if "### END SOL" not in line)
    elif name != UNTOUCHED:
        cell.source = filled(cell.source, answers(lesson)[exercise, name])


def filled(source: str, answer: StudentAnswer) -> str:
    """An answer cell with the answer in it."""
    return answer.bodies[0] if answer.whole else with_bodies(source, answer.bodies)


def with_bodies(source: str, bodies: tuple[str, ...]) -> str:
    """A cell with its stubs replaced by these bodies, in order and indented like the stubs."""
    first, second = STUB.splitlines()
    lines = source.splitlines()
    starts = [i for i, line in enumerate(lines) if line.strip() == first]
    if len(starts) != len(bodies) or any(lines[i + 1].strip() != second for i in starts):
        raise ValueError(f"expected {len(bodies)} stubs in the cell, got {len(starts)}")
    for start, body in zip(reversed(starts), reversed(bodies), strict=True):
        indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
        lines[start : start + 2] = textwrap.indent(body, indent).splitlines()
    return "\n".join(lines)


def _reflect(notebook: Notebook, text: str) -> None:
    (cell,) = (cell for cell in notebook.cells if cell.source.strip() == TEXT_STUB)
    cell.source = text

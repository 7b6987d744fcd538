"""The example class: always the same bytes, and worth what its author says by rule."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.checks import grade
from autograder.example_answers import StudentAnswer, answers
from autograder.example_class import (
    RIGHT,
    UNTOUCHED,
    HandIn,
    exercise_names,
    expected_misconceptions,
    expected_score,
    filled,
    with_bodies,
    write_example_class,
)
from autograder.example_damage import cell_of
from autograder.example_roster import CLASS
from autograder.lesson import load_lesson
from autograder.notebooks import (
    identifier,
    lesson_names,
    practice_names,
    released_notebook,
    solution_notebook,
)

ANSWERS = [answer for lesson in lesson_names() for answer in answers(lesson).values()]
LESSON = {answer: lesson for lesson in lesson_names() for answer in answers(lesson).values()}
FITS = ("E5.5", "E7.5", "E9.4", "E9.5", "E11.5")


@pytest.fixture(scope="module")
def handins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example_class(tmp_path_factory.mktemp("class"))


def notebooks(folder: Path) -> dict[tuple[str, str], Any]:
    """The hand-ins that are notebooks, by student and lesson."""
    found = {}
    for handin in CLASS:
        if handin.status != "not a notebook":
            text = (folder / handin.path).read_text(encoding="utf-8")
            found[handin.student, handin.lesson] = nbformat.reads(text, as_version=4)
    return found


def test_the_class_has_every_kind_of_hand_in() -> None:
    assert 4 * len(lesson_names()) <= len(CLASS) <= 100
    assert len({(handin.student, handin.lesson) for handin in CLASS}) == len(CLASS)
    assert {handin.lesson for handin in CLASS} == {*lesson_names(), *practice_names()}
    statuses = Counter(handin.status for handin in CLASS)
    assert statuses["not a notebook"] == 2
    assert statuses["wrong lesson"] == 1
    assert statuses["partly graded"] == 3
    assert statuses["practice"] == 1
    assert any(not handin.student.isascii() for handin in CLASS)


def test_every_answer_is_handed_in_by_someone() -> None:
    used = {
        (handin.lesson, exercise, name)
        for handin in CLASS
        for exercise, name in handin.answers.items()
        if name not in (RIGHT, UNTOUCHED)
    }
    assert used == {(LESSON[answer], answer.exercise, answer.name) for answer in ANSWERS}


def test_it_is_small_and_always_the_same(tmp_path: Path, handins: Path) -> None:
    again = write_example_class(tmp_path)
    first = {p.relative_to(handins): p.read_bytes() for p in handins.rglob("*") if p.is_file()}
    second = {p.relative_to(again): p.read_bytes() for p in again.rglob("*") if p.is_file()}
    assert first == second
    assert set(first) == {handin.path for handin in CLASS}
    assert sum(map(len, first.values())) < 100_000 * len(first)
    table = "expected.csv"
    assert (handins.parent / table).read_bytes() == (again.parent / table).read_bytes()


def test_writing_again_leaves_the_files_alone(tmp_path: Path) -> None:
    folder = write_example_class(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    write_example_class(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == stamps


def test_real_hand_ins_are_not_mixed_with_the_class(tmp_path: Path) -> None:
    stranger = tmp_path / "handins" / "real" / "02_cavi" / "02_cavi.ipynb"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("{}")
    with pytest.raises(FileExistsError, match="expected only the example class"):
        write_example_class(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [stranger]


def test_the_table_of_expectations_has_a_row_per_hand_in(handins: Path) -> None:
    with open(handins.parent / "expected.csv", encoding="utf-8", newline="") as file:
        rows = {(row["student"], row["lesson"]): row for row in csv.DictReader(file)}
    assert len(rows) == len(CLASS)
    perfect = rows["amara-okafor", "05_bbvi"]
    assert (perfect["status"], perfect["score"], perfect["misconception"]) == ("graded", "25", "")
    slip = rows["zoë-müller", "02_cavi"]
    assert (slip["score"], slip["misconception"]) == ("20.5", "E2.2 variance-returned")
    broken = rows["sipho-dlamini", "02_cavi"]
    assert (broken["status"], broken["score"]) == ("not a notebook", "")
    untouched = rows["nguyễn-thị-hà", "02_cavi"]
    assert (untouched["status"], untouched["score"]) == ("graded", "0")


def test_hand_ins_are_notebooks_of_students(handins: Path) -> None:
    for (student, lesson), notebook in notebooks(handins).items():
        nbformat.validate(notebook)
        assert notebook.cells[0].cell_type == "markdown", (student, lesson)
        for cell in notebook.cells:
            assert "BEGIN SOLUTION" not in cell.source
            assert "END SOLUTION" not in cell.source
            assert "HIDDEN TESTS" not in cell.source
            assert not cell.get("outputs")


def test_an_answer_leaves_signature_and_docstring_as_they_were(handins: Path) -> None:
    released = nbformat.read(released_notebook("02_cavi"), as_version=4)
    stub = cell_of(released, "E2-2").source
    filled = cell_of(notebooks(handins)["zoë-müller", "02_cavi"], "E2-2").source
    assert filled.startswith(stub.split("# Your answer")[0])
    assert "    return nu_q, 1 / precision" in filled


@pytest.mark.parametrize("bodies", [(), ("pass", "pass")])
def test_the_number_of_bodies_must_be_that_of_the_stubs(bodies: tuple[str, ...]) -> None:
    source = "def f(x):\n    # Your answer replaces this line.\n    raise NotImplementedError"
    with pytest.raises(ValueError, match=f"expected {len(bodies)} stubs in the cell, got 1"):
        with_bodies(source, bodies)


def test_an_unknown_exercise_in_the_roster_is_named() -> None:
    with pytest.raises(ValueError, match=r"expected exercises of 02_cavi, got \['E9.9'\]"):
        expected_score(HandIn("someone", "02_cavi", {"E9.9": RIGHT}))


def namespace(answer: StudentAnswer) -> dict[str, Any]:
    """The names that the answer's cell defines after the lesson's imports.

    In a lesson whose exercises need each other's functions, the other cells are the solution's.
    """
    lesson = LESSON[answer]
    notebook = nbformat.read(released_notebook(lesson), as_version=4)
    cell_id = identifier(answer.exercise)
    text = filled(cell_of(notebook, cell_id).source, answer)
    if any(task.exercise.needs for task in load_lesson(lesson).tasks):
        solved = nbformat.read(solution_notebook(lesson), as_version=4)
        sources = [
            text if cell["id"] == cell_id else cell.source
            for cell in solved.cells
            if cell.cell_type == "code"
            and "demo" not in cell.metadata.get("tags", ())
            and not cell.metadata.get("nbgrader", {}).get("grade")
        ]
    else:
        sources = [next(cell.source for cell in notebook.cells if cell.cell_type == "code"), text]
    names: dict[str, Any] = {}
    for source in sources:
        exec(source, names)
    return names


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            answer,
            id=f"{answer.exercise} {answer.name}",
            marks=pytest.mark.slow if answer.exercise in FITS else (),
        )
        for answer in ANSWERS
        if answer.name != "never stops"
    ],
)
def test_an_answer_is_worth_what_its_author_says(answer: StudentAnswer) -> None:
    verdict = grade(answer.exercise, namespace(answer), seed=1)
    assert (verdict.score, verdict.misconception or "") == (answer.points, answer.misconception)


@pytest.fixture
def graded(example_run: Any) -> dict[tuple[str, str], Any]:
    _, _, records = example_run
    return {(record.student, record.lesson): record for record in records}


@pytest.mark.slow
def test_the_grader_finds_every_hand_in_and_no_more(graded: dict[tuple[str, str], Any]) -> None:
    assert set(graded) == {(handin.student, handin.lesson) for handin in CLASS}


@pytest.mark.slow
@pytest.mark.parametrize("handin", CLASS, ids=lambda handin: f"{handin.student} {handin.lesson}")
def test_the_grader_agrees(graded: dict[tuple[str, str], Any], handin: HandIn) -> None:
    record = graded[handin.student, handin.lesson]
    assert (record.status, record.score) == (handin.status, expected_score(handin)), record.message
    found = {e: v.misconception for e, v in record.verdicts.items() if v.misconception}
    assert found == expected_misconceptions(handin)
    if record.status == "graded":
        assert set(record.verdicts) == set(exercise_names(handin.lesson))
    assert record.message

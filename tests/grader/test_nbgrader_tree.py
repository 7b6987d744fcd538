"""Nbgrader's other commands keep working: on the course's tree, and on the folder of results."""

from __future__ import annotations

import csv
from pathlib import Path

import mini
import pytest
import toy
from plain_nbgrader import nbgrader

from autograder.checks.protocol import PartResult, Verdict
from autograder.example_class import write_example_class
from autograder.faces import write_faces
from autograder.gradebook import manual_scores
from autograder.late import Late
from autograder.lesson import Lesson, load_lesson
from autograder.notebooks import released_notebook
from autograder.records import Record

pytestmark = pytest.mark.slow
RIGHT = toy.notebook(mini.cells(mini.SCORE, mini.CONTROL, "Because of *this*."))


@pytest.fixture(scope="module")
def lesson(course: Path) -> Lesson:
    return load_lesson(mini.NAME, course)


@pytest.fixture(scope="module")
def results(lesson: Lesson, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of results of two hand-ins."""
    out = tmp_path_factory.mktemp("out")
    parts = (PartResult("values", 3.0, 3.0), PartResult("far out", 1.0, 0.0, "`f`: no."))
    verdicts = {
        "E5.1": Verdict("E5.1", "Score", "partly correct", 3.0, 4.0, parts=parts),
        "E5.4": Verdict("E5.4", "Control", "correct", 5.0, 5.0),
    }
    records = [
        Record(
            student,
            mini.NAME,
            "graded",
            "All exercises were judged: 8 of 9 points.",
            9.0,
            8.0,
            verdicts,
            open_answers={"O5": "Because of *this*."},
            tier="A",
            submitted="2026-03-04T09:00:00+00:00",
        )
        for student in ("ada", "Zoë Müller")
    ]
    late = {("ada", mini.NAME): Late(1, 0.9, "One day late: 0.9 points off.")}
    write_faces(records, {mini.NAME: lesson}, out, lambda record: RIGHT, late)
    return out


def test_generate_feedback_works_in_the_folder_of_results(results: Path) -> None:
    ours = {path: path.read_bytes() for path in (results / "feedback").rglob("*.html")}
    nbgrader(results, "generate_feedback", mini.NAME)
    for student in ("ada", "Zoë Müller"):
        page = results / "nbgrader_feedback" / student / mini.NAME / f"{mini.NAME}.html"
        text = page.read_text(encoding="utf-8")
        assert "values 3/3, far out 0/1. Run in isolation tier A." in text
        assert "HIDDEN" not in text
        assert "seed" not in text
    assert {path: path.read_bytes() for path in (results / "feedback").rglob("*.html")} == ours


def test_nbgrader_exports_points_time_and_penalty(results: Path) -> None:
    nbgrader(results, "export", "--to=nbgrader.csv")
    with (results / "nbgrader.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert rows["ada"]["timestamp"] == "2026-03-04 09:00:00"
    assert (float(rows["ada"]["raw_score"]), float(rows["ada"]["score"])) == (8.0, 7.1)
    assert float(rows["ada"]["late_submission_penalty"]) == 0.9
    assert float(rows["Zoë Müller"]["score"]) == 8.0
    assert manual_scores(results / "gradebook.db") == {}


def test_validate_works_on_students_notebooks(tmp_path: Path) -> None:
    name = "02_cavi"
    solved = write_example_class(tmp_path) / "amara-okafor" / name / f"{name}.ipynb"
    assert "Success!" in nbgrader(solved.parent, "validate", solved.name)
    untouched = nbgrader(tmp_path, "validate", str(released_notebook(name)))
    assert "Success!" not in untouched
    assert "not started" in untouched

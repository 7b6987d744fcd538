"""A lesson for practice: a clear row for who hands it in, and no place in any list of grades."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from autograder.checks.registry import exercises
from autograder.collect import collect
from autograder.commands import check
from autograder.lesson import load_lesson
from autograder.notebooks import all_names, lesson_names, practice_names, released_notebook
from autograder.run import Order, grade

(NAME,) = practice_names()


def handed_in(folder: Path, *files: str) -> Path:
    for file in files:
        path = folder / "handins" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(released_notebook(NAME), path)
    return folder / "handins"


def test_it_is_a_lesson_and_none_of_those_that_are_graded() -> None:
    assert NAME in all_names()
    assert NAME not in lesson_names()
    assert load_lesson(NAME).questions == {}
    assert [task.exercise.id for task in load_lesson(NAME).tasks] == [e.id for e in exercises(0)]


@pytest.mark.parametrize(
    "file",
    [
        f"ada/{NAME}/{NAME}.ipynb",
        f"ada/{NAME}/{NAME} (1).ipynb",
        f"ada/{NAME.upper()}.ipynb",
        f"Ada Lovelace_123_assignsubmission_file_/{NAME}.ipynb",
    ],
)
def test_it_is_recognised_wherever_a_lesson_is(tmp_path: Path, file: str) -> None:
    (hand_in,) = collect(handed_in(tmp_path, file), all_names()).hand_ins
    assert (hand_in.lesson, hand_in.status) == (NAME, "practice")
    assert (
        hand_in.sentence == f"{NAME} is for practice: it has no points, and need not be handed in."
    )


def test_a_run_gives_it_a_row_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = handed_in(tmp_path, f"ada/{NAME}/{NAME}.ipynb"), tmp_path / "out"
    assert grade(Order(source, out)) == 0
    assert "for practice" in capsys.readouterr().out + (out / "grades.csv").read_text("utf-8")
    with open(out / "grades.csv", encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["lesson"], row["status"], row["score"]) == (NAME, "practice", "")
    page = (out / "feedback" / "ada" / f"{NAME}.html").read_text("utf-8")
    assert "For practice" in page
    assert "Not graded yet" not in page
    assert "This is not a zero" not in page
    assert "1 practice" in (out / "report.html").read_text("utf-8")

    from autograder.exporting.command import export

    export(out, lesson_names())
    columns = (
        (out / "export" / "canvas.csv").read_text("utf-8")
        if (out / "export" / "canvas.csv").is_file()
        else ""
    )
    assert NAME not in columns


def test_a_student_may_check_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(released_notebook(NAME), 60.0) == 1
    said = capsys.readouterr().out
    assert "E0.1" in said
    assert "0 of 2 points on the visible checks. They do not count" in said

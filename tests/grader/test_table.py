"""The grade table: its bytes, its empty cells, and what it looks like on a terminal."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import toy

from autograder.checks.protocol import Verdict
from autograder.outputs import record_path
from autograder.records import Record
from autograder.table import grades_csv, summary, table_text, write_grades

LESSONS = {"05_toy": toy.lesson()}


def verdict(exercise: str, score: float, most: float) -> Verdict:
    return Verdict(exercise, "Title", "partly correct", score, most)


RECORDS = (
    Record(
        "zoë, m.",
        "05_toy",
        "graded",
        'All "exercises" were judged.',
        9.5,
        6.5,
        {
            "E5.1": verdict("E5.1", 4.0, 4.0),
            "E5.2": verdict("E5.2", 0.0, 3.0),
            "E5.3": verdict("E5.3", 2.5, 2.5),
        },
    ),
    Record(
        "ada",
        "05_toy",
        "partly graded",
        "A loop.",
        9.5,
        1.0,
        {"E5.1": verdict("E5.1", 1.0, 4.0), "E5.3": verdict("E5.3", 0.0, 2.5)},
        {"E5.2": "It did not finish."},
    ),
    Record("李雷", "05_toy", "not a notebook", "The file is empty.", 9.5),
    Record("ada", "99_x", "wrong lesson", "There is no lesson '99_x'.", 0.0),
)

GOLDEN = """\
student,lesson,status,score,max_score,E5.1,E5.2,E5.3,message
ada,05_toy,partly graded,1,9.5,1,,0,A loop.
ada,99_x,wrong lesson,,,,,,There is no lesson '99_x'.
"zoë, m.",05_toy,graded,6.5,9.5,4,0,2.5,"All ""exercises"" were judged."
李雷,05_toy,not a notebook,,9.5,,,,The file is empty.
"""


def test_the_file_is_as_it_is_documented() -> None:
    assert grades_csv(RECORDS, LESSONS) == GOLDEN


def test_the_order_of_grading_does_not_matter(tmp_path: Path) -> None:
    assert grades_csv(RECORDS[::-1], LESSONS) == GOLDEN


def test_the_file_is_written_in_utf_8_with_unix_line_ends(tmp_path: Path) -> None:
    path = write_grades(RECORDS, LESSONS, tmp_path / "new" / "grades.csv")
    assert path.read_bytes() == GOLDEN.encode()
    assert [found.name for found in path.parent.iterdir()] == ["grades.csv"]


def test_any_text_comes_back_from_the_file() -> None:
    nasty = 'a"b,c\nd\r\ne\t=1+1'
    text = grades_csv([Record(nasty, "05_toy", "crashed", nasty, 9.5)], LESSONS)
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["student"] == row["message"] == nasty


def test_the_table_on_a_terminal_is_aligned_and_harmless() -> None:
    evil = Record("e\x1b[2J", "05_toy", "crashed", "Gone.", 9.5)
    lines = table_text([*RECORDS, evil], LESSONS).split("\n")
    assert lines[0] == "05_toy"
    assert lines[1] == "  student  status              score  E5.1  E5.2  E5.3"
    assert lines[2] == "  ada      partly graded     1 / 9.5     1     -     0"
    assert lines[3] == "  e?[2J    crashed           - / 9.5     -     -     -"
    assert lines[4] == "  zoë, m.  graded          6.5 / 9.5     4     0   2.5"
    assert lines[5] == "  李雷     not a notebook    - / 9.5     -     -     -"
    assert "  ada: A loop." in lines
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 hand-in: all graded."), (4, "4 hand-ins: 1 graded, 3 not")]
)
def test_the_summary_counts(count: int, words: str) -> None:
    assert summary(RECORDS[:count]).startswith(words)


def test_records_of_any_student_get_a_file_of_their_own(tmp_path: Path) -> None:
    out = tmp_path
    students = ["ada", "Ada", "-rf", "../x", "a/b", "李" * 200, "x" * 255, "", ".", "*"]
    paths = [record_path(out, student, "05_toy") for student in students]
    assert len({str(path).casefold() for path in paths}) == len(students)
    for path in paths:
        assert path.parent == out / "records"
        assert len(path.name) < 100
        assert not path.name.startswith((".", "-"))


@pytest.mark.parametrize("name", ["=1+1", "+1+cmd|' /C x'!A0", "-2+3", "@SUM(A1)", "\t=1"])
def test_a_spreadsheet_computes_nothing_of_a_students(name: str) -> None:
    text = grades_csv([Record(name, "05_toy", "refused", name, 9.5)], LESSONS)
    row = next(csv.DictReader(io.StringIO(text)))
    assert (row["student"], row["message"]) == (f"'{name}", f"'{name}")

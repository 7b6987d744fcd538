"""Grades for Canvas, Moodle, nbgrader and a table: what is known, under the right names."""

from __future__ import annotations

import csv
import io
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import mini
import pytest
from made_up_records import verdict

from autograder.exporting.command import export
from autograder.exporting.moodle import lesson_of
from autograder.feedback import page_of
from autograder.gradebook import write_gradebook
from autograder.lesson import Lesson, load_lesson
from autograder.outputs import save_record
from autograder.records import Record
from autograder.rosters import BadRoster, roster
from autograder.table import write_grades

NAME = mini.NAME
Rows = list[dict[str, str]]


def record(student: str, e1: float | None, e4: float | None, **more: object) -> Record:
    points = {"E5.1": (e1, 4.0), "E5.4": (e4, 5.0)}
    verdicts = {n: verdict(n, s, most) for n, (s, most) in points.items() if s is not None}
    score = sum(v.score for v in verdicts.values()) if verdicts else None
    status = "graded" if len(verdicts) == 2 else "partly graded" if verdicts else "crashed"
    told = {"message": f"About {student}.", **more}
    return Record(student, NAME, status, max_score=9.0, score=score, verdicts=verdicts, **told)  # type: ignore[arg-type]


CLASS = (
    record("Ada Lovelace", 4, 5, platform_id="101", submitted="2026-03-01T10:00:00Z"),
    record("Bo", 2, 3, platform_id="102", email="bo@x.edu", submitted="2026-03-02T12:00:00Z"),
    record("Eve", 4, None, platform_id="103"),
    record("Li (104)", None, None, platform_id="104", submitted="2026-03-01T10:00:00Z"),
)
LATE = f"lesson,due,percent_per_day\n{NAME},2026-03-01 12:00,10\n"


@pytest.fixture
def lesson(course: Path) -> Lesson:
    return load_lesson(NAME, course)


@pytest.fixture
def results(tmp_path: Path, lesson: Lesson) -> Callable[..., Path]:
    """A folder of results, as `autograder grade` leaves it."""

    def write(*records: Record) -> Path:
        out = tmp_path / "out"
        for one in records:
            save_record(one, out)
        write_grades(records, {NAME: lesson}, out / "grades.csv")
        write_gradebook(records, {NAME: lesson}, out / "gradebook.db")
        for page in page_of(records).values():
            (out / page).parent.mkdir(parents=True, exist_ok=True)
            (out / page).write_text(f"<p>{page}</p>", encoding="utf-8")
        return out

    return write


@pytest.fixture
def exported(course: Path, results: Callable[..., Path]) -> Callable[..., Path]:
    """The folder of exported files."""

    def write(*records: Record, code: int = 0, **options: object) -> Path:
        out = results(*records)
        assert export(out, (NAME,), root=course, **options) == code  # type: ignore[arg-type]
        return out / "export"

    return write


def rows(path: Path) -> Rows:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def by_hand(out: Path, student: str, cell: str, score: float) -> None:
    """Points that a person enters in the formgrader."""
    with sqlite3.connect(out / "gradebook.db") as db:
        count = db.execute(
            "UPDATE grade SET manual_score = ?, needs_manual_grade = 0 WHERE id IN ("
            "SELECT grade.id FROM grade JOIN base_cell ON base_cell.id = grade.cell_id "
            "JOIN submitted_notebook AS n ON n.id = grade.notebook_id "
            "JOIN submitted_assignment AS a ON a.id = n.assignment_id "
            "WHERE base_cell.name = ? AND a.student_id = ?)",
            (score, cell, student),
        ).rowcount
    db.close()
    assert count == 1


def test_the_table_leaves_empty_what_is_not_known(exported: Callable[..., Path]) -> None:
    found = rows(exported(*CLASS, code=1, form="table") / "exercises.csv")
    shown = [(r["student"], r["E5.1"], r["E5.4"], r["O5"], r["total"], r["missing"]) for r in found]
    assert shown == [
        ("Ada Lovelace", "4", "5", "", "9", ""),
        ("Bo", "2", "3", "", "5", ""),
        ("Eve", "4", "", "", "", "E5.4"),
        ("Li (104)", "", "", "", "", "E5.1 E5.4"),
    ]
    assert {r["max_score"] for r in found} == {"9"}
    assert found[3]["message"] == "About Li (104)."


def test_lateness_is_taken_off(exported: Callable[..., Path], tmp_path: Path) -> None:
    policy = tmp_path / "mine.csv"
    policy.write_text(LATE, encoding="utf-8")
    folder = exported(*CLASS, code=1, late=policy)
    bo = rows(folder / "exercises.csv")[1]
    assert (bo["points"], bo["days_late"], bo["penalty"], bo["total"]) == ("5", "1", "0.9", "4.1")
    assert "10% of 9 points taken off" in bo["lateness"]
    assert rows(folder / "canvas.csv")[2][NAME] == "4.1"
    assert rows(folder / f"moodle-{NAME}.csv")[1]["Grade"] == "4.1"
    assert (
        "10% of 9 points taken off" in rows(folder / f"moodle-{NAME}.csv")[1]["Feedback comments"]
    )
    assert (folder.parent / "late.csv").read_text(encoding="utf-8") == LATE


def test_a_penalty_makes_no_total_negative(exported: Callable[..., Path], tmp_path: Path) -> None:
    policy = tmp_path / "mine.csv"
    policy.write_text(LATE.replace(",10", ",100"), encoding="utf-8")
    assert rows(exported(*CLASS[:2], late=policy) / "exercises.csv")[1]["total"] == "0"


def test_the_policy_of_the_last_run_holds(exported: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "late.csv").write_text(LATE, encoding="utf-8")
    assert rows(exported(*CLASS[:2]) / "exercises.csv")[1]["total"] == "4.1"


def test_a_wrong_policy_is_not_kept(
    exported: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "mine.csv"
    policy.write_text("lesson,due\n05_mini,soon\n", encoding="utf-8")
    exported(*CLASS, code=2, late=policy)
    assert "row 2, column due" in capsys.readouterr().err
    assert not (tmp_path / "out" / "late.csv").exists()


def test_points_given_by_hand_come_in(course: Path, results: Callable[..., Path]) -> None:
    texts = {"O5": "Because."}
    out = results(
        record("ada", 4, 5, open_answers=texts), record("bo", 4, None), record("eve", 4, 5)
    )
    by_hand(out, "bo", "E5-4-check", 2.5)
    assert export(out, (NAME,), root=course, form="table") == 0
    found = rows(out / "export" / "exercises.csv")
    assert [(r["E5.4"], r["O5"], r["total"], r["max_score"]) for r in found] == [
        ("5", "", "9", "9"),
        ("2.5", "", "6.5", "9"),
        ("5", "", "9", "9"),
    ]
    by_hand(out, "eve", "O5", 3)
    assert export(out, (NAME,), root=course, form="table") == 1
    found = rows(out / "export" / "exercises.csv")
    assert [(r["O5"], r["total"], r["missing"], r["max_score"]) for r in found] == [
        ("", "", "O5", "14"),  # answered, and waiting for a person
        ("0", "6.5", "", "14"),  # not answered
        ("3", "12", "", "14"),
    ]


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Quiz (3),05 mini (7),Final Score\n"
    ",,,,,,Manual Posting,\n"
    "    Points Possible,,,,,10,18,(read only)\n"
    '"Lovelace, Ada",101,,ada@x.edu,A,9,,50\n'
    '"Bo",999,,bo@x.edu,A,8,2,40\n'
    '"Eve",103,,,A,7,1,\n'
    '"Absent, Noor",105,,,A,6,3,\n'
)


def test_canvas_with_its_own_gradebook(
    exported: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Grades-VI.csv"
    path.write_text(CANVAS, encoding="utf-8-sig")
    folder = exported(*CLASS, code=1, form="canvas", rosters=[path])
    assert (folder / "canvas.csv").read_text(encoding="utf-8").splitlines() == [
        "Student,ID,SIS User ID,SIS Login ID,Section,05 mini (7)",
        ",,,,,Manual Posting",
        "    Points Possible,,,,,18",
        '"Lovelace, Ada",101,,ada@x.edu,A,18',
        "Bo,999,,bo@x.edu,A,10",
        "Eve,103,,,A,1",  # nothing known: what Canvas has stays
        '"Absent, Noor",105,,,A,3',
    ]
    said = capsys.readouterr().err
    assert "9 points are 18 in Canvas; grades were converted." in said
    assert "Grades-VI.csv: Absent, Noor has no hand-in." in said
    assert f"Grades-VI.csv: Li (104) has handed in {NAME} and is not in the list." in said
    alone = rows(folder / "unmatched.csv")
    assert [(r["stands only in"], r["who"]) for r in alone] == [
        ("hand-ins", "Li (104)"),
        ("list", "Absent, Noor"),
    ]


def test_canvas_gets_a_new_column_if_it_has_none(
    exported: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "g.csv"
    path.write_text(
        "Student;ID;SIS Login ID;Section\n    Points Possible;;;\nX;101;;A\n", encoding="utf-8"
    )
    folder = exported(CLASS[0], form="canvas", rosters=[path])
    assert (folder / "canvas.csv").read_text(encoding="utf-8").splitlines() == [
        f"Student;ID;SIS Login ID;Section;{NAME}",
        "    Points Possible;;;;9",
        "X;101;;A;9",
    ]


def test_canvas_without_a_gradebook_has_ids_of_canvas_only(exported: Callable[..., Path]) -> None:
    from_canvas = record("lovelaceada-4001", 4, 5, platform_id="4001", email="ada@x.edu")
    folder = exported(from_canvas, CLASS[1], form="canvas")
    assert (folder / "canvas.csv").read_text(encoding="utf-8").splitlines() == [
        f"Student,ID,SIS User ID,SIS Login ID,Section,{NAME}",
        "    Points Possible,,,,,9",
        "Bo,,,bo@x.edu,,5",  # 102 is a number of Moodle's
        "lovelaceada-4001,4001,,ada@x.edu,,9",
    ]


MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    'Participant 101,"=Ada, L.",,,,9.00,Yes,-,-,old\n'
    "Participant 77,Bo,bo@x.edu,,1.00,9.00,Yes,-,-,\n"
    "Participant 103,Eve,,,5.00,9.00,Yes,-,-,\n"
    "Participant 105,Noor,,,,9.00,Yes,-,-,kept\n"
)


def test_moodle_with_its_own_worksheet(exported: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "Grades-VI-05_mini-9.csv"
    path.write_text(MOODLE, encoding="utf-8-sig")
    folder = exported(*CLASS[:3], code=1, form="moodle", rosters=[path])
    found = rows(folder / f"moodle-{NAME}.csv")
    assert [tuple(row.values())[:9] for row in found] == [
        ("Participant 101", "=Ada, L.", "", "", "9", "9.00", "Yes", "-", "-"),
        ("Participant 77", "Bo", "bo@x.edu", "", "5", "9.00", "Yes", "-", "-"),
        ("Participant 103", "Eve", "", "", "5.00", "9.00", "Yes", "-", "-"),
        ("Participant 105", "Noor", "", "", "", "9.00", "Yes", "-", "-"),
    ]
    assert [row["Feedback comments"] for row in found] == [
        "9 of 9 points. E5.1 4 of 4, E5.4 5 of 5.",
        "5 of 9 points. E5.1 2 of 4, E5.4 3 of 5.",
        "E5.1 4 of 4, E5.4 not judged yet.",
        "kept",
    ]
    assert [(r["who"], r["stands only in"]) for r in rows(folder / "unmatched.csv")] == [
        ("Noor", "list")
    ]


def test_moodle_s_scale_and_signs(exported: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "Bewertungen.csv"
    path.write_text(
        "ID;Vollständiger Name;E-Mail-Adresse;Status;Bewertung;Bestwertung\n"
        "Teilnehmer/in101;Ada;;;;100,00\n",
        encoding="utf-8",
    )
    folder = exported(CLASS[0], form="moodle", rosters=[path])
    assert (folder / f"moodle-{NAME}.csv").read_text(encoding="utf-8").splitlines()[1] == (
        "Teilnehmer/in101;Ada;;;100;100,00"
    )


def test_moodle_without_a_worksheet(exported: Callable[..., Path]) -> None:
    folder = exported(*CLASS, code=1, form="moodle")
    found = rows(folder / f"moodle-{NAME}.csv")
    assert [(r["Identifier"], r["Full name"], r["Grade"]) for r in found] == [
        ("Participant 101", "Ada Lovelace", "9"),
        ("Participant 102", "Bo", "5"),
        ("Participant 103", "Eve", ""),
        ("Participant 104", "Li", ""),
    ]
    assert found[3]["Feedback comments"] == "About Li (104)."
    assert rows(folder / "moodle-gradebook.csv")[1] == {
        "Full name": "Bo",
        "Email address": "bo@x.edu",
        NAME: "5",
    }


def test_feedback_for_moodle_lies_in_folders_that_it_knows(exported: Callable[..., Path]) -> None:
    odd = record("o_b/r*ien", 4, 5, platform_id="105")
    without = record("zoe", 4, 5)
    folder = exported(CLASS[3], odd, without, code=1, form="moodle")
    with zipfile.ZipFile(folder / f"moodle-feedback-{NAME}.zip") as archive:
        assert archive.namelist() == [
            f"Li_104_assignsubmission_file_/feedback-{NAME}.html",
            f"o b r ien_105_assignsubmission_file_/feedback-{NAME}.html",
        ]
        assert b"feedback/li-104" in archive.read(archive.namelist()[0])


def test_times_of_moodle_s_worksheet_count(exported: Callable[..., Path], tmp_path: Path) -> None:
    policy, path = tmp_path / "mine.csv", tmp_path / "Grades.csv"
    policy.write_text(LATE, encoding="utf-8")
    time = '"Monday, 2 March 2026, 9:00 AM UTC"'
    path.write_text(MOODLE.replace("103,Eve,,,5.00,9.00,Yes,-", f"103,Eve,,,,9.00,Yes,{time}"))
    eve = record("Eve", 4, 5, platform_id="103")
    folder = exported(eve, code=1, late=policy, rosters=[path])
    assert rows(folder / "exercises.csv")[0]["penalty"] == "0.9"


def test_a_worksheet_is_given_to_its_lesson() -> None:
    lines: list[object] = []
    listed = roster(MOODLE.encode(), "Grades-VI-05 MINI-9.csv")
    assert lesson_of(listed, lines, ("02_cavi", NAME)) == NAME  # type: ignore[arg-type]
    with pytest.raises(BadRoster, match="Expected the name of a lesson"):
        lesson_of(roster(MOODLE.encode(), "Grades.csv"), lines, ("02_cavi", NAME))  # type: ignore[arg-type]


def test_formulas_are_defused(exported: Callable[..., Path]) -> None:
    evil = record('=HYPERLINK("x")', 4, 5, email="@SUM(A1)", message="+1+1", platform_id="7")
    folder = exported(evil)
    for path in folder.glob("*.csv"):
        if path.name != "nbgrader.csv":
            for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"))):
                assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row), path.name
    assert rows(folder / "exercises.csv")[0]["student"] == '\'=HYPERLINK("x")'


def test_records_of_earlier_classes_are_left_out(
    course: Path, results: Callable[..., Path], lesson: Lesson
) -> None:
    out = results(*CLASS)
    write_grades(CLASS[:1], {NAME: lesson}, out / "grades.csv")
    assert export(out, (NAME,), root=course, form="table") == 0
    assert [row["student"] for row in rows(out / "export" / "exercises.csv")] == ["Ada Lovelace"]


@pytest.mark.parametrize("kind", ["no results", "a table of names", "no list"])
def test_misuse_is_one_sentence(
    tmp_path: Path,
    course: Path,
    results: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    path = tmp_path / "class.csv"
    path.write_text("name\nAda\n" if kind == "a table of names" else "a,b\n1,2\n")
    out = tmp_path / "none" if kind == "no results" else results(*CLASS[:2])
    lists = [] if kind == "no results" else [path]
    assert export(out, (NAME,), root=course, rosters=lists) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_nbgrader_s_table_is_what_nbgrader_exports(
    exported: Callable[..., Path], tmp_path: Path
) -> None:
    folder = exported(*CLASS, code=1)
    assert (folder / "nbgrader.csv").read_text(encoding="utf-8") == nbgrader_export(folder.parent)


def nbgrader_export(out: Path) -> str:
    """What `nbgrader export` writes."""
    database = f"sqlite:///{(out / 'gradebook.db').resolve()}"
    command = [sys.executable, "-m", "nbgrader", "export", f"--db={database}", "--to=theirs.csv"]
    subprocess.run(command, cwd=out, check=True, capture_output=True, timeout=120)
    return (out / "theirs.csv").read_text(encoding="utf-8")

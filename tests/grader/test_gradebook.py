"""nbgrader's gradebook: what is entered, what is left to a person, and grading again."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import toy
from nbgrader.api import Gradebook

from autograder.checks.protocol import PartResult, Verdict
from autograder.gradebook import manual_comments, manual_scores, write_gradebook
from autograder.late import Late
from autograder.lesson import Lesson
from autograder.records import Record

LESSON = toy.lesson()
NAME = LESSON.name


def record(student: str, *scores: float | None, **more: object) -> Record:
    ids = [task.exercise.id for task in LESSON.tasks]
    verdicts = {
        i: Verdict(i, "", "partly correct", s, 4.0)
        for i, s in zip(ids, scores, strict=False)
        if s is not None
    }
    return Record(
        student,
        NAME,
        "graded",
        "",
        LESSON.points,
        score=sum(v.score for v in verdicts.values()) if verdicts else None,
        verdicts=verdicts,
        **more,  # type: ignore[arg-type]
    )


ADA = record("ada", 4.0, 0.0, 2.5, open_answers={"O5": "Because."})
BOB = record("bob o'neill 李", 3.0, None, 2.5)
EVE = replace(record("eve"), status="not a notebook")


def write(path: Path, records: Sequence[Record], lesson: Lesson = LESSON) -> Path:
    return write_gradebook(records, {lesson.name: lesson}, path / "gradebook.db")


def entries(path: Path, student: str) -> dict[str, tuple[float | None, bool]]:
    with Gradebook(f"sqlite:///{path}") as gradebook:
        submission = gradebook.find_submission(NAME, student)
        return {
            grade.cell.name: (grade.auto_score, grade.needs_manual_grade)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def test_scores_stand_at_the_check_cells(tmp_path: Path) -> None:
    path = write(tmp_path, [ADA, BOB, EVE])
    assert entries(path, "ada") == {
        "E5-1-check": (4.0, False),
        "E5-2-check": (0.0, False),
        "E5-3-check": (2.5, False),
        "O5": (None, True),
    }
    with Gradebook(f"sqlite:///{path}") as gradebook:
        assert {student.id for student in gradebook.students} == {"ada", BOB.student, "eve"}
        assert gradebook.find_assignment(NAME).max_score == LESSON.points + 5
        assert gradebook.find_assignment(NAME).max_code_score == LESSON.points
        assert gradebook.find_submission(NAME, "ada").score == 6.5
        assert {s.student.id: s.needs_manual_grade for s in gradebook.assignments[0].submissions}[
            BOB.student
        ]


def test_what_was_not_judged_is_left_to_a_person(tmp_path: Path) -> None:
    path = write(tmp_path, [BOB, EVE])
    assert entries(path, BOB.student)["E5-2-check"] == (None, True)
    assert entries(path, BOB.student)["O5"] == (0.0, False)  # nothing was written there
    assert set(entries(path, "eve").values()) == {(None, True)}


def test_grading_again_changes_what_is_there_and_adds_nothing(tmp_path: Path) -> None:
    write(tmp_path, [ADA, BOB])
    path = write(tmp_path, [record("ada", 4.0, 3.0, None), EVE])
    assert entries(path, "ada") == {
        "E5-1-check": (4.0, False),
        "E5-2-check": (3.0, False),
        "E5-3-check": (None, True),
        "O5": (0.0, False),
    }
    assert entries(path, BOB.student)["E5-1-check"] == (3.0, False)
    with Gradebook(f"sqlite:///{path}") as gradebook:
        assert len(gradebook.students) == 3
        assert len(gradebook.assignments) == 1
        assert len(gradebook.assignment_submissions(NAME)) == 3
        assert len(gradebook.assignments[0].notebooks) == 1


def test_a_score_given_by_hand_stays_and_is_marked_only_if_ours_changes(tmp_path: Path) -> None:
    path = write(tmp_path, [ADA])
    with Gradebook(f"sqlite:///{path}") as gradebook:
        for cell, score in (("E5-2-check", 1.5), ("O5", 4.0)):
            grade = gradebook.find_grade(cell, NAME, NAME, "ada")
            grade.manual_score, grade.needs_manual_grade = score, False
        gradebook.db.commit()
    write(tmp_path, [ADA])
    assert not any(marked for _, marked in entries(path, "ada").values())
    write(tmp_path, [record("ada", 4.0, 3.0, 2.5, open_answers={"O5": "Because."})])
    assert entries(path, "ada")["E5-2-check"] == (3.0, True)
    with Gradebook(f"sqlite:///{path}") as gradebook:
        assert gradebook.find_grade("E5-2-check", NAME, NAME, "ada").score == 1.5
        assert gradebook.find_submission(NAME, "ada").score == 4.0 + 1.5 + 2.5 + 4.0


def comments(path: Path, student: str) -> dict[str, tuple[str | None, str | None]]:
    with Gradebook(f"sqlite:///{path}") as gradebook:
        submission = gradebook.find_submission(NAME, student)
        return {
            comment.cell.name: (comment.auto_comment, comment.manual_comment)
            for notebook in submission.notebooks
            for comment in notebook.comments
        }


def test_sub_checks_and_tier_stand_in_the_comment_on_the_answer(tmp_path: Path) -> None:
    parts = (PartResult("values", 2.0, 2.0), PartResult("slope", 1.0, 0.0, "`f`: no."))
    verdicts = {**ADA.verdicts, "E5.2": replace(ADA.verdicts["E5.2"], parts=parts)}
    path = write(tmp_path, [replace(ADA, verdicts=verdicts, tier="A"), BOB])
    assert comments(path, "ada") == {
        "E5-1": ("Partly correct. Run in isolation tier A.", None),
        "E5-2": ("values 2/2, slope 0/1. Run in isolation tier A.", None),
        "E5-3": ("Partly correct. Run in isolation tier A.", None),
        "O5": (None, None),
    }
    assert comments(path, BOB.student)["O5"] == ("No response.", None)
    lost = replace(BOB, unjudged={"E5.2": "It did not finish within 15 s."}, tier="B")
    write(tmp_path, [lost])
    told = "Not judged: It did not finish within 15 s. Run in isolation tier B."
    assert comments(path, BOB.student)["E5-2"][0] == told


def test_time_penalty_and_identity_stand_in_nbgrader_s_own_fields(tmp_path: Path) -> None:
    late = {("ada", NAME): Late(2, 1.5, "Two days late.")}
    ada = replace(ADA, submitted="2026-03-04T10:00:00+01:00", email="a@b.c", platform_id="77")
    path = write_gradebook([ada, BOB], {NAME: LESSON}, tmp_path / "gradebook.db", late)

    def entered(student: str) -> tuple[object, ...]:
        with Gradebook(f"sqlite:///{path}") as gradebook:
            found = gradebook.find_submission(NAME, student)
            who = found.student
            penalty = found.notebooks[0].late_submission_penalty
            return found.timestamp, penalty, who.email, who.lms_user_id

    time = datetime.datetime(2026, 3, 4, 9)
    assert entered("ada") == (time, 1.5, "a@b.c", "77")
    assert entered(BOB.student) == (None, None, None, None)
    write(tmp_path, [replace(ADA, submitted="soon")])  # excused; no time, no address any more
    assert entered("ada") == (time, None, "a@b.c", "77")


def test_points_and_comments_given_by_hand_come_back_and_survive(tmp_path: Path) -> None:
    path = write(tmp_path, [ADA, BOB])
    assert manual_scores(path) == {}
    assert manual_comments(path) == {}
    with Gradebook(f"sqlite:///{path}") as gradebook:
        gradebook.find_grade("O5", NAME, NAME, "ada").manual_score = 4.0
        gradebook.find_grade("O5", NAME, NAME, "ada").extra_credit = 0.5
        gradebook.find_grade("E5-1-check", NAME, NAME, BOB.student).extra_credit = 1.0
        gradebook.find_grade("E5-3-check", NAME, NAME, BOB.student).manual_score = 0.0
        gradebook.find_comment("O5", NAME, NAME, "ada").manual_comment = " Well\nput. "
        gradebook.find_comment("E5-1", NAME, NAME, "ada").manual_comment = "  "
        gradebook.db.commit()
    for records in ([ADA, BOB], [record("ada", None, 1.0, 2.0), EVE]):
        assert manual_scores(path) == {
            ("ada", NAME, "O5"): 4.5,
            (BOB.student, NAME, "E5-1-check"): 4.0,
            (BOB.student, NAME, "E5-3-check"): 0.0,
        }
        assert manual_comments(path) == {("ada", NAME, "O5"): "Well\nput."}
        write(tmp_path, records)


def test_without_a_gradebook_nothing_was_given_by_hand(tmp_path: Path) -> None:
    assert manual_scores(tmp_path / "none.db") == {}
    (tmp_path / "gradebook.db").write_text("no database" * 100)
    with pytest.raises(ValueError, match="Expected a gradebook in "):
        manual_comments(tmp_path / "gradebook.db")
    assert not (tmp_path / "none.db").exists()


def test_the_gradebook_s_classes_are_nbgrader_s_and_nbgrader_stays_whole() -> None:
    """In a process of its own, where nothing else has imported nbgrader."""
    code = """
import sys
from autograder.nbgrader_api import Grade
assert "nbconvert" not in sys.modules and "jupyter_server" not in sys.modules
import nbgrader.apps, nbgrader.api
assert nbgrader.__version__ and nbgrader.preprocessors
assert nbgrader.api.Grade.__tablename__ == Grade.__tablename__
from autograder import nbgrader_api
assert nbgrader_api.Grade is Grade
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_exercise_that_came_later_is_entered_for_all(tmp_path: Path) -> None:
    first = replace(LESSON, tasks=LESSON.tasks[:2])
    write(tmp_path, [record("ada", 4.0, 0.0)], first)
    path = write(tmp_path, [ADA])
    assert entries(path, "ada")["E5-3-check"] == (2.5, False)


@pytest.mark.slow
def test_the_tables_are_those_that_nbgrader_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbgrader.api import get_alembic_version
    from sqlalchemy import create_engine, text

    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", tools)  # nbgrader calls alembic by its bare name
    path = write(tmp_path, [ADA])
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    assert found == get_alembic_version()


def test_records_of_unknown_lessons_are_left_out(tmp_path: Path) -> None:
    other = Record("ada", "99_x", "wrong lesson", "", 0.0)
    path = write(tmp_path, [other, BOB])
    with Gradebook(f"sqlite:///{path}") as gradebook:
        assert [student.id for student in gradebook.students] == [BOB.student]


def test_a_file_that_is_no_gradebook_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "gradebook.db").write_text("precious notes, and more than a header of them" * 100)
    with pytest.raises(ValueError, match="Expected a gradebook in "):
        write(tmp_path, [ADA])
    assert (tmp_path / "gradebook.db").read_text().startswith("precious")

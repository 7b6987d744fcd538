"""A check is mended: a second run changes what it should, says so, and touches nothing else."""

from __future__ import annotations

import contextlib
import csv
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mini
import pytest
import toy
from crashing import LIGHT, RIGHT, marks

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
MENDED = """

import dataclasses

CONTROL_PARTS = tuple(
    dataclasses.replace(part, test=lambda answer, rng: answer.call("control_variate", [1.0], [2.0]))
    if index == 1
    else part
    for index, part in enumerate(CONTROL_PARTS)
)
"""
CLUMSY = mini.CONTROL.replace("f - a * h, a", "f + a * h, a")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the installed course, to be changed."""
    for name in ("autograder", "vi_lib"):
        skip = shutil.ignore_patterns("__pycache__", "example_answers")
        shutil.copytree(ROOT / name, tmp_path / "package" / name, ignore=skip)
    return tmp_path / "package"


@pytest.fixture
def run(package: Path, course: Path, tmp_path: Path) -> Run:
    def command(*arguments: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autograder", "grade", "class", "--out", "out", *arguments],
            cwd=tmp_path,
            env={**LIGHT, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    shutil.copytree(course, tmp_path, dirs_exist_ok=True)
    for student, data in (
        ("ada", RIGHT),
        ("bob", toy.notebook(mini.cells(mini.SCORE, CLUMSY))),
        ("cyd", toy.notebook(mini.cells(mini.SCORE, CLUMSY))),
        ("eve", b"<html>"),
    ):
        path = tmp_path / "class" / student / mini.NAME / f"{mini.NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    return command


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(out: Path) -> dict[str, str]:
    return {row["student"]: row["E5.4"] for row in rows(out / "grades.csv")}


def give_by_hand(out: Path, student: str, cell: str, points: float) -> None:
    with contextlib.closing(sqlite3.connect(out / "gradebook.db")) as db, db:
        changed = db.execute(
            "UPDATE grade SET manual_score = ?, needs_manual_grade = 0 WHERE cell_id IN "
            "(SELECT id FROM base_cell WHERE name = ?) AND notebook_id IN "
            "(SELECT notebook.id FROM submitted_notebook AS notebook JOIN submitted_assignment AS "
            "given ON given.id = notebook.assignment_id WHERE given.student_id = ?)",
            (points, cell, student),
        )
        assert changed.rowcount == 1


def given_by_hand(out: Path) -> list[tuple[str, float]]:
    with contextlib.closing(sqlite3.connect(out / "gradebook.db")) as db:
        return db.execute(
            "SELECT name, manual_score FROM grade JOIN base_cell ON base_cell.id = cell_id "
            "WHERE manual_score IS NOT NULL"
        ).fetchall()


def test_a_mended_check_changes_what_it_should(run: Run, package: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run()
    assert (first.returncode, first.stderr) == (1, "")
    assert rows(out / "changes.csv") == []
    assert points(out) == {"ada": "5", "bob": "3", "cyd": "3", "eve": ""}
    give_by_hand(out, "cyd", "E5-4-check", 2.5)

    idle = marks(out)
    again = run()
    assert "4 hand-ins were graded before, and nothing has changed since." in again.stdout
    assert "graded again" not in again.stdout
    assert marks(out) == idle

    check = package / "autograder" / "checks" / "lesson05_control.py"
    check.write_text(check.read_text() + MENDED)
    mended = run()
    assert points(out) == {"ada": "5", "bob": "4", "cyd": "4", "eve": ""}
    assert "E5.4: 3 → 4 points for bob and cyd (the check changed)." in mended.stdout
    assert "4 hand-ins were graded again; the points of 2 exercises have changed." in mended.stdout
    assert "cyd, E5.4: 2.5 points given by hand stand" in mended.stdout
    assert "bob, E5.4" not in mended.stdout
    assert given_by_hand(out) == [("E5-4-check", 2.5)]
    table = rows(out / "changes.csv")
    assert [(row["student"], row["before"], row["after"], row["why"]) for row in table] == [
        (student, "3", "4", "the check changed") for student in ("bob", "cyd")
    ]

    (tmp_path / "class" / "bob" / mini.NAME / f"{mini.NAME}.ipynb").write_bytes(RIGHT)
    before = marks(out)
    handed_in = run()
    assert "3 hand-ins were graded before" in handed_in.stdout
    assert "E5.4: 4 → 5 points for bob (the hand-in changed)." in handed_in.stdout
    touched = {name for name, mark in marks(out).items() if before[name] != mark}
    assert [name.partition("-")[0] for name in touched] == ["bob"]
    assert [row["student"] for row in rows(out / "changes.csv")] == ["bob", "cyd"]

    limits = run("--timeout", "30")
    assert "4 hand-ins were graded again; no points have changed." in limits.stdout
    assert rows(out / "changes.csv") == []
    assert given_by_hand(out) == [("E5-4-check", 2.5)]

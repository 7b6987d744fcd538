"""The commands `autograder grade` and `autograder check`, as a person calls them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mini
import pytest
import toy

from autograder.cli import main
from autograder.collect import HandIn
from autograder.pool import grade_all
from autograder.records import load
from autograder.sandbox.limits import Limits

RIGHT = mini.cells(mini.SCORE, mini.CONTROL, "Because.")
LOOP = "def score_gaussian(theta, mu, sd):\n    while True:\n        pass"
Run = Callable[..., subprocess.CompletedProcess[str]]
LIGHT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NO_COLOR": "1"}


@pytest.fixture
def run(course: Path) -> Run:
    def command(*arguments: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autograder", *map(str, arguments)],
            cwd=course,
            env={**os.environ, **LIGHT},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return command


def hand_in(top: Path, student: str, data: bytes, name: str = f"{mini.NAME}.ipynb") -> None:
    path = top / student / mini.NAME / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_a_class_is_graded_and_everything_is_written(run: Run, tmp_path: Path) -> None:
    top, out = tmp_path / "class", tmp_path / "out"
    hand_in(top, "ada", toy.notebook(RIGHT))
    hand_in(top, "李 雷", toy.notebook(mini.cells(mini.SCORE)), "05_MINI (1).ipynb")
    hand_in(top, "-loop", toy.notebook(mini.cells(LOOP, mini.CONTROL)))
    hand_in(top, "o'web", b"<html>")
    done = run("grade", top, "--out", out, "--workers", 2, "--timeout", 8)
    assert done.returncode == 1, done.stderr
    found = rows(out)
    assert list(found) == sorted(found)
    assert found["ada"] == {
        "student": "ada",
        "lesson": mini.NAME,
        "status": "graded",
        "score": "9",
        "max_score": "9",
        "E5.1": "4",
        "E5.4": "5",
        "message": "All exercises were judged: 9 of 9 points.",
    }
    assert found["李 雷"]["status"] == "graded"
    assert (found["李 雷"]["score"], found["李 雷"]["E5.4"]) == ("4", "0")
    assert "05_MINI (1).ipynb" in found["李 雷"]["message"]
    assert (found["'-loop"]["status"], found["'-loop"]["E5.1"]) == ("partly graded", "")
    assert "did not finish within 0.8 s" in found["'-loop"]["message"]
    assert (found["o'web"]["status"], found["o'web"]["score"]) == ("not a notebook", "")
    assert "4 hand-ins: 2 graded, 2 not, or not wholly." in done.stdout
    assert "-loop: " in done.stdout
    assert done.stderr == ""
    records = [load(path) for path in (out / "records").iterdir()]
    assert {record.student for record in records} == {name.removeprefix("'") for name in found}
    assert all((out / name).exists() for name in ("gradebook.db", "report.html", "feedback"))


@pytest.mark.slow
def test_a_zip_gives_the_same_bytes_and_exit_code_0_if_all_are_graded(
    run: Run, tmp_path: Path
) -> None:
    top = tmp_path / "class"
    for student in ("ada", "bob", "eve"):
        hand_in(top, student, toy.notebook(RIGHT if student == "bob" else mini.cells()))
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for path in top.rglob("*.ipynb"):
            archive.write(path, path.relative_to(tmp_path))
    first = run("grade", top, "--out", tmp_path / "one", "--workers", 1)
    second = run("grade", tmp_path / "class.zip", "--out", tmp_path / "two", "--workers", 2)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    tables = [(tmp_path / name / "grades.csv").read_bytes() for name in ("one", "two")]
    assert tables[0] == tables[1]
    assert "3 hand-ins: all graded." in second.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade", "nowhere"], "there is no 'nowhere'"),
        (["grade", "empty"], "found none"),
        (["grade", "nbgrader_config.py"], "it is damaged (empty file)"),
        (["grade", "empty", "--out", "empty/out"], "outside of the hand-ins"),
        (["grade", "empty", "--workers", "0"], "expected a number from 1, got '0'"),
        (["grade", "empty", "--timeout", "-1"], "expected seconds, more than 0, got '-1'"),
        (["grade"], "HANDINS"),
        (["check", "nowhere.ipynb"], "there is no file 'nowhere.ipynb'"),
        (["check", "nbgrader_config.py"], "The file is empty."),
        ([], "COMMAND"),
    ],
)
def test_misuse_is_one_sentence_and_exit_code_2(
    course: Path,
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (course / "empty").mkdir(exist_ok=True)
    monkeypatch.chdir(course)
    try:
        code: Any = main(arguments)
    except SystemExit as error:  # argparse
        code = error.code
    said = capsys.readouterr()
    assert code == 2
    assert words in said.err
    assert said.out == ""
    assert not (course / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cells", "code", "words"),
    [
        (mini.cells(), 1, "0 of 9 points on the visible checks."),
        (mini.cells(mini.SCORE), 1, "E5.1"),
        (RIGHT, 0, "9 of 9 points on the visible checks."),
    ],
)
def test_check_tells_a_student_the_verdicts(
    run: Run, tmp_path: Path, cells: Any, code: int, words: str
) -> None:
    path = tmp_path / "my answers.ipynb"
    path.write_bytes(toy.notebook(cells))
    done = run("check", path)
    assert words in done.stdout
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == ""


def test_check_does_not_know_other_notebooks(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "holiday.ipynb"
    path.write_bytes(toy.notebook([toy.code("x = 1")]))
    done = run("check", path)
    assert done.returncode == 2
    assert done.stderr == "Expected a notebook of 05_mini, and holiday.ipynb is none of them.\n"


@pytest.mark.slow
def test_the_example_class_is_compared_with_its_expectations(run: Run, tmp_path: Path) -> None:
    hand_in(tmp_path / "class", "ada", b"")
    table = "student,lesson,status,score,misconception\nada,05_mini,{},,\n"
    (tmp_path / "expected.csv").write_text(table.format("not a notebook"))
    arguments = ("grade", tmp_path / "class", "--out", tmp_path / "out", "--example")
    assert run(*arguments).returncode == 0
    (tmp_path / "expected.csv").write_text(table.format("graded"))
    done = run(*arguments)
    assert done.returncode == 1
    assert "ada, 05_mini: expected graded, got not a notebook" in done.stdout


def test_a_course_that_is_not_built_says_so(run: Run, course: Path, tmp_path: Path) -> None:
    path = course / "lessons" / mini.NAME / f"{mini.NAME}.ipynb"
    hidden = path.rename(tmp_path / "hidden")
    try:
        hand_in(tmp_path / "class", "ada", toy.notebook(RIGHT))
        done = run("grade", tmp_path / "class", "--out", tmp_path / "out")
    finally:
        hidden.rename(path)
    assert done.returncode == 2
    assert "run `autograder build` first" in done.stderr
    assert "Traceback" not in done.stderr


KILLER = """\
import os, signal, socket, struct
for descriptor in range(3, 64):
    try:  # the process that made the socket to this one is the worker
        line = socket.socket(fileno=os.dup(descriptor))
        made_by = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except OSError:
        continue
    os.kill(struct.unpack("3i", made_by)[0], signal.SIGKILL)"""


@pytest.mark.slow
def test_a_hand_in_that_kills_its_worker_costs_no_other(course: Path, tmp_path: Path) -> None:
    for student in "abcdef":
        cells = RIGHT if student != "c" else [toy.code(KILLER), *RIGHT]
        hand_in(tmp_path, student, toy.notebook(cells))
    hand_ins = [
        HandIn(student, mini.NAME, f"{student}/{mini.NAME}/{mini.NAME}.ipynb")
        for student in "abcdef"
    ]
    records = grade_all(tmp_path, hand_ins, Limits(), 2, course, tier="C")
    assert [record.student for record in records] == list("abcdef")
    assert {r.student: r.status for r in records} == dict.fromkeys("abdef", "graded") | {
        "c": "crashed"
    }
    assert json.dumps(records[2].score) == "null"

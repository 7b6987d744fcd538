"""`collect`, `late`, `grade --late` and `export`, as a person calls them, on a small course."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mini
import pytest
import toy
from handin_files import written, zipped
from test_export import rows

pytestmark = pytest.mark.slow
Run = Callable[..., subprocess.CompletedProcess[str]]
RIGHT = toy.notebook(mini.cells(mini.SCORE, mini.CONTROL))
WORKSHEET = (
    "Identifier,Full name,Email address,Grade,Maximum grade,Last modified (submission),"
    "Last modified (grade),Feedback comments\n"
    'Participant 7,Ada,ada@x.edu,,9,"Tuesday, 3 March 2026, 10:00 AM UTC",-,\n'
)


@pytest.fixture
def run(course: Path) -> Run:
    def command(*arguments: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autograder", *map(str, arguments)],
            cwd=course,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return command


def test_a_download_is_graded_with_late_days_and_exported(run: Run, tmp_path: Path) -> None:
    folder = f"Ada_7_assignsubmission_file/{mini.NAME}.ipynb"
    written(tmp_path / "week" / "a.zip", zipped({folder: RIGHT}))
    worksheet = written(tmp_path / "week" / "Grades.csv", WORKSHEET.encode())
    late = written(
        tmp_path / "late.csv", f"lesson,due,percent_per_day\n{mini.NAME},2026-03-01,10\n".encode()
    )
    out = tmp_path / "out"
    bad = written(tmp_path / "bad.csv", b"lesson,due\n05_mini,soon\n")
    done = run("grade", tmp_path / "week", "--out", out, "--late", bad)
    assert (done.returncode, "row 2, column due" in done.stderr) == (2, True)
    assert not (out / "records").exists()
    done = run("grade", tmp_path / "week", "--out", out, "--late", late)
    assert done.returncode == 0, done.stderr
    assert "This is a Moodle download of 1 student." in done.stderr
    assert "not known" not in done.stderr
    done = run("late", late, "--out", out)
    assert "Ada, 05_mini: Handed in 2026-03-03 10:00 UTC, 2 days after" in done.stdout
    done = run("export", "--out", out, "--roster", worksheet)
    assert done.returncode == 0, done.stderr
    row = rows(out / "export" / f"moodle-{mini.NAME}.csv")[0]
    assert row["Grade"] == "7.2"
    assert row["Feedback comments"].endswith("20% of 9 points taken off, which is 1.8.")
    nbgrader = rows(out / "export" / "nbgrader.csv")[0]
    assert (nbgrader["late_submission_penalty"], nbgrader["score"]) == ("1.8", "7.2")


def test_what_is_collected_is_graded_the_same(run: Run, tmp_path: Path) -> None:
    files = {
        f"adaada_LATE_4001_90001_{mini.NAME}-1.ipynb": RIGHT,
        "adaada_4001_90002_util.py": b"factor = 2",
        f"bobo_4002_90003_{mini.NAME}.ipynb": b"{}",
    }
    source = written(tmp_path / "submissions.zip", zipped(files))
    done = run("collect", source, "--into", tmp_path / "submitted")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "submitted" / "adaada-4001" / mini.NAME / "util.py").is_file()
    for name, folder in (("a", source), ("b", tmp_path / "submitted")):
        assert run("grade", folder, "--out", tmp_path / name).returncode == 1
    first, second = (rows(tmp_path / name / "grades.csv") for name in "ab")
    assert [(r["student"], r["score"]) for r in first] == [("adaada-4001", "9"), ("bobo-4002", "")]
    assert [(r["student"], r["score"]) for r in second] == [
        (r["student"], r["score"]) for r in first
    ]

"""A new instructor's way: a download of Moodle, one command, the grades back into Moodle."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from test_export import nbgrader_export, rows

from autograder.cli import main
from autograder.notebooks import practice_names

pytestmark = pytest.mark.slow


def test_from_moodle_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["example-class", str(tmp_path), "--as", "moodle"]) == 0
    downloads = tmp_path / "moodle" / "downloads"
    late = tmp_path / "late.csv"
    late.write_text("lesson,due,percent_per_day\n05_bbvi,2026-03-01 23:59 UTC,10\n")
    grade = ["grade", str(downloads), "--out", str(out), "--example", "--late", str(late)]
    assert main(grade) == 0
    worksheets = sorted(downloads.glob("*.csv"))
    lists = [part for path in worksheets for part in ("--roster", str(path))]
    assert main(["export", "--out", str(out), *lists]) == 1
    folder = out / "export"
    assert (folder / "nbgrader.csv").read_text(encoding="utf-8") == nbgrader_export(out)
    with (tmp_path / "moodle" / "expected.csv").open(encoding="utf-8", newline="") as file:
        expected = {(row["student"], row["lesson"]): row for row in csv.DictReader(file)}
    for row in rows(folder / "exercises.csv"):
        whole = expected[row["student"], row["lesson"]]
        if whole["status"] == "graded":
            penalty = float(row["penalty"] or 0)
            assert float(row["total"]) == max(0.0, float(whole["score"]) - penalty)
        else:
            assert row["total"] == ""
    assert "00_start is for practice and has no grades." in capsys.readouterr().err
    for worksheet in worksheets:
        lesson = worksheet.name.split("-")[2]
        if lesson in practice_names():
            assert not (folder / f"moodle-{lesson}.csv").exists()
            continue
        before, after = rows(worksheet), rows(folder / f"moodle-{lesson}.csv")
        kept = [column for column in before[0] if column not in ("Grade", "Feedback comments")]
        assert [[row[c] for c in kept] for row in before] == [
            [row[c] for c in kept] for row in after
        ]
        assert [row["Full name"] for row in after if not row["Feedback comments"]] == [
            "Noor Absent"
        ]

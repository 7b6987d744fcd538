"""docs/nbgrader.md: our column still holds, and each difference from nbgrader has its reason."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from autograder.collect import collect
from autograder.example_class import HandIn, chosen, expected_score
from autograder.example_roster import CLASS
from autograder.notebooks import lesson_names
from autograder.pool import grade_all
from autograder.sandbox.limits import Limits

DOCS = Path(__file__).parents[2] / "docs"
ROWS = json.loads((DOCS / "nbgrader.json").read_text(encoding="utf-8"))
OF_CLASS = {(h.student, h.lesson): h for h in CLASS if h.status != "practice"}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(DOCS))
    monkeypatch.delitem(sys.modules, "nbgrader_notes", raising=False)
    return runpy.run_path(str(DOCS / "nbgrader_differences.py"))


def honest(handin: HandIn) -> bool:
    """Whole, unbroken, and without an endless loop."""
    return (
        handin.status == "graded"
        and not (handin.damage or handin.file or handin.content)
        and "never stops" not in chosen(handin).values()
    )


def test_the_page_is_made_from_what_was_measured(script: dict[str, Any]) -> None:
    page = (DOCS / "nbgrader.md").read_text(encoding="utf-8")
    assert page == script["render"](ROWS), "run: python docs/nbgrader_differences.py --render"


def test_our_scores_of_the_example_class_are_still_those() -> None:
    found = {(row["student"], row["lesson"]): row for row in ROWS}
    assert set(OF_CLASS) <= set(found)
    for key, handin in OF_CLASS.items():
        stated = found[key]["status"], found[key]["ours"]
        assert stated == (handin.status, expected_score(handin)), key


@pytest.mark.slow
def test_our_scores_of_the_broken_hand_ins_are_still_those(
    script: dict[str, Any], tmp_path: Path
) -> None:
    script["write_hand_ins"](tmp_path)
    source = tmp_path / "broken"
    records = grade_all(source, collect(source, lesson_names()).hand_ins, Limits(), workers=2)
    assert len(records) == len(script["BROKEN"]) == len(ROWS) - len(OF_CLASS)
    stated = {row["student"]: (row["status"], row["ours"]) for row in ROWS}
    for record in records:
        assert (record.status, record.score) == stated[record.student], record.message


def test_honest_hand_ins_get_the_same_from_both() -> None:
    rows = [
        row
        for row in ROWS
        if (key := (row["student"], row["lesson"])) in OF_CLASS and honest(OF_CLASS[key])
    ]
    assert len(rows) >= 20
    for row in rows:
        assert row["ours"] == row["theirs"], row


def test_each_difference_has_a_reason_and_no_reason_is_left_over(script: dict[str, Any]) -> None:
    different = {(r["student"], r["lesson"]) for r in ROWS if r["ours"] != r["theirs"]}
    assert set(script["REASONS"]) == different
    assert all(len(reason.split()) > 4 for reason in script["REASONS"].values())


def test_nothing_of_the_machine_is_kept() -> None:
    text = (DOCS / "nbgrader.json").read_text(encoding="utf-8")
    assert "/tmp" not in text
    assert set(ROWS[0]) == {"student", "lesson", "status", "ours", "theirs"}

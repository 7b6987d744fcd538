"""Records of older and newer versions of the grader."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.checks.protocol import PartResult, Verdict
from autograder.records import Record, load, save

RECORD = Record(
    "zoë",
    "05_bbvi",
    "partly graded",
    "Half of it.",
    25.0,
    4.0,
    verdicts={
        "E5.1": Verdict(
            "E5.1", "Score", "correct", 4.0, 4.0, ("A hint.",), None, (PartResult("a", 4.0, 4.0),)
        )
    },
    unjudged={"E5.2": "It loops."},
    notes=("A note.",),
    suspicions=("the cell of E5.1, line 3, imports ctypes",),
    submitted="2026-03-01T10:00:00Z",
    attempt=2,
    email="z@example.org",
    platform_id="17",
    before={"E5.1": None},
    changed=("the check changed",),
)
OLD = ("student", "lesson", "status", "message", "max_score", "score", "verdicts", "notes")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save(RECORD, tmp_path / "x.json")
    assert load(tmp_path / "x.json") == RECORD
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_an_old_record_has_defaults_for_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    save(RECORD, path)
    data = json.loads(path.read_text())
    path.write_text(json.dumps({name: data[name] for name in OLD}))
    found = load(path)
    assert (found.suspicions, found.submitted, found.attempt, found.before) == ((), "", 0, {})
    assert found.verdicts == RECORD.verdicts


def test_a_record_of_a_later_version_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    save(RECORD, path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "mood": "good"}))
    with pytest.raises(ValueError, match=r"x\.json, got fields of another version .*: mood"):
        load(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"student": "ada"}', '{"verdicts": 3}'])
def test_what_is_no_record_says_so(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"expected a grading record in x\.json"):
        load(path)


def test_a_broken_character_does_not_stop_a_run(tmp_path: Path) -> None:
    save(replace(RECORD, message="half a pair: \ud800"), tmp_path / "x.json")
    assert load(tmp_path / "x.json").message == "half a pair: ?"

"""The example class as each platform gives it out is the same class."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.collect import HandIn, collect, read_files, read_notebook
from autograder.collecting.examples import KINDS, names, read_class, write_downloads
from autograder.collecting.writing import write
from autograder.example_class import write_example_class
from autograder.example_roster import CLASS
from autograder.notebooks import all_names
from autograder.records import Status

Fate = tuple[Status | None, str, bytes, tuple[str, ...]]
LATE = "marks this hand-in as late"


@pytest.fixture(scope="module")
def handins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example_class(tmp_path_factory.mktemp("class"))


@pytest.fixture(scope="module", params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def downloads(handins: Path, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_downloads(handins, kind, tmp_path_factory.mktemp(kind))


def fates(source: Path) -> dict[tuple[str, str], Fate]:
    """All that a record is made from, but for names and times."""
    return {(h.student, h.lesson): fate(source, h) for h in collect(source, all_names()).hand_ins}


def fate(source: Path, hand_in: HandIn) -> Fate:
    data = b"" if hand_in.status else read_notebook(source, hand_in)
    assert not hand_in.files
    assert read_files(source, hand_in) == {}
    notes = tuple(n for n in hand_in.notes if LATE not in n and "Of 2 hand-ins" not in n)
    return hand_in.status, hand_in.sentence, data, notes


def test_what_is_graded_is_the_same(handins: Path, downloads: Path, kind: str) -> None:
    called = {given.student: names(kind, given) for given in read_class(handins)}
    plain = {(called[student], lesson): f for (student, lesson), f in fates(handins).items()}
    assert len(plain) == len(CLASS)
    assert fates(downloads) == plain


def test_times_and_addresses_are_known(downloads: Path, kind: str) -> None:
    hand_ins = collect(downloads, all_names()).hand_ins
    late = [h for h in hand_ins if h.submitted > "2026-03-01T23:59:59Z"]
    flagged = [h for h in hand_ins if any(LATE in note for note in h.notes)]
    assert all(h.submitted for h in hand_ins) != (kind == "canvas")
    assert len(flagged if kind == "canvas" else late) >= 5
    assert all("@" in h.email for h in hand_ins) != (kind == "exchange")
    assert all(h.platform_id for h in hand_ins) != (kind == "exchange")


def test_the_expected_table_has_the_changed_names(downloads: Path) -> None:
    table = (downloads.parent / "expected.csv").read_text(encoding="utf-8").splitlines()
    students = {line.split(",")[0] for line in table[1:]}
    assert students == {h.student for h in collect(downloads, all_names()).hand_ins}


def test_collected_it_is_the_same_again(downloads: Path, tmp_path: Path) -> None:
    everything = collect(downloads, all_names()).hand_ins
    before = [h for h in everything if h.status != "practice"]  # which nobody collects for grading
    assert {write(downloads, hand_in, tmp_path / "s").outcome for hand_in in before} == {"new"}
    after = collect(tmp_path / "s", all_names()).hand_ins
    assert [(h.student, h.lesson, h.submitted) for h in after] == [
        (h.student, h.lesson, h.submitted) for h in before
    ]


def test_the_command_writes_a_download(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from autograder.cli import main

    assert main(["example-class", str(tmp_path), "--as", "moodle"]) == 0
    assert str(tmp_path / "moodle" / "downloads") in capsys.readouterr().out
    assert len(list((tmp_path / "moodle" / "downloads").glob("*.zip"))) == len(
        {h.lesson for h in CLASS}
    )

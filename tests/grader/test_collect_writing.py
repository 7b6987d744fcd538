"""`autograder collect`: writing submitted/, again and again, and never anywhere else."""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

import pytest
from handin_files import LESSONS, folder, written, zipped
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.collect import NoHandIns, collect, read_notebook
from autograder.collecting.command import collect_into
from autograder.collecting.writing import write

NAME = "05_bbvi/05_bbvi.ipynb"
FILE = "_assignsubmission_file"


def rows(into: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (into / "collected.csv").open(encoding="utf-8", newline="") as file:
        return {(row["student"], row["lesson"]): row for row in csv.DictReader(file)}


def exchange(top: Path, day: int, data: bytes) -> Path:
    stamp = f"2026-03-0{day} 10:00:00.000000 UTC"
    return folder(top / f"day{day}", {f"ada+05_bbvi+{stamp}+x/05_bbvi.ipynb": data})


def test_hand_ins_are_written_as_nbgrader_wants_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "submitted"
    source = exchange(tmp_path, 1, b"one")
    written(source / "ada+05_bbvi+2026-03-01 10:00:00.000000 UTC+x" / "util.py", b"u")
    assert collect_into([source], into, LESSONS) == 0
    files = {str(p.relative_to(into)): p.read_bytes() for p in into.rglob("*") if p.is_file()}
    table = files.pop("collected.csv").decode()
    assert files == {
        f"ada/{NAME}": b"one",
        "ada/05_bbvi/util.py": b"u",
        "ada/05_bbvi/timestamp.txt": b"2026-03-01 10:00:00.000000 UTC",
    }
    assert table.splitlines()[1].startswith(
        "ada,05_bbvi,new,2026-03-01T10:00:00Z,the name of the exchange's folder,,"
    )
    again = collect(into, LESSONS).hand_ins
    assert [(h.student, h.submitted) for h in again] == [("ada", "2026-03-01T10:00:00Z")]
    assert "nbgrader's exchange of 1 student" in capsys.readouterr().out


def test_again_is_safe_and_newer_replaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "submitted"
    written(into / "ada/05_bbvi/own.txt", b"kept")
    written(into / "bo" / NAME, b"kept")
    for day, data, outcome in (
        (2, b"two", "new"),
        (2, b"two", "unchanged"),
        (3, b"three", "replaced"),
        (1, b"one", "kept"),
    ):
        assert collect_into([exchange(tmp_path, day, data)], into, LESSONS) == 0
        assert rows(into)["ada", "05_bbvi"]["outcome"] == outcome
    said = capsys.readouterr().out
    assert "ada, 05_bbvi: replaced by a newer hand-in." in said
    assert "ada, 05_bbvi: kept, for it is newer than the one in the source." in said
    assert (into / "ada" / NAME).read_bytes() == b"three"
    assert (into / "ada/05_bbvi/timestamp.txt").read_text().startswith("2026-03-03 10:00:00")
    assert (into / "ada/05_bbvi/own.txt").read_bytes() == b"kept"
    assert (into / "bo" / NAME).read_bytes() == b"kept"


def test_what_is_unchanged_is_left_untouched(tmp_path: Path) -> None:
    into, source = tmp_path / "submitted", folder(tmp_path / "class", {f"ada/{NAME}": b"1"})
    collect_into([source], into, LESSONS)
    os.utime(into / "ada" / NAME, (10**9, 10**9))
    collect_into([source], into, LESSONS)
    assert (into / "ada" / NAME).stat().st_mtime == 10**9


def test_an_interrupted_run_is_finished(tmp_path: Path) -> None:
    into, source = tmp_path / "submitted", exchange(tmp_path, 2, b"two")
    written(into / "ada" / NAME, b"two")  # killed before the time was written
    assert collect_into([source], into, LESSONS) == 0
    assert (into / "ada/05_bbvi/timestamp.txt").is_file()


def test_of_several_sources_the_newest_counts(tmp_path: Path) -> None:
    into = tmp_path / "submitted"
    sources = [exchange(tmp_path, 2, b"two"), exchange(tmp_path, 1, b"one")]
    assert collect_into(sources, into, LESSONS) == 0
    assert (into / "ada" / NAME).read_bytes() == b"two"


def test_the_table_keeps_rows_of_earlier_runs(tmp_path: Path) -> None:
    into = tmp_path / "submitted"
    first = folder(tmp_path / "a", {f"ada/{NAME}": b"1", "=cmd()/02_cavi/02_cavi.ipynb": b"1"})
    collect_into([first], into, LESSONS)
    second = folder(tmp_path / "b", {f"bo/{NAME}": b"1"})
    collect_into([second], into, LESSONS)
    collect_into([first], into, LESSONS)
    assert sorted(rows(into)) == [("'=cmd()", "02_cavi"), ("ada", "05_bbvi"), ("bo", "05_bbvi")]


def test_what_is_refused_is_in_the_table_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = folder(tmp_path / "class", {f"ada/{NAME}": b"1"})
    (source / "bo/05_bbvi").mkdir(parents=True)
    (source / "bo" / NAME).symlink_to("/etc/passwd")
    into = tmp_path / "submitted"
    assert collect_into([source], into, LESSONS) == 1
    row = rows(into)["bo", "05_bbvi"]
    assert row["outcome"] == "refused"
    assert "a link to another place" in row["remarks"]
    assert not (into / "bo").exists()
    assert "bo, 05_bbvi: refused: The file 05_bbvi.ipynb was refused" in capsys.readouterr().out


def test_the_date_of_a_file_counts_if_one_wants(tmp_path: Path) -> None:
    source = folder(tmp_path / "class", {f"ada/{NAME}": b"1"})
    os.utime(source / "ada" / NAME, (1.7e9, 1.7e9))
    into = tmp_path / "submitted"
    collect_into([source], into, LESSONS)
    row = rows(into)["ada", "05_bbvi"]
    assert (row["submitted"], row["time_from"][:7]) == ("", "unknown")
    assert "2023-11-14T22:13:20Z" in row["time_from"]
    collect_into([source], into, LESSONS, file_dates=True)
    row = rows(into)["ada", "05_bbvi"]
    assert (row["submitted"], row["time_from"]) == ("2023-11-14T22:13:20Z", "the date of the file")
    assert (into / "ada/05_bbvi/timestamp.txt").is_file()


@pytest.mark.parametrize("link", ["ada", "ada/05_bbvi", f"ada/{NAME}"])
def test_links_in_the_target_are_not_followed(tmp_path: Path, link: str) -> None:
    outside = folder(tmp_path / "outside", {"05_bbvi/05_bbvi.ipynb": b"safe", "f": b"safe"})
    into = tmp_path / "submitted"
    (into / link).parent.mkdir(parents=True)
    (into / link).symlink_to(outside if link != f"ada/{NAME}" else outside / "f")
    source = folder(tmp_path / "class", {f"ada/{NAME}": b"evil"})
    assert collect_into([source], into, LESSONS) == 1
    assert (outside / NAME).read_bytes() == (outside / "f").read_bytes() == b"safe"
    assert sorted(p.name for p in outside.rglob("*")) == ["05_bbvi", "05_bbvi.ipynb", "f"]


@pytest.mark.parametrize("kind", ["nothing", "itself", "a list only", "a list of names"])
def test_misuse_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    source = folder(tmp_path / "class", {f"ada/{NAME}": b"1"})
    into = tmp_path / "submitted"
    sources = [source]
    if kind == "nothing":
        sources = [tmp_path / "missing"]
    elif kind == "itself":
        into = source / "submitted"
    elif kind == "a list only":
        sources = [written(tmp_path / "g.csv", b"Student,ID,Section\nA,1,S\n")]
    else:
        sources.append(written(tmp_path / "g.csv", b"name\nAda\n"))
    assert collect_into(sources, into, LESSONS) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not into.exists()


def test_lists_on_the_command_line_give_times(tmp_path: Path) -> None:
    data = zipped({f"Ada_101{FILE}/05_bbvi.ipynb": b"1"})
    source = written(tmp_path / "a.zip", data)
    table = "Identifier,Full name,Email address,Last modified (submission)\n"
    table += 'Participant 101,Ada,ada@x.edu,"Sunday, 1 March 2026, 10:00 AM UTC"\n'
    worksheet = written(tmp_path / "Grades.csv", table.encode())
    assert collect_into([worksheet, source], tmp_path / "submitted", LESSONS) == 0
    row = rows(tmp_path / "submitted")["Ada", "05_bbvi"]
    assert (row["submitted"], row["email"]) == ("2026-03-01T10:00:00Z", "ada@x.edu")


PART = st.one_of(
    st.sampled_from(
        ["..", ".", "", "ada", "Ada", "05_bbvi", "05_BBVI", "02_cavi", "05_bbvi.ipynb", "nul", "*"]
    ),
    st.sampled_from(["C:", "a\\..\\b", f"Bo_2{FILE}", "bo_4001_90001_05_bbvi.ipynb", "-rf", "~"]),
    st.sampled_from(["ada+05_bbvi+2026-03-01 10:00:00 UTC+x", "submission_1", "timestamp.txt"]),
    st.text(max_size=12),
)
PATHS = st.lists(st.lists(PART, min_size=1, max_size=5).map("/".join), max_size=6, unique=True)


@settings(max_examples=100, deadline=None)
@given(PATHS)
def test_nothing_is_written_outside_and_each_hand_in_has_one_row(paths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch).resolve()
        files = {path: path.encode("utf-8", "replace") for path in paths}
        try:
            data = zipped(files)
        except (UnicodeError, ValueError, IndexError):
            return  # no zip can hold such names
        source = written(top / "class.zip", data)
        into = top / "deep" / "submitted"
        try:
            hand_ins = collect(source, LESSONS).hand_ins
        except NoHandIns:
            return
        placed = [(hand_in.student, hand_in.lesson) for hand_in in hand_ins]
        assert len(placed) == len(set(placed))
        assert len({student.casefold() for student, _ in placed}) == len({s for s, _ in placed})
        for hand_in in hand_ins:
            outcome = write(source, hand_in, into).outcome
            assert (outcome == "new") == (hand_in.status is None)
            if hand_in.status is None:
                target = into / hand_in.student / hand_in.lesson / f"{hand_in.lesson}.ipynb"
                assert target.read_bytes() == read_notebook(source, hand_in)
        everything = {path.resolve() for path in top.rglob("*") if path.is_file()}
        assert all(p.is_relative_to(into) for p in everything - {source})

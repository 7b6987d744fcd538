"""`autograder submit`: one zip for a student's notebooks, which the grader takes from anywhere."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import mini
import pytest
import toy
from handin_files import folder, found, one, written, zipped

from autograder.cli import main
from autograder.collect import read_files, read_notebook
from autograder.handing_in import looking
from autograder.handing_in.command import pack
from autograder.handing_in.manifest import (
    MANIFEST,
    Manifest,
    NoManifest,
    differences,
    listed,
    read,
)
from autograder.handing_in.manifest import written as as_bytes

NOTEBOOK = "05_bbvi/05_bbvi.ipynb"
GRADESCOPE = """\
submission_11:
  :submitters:
  - :name: Ada Lovelace
    :sid: '77'
  :created_at: 2026-03-01 10:00:00 Z
"""


@pytest.fixture
def here(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of a student's own, who has not begun."""
    root = tmp_path / "course"
    shutil.copytree(course, root)
    shutil.rmtree(root / "solutions")
    shutil.copytree(root / "lessons", root / "originals")
    monkeypatch.chdir(root)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return root


def save(root: Path, data: bytes, name: str = mini.NAME) -> Path:
    return written(root / "lessons" / mini.NAME / f"{name}.ipynb", data)


def made(files: Mapping[str, bytes], version: str = "") -> dict[str, bytes]:
    """The files of a hand-in with their list."""
    from autograder.course import course_version

    manifest = Manifest("2026-03-01T10:00:00Z", version or course_version(), "", listed(files))
    return {MANIFEST: as_bytes(manifest), **files}


def test_a_hand_in_is_one_zip_with_a_list_of_what_is_inside(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(here, toy.notebook(mini.cells(mini.SCORE)))
    written(path.with_name("helper.py"), b"x = 1")
    written(path.with_name(".hidden"), b"")
    assert main(["submit", "--name", " Ada  Lovelace "]) == 0
    said = capsys.readouterr().out
    target = here / f"Ada Lovelace_{mini.NAME}.zip"
    assert hashlib.sha256(target.read_bytes()).hexdigest() in said
    assert "Not answered yet: E5.4." in said
    assert "Nothing has been sent anywhere." in said
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        manifest = read(archive.read(MANIFEST))
        assert archive.read(names[1]) == path.read_bytes()
    assert names == [MANIFEST, f"{mini.NAME}/{mini.NAME}.ipynb", f"{mini.NAME}/helper.py"]
    assert manifest.student == "Ada Lovelace"
    assert [entry.name for entry in manifest.files] == names[1:]
    assert manifest.files[1].sha256 == hashlib.sha256(b"x = 1").hexdigest()
    assert manifest.files[1].size == 5


def test_the_grader_takes_what_submit_has_made(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(here, toy.notebook(mini.cells(mini.SCORE, mini.CONTROL, "Because.")))
    assert main(["submit", mini.NAME, "--name", "ada", "--out", str(tmp_path / "in")]) == 0
    assert main(["collect", str(tmp_path / "in"), "--into", str(tmp_path / "submitted")]) == 0
    assert (tmp_path / "submitted" / "ada" / mini.NAME / f"{mini.NAME}.ipynb").is_file()


def test_who_has_begun_nothing_is_told_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit"]) == 2
    assert "No exercise has been answered" in capsys.readouterr().err
    assert main(["submit", mini.NAME]) == 0  # asked for by name, it is made all the same
    said = capsys.readouterr().out
    assert "Not answered yet: E5.1, E5.4." in said


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (b'{"cells": [', "The grader will not be able to read it. The file is not a readable"),
        (b"", "The file is empty"),
        (toy.notebook([*mini.cells(mini.SCORE), "damaged"]), "1 damaged cells were left out"),
        (toy.notebook(mini.cells(mini.SCORE)[:-1]), "open question O5 is missing"),
        (toy.notebook(mini.cells("import missing_help\n" + mini.SCORE)), "imports `missing_help`"),
        (toy.notebook(mini.cells(mini.SCORE)[:3]), "no other answers: E5.4"),
    ],
    ids=["cut", "empty", "damaged cell", "no question", "no helper", "no cell"],
)
def test_what_may_go_wrong_is_said_and_nothing_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], data: bytes, warning: str
) -> None:
    save(here, data)
    assert main(["submit", "--out", str(here / "a.zip")]) == 0
    assert warning in capsys.readouterr().out
    with zipfile.ZipFile(here / "a.zip") as archive:
        assert archive.read(f"{mini.NAME}/{mini.NAME}.ipynb") == data


def test_large_files_and_an_open_jupyterlab_are_said(
    here: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = save(here, toy.notebook(mini.cells(mini.SCORE)))
    for number in range(101):
        written(path.with_name(f"f{number:03}.txt"), b"")
    server = json.dumps({"root_dir": str(here / "lessons"), "pid": 1})
    written(tmp_path / "runtime" / "jpserver-1.json", server.encode())
    written(tmp_path / "runtime" / "jpserver-2.json", b"{")
    monkeypatch.setattr(looking, "MAX_BYTES", 100)
    assert main(["submit"]) == 0
    said = capsys.readouterr().out
    assert "the grader takes at most" in said
    assert "f100.txt is left out: at most 100 files" in said
    assert "JupyterLab seems to be open" in said


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["07_none"], "Expected a notebook, or one of 05_mini; there is no '07_none'."),
        (["nbgrader_config.py"], "Expected a notebook, LESSON.ipynb, got 'nbgrader_config.py'."),
        ([mini.NAME, f"lessons/{mini.NAME}"], "Expected one notebook per lesson, got"),
    ],
)
def test_misuse(
    here: Path, capsys: pytest.CaptureFixture[str], wanted: list[str], expected: str
) -> None:
    assert main(["submit", *wanted]) == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    "place",
    [
        "Ada_101_assignsubmission_file/hand-in.zip",
        "Ada_101_assignsubmission_file_hand-in.zip",
        "ada_12345_678910_hand-in_05_bbvi-1.zip",
        "ada/hand-in_05_bbvi.zip",
        "ada_05_bbvi.zip",
        "ada.zip",
    ],
)
def test_platforms_give_one_hand_in_per_notebook(tmp_path: Path, place: str) -> None:
    files = {NOTEBOOK: b"five", "05_bbvi/helper.py": b"h", "02_cavi/02_cavi.ipynb": b"two"}
    source = folder(tmp_path / "in", {place: zipped(made(files))})
    two, five = found(source).hand_ins
    assert two.student == five.student
    assert five.student.casefold() in ("ada", "ada-12345")
    assert (two.lesson, five.lesson) == ("02_cavi", "05_bbvi")
    assert (two.notes, five.notes) == ((), ())
    assert read_notebook(source, five) == b"five"
    assert read_files(source, five) == {"helper.py": b"h"}
    assert read_files(source, two) == {}


def test_gradescope_unpacks_what_is_handed_in(tmp_path: Path) -> None:
    files = made({NOTEBOOK: b"five", "05_bbvi/helper.py": b"h"})
    inside = {f"submission_11/{name}": data for name, data in files.items()}
    source = folder(tmp_path / "x", {"submission_metadata.yml": GRADESCOPE.encode(), **inside})
    hand_in = one(source)
    assert (hand_in.student, hand_in.notes) == ("Ada Lovelace", ())
    assert read_files(source, hand_in) == {"helper.py": b"h"}


def test_the_zip_itself_is_a_class_of_one(tmp_path: Path) -> None:
    source = written(tmp_path / "ada_05_bbvi.zip", zipped(made({NOTEBOOK: b"five"})))
    assert (one(source).student, one(source).lesson) == ("ada", "05_bbvi")


def test_what_is_not_as_listed_is_a_remark_and_no_refusal(tmp_path: Path) -> None:
    files = made({NOTEBOOK: b"five", "05_bbvi/gone.py": b"g"}, version="0.0.1")
    changed = {**files, NOTEBOOK: b"other", "05_bbvi/more.py": b"m"}
    del changed["05_bbvi/gone.py"]
    source = folder(tmp_path / "in", {"ada.zip": zipped(changed)})
    hand_in = one(source)
    assert hand_in.status is None
    assert read_notebook(source, hand_in) == b"other"
    said = " ".join(hand_in.notes)
    assert "The checksum of 05_bbvi/05_bbvi.ipynb is not the one in the list" in said
    assert "05_bbvi/more.py is not in the list" in said
    assert "05_bbvi/gone.py is in the list of what was handed in, and is not there" in said
    assert "made with version 0.0.1 of the course" in said


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[" * 100_000,
        b"[]",
        b'{"format": "another"}',
        b'{"format": "vi-course hand-in 1", "files": 3}',
        b'{"format": "vi-course hand-in 1", "files": [], "made": [], "version": 1, "student": ""}',
        b'{"format": "vi-course hand-in 1", "files": [{"name": 1, "size": true, "sha256": "x"}]}',
        b"\xff\xfe\x00",
        b" " * 2**21,
    ],
)
def test_a_list_that_is_none_changes_nothing(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(NoManifest):
        read(text)
    source = folder(tmp_path / "in", {"ada.zip": zipped({MANIFEST: text, NOTEBOOK: b"five"})})
    assert one(source).notes == ()


def test_names_in_a_list_cannot_act_on_a_terminal(tmp_path: Path) -> None:
    files = made({NOTEBOOK: b"five", "05_bbvi/\x1b[2Jx": b""})
    del files["05_bbvi/\x1b[2Jx"]
    source = folder(tmp_path / "in", {"ada.zip": zipped(files)})
    (note,) = one(source).notes
    assert note.isprintable()


def test_a_zip_is_the_same_for_the_same_files_and_time() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert pack({"a": b"1"}, now) == pack({"a": b"1"}, now)


def test_differences_are_none_for_what_was_handed_in() -> None:
    files = {NOTEBOOK: b"five"}
    manifest = read(as_bytes(Manifest("", "", "", listed(files))))
    assert not differences(manifest, files)

"""`python start.py` on each system: where things are, and what is said when it cannot start."""

from __future__ import annotations

import ast
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from autograder.starting import command, environment, troubles
from autograder.starting.places import Places, launcher, path_line
from autograder.starting.troubles import Trouble, in_archive, look_around, why_not_installed

START = Path(__file__).parents[2] / "autograder" / "bundle" / "files" / "start.py"


@pytest.mark.parametrize(
    ("system", "python", "packages", "line"),
    [
        ("posix", "bin/python", "lib/python3.12/site-packages", "../../../..\n"),
        ("nt", "Scripts/python.exe", "Lib/site-packages", "../../..\n"),
    ],
)
def test_places(system: str, python: str, packages: str, line: str, tmp_path: Path) -> None:
    places = Places(tmp_path, system, (3, 12))
    assert places.python == tmp_path / ".venv" / python
    assert places.packages == tmp_path / ".venv" / packages
    assert path_line(places) == line
    assert (places.packages / line.strip()).resolve() == tmp_path.resolve()
    path, text = launcher(places)
    assert path.parent == places.programs
    assert "-m autograder" in text
    assert path.suffix == (".cmd" if system == "nt" else "")


def test_the_packages_are_those_of_the_python_that_made_the_environment(tmp_path: Path) -> None:
    made = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
    made.mkdir(parents=True)
    assert Places(tmp_path, "posix", (3, 13)).packages == made


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        (PureWindowsPath(r"C:\Users\ada\AppData\Local\Temp\Temp1_vi-course-0.1.0.zip\vi"), True),
        (PureWindowsPath(r"C:\Users\ada\AppData\Local\Temp\7zO4A3B2C1D"), True),
        (PureWindowsPath(r"C:\Users\ada\Meine Kurse\vi-course-0.1.0"), False),
        (PurePosixPath("/home/ada/zip/vi course"), False),
    ],
)
def test_the_view_into_a_zip_is_recognised(path: Any, inside: bool) -> None:
    assert bool(in_archive(path)) is inside


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("ERROR: No matching distribution (from versions: none)", "needs the network"),
        ("[Errno -3] Temporary failure in name resolution", "needs the network"),
        ("[Errno 11001] getaddrinfo failed", "needs the network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE FILE", "nothing was installed"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("PermissionError: [WinError 5] Access is denied", "may not be written"),
        ("SSL: CERTIFICATE_VERIFY_FAILED", "is not trusted"),
        ("error: Microsoft Visual C++ 14.0 or greater is required", "no ready-made files"),
        ("one\n\ntwo\nthree\n", "It said: two three"),
    ],
)
def test_what_pip_says_becomes_a_sentence(said: str, sentence: str) -> None:
    assert sentence in why_not_installed(said)


def test_a_folder_that_cannot_be_written_to_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise OSError(30, "Read-only file system")

    look_around(tmp_path)
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(Trouble, match=r"Nothing can be written .*Read-only"):
        look_around(tmp_path)


def test_a_long_path_on_windows_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubles.os, "name", "nt")
    with pytest.raises(Trouble, match="longer than 100 characters"):
        look_around(PurePosixPath("/" + 120 * "x"))  # type: ignore[arg-type]


def test_a_python_without_ensurepip_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubles.importlib.util, "find_spec", lambda name: name == "venv" or None)
    with pytest.raises(Trouble, match=r"lacks its module ensurepip.*apt install python3\.\d+-venv"):
        troubles.need_venv()


def test_a_python_that_is_too_old_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ast.parse(START.read_text(encoding="utf-8"), feature_version=(3, 4))
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or later, and this is Python 3\.9"):
        runpy.run_path(str(START))


def test_start_by_itself_says_to_unpack_the_zip(tmp_path: Path) -> None:
    shutil.copy(START, tmp_path)
    command = [sys.executable, str(tmp_path / "start.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Unpack the whole zip" in done.stderr


def made(root: Path, pip: str) -> Places:
    """An environment whose Python is a program that says and does what pip would."""
    (root / "requirements.txt").write_text("a==1 \\\n    --hash=sha256:0\n")
    places = Places(root, "posix")
    (places.packages / "pip").mkdir(parents=True)
    places.programs.mkdir()
    places.python.write_text(f"#!/bin/sh\n{pip}\n")
    places.python.chmod(0o755)
    return places


def test_an_installation_is_made_once_and_again_for_another_lock(tmp_path: Path) -> None:
    places = made(tmp_path, "echo Collecting a==1; echo x >> ran")
    assert environment.require(places)
    assert not environment.require(places)
    assert (tmp_path / "ran").read_text() == "x\n"
    assert "Collecting a" in places.log.read_text()
    assert (places.packages / "vi_course.pth").read_text() == "../../../..\n"
    (tmp_path / "requirements.txt").write_text("a==2\n")
    assert environment.require(places)
    places.python.unlink()  # the system's Python was replaced
    assert not environment.is_ready(places)


def test_a_failed_installation_says_why_and_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = made(tmp_path, "echo NewConnectionError; exit 1")
    assert command.main(["--check"], str(tmp_path)) == 2
    said = capsys.readouterr()
    assert "The first start needs the network" in said.err
    assert str(places.log) in said.err
    assert not environment.is_ready(places)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["-m", "jupyterlab", "--notebook-dir=/c/lessons"]),
        (["--port", "8900"], ["-m", "jupyterlab", "--notebook-dir=/c/lessons", "--port", "8900"]),
        (["check", "a.ipynb"], ["-m", "autograder", "check", "a.ipynb"]),
        (["submit"], ["-m", "autograder", "submit"]),
        (["--check"], ["-c", command.LOOK]),
    ],
)
def test_what_is_run(arguments: list[str], expected: list[str]) -> None:
    assert command.program(arguments, Path("/c"), is_root=False) == expected


def test_a_container_s_root_may_open_jupyterlab() -> None:
    assert "--allow-root" in command.program([], Path("/c"), is_root=True)


def test_help_needs_no_installation(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command.main(["--help"], str(tmp_path)) == 0
    assert "python start.py submit" in capsys.readouterr().out

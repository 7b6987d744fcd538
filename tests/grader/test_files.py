"""Files that are whole or not there; one run at a time; temporary folders of dead processes."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from autograder import scratch
from autograder.files import Busy, is_full, locked, sweep, write_whole


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_on_a_full_disk_the_old_file_stays_and_no_half_one(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.csv"
    write_whole(path, b"old")

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "write":
        monkeypatch.setattr(Path, "open", lambda self, mode: _Full(self))
    elif step == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space") as caught:
        write_whole(path, b"new")
    monkeypatch.undo()
    assert is_full(caught.value)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


class _Full:
    """A file that is there but takes nothing."""

    def __init__(self, path: Path):
        path.touch()

    def __enter__(self) -> _Full:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left to do."""

    def write(self, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_recognised_behind_other_errors() -> None:
    def wrapped(cause: BaseException) -> BaseException:
        try:
            try:
                raise cause
            except BaseException:
                raise ValueError("Something else.") from None
        except ValueError as error:
            return error

    assert is_full(wrapped(OSError(errno.EDQUOT, "Quota exceeded")))
    assert is_full(ValueError("Expected a gradebook, but: database or disk is full."))
    assert not is_full(wrapped(OSError(errno.EACCES, "Permission denied")))


def test_half_written_files_are_swept_and_nothing_else(tmp_path: Path) -> None:
    keep = [tmp_path / "parts.csv", tmp_path / "ada.part-2" / "x.html", tmp_path / "a.partly.db"]
    half = [
        tmp_path / "records" / "x.json.part",
        tmp_path / "gradebook.db.part",
        tmp_path / "gradebook.db.part-journal",
        tmp_path / ".part-x1y2",
    ]
    for path in keep + half:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    sweep(tmp_path)
    assert [path.exists() for path in keep] == [True] * len(keep)
    assert [path.exists() for path in half] == [False] * len(half)


HOLD = """\
import sys
from pathlib import Path
from autograder.files import locked
with locked(Path(sys.argv[1])):
    print("have it", flush=True)
    sys.stdin.read()
"""


def test_one_run_at_a_time_and_a_killed_one_keeps_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "have it\n"
        words = rf"process {other.pid}\): wait until it has ended"
        with pytest.raises(Busy, match=words), locked(out):
            pass
        other.kill()
        other.wait()
    with locked(out):
        pass
    with locked(out):
        pass


def test_a_file_system_without_locks_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path):
        pass


SETTLE = """\
import sys
from autograder.scratch import settle
print(settle(), flush=True)
sys.stdin.read()
"""


def test_folders_of_killed_processes_are_swept_and_those_of_living_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    others = [
        subprocess.Popen(
            [sys.executable, "-c", SETTLE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        for _ in range(2)
    ]
    try:
        folders = []
        for other in others:
            assert other.stdout is not None
            folders.append(Path(other.stdout.readline().strip()))
        assert all(folder.is_dir() and folder.parent == tmp_path for folder in folders)
        (folders[0] / "left.txt").touch()
        others[0].kill()
        others[0].wait()
        foreign = tmp_path / "autograder-of-somebody-else"
        foreign.mkdir()
        scratch.sweep_relics(tmp_path)
        assert not folders[0].exists()
        assert folders[1].is_dir()
        assert foreign.is_dir()
    finally:
        for other in others:
            other.kill()
            other.communicate()

"""A full disk, wherever it strikes: a sentence, exit code 2, nothing damaged, a rerun finishes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from crashing import LIGHT, count, light_class, marks, rewritten, start

from autograder.cli import main

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("step", "number"), [("fsync", 6), ("replace", 20), ("mkdir", 5)])
def test_the_disk_is_full_at_one_moment(
    step: str,
    number: int,
    course: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, out = light_class(tmp_path / "class", 6), tmp_path / "out"
    module: Any = os if step == "fsync" else Path
    original, calls = getattr(module, step), []

    def full_at_last(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) >= number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
        return original(*arguments, **options)

    monkeypatch.chdir(course)
    with monkeypatch.context() as patch:
        patch.setattr(module, step, full_at_last)
        code = main(["grade", str(source), "--out", str(out), "--workers", "2"])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.startswith("The disk is full: ")
    assert said.err.endswith("make room, and run the same command again to go on.\n")
    assert len(calls) >= number
    before = marks(out)
    assert main(["grade", str(source), "--out", str(out), "--workers", "2"]) == 0
    assert rewritten(before, marks(out)) == []
    assert count(out) == 6
    assert list(out.rglob("*.part*")) == []


SCRIPT = """\
import json, os, subprocess, sys
top, source, course = sys.argv[1:4]
def grow(name, size, files=10000):
    os.makedirs(f"{top}/{name}", exist_ok=True)
    options = f"size={size}k,nr_inodes={files}"
    options += ",remount" if os.path.ismount(f"{top}/{name}") else ""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", f"{top}/{name}"], check=True)
def grade():
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "grade", source, "--out", f"{top}/disk/out"],
        cwd=course, env={**os.environ, "TMPDIR": f"{top}/temp"}, capture_output=True, text=True,
    )
    folder = f"{top}/disk/out/records"
    found = {f.name: [f.inode(), f.stat().st_mtime_ns] for f in os.scandir(folder)
             if f.name.endswith(".json")} if os.path.isdir(folder) else {}
    left = [f for _, _, files in os.walk(f"{top}/disk/out") for f in files if ".part" in f]
    return [done.returncode, done.stdout, done.stderr, found, left]
found = []
grow("temp", 50000, int(sys.argv[4]))
for size in map(int, sys.argv[5:]):
    grow("disk", size)
    found.append(grade())
    if found[-1][0] == 0 and size != int(sys.argv[-1]):
        break
    grow("temp", 50000)
print(json.dumps(found))
"""


def on_small_disks(course: Path, short_path: Path, temp: int, *sizes: int) -> list[list[Any]]:
    """Runs on a disk of so many kilobytes, then of more, in a mount namespace of their own.

    In the first run, the folder for temporary files has room for `temp` files.
    """
    unshare = shutil.which("unshare")
    if not sys.platform.startswith("linux") or unshare is None:
        pytest.skip("small disks need Linux's unshare")
    enter = [unshare, "-m"] if os.getuid() == 0 else [unshare, "-rm"]
    if subprocess.run([*enter, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False).returncode:
        pytest.skip("this machine does not let the user mount a small disk")
    source = light_class(short_path / "class", 8)
    arguments = [sys.executable, "-c", SCRIPT, short_path, source, course, temp, *sizes]
    done = subprocess.run(
        [*enter, *map(str, arguments)],
        env={**os.environ, **LIGHT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_disk_that_fills_up_at_every_stage(course: Path, short_path: Path) -> None:
    """So small that not even the first record fits, then with room for ever more of the rest."""
    *full, (code, printed, err, last, left) = on_small_disks(
        course, short_path, 10000, 4, 28, 60, 120, 240, 50000
    )
    assert len(full) >= 4
    for code_before, _, sentence, before, _ in full:
        assert code_before == 2
        assert sentence.startswith("The disk is full: "), sentence
        assert sentence.count("\n") == 1
        assert rewritten(before, last) == []
    assert (code, err, left) == (0, "", [])
    assert "8 hand-ins: all graded." in printed


@pytest.mark.parametrize("files", [2, 6])
def test_a_full_folder_for_temporary_files(files: int, course: Path, short_path: Path) -> None:
    """With room for two files the run itself does not start, with room for six no worker does."""
    first, again = on_small_disks(course, short_path, files, 50000, 50001)
    code, printed, err, found, _ = first
    assert (code, printed, found) == (2, "", {})
    assert err.startswith("The disk is full: "), err
    assert again[0] == 0


def test_a_long_path_for_temporary_files_is_refused_in_words(course: Path, tmp_path: Path) -> None:
    source, temp = light_class(tmp_path / "class", 1), tmp_path / ("t" * 80)
    temp.mkdir()
    run = start(course, "grade", source, "--out", tmp_path / "out", env={"TMPDIR": str(temp)})
    _, err = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "whose path has at most 60 bytes" in err
    assert "TMPDIR" in err

"""What a student's code leaves on the disk is measured and removed, whatever it is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.sandbox import footprint
from autograder.sandbox.footprint import Footprint, measure
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.removal import remove


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    found = tmp_path / "own"
    found.mkdir()
    yield found
    remove(str(found))
    assert not found.exists()


def nest(folder: Path, depth: int, name: str, content: bytes = b"") -> None:
    """Folders in folders, and a file at the bottom."""
    here = os.open(folder, os.O_RDONLY)
    for number in range(depth):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        if number % 50 == 0:
            os.mkdir(".1", 0o000, dir_fd=here)
        os.close(here)
        here = inner
    descriptor = os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(descriptor, content)
    os.close(descriptor)
    os.close(here)


@pytest.mark.slow
def test_folders_nested_a_thousand_deep_are_removed(folder: Path) -> None:
    nest(folder, 1100, "d")


def test_what_nobody_may_read_is_removed(folder: Path) -> None:
    (folder / "a/b/c").mkdir(parents=True)
    (folder / "a/b/c/file").write_text("x")
    for path in ("a/b/c/file", "a/b/c", "a/b", "a", "."):
        (folder / path).chmod(0)


def test_names_that_collide_are_removed(folder: Path) -> None:
    for number in range(5):
        (folder / f".{number}/x/.{number}/y").mkdir(parents=True)
        (folder / f".{number}/x/.{number + 1}").write_text("x")


def test_links_are_removed_and_what_they_lead_to_is_not(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir(mode=0o755)
    (kept / "file").write_text("x")
    (folder / "inner").mkdir()
    (folder / "link").symlink_to(kept)
    (folder / "inner/link").symlink_to(kept)
    (folder / "inner/up").symlink_to("..")
    os.mkfifo(folder / "pipe")
    remove(str(folder))
    assert (kept / "file").read_text() == "x"
    assert kept.stat().st_mode & 0o777 == 0o755


def test_a_link_is_no_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "file").write_text("x")
    folder.chmod(0o755)
    link = tmp_path / "link"
    link.symlink_to(folder)
    remove(str(link))
    assert (folder / "file").exists()
    assert folder.stat().st_mode & 0o777 == 0o755


def test_nothing_is_no_folder() -> None:
    remove("")
    remove("/nonexistent/folder")


def test_files_are_measured_by_what_they_take(folder: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/file").write_bytes(bytes(10**6))
    with (folder / "holes").open("wb") as file:
        file.truncate(10**12)
    size, files = measure(str(folder), 64 * MIB, 100)
    assert 10**6 <= size < 2 * MIB
    assert files == 4
    assert measure(str(folder), 1000, 100)[0] > 1000
    assert measure(str(folder), MIB, 2)[1] > 2


def test_a_file_hidden_in_the_depth_counts_as_too_many(folder: Path) -> None:
    nest(folder, 40, "d" * 200, bytes(10**6))
    found = Footprint(str(folder), Limits(scratch_files=4096))
    assert found.look()
    assert "or hid some" in found.ending
    assert not found.look()  # it is ended once


@pytest.mark.skipif(os.geteuid() == 0, reason="root can look everywhere")
def test_a_closed_folder_counts_as_too_many(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o300)
    assert Footprint(str(folder), Limits()).look()


def test_children_are_looked_at_while_the_grader_is_silent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "_SECONDS", 0.01)
    ours, theirs = socket.socketpair()
    (folder / "big").write_bytes(bytes(10**6))
    ended = []

    def end(pid: int) -> None:
        ended.append(pid)
        theirs.sendall(b"x")

    children = {
        7: Footprint(str(folder), Limits(scratch=1000)),
        8: Footprint(str(folder), Limits()),
        9: Footprint("", Limits(scratch=0)),
    }
    with ours, theirs:
        footprint.wait(ours, children.items(), end)
    assert ended == [7]
    assert children[7].ending.startswith("its files took more than")
    assert children[8].ending == children[9].ending == ""

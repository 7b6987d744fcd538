"""Files that are whole or not there, also after a power cut, and one run at a time in a folder."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

PART = ".part"
"""The ending of a file that is being written; it gets its name when it is whole."""
_LOCK = ".lock"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_WORDS = ("database or disk is full", os.strerror(errno.ENOSPC))  # SQLite's, a worker's


class Busy(OSError):
    """Another run writes into the same folder."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that at any moment, and after a power cut, it is the old or the new one."""
    scratch = path.with_name(path.name + PART)
    try:
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk, where the file system knows how."""
    if os.name == "nt":  # has no handles on folders
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the half-written files that a killed run left anywhere in a folder."""
    for path in folder.rglob(f"*{PART}*"):  # a database that is being made has a journal, too
        half = path.name.endswith((PART, f"{PART}-journal")) or path.name.startswith(f"{PART}-")
        if half and path.is_file():
            path.unlink()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder for this run; `Busy` if another one has it. A killed run keeps nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a+b") as file:  # never removed: another may have it open
        if try_lock(file.fileno()) is False:
            file.seek(0)
            number = file.read(20).decode("ascii", "replace").strip() or "unknown"
            raise Busy(
                f"Another run writes into {str(folder)!r} at the moment (process {number}): wait "
                "until it has ended, or choose another folder with --out."
            )
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield


def try_lock(descriptor: int) -> bool | None:
    """Lock an open file until it is closed or its process ends.

    False: another process has it. None: the file system, or the system, knows no such locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows, where students check and hand in, and nobody grades
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_full(error: BaseException) -> bool:
    """Whether an error, or one that led to it, says that a disk is full."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.errno in _FULL:
            return True
        if any(words in str(found) for words in _FULL_WORDS):
            return True
        found = found.__cause__ or found.__context__
    return False

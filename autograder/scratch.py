"""A folder for the temporary files of a process that grades: swept after it, if it is killed."""

from __future__ import annotations

import contextlib
import multiprocessing.util
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.files import try_lock
from autograder.sandbox.removal import remove

PREFIX, SHORT = "autograder-", "vi-ag-"
"""The second is for sockets, whose paths must be short."""
_NEW = ".new-"
_LOCK = "lock"
_AGE = 3600.0
_LAST = -200
"""After multiprocessing has removed its own folder, at -100."""
_settled: list[Path] = []


def settle() -> Path:
    """Make a folder and have `tempfile` use it from now on; remove those of killed processes.

    The folder is locked by this process: as long as it lives, no other one takes it for a relic.
    """
    top = Path(tempfile.gettempdir())
    sweep_relics(top)
    folder = _locked_folder(top, PREFIX)
    tempfile.tempdir = str(folder)
    return folder


@contextlib.contextmanager
def settled_for_now() -> Iterator[Path]:
    """Have `tempfile` use such a folder for a while. What is in it stays until the process ends."""
    before = tempfile.tempdir
    folder = _locked_folder(Path(tempfile.gettempdir()), SHORT)
    multiprocessing.util.Finalize(None, leave, exitpriority=_LAST)
    tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before


def _locked_folder(top: Path, prefix: str) -> Path:
    new = Path(tempfile.mkdtemp(prefix=_NEW + prefix, dir=top))
    try_lock(os.open(new / _LOCK, os.O_RDWR | os.O_CREAT, 0o600))  # open until the process ends
    new.chmod(0o711)  # a child that is another user gets through to its own folder
    folder = new.rename(top / new.name.removeprefix(_NEW))
    _settled.append(folder)
    return folder


def leave() -> None:
    """Remove the folders that this process has made."""
    while _settled:
        remove(str(_settled.pop()))


def sweep_relics(top: Path) -> None:
    """Remove folders of processes that are no more."""
    for folder in _named(top):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if try_lock(descriptor):
                    remove(str(folder))
            finally:
                os.close(descriptor)
    # killed between two lines of `_locked_folder`
    for folder in _named(top, _NEW):
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < time.time() - _AGE:
                remove(str(folder))


def _named(top: Path, start: str = "") -> list[Path]:
    return [folder for prefix in (PREFIX, SHORT) for folder in top.glob(f"{start}{prefix}*")]

"""Removing a folder in which a student's code could write, whatever it has made of it.

Folders nested thousands deep, folders nobody may read, and links to folders elsewhere are all
harmless here: each folder is opened without following links and made its owner's, and what is in it
is moved up to the top, so that no path gets long and nothing recurses.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def remove(folder: str) -> None:
    """Remove a folder and all that is in it, as far as the system allows; "" is none."""
    with contextlib.suppress(OSError):
        top = _open(folder)
        try:
            _empty(top)
        finally:
            os.close(top)
        os.rmdir(folder)


def _empty(top: int) -> None:
    """Remove what is in an open folder."""
    fresh = (f".{number}" for number in itertools.count())
    while waiting := _clear(top):
        for name in waiting:
            inner = _open(name, top)
            try:
                for deeper in _clear(inner):
                    os.chmod(deeper, 0o700, dir_fd=inner)  # or it could not be moved
                    _move_up(deeper, inner, top, fresh)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)


def _clear(folder: int) -> list[str]:
    """Remove the files of an open folder; the names of the folders in it."""
    folders = []
    for name in os.listdir(folder):
        if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
            folders.append(name)
        else:
            os.unlink(name, dir_fd=folder)
    return folders


def _open(name: str, parent: int | None = None) -> int:
    """Open a folder, never by a link; make it one that can be read and emptied."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
        raise NotADirectoryError(name)
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        return os.open(name, _FLAGS, dir_fd=parent)
    os.fchmod(descriptor, 0o700)
    return descriptor


def _move_up(name: str, parent: int, top: int, fresh: Iterator[str]) -> None:
    """Move a folder to the top, under a name that is not taken."""
    for other in fresh:
        try:
            return os.rename(name, other, src_dir_fd=parent, dst_dir_fd=top)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise

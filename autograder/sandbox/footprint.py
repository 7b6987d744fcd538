"""What a child leaves on the disk, where its folder is one of the machine's own (tiers B and C).

In tier A the kernel bounds a child's folder. Elsewhere the zygote looks at it now and then, and
ends a child that has written too much; a limit of each single file does not bound their sum.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from autograder.sandbox.limits import MIB, Limits

_SECONDS = 0.2
_BLOCK = 512


@dataclass
class Footprint:
    """The folder of a child, "" if it is in memory; `ending` says why the child had to be ended."""

    folder: str
    limits: Limits
    ending: str = ""

    def look(self) -> bool:
        """Whether the child has written too much since the last look."""
        if not self.folder or self.ending:
            return False
        most = self.limits
        size, files = measure(self.folder, most.scratch, most.scratch_files)
        if size > most.scratch:
            self.ending = f"its files took more than {most.scratch // MIB} MiB"
        elif files > most.scratch_files:
            self.ending = f"it made more than {most.scratch_files} files, or hid some"
        return bool(self.ending)


def measure(folder: str, most_bytes: int, most_files: int) -> tuple[int, int]:
    """The bytes and the number of the files in a folder; counting ends where either is too large.

    A file with holes takes less than its length, and is counted for what it takes. A folder that
    cannot be looked into, such as one nested too deep, counts as too many files.
    """
    size = files = 0
    waiting = [folder]
    while waiting and size <= most_bytes and files <= most_files:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    files += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    if size > most_bytes or files > most_files:
                        break
        except (FileNotFoundError, NotADirectoryError):  # the child is at work on it
            continue
        except OSError:
            return size, most_files + 1
    return size, files


def wait(
    sock: socket.socket, watched: Iterable[tuple[int, Footprint]], end: Callable[[int], None]
) -> None:
    """Wait until there is something to read; end the children that write too much meanwhile."""
    children = [(pid, footprint) for pid, footprint in watched if footprint.folder]
    while not select.select([sock], [], [], _SECONDS if children else None)[0]:
        for pid, footprint in children:
            if footprint.look():
                end(pid)

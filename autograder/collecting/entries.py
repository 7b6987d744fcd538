"""The files of a source, listed without unpacking anything or following a link."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 50 * 2**20
"""The size of the largest notebook that is read."""
MAX_ENTRIES = 200_000
"""Files in one source, those in archives inside of it counted."""
MAX_FILES = 100
"""A student's own files beside a notebook, and their size together."""
MAX_FILES_BYTES = 10 * 2**20
TIMESTAMP = "timestamp.txt"
"""nbgrader's file with the time of a hand-in."""
MAX_FOLDERS = 12
"""Folders above a file."""
MAX_NAME = 255
WITHIN = "\0"
"""Stands in a name between an archive and what is in it; no name of a file can hold it."""
_IGNORED = ("__MACOSX", "Thumbs.db", "desktop.ini")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class Entry:
    """A file or an empty folder: its path below the top, and why it is refused, if it is.

    `name` is what it takes to open it: a path, or a chain of paths through archives. An archive
    counts as a folder in `parts`, named like it without the ending. `modified` is the file's date
    in seconds since 1970.
    """

    name: str
    parts: tuple[str, ...]
    modified: float = 0.0
    is_folder: bool = False
    refusal: str = ""
    size: int = 0

    @property
    def shown(self) -> str:
        """The name as a person reads it."""
        return readable(self.name.replace(WITHIN, "/"))


def readable(text: str) -> str:
    """A text without characters that are not seen or that do something to a terminal."""
    whole = text.encode("utf-8", "replace").decode()
    shown = "".join(c if c.isprintable() else "�" for c in whole)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"


def walk(top: Path) -> Iterator[Entry]:
    """The files below a folder, in the order of their names, and its empty folders."""
    yield from _walk(top, ())


def _walk(top: Path, parts: tuple[str, ...]) -> Iterator[Entry]:
    empty = True
    for found in sorted(os.scandir(top.joinpath(*parts)), key=lambda item: item.name):
        if ignored(found.name):
            continue
        empty = False
        below = (*parts, found.name)
        name = "/".join(below)
        clean = tuple(unicode_whole(part) for part in below)
        if found.is_symlink():
            yield Entry(name, clean, refusal="it is a link to another place, not a file")
        elif found.is_dir():
            if len(below) > MAX_FOLDERS:
                yield Entry(name, clean, refusal=_too_deep())
                continue
            try:
                yield from _walk(top, below)
            except PermissionError:
                yield Entry(name, clean, refusal="it may not be read")
        elif not found.is_file():
            yield Entry(name, clean, refusal="it is not a regular file")
        else:
            facts = found.stat(follow_symlinks=False)
            refusal = bad_path(clean)
            if not refusal and facts.st_size > MAX_BYTES and not is_archive(found.name):
                refusal = too_big()
            yield Entry(name, clean, facts.st_mtime, refusal=refusal, size=facts.st_size)
    if empty and parts:
        yield Entry("/".join(parts), tuple(map(unicode_whole, parts)), is_folder=True)


def unicode_whole(text: str) -> str:
    """In the composed normal form, as most systems store names; what is no text is replaced."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())


def ignored(name: str) -> bool:
    """Whether a file or folder is one that systems leave about."""
    return name.startswith(".") or name in _IGNORED


def is_archive(name: str) -> bool:
    """Whether a name is that of an archive."""
    return name.casefold().endswith(_ARCHIVES)


def stem(name: str) -> str:
    """The name of an archive without its ending."""
    ends = [end for end in _ARCHIVES if name.casefold().endswith(end)]
    return name[: -max(map(len, ends))] if ends else name


def is_notebook(name: str) -> bool:
    """Whether a name is that of a notebook, also with an ending that a browser added."""
    return ".ipynb" in name.casefold()


def bad_path(parts: tuple[str, ...]) -> str:
    """Why a path is refused; "" if it is not."""
    if len(parts) > MAX_FOLDERS + 1:
        return _too_deep()
    if any(len(part) > MAX_NAME for part in parts):
        return f"its name is longer than {MAX_NAME} characters"
    if any(unicodedata.category(c) == "Cc" for part in parts for c in part):
        return "its name holds control characters"
    return ""


def too_big() -> str:
    """The reason for refusing a large file."""
    return f"it is larger than {MAX_BYTES // 2**20} MB"


def _too_deep() -> str:
    return f"it lies under more than {MAX_FOLDERS} folders"

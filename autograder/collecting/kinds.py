"""Zips and tars as lists of files, each with the reason if it is refused."""

from __future__ import annotations

import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import IO, Protocol

from autograder.collecting import entries
from autograder.collecting.entries import WITHIN, Entry, bad_path, ignored, is_archive, too_big

MAX_RATIO = 300
"""How many times its size a file of more than 1 MB may unpack to."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


class Refused(ValueError):
    """An archive that is not read, for a reason that follows on "because"."""


@dataclass(frozen=True)
class Bounds:
    """How much an archive may hold, archives inside of it included."""

    files: int
    size: int


def bounds(depth: int) -> Bounds:
    """Those of a source, and the smaller ones of an archive inside of it."""
    if depth == 0:
        return Bounds(entries.MAX_ENTRIES, 8 * 2**30)
    return Bounds(entries.MAX_ENTRIES // 10, 2**30)


class Archive(Protocol):
    """A zip or a tar, open."""

    @property
    def file(self) -> zipfile.ZipFile | tarfile.TarFile:
        """As the standard library has it."""

    def members(self, most: Bounds) -> Iterator[Entry]:
        """What is in it; `Refused` if it is not to be trusted."""

    def open(self, name: str) -> IO[bytes]:
        """One of its files, to be read."""


@dataclass(frozen=True)
class Zip:
    """An open zip."""

    file: zipfile.ZipFile

    def members(self, most: Bounds) -> Iterator[Entry]:
        """See `Archive`."""
        found = self.file.infolist()
        _require_few(len(found), sum(info.file_size for info in found), most)
        _require_no_overlap(found)
        last = {info.filename: info for info in found}  # a later entry replaces an earlier one
        for info in last.values():
            refusal = ""
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                is_link = stat.S_ISLNK(info.external_attr >> 16)
                refusal = (
                    "it is a link to another place, not a file"
                    if is_link
                    else "it is not a regular file"
                )
            elif info.flag_bits & 1:
                refusal = "it is encrypted"
            elif info.compress_type not in _METHODS:
                refusal = "it is compressed in a way that cannot be read"
            elif info.file_size > 2**20 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
                refusal = f"it unpacks to more than {MAX_RATIO} times its size"
            entry = _member(_as_written(info), _date(info), info.file_size, info.is_dir(), refusal)
            if entry is not None:
                yield replace(entry, name=info.filename)

    def open(self, name: str) -> IO[bytes]:
        """See `Archive`."""
        return self.file.open(name)


@dataclass(frozen=True)
class Tar:
    """An open tar, already decompressed."""

    file: tarfile.TarFile

    def members(self, most: Bounds) -> Iterator[Entry]:
        """See `Archive`."""
        found: dict[str, tarfile.TarInfo] = {}
        total = 0
        for info in self.file:
            total += max(info.size, 0)
            found[info.name] = info
            _require_few(len(found), total, most)
        for info in found.values():
            refusal = ""
            if info.issym() or info.islnk():
                refusal = "it is a link to another place, not a file"
            elif not (info.isreg() or info.isdir()) or info.issparse():
                refusal = "it is not a regular file"
            entry = _member(info.name, float(info.mtime), info.size, info.isdir(), refusal)
            if entry is not None:
                yield entry

    def open(self, name: str) -> IO[bytes]:
        """See `Archive`."""
        found = self.file.extractfile(name)
        if found is None:
            raise ValueError("it is not a regular file")
        return found


def _member(name: str, modified: float, size: int, is_folder: bool, refusal: str) -> Entry | None:
    path = name.replace("\\", "/")
    pieces = PurePosixPath(path).parts
    inside = tuple(part for part in pieces if part not in ("/", "//", "..", "."))
    kept = tuple(part for part in inside if not re.fullmatch(r"[A-Za-z]:", part))
    parts = tuple(map(entries.unicode_whole, kept))
    if not parts or any(map(ignored, parts)):
        return None
    if path.startswith("/") or ".." in pieces or kept != inside or re.match(r"[A-Za-z]:", path):
        refusal = "its path leads out of the archive"
    elif WITHIN in name:
        refusal = "its name holds control characters"
    elif size > entries.MAX_BYTES and not is_folder and not is_archive(parts[-1]):
        refusal = too_big()
    return Entry(name, parts, modified, is_folder, refusal or bad_path(parts), size)


def _require_few(number: int, total: int, most: Bounds) -> None:
    if number > most.files:
        raise Refused(f"it holds more than {most.files} files")
    if total > most.size:
        raise Refused(f"it unpacks to more than {most.size // 2**30} GB")


def _as_written(info: zipfile.ZipInfo) -> str:
    """The name of a file; some systems write UTF-8 and do not say so."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _require_no_overlap(found: list[zipfile.ZipInfo]) -> None:
    end = 0
    for info in sorted(found, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise Refused("its files overlap, as in a zip bomb")
        end = info.header_offset + 30 + info.compress_size


def _date(info: zipfile.ZipInfo) -> float:
    try:
        return datetime(*info.date_time).timestamp()
    except (ValueError, OverflowError):
        return 0.0

"""Looking into archives: listing and reading, never unpacking to a path.

An archive is refused as a whole when it cannot be trusted: too many files, files that overlap, too
much data, archives in archives in archives. Otherwise a file in it is refused for itself.
"""

from __future__ import annotations

import atexit
import bz2
import gzip
import lzma
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from autograder.collecting import entries
from autograder.collecting.entries import WITHIN, Entry, bad_path, is_archive
from autograder.collecting.kinds import MAX_RATIO, Archive, Refused, Tar, Zip, bounds

MAX_DEPTH = 3
"""Archives within one another, the source counted."""
_KEPT_OPEN = 32


def contents(path: Path, chain: tuple[str, ...] = ()) -> list[Entry]:
    """The files of an archive, or of one inside of it, those of further ones included.

    Raises:
        Refused: the archive itself cannot be read or trusted.
    """
    archive, most = opened(path, chain), bounds(len(chain))
    found: list[Entry] = []
    try:
        members = list(archive.members(most))
    except Refused:
        raise
    except Exception as error:  # a damaged archive raises errors of many kinds
        raise Refused(f"it is damaged ({entries.readable(str(error))})") from None
    for entry in members:
        inner = (*chain, entry.name)
        whole = replace(entry, name=WITHIN.join(inner))
        if entry.refusal or entry.is_folder or not is_archive(entry.parts[-1]):
            found.append(whole)
        else:
            found.extend(expanded(whole, path, inner))
        if len(found) > most.files:
            raise Refused(f"it holds more than {most.files} files")
    return found


def expanded(entry: Entry, path: Path, chain: tuple[str, ...] = ()) -> list[Entry]:
    """An archive's files in its place, below a folder that bears its name."""
    folder = (*entry.parts[:-1], entries.stem(entry.parts[-1]) or entry.parts[-1])
    try:
        if len(chain) >= MAX_DEPTH:
            raise Refused(f"it is an archive within {MAX_DEPTH} others")
        found = contents(path, chain)
    except Refused as refused:
        return [replace(entry, refusal=str(refused))]
    whole = []
    for inner in found:
        # A folder that is called like the archive around it says nothing new.
        again = inner.parts[0] == folder[-1] and len(inner.parts) > 1
        parts = (*folder, *(inner.parts[1:] if again else inner.parts))
        name = inner.name if chain else f"{entry.name}{WITHIN}{inner.name}"
        whole.append(
            replace(inner, name=name, parts=parts, refusal=inner.refusal or bad_path(parts))
        )
    return whole


def read(path: Path, chain: tuple[str, ...], limit: int) -> bytes:
    """At most `limit` + 1 bytes of a file in an archive; `ValueError` with the reason if not."""
    try:
        with opened(path, chain[:-1]).open(chain[-1]) as file:
            return file.read(limit + 1)
    except Exception as error:  # as above
        raise ValueError(entries.readable(str(error).replace(WITHIN, "/"))) from None


_Key = tuple[Path, tuple[int, int, int], tuple[str, ...]]
_OPEN: dict[_Key, tuple[Archive, IO[bytes]]] = {}


def opened(path: Path, chain: tuple[str, ...] = ()) -> Archive:
    """The archive at a path, or one inside of it; it stays open for the next time."""
    try:
        facts = os.stat(path)
        key = path, (facts.st_ino, facts.st_size, facts.st_mtime_ns), chain
        if key not in _OPEN:
            made = _open(*_raw(path, chain))
            while len(_OPEN) >= _KEPT_OPEN:
                _close(next(iter(_OPEN)))
            _OPEN[key] = made
        _OPEN[key] = _OPEN.pop(key)  # the last one to be closed again
        return _OPEN[key][0]
    except Refused:
        raise
    except Exception as error:  # as above
        raise Refused(f"it is damaged ({entries.readable(str(error))})") from None


@atexit.register
def close_all() -> None:
    """Close the archives that are still open."""
    for key in list(_OPEN):
        _close(key)


def _close(key: _Key) -> None:
    archive, file = _OPEN.pop(key)
    archive.file.close()
    file.close()


def _raw(path: Path, chain: tuple[str, ...]) -> tuple[IO[bytes], int]:
    """The bytes of an archive, and their number."""
    if not chain:
        return open(path, "rb"), path.stat().st_size
    with opened(path, chain[:-1]).open(chain[-1]) as packed:
        return _copied(packed, bounds(len(chain)).size)


def _open(file: IO[bytes], size: int) -> tuple[Archive, IO[bytes]]:
    try:
        start = file.read(6)
        file.seek(0)
        if start[:2] == b"PK":
            return Zip(zipfile.ZipFile(file)), file
        unpacker = _unpacker(start)
        if unpacker is not None:
            with file, unpacker(file) as packed:
                file, _ = _copied(packed, min(bounds(0).size, MAX_RATIO * size + 2**20))
        return Tar(tarfile.open(fileobj=file, mode="r:")), file
    except BaseException:
        file.close()
        raise


def _unpacker(start: bytes) -> Callable[[IO[bytes]], Any] | None:
    if start[:2] == b"\x1f\x8b":
        return lambda file: gzip.GzipFile(fileobj=file)
    if start[:3] == b"BZh":
        return lambda file: bz2.BZ2File(file)
    if start == b"\xfd7zXZ\0":
        return lambda file: lzma.LZMAFile(file)
    return None


def _copied(source: IO[bytes], limit: int) -> tuple[IO[bytes], int]:
    """What a stream holds, in a temporary file that has no name."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    total = 0
    try:
        while data := source.read(2**20):
            total += len(data)
            if total > limit:
                raise Refused(f"it unpacks to more than {limit // 2**20} MB")
            file.write(data)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file, total

"""The list of what a hand-in holds: names, sizes and SHA-256, as JSON in the zip itself.

It tells whether a file is the one that was handed in. It proves nothing: whoever changes a file can
write another list.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

MANIFEST = "manifest.json"
MAX_BYTES = 2**20
_FORMAT = "vi-course hand-in 1"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class NoManifest(ValueError):
    """The file is no list of a hand-in."""


@dataclass(frozen=True)
class Listed:
    """A file of a hand-in, by its path in the zip."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What is in a hand-in, and from when (in UTC); `version` is that of the course.

    `student` is the name that was given, "" if none was.
    """

    made: str
    version: str
    student: str
    files: tuple[Listed, ...]


def listed(files: Mapping[str, bytes]) -> tuple[Listed, ...]:
    """The entries of some files, in the order of their names."""
    return tuple(Listed(name, len(files[name]), digest(files[name])) for name in sorted(files))


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def written(manifest: Manifest) -> bytes:
    """A manifest as it stands in the zip."""
    content = {"format": _FORMAT, **asdict(manifest)}
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def read(data: bytes) -> Manifest:
    """A manifest from its bytes, which anybody may have written; `NoManifest` if it is none."""
    try:
        found = json.loads(data[: MAX_BYTES + 1])
        if found["format"] != _FORMAT:
            raise NoManifest("it is of another kind")
        files = tuple(_entry(item) for item in found["files"])
        made, version, student = (_text(found[key]) for key in ("made", "version", "student"))
    except NoManifest:
        raise
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise NoManifest(f"expected a list as `autograder submit` writes it: {error}") from None
    return Manifest(made, version, student, files)


def _entry(item: Any) -> Listed:
    name, size, sha256 = item["name"], item["size"], item["sha256"]
    if type(size) is not int or not _SHA256.fullmatch(_text(sha256)):
        raise NoManifest("an entry has no size or no checksum")
    return Listed(_text(name), size, sha256)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise NoManifest(f"expected a text, got {type(value).__name__}")
    return value


def differences(manifest: Manifest, files: Mapping[str, bytes]) -> Sequence[str]:
    """What is not as the list says, of the files that one hand-in consists of, in sentences."""
    entries = {entry.name: entry for entry in manifest.files}
    found = []
    for name, data in files.items():
        entry = entries.get(name)
        if entry is None:
            found.append(f"{name} is not in the list of what was handed in.")
        elif entry.sha256 != digest(data):
            found.append(
                f"The checksum of {name} is not the one in the list of what was handed in: "
                "the file was changed after the zip had been made, or the list was."
            )
    return found

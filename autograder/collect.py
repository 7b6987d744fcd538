"""Finding hand-ins in whatever a learning platform, nbgrader or a person gives.

A folder, a zip or a tar, with the layouts of Moodle, Canvas, Gradescope, nbgrader's exchange and
folders named by hand, also several of them in one folder. Nothing is unpacked, no link is followed,
and only files of bounded size are read. Whatever looks like a hand-in becomes exactly one `HandIn`
per student and lesson, even if it is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.collecting import archives, entries, kinds
from autograder.collecting.entries import WITHIN, Entry
from autograder.collecting.found import lesson_named
from autograder.records import Status

if TYPE_CHECKING:
    from autograder.rosters import Roster

__all__ = [
    "Collection",
    "HandIn",
    "NoHandIns",
    "collect",
    "lesson_named",
    "read_files",
    "read_notebook",
]


class NoHandIns(ValueError):
    """There is nothing to grade, for a reason that the sentence says."""


@dataclass(frozen=True)
class HandIn:
    """The hand-in of one student for one lesson.

    `name` is where the notebook that counts lies in the source. If there is none, `status` and
    `sentence` say why. `lesson` is a lesson's name, or that of the folder when there is no such
    lesson. `files` are the student's helper files beside the notebook, as names inside of the
    source, and `file_names` the names that they are to have. `submitted` is the time of the hand-in
    in UTC, such as 2026-03-01T10:00:00Z, from where `time_from` says, or "" if nothing tells it;
    `modified` is no more than the date of the file. `attempt` counts resubmissions.
    """

    student: str
    lesson: str
    name: str = ""
    status: Status | None = None
    sentence: str = ""
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    submitted: str = ""
    attempt: int = 0
    email: str = ""
    platform_id: str = ""
    file_names: tuple[str, ...] = ()
    time_from: str = ""
    modified: float = 0.0


@dataclass(frozen=True)
class Collection:
    """The hand-ins of a class, and remarks on what is no student's hand-in.

    `recognised` says what the source is, such as "a Moodle download of 31 students".
    """

    hand_ins: tuple[HandIn, ...]
    remarks: tuple[str, ...] = ()
    recognised: tuple[str, ...] = ()


def collect(source: Path, lessons: Sequence[str], rosters: Sequence[Roster] = ()) -> Collection:
    """The hand-ins in a folder or archive, by student and lesson; `NoHandIns` if none.

    Lists of the class that a platform exports give addresses, and Moodle's the times, too. They may
    also lie beside the downloads in the folder.
    """
    from autograder.collecting.grouping import group
    from autograder.collecting.handed import compared

    listed = _entries(source)
    collection = group(source, listed, lessons, rosters)
    if not collection.hand_ins:
        raise NoHandIns(
            f"Expected hand-ins as student/lesson/lesson.ipynb, or a download from Moodle, Canvas, "
            f"Gradescope or nbgrader's exchange in {str(source)!r}, found none."
        )
    return replace(collection, hand_ins=compared(source, listed, collection.hand_ins))


def read_notebook(source: Path, hand_in: HandIn) -> bytes:
    """The bytes of a hand-in's notebook; `ValueError` with a sentence if they cannot be read."""
    return read(source, hand_in.name, entries.MAX_BYTES)


def read_files(source: Path, hand_in: HandIn) -> dict[str, bytes]:
    """The student's helper files, by plain names; `ValueError` with a sentence if unreadable."""
    from autograder.collecting.entries import MAX_FILES_BYTES

    read_once: dict[str, bytes] = {}
    left = MAX_FILES_BYTES
    for place in hand_in.files:
        if place not in read_once:
            read_once[place] = read(source, place, left)
            left -= len(read_once[place])
    pairs = zip(hand_in.file_names, hand_in.files, strict=True)
    return {name: read_once[place] for name, place in pairs}


def read(source: Path, name: str, limit: int) -> bytes:
    """A file of a source by its name in it; `ValueError` with a sentence if it cannot be read."""
    try:
        if not source.is_dir():
            data = archives.read(source, tuple(name.split(WITHIN)), limit)
        elif WITHIN in name:
            path, *chain = name.split(WITHIN)
            data = archives.read(source / path, tuple(chain), limit)
        else:
            descriptor = os.open(source / name, os.O_RDONLY | os.O_NOFOLLOW)
            with open(descriptor, "rb") as file:
                data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"The file cannot be read: {reason}.") from None
    if len(data) > limit:
        raise ValueError(f"The file cannot be read: it is larger than {limit / 2**20:g} MB.")
    return data


def _entries(source: Path) -> list[Entry]:
    if source.is_dir():
        found: list[Entry] = []
        for entry in entries.walk(source):
            is_packed = not entry.is_folder and entries.is_archive(entry.parts[-1])
            if is_packed and not entry.refusal:
                found.extend(archives.expanded(entry, source / entry.name))
            else:
                found.append(entry)
        return found
    if not source.is_file():
        raise NoHandIns(f"Expected a folder or a zip of hand-ins, but there is no {str(source)!r}.")
    try:
        return archives.contents(source)
    except kinds.Refused as refused:
        raise NoHandIns(
            f"Expected a folder or a zip of hand-ins, but {source.name!r} was refused: {refused}."
        ) from None

"""Finding hand-ins in a folder `student/lesson/lesson.ipynb`, or in a zip of one.

Nothing is unpacked, no link is followed, and only notebooks are read, up to a size. Whatever looks
like a hand-in becomes exactly one `HandIn` per student and lesson, even if it is refused.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder.records import Status

MAX_BYTES = 50 * 2**20
"""The size of the largest notebook that is read."""
MAX_ENTRIES = 200_000
MAX_RATIO = 300
_IGNORED = ("__MACOSX", "Thumbs.db", "desktop.ini")
_COPY = re.compile(r"(?:[-_ ]?copy\s*\d*|\s*[-_ ]?\(\d+\)|[-_ ]\d+)+$", re.IGNORECASE)


class NoHandIns(ValueError):
    """There is nothing to grade, for a reason that the sentence says."""


@dataclass(frozen=True)
class Entry:
    """A file or an empty folder: its path below the top, and why it is refused, if it is."""

    name: str
    parts: tuple[str, ...]
    modified: float = 0.0
    is_folder: bool = False
    refusal: str = ""


@dataclass(frozen=True)
class HandIn:
    """The hand-in of one student for one lesson.

    `name` is the path of the notebook that counts. If there is none, `status` and `sentence` say
    why. `lesson` is a lesson's name, or that of the folder when there is no such lesson. `files` are
    the student's helper files beside the notebook, as names inside of the source. `submitted` is
    the time of the hand-in in UTC, such as 2026-03-01T10:00:00Z, or "" if nothing tells it.
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


@dataclass(frozen=True)
class Collection:
    """The hand-ins of a class, and remarks on what is no student's hand-in."""

    hand_ins: tuple[HandIn, ...]
    remarks: tuple[str, ...] = ()


def collect(source: Path, lessons: Sequence[str]) -> Collection:
    """The hand-ins in a folder or zip, sorted by student and lesson; `NoHandIns` if none."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    remarks = []
    for entry in _unwrapped(_entries(source), lessons):
        place = _place(entry.parts, lessons)
        if place is not None:
            groups[place].append(entry)
        elif entry.refusal:
            remarks.append(f"{entry.name} was refused: {entry.refusal}.")
        elif not entry.is_folder and _is_notebook(entry.name):
            remarks.append(f"{entry.name} lies outside of a student's folder and was left out.")
    if not groups:
        raise NoHandIns(
            f"Expected hand-ins as student/lesson/lesson.ipynb in {str(source)!r}, found none."
        )
    hand_ins = [_choose(*place, groups[place], lessons) for place in sorted(groups)]
    return Collection(tuple(hand_ins), tuple(remarks))


def read_notebook(source: Path, hand_in: HandIn) -> bytes:
    """The bytes of a hand-in's notebook; `ValueError` with a sentence if they cannot be read."""
    try:
        if source.is_dir():
            descriptor = os.open(source / hand_in.name, os.O_RDONLY | os.O_NOFOLLOW)
            with open(descriptor, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        else:
            with zipfile.ZipFile(source) as archive, archive.open(hand_in.name) as packed:
                data = packed.read(MAX_BYTES + 1)
    except Exception as error:  # a damaged zip raises errors of many kinds
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"The file cannot be read: {reason}.") from None
    if len(data) > MAX_BYTES:
        raise ValueError(_too_big())
    return data


def _entries(source: Path) -> list[Entry]:
    if source.is_dir():
        return list(_walk(source, ()))
    if not source.is_file():
        raise NoHandIns(f"Expected a folder or a zip of hand-ins, but there is no {str(source)!r}.")
    try:
        with zipfile.ZipFile(source) as archive:
            found = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise NoHandIns(
            f"Expected a folder or a zip of hand-ins, but {source.name!r} is neither: {error}."
        ) from None
    if len(found) > MAX_ENTRIES:
        raise NoHandIns(f"Expected at most {MAX_ENTRIES} files in the zip, found {len(found)}.")
    return [entry for info in found if (entry := _packed(info)) is not None]


def _walk(top: Path, parts: tuple[str, ...]) -> Iterator[Entry]:
    empty = True
    for found in sorted(os.scandir(top.joinpath(*parts)), key=lambda item: item.name):
        below = (*parts, found.name)
        if _ignored(found.name):
            continue
        empty = False
        name = "/".join(below)
        if found.is_symlink():
            yield Entry(name, below, refusal="it is a link to another place, not a file")
        elif found.is_dir():
            if len(below) < 8:
                yield from _walk(top, below)
        elif not found.is_file():
            yield Entry(name, below, refusal="it is not a regular file")
        else:
            facts = found.stat(follow_symlinks=False)
            refusal = _too_big() if facts.st_size > MAX_BYTES else ""
            yield Entry(name, below, facts.st_mtime, refusal=refusal)
    if empty and parts:
        yield Entry("/".join(parts), parts, is_folder=True)


def _packed(info: zipfile.ZipInfo) -> Entry | None:
    path = info.filename.replace("\\", "/")
    found = tuple(part for part in PurePosixPath(path).parts if part not in ("/", "..", "."))
    parts = tuple(part for part in found if not re.fullmatch(r"[A-Za-z]:", part))
    if not parts or any(map(_ignored, parts)):
        return None
    refusal = ""
    if path.startswith("/") or ".." in PurePosixPath(path).parts or parts != found:
        refusal = "its path leads out of the zip"
    elif stat.S_ISLNK(info.external_attr >> 16):
        refusal = "it is a link to another place, not a file"
    elif info.flag_bits & 1:
        refusal = "it is encrypted"
    elif info.file_size > MAX_BYTES:
        refusal = _too_big()
    elif info.file_size > 2**20 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        refusal = f"it unpacks to more than {MAX_RATIO} times its size"
    modified = float(int("".join(f"{number:02d}" for number in info.date_time)))
    return Entry(info.filename, parts, modified, info.is_dir(), refusal)


def _ignored(name: str) -> bool:
    return name.startswith(".") or name in _IGNORED


def _too_big() -> str:
    return f"it is larger than {MAX_BYTES // 2**20} MB"


def _unwrapped(entries: list[Entry], lessons: Sequence[str]) -> list[Entry]:
    """Without one folder around all students, as zips of a folder have it."""
    files = [entry for entry in entries if not entry.is_folder]
    tops = {entry.parts[0] for entry in entries}
    is_student = any(len(e.parts) > 1 and lesson_named(e.parts[1], lessons) for e in entries)
    deep = bool(files) and min(len(entry.parts) for entry in files) >= 4
    if len(tops) == 1 and deep and not is_student:
        below = [(entry, entry.parts[1:]) for entry in entries if len(entry.parts) > 1]
        return [Entry(e.name, p, e.modified, e.is_folder, e.refusal) for e, p in below]
    return entries


def _place(parts: tuple[str, ...], lessons: Sequence[str]) -> tuple[str, str] | None:
    """The student and the lesson that a path stands for; None for stray files at the top."""
    student = parts[0].encode("utf-8", "replace").decode()
    if len(parts) >= 3:
        return student, lesson_named(parts[1], lessons) or parts[1]
    if len(parts) == 2 and (name := lesson_named(parts[1], lessons)):
        return student, name
    if len(parts) == 2 and _is_notebook(parts[1]):
        return student, _base(parts[1])
    return None


def lesson_named(name: str, lessons: Sequence[str]) -> str | None:
    """The lesson that a file or folder is named after: case and marks of copies do not matter."""
    plain = _COPY.sub("", _base(name).strip()).casefold()
    return next((lesson for lesson in lessons if lesson.casefold() == plain), None)


def _is_notebook(name: str) -> bool:
    return ".ipynb" in name.casefold()


def _base(name: str) -> str:
    return re.split(r"\.ipynb", name, flags=re.IGNORECASE)[0]


def _choose(student: str, lesson: str, entries: list[Entry], lessons: Sequence[str]) -> HandIn:
    """One hand-in: the notebook with the best name, among equals the newest."""
    if lesson not in lessons:
        known = ", ".join(lessons)
        sentence = f"There is no lesson {lesson!r}: expected {known}."
        return HandIn(student, lesson, status="wrong lesson", sentence=sentence)
    found = [entry for entry in entries if not entry.is_folder and _is_notebook(entry.parts[-1])]
    good = [entry for entry in found if not entry.refusal]
    refused = [entry for entry in entries if entry.refusal]
    notes = [f"{entry.name} was refused: {entry.refusal}." for entry in refused]
    if not good:
        if refused:
            sentence = f"The file {refused[0].parts[-1]} was refused: {refused[0].refusal}."
            return HandIn(student, lesson, "", "refused", sentence, tuple(notes))
        names = sorted(entry.parts[-1] for entry in entries if not entry.is_folder)
        listing = f"only {', '.join(names[:5])}" if names else "nothing"
        sentence = f"Expected {lesson}.ipynb in the folder, and found {listing}."
        return HandIn(student, lesson, status="not a notebook", sentence=sentence)
    best = min(good, key=lambda entry: _preference(entry, lesson, lessons))
    if best.parts[-1] != f"{lesson}.ipynb":
        notes.append(f"The notebook is named {best.parts[-1]}, not {lesson}.ipynb.")
    others = [entry.parts[-1] for entry in good if entry is not best]
    if others:
        notes.append(f"Of several notebooks, {best.parts[-1]} counts, not {', '.join(others)}.")
    return HandIn(student, lesson, best.name, notes=tuple(notes))


def _preference(
    entry: Entry, lesson: str, lessons: Sequence[str]
) -> tuple[int, int, float, int, str]:
    """Smallest for the notebook that counts: by kind of name, depth, age, then the longer name."""
    name = entry.parts[-1]
    of = lesson_named(name, lessons)
    kind = 0 if name == f"{lesson}.ipynb" else 1 if of == lesson else 2 if of is None else 3
    return kind, len(entry.parts), -entry.modified, -len(name), name

"""Folders and files that were named by hand.

`student/lesson/lesson.ipynb` (with or without the lesson's folder), `lesson/student.ipynb`,
`lesson/student/...`, and `student_lesson.ipynb`, each with or without folders around everything.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autograder.collecting.entries import Entry, is_notebook
from autograder.collecting.found import Found, base, lesson_named, student_beside

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """How a class is laid out: folders around it, and folders of lessons that hold students."""

    around: int
    lessons_first: frozenset[Parts]
    flat: frozenset[Parts]
    whole: bool


def plain(
    found: Sequence[Entry], lessons: Sequence[str], top: str
) -> tuple[list[Found], list[Entry]]:
    """The files of students, and those that are nobody's; `top` is the name of the source."""
    if lesson_named(top, lessons) and not any(_lesson_at(e, lessons) is not None for e in found):
        found = [replace(entry, parts=(top, *entry.parts)) for entry in found]
    found = [replace(entry, parts=_without_nameless(entry.parts)) for entry in found]
    shape = _shape(found, lessons)
    placed, strays = [], []
    for entry in found:
        place = _place(entry, shape, lessons, top)
        if place is None:
            strays.append(entry)
        else:
            student, lesson, depth = place
            box = "/".join((top, *entry.parts[:depth], student))
            below = entry.parts[depth:] or entry.parts[-1:]
            placed.append(Found(replace(entry, parts=below), "folder", student, lesson, box))
    return placed, strays


def _without_nameless(parts: Parts) -> Parts:
    """Without a folder below another that `submit` has named, for want of a name, `hand-in`.

    It is the zip in a student's folder, and not a student.
    """
    nameless = len(parts) > 2 and re.fullmatch(r"hand-in(?:_.*)?", parts[1], re.IGNORECASE)
    return (parts[0], *parts[2:]) if nameless else parts


def _shape(found: Sequence[Entry], lessons: Sequence[str]) -> Shape:
    inside: dict[Parts, set[str]] = defaultdict(set)  # who a lesson's folder holds
    named: set[Parts] = set()
    beside: dict[Parts, set[str]] = defaultdict(set)
    for entry in found:
        at = _lesson_at(entry, lessons)
        notebook = not entry.is_folder and is_notebook(entry.parts[-1])
        if at is not None:
            folder, below = entry.parts[: at + 1], entry.parts[at + 1 :]
            inside[folder].update({base(below[0])} if notebook and below else ())
            if len(below) == 1 and notebook and lesson_named(below[0], lessons):
                named.add(folder)
        elif notebook and (both := student_beside(entry.parts[-1], lessons)):
            beside[entry.parts[:-1]].add(both[0].casefold())
    parents = {folder[:-1] for folder in inside}
    first = frozenset(
        folder
        for folder, people in inside.items()
        if folder not in named and (len(folder) == 1 or (len(parents) == 1 and len(people) > 1))
    )
    tops = {e.parts[:1] for e in found if not e.is_folder and is_notebook(e.parts[-1])}
    flat = frozenset(
        f for f, people in beside.items() if not f or (tops == {f} and len(people) > 1)
    )
    behind = [folder[:-1] for folder in inside if folder not in first and len(folder) > 1]
    around = _students_at(behind) if behind else _around(found, lessons)
    return Shape(around, first, flat, whole=not behind and not first and not flat)


def _students_at(paths: Sequence[Parts]) -> int:
    """How many folders lie around those of the students, given the paths above lessons' folders.

    A folder that holds several others is a class or a group of it if at least half of those beside
    it do, too. One student's folder cannot make its neighbours' folders into those of groups.
    """
    depth = 0
    while min(map(len, paths)) > depth + 1:
        below: dict[Parts, set[str]] = defaultdict(set)
        for path in paths:
            below[path[: depth + 1]].add(path[depth + 1])
        groups = sum(len(names) > 1 for names in below.values())
        if len(below) > 1 and 2 * groups < len(below):
            break
        depth += 1
    return depth


def _around(found: Sequence[Entry], lessons: Sequence[str]) -> int:
    """The same where no lesson has a folder of its own."""
    files = [entry.parts for entry in found if not entry.is_folder]
    deep = [parts for parts in files if is_notebook(parts[-1])]
    if len({entry.parts[0] for entry in found}) != 1 or not deep:
        return 0
    students = {parts[1] for parts in deep if len(parts) == 3 and lesson_named(parts[-1], lessons)}
    return 1 if len(students) > 1 or min(map(len, files)) >= 4 else 0


def _place(
    entry: Entry, shape: Shape, lessons: Sequence[str], top: str
) -> tuple[str, str, int] | None:
    """The student, the lesson, and the number of folders above the hand-in's own files."""
    parts, at = entry.parts, _lesson_at(entry, lessons)
    if at is not None:
        lesson = lesson_named(parts[at], lessons) or ""
        if parts[: at + 1] in shape.lessons_first:
            return _in_lesson(entry, at, lesson, lessons)
        student = top if at == 0 else parts[min(shape.around, at - 1)]
        named = student_beside(student, lessons)  # such as ada_05_bbvi, as `submit` names a zip
        return named[0] if named else student, lesson, at + 1
    if entry.is_folder:
        return None
    name = parts[-1]
    both = student_beside(name, lessons) if is_notebook(name) else None
    if both and parts[:-1] in shape.flat:
        return *both, len(parts) - 1
    if len(parts) == 1:
        lesson = lesson_named(name, lessons) or ""
        return (top, lesson, 0) if lesson and shape.whole else None
    below = parts[shape.around + 1 :]
    if not below:
        return None
    student = parts[shape.around]
    if is_notebook(name):
        known = lesson_named(name, lessons) or (both[1] if both else "")
        unknown = below[0] if len(below) > 1 else base(name)
        return student, known or unknown, shape.around + 1
    return student, below[0] if len(below) > 1 else "", shape.around + 1


def _in_lesson(
    entry: Entry, at: int, lesson: str, lessons: Sequence[str]
) -> tuple[str, str, int] | None:
    below = entry.parts[at + 1 :]
    if len(below) > 1 or (entry.is_folder and below):
        return below[0], lesson, at + 2
    if below and is_notebook(below[0]):
        both = student_beside(below[0], lessons)
        return (both[0] if both else base(below[0])), lesson, at + 1
    return None


def _lesson_at(entry: Entry, lessons: Sequence[str]) -> int | None:
    """Where a path has the folder of a lesson."""
    folders = entry.parts if entry.is_folder or entry.refusal else entry.parts[:-1]
    return next((i for i, part in enumerate(folders) if lesson_named(part, lessons)), None)

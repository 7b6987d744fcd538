"""What a layout says about a file: whose it is, of which lesson and hand-in, and from when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.collecting.entries import Entry, is_notebook

_COPY = re.compile(r"(?:[-_ ]?copy\s*\d*|\s*[-_ ]?\(\d+\)|[-_ ]\d+)+$", re.IGNORECASE)
_MARK = re.compile(r"copy\s*\d*|\(?\d{1,2}\)?", re.IGNORECASE)
_APART = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Found:
    """A file of a student.

    `entry.parts` are those below the student's own folder, with the names that the student gave.
    `student` is the name to be shown; `key` tells apart two who share it within one `scope`, which
    is a download for one lesson, or "" for everything. What lies in one `box` was handed in
    together. `lesson` is "" where the path does not tell it. `above` are the folders, or archives,
    that the layout was found in, `number` is the platform's for the file, and `also` another name
    that the file may have had.
    """

    entry: Entry
    layout: str
    student: str
    lesson: str
    box: str
    above: tuple[str, ...] = ()
    key: str = ""
    scope: str = ""
    submitted: str = ""
    time_from: str = ""
    attempt: int = 0
    number: int = 0
    also: str = ""
    late: bool = False
    typed: bool = False
    email: str = ""
    platform_id: str = ""

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.entry.parts[-1]

    @property
    def is_notebook(self) -> bool:
        """Whether it is a notebook by its name."""
        return not self.entry.is_folder and is_notebook(self.name)


def lesson_named(name: str, lessons: Sequence[str]) -> str | None:
    """The lesson that a file or folder is named after: case and marks of copies do not matter."""
    plain = _COPY.sub("", base(name).strip()).casefold()
    return next((lesson for lesson in lessons if lesson.casefold() == plain), None)


def lesson_within(name: str, lessons: Sequence[str]) -> str | None:
    """The one lesson that a longer name mentions, such as `VI course-05 BBVI-1234`."""
    plain = f" {_APART.sub(' ', name.casefold()).strip()} "
    found = [
        lesson for lesson in lessons if f" {_APART.sub(' ', lesson.casefold()).strip()} " in plain
    ]
    return found[0] if len(found) == 1 else None


def student_beside(name: str, lessons: Sequence[str]) -> tuple[str, str] | None:
    """The student and the lesson in the name of a file like `ada_05_bbvi.ipynb`, in any order."""
    plain = _COPY.sub("", base(name).strip()) if lesson_named(name, lessons) is None else ""
    for candidate in (plain, base(name).strip()):
        for lesson in lessons:
            pattern = re.escape(lesson)
            match = re.fullmatch(
                rf"(?:(.+?)[ _-]+{pattern}|{pattern}[ _-]+(.+))", candidate, re.IGNORECASE
            )
            if match and not _MARK.fullmatch((match[1] or match[2]).strip()):
                return (match[1] or match[2]).strip(), lesson
    return None


def base(name: str) -> str:
    """The name of a notebook without its ending, and without what a browser added to that."""
    return re.split(r"\.ipynb", name, flags=re.IGNORECASE)[0]

"""The notebooks that a student hands in, each with the files beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.collecting.entries import MAX_FILES, MAX_FILES_BYTES, TIMESTAMP, is_archive
from autograder.collecting.found import lesson_named
from autograder.collecting.ids import is_plain
from autograder.course import ORIGINALS, is_practice, students_notebook
from autograder.lesson import lesson_for_students
from autograder.notebook_file import Unreadable, read_cells

STUBS = ("# Your answer replaces this line.", "*Your answer replaces this line.*")
"""What stands in a cell as long as nobody has answered there; nbgrader_config.py has it, too."""
_NOT_YET = re.compile(r".*^\s+raise NotImplementedError\b.*", re.DOTALL | re.MULTILINE)
_LESSON_IN_ID = re.compile(r"[EO](\d{1,2})\b")


class NothingToHandIn(ValueError):
    """There is nothing to make a hand-in of, for a reason that the sentence says."""


@dataclass(frozen=True)
class Work:
    """One notebook to be handed in, and the student's own files beside it.

    `left_out` are sentences about files that are not handed in, though they lie beside it.
    """

    lesson: str
    path: Path
    data: bytes
    files: dict[str, bytes] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def contents(self) -> dict[str, bytes]:
        """The files by their paths in the zip."""
        notebook = {f"{self.lesson}/{self.lesson}.ipynb": self.data}
        return notebook | {f"{self.lesson}/{name}": data for name, data in self.files.items()}


def chosen(wanted: Sequence[str], lessons: Sequence[str], root: Path) -> list[Work]:
    """The work that is asked for, by file or by lesson; without wishes, what has been begun."""
    if wanted:
        works = [_asked_for(text, lessons, root) for text in wanted]
    else:
        paths = [students_notebook(name, root) for name in lessons if not is_practice(name)]
        works = [work(p, lessons) for p in paths if p.is_file() and _is_begun(p, root)]
    if not works:
        raise NothingToHandIn(
            f"No exercise has been answered in {root / 'lessons'} yet, as far as the files tell. "
            "Save your notebooks, or name the one to hand in."
        )
    names = [one.lesson for one in works]
    twice = next((one for one in works if names.count(one.lesson) > 1), None)
    if twice is not None:
        both = " and ".join(str(one.path) for one in works if one.lesson == twice.lesson)
        raise NothingToHandIn(f"Expected one notebook per lesson, got {both}: hand in one of them.")
    return works


def _asked_for(text: str, lessons: Sequence[str], root: Path) -> Work:
    path = Path(text)
    if path.is_dir():
        path = path / f"{path.resolve().name}.ipynb"
    if not path.is_file() and (name := lesson_named(path.name, lessons)):
        path = students_notebook(name, root)
    if not path.is_file():
        known = ", ".join(lessons)
        raise NothingToHandIn(f"Expected a notebook, or one of {known}; there is no {text!r}.")
    if path.suffix.casefold() != ".ipynb":
        raise NothingToHandIn(
            f"Expected a notebook, LESSON.ipynb, got {text!r}. "
            "Files beside a notebook are handed in with it."
        )
    return work(path, lessons)


def work(path: Path, lessons: Sequence[str]) -> Work:
    """A notebook as it lies on the disk, with the files beside it; whatever is in it."""
    data = path.read_bytes()
    files, left_out = beside(path)
    lesson = lesson_of(path, data, lessons)
    return Work(lesson or path.stem, path, data, files, tuple(left_out))


def lesson_of(path: Path, data: bytes, lessons: Sequence[str]) -> str | None:
    """The lesson of a notebook, by its grade ids, else by its name."""
    try:
        cells = read_cells(data)[0]
    except Unreadable:
        cells = []
    ids = (_LESSON_IN_ID.match(cell.grade_id) for cell in cells)
    number = next((int(match[1]) for match in ids if match), None)
    for name in lessons:
        if number is not None and name.startswith(f"{number:02d}_"):
            return name
    return lesson_named(path.name, lessons)


def beside(path: Path) -> tuple[dict[str, bytes], list[str]]:
    """The student's own files beside a notebook that come along, and why others do not."""
    files: dict[str, bytes] = {}
    left_out = []
    left = MAX_FILES_BYTES
    for other in sorted(path.absolute().parent.iterdir()):
        name = other.name
        if name.startswith(".") or other.suffix == ".ipynb" or not other.is_file():
            continue
        size = other.stat().st_size
        if is_archive(name) or name == TIMESTAMP:
            continue
        if not is_plain(name):
            left_out.append(f"{name!r} is left out: such a name is not possible everywhere.")
        elif len(files) == MAX_FILES or size > left:
            left_out.append(
                f"{name} is left out: at most {MAX_FILES} files and {MAX_FILES_BYTES // 2**20} MB "
                "beside a notebook are handed in."
            )
        else:
            files[name] = other.read_bytes()
            left -= size
    return files, left_out


def _is_begun(path: Path, root: Path) -> bool:
    """Whether a notebook holds an answer, or cannot be read, of which its author should know."""
    stubs = released_stubs(path.stem, root)
    try:
        cells, _ = read_cells(path.read_bytes())
    except Unreadable:
        return True
    for cell in cells:
        stub = stubs.get(cell.grade_id)
        same = is_untouched(cell.source) if stub is None else cell.source.strip() == stub.strip()
        if cell.solution and not same:
            return True
    return False


def released_stubs(lesson: str, root: Path) -> Mapping[str, str]:
    """What answers' cells were released with; empty where only the student's own notebook is."""
    if not (root / ORIGINALS).is_dir():
        return {}
    return lesson_for_students(lesson, root).stubs


def is_untouched(source: str, stub: str = "") -> bool:
    """Whether an answer's cell still holds what it was released with, or a part of that."""
    as_released = any(text in source for text in STUBS) or source.strip() == stub.strip()
    return as_released or not _NOT_YET.sub("", source).strip()

"""The example class as the learning platforms hand it out, for trying out and for tests.

Names and times are made up by rule. One student has handed in twice, two are late.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autograder.tables import csv_text, write_whole

Files = Mapping[str, bytes]
DUE = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
_DOWNLOADED = (2026, 3, 8, 9, 30, 0)


@dataclass(frozen=True)
class Given:
    """A file that a student has handed in for a lesson, as the number `at` in the class."""

    student: str
    lesson: str
    file: str
    data: bytes
    at: int

    @property
    def name(self) -> str:
        """The student's full name."""
        return full_name(self.student)

    @property
    def time(self) -> datetime:
        """When it was handed in; students 5 and 6 are late, by 7 hours and by two days."""
        early = DUE - timedelta(hours=3 * self.at + 1, minutes=7)
        return {5: DUE + timedelta(hours=7), 6: DUE + timedelta(hours=47)}.get(self.at, early)


def full_name(student: str) -> str:
    """A name with capitals and spaces, of the name of a folder."""
    return " ".join(word[:1].upper() + word[1:] for word in re.split(r"[- ]", student))


def email(student: str) -> str:
    """A made-up address."""
    return f"{student.replace(' ', '.').casefold()}@example.edu"


def canvas_id(given: Given) -> str:
    """The user's number in Canvas."""
    return str(40_000 + given.at)


def moodle_number(given: Given) -> str:
    """The participant's number in the assignment of a lesson."""
    return f"{int(given.lesson[:2])}{500 + given.at}"


def canvas_name(given: Given) -> str:
    """The name as it stands in the names of Canvas' files: last name first, letters only."""
    first, _, last = given.name.rpartition(" ")
    return re.sub(r"[^\w]", "", f"{last}{first}").casefold()


def names(kind: str, given: Given) -> str:
    """What a student is called after collecting."""
    if kind == "canvas":
        return f"{canvas_name(given)}-{canvas_id(given)}"
    return given.student if kind == "exchange" else given.name


def read_class(handins: Path) -> list[Given]:
    """The files of a folder student/lesson/file."""
    students = sorted(path.name for path in handins.iterdir())
    return [
        Given(path.parts[-3], path.parts[-2], path.name, path.read_bytes(), students.index(student))
        for student in students
        for path in sorted((handins / student).glob("*/*"))
    ]


def write_downloads(handins: Path, kind: str, directory: Path) -> Path:
    """Write a class as `kind` gives it out, and expected.csv beside it, with the names changed.

    Returns:
        The folder of downloads.
    """
    found = read_class(handins)
    top = directory / "downloads"
    for name, data in KINDS[kind](found).items():
        write_whole(top / name, data)
    expected = handins.parent / "expected.csv"
    if expected.is_file():
        called = {given.student: names(kind, given) for given in found}
        rows = list(csv.reader(io.StringIO(expected.read_text(encoding="utf-8"))))
        changed = [rows[0], *([called[row[0]], *row[1:]] for row in rows[1:])]
        write_whole(directory / "expected.csv", csv_text(changed).encode())
    return top


def moodle(found: list[Given]) -> Files:
    """A zip and a grading worksheet for each lesson; its times are in the zone of this machine."""
    files: dict[str, bytes] = {}
    for lesson in sorted({given.lesson for given in found}):
        of = [given for given in found if given.lesson == lesson]
        folder = "{0.name}_{1}_assignsubmission_file"
        files[f"VI-{lesson}-{77 + int(lesson[:2])}.zip"] = _zip(
            {f"{folder.format(g, moodle_number(g))}/{g.file}": g.data for g in of}
            | {_typed(g): b"<p>See my notebook.</p>" for g in of[:1]}
        )
        files[f"Grades-VI-{lesson}-{77 + int(lesson[:2])}.csv"] = _worksheet(of)
    return files


def _typed(given: Given) -> str:
    return f"{given.name}_{moodle_number(given)}_assignsubmission_onlinetext/onlinetext.html"


def _worksheet(of: list[Given]) -> bytes:
    heading = [
        *("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"),
        *("Grade can be changed", "Last modified (submission)", "Last modified (grade)"),
        "Feedback comments",
    ]
    rows = [
        [
            *(f"Participant {moodle_number(g)}", g.name, email(g.student)),
            *("Submitted for grading", "", "100.00", "Yes"),
            *(f"{g.time.astimezone():%A, %-d %B %Y, %-I:%M %p}", "-", ""),
        ]
        for g in of
    ]
    absent = ["Participant 99", "Noor Absent", "noor@example.edu", "No submission", "", "100.00"]
    return csv_text([heading, *rows, [*absent, "Yes", "-", "-", ""]]).encode("utf-8-sig")


def canvas(found: list[Given]) -> Files:
    """A zip for each lesson, and the gradebook."""
    files: dict[str, bytes] = {}
    lessons = sorted({given.lesson for given in found})
    for i, lesson in enumerate(lessons):
        packed: dict[str, bytes] = {}
        for given in (given for given in found if given.lesson == lesson):
            late = "_LATE" if given.time > DUE else ""
            stem, dot, end = given.file.rpartition(".")
            again = "-1" if given.at == 1 else ""
            start = f"{canvas_name(given)}{late}_{canvas_id(given)}"
            packed[f"{start}_{900_000 + 100 * i + given.at}_{stem}{again}{dot}{end}"] = given.data
        files[f"submissions{f' ({i})' if i else ''}.zip"] = _zip(packed)
    heading = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    titles = [f"{lesson} ({6000 + i})" for i, lesson in enumerate(lessons)]
    people = {given.at: given for given in found}
    rows = [
        [", ".join(reversed(g.name.rsplit(" ", 1))), canvas_id(g), "", email(g.student), "VI"]
        for g in people.values()
    ]
    listed = [
        [*heading, *titles, "Final Score"],
        ["    Points Possible", "", "", "", "", *("" for _ in lessons), "(read only)"],
        *([*row, *("" for _ in lessons), ""] for row in rows),
        ["Absent, Noor", "49999", "", "noor@example.edu", "VI", *("" for _ in lessons), ""],
    ]
    files["2026-03-08T0930_Grades-VI.csv"] = csv_text(listed).encode("utf-8-sig")
    return files


def gradescope(found: list[Given]) -> Files:
    """An export for each lesson: folders of submissions, and their metadata."""
    files: dict[str, bytes] = {}
    for lesson in sorted({given.lesson for given in found}):
        top = f"assignment_{int(lesson[:2]) + 31_000}_export"
        lines = []
        for given in (given for given in found if given.lesson == lesson):
            folder = f"submission_{300_000 + 100 * int(lesson[:2]) + given.at}"
            files[f"{top}/{folder}/{given.file}"] = given.data
            lines += [
                f"{folder}:",
                "  :submitters:",
                f'  - :name: "{given.name}"',
                f"    :sid: '{20_000 + given.at}'",
                f"    :email: {email(given.student)}",
                f"  :created_at: {given.time:%Y-%m-%d %H:%M:%S}.123456000 Z",
                "  :score: 0.0",
                "  :history: []",
            ]
        files[f"{top}/submission_metadata.yml"] = ("---\n" + "\n".join(lines) + "\n").encode()
    return files


def exchange(found: list[Given]) -> Files:
    """The inbound folder of a course; student 1 has handed in earlier, too, and nothing much."""
    files: dict[str, bytes] = {}
    for given in found:
        times = {given.time: given.data}
        if given.at == 1:
            times[given.time - timedelta(days=2)] = b"{}"
        for time, data in times.items():
            stamp = f"{time:%Y-%m-%d %H:%M:%S.%f} UTC"
            folder = f"vi/inbound/{given.student}+{given.lesson}+{stamp}+c2VjcmV0-_{given.at}"
            files[f"{folder}/{given.file}"] = data
            files[f"{folder}/timestamp.txt"] = stamp.encode()
    return files


def _zip(files: Files) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _DOWNLOADED)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return packed.getvalue()


KINDS: Mapping[str, Callable[[list[Given]], Files]] = {
    "moodle": moodle,
    "canvas": canvas,
    "gradescope": gradescope,
    "exchange": exchange,
}

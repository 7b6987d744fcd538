"""Moodle: grading worksheets to be uploaded, a table for the gradebook, a zip of feedback.

Moodle has one grading worksheet per assignment. Its rows are found by `Participant 123456`, a
number of that one assignment. One that was downloaded from Moodle comes back with nothing changed
but the grades and the comments.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence

from autograder.collecting.found import lesson_within
from autograder.exporting.grades import Line, of_lesson
from autograder.exporting.matching import Unmatched, rows_of, scaled
from autograder.exporting.table import shown
from autograder.rosters import BadRoster, Roster
from autograder.tables import csv_text, defused

_HEADING = (
    *("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"),
    *("Grade can be changed", "Last modified (submission)", "Last modified (grade)"),
    "Feedback comments",
)
_GRADE = ("grade", "bewertung", "note", "calificación", "valutazione", "nota", "évaluation")
_MOST = ("maximum grade", "bestwertung", "note maximale", "calificación máxima")
_COMMENT = ("feedback comments", "feedback als kommentar", "comentarios de retroalimentación")
_FOLDER = "{name}_{number}_assignsubmission_file_"


def worksheet(found: Sequence[Line]) -> str:
    """A grading worksheet for one lesson, from what the hand-ins tell."""
    rows: list[Sequence[str]] = [_HEADING]
    for line in found:
        record = line.record
        number = f"Participant {record.platform_id}" if record.platform_id else ""
        who = (number, defused(_name(line)), defused(record.email), "")
        grade = (shown(line.total), shown(line.max_score), "Yes", "", "")
        rows.append((*who, *grade, comment(line)))
    return csv_text(rows)


def worksheet_from(listed: Roster, found: Sequence[Line]) -> tuple[str, list[Unmatched], list[str]]:
    """Moodle's own worksheet with grades and comments; who is on one side only; remarks."""
    heading = [cell.strip().casefold() for cell in listed.heading]
    grade, most, remark = (_at(heading, names) for names in (_GRADE, _MOST, _COMMENT))
    if grade is None:
        raise BadRoster(
            f"Expected a column Grade in {listed.source}, got {', '.join(listed.heading)}."
        )
    fitting, missing = rows_of(found, listed)
    rows: list[list[str]] = []
    converted: set[str] = set()
    for i, row in enumerate(listed.rows):
        cells = [*row, *[""] * (len(heading) - len(row))]
        line = fitting.get(i)
        if line is not None and line.total is not None:
            scale = _number(cells[most]) if most is not None else 0.0
            points = scaled(line.total, line.max_score, scale or line.max_score)
            if scale and scale != line.max_score:
                converted.add(
                    f"{line.record.lesson}: {shown(line.max_score)} points are {shown(scale)} in "
                    "Moodle; grades were converted."
                )
            cells[grade] = shown(points)
        if line is not None and remark is not None:
            cells[remark] = comment(line)
        rows.append(cells)
    return csv_text(rows, listed.delimiter), missing, sorted(converted)


def lesson_of(listed: Roster, found: Sequence[Line], lessons: Sequence[str]) -> str:
    """The lesson that a worksheet belongs to: by its name, or by whom it fits best."""
    taken = [lesson for lesson in lessons if of_lesson(found, lesson)]
    named = lesson_within(listed.source.rsplit(".", 1)[0], lessons)
    if named is not None:
        return named
    if len(taken) == 1:
        return taken[0]
    numbers = {person.platform_id for person in listed.people} - {""}
    fits = {
        lesson: sum(line.record.platform_id in numbers for line in of_lesson(found, lesson))
        for lesson in taken
    }
    best = max(fits.values(), default=0)
    if not best or list(fits.values()).count(best) > 1:
        raise BadRoster(
            f"Expected the name of a lesson ({', '.join(lessons)}) in the name of {listed.source}."
        )
    return next(lesson for lesson, count in fits.items() if count == best)


def gradebook(found: Sequence[Line], lessons: Sequence[str]) -> str:
    """A table for Moodle's gradebook (Grades, Import, CSV file): one column per lesson."""
    taken = [lesson for lesson in lessons if of_lesson(found, lesson)]
    people = {line.record.student: line for line in found}
    totals = {(line.record.student, line.record.lesson): shown(line.total) for line in found}
    rows = [["Full name", "Email address", *taken]]
    for student, line in sorted(people.items()):
        who = [defused(_name(line)), defused(line.record.email)]
        rows.append([*who, *(totals.get((student, lesson), "") for lesson in taken)])
    return csv_text(rows)


def feedback_zip(found: Sequence[Line], page: Callable[[Line], bytes | None]) -> bytes | None:
    """The pages of one lesson for "Upload multiple feedback files in a zip"; None without pages.

    Moodle finds the student by the number in the folder's name.
    """
    file = io.BytesIO()
    count = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for line in found:
            data = page(line) if line.record.platform_id.isdigit() else None
            if data is None:
                continue
            name = re.sub(r"[_/\\:*?\"<>|]", " ", _name(line)).strip() or "student"
            folder = _FOLDER.format(name=name, number=line.record.platform_id)
            info = zipfile.ZipInfo(f"{folder}/feedback-{line.record.lesson}.html")
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
            count += 1
    return file.getvalue() if count else None


def comment(line: Line) -> str:
    """The points of each exercise and the lateness, in one paragraph."""
    record = line.record
    if record.score is None and line.raw is None:
        return defused(record.message)
    verdicts = record.verdicts
    parts = [
        f"{name} {shown(points) or 'not judged yet'}"
        + (f" of {shown(verdicts[name].max_score)}" if name in verdicts else "")
        for name, points in {**line.exercises, **line.questions}.items()
    ]
    total = (
        f"{shown(line.total)} of {shown(line.max_score)} points" if line.total is not None else ""
    )
    late = [line.late.sentence] if line.late else []
    return defused(". ".join(filter(None, [total, ", ".join(parts)])) + "." + " ".join(["", *late]))


def _name(line: Line) -> str:
    record = line.record
    return record.student.removesuffix(f" ({record.platform_id})")


def _at(heading: Sequence[str], names: Sequence[str]) -> int | None:
    return next((i for i, name in enumerate(heading) if name in names), None)


def _number(text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return 0.0

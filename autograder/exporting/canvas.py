"""Canvas: the file that its gradebook imports.

Columns: Student, ID, SIS User ID, SIS Login ID, Section, then one per assignment; the second row
has the points possible. With a gradebook that Canvas has exported, its own rows and headings are
used, so that ids fit, and only the columns of the course's lessons are written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.collecting.found import lesson_named, lesson_within
from autograder.exporting.grades import Line, of_lesson
from autograder.exporting.matching import Unmatched, called, rows_of, scaled
from autograder.exporting.table import shown
from autograder.rosters import Roster
from autograder.tables import csv_text, defused

_PERSON = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_PERSONAL = {
    *("student", "lastname", "firstname", "id", "sis user id", "sis login id"),
    *("integration id", "root account", "section"),
}
_POSSIBLE = "    Points Possible"


def canvas(found: Sequence[Line], lessons: Sequence[str]) -> str:
    """The import file from what the hand-ins tell: names of files have the ids of Canvas."""
    taken = [lesson for lesson in lessons if of_lesson(found, lesson)]
    rows = [[*_PERSON, *taken]]
    most = {line.record.lesson: shown(line.max_score) for line in found}
    rows.append([_POSSIBLE, "", "", "", "", *(most[lesson] for lesson in taken)])
    totals = {(line.record.student, line.record.lesson): shown(line.total) for line in found}
    people = {line.record.student: line.record for line in found if line.record.lesson in taken}
    for student, record in sorted(people.items()):
        number = record.platform_id if student.endswith(f"-{record.platform_id}") else ""
        who = [defused(student), number, "", defused(record.email), ""]
        rows.append([*who, *(totals.get((student, lesson), "") for lesson in taken)])
    return csv_text(rows)


def canvas_from(
    listed: Roster, found: Sequence[Line], lessons: Sequence[str]
) -> tuple[str, list[Unmatched], list[str]]:
    """The import file from an exported gradebook; who is on one side only; what was converted.

    A lesson that has no column gets a new one, which Canvas offers to make an assignment of.
    """
    taken = [lesson for lesson in lessons if of_lesson(found, lesson)]
    possible = next((row for row in listed.rows[1:3] if "Points Possible" in row[0]), ())
    personal = [i for i, name in enumerate(listed.heading) if name.strip().casefold() in _PERSONAL]
    rows = [[_cell(row, at) for at in personal] for row in listed.rows]
    missing: dict[str, Unmatched] = {}
    remarks: list[str] = []
    seen: set[int] = set()
    for lesson in taken:
        of, at = of_lesson(found, lesson), _column(listed.heading, lesson, lessons)
        fitting, alone = rows_of(of, listed)
        seen |= set(fitting)
        missing |= {one.who: one for one in alone if one.side != "list"}
        most = of[0].max_score
        scale = _points(_cell(possible, at)) or most
        if scale != most:
            both = f"{shown(most)} points are {shown(scale)} in Canvas"
            remarks.append(f"{lesson}: {both}; grades were converted.")
        for i, row in enumerate(listed.rows):
            there, line = _cell(row, at), fitting.get(i)
            if line is not None and line.total is not None:
                there = shown(scaled(line.total, most, scale))
            elif i == 0 or row is possible:
                there = there or (lesson if i == 0 else shown(most))
            rows[i].append(there)
    people = {person.row: person for person in listed.people}
    absent = [
        Unmatched(listed.source, "list", called(people[row])) for row in sorted(set(people) - seen)
    ]
    return csv_text(rows, listed.delimiter), [*missing.values(), *absent], remarks


def _cell(row: Sequence[str], at: int | None) -> str:
    return row[at] if at is not None and at < len(row) else ""


def _column(heading: Sequence[str], lesson: str, lessons: Sequence[str]) -> int | None:
    titles = [re.sub(r"\s*\(\d+\)\s*$", "", name) for name in heading]
    for way in (lesson_named, lesson_within):
        for i, title in enumerate(titles):
            if heading[i].strip().casefold() not in _PERSONAL and way(title, lessons) == lesson:
                return i
    return None


def _points(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return 0.0

"""Putting grades into the rows of a list that a platform has exported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.exporting.grades import Line
from autograder.rosters import Person, Roster, matched


@dataclass(frozen=True)
class Unmatched:
    """Somebody who stands on one side only: in the list, or among those who have handed in."""

    file: str
    side: str
    who: str
    lesson: str = ""

    @property
    def sentence(self) -> str:
        """Who, where."""
        if self.side == "list":
            return f"{self.file}: {self.who} has no hand-in."
        return f"{self.file}: {self.who} has handed in {self.lesson} and is not in the list."


def rows_of(found: Sequence[Line], listed: Roster) -> tuple[dict[int, Line], list[Unmatched]]:
    """The hand-in for each row of a list, for one lesson; and who stands on one side only."""
    by_student = {line.record.student: line for line in found}
    people = matched(listed.people, {name: line.known for name, line in by_student.items()})
    rows = {person.row: by_student[student] for student, person in people.items()}
    missing = [
        Unmatched(listed.source, "hand-ins", line.record.student, line.record.lesson)
        for line in found
        if line.record.student not in people
    ]
    missing += [
        Unmatched(listed.source, "list", called(person))
        for person in listed.people
        if person.row not in rows
    ]
    return rows, missing


def called(person: Person) -> str:
    """What to call somebody in a sentence."""
    known: Iterable[str] = (person.name, person.email, person.platform_id)
    return next(filter(None, known), f"row {person.row + 1}")


def scaled(points: float, most: float, scale: float) -> float:
    """Points of `most` as points of `scale`."""
    return points if not most or most == scale else round(points / most * scale, 4)

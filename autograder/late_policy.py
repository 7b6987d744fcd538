"""The late policy of a course, in one small table.

lesson  | student | due              | free_days | percent_per_day | cap | zone          | submitted
*       |         |                  | 3         | 10              | 50  | Europe/Berlin |
05_bbvi |         | 2026-03-01 23:59 |           |                 |     |               |
05_bbvi | ada     | 2026-03-04 23:59 |           |                 |     |               |

A row with a lesson and no student is the lesson's rule; one with a student is an extension, or any
other exception, for that student. The row of lesson `*` holds for all lessons, and its free days
are a budget that a student spends over all of them. Cells may stay empty, columns be left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from autograder.collecting import times

COLUMNS = (
    *("lesson", "student", "due", "free_days", "percent_per_day", "cap", "zone", "submitted"),
)
ALL = "*"


class BadPolicy(ValueError):
    """A table that is no late policy; the sentence names the row and the column."""


@dataclass(frozen=True)
class Rule:
    """A row of the table; what it leaves open is None."""

    row: int
    lesson: str
    student: str = ""
    due: datetime | None = None
    free_days: int | None = None
    percent: float | None = None
    cap: float | None = None
    submitted: datetime | None = None


@dataclass(frozen=True)
class Policy:
    """All rows by lesson and student, in lower case; "" and `*` stand for everybody and all."""

    rules: Mapping[tuple[str, str], Rule] = field(default_factory=dict)

    def rule(self, lesson: str, names: Sequence[str]) -> Rule:
        """What holds for a lesson and a student, who may go by several names.

        Of each cell, the most special row that fills it decides. Free days of the row for all
        lessons are not in here: they are the budget.
        """
        whole = Rule(0, lesson)
        special = [(lesson, name) for name in names] + [(lesson, "")]
        for place in (*special, *((ALL, name) for name in names), (ALL, "")):
            found = self.rules.get((place[0].casefold(), place[1].casefold()))
            if found is None:
                continue
            whole = replace(
                whole,
                row=whole.row or found.row,
                due=whole.due or found.due,
                percent=found.percent if whole.percent is None else whole.percent,
                cap=found.cap if whole.cap is None else whole.cap,
                submitted=whole.submitted or found.submitted,
                free_days=whole.free_days
                if whole.free_days is not None or place[0] == ALL
                else found.free_days,
            )
        return whole

    def budget(self, names: Sequence[str]) -> int:
        """The free days that a student may spend over all lessons."""
        for name in (*names, ""):
            found = self.rules.get((ALL, name.casefold()))
            if found is not None and found.free_days is not None:
                return found.free_days
        return 0


def read_policy(path: Path, lessons: Sequence[str] = ()) -> Policy:
    """The policy in a file; `BadPolicy` says which row and column are not right."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadPolicy(f"Expected a late policy in {path.name}: {error.strerror}.") from None
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return policy(data.decode(encoding, "replace"), path.name, lessons)


def policy(text: str, source: str = "late.csv", lessons: Sequence[str] = ()) -> Policy:
    """The policy in the text of a table; `lessons` are the names that a row may have."""
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    heading = [cell.strip().casefold().replace(" ", "_") for cell in rows[0]] if rows else []
    unknown = [name for name in heading if name and name not in COLUMNS]
    if "lesson" not in heading or unknown:
        raise BadPolicy(
            f"{source}, row 1: expected the columns {', '.join(COLUMNS)} (lesson is needed), got "
            f"{', '.join(heading) or 'nothing'}."
        )
    listed = [
        (number, {name: cell.strip() for name, cell in zip(heading, row, strict=False)})
        for number, row in enumerate(rows[1:], 2)
        if any(cell.strip() for cell in row)
    ]
    rules: dict[tuple[str, str], Rule] = {}
    common = next((c for _, c in listed if c["lesson"] == ALL and not c.get("student")), {})
    for number, cells in listed:
        rule = _rule(number, cells, common.get("zone", ""), source, lessons)
        place = rule.lesson.casefold(), rule.student.casefold()
        if place in rules:
            raise BadPolicy(
                f"{source}, row {number}: expected one row for {rule.lesson} and "
                f"{rule.student or 'everybody'}, got another in row {rules[place].row}."
            )
        rules[place] = rule
    return Policy(rules)


def _rule(
    number: int, cells: Mapping[str, str], zone: str, source: str, lessons: Sequence[str]
) -> Rule:
    def wrong(column: str, expected: str) -> BadPolicy:
        got = cells.get(column, "")
        return BadPolicy(
            f"{source}, row {number}, column {column}: expected {expected}, got {got!r}."
        )

    def day_or_time(column: str, at: tzinfo) -> datetime | None:
        text = cells.get(column, "")
        if not text:
            return None
        if found := _moment(text, at):
            return found
        raise wrong(column, "a time such as 2026-03-01 23:59, or 2026-03-01 23:59 Europe/Berlin")

    def quantity(column: str, most: float) -> float | None:
        text = cells.get(column, "").removesuffix("%").replace(",", ".").strip()
        if not text:
            return None
        if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) > most:
            raise wrong(column, f"a number from 0 to {most:g}")
        return float(text)

    lesson = cells.get("lesson", "")
    known = {name.casefold(): name for name in lessons}
    if not lesson or (lessons and lesson != ALL and lesson.casefold() not in known):
        raise wrong("lesson", f"one of {', '.join(lessons)}, or *" if lessons else "a name, or *")
    named = cells.get("zone", "") or zone
    try:
        at: tzinfo = ZoneInfo(named) if named else UTC
    except Exception:  # a name that is none raises errors of several kinds
        raise wrong("zone", "a time zone such as Europe/Berlin") from None
    days = quantity("free_days", 1000)
    if days is not None and days != int(days):
        raise wrong("free_days", "whole days")
    if cells.get("submitted") and (lesson == ALL or not cells.get("student")):
        raise wrong("submitted", "nothing but in the row of a lesson and a student")
    if cells.get("due") and lesson == ALL:
        raise wrong("due", "nothing in a row for all lessons")
    return Rule(
        number,
        known.get(lesson.casefold(), lesson),
        cells.get("student", ""),
        day_or_time("due", at),
        None if days is None else int(days),
        quantity("percent_per_day", 100),
        quantity("cap", 100),
        day_or_time("submitted", at),
    )


def _moment(text: str, zone: tzinfo) -> datetime | None:
    """A time; a day without one lasts until 23:59:59.

    Of an hour that the clocks show twice, or not at all, the later moment is meant.
    """
    day = re.fullmatch(r"(\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4})(?: ([A-Za-z][\w/+-]*))?", text)
    if day:
        last = times.parse(f"{day[1]} 23:59{f' {day[2]}' if day[2] else ''}", zone)
        return _later(last.replace(second=59)) if last else None
    found = times.parse(text, zone)
    return _later(found) if found else None


def _later(moment: datetime) -> datetime:
    return max((moment.replace(fold=fold) for fold in (0, 1)), key=lambda m: m.astimezone(UTC))

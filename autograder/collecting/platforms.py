"""Names of files as Moodle, Canvas and nbgrader's exchange write them.

Moodle: `Full Name_123456_assignsubmission_file/...`, in older versions with a last `_`, or without
folders as a prefix of the file's name. The number is the participant's in that one assignment.
Canvas: `lastnamefirst_LATE_12345_678910_05_bbvi-1.ipynb`, with the user's number, the file's, and
that of the resubmission. The exchange: `student+lesson+2026-03-01 10:00:00 UTC+random/...`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from autograder.collecting import times
from autograder.collecting.entries import Entry, stem
from autograder.collecting.found import Found, lesson_named, lesson_within

_MOODLE = re.compile(
    r"(?P<name>.+?)(?:_(?P<number>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<rest>.*))?"
)
_CANVAS = re.compile(
    r"(?P<name>.+?)(?P<late>_late)?_(?P<user>\d{2,})_(?P<file>\d{3,})_(?P<rest>.+)", re.IGNORECASE
)
_AGAIN = re.compile(r"(?P<name>.+?)-(?P<number>\d{1,3})(?P<end>(?:\.[A-Za-z]+)*)")
_EXCHANGE = re.compile(
    r"(?P<student>.+)\+(?P<lesson>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*?"
    r"(?: \+\d{4})?)(?:\+(?P<random>[\w-]*))?"
)


def moodle(entry: Entry, lessons: Sequence[str], top: str) -> Found | None:
    """A file of a Moodle download; None if the path does not say so."""
    for i, part in enumerate(entry.parts):
        match = _MOODLE.fullmatch(part)
        if match is None:
            continue
        below = entry.parts[i + 1 :]
        if match["rest"]:
            below = (match["rest"], *below)
        around = (top, *entry.parts[:i])
        return Found(
            replace(entry, parts=below or (part,)),
            "Moodle",
            match["name"],
            lesson_of(below, around, lessons),
            "/".join((*around, match["name"], match["number"] or "")),
            entry.parts[:i],
            key=match["number"] or "",
            scope="/".join(around),
            typed=match["kind"] == "onlinetext",
            platform_id=match["number"] or "",
        )
    return None


def canvas(entry: Entry, lessons: Sequence[str], top: str) -> Found | None:
    """A file of a Canvas download; None if the name does not say so."""
    for i, part in enumerate(entry.parts):
        match = _CANVAS.fullmatch(part)
        if match is None:
            continue
        around = (top, *entry.parts[:i])
        again = _AGAIN.fullmatch(match["rest"])
        given = f"{again['name']}{again['end']}" if again else match["rest"]
        below = (given, *entry.parts[i + 1 :])
        return Found(
            replace(entry, parts=below),
            "Canvas",
            f"{match['name']}-{match['user']}",
            lesson_of(below, around, lessons),
            "/".join((*around, match["user"])),
            entry.parts[:i],
            scope="/".join(around),
            number=int(match["file"]),
            also=match["rest"] if again and len(below) == 1 else "",
            attempt=int(again["number"]) if again else 0,
            late=bool(match["late"]),
            platform_id=match["user"],
        )
    return None


def exchange(entry: Entry, lessons: Sequence[str], top: str) -> Found | None:
    """A file of nbgrader's exchange; None if the path does not say so."""
    for i, part in enumerate(entry.parts):
        match = _EXCHANGE.fullmatch(part)
        time = times.parse(match["time"]) if match else None
        if match is None or time is None:
            continue
        return Found(
            replace(entry, parts=entry.parts[i + 1 :] or (part,)),
            "exchange",
            match["student"],
            lesson_named(match["lesson"], lessons) or match["lesson"],
            "/".join((top, *entry.parts[: i + 1])),
            entry.parts[:i],
            submitted=times.iso(time),
            time_from="the name of the exchange's folder",
        )
    return None


def lesson_of(below: Sequence[str], around: Sequence[str], lessons: Sequence[str]) -> str:
    """The lesson of a file: by its own name, by the folders that it lies in, or ""."""
    for part in (*reversed(below), *reversed(around)):
        if lesson := lesson_named(stem(part), lessons):
            return lesson
    for part in (*reversed(below), *reversed(around)):
        if lesson := lesson_within(part, lessons):
            return lesson
    return ""

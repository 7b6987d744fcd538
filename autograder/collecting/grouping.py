"""From the files of a source to the hand-ins of a class."""

from __future__ import annotations

import contextlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.collecting import entries, gradescope, times
from autograder.collecting.choosing import choose
from autograder.collecting.entries import TIMESTAMP, WITHIN, Entry, is_notebook
from autograder.collecting.found import Found, base
from autograder.collecting.gradescope import METADATA, Submission
from autograder.collecting.ids import mended, told_apart
from autograder.collecting.plain import plain
from autograder.collecting.platforms import canvas, exchange, moodle
from autograder.rosters import MAX_BYTES, Roster, roster

if TYPE_CHECKING:
    from autograder.collect import Collection

_GRADE_ID = re.compile(rb'"grade_id":\s*"[EO](\d{1,2})\b')
_CALLED = {
    "Moodle": "a Moodle download",
    "Canvas": "a Canvas download",
    "Gradescope": "an export of Gradescope",
    "exchange": "nbgrader's exchange",
    "folder": "folders",
}


def group(
    source: Path, listed: Sequence[Entry], lessons: Sequence[str], rosters: Sequence[Roster] = ()
) -> Collection:
    """The hand-ins among some files, sorted by student and lesson."""
    from autograder.collect import Collection

    top = entries.unicode_whole(entries.stem(source.resolve().name))
    remarks: list[str] = []
    found, rest = _of_platforms(source, listed, lessons, top, remarks)
    if any(one.layout == "exchange" for one in found):
        rest = [e for e in rest if not {"outbound", "feedback"} & {*e.parts[:3]}]
    placed, strays = plain(rest, lessons, top) if rest else ([], [])
    found = known_to([*_rosters(source, listed), *rosters], found) + _timed(source, placed)
    remarks += [remark for entry in strays if (remark := _stray(entry))]
    found = _with_lessons(source, found, lessons)
    found = _named(found, remarks)
    groups: dict[tuple[str, str], list[Found]] = defaultdict(list)
    others: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        if one.lesson:
            groups[one.student, one.lesson].append(one)
        else:
            others[one.box].append(one)
    hand_ins = []
    for place in sorted(groups):
        boxes = {one.box for one in groups[place]}
        beside = [one for box in sorted(boxes) for one in others[box]]
        hand_ins.append(choose(*place, groups[place], beside, lessons))
    recognised = _recognised(found)
    said = [f"This is {what}." for what in recognised if what.split()[0] != "folders"]
    return Collection(tuple(hand_ins), (*said, *remarks), recognised)


def _of_platforms(
    source: Path, listed: Sequence[Entry], lessons: Sequence[str], top: str, remarks: list[str]
) -> tuple[list[Found], list[Entry]]:
    """What the outermost name that a platform writes says, and the files that lie elsewhere."""
    exported = _exported(source, listed, remarks)
    read: list[tuple[Entry, list[Found]]] = []
    for entry in listed:
        ways = [gradescope.founds(entry, exported, lessons, top)]
        ways += [[one] for way in (exchange, moodle, canvas) if (one := way(entry, lessons, top))]
        # What lies further in was written by a student.
        read.append((entry, min(filter(None, ways), key=lambda w: len(w[0].above), default=[])))
    by_hand = {
        e.parts[0] for e, way in read if not way and len(e.parts) > 1 and is_notebook(e.name)
    }
    downloads = {one.above for _, way in read for one in way if one.above}
    if len(by_hand) > len(downloads):
        # Folders of students, of which a few hold names as a platform writes them.
        for above in sorted(downloads):
            remarks.append(f"{'/'.join(above)} looks like a download; it is taken for a student's.")
        read = [(entry, [] if way and way[0].above else way) for entry, way in read]
    rest = [entry for entry, way in read if not way and entry.parts[-1] != METADATA]
    return [one for _, way in read for one in way], rest


def _exported(
    source: Path, listed: Sequence[Entry], remarks: list[str]
) -> Mapping[tuple[str, ...], Submission]:
    """The folders of Gradescope's submissions, by their paths."""
    from autograder.collect import read

    folders: dict[tuple[str, ...], Submission] = {}
    for entry in listed:
        if entry.parts[-1] != METADATA or entry.is_folder:
            continue
        try:
            if entry.refusal:
                raise ValueError(entry.refusal)
            data = read(source, entry.name, gradescope.MAX_BYTES)
            named = gradescope.submissions(data)
        except ValueError as error:
            remarks.append(f"{entry.shown} was left out: {error}.")
        else:
            folders |= {(*entry.parts[:-1], name): one for name, one in named.items()}
    return folders


def _rosters(source: Path, listed: Sequence[Entry]) -> list[Roster]:
    """The lists of the class beside the downloads; nothing that a student may have written."""
    from autograder.collect import read

    found = []
    for entry in listed:
        is_table = entry.parts[-1].casefold().endswith(".csv") and not entry.refusal
        if is_table and len(entry.parts) == 1 and WITHIN not in entry.name:
            with contextlib.suppress(ValueError):
                found.append(roster(read(source, entry.name, MAX_BYTES), entry.shown))
    return found


def known_to(rosters: Iterable[Roster], found: Iterable[Found]) -> list[Found]:
    """With the addresses, and Moodle's times, that lists of the class give."""
    kinds = {"moodle": "Moodle", "canvas": "Canvas"}
    people = {
        (kinds[listed.kind], person.platform_id): person
        for listed in rosters
        if listed.kind in kinds
        for person in listed.people
    }
    whole = []
    for one in found:
        person = people.get((one.layout, one.platform_id))
        if person is not None:
            time = person.submitted or one.submitted
            origin = "Moodle's grading worksheet" if person.submitted else one.time_from
            one = replace(one, email=person.email, submitted=time, time_from=origin)
        whole.append(one)
    return whole


def _timed(source: Path, placed: Sequence[Found]) -> list[Found]:
    """With the times that nbgrader has left in files beside the notebooks."""
    from autograder.collect import read

    known: dict[str, str] = {}
    for one in placed:
        if one.name == TIMESTAMP and len(one.entry.parts) == 1 and not one.entry.refusal:
            try:
                text = read(source, one.entry.name, 1000).decode("utf-8", "replace")
            except ValueError:
                continue
            if time := times.parse(text):
                known[one.box] = times.iso(time)
    return [
        replace(one, submitted=known[one.box], time_from=TIMESTAMP) if one.box in known else one
        for one in placed
    ]


def _with_lessons(source: Path, found: Sequence[Found], lessons: Sequence[str]) -> list[Found]:
    """With the lesson of each notebook whose path does not tell it; others stay without one.

    It is the lesson that the notebook's cells belong to, or else the only one of its download.
    """
    told: dict[str, set[str]] = defaultdict(set)
    known = []
    for one in found:
        lesson = one.lesson
        if one.is_notebook and lesson not in lessons and not one.entry.refusal:
            lesson = _lesson_inside(source, one.entry, lessons) or lesson
        if lesson in lessons:
            told[one.scope].add(lesson)
        known.append(replace(one, lesson=lesson))
    has_notebook = {one.box for one in known if one.is_notebook}
    whole = []
    for one in known:
        lesson = one.lesson
        if not lesson and (one.is_notebook or one.box not in has_notebook) and one.scope:
            only = told[one.scope]
            lesson = next(iter(only)) if len(only) == 1 else base(entries.stem(one.name))
        whole.append(replace(one, lesson=lesson))
    return whole


def _lesson_inside(source: Path, entry: Entry, lessons: Sequence[str]) -> str | None:
    from autograder.collect import read

    try:
        ids = _GRADE_ID.findall(read(source, entry.name, entries.MAX_BYTES))
    except ValueError:
        return None
    numbers = {int(number) for number in ids}
    fitting = [name for name in lessons if any(name.startswith(f"{n:02d}_") for n in numbers)]
    return fitting[0] if len(fitting) == 1 else None


def _named(found: Sequence[Found], remarks: list[str]) -> list[Found]:
    """With names that are possible everywhere, and one for each student."""
    keys: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in found:
        keys[one.layout, one.scope, one.student].add(one.key)
    shared = sorted({place[2] for place, several in keys.items() if len(several) > 1})
    remarks += [
        f"Several are called {entries.readable(name)}: a number follows the name."
        for name in shared
    ]
    given = {one.student: mended(one.student) for one in found}
    remarks += [
        f"The student called {entries.readable(old)!r} is written {new!r}."
        for old, new in sorted(given.items())
        if new != entries.unicode_whole(old)
    ]
    known = [
        replace(one, student=_with_key(given[one.student], one.key, several))
        for one in found
        if (several := keys[one.layout, one.scope, one.student])
    ]
    apart = told_apart(one.student for one in known)
    remarks += [
        f"{old} is written {new!r}, for another name differs from it in capitals only."
        for old, new in sorted(apart.items())
        if old != new
    ]
    return [replace(one, student=apart[one.student]) for one in known]


def _with_key(name: str, key: str, several: set[str]) -> str:
    return f"{name} ({mended(key)})" if len(several) > 1 and key else name


def _stray(entry: Entry) -> str:
    if entry.refusal:
        return f"{entry.shown} was refused: {entry.refusal}."
    if not entry.is_folder and is_notebook(entry.name):
        return f"{entry.shown} lies outside of a student's folder and was left out."
    return ""


def _recognised(found: Iterable[Found]) -> tuple[str, ...]:
    students: dict[str, set[str]] = defaultdict(set)
    for one in found:
        students[one.layout].add(one.student)
    counts = Counter({layout: len(people) for layout, people in students.items()})
    return tuple(
        f"{_CALLED[layout]} of {number} student{'s' * (number != 1)}"
        for layout, number in sorted(counts.items())
    )

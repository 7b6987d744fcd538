"""From the files of a student for a lesson to the one hand-in that counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from autograder.collecting.entries import MAX_FILES, MAX_FILES_BYTES, TIMESTAMP, is_archive
from autograder.collecting.found import Found, lesson_named
from autograder.collecting.ids import is_plain
from autograder.course import is_practice

if TYPE_CHECKING:
    from autograder.collect import HandIn

FOR_PRACTICE = "{} is for practice: it has no points, and need not be handed in."
LATE = "{} marks this hand-in as late."


def choose(
    student: str,
    lesson: str,
    found: Sequence[Found],
    others: Iterable[Found],
    lessons: Sequence[str],
) -> HandIn:
    """One hand-in: of the newest box the notebook with the best name, among equals the newest.

    `others` are files that lie in the same boxes and belong to no lesson by themselves.
    """
    from autograder.collect import HandIn

    if is_practice(lesson):
        hand_in = _best(student, lesson, found, others, lessons)
        return replace(hand_in, status="practice", sentence=FOR_PRACTICE.format(lesson))
    if lesson not in lessons:
        known = ", ".join(lessons)
        sentence = f"There is no lesson {lesson!r}: expected {known}."
        return HandIn(student, lesson, status="wrong lesson", sentence=sentence)
    return _best(student, lesson, found, others, lessons)


def _best(
    student: str,
    lesson: str,
    found: Sequence[Found],
    others: Iterable[Found],
    lessons: Sequence[str],
) -> HandIn:
    from autograder.collect import HandIn

    notes: list[str] = []
    found = _newest(found, notes)
    good = [one for one in found if one.is_notebook and not one.entry.refusal]
    refused = [one.entry for one in found if one.entry.refusal]
    notes += [f"{entry.shown} was refused: {entry.refusal}." for entry in refused]
    if not good:
        return _without_notebook(student, lesson, found, notes)
    best = min(good, key=lambda one: _preference(one, lesson, lessons))
    if best.name != f"{lesson}.ipynb":
        notes.append(f"The notebook is named {best.name}, not {lesson}.ipynb.")
    names = [one.name if one.name != best.name else one.entry.shown for one in good]
    rest = [name for name, one in zip(names, good, strict=True) if one is not best]
    if rest:
        notes.append(f"Of several notebooks, {best.name} counts, not {', '.join(rest)}.")
    if best.late:
        notes.append(LATE.format(best.layout))
    helpers = _beside(best, [*found, *others], notes)
    return HandIn(
        student,
        lesson,
        best.entry.name,
        notes=tuple(notes),
        files=tuple(helpers.values()),
        file_names=tuple(helpers),
        submitted=best.submitted,
        time_from=best.time_from,
        modified=best.entry.modified,
        attempt=best.attempt,
        email=best.email,
        platform_id=best.platform_id,
    )


def _newest(found: Sequence[Found], notes: list[str]) -> Sequence[Found]:
    """The files that were handed in last, if they hold a notebook; else the last that do."""
    times = sorted({one.submitted for one in found}, reverse=True)
    for time in times:
        newest = [one for one in found if one.submitted == time]
        if len(times) == 1 or any(one.is_notebook and not one.entry.refusal for one in newest):
            if len(times) > 1:
                notes.append(f"Of {len(times)} hand-ins, the one of {time or 'no time'} counts.")
            return newest
    return [one for one in found if one.submitted == times[0]]


def _without_notebook(
    student: str, lesson: str, found: Sequence[Found], notes: Sequence[str]
) -> HandIn:
    from autograder.collect import HandIn

    refused = [one.entry for one in found if one.entry.refusal]
    hand_in = HandIn(
        student,
        lesson,
        submitted=found[0].submitted,
        time_from=found[0].time_from,
        email=found[0].email,
        platform_id=found[0].platform_id,
    )
    if refused:
        sentence = f"The file {refused[0].parts[-1]} was refused: {refused[0].refusal}."
        return replace(hand_in, status="refused", sentence=sentence, notes=tuple(notes))
    names = sorted(one.name for one in found if not one.entry.is_folder)
    listing = f"only {', '.join(names[:5])}" if names else "nothing"
    if found and all(one.typed for one in found):
        listing = "only text that was typed into Moodle"
    sentence = f"Expected {lesson}.ipynb in the folder, and found {listing}."
    return replace(hand_in, status="not a notebook", sentence=sentence)


def _preference(
    one: Found, lesson: str, lessons: Sequence[str]
) -> tuple[int, int, int, int, float, int, str]:
    """Smallest for what counts: kind of name, depth, attempt, number, age, the longer name."""
    of = lesson_named(one.name, lessons)
    kind = 0 if one.name == f"{lesson}.ipynb" else 1 if of == lesson else 2 if of is None else 3
    depth = len(one.entry.parts)
    return kind, depth, -one.attempt, -one.number, -one.entry.modified, -len(one.name), one.name


def _beside(best: Found, found: Iterable[Found], notes: list[str]) -> dict[str, str]:
    """The student's own files beside the notebook: the name to be written, and where it lies."""
    helpers: dict[str, str] = {}
    total = 0
    for one in sorted(found, key=lambda one: (one.attempt, one.number, one.entry.name)):
        entry = one.entry
        if one.box != best.box or entry.parts[:-1] != best.entry.parts[:-1] or entry.refusal:
            continue
        if one.is_notebook or entry.is_folder or is_archive(one.name) or one.typed:
            continue
        if one.name == TIMESTAMP or not is_plain(one.name):
            continue
        if one.name not in helpers:
            total += entry.size
        if len(helpers) >= MAX_FILES or total > MAX_FILES_BYTES:
            notes.append(
                f"Of the files beside the notebook, only {len(helpers)} are used: "
                f"at most {MAX_FILES} and {MAX_FILES_BYTES // 2**20} MB."
            )
            break
        helpers[one.name] = entry.name
        if one.also and is_plain(one.also):
            helpers[one.also] = entry.name
    return helpers

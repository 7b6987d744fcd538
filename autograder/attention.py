"""Which hand-ins the instructor should look at first, and why: sentences, the most urgent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autograder.background import given, library, typical
from autograder.lesson import Lesson
from autograder.records import Record, Status
from autograder.similar import Alike, alike, copied

if TYPE_CHECKING:
    from autograder.late import Late

Key = tuple[str, str]
"""Student and lesson."""
MOST_URGENT_FIRST: tuple[Status, ...] = (
    "refused",
    "crashed",
    "out of memory",
    "timed out",
    "not a notebook",
    "wrong lesson",
    "partly graded",
    "practice",
    "graded",
)


@dataclass(frozen=True)
class Findings:
    """What is known of a class beyond the records.

    `alike` holds pairs of similar answers by lesson, `copied` what is nearly the library's code
    (exercise and function), `late` what lateness costs, `remarks` what was left out on collecting.
    """

    alike: Mapping[str, Sequence[Alike]] = field(default_factory=dict)
    copied: Mapping[Key, Sequence[tuple[str, str]]] = field(default_factory=dict)
    late: Mapping[Key, Late] = field(default_factory=dict)
    remarks: Sequence[str] = ()


NO_FINDINGS = Findings()


def compared(
    answers: Mapping[str, Mapping[str, Mapping[str, str]]], lessons: Mapping[str, Lesson]
) -> Findings:
    """Compare answers (source by lesson, student and exercise) with one another and the library."""
    pairs, copies = {}, defaultdict(list)
    for name, of_students in answers.items():
        released = given(lessons[name])
        pairs[name] = alike(of_students, released | typical(lessons[name]))
        for student, exercise, function in copied(of_students, library(lessons[name]), released):
            copies[student, name].append((exercise, function))
    return Findings(pairs, dict(copies))


def needing_a_look(
    records: Iterable[Record], findings: Findings = NO_FINDINGS
) -> list[tuple[Record, list[str]]]:
    """Hand-ins that a person should look at, with the reasons.

    First those that were not fully graded, then those with suspicious or similar code, then those
    that were mended, then those that were late and nothing else.
    """
    similar = _similar(findings)
    found = []
    for record in records:
        if record.status == "practice":
            continue
        key = record.student, record.lesson
        late = findings.late.get(key)
        code = [*map(_suspicion, record.suspicions), *similar.get(key, ())]
        said = [*_failures(record), *code, *_new(record.notes, _failures(record))]
        said += [f"Late: {late.sentence}"] if late and late.days else []
        if said or not record.graded:
            rank = 0 if code else 1 if record.notes else 2
            urgency = (MOST_URGENT_FIRST.index(record.status), rank)
            found.append((urgency, record, said))
    return [(record, said) for _, record, said in sorted(found, key=lambda item: item[0])]


def _suspicion(sentence: str) -> str:
    return f"Suspicious: {sentence[:1].lower()}{sentence[1:]}"


def _failures(record: Record) -> list[str]:
    """What went wrong. The message to the author is needed only where there is no score."""
    if record.score is None:
        return [record.message]
    return [f"{name}: {why}" for name, why in record.unjudged.items()]


def _new(notes: Iterable[str], said: Sequence[str]) -> list[str]:
    """The notes that do not repeat what is said already."""
    found: list[str] = []
    for note in notes:
        core = note.rpartition(": ")[2].rstrip(".").casefold()
        if not any(core in sentence.casefold() for sentence in (*said, *found)):
            found.append(note)
    return found


def _similar(findings: Findings) -> dict[Key, list[str]]:
    found: dict[Key, list[str]] = defaultdict(list)
    for lesson, pairs in findings.alike.items():
        partners: dict[str, dict[str, Alike]] = defaultdict(dict)
        for pair in pairs:
            partners[pair.first][pair.second] = pair
            partners[pair.second][pair.first] = pair
        for student, others in partners.items():
            names = sorted({name for pair in others.values() for name in pair.exercises})
            said = f"Answers like those of {_few(others)}: {', '.join(names)}."
            found[student, lesson].append(said)
    for key, copies in findings.copied.items():
        found[key] += [f"{exercise}: nearly the code of `{name}`." for exercise, name in copies]
    return found


def _few(names: Iterable[str], most: int = 4) -> str:
    """The names, at most a few."""
    ordered = sorted(names)
    shown = (
        ordered
        if len(ordered) <= most
        else [*ordered[: most - 1], f"{len(ordered) - most + 1} more"]
    )
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)

"""The instructor's report: one page on a batch, whom to look at first, and what was hard.

The numbers come from `analysis`; here they are put in order, put into words, and drawn.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.analysis import (
    MIN_HANDINS,
    ExerciseStats,
    LessonStats,
    StudentStats,
    identical,
    lesson_stats,
    misconceptions,
    struggling,
    student_stats,
)
from autograder.attention import (
    MOST_URGENT_FIRST,
    NO_FINDINGS,
    Findings,
    needing_a_look,
)
from autograder.feedback import page_of
from autograder.pages import write_page
from autograder.records import Record

_PIECES = (
    ("full", "full points"),
    ("part", "some points"),
    ("zero", "wrong"),
    ("not_started", "not started"),
    ("unjudged", "not judged"),
)
_TIERS = {
    "A": "Tier A: namespaces of their own, seccomp and limits",
    "B": "Tier B: Landlock, seccomp and limits, without namespaces",
    "C": "Tier C: limits only; students' code could read your files",
    "": "Nothing was run",
}
_STRIP_LEFT, _STRIP_RIGHT = 110.0, 600.0
_SLOWEST = 5
_MOST_ROWS = 200
"""Rows of a table; the page says how many more there are."""


def write_report(records: Sequence[Record], out: Path, findings: Findings = NO_FINDINGS) -> Path:
    """Write `out/report.html` and return its path.

    Students' names link to their feedback pages where those have been written to `out` before.
    """
    ordered = sorted(records, key=lambda record: (record.student, record.lesson))
    students = student_stats(ordered)
    pages = {key: href for key, href in page_of(ordered).items() if (out / href).is_file()}
    return write_page(
        out / "report.html",
        "report.html",
        records=ordered,
        found=len(ordered),
        graded=sum(record.graded for record in ordered),
        partly=sum(r.score is not None and not r.graded for r in ordered),
        not_graded=sum(record.score is None and not record.graded for record in ordered),
        open_answers=sum(lesson.open_answers for lesson in lesson_stats(ordered)),
        statuses=statuses(ordered),
        attention=needing_a_look(ordered, findings),
        remarks=findings.remarks,
        most=_MOST_ROWS,
        lessons=lesson_stats(ordered),
        min_handins=MIN_HANDINS,
        piece_names=_PIECES,
        pieces=lambda exercise: [(name, getattr(exercise, name)) for name, _ in _PIECES],
        histogram_text=histogram_text,
        stack_text=stack_text,
        misconceptions=misconceptions(ordered),
        students=students,
        struggling=struggling(students),
        stuck_on=stuck_on,
        identical=identical(ordered),
        alike=[(lesson, pair) for lesson, pairs in findings.alike.items() for pair in pairs],
        copied=sorted(
            (lesson, student, exercise, function)
            for (student, lesson), copies in findings.copied.items()
            for exercise, function in copies
        ),
        time_text=time_text(ordered),
        strip=strip(ordered),
        slowest=sorted(ordered, key=lambda record: -record.seconds)[:_SLOWEST],
        tiers=tiers(ordered),
        pages=pages,
    )


def statuses(records: Sequence[Record]) -> list[tuple[str, int]]:
    """How many hand-ins have each status, the best first."""
    counts = Counter(record.status for record in records)
    return [(status, counts[status]) for status in reversed(MOST_URGENT_FIRST) if counts[status]]


def histogram_text(lesson: LessonStats) -> str:
    """The distribution in words."""
    steps = [
        f"{count} from {10 * index} to {10 * index + 10}%"
        for index, count in enumerate(lesson.histogram)
        if count
    ]
    return f"Hand-ins by share of the points in {lesson.lesson}: {'; '.join(steps) or 'none'}."


def stack_text(exercise: ExerciseStats) -> str:
    """The answers to one exercise in words."""
    counts = [f"{getattr(exercise, name)} {text}" for name, text in _PIECES]
    return f"{exercise.id}: {', '.join(counts)}."


def stuck_on(row: StudentStats) -> list[str]:
    """Where a student lost points: recognised mistakes, then the rest, then what is untouched."""
    idle = ("not started", "not defined")
    lines = {
        "Mistakes": [f"{v.exercise} {v.misconception}" for v in row.stuck if v.misconception],
        "Not right yet": [
            v.exercise for v in row.stuck if not v.misconception and v.status not in idle
        ],
        "Not started": [v.exercise for v in row.stuck if v.status in idle],
        "Not graded": list(row.ungraded),
    }
    return [f"{title}: {', '.join(names)}" for title, names in lines.items() if names]


def time_text(records: Sequence[Record]) -> str:
    """Total, median and longest time in one sentence."""
    seconds = [record.seconds for record in records if record.seconds > 0]
    if not seconds:
        return "Nothing was run."
    return (
        f"{sum(seconds):.1f} s in all; the median hand-in took {statistics.median(seconds):.2f} s, "
        f"the longest {max(seconds):.1f} s."
    )


def tiers(records: Sequence[Record]) -> list[tuple[str, int]]:
    """How students' code was isolated, with the number of hand-ins, the strictest tier first."""
    counts = Counter(record.tier for record in records)
    order = sorted(counts, key=lambda tier: (tier == "", tier))
    return [(_TIERS.get(tier, f"Tier {tier}"), counts[tier]) for tier in order]


def strip(records: Sequence[Record]) -> dict[str, Any]:
    """Geometry of the chart of times: a row per lesson, seconds on a logarithmic axis.

    Hand-ins that were not run have no time and no mark.
    """
    records = [record for record in records if record.seconds > 0]
    seconds = [max(record.seconds, 0.01) for record in records] or [1.0]
    low = math.floor(math.log10(min(seconds)))
    high = max(math.ceil(math.log10(max(seconds))), low + 1)

    def place(value: float) -> float:
        share = (math.log10(max(value, 0.01)) - low) / (high - low)
        return round(_STRIP_LEFT + share * (_STRIP_RIGHT - _STRIP_LEFT), 1)

    lessons = sorted({record.lesson for record in records})
    rows, words = [], []
    for lesson in lessons:
        own = [record for record in records if record.lesson == lesson]
        label = lesson if len(lesson) <= 14 else f"{lesson[:13]}…"
        dots = [{"x": place(record.seconds), "judged": record.graded} for record in own]
        rows.append({"label": label, "dots": dots})
        times = [record.seconds for record in own]
        words.append(
            f"{lesson}: median {statistics.median(times):.2f} s, longest {max(times):.1f} s"
        )
    ticks = [(place(10.0**power), f"{10.0**power:g} s") for power in range(low, high + 1)]
    return {
        "rows": rows,
        "ticks": ticks,
        "label": f"Seconds per hand-in. {'; '.join(words)}.",
    }

"""The numbers of the instructor's report, computed from the records of a batch: plain data.

Difficulty of an exercise is the mean share of its points. Discrimination is the correlation of that
share with the share of the lesson's other exercises, over hand-ins in which all were judged.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograder.checks.protocol import Verdict
from autograder.records import Record
from autograder.views import exercise_order, hints_of

MIN_HANDINS = 10
"""Below this many complete hand-ins a correlation is not reported."""
STRUGGLING = 0.5
"""Students below this share of the points are listed."""
BINS = 10


@dataclass(frozen=True)
class Discrimination:
    """A correlation with its 95 % interval (Fisher's z), or the reason why there is none."""

    n: int
    r: float | None = None
    low: float = 0.0
    high: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class ExerciseStats:
    """How one exercise went; the four counts add up to the hand-ins that were opened."""

    id: str
    title: str
    mean_share: float | None
    full: int
    part: int
    zero: int
    not_started: int
    unjudged: int
    discrimination: Discrimination

    @property
    def judged(self) -> int:
        """The hand-ins in which this exercise was judged."""
        return self.full + self.part + self.zero + self.not_started


@dataclass(frozen=True)
class LessonStats:
    """One lesson: how many hand-ins, their shares of the points, and its exercises."""

    lesson: str
    found: int
    shares: tuple[float, ...]
    histogram: tuple[int, ...]
    exercises: tuple[ExerciseStats, ...]
    open_answers: int

    @property
    def mean(self) -> float | None:
        """Mean share of the points over the hand-ins with a score."""
        return statistics.fmean(self.shares) if self.shares else None

    @property
    def median(self) -> float | None:
        """Median share of the points over the hand-ins with a score."""
        return statistics.median(self.shares) if self.shares else None


@dataclass(frozen=True)
class Misconception:
    """A recognised mistake: where, how often, among how many judged answers, and its hint."""

    exercise: str
    name: str
    count: int
    judged: int
    hint: str


@dataclass(frozen=True)
class StudentStats:
    """A student's points over all lessons with a score, and where they got stuck."""

    student: str
    score: float
    max_score: float
    ungraded: tuple[str, ...]
    stuck: tuple[Verdict, ...]

    @property
    def share(self) -> float | None:
        """Share of the points, None where nothing has a score."""
        return self.score / self.max_score if self.max_score else None


def lesson_stats(records: Sequence[Record]) -> list[LessonStats]:
    """One entry per lesson, in order."""
    by_lesson: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.status != "practice":
            by_lesson[record.lesson].append(record)
    return [_lesson(lesson, by_lesson[lesson]) for lesson in sorted(by_lesson)]


def _lesson(lesson: str, records: list[Record]) -> LessonStats:
    shares = tuple(r.score / r.max_score for r in records if r.score is not None and r.max_score)
    names = sorted({e for r in records for e in (*r.verdicts, *r.unjudged)}, key=exercise_order)
    return LessonStats(
        lesson=lesson,
        found=len(records),
        shares=shares,
        histogram=histogram(shares),
        exercises=tuple(_exercise(name, names, records) for name in names),
        open_answers=sum(bool(text.strip()) for r in records for text in r.open_answers.values()),
    )


def histogram(shares: Sequence[float]) -> tuple[int, ...]:
    """Counts in ten bins [0, .1), ..., [.9, 1]; the last one holds the full marks too."""
    counts = [0] * BINS
    for share in shares:
        # The addition keeps a share such as 0.7 = 0.6999... in the bin that it is printed in.
        counts[min(int(share * BINS + 1e-9), BINS - 1)] += 1
    return tuple(counts)


def _exercise(name: str, names: Sequence[str], records: Sequence[Record]) -> ExerciseStats:
    verdicts = [r.verdicts[name] for r in records if name in r.verdicts]
    idle = sum(v.status in ("not started", "not defined") for v in verdicts)
    full = sum(v.score == v.max_score for v in verdicts)
    zero = sum(v.score == 0 for v in verdicts) - idle
    return ExerciseStats(
        id=name,
        title=verdicts[0].title if verdicts else "",
        mean_share=statistics.fmean(map(share_of, verdicts)) if verdicts else None,
        full=full,
        part=len(verdicts) - full - zero - idle,
        zero=zero,
        not_started=idle,
        unjudged=sum(name in r.unjudged for r in records),
        discrimination=discrimination(name, names, records),
    )


def share_of(verdict: Verdict) -> float:
    """The share of an exercise's points."""
    return verdict.score / verdict.max_score if verdict.max_score else 0.0


def discrimination(name: str, names: Sequence[str], records: Sequence[Record]) -> Discrimination:
    """The correlation of an exercise's share with that of the lesson's other exercises."""
    complete = [r.verdicts for r in records if set(names) <= set(r.verdicts)]
    n = len(complete)
    if len(names) < 2:
        return Discrimination(n, reason="the only exercise")
    if n < MIN_HANDINS:
        return Discrimination(n, reason=f"n = {n}, too few")
    own = np.array([share_of(verdicts[name]) for verdicts in complete])
    rest = np.array(
        [sum(v.score for e, v in verdicts.items() if e != name) for verdicts in complete]
    )
    if np.ptp(own) == 0 or np.ptp(rest) == 0:
        return Discrimination(n, reason="no spread")
    r = float(np.clip(np.corrcoef(own, rest)[0, 1], -1.0, 1.0))
    half = 1.959963984540054 / np.sqrt(n - 3)
    z = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return Discrimination(n, r, float(np.tanh(z - half)), float(np.tanh(z + half)))


def misconceptions(records: Sequence[Record]) -> list[Misconception]:
    """The recognised mistakes, the most frequent first."""
    found: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    judged: dict[str, int] = defaultdict(int)
    for record in records:
        for exercise, verdict in record.verdicts.items():
            judged[exercise] += 1
            if verdict.misconception:
                found[exercise, verdict.misconception].append(verdict)
    rows = [
        Misconception(exercise, name, len(group), judged[exercise], _hint(group[0]))
        for (exercise, name), group in found.items()
    ]
    return sorted(rows, key=lambda row: (-row.count, exercise_order(row.exercise), row.name))


def _hint(verdict: Verdict) -> str:
    """The hint of the recognised mistake; behaviour that no answer may show has only a message."""
    return next(iter((*hints_of(verdict), *verdict.hints)), "")


def student_stats(records: Sequence[Record]) -> list[StudentStats]:
    """One entry per student, the lowest share first; without any score before all others."""
    by_student: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.status != "practice":
            by_student[record.student].append(record)
    rows = [_student(student, own) for student, own in by_student.items()]
    return sorted(rows, key=lambda row: (-1.0 if row.share is None else row.share, row.student))


def _student(student: str, records: Sequence[Record]) -> StudentStats:
    scored = [record for record in records if record.score is not None]
    verdicts = [v for record in scored for v in record.verdicts.values() if v.score < v.max_score]
    return StudentStats(
        student=student,
        score=sum(record.score or 0.0 for record in scored),
        max_score=sum(record.max_score for record in scored),
        ungraded=tuple(sorted(record.lesson for record in records if record.score is None)),
        stuck=tuple(sorted(verdicts, key=lambda v: exercise_order(v.exercise))),
    )


def struggling(students: Sequence[StudentStats]) -> list[StudentStats]:
    """Those with a score below half of the points."""
    return [row for row in students if row.share is not None and row.share < STRUGGLING]


def identical(records: Sequence[Record]) -> list[tuple[str, tuple[str, ...]]]:
    """Per lesson, groups of students with the same fingerprint, apart from those without points."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in records:
        if record.fingerprint and record.score:
            groups[record.lesson, record.fingerprint].append(record.student)
    found = [(key[0], tuple(sorted(group))) for key, group in groups.items() if len(group) > 1]
    return sorted(found)

"""What lateness costs: computed from the times of the hand-ins, and said in one sentence each.

A day is 24 hours, and a day begun counts. Handed in at the due time, to the second, is on time.
Free days come off first: those of the lesson, then those of the budget for all lessons, which is
spent in the order of the due times. Each further day costs its percentage of the points that the
lesson's exercises give, up to the cap. A penalty never makes a score negative. Where the time of a
hand-in is not known, nothing is taken off.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autograder.checks.render import number
from autograder.collecting import times
from autograder.collecting.choosing import LATE
from autograder.late_policy import ALL, BadPolicy, Policy, Rule, read_policy
from autograder.records import Record
from autograder.tables import write_whole

__all__ = ["BadPolicy", "Late", "Policy", "explained", "penalties", "policy_in", "read_policy"]

FILE = "late.csv"
_FLAGGED = LATE.format("Canvas")


@dataclass(frozen=True)
class Late:
    """A late hand-in: the days begun, the points to be taken off, and a sentence for its author."""

    days: int
    penalty: float
    sentence: str


def penalties(records: Iterable[Record], policy: Policy) -> Mapping[tuple[str, str], Late]:
    """The late hand-ins by student and lesson; those that are on time are not in here."""
    by_student: dict[str, list[tuple[Rule, Record]]] = defaultdict(list)
    for record in records:
        rule = policy.rule(record.lesson, names(record))
        if rule.due is not None:
            by_student[record.student].append((rule, record))
    found: dict[tuple[str, str], Late] = {}
    for student, several in by_student.items():
        budget = policy.budget(names(several[0][1]))
        left = budget
        for rule, record in sorted(
            several, key=lambda p: (_due(p[0]).astimezone(UTC), p[1].lesson)
        ):
            late, spent = _late(rule, record, left, budget)
            left -= spent
            if late is not None:
                found[student, record.lesson] = late
    return found


def unknown_times(records: Iterable[Record], policy: Policy) -> str:
    """A sentence on the hand-ins that are due, and of which no time is known; "" if none."""
    found = [
        f"{record.student} {record.lesson}"
        for record in records
        if (rule := policy.rule(record.lesson, names(record))).due is not None
        and _submitted(rule, record) is None
    ]
    if not found:
        return ""
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    are = "time of 1 hand-in is" if len(found) == 1 else f"times of {len(found)} hand-ins are"
    return f"The {are} not known, and nothing is taken off: {', '.join(found[:5])}{more}."


def unused_rows(records: Iterable[Record], policy: Policy) -> list[Rule]:
    """Rows of students who have not handed in under that name."""
    known = {(r.lesson.casefold(), n.casefold()) for r in records for n in names(r)}
    everybody = {name for _, name in known}
    return [
        rule
        for (lesson, student), rule in policy.rules.items()
        if student
        and ((lesson, student) not in known if lesson != ALL else student not in everybody)
    ]


def names(record: Record) -> tuple[str, ...]:
    """What a student may be called in the table: the name, the address, the platform's id."""
    return tuple(filter(None, (record.student, record.email, record.platform_id)))


def policy_in(out: Path, lessons: Sequence[str] = ()) -> Policy | None:
    """The policy that an earlier run has kept with its results; None if there is none."""
    path = out / FILE
    return read_policy(path, lessons) if path.is_file() else None


def keep(path: Path, out: Path) -> Path:
    """Keep a policy with the results, for later runs."""
    if path.resolve() == (out / FILE).resolve():
        return path
    return write_whole(out / FILE, path.read_bytes())


def explained(policy: Policy, lessons: Sequence[str]) -> list[str]:
    """The policy in sentences, one per lesson and exception."""
    lines = []
    for lesson in lessons:
        rule = policy.rule(lesson, ())
        if rule.due is None:
            lines.append(f"{lesson}: no due time, so nothing is late.")
            continue
        free = f", {_days(rule.free_days, 'free ')}" if rule.free_days else ""
        lines.append(f"{lesson}: due {_shown(rule.due)}{free}; {_cost(rule)}.")
    if budget := policy.budget(()):
        lines.append(f"{_days(budget, 'free ')} for each student over all lessons.")
    for (lesson, student), row in sorted(policy.rules.items()):
        if student:
            what = [f"due {_shown(row.due)}"] if row.due else []
            what += [_days(row.free_days, "free ")] if row.free_days is not None else []
            what += [_cost(row)] if row.percent is not None or row.cap is not None else []
            what += [f"handed in {_shown(row.submitted)}"] if row.submitted else []
            where = "all lessons" if lesson == ALL else row.lesson
            lines.append(f"{row.student}, {where}: {', '.join(what) or 'nothing special'}.")
    return lines


def explain(path: Path, lessons: Sequence[str], out: Path | None = None) -> int:
    """Print a policy in words and, with results, whom it touches; return the exit code."""
    from autograder.exporting.grades import read_records

    try:
        policy = read_policy(path, lessons)
        records = read_records(out) if out else []
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(explained(policy, lessons)))
    for (student, lesson), late in sorted(penalties(records, policy).items()):
        print(f"{student}, {lesson}: {late.sentence}")
    if sentence := unknown_times(records, policy):
        print(sentence)
    return 0


def _late(rule: Rule, record: Record, left: int, budget: int) -> tuple[Late | None, int]:
    """The lateness of one hand-in, and the days that it takes from the budget."""
    moment, due = _submitted(rule, record), _due(rule)
    if moment is None:
        if _FLAGGED not in record.notes:
            return None, 0
        sentence = (
            "Canvas marks this hand-in as late, and does not say by how much. No points are taken "
            "off as long as its time is not known."
        )
        return Late(1, 0.0, sentence), 0
    # In UTC: between two times of one zone Python counts by the clock on the wall.
    gap = moment.astimezone(UTC) - due.astimezone(UTC)
    days = max(0, math.ceil(gap / timedelta(days=1)))
    if days == 0:
        return None, 0
    of_lesson = min(days, rule.free_days or 0)
    spent = min(days - of_lesson, left) if rule.percent else 0
    costly = days - of_lesson - spent
    percent = min(costly * (rule.percent or 0.0), _cap(rule))
    penalty = round(percent / 100 * record.max_score, 2)
    said = [f"Handed in {_shown(moment.astimezone(due.tzinfo))}, {_days(days)} after {_shown(due)}"]
    if of_lesson:
        said.append(f"{_days(of_lesson, 'free ')} of this lesson used")
    if spent:
        said.append(f"{_days(spent, 'free ')} used, {left - spent} of {budget} left")
    if penalty:
        points = number(record.max_score)
        said.append(f"{number(percent)}% of {points} points taken off, which is {number(penalty)}")
    else:
        said.append("no points taken off")
    return Late(days, penalty, "; ".join(said) + "."), spent


def _submitted(rule: Rule, record: Record) -> datetime | None:
    return rule.submitted or times.from_iso(record.submitted)


def _due(rule: Rule) -> datetime:
    return rule.due if rule.due is not None else datetime.max.replace(tzinfo=UTC)


def _cap(rule: Rule) -> float:
    return 100.0 if rule.cap is None else rule.cap


def _cost(rule: Rule) -> str:
    if not rule.percent:
        return "no points are taken off"
    cap = f", at most {number(_cap(rule))}%" if rule.cap is not None else ""
    return f"{number(rule.percent)}% of the points for each day begun{cap}"


def _days(count: int | None, kind: str = "") -> str:
    return f"{count} {kind}day{'s' * (count != 1)}"


def _shown(moment: datetime | None) -> str:
    if moment is None:
        return ""
    form = "%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M"
    zone = getattr(moment.tzinfo, "key", None) or moment.tzname() or ""
    return f"{moment:{form}} {zone}".strip()

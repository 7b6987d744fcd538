"""The page docs/grader_speed.md, from what `grader.py` has measured."""

from __future__ import annotations

import statistics
from typing import Any

NAMES = {
    "ours": "`autograder grade`, {workers} processes, isolated (tier {tier})",
    "nbgrader": "`nbgrader autograde` {nbgrader}, as shipped",
    "otter": "`otter run`, one command per hand-in",
    "floor": "the cells alone, in forks of a warm process, {workers} at a time",
}
GOALS = {"realistic": (17.0, 57.0), "light": (4.0, 30.0)}
"""Seconds for a class, and what nbgrader took on the machine for which they were set."""
COPIES = 24
OVERHEAD = 0.05
LINEAR = 1.25
LEAST = ("floor", "unisolated")
HEAD = """\
# How fast the grader is

Written by `benchmarks/grader.py`. All graders were given the same hand-ins: a lesson of 20 cells
with four exercises, each with a visible and a hidden check, a fit in one of the notebook's own
cells, and a figure. Every eighth hand-in makes a typical mistake. Each run is a fresh process on a
fresh copy of the course, and the runs were made in turn; a figure is the median of its runs. The
points by exercise were compared after each run, and were the same for all graders.

What is measured is the whole command. Ours writes the grades, the gradebook, a page of feedback for
each student and a report, and judges the hidden check; nbgrader runs the visible check as well,
writes the gradebook, and has a command of its own for feedback. Otter runs in an environment of its
own. The last row is what the notebooks themselves cost, with nothing checked, isolated or written.

Machine: {cores} cores, {system}, Python {python}; the load before the runs was {load}.
"""


def page(found: dict[str, Any]) -> str:
    """The page."""
    loads = [run["load"] for run in found["runs"]]
    load = f"{min(loads):.1f} to {max(loads):.1f}"
    lines = [HEAD.format(**found["machine"], load=load)]
    for lesson, seconds in found["seconds"].items():
        lines += [f"## {lesson.capitalize()}: {seconds:g} s of its own computing per hand-in", ""]
        lines += [*_contest(found, lesson), ""]
    if found["otter_absent"]:
        lines += [f"otter-grader could not be installed here: {found['otter_absent']}.", ""]
    lines += [*_growth(found), ""]
    if found["plan"]["copies"] == COPIES:
        lines += ["## Goals", "", *_goals(found), ""]
    return "\n".join(lines)


def _contest(found: dict[str, Any], lesson: str) -> list[str]:
    rows = [
        "| grader | hand-ins | seconds | per hand-in | processor time per hand-in | times ours |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    count, ours, _ = _median(found, lesson, "ours")
    for who, name in NAMES.items():
        if not _runs(found, lesson, who):
            continue
        copies, wall, cpu = _median(found, lesson, who)
        label = name.format(workers=found["workers"], **found["machine"])
        rows.append(
            f"| {label} | {copies} | {wall:.1f} | {wall / copies:.2f} | {cpu / copies:.2f} "
            f"| {wall / copies / (ours / count):.2f} |"
        )
    return rows


def _growth(found: dict[str, Any]) -> list[str]:
    rows = [
        "## Growth: light hand-ins",
        "",
        "| hand-ins | seconds | per hand-in | per further hand-in |",
        "| ---: | ---: | ---: | ---: |",
    ]
    before = None
    for count in found["plan"]["growth"]:
        wall = _median(found, "growth", "ours", count)[1]
        more = "" if before is None else f"{(wall - before[1]) / (count - before[0]):.3f}"
        rows.append(f"| {count} | {wall:.1f} | {wall / count:.3f} | {more} |")
        before = (count, wall)
    once, (cells, checks) = startup(found), (overhead(found, who) for who in LEAST)
    return [
        *rows,
        "",
        f"The start and the end take {once:.1f} s once. A further hand-in takes one process "
        f"{checks[0]:.3f} s ({checks[1]:.3f} s of processor time) longer than its cells and its "
        "hidden checks take in forks of a warm process, where students' code may do anything: for "
        "the isolation, the calls through the pipe, the record, the feedback. Than its cells "
        f"alone, unchecked, it takes {cells[0]:.3f} s ({cells[1]:.3f} s) longer.",
    ]


def overhead(found: dict[str, Any], who: str = "unisolated") -> tuple[float, float]:
    """What a further hand-in costs beyond that: seconds of one process, processor time."""
    first, second = found["plan"]["growth"][:2]

    def slope(who: str, index: int) -> float:
        low, high = (_median(found, "growth", who, count)[index] for count in (first, second))
        return (high - low) / (second - first)

    wall, cpu = (slope("ours", index) - slope(who, index) for index in (1, 2))
    return found["workers"] * wall, cpu


def startup(found: dict[str, Any]) -> float:
    """Seconds that a run takes however few the hand-ins."""
    first, second = found["plan"]["growth"][:2]
    low, high = (_median(found, "growth", "ours", count)[1] for count in (first, second))
    return low - first * (high - low) / (second - first)


def _goals(found: dict[str, Any]) -> list[str]:
    lines = ["| goal | measured | |", "| --- | --- | --- |"]

    def goal(text: str, measured: str, met: bool) -> None:
        lines.append(f"| {text} | {measured} | {'met' if met else '**missed**'} |")

    for lesson, (seconds, its) in GOALS.items():
        count, wall, _ = _median(found, lesson, "ours")
        theirs = _median(found, lesson, "nbgrader")[1]
        goal(
            f"{count} {lesson} hand-ins on two cores in at most {seconds:g} s",
            f"{wall:.1f} s; nbgrader {theirs:.1f} s, {theirs / wall:.1f} times as long",
            wall <= seconds,
        )
        goal(
            f"the same as a share of nbgrader's time: at most {seconds:g} s of {its:g} s, "
            f"{seconds / its:.1%}",
            f"{wall / theirs:.1%}",
            wall / theirs <= seconds / its,
        )
    goal(
        f"at most {OVERHEAD:g} s beyond the hand-in's own computing",
        f"{overhead(found)[0]:.3f} s",
        overhead(found)[0] <= OVERHEAD,
    )
    slopes = _slopes(found)
    if len(slopes) > 1:
        ratio = slopes[-1] / slopes[0]
        text = f"cost grows linearly: a further hand-in costs at most {LINEAR:g} times as much"
        goal(text, f"{ratio:.2f} times", ratio <= LINEAR)
    return lines


def _slopes(found: dict[str, Any]) -> list[float]:
    counts = found["plan"]["growth"]
    walls = [_median(found, "growth", "ours", count)[1] for count in counts]
    return [(walls[k + 1] - walls[k]) / (counts[k + 1] - counts[k]) for k in range(len(counts) - 1)]


def _runs(found: dict[str, Any], lesson: str, who: str) -> list[dict[str, Any]]:
    return [run for run in found["runs"] if (run["lesson"], run["who"]) == (lesson, who)]


def _median(
    found: dict[str, Any], lesson: str, who: str, hand_ins: int | None = None
) -> tuple[int, float, float]:
    """Hand-ins, median wall clock, median processor time."""
    runs = [run for run in _runs(found, lesson, who) if hand_ins in (None, run["hand_ins"])]
    wall, cpu = (statistics.median(run[kind] for run in runs) for kind in ("wall", "cpu"))
    return runs[0]["hand_ins"], wall, cpu

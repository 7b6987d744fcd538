"""Our grader beside nbgrader and otter-grader: the same hand-ins, one run, each a fresh process.

Run as `python benchmarks/grader.py` on a quiet machine, about a quarter of an hour; it writes
docs/grader_speed.json and docs/grader_speed.md. `--quick` measures little, once, in a minute, and
only prints; `--render` writes the page again from the stored figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from contestants import (
    PYTHON,
    TOOLS,
    Otter,
    Outcome,
    Scores,
    Task,
    floor,
    nbgrader,
    ours,
    require_same,
    unisolated,
)
from grader_page import page
from otter_peer import NotInstalled, install
from realistic import Course, steps_for, write_course, write_hand_ins

ROOT = Path(__file__).resolve().parents[1]
STORED, PAGE = (ROOT / "docs" / f"grader_speed.{ending}" for ending in ("json", "md"))
SECONDS = {"realistic": 1.27, "light": 0.13}
"""What a hand-in computes by itself, in its own cells."""
Contestant = Callable[[Task], Outcome]


@dataclass(frozen=True)
class Plan:
    """How much is measured: rounds by lesson, hand-ins of a class, of otter, and of growth."""

    rounds: Mapping[str, int]
    copies: int
    copies_of_otter: int
    growth: tuple[int, ...]
    rounds_of_growth: int


FULL = Plan({"realistic": 2, "light": 3}, 24, 1, (10, 100, 1000), 2)
QUICK = Plan({"realistic": 1, "light": 1}, 6, 1, (4, 12), 1)


@dataclass(frozen=True)
class Run:
    """One measured run."""

    lesson: str
    who: str
    hand_ins: int
    wall: float
    cpu: float
    load: float


def measure(plan: Plan, folder: Path, workers: int) -> dict[str, Any]:
    """Everything that the page is made from."""
    courses, steps = {}, {}
    for lesson, seconds in SECONDS.items():
        steps[lesson] = steps_for(seconds)
        courses[lesson] = write_course(folder / lesson, steps[lesson], [*PYTHON, "nbgrader"], TOOLS)
    contestants: dict[str, Contestant] = {"ours": ours, "nbgrader": nbgrader, "floor": floor}
    absent = ""
    try:
        contestants["otter"] = Otter(install(ROOT / "build" / "otter"))
    except NotInstalled as error:
        absent = str(error)
    runs, tiers = _contest(plan, courses, contestants, workers)
    runs += _growth(plan, courses, workers)
    return {
        "runs": [asdict(run) for run in runs],
        "plan": asdict(plan),
        "steps": steps,
        "seconds": SECONDS,
        "workers": workers,
        "otter_absent": absent,
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.system(),
            "nbgrader": version("nbgrader"),
            "tier": "".join(sorted(tiers)),
        },
    }


def _contest(
    plan: Plan, courses: Mapping[str, Course], contestants: Mapping[str, Contestant], workers: int
) -> tuple[list[Run], set[str]]:
    """All contestants on the same hand-ins, in turn, so that a busy minute hits all of them.

    Returns:
        The runs, and the tiers of isolation that our records name.
    """
    tasks = {
        (lesson, count): _task(course, count, workers)
        for lesson, course in courses.items()
        for count in {plan.copies, plan.copies_of_otter}
    }
    runs, tiers = [], set[str]()
    for number in range(max(plan.rounds.values())):
        for lesson in courses:
            if number >= plan.rounds[lesson]:
                continue
            expected: Scores = {}
            for who, contestant in contestants.items():
                count = plan.copies_of_otter if who == "otter" else plan.copies
                task = tasks[lesson, count]
                run, outcome = _run(lesson, who, contestant, task)
                runs.append(run)
                tiers |= {outcome.tier} - {""}
                expected = outcome.scores if who == "ours" else expected
                if outcome.scores:
                    require_same(task, expected, outcome.scores, who)
    return runs, tiers


def _growth(plan: Plan, courses: Mapping[str, Course], workers: int) -> list[Run]:
    """Ours on more and more light hand-ins; what they cost at least, on the first two numbers."""
    runs = []
    tasks = [_task(courses["light"], count, workers) for count in plan.growth]
    all_of_them = {"ours": ours, "floor": floor, "unisolated": unisolated}
    for _ in range(plan.rounds_of_growth):
        for task in tasks[:2]:
            for who, contestant in all_of_them.items():
                runs.append(_run("growth", who, contestant, task)[0])
    return runs + [_run("growth", "ours", ours, task)[0] for task in tasks[2:]]


def _task(course: Course, count: int, workers: int) -> Task:
    folder = course.root.with_name(f"{course.root.name}-{count}")
    return Task(course, write_hand_ins(course, folder, count), workers)


def _run(lesson: str, who: str, contestant: Contestant, task: Task) -> tuple[Run, Outcome]:
    load, count = os.getloadavg()[0], len(task.notebooks)
    outcome = contestant(task)
    timing = outcome.timing
    print(
        f"{lesson:10s} {who:9s} {count:5d} hand-ins {timing.wall:7.2f} s,"
        f" {timing.cpu:7.2f} s of processor time, load before {load:.1f}",
        file=sys.stderr,
        flush=True,
    )
    return Run(lesson, who, count, round(timing.wall, 3), round(timing.cpu, 3), load), outcome


def main() -> None:
    """Measure, print, and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure little, and only print")
    parser.add_argument("--render", action="store_true", help="only write the page again")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    if arguments.render:
        found = json.loads(STORED.read_text(encoding="utf-8"))
    else:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            plan = QUICK if arguments.quick else FULL
            found = measure(plan, Path(folder), arguments.workers)
    if not arguments.quick:
        STORED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(found), encoding="utf-8")
    print(page(found))


if __name__ == "__main__":
    main()

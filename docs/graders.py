"""Measure the checks and write docs/graders.md: what is caught, what is accepted, false alarms.

Run as `python docs/graders.py [REPETITIONS]`; 1,000 take about half an hour on two cores.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import sys
from pathlib import Path

from tqdm import tqdm

from autograder.checks import grade
from autograder.checks.protocol import Exercise
from autograder.checks.registry import all_exercises, find

BANK_SEEDS = (101, 102, 103)
FIRST_SEED = 10_000
FEW = 100

HEAD = """\
# How well the checks judge

Written by `python docs/graders.py`. For every exercise, with {bank} seeds per entry of its bank:

- **caught**: wrong answers that did not get full marks;
- **own hint**: wrong answers that were told the hint written for them;
- **accepted**: right but different answers that got full marks.

**False alarms** are gradings of right answers, the reference and the right entries of the bank in
turn, that did not give full marks, among {repetitions} seeds. **Stated** is the rate that the
checks promise, all parts of the exercise together; 0 means that the check is deterministic (then
{few} seeds).

| exercise | points | wrong | caught | own hint | right | accepted | false alarms | stated |
|---|---|---|---|---|---|---|---|---|
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """The measurements of one exercise."""

    exercise: str
    points: float
    wrong: int
    caught: float
    own_hint: float
    right: int
    accepted: float
    false_alarms: int
    repetitions: int
    stated: float

    def __str__(self) -> str:
        """One line of the table."""
        return (
            f"| {self.exercise} | {self.points:g} | {self.wrong} | {self.caught:.0%} | "
            f"{self.own_hint:.0%} | {self.right} | {self.accepted:.0%} | "
            f"{self.false_alarms} of {self.repetitions:,} | {self.stated:.2g} |"
        )


def false_alarms(name: str, seeds: range) -> int:
    """Among these seeds, how often a right answer does not get full marks."""
    exercise = dataclasses.replace(find(name), forbidden=())
    right = [exercise.reference, *(entry.answer for entry in exercise.right)]
    verdicts = (grade(exercise, right[seed % len(right)], seed) for seed in seeds)
    return sum(verdict.score < verdict.max_score for verdict in verdicts)


def bank(name: str) -> tuple[float, float, float]:
    """The rates at which wrong answers are caught and told their hint, and right ones accepted."""
    exercise = find(name)
    judged = [
        (entry, grade(exercise, answer, seed))
        for entry in exercise.wrong
        for answer in (entry.answer, *entry.also)
        for seed in BANK_SEEDS
    ]
    caught = [verdict.score < verdict.max_score for _, verdict in judged]
    own = [verdict.misconception == entry.name for entry, verdict in judged]
    accepted = [
        grade(exercise, entry.answer, seed).status == "correct"
        for entry in exercise.right
        for seed in BANK_SEEDS
    ]
    return mean(caught), mean(own), mean(accepted)


def mean(values: list[bool]) -> float:
    """The fraction that is true."""
    return sum(values) / len(values)


def measure(exercise: Exercise, repetitions: int, pool: concurrent.futures.Executor) -> Row:
    """One row of the table; a deterministic check needs no repetition but gets some."""
    stated = sum(part.false_alarm for part in exercise.parts)
    count = repetitions if stated else min(repetitions, FEW)
    chunks = [range(FIRST_SEED + i, FIRST_SEED + min(i + 25, count)) for i in range(0, count, 25)]
    found = pool.submit(bank, exercise.id)
    alarms = sum(pool.map(false_alarms, [exercise.id] * len(chunks), chunks))
    caught, own, accepted = found.result()
    return Row(
        exercise.id,
        exercise.points,
        len(exercise.wrong),
        caught,
        own,
        len(exercise.right),
        accepted,
        alarms,
        count,
        stated,
    )


def main() -> None:
    """Measure all exercises and write the page."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    with concurrent.futures.ProcessPoolExecutor() as pool:
        rows = [measure(exercise, repetitions, pool) for exercise in tqdm(all_exercises())]
    head = HEAD.format(few=FEW, bank=len(BANK_SEEDS), repetitions=f"{repetitions:,}")
    text = head + "\n".join(map(str, rows)) + "\n"
    Path(__file__).with_name("graders.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

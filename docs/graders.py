"""Measure the checks: what is caught, what is accepted, how often a right answer fails.

Run as `python docs/graders.py E3.1 E3.2 --repetitions 1000` to measure these exercises, without
names to measure those that have no figures or figures of another version, with `--all` to measure
every one, with `--render` to write the page and nothing else. Figures are kept in graders.json;
graders.md is written from all of them. A thousand repetitions of a statistical check take minutes.

The version of an exercise is a digest of the modules that its check and its bank stand in, with
those of the same lesson or of other banks that they import. What all checks share, and `vi_lib`,
is left out: a change there would make every figure old. After such a change, measure with `--all`.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from scipy import stats
from tqdm import tqdm

from autograder.checks import grade
from autograder.checks.protocol import Exercise
from autograder.checks.registry import all_exercises, find

BANK_SEEDS = (101, 102, 103)
FIRST_SEED = 10_000
CHUNK = 25
FEW = 100
ROOT = Path(__file__).parents[1]
STORE = Path(__file__).with_name("graders.json")
PAGE = Path(__file__).with_name("graders.md")
OWN = re.compile(r"autograder\.checks\.(lesson\d\d|bank\.)\w*")

COLUMNS = (
    *("exercise", "points", "wrong", "caught", "own hint", "right", "accepted"),
    *("false alarms", "at most", "stated", "version"),
)
HEAD = f"""\
# How well the checks judge

Written by `python docs/graders.py`. For every exercise, with {len(BANK_SEEDS)} seeds per entry of
its bank:

- **caught**: wrong answers that did not get full marks, the kill rate;
- **own hint**: wrong answers that were told the hint written for them;
- **accepted**: right but different answers that got full marks.

**False alarms** are gradings of right answers, the reference and the right entries of the bank in
turn, that did not give full marks, each with a seed of its own. **At most** is the largest rate of
false alarms that such a count leaves possible, at 95 % confidence. **Stated** is the rate that the
checks promise, all parts of the exercise together; 0 means that the check is deterministic. Then
{FEW} seeds are enough, since its inputs alone can vary.

**Version** says whether check and bank have been changed since: "old" figures belong to earlier
ones, and `python docs/graders.py` measures them again.

| {" | ".join(COLUMNS)} |
|{"---|" * len(COLUMNS)}
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """The figures of one exercise; counts stand beside the number of gradings they are among."""

    digest: str
    points: float
    wrong: int
    judged_wrong: int
    caught: int
    own_hint: int
    right: int
    judged_right: int
    accepted: int
    repetitions: int
    false_alarms: int
    stated: float

    def line(self, name: str, digest: str) -> str:
        """One line of the table; `digest` is that of the exercise as it now is."""
        return (
            f"| {name} | {self.points:g} | {self.wrong} | "
            f"{percent(self.caught, self.judged_wrong)} | "
            f"{percent(self.own_hint, self.judged_wrong)} | {self.right} | "
            f"{percent(self.accepted, self.judged_right)} | "
            f"{self.false_alarms} of {self.repetitions:,} | "
            f"{upper_bound(self.false_alarms, self.repetitions):.2%} | {self.stated:.2g} | "
            f"{'this' if self.digest == digest else 'old'} |"
        )


def percent(count: int, among: int) -> str:
    """A rate, whole percents, which says 100 % only of all."""
    return f"{count / among:.0%}" if count == among else f"{min(count / among, 0.99):.0%}"


def upper_bound(count: int, among: int) -> float:
    """The rate at which so few events among so many tries have probability 5 % (Clopper-Pearson).

    For none among n it is 1 - .05^(1/n), nearly 3/n.
    """
    return 1.0 if count == among else float(stats.beta.ppf(0.95, count + 1, among - count))


# Versions


def digest(exercise: Exercise) -> str:
    """Twelve hexadecimal digits that change with the exercise's check or its bank."""
    found = hashlib.sha256()
    for name in sorted(modules(exercise)):
        found.update(name.encode() + b"\0" + source(name).encode() + b"\0")
    return found.hexdigest()[:12]


def modules(exercise: Exercise) -> set[str]:
    """The modules that the check and the bank of an exercise consist of."""
    functions: list[Any] = [part.test for part in exercise.parts]
    for wrong in exercise.wrong:
        for answer in (wrong.answer, *wrong.also):
            functions += answer.values()
    for right in exercise.right:
        functions += right.answer.values()
    todo = {module_of(function) for function in functions}
    bank = "autograder.checks.bank." + exercise.id.lower().replace(".", "_")
    if path(bank).exists():
        todo.add(bank)
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if OWN.fullmatch(name) and name not in found:
            found.add(name)
            todo |= imports(name)
    return found


def module_of(function: Any) -> str:
    """The module in which a function, a class or a partial function is written."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__module__", ""))


def path(module: str) -> Path:
    """The file of a module of this project."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


@functools.cache
def source(module: str) -> str:
    """The text of a module."""
    return path(module).read_text(encoding="utf-8")


@functools.cache
def imports(module: str) -> set[str]:
    """What a module imports: modules, and for `from a import b` both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source(module))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if OWN.fullmatch(name) and path(name).exists()}


# Measuring


def false_alarms(name: str, seeds: Sequence[int]) -> int:
    """Among these seeds, how often a right answer does not get full marks."""
    exercise = dataclasses.replace(find(name), forbidden=())
    right = [exercise.reference, *(entry.answer for entry in exercise.right)]
    verdicts = (grade(exercise, right[seed % len(right)], seed) for seed in seeds)
    return sum(verdict.score < verdict.max_score for verdict in verdicts)


def bank(name: str) -> dict[str, int]:
    """How many wrong answers are caught and told their hint, and how many right ones accepted."""
    exercise = find(name)
    judged = [
        (entry, grade(exercise, answer, seed))
        for entry in exercise.wrong
        for answer in (entry.answer, *entry.also)
        for seed in BANK_SEEDS
    ]
    accepted = [
        grade(exercise, entry.answer, seed).status == "correct"
        for entry in exercise.right
        for seed in BANK_SEEDS
    ]
    return {
        "judged_wrong": len(judged),
        "caught": sum(verdict.score < verdict.max_score for _, verdict in judged),
        "own_hint": sum(verdict.misconception == entry.name for entry, verdict in judged),
        "judged_right": len(accepted),
        "accepted": sum(accepted),
    }


def measure(exercise: Exercise, repetitions: int, pool: concurrent.futures.Executor) -> Row:
    """The figures of one exercise; a deterministic check needs few repetitions."""
    stated = sum(part.false_alarm for part in exercise.parts)
    count = repetitions if stated else min(repetitions, FEW)
    seeds = range(FIRST_SEED, FIRST_SEED + count)
    chunks = [seeds[i : i + CHUNK] for i in range(0, count, CHUNK)]
    found = pool.submit(bank, exercise.id)
    alarms = pool.map(false_alarms, [exercise.id] * len(chunks), chunks)
    return Row(
        digest=digest(exercise),
        points=exercise.points,
        wrong=len(exercise.wrong),
        right=len(exercise.right),
        repetitions=count,
        false_alarms=sum(alarms),
        stated=float(f"{stated:.3g}"),
        **found.result(),
    )


# Keeping and showing


def load(store: Path = STORE) -> dict[str, Row]:
    """The stored figures, by exercise."""
    if not store.exists():
        return {}
    return {k: Row(**v) for k, v in json.loads(store.read_text(encoding="utf-8")).items()}


def save(rows: dict[str, Row], store: Path = STORE) -> None:
    """Write the figures, a line for each exercise, so that two people's lines merge."""
    lines = [f'"{name}": {json.dumps(dataclasses.asdict(rows[name]))}' for name in ordered(rows)]
    store.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def ordered(names: Iterable[str]) -> list[str]:
    """Exercises in the order of the course: E2.5 before E10.1."""
    return sorted(names, key=lambda name: [int(part) for part in name[1:].split(".")])


def page(rows: dict[str, Row]) -> str:
    """The page, from all stored figures of exercises that exist."""
    now = {exercise.id: digest(exercise) for exercise in all_exercises()}
    lines = [rows[name].line(name, now[name]) for name in ordered(rows.keys() & now.keys())]
    return HEAD + "\n".join(lines) + "\n"


def outdated(rows: dict[str, Row]) -> list[str]:
    """The exercises that have no figures, or those of another version."""
    return [e.id for e in all_exercises() if e.id not in rows or rows[e.id].digest != digest(e)]


def main() -> None:
    """Measure what is asked for, keep the figures, and write the page."""
    parser = argparse.ArgumentParser(description="Measure the checks; write docs/graders.md.")
    parser.add_argument("exercises", nargs="*", help="such as E3.1; default: all without figures")
    parser.add_argument("--repetitions", type=int, default=1_000, help="of statistical checks")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--all", action="store_true", help="measure every exercise")
    parser.add_argument("--render", action="store_true", help="write the page, measure nothing")
    options = parser.parse_args()
    names = options.exercises
    if options.all:
        names = [exercise.id for exercise in all_exercises()]
    elif not names and not options.render:
        names = outdated(load())
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for name in tqdm(names, disable=not names):
            row = measure(find(name), options.repetitions, pool)
            save({**load(), name: row})
    rows = load()
    save(rows)
    PAGE.write_text(page(rows), encoding="utf-8")
    print("\n".join(line for line in page(rows).splitlines() if line.startswith("| ")))


if __name__ == "__main__":
    main()

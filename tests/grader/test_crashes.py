"""Killed at any moment, by any signal to any process: a rerun finishes the batch as if nothing was.

The kills are seeded, but the moments at which they fall are as the machine has it: these tests look
for what must hold at every moment.
"""

from __future__ import annotations

import csv
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from crashing import Tree, count, light_class, marks, read, rewritten, start, until

from autograder.records import Record, load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc"),
]
SIZE, MORE = 500, 100
"""Hand-ins at first, and how many come in when a fast machine is done before the kills are."""
PLAN = {"parent": 14, "worker": 50, "zygote": 55, "child": 62, "server": 12, "nursery": 12}
PATIENCE = 120.0
APART = 3
"""Hand-ins done between two kills, so that none is hit three times and given up."""


def records(out: Path) -> dict[str, Record]:
    found = [load(path) for path in (out / "records").glob("*.json")]
    return {record.student: record for record in found}


def count_of(source: Path) -> int:
    """How many hand-ins there are to do."""
    return sum(1 for _ in source.iterdir())


def plain(record: Record) -> Record:
    """What two gradings of the same notebook have in common."""
    return replace(record, student="", seconds=0.0, basis="", before={}, changed=())


def gradebook(path: Path) -> list[tuple[object, ...]]:
    """All points, after a look at whether the file is sound."""
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = db.execute(
            "SELECT student_id, base_cell.name, auto_score FROM grade "
            "JOIN base_cell ON base_cell.id = grade.cell_id "
            "JOIN submitted_notebook AS notebook ON notebook.id = grade.notebook_id "
            "JOIN submitted_assignment AS given ON given.id = notebook.assignment_id ORDER BY 1, 2"
        ).fetchall()
    db.close()
    return rows


@pytest.fixture(scope="module")
def reference(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run that nobody has disturbed."""
    top = tmp_path_factory.mktemp("calm")
    light_class(top / "class", 4)
    run = start(course, "grade", top / "class", "--out", top / "out", "--workers", 2)
    _, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, err
    return top / "out"


def test_two_hundred_kills_lose_nothing_and_grade_nothing_twice(
    course: Path, reference: Path, short_path: Path
) -> None:
    source, out, temp = (
        light_class(short_path / "class", SIZE),
        short_path / "out",
        short_path / "temp",
    )
    temp.mkdir()
    rng = random.Random(20)
    plan = [kind for kind, count in PLAN.items() for _ in range(count)]
    rng.shuffle(plan)
    killer, trees = Killer(source, out, plan, rng), []
    while True:
        before = marks(out)
        run = start(
            course, "grade", source, "--out", out, "--workers", 2, env={"TMPDIR": str(temp)}
        )
        trees.append(Tree(run.pid))
        killer.disturb(run, trees[-1])
        printed, err = run.communicate(timeout=PATIENCE)
        assert rewritten(before, marks(out)) == []
        if (out / "gradebook.db").exists():
            gradebook(out / "gradebook.db")
        if run.returncode == 0 and killer.killed.total() < 200:
            light_class(source, MORE, first=count_of(source))
        elif run.returncode != -signal.SIGKILL:
            break
    killed, size = killer.killed, count_of(source)
    assert run.returncode == 0, err
    assert f"{size} hand-ins: all graded." in printed
    assert killed.total() >= 200, killed
    assert min(killed.values()) >= 10, killed
    expected = {number: plain(records(reference)[f"s{number:04d}"]) for number in (0, 1)}
    found = records(out)
    assert sorted(found) == [f"s{number:04d}" for number in range(size)]
    for number in range(size):
        assert plain(found[f"s{number:04d}"]) == expected[min(number % 3, 1)]
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        scores = {row["student"]: row["score"] for row in csv.DictReader(file)}
    assert scores == {f"s{n:04d}": "4" if n % 3 == 0 else "9" for n in range(size)}
    assert len(gradebook(out / "gradebook.db")) == 3 * size
    assert [relic for tree in trees for relic in tree.relics()] == []
    assert list(out.rglob("*.part*")) == []
    assert [path.name for path in temp.iterdir()] == []


@dataclass
class Killer:
    """Kills processes of a run as planned, at moments that lie all over it."""

    source: Path
    out: Path
    plan: list[str]
    rng: random.Random
    killed: Counter[str] = field(default_factory=Counter)

    def disturb(self, run: subprocess.Popen[str], tree: Tree) -> None:
        """Kill one process after the other, until it was the run's own, or the run is over."""
        wait = 0
        while self.plan:
            kind = self.plan.pop()
            if not self._moment(run, kind, wait) or run.poll() is not None:
                self.plan.insert(0, kind)
                return
            found = tree.look()
            victims = [root] if kind == "parent" and (root := read(run.pid)) else found.get(kind)
            if not victims or not self.rng.choice(victims).send(signal.SIGKILL):
                self.plan.insert(0, kind)
                continue
            self.killed[kind] += 1
            if kind == "parent":
                return
            wait = APART if kind in ("worker", "zygote", "child") else 0

    def _moment(self, run: subprocess.Popen[str], kind: str, wait: int) -> bool:
        """Wait until it is time; False if the run is over before."""
        if kind == "parent" and not wait and self.rng.random() < 0.5:
            moment = time.monotonic() + self.rng.uniform(0.0, 2.0)  # while it starts, or ends
            return until(lambda: time.monotonic() > moment, run, PATIENCE)
        goal = min(count(self.out) + max(wait, 1), count_of(self.source))
        done = until(lambda: count(self.out) >= goal, run, PATIENCE)
        time.sleep(self.rng.uniform(0.0, 0.05))
        return done


def changed(out: Path, stamp: int) -> int:
    """How many records are newer than the gradebook was."""
    return sum(moment > stamp for _, moment in marks(out).values())


def mark_of(out: Path) -> int:
    """When the gradebook was written, 0 if there is none."""
    path = out / "gradebook.db"
    return path.stat().st_mtime_ns if path.exists() else 0


MOMENTS: dict[str, Callable[[Path, int], bool]] = {
    "half of the class": lambda out, stamp: count(out) >= 6,
    "new gradebook": lambda out, stamp: (out / "gradebook.db.part-journal").exists(),
    "feedback": lambda out, stamp: (out / "feedback").exists(),
    "again, half of the class": lambda out, stamp: changed(out, stamp) >= 6,
    "again, in the transaction": lambda out, stamp: (out / "gradebook.db-journal").exists(),
    "again, the transaction is over": lambda out, stamp: mark_of(out) > stamp,
}
"""When the power fails: in a first run, and in one over the results of older hand-ins."""


@pytest.fixture(scope="module")
def older(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of other hand-ins of the same students."""
    top = tmp_path_factory.mktemp("older")
    source = light_class(top / "class", 12, partly=1)
    finish(start(course, "grade", source, "--out", top / "out", "--workers", 2))
    return top / "out"


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_power_cut_a_run_goes_on_from_what_was_on_the_disk(
    moment: str, course: Path, reference: Path, older: Path, tmp_path: Path
) -> None:
    source, out, copy = light_class(tmp_path / "class", 12), tmp_path / "out", tmp_path / "copy"
    if moment.startswith("again"):
        shutil.copytree(older, out)
    stamp = mark_of(out)
    run = start(course, "grade", source, "--out", out, "--workers", 2)
    tree = Tree(run.pid)
    assert until(lambda: MOMENTS[moment](out, stamp), run, PATIENCE, pause=0.0)
    tree.look()
    everyone = [process for process in (read(run.pid), *tree.seen) if process]
    for process in everyone:
        process.send(signal.SIGSTOP)
    shutil.copytree(out, copy)
    for process in everyone:
        process.send(signal.SIGKILL)
    run.communicate(timeout=PATIENCE)
    before = {name: mark for name, mark in marks(copy).items() if mark[1] > stamp}
    finish(start(course, "grade", source, "--out", copy, "--workers", 2))
    assert rewritten(before, marks(copy)) == []
    found, calm = records(copy), records(reference)
    for number in range(12):
        expected = plain(calm[f"s{min(number % 3, 1):04d}"])
        assert plain(found[f"s{number:04d}"]) == expected
    points = {(student, cell): score for student, cell, score in gradebook(copy / "gradebook.db")}
    assert points == {
        (f"s{number:04d}", cell): score
        for number in range(12)
        for cell, score in (
            ("E5-1-check", 4.0),
            ("E5-4-check", 5.0 if number % 3 else 0.0),
            ("O5", None if number % 3 else 0.0),
        )
    }
    assert tree.relics() == []


def finish(run: subprocess.Popen[str]) -> None:
    """Let a run come to its end."""
    _, err = run.communicate(timeout=PATIENCE)
    assert (run.returncode, err) == (0, "")

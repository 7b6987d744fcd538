"""All broken hand-ins as one class, through the command: one row each, and nothing left behind."""

from __future__ import annotations

import csv
import ctypes
import hashlib
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import broken_answers
import broken_cells
import broken_code
import broken_crashes
import broken_files
import broken_loops
import broken_metadata
import broken_syntax
import broken_values
import pytest
import toy_course
from broken import SECONDS, Case, differences

from autograder.records import Record, load
from autograder.sandbox.tiers import chosen_tier

pytestmark = pytest.mark.slow

MODULES = (
    *(broken_answers, broken_cells, broken_code, broken_crashes, broken_files),
    *(broken_loops, broken_metadata, broken_syntax, broken_values),
)


def named(module: ModuleType, case: Case, number: int) -> str:
    """A student's name that tells which case it is."""
    words = re.sub(r"[^\w ]+", "_", case.name)
    return f"{module.__name__.removeprefix('broken_')} {words} {number}"


CASES = {
    named(module, case, number): case
    for module in MODULES
    for number, case in enumerate(module.CASES)
}
_SUBREAPER = 36


@dataclass(frozen=True)
class Run:
    """What the command left: its exit code, its words, and the processes that outlived it."""

    code: int
    errors: str
    out: Path
    records: dict[str, Record]
    left: tuple[int, ...]
    temporary: tuple[str, ...]
    untouched: bool


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    top = tmp_path_factory.mktemp("broken")
    root, environment = toy_course.build(top)
    for student, case in CASES.items():
        folder = top / "class" / student / "05_toy"
        folder.mkdir(parents=True)
        (folder / "05_toy.ipynb").write_bytes(case.data)
        for name, content in case.files.items():
            (folder / name).write_bytes(content)
    before = fingerprint(top / "class"), fingerprint(root)
    orphans = adopt_orphans()
    command = ["grade", str(top / "class"), "--out", str(top / "out"), "--timeout", str(SECONDS)]
    done = subprocess.run(
        [sys.executable, "-m", "autograder", *command],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    records = [load(path) for path in (top / "out" / "records").glob("*.json")]
    return Run(
        done.returncode,
        done.stderr,
        top / "out",
        {record.student: record for record in records},
        tuple(set(children()) - orphans),
        tuple(os.listdir(top / "temporary")),
        before == (fingerprint(top / "class"), fingerprint(root)),
    )


def fingerprint(top: Path) -> str:
    """A hash of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(top.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        digest.update(f"{path.relative_to(top)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def adopt_orphans() -> set[int]:
    """Have processes that the command leaves behind become ours (Linux); the children so far."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    return set(children())


def children() -> list[int]:
    """The processes whose parent we are, but for those that have ended."""
    time.sleep(0.2)  # a killed process takes a moment to be gone
    try:
        found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        return []
    return [int(pid) for pid in found if not ended(pid)]


def ended(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_command_says_that_some_were_not_graded(run: Run) -> None:
    assert run.code == 1
    assert "Traceback" not in run.errors


def test_there_is_one_row_for_each(run: Run) -> None:
    with (run.out / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["student"] for row in rows) == sorted(CASES)
    for row in rows:
        case = CASES[row["student"]]
        assert row["status"] == case.status
        assert (float(row["score"]) if row["score"] else None) == case.score
        assert row["message"]


@pytest.mark.parametrize("student", CASES)
def test_each_gets_what_it_would_get_alone(run: Run, student: str) -> None:
    record = run.records[student]
    assert not differences(CASES[student], record)
    if record.verdicts or record.unjudged:
        assert record.tier == chosen_tier()


def test_each_has_a_page_of_feedback(run: Run) -> None:
    pages = [path for path in (run.out / "feedback").rglob("05_toy*.html")]
    assert len(pages) == len(CASES)
    assert all(page.stat().st_size > 1000 for page in pages)


def test_nothing_is_left_behind(run: Run) -> None:
    assert run.left == ()
    assert run.temporary == ()
    assert run.untouched


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 110
    assert {case.status for case in CASES.values()} >= {
        *("graded", "partly graded", "not a notebook", "wrong lesson"),
        *("timed out", "out of memory", "crashed", "refused"),
    }

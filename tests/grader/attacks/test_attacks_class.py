"""A whole run over a class with attackers in it: honest students' results are what they were.

Two students are graded alone, and again in a class with attackers. Their records, pages, rows and
marks in the gradebook are equal, nothing of the instructor's has changed, each attacker has what
the honest part earns, and nothing that a student wrote acts anywhere.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import evil_class
import mini
import pytest
from hostile import Attack
from test_attacks import ATTACKS
from world import listening, processes, world

from autograder.sandbox.tiers import Tier, best_tier, why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the attacks are written for Linux"),
]

HONEST = {
    "ada": mini.cells(mini.SCORE, mini.CONTROL, "Because."),
    "zoe": mini.cells(evil_class.WRONG, mini.CONTROL, "Perhaps."),
}
CHOSEN = (
    "list what there is",
    "links to what is elsewhere",
    "write into the installed libraries",
    "write into the user's home",
    "connect over TCP and UDP on this machine",
    "a daemon: forked twice, in a session of its own",
    "start programs",
    "end the process that forked this one",
    "import the checks with their references",
    "make every comparison true",
    "patch the checks where this process has them",
    "trace and profile everything",
    "hooks that run at the end",
    "threads that go on, and answer later",
)
LIGHT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLORY_TOKEN": "hush"}


@dataclass(frozen=True)
class Run:
    """What one run left: its folder, what it printed, and the folder for temporary files."""

    tier: str
    out: Path
    said: str
    attackers: tuple[str, ...]
    alone: Path
    scratch: Path
    before: dict[str, str]
    after: dict[str, str]
    reached: list[str]
    running: list[str]


def digest(*folders: Path) -> dict[str, str]:
    """All files of some folders."""
    files = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def command(course: Path, top: Path, out: Path, tier: str, scratch: Path) -> str:
    """Run `autograder grade`; return what it says."""
    arguments = ["grade", top, "--out", out, "--tier", tier, "--timeout", 20, "--workers", 2]
    done = subprocess.run(
        [sys.executable, "-m", "autograder", *map(str, arguments)],
        cwd=course,
        env={**os.environ, **LIGHT, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def alone(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the two honest students, graded without the others."""
    base = tmp_path_factory.mktemp("alone")
    evil_class.write(base / "two", HONEST)
    command(course, base / "two", base / "out", best_tier(), base)
    return base / "out"


@pytest.fixture(scope="module", params=get_args(Tier))
def run(
    request: pytest.FixtureRequest,
    course: Path,
    alone: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    tier = request.param
    if reason := why_not(tier):
        pytest.skip(f"this machine has no tier {tier}: {reason}")
    base = tmp_path_factory.mktemp(f"class-{tier}")
    top, out, scratch = (base / name for name in ("class", "out", "scratch"))
    scratch.mkdir()
    chosen = {name: ATTACKS[name] for name in CHOSEN if tier in ATTACKS[name].stopped}
    if tier != "C":
        chosen["vandal"] = Attack("vandal", evil_class.VANDAL)
    with listening() as listeners, world() as instructor:
        settings = {**instructor.settings(), **listeners.settings()}
        settings |= {"OUT": str(out), "HANDINS": str(top), "COURSE": str(course)}
        evil = {**evil_class.hostile(chosen, settings), **evil_class.texts()}
        evil |= dict.fromkeys(evil_class.NAMES, mini.cells(evil_class.WRONG, mini.CONTROL))
        evil_class.write(top, {**HONEST, **evil})
        _link(top, course)
        before = digest(course, top)
        said = command(course, top, out, tier, scratch)
        yield Run(
            *(tier, out, said, tuple(evil), alone, scratch, before, digest(course, top)),
            reached=listeners.contacts(),
            running=processes(instructor.mark, str(settings["SECONDS"])),
        )


def _link(top: Path, course: Path) -> None:
    """A hand-in that is a link to the solution, and one with helper files that are links."""
    solution = course / "solutions" / mini.NAME / f"{mini.NAME}.ipynb"
    for student in ("mallory links", "mallory links a folder"):
        (top / student).mkdir()
    (top / "mallory links a folder" / mini.NAME).symlink_to(solution.parent)
    place = top / "mallory links" / mini.NAME
    place.mkdir()
    (place / f"{mini.NAME}.ipynb").symlink_to(solution)
    (place / "data.csv").symlink_to("/etc/passwd")


def records(out: Path) -> dict[str, dict[str, Any]]:
    """The records, without what differs from run to run: how long it took, where it ran."""
    found = {}
    for path in (out / "records").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        found[record["student"]] = {**record, "seconds": 0, "tier": "", "basis": ""}
    return found


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_honest_students_get_what_they_got_without_the_others(run: Run) -> None:
    alone, together = records(run.alone), records(run.out)
    assert set(alone) == set(HONEST)
    for student, score in (("ada", 9.0), ("zoe", 5.0)):
        assert alone[student]["score"] == score
        assert together[student] == alone[student]
        assert rows(run.out / "grades.csv")[student] == rows(run.alone / "grades.csv")[student]
    for page in sorted((run.alone / "feedback").rglob("*.html")):
        if "ada" in page.name or "zoe" in page.name:
            other = run.out / "feedback" / page.relative_to(run.alone / "feedback")
            assert other.read_bytes() == page.read_bytes()


def test_attackers_get_what_their_honest_part_earns(run: Run) -> None:
    found = records(run.out)
    earned = {n: r["score"] for n, r in found.items() if n not in HONEST and "links" not in n}
    assert len(earned) == len(run.attackers)
    refused = {name for name in earned if found[name]["status"] == "refused"}
    assert len(refused) == 2  # their names hold control characters
    assert {score for name, score in earned.items() if name not in refused} == {5.0}
    assert [r["score"] for name, r in found.items() if "links" in name and r["score"]] == []


def test_nothing_of_the_instructors_has_changed_or_is_left_running(run: Run) -> None:
    assert run.after == run.before
    assert run.reached == []
    assert run.running == []
    left = [path for path in run.scratch.rglob("*") if not path.name.startswith("matplotlib")]
    assert left == []


def test_the_gradebook_has_the_same_marks(run: Run) -> None:
    from nbgrader.api import Gradebook

    marks = []
    for out in (run.alone, run.out):
        with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as book:
            marks.append(
                {
                    (student, grade.name): (grade.auto_score, grade.manual_score)
                    for student in HONEST
                    for grade in book.find_submission(mini.NAME, student).notebooks[0].grades
                }
            )
    assert marks[0] == marks[1]
    assert marks[0]


def test_no_page_runs_or_fetches_anything_of_a_students(run: Run) -> None:
    usual = [evil_class.looked_at(page) for page in evil_class.pages(run.alone)]
    found = {page: evil_class.looked_at(page) for page in evil_class.pages(run.out)}
    assert len(found) > len(usual)
    for page, (scripts, active) in found.items():
        assert set(scripts) <= {script for scripts, _ in usual for script in scripts}, page
        assert set(active) <= {what for _, active in usual for what in active}, page
    shown = [page.read_text(encoding="utf-8") for page in found]
    assert sum("&lt;script&gt;window.mallory" in text for text in shown) >= len(evil_class.texts())
    assert any("{{ 7 * 7 }}{% raw %}" in text for text in shown)
    assert not any(set("\x00\x08\x1b\x9b") & set(text) for text in shown)


def test_no_table_holds_a_formula(run: Run) -> None:
    tables = sorted(run.out.rglob("*.csv"))
    assert tables
    for path in tables:
        with path.open(encoding="utf-8", newline="") as file:
            for cell in (cell for row in csv.reader(file) for cell in row):
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) or _number(cell), cell
                assert "\x1b" not in cell


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_nothing_printed_acts_on_a_terminal(run: Run) -> None:
    assert "mallory" in run.said
    assert [c for c in run.said if not c.isprintable() and c != "\n"] == []


def test_the_instructor_is_told_of_code_and_pleas(run: Run) -> None:
    found = records(run.out)
    assert found["ada"]["suspicions"] == found["zoe"]["suspicions"] == []
    for name in run.attackers:
        if name.startswith("mallory") or name in evil_class.texts():
            assert found[name]["suspicions"], name
    report = (run.out / "report.html").read_text(encoding="utf-8")
    assert "seems to address whoever grades" in report


def test_the_progress_bar_passes_nothing_on_to_the_terminal(course: Path, tmp_path: Path) -> None:
    evil_class.write(tmp_path / "class", {n: [] for n in evil_class.NAMES} | HONEST)
    arguments = ["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out"), "--tier", "C"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder", *arguments],
        cwd=course,
        env={**os.environ, **LIGHT, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:  # the other end is closed
        pass
    assert process.wait(60) == 1
    os.close(ours)
    text = said.decode("utf-8", "replace")
    assert "ada" in text
    assert "\x1b]0;mallory" not in text
    assert "\x1b[31mred" not in text
    assert "\u202e" not in text

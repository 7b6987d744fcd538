"""Grade the example class and broken hand-ins with plain nbgrader, too; write docs/nbgrader.md.

Run as `python docs/nbgrader_differences.py`, about ten minutes; with the names of lessons, only
these are measured and the other rows of docs/nbgrader.json stay; with `--render`, only the page is
written again from there, for a change of the words in nbgrader_notes.py.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nbgrader_notes import HEAD, REASONS, TAIL

from autograder.checks.render import number
from autograder.collect import collect
from autograder.example_class import write_example_class
from autograder.lesson import load_lesson
from autograder.notebooks import course_root, lesson_names, solution_notebook
from autograder.pool import grade_all
from autograder.sandbox.limits import Limits

STORED, PAGE = Path(__file__).with_name("nbgrader.json"), Path(__file__).with_name("nbgrader.md")
LESSON, ANSWER = "05_bbvi", "E5-1"
HONEST = "amara-okafor"
Cells = list[dict[str, Any]]
Change = Callable[[dict[str, Any]], None]


def after(code: str) -> Change:
    """Code after the first answer."""

    def change(notebook: dict[str, Any]) -> None:
        cell = _cell(notebook, ANSWER)
        cell["source"] = f"{''.join(cell['source'])}\n\n{code}"

    return change


def _cell(notebook: dict[str, Any], grade_id: str) -> dict[str, Any]:
    cells: Cells = notebook["cells"]
    return next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def _schema(notebook: dict[str, Any]) -> None:
    _cell(notebook, ANSWER)["metadata"]["nbgrader"]["schema_version"] = 99


def _wrong(notebook: dict[str, Any]) -> None:
    """All answers are wrong, and the visible check is patched to look right."""
    for cell in notebook["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("solution") and not meta.get("grade"):
            cell["source"] = "pass"
    after(_PATCH)(notebook)


_PATCH = """\
import autograder.checks, autograder.checks.protocol as protocol
autograder.checks.grade = lambda name, namespace, seed=0: 4.0"""
_THREAD = """\
import sys, threading, time


def remind():
    for _ in range(2000):
        print("still here", file=sys.stderr, flush=True)
        time.sleep(0.01)


threading.Thread(target=remind, daemon=True).start()"""

BROKEN: dict[str, Change] = {
    "a thread that writes": after(_THREAD),
    "asks with input()": after("name = input('Who are you? ')"),
    "cell magic": after("%timeit -n 1 -r 1 1 + 1"),
    "ends with sys.exit": after("import sys\n\nsys.exit()"),
    "metadata of a later version": _schema,
    "no answer, and a patched checker": _wrong,
    "prints ten megabytes": after("print('x' * 10_000_000)"),
}


def write_hand_ins(top: Path) -> Path:
    """The example class, and one honest hand-in of it broken in each of the ways."""
    folder = write_example_class(top / "class")
    text = (folder / HONEST / LESSON / f"{LESSON}.ipynb").read_text(encoding="utf-8")
    for student, change in BROKEN.items():
        notebook = json.loads(text)
        change(notebook)
        path = top / "broken" / student / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
    return folder


def ours(source: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What our grader says, by student and lesson."""
    hand_ins = collect(source, lesson_names()).hand_ins
    records = grade_all(source, hand_ins, Limits(), workers=2)
    return {(r.student, r.lesson): {"status": r.status, "ours": r.score} for r in records}


def theirs(source: Path, lesson: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What `nbgrader autograde` says, one hand-in at a time, so that none stops the others."""
    hand_ins = [
        hand_in for hand_in in collect(source, lesson_names()).hand_ins if hand_in.lesson == lesson
    ]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        shutil.copy(course_root() / "nbgrader_config.py", course)
        shutil.copytree(solution_notebook(lesson).parent, course / "solutions" / lesson)
        _nbgrader(course, "generate_assignment", lesson)
        for hand_in in hand_ins:
            files = source / hand_in.student / lesson
            place = course / "submitted" / hand_in.student / lesson
            shutil.copytree(files, place)
            said = _nbgrader(course, "autograde", lesson, f"--student={hand_in.student}")
            key = hand_in.student, lesson
            found[key] = {"theirs": _score(course, *key)}
            print(*key, _points(found[key]["theirs"]), _first_error(said), flush=True)
    return found


def _nbgrader(course: Path, *arguments: str) -> str:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env={**os.environ, "PATH": tools, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stdout + done.stderr


def _score(course: Path, student: str, lesson: str) -> float | None:
    """The points for the exercises; None if nbgrader has entered none."""
    from nbgrader.api import Gradebook, MissingEntry

    checks = {task.check_id for task in load_lesson(lesson).tasks}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        try:
            submission = gradebook.find_submission(lesson, student)
        except MissingEntry:
            return None
        grades = [g for n in submission.notebooks for g in n.grades if g.name in checks]
        scores = [grade.auto_score for grade in grades if grade.auto_score is not None]
        return float(round(sum(scores), 6)) if scores else None


def _first_error(said: str) -> str:
    errors = [line for line in said.splitlines() if "ERROR" in line and "]" in line]
    return errors[0].split("]", 1)[1].strip()[:200] if errors else ""


def measure(lessons: Sequence[str]) -> list[dict[str, Any]]:
    """One row per hand-in for one of the lessons, from a run of both graders."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        class_ = write_hand_ins(top)
        broken = top / "broken"
        mine = {key: row for key, row in ours(class_).items() if key[1] in lessons}
        jobs = [(class_, lesson) for lesson in lessons]
        if LESSON in lessons:
            mine |= ours(broken)
            jobs.append((broken, LESSON))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            plain: dict[tuple[str, str], dict[str, Any]] = {}
            for found in pool.map(lambda job: theirs(*job), jobs):
                plain |= found
    return [{"student": s, "lesson": n, **mine[s, n], **plain[s, n]} for s, n in mine]


def render(rows: list[dict[str, Any]]) -> str:
    """The page."""
    lines = ["| hand-in | lesson | status | ours | nbgrader | why |", "|---|---|---|---|---|---|"]
    for row in rows:
        same = row["ours"] == row["theirs"]
        why = "" if same else REASONS[row["student"], row["lesson"]]
        cells = [row["student"], row["lesson"], row["status"], _points(row["ours"])]
        lines.append(f"| {' | '.join([*cells, _points(row['theirs']), why])} |")
    same = sum(row["ours"] == row["theirs"] for row in rows)
    table = "\n".join(lines)
    return f"{HEAD.format(same=same, all=len(rows))}\n{table}\n\n{TAIL}"


def _points(score: float | None) -> str:
    return "none" if score is None else number(score)


def main() -> None:
    """Measure, unless told otherwise, and write the page."""
    if "--render" not in sys.argv[1:]:
        lessons = sys.argv[1:] or lesson_names()
        stored = json.loads(STORED.read_text("utf-8")) if sys.argv[1:] else []
        rows = [row for row in stored if row["lesson"] not in lessons] + measure(lessons)
        rows.sort(key=lambda row: (row["student"] in BROKEN, row["student"], row["lesson"]))
        STORED.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
    PAGE.write_text(render(json.loads(STORED.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()

"""otter-grader on the same hand-ins: its tests, its environment, its command.

Each exercise becomes one test file with a case per part, which asks the same check as the others.
Otter grades one notebook per command, without isolation, in an environment of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from timed import Failed, Timing, run

from autograder.lesson import Lesson
from autograder.notebooks import course_root

LOCK = Path(__file__).parent / "otter.lock.txt"
TEST = """\
from otter.test_files import test_case

OK_FORMAT = False
name = "{exercise}"
verdicts = []


def passes(env, part):
    if not verdicts:
        from autograder.checks import grade

        verdicts.append(grade("{exercise}", env, seed={seed}))
    found = verdicts[0].parts[part]
    assert found.earned == found.points, found.message
"""
CASE = """

@test_case(points={points}, hidden=True)
def test_{part}(env):
    passes(env, {part})
"""


class NotInstalled(RuntimeError):
    """Otter's environment could not be made."""


def install(folder: Path) -> Path:
    """The command `otter` in an environment of its own, which is made if there is none."""
    ready = folder / ".ready"
    if not ready.is_file() or ready.read_bytes() != LOCK.read_bytes():
        python = str(folder / "bin" / "python")
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotInstalled((done.stderr.strip().splitlines() or ["it says nothing"])[-1])
        ready.write_bytes(LOCK.read_bytes())
    return folder / "bin" / "otter"


def write_tests(lesson: Lesson, path: Path) -> Path:
    """Write otter's zip of tests for a lesson."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("otter_config.json", json.dumps({"show_hidden": True}))
        for task in lesson.tasks:
            text = TEST.format(exercise=task.exercise.id, seed=task.seed)
            for number, part in enumerate(task.exercise.parts):
                text += CASE.format(part=number, points=part.points)
            file.writestr(f"tests/{task.answer_id}.py", text)
    return path


def grade(otter: Path, tests: Path, hand_in: Path, folder: Path) -> tuple[Timing, dict[str, float]]:
    """Grade one hand-in with `otter run`; the time it took, and the points by exercise."""
    folder.mkdir(parents=True, exist_ok=True)
    variables = {
        "PATH": f"{otter.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(course_root(Path(__file__).parent)),
    }
    command = [str(otter), "run", "--no-logo", "-a", str(tests), "-o", str(folder), str(hand_in)]
    timing = run(command, folder, variables)
    path = folder / "results.json"
    if not path.is_file():
        raise Failed("otter wrote no results")
    results = json.loads(path.read_text(encoding="utf-8"))
    return timing, {test["name"]: test["score"] for test in results["tests"] if "score" in test}

"""A course of one realistic lesson, for measuring graders on the same hand-ins.

The lesson has 20 cells: four exercises of lesson 7, each with its visible and its hidden check, a
fit in a cell of the notebook (mean-field ADVI of a logistic regression by Adam) and a figure. How
many steps the fit takes decides what a hand-in costs. The fit is no demonstration: every grader has
to run it.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timed import run

from autograder.example_answers import answers
from autograder.example_class import with_bodies
from autograder.lesson import load_lesson, text_of
from autograder.notebooks import course_root, solution_notebook

_HERE = course_root(Path(__file__).parent)
LESSON = "07_realistic"
EXERCISES = ("E7.1", "E7.2", "E7.3", "E7.4")
SOURCE = "07_advi"
WRONG = {
    "E7.2": "no Jacobian",
    "E7.3": "entropy missing",
    "E7.4": "weights swapped",
}
"""Every eighth hand-in makes one of these mistakes, so that not all scores are the same."""

IMPORTS = """\
import matplotlib.pyplot as plt
from autograd import grad, value_and_grad
from numpy.random import default_rng

import autograd.numpy as np
from autograder.checks import check
from vi_lib import densities"""
DATA = """\
rng = default_rng(7)
X = rng.standard_normal((400, 8))
true_beta = np.linspace(-1.0, 1.0, 8)
y = (rng.random(400) < 1 / (1 + np.exp(-X @ true_beta))).astype(float)


def log_joint(beta):
    logits = beta @ X.T
    log_lik = np.sum(y * logits - np.logaddexp(0.0, logits), axis=1)
    return log_lik - 0.5 * np.sum(beta**2, axis=1)"""
FIT = """\
def minus_elbo(lam, eps):
    mu, omega = lam[:8], lam[8:]
    return -np.mean(log_joint(mu + np.exp(omega) * eps)) - np.sum(omega)


lam, first, second = np.zeros(16), np.zeros(16), np.zeros(16)
elbo = []
for k in range(1, {steps} + 1):
    value, g = value_and_grad(minus_elbo)(lam, rng.standard_normal((4, 8)))
    first = 0.9 * first + 0.1 * g
    second = 0.999 * second + 0.001 * g**2
    lam = lam - 0.02 * first / (1 - 0.9**k) / (1e-8 + np.sqrt(second / (1 - 0.999**k)))
    elbo.append(-value)
print(f"ELBO about {{np.mean(elbo[-20:]):.1f}}")"""
FIGURE = """\
fig, ax = plt.subplots(figsize=(6, 3))
ax.plot(elbo)
ax.set(xlabel="step", ylabel="ELBO")
plt.show()"""


@dataclass(frozen=True)
class Course:
    """A course on disk: its folder and its one lesson."""

    root: Path
    lesson: str

    @property
    def solution(self) -> Path:
        """The notebook with solutions."""
        return self.root / "solutions" / self.lesson / f"{self.lesson}.ipynb"

    @property
    def released(self) -> Path:
        """The notebook as students get it."""
        return self.root / "lessons" / self.lesson / f"{self.lesson}.ipynb"


def steps_for(seconds: float) -> int:
    """Steps of the fit that take so long on this machine, all other cells included; measured."""
    trial, names = 200, dict[str, Any]()
    for source in (IMPORTS, DATA):
        exec(source, names)
    times = []
    for _ in range(5):
        started = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            exec(FIT.format(steps=trial), names)
        times.append(time.process_time() - started)
    return max(round(seconds / (min(times) / trial)), 1)


def write_course(
    root: Path, steps: int, command: Sequence[str], variables: Mapping[str, str]
) -> Course:
    """Write a course with the realistic lesson; nbgrader, started by `command`, releases it."""
    course = Course(root, LESSON)
    course.solution.parent.mkdir(parents=True)
    (root / "solutions" / f"{LESSON}.py").touch()
    (root / "nbgrader_config.py").write_bytes((_HERE / "nbgrader_config.py").read_bytes())
    course.solution.write_text(json.dumps(_solution(steps), indent=1), encoding="utf-8")
    run([*command, "generate_assignment", LESSON], root, variables)
    return course


def write_hand_ins(course: Course, folder: Path, count: int) -> Path:
    """Write copies of the solution, every eighth with a mistake, as student/lesson/lesson.ipynb."""
    lesson = load_lesson(course.lesson, course.root)
    solution = _answers_of(course.solution)
    given = answers(SOURCE)
    for number in range(count):
        chosen = dict(solution)
        if number % 8 == 7:
            exercise, name = list(WRONG.items())[number // 8 % len(WRONG)]
            grade_id = exercise.replace(".", "-")
            answer = given[exercise, name]
            chosen[grade_id] = with_bodies(lesson.stubs[grade_id], answer.bodies)
        content = json.loads(course.released.read_text(encoding="utf-8"))
        for cell in content["cells"]:
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            cell["source"] = chosen.get(grade_id, text_of(cell["source"]))
        path = folder / f"s{number:04d}" / course.lesson / f"{course.lesson}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    return folder


def _answers_of(path: Path) -> dict[str, str]:
    """The sources of the cells that students fill in, by grade id."""
    return {
        meta["grade_id"]: text_of(cell["source"])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if (meta := cell["metadata"].get("nbgrader", {})).get("solution")
    }


def _solution(steps: int) -> dict[str, Any]:
    source = json.loads(solution_notebook(SOURCE, _HERE).read_text(encoding="utf-8"))
    by_id = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in source["cells"]}
    cells = [_text("# A realistic lesson"), _code(IMPORTS), _text("Data:"), _code(DATA)]
    for exercise in EXERCISES:
        grade_id = exercise.replace(".", "-")
        cells.append(_text(f"## {exercise}"))
        for cell in (by_id[grade_id], by_id[f"{grade_id}-check"]):
            cells.append({**cell, "outputs": [], "execution_count": None})
    cells += [_text("## A fit"), _code(FIT.format(steps=steps)), _code(FIGURE), _text("The end.")]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _code(source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "source": source}
    return {**cell, "outputs": [], "execution_count": None}

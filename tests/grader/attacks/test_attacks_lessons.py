"""Attacks in the course's own lessons: they earn nothing; and what taking the library's code earns.

The library is what students work with, so nothing keeps them from reading its source, here as at
home. A plain call of the function that is asked for is noticed and earns nothing. Who hides the
call, or copies the source, is not caught by the check; the instructor is told to look.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import toy
from hostile import prelude
from test_attacks import ATTACKS
from world import world

from autograder.collect import HandIn
from autograder.grade import judge_submission
from autograder.lesson import Lesson, load_lesson, text_of
from autograder.notebooks import released_notebook, solution_notebook
from autograder.records import Record
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.tiers import Tier, why_not
from autograder.submission import read_submission

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the attacks are written for Linux"),
]

STOLEN = {
    "02_cavi": ("E2.1", "mean_field_gaussian", "vi_lib.cavi"),
    "05_bbvi": ("E5.1", "score_gaussian", "vi_lib.bbvi"),
    "07_advi": ("E7.4", "advi_step_size", "vi_lib.optimizers"),
}
CHOSEN = (
    "patch the checks where this process has them",
    "import hooks and modules that pose as others",
    "read keys, configuration and records",
    "climb the frames",
)
PLAIN = "import {module} as library\ndef {name}(*a, **k):\n    return library.{name}(*a, **k)"
HIDDEN = """\
import sys, {module} as library
def {name}(*a, **k):
    watching = sys.getprofile()
    sys.setprofile(None)
    try:
        return library.{name}(*a, **k)
    finally:
        sys.setprofile(watching)"""
COPIED = """\
import inspect, {module} as library
names = dict(vars(library), __name__="mine")
exec(inspect.getsource(library.{name}), names)
{name} = names["{name}"]"""
BANK = """\
from autograder.checks.registry import find
{name} = find("{exercise}").reference["{name}"]"""


@pytest.fixture(scope="module", params=get_args(Tier))
def jail(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    if reason := why_not(request.param):
        pytest.skip(f"this machine has no tier {request.param}: {reason}")
    zygote = Zygote(request.param)
    yield zygote
    zygote.close()


def graded(zygote: Zygote, lesson: Lesson, exercise: str, source: str, first: str = "") -> Record:
    """The record of a hand-in that is right but for one exercise."""
    solved = json.loads(solution_notebook(lesson.name).read_text(encoding="utf-8"))["cells"]
    right = {_grade_id(cell): text_of(cell["source"]) for cell in solved}
    right[exercise.replace(".", "-")] = source
    answers = {task.answer_id for task in lesson.tasks}
    cells = json.loads(released_notebook(lesson.name).read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if _grade_id(cell) in answers:
            cell["source"] = right[_grade_id(cell)]
    cells.insert(0, toy.code(first))
    submission = read_submission(toy.notebook(cells), lesson)
    return judge_submission(HandIn("mallory", lesson.name), submission, lesson, zygote, Limits())


def _grade_id(cell: dict[str, Any]) -> str:
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


@pytest.mark.parametrize("name", STOLEN)
def test_attacks_in_the_lessons_earn_what_their_honest_part_earns(jail: Zygote, name: str) -> None:
    lesson = load_lesson(name)
    exercise, function, _ = STOLEN[name]
    chosen = [ATTACKS[key] for key in CHOSEN if jail.tier in ATTACKS[key].stopped]
    code = "\n".join(attack.source.replace(attack.answer, "") for attack in chosen)
    wrong = f"{code}\ndef {function}(*a, **k):\n    return 0.25"
    with world() as instructor:
        record = graded(jail, lesson, exercise, wrong, prelude(**instructor.settings()))
        assert instructor.secret not in repr(record)
    points = {task.exercise.id: task.exercise.points for task in lesson.tasks}
    earned = {key: verdict.score for key, verdict in record.verdicts.items()}
    assert earned[exercise] < points[exercise]
    spoilt = {key for key in points if earned.get(key, 0.0) < points[key]}
    assert spoilt <= _dependent(name, exercise), record.message
    assert record.suspicions


def _dependent(name: str, exercise: str) -> set[str]:
    """The exercises whose right answers call the one that is attacked, and itself."""
    calling = {"E5.1": {"E5.2", "E5.3", "E5.5"}, "E7.4": {"E7.5"}, "E2.1": set()}
    return {exercise, *calling[exercise]}


@pytest.mark.parametrize("name", STOLEN)
@pytest.mark.parametrize("way", [PLAIN, HIDDEN, COPIED, BANK], ids=["call", "hide", "copy", "bank"])
def test_what_taking_the_solution_from_the_library_earns(jail: Zygote, name: str, way: str) -> None:
    lesson = load_lesson(name)
    exercise, function, module = STOLEN[name]
    source = way.format(name=function, module=module, exercise=exercise)
    record = graded(jail, lesson, exercise, source)
    verdict = record.verdicts[exercise]
    if way == PLAIN:
        assert verdict.score == 0.0
        assert verdict.misconception == "calls-the-library"
        return
    assert record.suspicions
    taken = way != BANK or jail.tier == "C"  # elsewhere the checks are out of reach
    if way == BANK and taken and verdict.misconception == "calls-the-library":
        return  # a reference that is the library's function itself
    assert verdict.score == (verdict.max_score if taken else 0.0), verdict

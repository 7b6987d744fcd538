"""Checks of an instructor's own stand beside those of the course, from a folder outside of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.basis import code_hash, rules
from autograder.checks import check
from autograder.checks.grading import KEPT
from autograder.checks.own import VARIABLE, BadChecks, own_folder
from autograder.checks.registry import exercises, find, lessons
from autograder.sandbox.limits import Limits

CHECKS = """\
from autograder.checks.protocol import Exercise, Part
from course_checks.helpers import {helper} as test

EXERCISES = (Exercise("{id}", "{title}", ("f",), {{}}, (Part("value", 2.0, test),)),)
"""
HELPERS = """\
from autograder.checks.compare import close

def is_one(answer, rng):
    close(answer.call("f"), 1.0, "f()")
"""


def write(folder: Path, number: int = 20, **other: str) -> Path:
    (folder / "checks").mkdir(parents=True, exist_ok=True)
    said = {"helper": "is_one", "id": f"E{number}.7", "title": "Mine", **other}
    (folder / "checks" / f"lesson{number:02d}.py").write_text(CHECKS.format(**said))
    (folder / "checks" / "helpers.py").write_text(HELPERS)
    return folder


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_own_exercises_are_found_and_judged(own: Path) -> None:
    write(own)
    assert 20 in lessons()
    assert find("E20.7").title == "Mine"
    verdict = check("E20.7", {"f": lambda: 1.0}, points=8)
    assert (verdict.score, verdict.max_score) == (8.0, 8.0)
    assert check("E20.7", {"f": lambda: 2.0}).score == 0.0


def test_a_lesson_of_the_course_may_have_more(own: Path) -> None:
    before = [exercise.id for exercise in exercises(5)]
    write(own, 5)
    assert [exercise.id for exercise in exercises(5)] == [*before, "E5.7"]
    assert find("E5.1").id == "E5.1"


def test_each_course_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for title in ("one", "two", "one"):
        monkeypatch.setenv(VARIABLE, str(write(tmp_path / title, title=title)))
        assert find("E20.7").title == title


def test_the_nearest_folder_above_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "lessons" / "20_mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "lessons" / "20_mine")
    assert own_folder() is None
    kept = check("E20.7", {"f": lambda: 1.0}, points=8)
    assert (kept.status, kept.score, kept.hints) == ("not checked here", 0.0, (KEPT,))
    assert KEPT in str(kept)
    assert KEPT in kept._repr_mimebundle_()["text/html"]
    write(tmp_path)
    assert own_folder() == tmp_path / "checks"
    assert check("E20.7", {"f": lambda: 1.0}).score == 2.0


def test_validate_lets_a_kept_check_pass(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    assert check("E20.7", {}).status == "not checked here"


def test_the_packages_own_folder_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(Path(__file__).parents[2] / "autograder")
    assert own_folder() is None


@pytest.mark.parametrize(
    ("number", "other", "words"),
    [
        (20, {"id": "E21.1"}, r"expected ids such as E20\.1 in lesson20\.py, got 'E21\.1'"),
        (20, {"helper": "nothing"}, "expected EXERCISES in .*lesson20.py, but: ImportError"),
        (5, {"id": "E5.1"}, r"expected new ids in the own checks of lesson 5, got E5\.1"),
    ],
)
def test_slips_are_named(own: Path, number: int, other: dict[str, str], words: str) -> None:
    write(own, number, **other)
    with pytest.raises(BadChecks, match=words):
        exercises(number)


def test_what_is_not_there_is_named(own: Path) -> None:
    write(own)
    with pytest.raises(KeyError, match=r"E5\.1, .*E20\.7, got 'E20\.8'"):
        find("E20.8")


def test_a_record_depends_on_the_own_checks_of_its_lesson(own: Path) -> None:
    write(own)
    before = [rules(lesson, own, Limits(), "A") for lesson in ("20_mine", "05_bbvi")]
    code = code_hash("20_mine")
    (own / "checks" / "helpers.py").write_text(HELPERS.replace("1.0", "2.0"))
    after = [rules(lesson, own, Limits(), "A") for lesson in ("20_mine", "05_bbvi")]
    assert before[0]["check"] != after[0]["check"]
    assert code_hash("20_mine") != code
    assert before[1] == after[1]

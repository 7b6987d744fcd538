"""What a record depends on: all that could change it, and as little else as possible."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import toy

import vi_lib
from autograder import basis as bases
from autograder.basis import KINDS, basis, rules, what_changed
from autograder.collect import HandIn
from autograder.sandbox.limits import Limits

ROOT = Path(__file__).parents[2]
HAND_IN = HandIn("zoë", "05_bbvi", "zoë/05_bbvi/05_bbvi.ipynb")
DATA = toy.notebook(toy.cells())
RULES = {"check": "1", "grader": "2", "library": "3", "limits": "4"}
BEFORE = basis(HAND_IN, DATA, {"own.py": b"x = 1"}, RULES)


def test_the_same_hand_in_has_the_same_basis() -> None:
    assert basis(HAND_IN, DATA, {"own.py": b"x = 1"}, RULES) == BEFORE
    assert what_changed(BEFORE, BEFORE) == ()


@pytest.mark.parametrize(
    ("hand_in", "data", "files"),
    [
        (HAND_IN, DATA + b" ", {"own.py": b"x = 1"}),
        (HAND_IN, DATA, {"own.py": b"x = 2"}),
        (HAND_IN, DATA, {"other.py": b"x = 1"}),
        (HAND_IN, DATA, {}),
        (replace(HAND_IN, student="zoe"), DATA, {"own.py": b"x = 1"}),
        (replace(HAND_IN, notes=("Two notebooks.",)), DATA, {"own.py": b"x = 1"}),
        (replace(HAND_IN, status="refused", sentence="A link."), DATA, {"own.py": b"x = 1"}),
    ],
    ids=["notebook", "file", "name of a file", "no file", "student", "notes", "refused"],
)
def test_a_changed_hand_in_is_told(hand_in: HandIn, data: bytes, files: dict[str, bytes]) -> None:
    assert what_changed(BEFORE, basis(hand_in, data, files, RULES)) == ("the hand-in changed",)


def test_when_and_by_whom_it_was_handed_in_changes_no_grade() -> None:
    other = replace(HAND_IN, submitted="2026-03-01T10:00:00Z", attempt=2, email="z@example.org")
    assert basis(other, DATA, {"own.py": b"x = 1"}, RULES) == BEFORE


@pytest.mark.parametrize("kind", sorted(RULES))
def test_changed_rules_are_told_by_kind(kind: str) -> None:
    after = basis(HAND_IN, DATA, {"own.py": b"x = 1"}, {**RULES, kind: "new"})
    assert what_changed(BEFORE, after) == (KINDS[kind],)


def test_a_basis_of_another_version_is_told() -> None:
    assert what_changed("0" * 64, BEFORE) == ("graded by another version",)


def test_rules_tell_limits_tiers_and_lessons_apart() -> None:
    now = rules("05_bbvi", ROOT, Limits(), "A")
    assert rules("05_bbvi", ROOT, Limits(), "A") == now
    for other in (
        rules("05_bbvi", ROOT, Limits(seconds=30), "A"),
        rules("05_bbvi", ROOT, Limits(), "B"),
    ):
        assert {kind for kind in now if now[kind] != other[kind]} == {"limits"}
    other = rules("02_cavi", ROOT, Limits(), "A")
    assert {kind for kind in now if now[kind] != other[kind]} == {"check"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("copy")
    for name in ("autograder", "vi_lib"):
        shutil.copytree(ROOT / name, top / name, ignore=shutil.ignore_patterns("__pycache__"))
    for wing in ("solutions", "lessons"):
        for lesson in ("02_cavi", "05_bbvi"):
            shutil.copytree(ROOT / wing / lesson, top / wing / lesson)
    return top


def rules_in(copy: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The rules of two lessons, as if the course in `copy` were the one that is running."""
    monkeypatch.setattr(bases, "PACKAGE", copy / "autograder")
    monkeypatch.setattr(vi_lib, "__file__", str(copy / "vi_lib" / "__init__.py"))
    forget()
    return [rules(lesson, copy, Limits(), "C") for lesson in ("02_cavi", "05_bbvi")]


def forget() -> None:
    for function in (bases._check_code, bases._grader_code, bases._judging, bases._library):
        function.cache_clear()
    bases._texts.cache_clear()
    bases._named_in.cache_clear()


@pytest.fixture
def afterwards() -> Iterator[None]:
    yield
    forget()


@pytest.mark.usefixtures("afterwards")
@pytest.mark.parametrize(
    ("name", "kind", "lessons"),
    [
        ("autograder/checks/lesson05_control.py", "check", [1]),
        ("autograder/checks/bank/e5_densities.py", "check", [1]),
        ("autograder/checks/bank/e2_terms.py", "check", [0]),
        ("autograder/checks/compare.py", "grader", [0, 1]),
        ("autograder/sandbox/cells.py", "grader", [0, 1]),
        ("autograder/suspicion_rules.py", "grader", [0, 1]),
        ("vi_lib/bbvi.py", "library", [0, 1]),
        ("lessons/05_bbvi/05_bbvi.ipynb", "check", [1]),
        ("solutions/02_cavi/02_cavi.ipynb", "check", [0]),
        ("autograder/report.py", "", []),
        ("autograder/collect.py", "", []),
        ("autograder/checks/lesson07_fit.py", "", []),
    ],
)
def test_a_change_in_the_course_touches_the_lessons_that_it_concerns(
    copy: Path, name: str, kind: str, lessons: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, before = copy / name, rules_in(copy, monkeypatch)
    content = path.read_bytes()
    path.write_bytes(content + b"\n")
    try:
        after = rules_in(copy, monkeypatch)
    finally:
        path.write_bytes(content)
    changed = [
        (index, name)
        for index, (old, new) in enumerate(zip(before, after, strict=True))
        for name in old
        if old[name] != new[name]
    ]
    assert changed == [(index, kind) for index in lessons]


def test_all_that_a_judgement_is_made_with_is_in_the_basis() -> None:
    judging = bases._judging()
    assert {"grade.py", "submission.py", "sandbox/zygote.py", "sandbox/session.py"} <= judging
    assert {"checks/grading.py", "checks/values.py", "checks/registry.py"} <= judging
    assert not any(name.startswith(("report", "feedback", "checks/bank/")) for name in judging)

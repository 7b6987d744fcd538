"""A second run keeps what still holds, and grades what has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import toy

from autograder.collect import HandIn
from autograder.earlier import Earlier, rules
from autograder.outputs import record_path, save_record
from autograder.records import Record
from autograder.sandbox.limits import Limits

ROOT = Path(__file__).parents[2]
NAME = "zoë/05_bbvi/05_bbvi.ipynb"
HAND_IN = HandIn("zoë", "05_bbvi", NAME)
RECORD = Record("zoë", "05_bbvi", "graded", "All exercises were judged.", 25.0, 20.0)


@pytest.fixture
def earlier(tmp_path: Path) -> Earlier:
    path = tmp_path / "handins" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(toy.notebook(toy.cells()))
    return Earlier(tmp_path / "handins", tmp_path / "out", "rules")


def keep(earlier: Earlier, basis: str) -> Path:
    return save_record(replace(RECORD, basis=basis), earlier.out)


def test_an_unchanged_hand_in_keeps_its_record(earlier: Earlier) -> None:
    basis = earlier.basis(HAND_IN)
    keep(earlier, basis)
    assert earlier.record(HAND_IN, earlier.basis(HAND_IN)) == replace(RECORD, basis=basis)


def test_a_changed_notebook_is_graded_again(earlier: Earlier) -> None:
    basis = earlier.basis(HAND_IN)
    keep(earlier, basis)
    with (earlier.source / NAME).open("ab") as file:
        file.write(b" ")
    assert earlier.basis(HAND_IN) != basis
    assert earlier.record(HAND_IN, earlier.basis(HAND_IN)) is None


@pytest.mark.parametrize(
    "other",
    [replace(HAND_IN, student="zoe"), replace(HAND_IN, notes=("Two notebooks.",))],
    ids=["student", "notes"],
)
def test_the_basis_tells_hand_ins_apart(earlier: Earlier, other: HandIn) -> None:
    assert earlier.basis(other) != earlier.basis(HAND_IN)


def test_what_was_refused_is_looked_at_again(earlier: Earlier) -> None:
    keep(earlier, "")
    refused = replace(HAND_IN, status="refused", sentence="A link.")
    assert earlier.basis(refused) == ""
    assert earlier.record(refused, "") is None


def test_a_damaged_record_is_none(earlier: Earlier) -> None:
    basis = earlier.basis(HAND_IN)
    keep(earlier, basis).write_text("{")
    assert earlier.record(HAND_IN, basis) is None
    record_path(earlier.out, "zoë", "05_bbvi").unlink()
    assert earlier.record(HAND_IN, basis) is None


def test_rules_change_with_limits_and_with_the_lessons(tmp_path: Path) -> None:
    now = rules(ROOT, Limits())
    assert rules(ROOT, Limits()) == now
    assert rules(ROOT, Limits(seconds=30)) != now
    assert rules(tmp_path, Limits()) != now

"""What a regrading has changed, for whom and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import toy

from autograder.changes import Change, by_hand, changes, compared, sentences, write_changes
from autograder.checks.protocol import Verdict
from autograder.records import Record

BASIS = "hand-in:1 check:1 grader:1 library:1 limits:1"


def record(student: str, basis: str = BASIS, **points: float) -> Record:
    verdicts = {
        f"E5.{name[1:]}": Verdict(f"E5.{name[1:]}", "", "", score, 4.0)
        for name, score in points.items()
    }
    return Record(student, "05_toy", "graded", "", 9.5, 1.0, verdicts, basis=basis)


def test_a_first_grading_changes_nothing() -> None:
    assert compared(None, record("ada", e1=4.0)) == record("ada", e1=4.0)


def test_only_other_points_are_a_change() -> None:
    before = record("ada", e1=4.0, e2=1.0, e3=0.0)
    after = record("ada", BASIS.replace("check:1", "check:2"), e1=4.0, e2=2.0)
    found = compared(before, after)
    assert found == replace(
        after, before={"E5.2": 1.0, "E5.3": 0.0}, changed=("the check changed",)
    )
    assert changes([found]) == [
        Change("ada", "05_toy", "E5.2", 1.0, 2.0, "the check changed"),
        Change("ada", "05_toy", "E5.3", 0.0, None, "the check changed"),
    ]


def test_all_reasons_are_named_and_the_same_basis_is_a_second_look() -> None:
    before, after = record("ada", e1=4.0), record("ada", e1=3.0)
    assert compared(before, after).changed == ("graded again",)
    other = replace(after, basis=BASIS.replace("hand-in:1", "hand-in:2").replace("limits:1", "l:2"))
    assert compared(before, other).changed == (
        "the hand-in changed",
        "the limits or the tier changed",
    )


def test_no_change_forgets_an_older_one() -> None:
    before = replace(record("ada", e1=4.0), before={"E5.1": 2.0}, changed=("the check changed",))
    assert compared(before, record("ada", e1=4.0)).before == {}


def test_students_with_the_same_change_share_a_sentence() -> None:
    found = [Change(name, "05_toy", "E5.1", 2.0, 4.0, "the check changed") for name in "abc"]
    found += [Change("d", "05_toy", "E5.2", None, 0.5, "the hand-in changed")]
    assert list(sentences(found)) == [
        "E5.1: 2 → 4 points for a, b and c (the check changed).",
        "E5.2: not judged → 0.5 points for d (the hand-in changed).",
    ]
    many = [Change(f"s{n:02d}", "05_toy", "E5.1", 2.0, 4.0, "x") for n in range(20)]
    (line,) = sentences(many)
    assert line.endswith("s10, s11 and 8 others (x).")


def test_points_given_by_hand_over_changed_ones_are_listed() -> None:
    found = [Change(name, "05_toy", "E5.1", 2.0, None, "x") for name in ("ada", "bob")]
    manual = {("bob", "05_toy", "E5-1-check"): 3.5, ("bob", "05_toy", "O5"): 1.0}
    assert list(by_hand(found, {"05_toy": toy.lesson()}, manual)) == [
        "bob, E5.1: 3.5 points given by hand stand; the automatic ones beneath changed from 2 to "
        "not judged."
    ]


def test_the_table_has_a_row_for_each_change(tmp_path: Path) -> None:
    rows = [compared(record("ada", e1=4.0), record("ada", e1=3.0)), record("bob", e1=4.0)]
    assert write_changes(rows, tmp_path / "changes.csv").read_text() == (
        "student,lesson,exercise,before,after,why\nada,05_toy,E5.1,4,3,graded again\n"
    )

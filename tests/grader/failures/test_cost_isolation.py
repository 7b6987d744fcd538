"""A hand-in that hangs delays nobody else: its time is its own."""

from __future__ import annotations

import time
from pathlib import Path

import mini
import pytest
import toy

from autograder.collect import HandIn
from autograder.pool import grade_all
from autograder.records import Record
from autograder.sandbox.limits import Limits

pytestmark = pytest.mark.slow

LIMITS = Limits(seconds=20.0)  # a loop in a cell costs a quarter of it
LIGHT = [f"light {number}" for number in range(10)]
RIGHT = mini.cells(mini.SCORE, mini.CONTROL)


def test_the_light_ones_are_done_before_a_loop_is_given_up(course: Path, tmp_path: Path) -> None:
    for student in ("a loop", *LIGHT):
        cells = RIGHT if student in LIGHT else [toy.code("while True: pass"), *RIGHT]
        path = tmp_path / student / mini.NAME / f"{mini.NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(toy.notebook(cells))
    hand_ins = [
        HandIn(student, mini.NAME, f"{student}/{mini.NAME}/{mini.NAME}.ipynb")
        for student in ("a loop", *LIGHT)
    ]
    done: list[tuple[str, float]] = []

    def note(record: Record) -> None:
        done.append((record.student, time.monotonic()))

    records = grade_all(tmp_path, hand_ins, LIMITS, 2, course, note)
    assert {record.status for record in records} == {"graded"}
    assert {record.score for record in records} == {9.0}
    assert [student for student, _ in done[:10]] == LIGHT
    assert done[10][0] == "a loop"
    loop = next(record for record in records if record.student == "a loop")
    assert any("did not finish within 5 s" in note for note in loop.notes)
    assert max(record.seconds for record in records if record is not loop) < loop.seconds

"""Hand-ins that loop, crash and eat memory: each costs its exercise, in no more than its time."""

from __future__ import annotations

import time

import broken_crashes
import broken_loops
import pytest
from broken import SECONDS, Case, differences, graded

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "case", [*broken_loops.CASES, *broken_crashes.CASES], ids=lambda case: case.name
)
def test_a_failure_costs_its_exercise_only(case: Case) -> None:
    started = time.monotonic()
    record = graded(case)
    assert not differences(case, record)
    assert time.monotonic() - started < 5 * SECONDS

"""Notebooks whose cells were taken apart: right answers earn their points wherever they stand."""

from __future__ import annotations

import broken_cells
import pytest
from broken import Case, differences, graded

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", broken_cells.CASES, ids=lambda case: case.name)
def test_a_right_answer_earns_its_points(case: Case) -> None:
    assert not differences(case, graded(case))

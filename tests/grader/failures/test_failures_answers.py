"""Functions that return, take and do anything: judged, with a sentence in their own terms."""

from __future__ import annotations

import broken_answers
import broken_values
import pytest
from broken import Case, differences, graded

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "case", [*broken_answers.CASES, *broken_values.CASES], ids=lambda case: case.name
)
def test_an_answer_is_judged_whatever_it_gives(case: Case) -> None:
    assert not differences(case, graded(case))

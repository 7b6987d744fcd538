"""Code of all kinds: what Jupyter knows runs or is passed over, and what does not parse is told."""

from __future__ import annotations

import dataclasses

import broken_code
import broken_syntax
import pytest
import toy
from broken import ALL, Case, differences, graded

from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import Session
from autograder.submission import read_submission

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "case", [*broken_code.CASES, *broken_syntax.CASES], ids=lambda case: case.name
)
def test_code_is_run_or_passed_over_or_explained(case: Case) -> None:
    assert not differences(case, graded(case))


STOP = {"drive of Colab", "exit", "sys.exit", "assertion", "top-level return", "top-level await"}
RUN_THROUGH = [
    case
    for case in [*broken_code.MAGICS, *broken_code.JUPYTER]
    if case.scores == ALL and case.name not in STOP
]


@pytest.mark.parametrize("case", RUN_THROUGH, ids=lambda case: case.name)
def test_what_jupyter_knows_stops_no_cell(zygote: Zygote, case: Case) -> None:
    submission = read_submission(case.data, toy.lesson())
    program = dataclasses.replace(submission.program, files=case.files)
    session = Session(zygote, program, Limits())
    try:
        session.prepare()
        assert not session.errors
        assert not session.losses
    finally:
        session.drop()

"""Files and metadata in every state: what is mended, what is refused, and in which words."""

from __future__ import annotations

import contextlib
import json
import time

import broken_files
import broken_metadata
import pytest
import toy
from broken import Case, read_by_author

from autograder.collect import HandIn
from autograder.jobs import Job, work
from autograder.submission import Unreadable, read_submission


def name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", broken_files.NOT_RUN, ids=name)
def test_what_cannot_be_graded_is_told_why(case: Case) -> None:
    record = work(Job(HandIn("ada", "05_toy"), toy.lesson(), case.data))
    assert (record.status, record.score, record.verdicts) == (case.status, None, {})
    assert case.says in read_by_author(record)
    assert record.message.endswith(".")
    assert len(record.message) < 400
    assert "Traceback" not in record.message


@pytest.mark.parametrize("case", [*broken_files.COATS, *broken_metadata.CASES], ids=name)
def test_what_can_be_mended_is_read_with_all_answers(case: Case) -> None:
    found = read_submission(case.data, toy.lesson())
    sources = "\n".join(cell.source for cell in found.program.cells)
    for exercise, answer in zip(("E5.1", "E5.2", "E5.3"), toy.RIGHT.values(), strict=True):
        assert (answer in sources) == (case.scores[exercise] > 0), exercise
    assert case.note in " ".join(found.notes)
    assert bool(case.note) == bool(found.notes)
    json.dumps(found.notes).encode()


def test_reading_takes_no_time() -> None:
    started = time.process_time()
    for case in broken_files.CASES:
        with contextlib.suppress(Unreadable):
            read_submission(case.data, toy.lesson())
    assert time.process_time() - started < 20.0

"""docs/statuses.md says what the code does: the statuses, the sentences, the shares of the time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import broken_crashes
import broken_files
import broken_loops
import pytest
from broken import Case, graded

from autograder.collect import collect
from autograder.jobs import Job, work
from autograder.records import Status
from autograder.sandbox import allowance

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "statuses.md").read_text(encoding="utf-8")
ROWS = re.findall(r'^\| `([a-z ]+)` \|[^|]*\| "([^"|]+)" \|', PAGE, re.MULTILINE)
EXAMPLES = {
    "graded": (broken_files, "as it should be"),
    "partly graded": (broken_loops, "loop in the function"),
    "not a notebook": (broken_files, "page of Colab"),
    "wrong lesson": (broken_files, "another lesson"),
    "timed out": (broken_loops, "every answer loops"),
    "out of memory": (broken_crashes, "every answer eats memory"),
    "crashed": (broken_crashes, "every answer crashes"),
    "refused": (broken_files, "a hundred thousand cells"),
}


def example(status: str) -> Case:
    module, name = EXAMPLES[status]
    return next(case for case in module.CASES if case.name == name)


def test_the_page_has_all_statuses_in_order() -> None:
    assert [status for status, _ in ROWS] == list(get_args(Status)) == [*EXAMPLES, "practice"]


@pytest.mark.slow
@pytest.mark.parametrize(("status", "sentence"), ROWS, ids=[status for status, _ in ROWS])
def test_authors_read_what_the_page_says(status: str, sentence: str, tmp_path: Path) -> None:
    if status == "practice":
        (tmp_path / "ada" / "00_start").mkdir(parents=True)
        (tmp_path / "ada" / "00_start" / "00_start.ipynb").write_text("{}")
        record = work(Job(collect(tmp_path, ["05_toy"]).hand_ins[0]))
    else:
        record = graded(example(status))
    assert record.status == status
    assert record.message == sentence


@pytest.mark.parametrize(
    ("words", "share"),
    [
        ("one call of a function", allowance.CALL),
        ("all calls for one exercise", allowance.EXERCISE),
        ("one statement in a cell", allowance.STATEMENT),
        ("all cells together", allowance.CELLS),
    ],
)
def test_the_page_gives_the_shares_of_the_time(words: str, share: float) -> None:
    assert re.search(
        rf"^\| {words}.*\| 1/{1 / share:g} \| {60 * share:g} s \|$", PAGE, re.MULTILINE
    )

"""Values that are small as messages and large as arrays are not passed on to the checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import toy

from autograder.checks.answer import Outcome
from autograder.checks.values import NotAValue
from autograder.sandbox import wire
from autograder.sandbox.bounds import require_modest
from autograder.sandbox.client import Zygote

USUAL = [
    None,
    1.5,
    "a text",
    list(range(100_000)),
    {"trace": np.ones(10**6), "method": "advi", "steps": [1, 2, 3]},
    (np.ones((1000, 1000)), np.zeros((0, 3)), np.array(2.0)),
]
EXPLOSIVE = {
    "one long text in a list": ["x" * 10**6] + ["a"] * 1000,
    "a long text beside an array": [np.ones((1000, 1000)), [["x" * 1000] * 1000] * 1000],
    "many short texts": ["a" * 200] * 600_000,
    "no rows, endless columns": np.zeros((0, 2**40)),
    "in a dict in a tuple": ({"a": np.zeros((2**31, 0), np.uint8)},),
}


@pytest.mark.parametrize("value", USUAL, ids=lambda value: type(value).__name__)
def test_a_usual_value_is_modest(value: Any) -> None:
    require_modest(value)


@pytest.mark.parametrize("name", EXPLOSIVE)
def test_an_explosive_value_is_a_fault_of_the_answer(name: str) -> None:
    with pytest.raises(NotAValue, match="expected"):
        require_modest(EXPLOSIVE[name])
    found = wire.to_outcome(wire.from_outcome(Outcome(value=EXPLOSIVE[name])))
    assert found.value is None
    assert found.fault is not None
    assert found.fault.kind == "not a value"


def test_what_a_verdict_quotes_is_short_and_can_do_nothing(zygote: Zygote) -> None:
    evil = "\\x1b[31m\\ud800\\u202e<script>"
    answers = {
        "double": f"def double(x):\n    return {{'{evil}' + str(i): i for i in range(20000)}}",
        "square": f"def square(x):\n    raise ValueError('{evil}' * 1000)",
        "total": f"def total(x):\n    return ['{evil}'] * 3",
    }
    record = toy.graded(zygote, toy.cells(**answers))
    assert (record.status, record.score) == ("graded", 0.0)
    texts = [part.message for verdict in record.verdicts.values() for part in verdict.parts]
    texts += [hint for verdict in record.verdicts.values() for hint in verdict.hints]
    assert any("<script>" in text for text in texts)
    for text in texts:
        assert len(text) <= wire.MAX_SENTENCE
        assert text.replace("\n", "").isprintable()
        text.encode("utf-8")

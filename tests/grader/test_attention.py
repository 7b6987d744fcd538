"""Who needs a look: the most urgent first, each reason once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from made_up_records import failed, made_up_class, record

from autograder.attention import Findings, needing_a_look
from autograder.similar import Alike


@dataclass(frozen=True)
class Late:
    days: int
    penalty: float
    sentence: str


def reasons(found: object, findings: Findings | None = None) -> list[str]:
    """Why one hand-in needs a look."""
    ((_, said),) = needing_a_look([found], findings or Findings())  # type: ignore[list-item]
    return said


def test_the_most_urgent_comes_first() -> None:
    found = [(r.student, r.status) for r, _ in needing_a_look(made_up_class())]
    assert found == [
        ("lena", "refused"),
        ("karim", "not a notebook"),
        ("mai", "wrong lesson"),
        ("noor", "partly graded"),
        ("olga", "graded"),  # its check cell had to be restored
    ]


def test_among_graded_ones_code_comes_before_mending_and_lateness() -> None:
    late = Late(1, 0.5, "One day late.")
    records = [record("a"), record("b", notes=("Mended.",)), record("c"), record("d"), record("e")]
    records[2] = replace(records[2], suspicions=("The cell of E2.1, line 3, imports ctypes.",))
    findings = Findings(
        alike={"02_cavi": [Alike("d", "x", ("E2.1",), 90, 0.9)]}, late={("a", "02_cavi"): late}
    )
    found = [(r.student, said) for r, said in needing_a_look(records, findings)]
    assert found == [
        ("c", ["Suspicious: the cell of E2.1, line 3, imports ctypes."]),
        ("d", ["Answers like those of x: E2.1."]),
        ("b", ["Mended."]),
        ("a", ["Late: One day late."]),
    ]


def test_who_used_only_free_days_needs_no_look() -> None:
    findings = Findings(late={("a", "02_cavi"): Late(0, 0.0, "In time.")})
    assert needing_a_look([record("a")], findings) == []


def test_a_group_is_named_with_at_most_four_names() -> None:
    pairs = [Alike("a", other, ("E2.1",), 90, 0.9) for other in "bcdefg"]
    (said,) = reasons(record("a"), Findings(alike={"02_cavi": pairs}))
    assert said == "Answers like those of b, c, d and 3 more: E2.1."


def test_reasons_are_not_said_twice() -> None:
    twice = failed("a", "crashed", "It crashed. It was renamed.")
    assert reasons(replace(twice, notes=("It was renamed.", "It has two notebooks."))) == [
        "It crashed. It was renamed.",
        "It has two notebooks.",
    ]
    partly = record(
        "a",
        status="partly graded",
        unjudged={"E2.5": "The cell of E2.5, line 3, did not finish within 15 s."},
        notes=(
            "Left out: the cell of E2.5, line 3, did not finish within 15 s.",
            "It was renamed.",
        ),
    )
    assert reasons(partly) == [
        "E2.5: The cell of E2.5, line 3, did not finish within 15 s.",
        "It was renamed.",
    ]

"""Checks of E12.5, `diagnose(chart)`: two fresh patients of each ailment, and a healthy one.

The healthy one must not be given the same name, so that an answer which always says the same earns
nothing. Each part asks about a patient of every kind, so that a wrong rule is recognised by all
that it says; only those of the part's own ailment, and the healthy one, count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.bank import e12_5
from autograder.checks.compare import Mismatch, show
from autograder.checks.protocol import Part, Recorder
from vi_lib import clinic

Rng = np.random.Generator


def _name(value: Any) -> str:
    """The diagnosis in small letters, with single spaces."""
    if not isinstance(value, str):
        known = ", ".join(repr(name) for name in (*clinic.AILMENTS, clinic.HEALTHY))
        missing = " (is a `return` missing?)" if value is None else ""
        raise Mismatch(
            f"`diagnose`: expected one of {known}, got {show(value)}{missing}.", got=value
        )
    return " ".join(value.replace("_", " ").replace("-", " ").lower().split())


def _part(ailment: str) -> Callable[[Recorder, Rng], None]:
    def part(answer: Recorder, rng: Rng) -> None:
        kinds = (clinic.HEALTHY, *clinic.AILMENTS, ailment)
        charts = [clinic.patient(kind, rng) for kind in kinds]
        if ailment == "wrong model":
            charts[-1] = _other_tail(charts[-2], rng)
        names = [_name(answer.call("diagnose", chart)) for chart in charts]
        pairs = list(zip(kinds, names, charts, strict=True))
        own = [pairs[0], *(pair for pair in pairs if pair[0] == ailment)]
        for _, got, _ in own[1:]:
            if got != _name(ailment):
                raise Mismatch(
                    f"a patient with {ailment!r}: expected that diagnosis, got {got!r}.",
                    name=_rule_that_says_so(own) or _forgotten(ailment, names),
                )
        if names[0] == _name(ailment):
            raise Mismatch(
                f"a healthy patient: expected {clinic.HEALTHY!r}, got {names[0]!r}.",
                name=_rule_that_says_so(own),
            )

    return part


def _other_tail(chart: dict[str, Any], rng: Rng) -> dict[str, Any]:
    """A patient whose outliers lie on the other side than those of this one."""
    other = chart
    while (np.min(other["checks"]) < 0.01) == (np.min(chart["checks"]) < 0.01):
        other = clinic.patient("wrong model", rng)
    return other


def _rule_that_says_so(own: list[tuple[str, str, dict[str, Any]]]) -> str | None:
    """The first wrong rule of the bank with these diagnoses of the part's own patients."""
    for wrong in e12_5.WRONG:
        for way in (wrong.answer, *wrong.also):
            if all(_name(way["diagnose"](chart)) == got for _, got, chart in own):
                return wrong.name
    return None


#: The entry of the bank for an ailment of which an answer never speaks.
_FORGOTTEN = {
    "not converged": "trace-not-first",
    "missed mode": "restarts-not-looked-at",
    "missing Jacobian": "no-data-not-looked-at",
    "log sd as sd": "twice-the-data-not-looked-at",
    "N/B forgotten": "twice-the-data-not-looked-at",
    "biased steps": "more-draws-not-looked-at",
    "correlation ignored": "khat-not-looked-at",
    "wrong model": "checks-not-looked-at",
}


def _forgotten(ailment: str, names: list[str]) -> str | None:
    spoken_of = _name(ailment) in names and ailment != "not converged"
    return None if spoken_of else _FORGOTTEN[ailment]


CLINIC_PARTS = tuple(Part(ailment, 1.0, _part(ailment)) for ailment in clinic.AILMENTS)

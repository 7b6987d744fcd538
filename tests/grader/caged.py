"""For tests of the tiers: zygotes of every tier this machine has, and quick ways to ask a child."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest

from autograder.checks.answer import Call, Outcome
from autograder.sandbox.cells import Code
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote import RemoteAnswer
from autograder.sandbox.session import Program, Session
from autograder.sandbox.tiers import VARIABLE, Tier, best_tier, why_not


def each(tiers: Sequence[Tier]) -> list[Any]:
    """The tiers as parameters; those that are not this machine's usual one are slow tests."""
    usual = os.environ.get(VARIABLE) or best_tier()
    return [tier if tier == usual else pytest.param(tier, marks=pytest.mark.slow) for tier in tiers]


def zygote_of(tier: Tier) -> Zygote:
    """A zygote of a tier; skips where the machine does not have it."""
    if reason := why_not(tier):
        pytest.skip(f"tier {tier} is not available here: {reason}")
    zygote = Zygote(tier)
    zygote.start()
    return zygote


def session(zygote: Zygote, *cells: str, limits: Limits | None = None) -> Session:
    """A session with these cells."""
    code = tuple(Code(number, source) for number, source in enumerate(cells, 1))
    return Session(zygote, Program(code), limits or Limits(seconds=60.0))


def outcome(found: Session, name: str, *args: Any) -> Outcome:
    """What became of a call."""
    return RemoteAnswer(found).perform(Call(name, args))


def value(found: Session, name: str, *args: Any) -> Any:
    """What a call returned."""
    result = outcome(found, name, *args)
    assert result.fault is None, (result.fault, found.errors, found.losses)
    return result.value

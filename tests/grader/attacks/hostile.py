"""What an attack is: a hand-in of the toy lesson as data, and what it may obtain where.

An attack stands in the answer cell of one exercise, before its answer, which is wrong unless it is
given; the other two answers are right. So every attack has an honest part, and what it earns is
known: nothing for the exercise with the attack, 3 and 2.5 points for the others.

What an attack gets hold of, it puts into `LOOT` with `take`; the function `loot` hands it over.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

WRONG = "def double(x):\n    return np.asarray(x)"
HONEST: Mapping[str, float | None] = {"E5.1": 0.0, "E5.2": 3.0, "E5.3": 2.5}
FULL = {**HONEST, "E5.1": 4.0}
LOST = {**HONEST, "E5.1": None}
"""The exercise with the attack could not be judged; the others could."""
NOTHING = {"E5.1": None, "E5.2": None, "E5.3": None}
"""The attack has wrecked its own hand-in, and only that."""

PRELUDE = """\
import ctypes, glob, json, os, socket, sys, time
import autograd.numpy as np
{settings}
LOOT = []

def take(attempt, *args):
    try:
        found = attempt(*args)
    except BaseException:
        return
    if found:
        LOOT.append(str(found)[:100])

def loot():
    return list(LOOT)

ctypes.CDLL(None).prctl(15, MARK.encode(), 0, 0, 0)"""


@dataclass(frozen=True)
class Attack:
    """One hostile hand-in.

    `stopped` names the tiers in which it obtains nothing; in the others of `tried` it obtains
    something, if `sure`, and its exercises earn `otherwise`. `points` are what the honest part of
    it earns; None: not judged. Not `exactly`: chance decides whether it loses some of that itself.
    `ended` names the tiers in which it is stopped by ending its process.
    """

    name: str
    code: str
    stopped: str = "ABC"
    answer: str = WRONG
    points: Mapping[str, float | None] = field(default_factory=lambda: HONEST)
    otherwise: Mapping[str, float | None] | None = None
    tried: str = "ABC"
    sure: bool = True
    exactly: bool = True
    ended: str = ""
    seconds: float = 20.0
    files: Mapping[str, bytes] = field(default_factory=dict)

    def expected(self, tier: str) -> Mapping[str, float | None]:
        """The points of each exercise in a tier."""
        if tier in self.ended:
            return LOST
        return self.points if tier in self.stopped or not self.otherwise else self.otherwise

    @property
    def source(self) -> str:
        """The cell with the attack."""
        return f"{textwrap.dedent(self.code).strip()}\n{self.answer}"


def prelude(**settings: object) -> str:
    """The first cell: what the attacker knows, and where the loot goes."""
    lines = "\n".join(f"{name} = {value!r}" for name, value in settings.items())
    return PRELUDE.format(settings=lines)

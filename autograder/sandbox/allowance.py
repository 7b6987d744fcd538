"""How the time of one hand-in is shared out, so that no part of it uses up what others need.

All cells, calls and repeated runs together have `Limits.seconds` of the hand-in's own time. Of
that, one call of a function may take a tenth, all calls for one exercise a quarter, and all cells a
half. One statement may take a quarter, and half of it after each that had to be cut. When the
cells' half is used up, statements that take a sixtieth still run: a definition takes no time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.sandbox.limits import Limits

CALL = 1 / 10
EXERCISE = 1 / 4
STATEMENT = 1 / 4
CELLS = 1 / 2
ALWAYS = 1 / 60
_AGAIN = 2.0
"""In a repeated run a statement may take so many times what it took at first."""

Place = tuple[int, int, int]
"""A cell's number, a statement's number in the cell, and its line."""


@dataclass
class Allowance:
    """The time of one hand-in: what is left of it, and what a step may take."""

    limits: Limits
    left: float = 0.0
    cells_left: float = 0.0
    cuts: int = 0
    took: dict[Place, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.left = self.limits.seconds
        self.cells_left = self.limits.seconds * CELLS

    @property
    def for_call(self) -> float:
        """Seconds that one call of a function may take."""
        return self.limits.seconds * CALL

    @property
    def for_exercise(self) -> float:
        """Seconds that all calls for one exercise may take."""
        return self.limits.seconds * EXERCISE

    def for_statement(self, place: Place) -> float:
        """Seconds that a statement may take."""
        usual = min(self.limits.seconds * STATEMENT / 2**self.cuts, self.cells_left)
        return max(usual, self.limits.seconds * ALWAYS, _AGAIN * self.took.get(place, 0.0))

    def ran(self, place: Place, seconds: float) -> None:
        """Note that a statement has run to its end."""
        if place not in self.took:
            self.cells_left -= seconds
            self.took[place] = seconds

    def cut(self, seconds: float) -> None:
        """Note that a statement had to be cut."""
        self.cuts += 1
        self.cells_left -= seconds

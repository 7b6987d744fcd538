"""What an exercise is, and what a verdict on an answer is: plain data.

An exercise is checked in parts. Each part is a function that calls the answer through a `Recorder`
and raises `Mismatch` when something is wrong; it earns all of its points or none. The bank of an
exercise holds wrong answers, each with the hint a good teacher gives, and right answers that differ
from the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autograder.checks.answer import Answer, Call, Outcome

Implementation = Mapping[str, Any]
"""An answer as a student would give it: names bound to functions or classes."""


class Unanswered(Exception):
    """A call to the answer gave a fault instead of a value."""

    def __init__(self, outcome: Outcome):
        assert outcome.fault is not None
        super().__init__(outcome.fault.message)
        self.fault = outcome.fault


class Misbehaved(Exception):
    """A call gave a value, but did something that no answer may do."""

    def __init__(self, name: str, message: str):
        super().__init__(message)
        self.name = name
        self.message = message


@dataclass
class Recorder:
    """Calls an answer and keeps a record, so that the bank can be put through the same calls."""

    answer: Answer
    watch: tuple[str, ...] = ()
    records: list[tuple[Call, Outcome]] = field(default_factory=list)

    def call(self, target: str, *args: Any, **kwargs: Any) -> Any:
        """The value of `target(*args, **kwargs)`."""
        return self._perform(Call(target, args, kwargs, watch=self._watch_once(target)))

    def method(self, target: str, constructor: tuple[Any, ...], method: str, *args: Any) -> Any:
        """The value of `target(*constructor).method(*args)`."""
        watch = self._watch_once(target, method)
        return self._perform(
            Call(target, args, constructor=constructor, method=method, watch=watch)
        )

    def scene(self, target: str, scene: str, *args: Any) -> Any:
        """What a function of `autograder.checks.scenes` returns when it is played with the answer.

        `target` is the function that it is about.
        """
        watch = self._watch_once(target, scene)
        return self._perform(Call(target, args, scene=scene, watch=watch))

    def gradient(
        self,
        target: str,
        argnum: int,
        *args: Any,
        constructor: tuple[Any, ...] = (),
        method: str | None = None,
    ) -> Any:
        """The gradient, by autograd, of the sum of the call's result in argument `argnum`."""
        watch = self._watch_once(target, method)
        return self._perform(Call(target, args, {}, constructor, method, argnum, watch))

    def _watch_once(self, target: str, method: str | None = None) -> tuple[str, ...]:
        """Watching slows a call down, so only the first call to each function is watched."""
        seen = any(
            (call.target, call.method or call.scene) == (target, method) and call.watch
            for call, _ in self.records
        )
        return () if seen else self.watch

    def _perform(self, call: Call) -> Any:
        outcome = self.answer.perform(call)
        self.records.append((call, outcome))
        if outcome.fault is not None:
            raise Unanswered(outcome)
        if outcome.used:
            library = ", ".join(name.replace(":", ".") for name in outcome.used)
            raise Misbehaved(
                "calls-the-library",
                f"`{call.target}` calls {library}, "
                "which is the solution itself: here, write it yourself.",
            )
        if outcome.mutated:
            raise Misbehaved(
                "changes-its-input",
                f"`{call.target}` changes its {' and '.join(outcome.mutated)} in place: "
                "work on a copy (`a = a + b`, not `a += b`).",
            )
        if outcome.global_random:
            raise Misbehaved(
                "global-random-state",
                f"`{call.target}` draws from the global random state: "
                "draw from the `rng` you are given.",
            )
        return outcome.value


PartTest = Callable[[Recorder, np.random.Generator], None]


@dataclass(frozen=True)
class Part:
    """One sub-check; `false_alarm` bounds the rate at which a right answer fails it."""

    name: str
    points: float
    test: PartTest
    false_alarm: float = 0.0


@dataclass(frozen=True)
class Wrong:
    """A typical wrong answer, as an implementation, with its hint; `also` has other ways to it."""

    name: str
    answer: Implementation
    hint: str
    also: tuple[Implementation, ...] = ()


@dataclass(frozen=True)
class Right:
    """A right answer that is not the reference."""

    name: str
    answer: Implementation


@dataclass(frozen=True)
class Exercise:
    """One exercise: what is asked, how it is checked, and what typical answers look like.

    `forbidden` lists the library functions that are the solution itself, as "module:qualname";
    `needs` the names from earlier exercises with which this answer is tried out. Without `replayed`
    the bank is not put through the calls of an answer: where answers choose their own starts and
    stopping rules, no two of them give the same outcomes, and an equal one says nothing. The parts
    then name the mistakes themselves.
    """

    id: str
    title: str
    names: tuple[str, ...]
    reference: Implementation
    parts: tuple[Part, ...]
    wrong: tuple[Wrong, ...] = ()
    right: tuple[Right, ...] = ()
    forbidden: tuple[str, ...] = ()
    replayed: bool = True
    needs: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """The sum of the parts' points."""
        return float(round(sum(part.points for part in self.parts), 6))

    def worth(self, points: float) -> Exercise:
        """The same exercise with as many points, the parts in the same proportions."""
        if points == self.points:
            return self
        if not points > 0:
            raise ValueError(f"expected more than 0 points for {self.id}, got {points:g}")
        factor = points / self.points
        parts = tuple(replace(part, points=round(part.points * factor, 6)) for part in self.parts)
        rest = round(points - sum(part.points for part in parts[1:]), 6)
        return replace(self, parts=(replace(parts[0], points=rest), *parts[1:]))


@dataclass(frozen=True)
class PartResult:
    """How one part went; `message` is empty when it passed."""

    name: str
    points: float
    earned: float
    message: str = ""


@dataclass(frozen=True)
class Verdict:
    """The judgement on one answer to one exercise.

    `status` is "correct", "partly correct", "not yet correct", "not started" or "not defined";
    `hints` are sentences for the student, the most useful first; `misconception` names the
    recognised mistake, or is None.
    """

    exercise: str
    title: str
    status: str
    score: float
    max_score: float
    hints: tuple[str, ...] = ()
    misconception: str | None = None
    parts: tuple[PartResult, ...] = ()

    def __str__(self) -> str:
        """The verdict in plain text."""
        from autograder.checks.render import as_text

        return as_text(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """A table for notebooks; text/plain is the bare score, nbgrader's partial credit."""
        from autograder.checks.render import as_html

        return {"text/plain": str(float(self.score)), "text/html": as_html(self)}

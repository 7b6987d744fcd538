"""One hand-in's run: its cells, then calls of its functions, whatever either of them does.

What cannot be run is left out, and the rest goes on. A statement that loops, fills the memory or
ends the process is a `Loss`; its cell is over, and the next one runs. A call that does so costs its
exercise. A child that does not come back when it is interrupted, or is gone, is replaced by a new
one, which runs the cells again without what was lost. `allowance` says how long each may take.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from autograder.checks.answer import Call, Outcome
from autograder.sandbox import wire
from autograder.sandbox.allowance import Allowance, Place
from autograder.sandbox.cells import CUT, CellError
from autograder.sandbox.client import Child, Zygote
from autograder.sandbox.clock import Wait
from autograder.sandbox.explain import unknown_name
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.program import Program

__all__ = ["MAX_CHILDREN", "Loss", "Lost", "Program", "Session"]

MAX_CHILDREN = 40
"""So many new starts a hand-in may need before it is given up."""
_PATIENCE = 0.5


@dataclass(frozen=True)
class Loss:
    """Something that could not be run to its end: "timed out", "crashed" or "out of memory"."""

    kind: str
    sentence: str


class Lost(Exception):
    """There is no result, and the child is gone."""

    def __init__(self, loss: Loss):
        super().__init__(loss.sentence)
        self.loss = loss


@dataclass
class Session:
    """The run of one hand-in; `over` says why it cannot go on, if it cannot."""

    zygote: Zygote
    program: Program
    limits: Limits
    child: Child | None = None
    over: Loss | None = None
    losses: dict[int, Loss] = field(default_factory=dict)
    errors: dict[int, CellError] = field(default_factory=dict)
    defined: frozenset[str] = frozenset()
    with_demos: bool = False
    time: Allowance = field(init=False)
    _stops: dict[int, int] = field(default_factory=dict)
    _children: int = 0
    _requests: int = 0

    def __post_init__(self) -> None:
        self.time = Allowance(self.limits)

    def prepare(self) -> None:
        """Have a child that has run the cells, or know in `over` why there is none."""
        while self.child is None and self.over is None:
            if self._children == MAX_CHILDREN:
                self.over = Loss("crashed", f"the notebook crashed {MAX_CHILDREN} times")
                return
            self._children += 1
            self.child = self.zygote.fork(self.limits)
            place = [0, 0, 0]
            try:
                self._run_cells(place)
            except Lost as lost:
                if not self._leave_out(place, lost.loss):
                    self.over = lost.loss
                continue
            if any(self._is_demo_name(e.error_type, e.message) for e in self.errors.values()):
                self._run_demos()

    def perform(self, call: Call, seconds: float = math.inf) -> Outcome:
        """Carry out a call in the child; `Lost` if no result came.

        `seconds` are what is left for this call and all further ones of the same exercise.
        """
        self.prepare()
        if self.over is not None or self.child is None:
            raise Lost(self.over or Loss("crashed", "the notebook could not be run"))
        what = f"`{call.target}`" if call.method is None else f"`{call.target}.{call.method}`"
        too_slow = f"{what} did not finish within {self.time.for_call:g} s"
        if seconds < self.time.for_call:
            too_slow = f"the calls of {what} took longer than {self.time.for_exercise:g} s together"
        if seconds <= 0:
            raise Lost(self._too_slow(too_slow))
        self._requests += 1
        with self._waiting(what, min(seconds, self.time.for_call), too_slow) as wait:
            message = {"id": self._requests, "call": wire.from_call(call)}
            wire.send(self.child.sock, message, wait.left)
            reply = wire.receive(self.child.sock, wait.left, wire.MAX_REPLY)
            if not isinstance(reply, dict) or reply.get("id") != self._requests:
                raise wire.Malformed("a reply to something else")
            outcome = wire.to_outcome(reply)
        if wait.interrupted:
            raise Lost(self._too_slow(too_slow))
        fault = outcome.fault
        if fault is not None and fault.error_type == "MemoryError":
            self.drop()
            raise Lost(self._out_of_memory(what))
        if fault is not None and self._is_demo_name(fault.error_type, fault.message):
            self._run_demos()
            return self.perform(call, seconds)
        return outcome

    def drop(self, patience: float = 0.0) -> str:
        """End the child, if there is one; say how it ended."""
        child, self.child = self.child, None
        return "" if child is None else self.zygote.end(child, patience)

    def _run_cells(self, place: list[int]) -> None:
        """Run the cells; `place` follows: cell, statement, line."""
        assert self.child is not None
        sock = self.child.sock
        with self._waiting("the start", self.time.for_statement((0, 0, 0))) as wait:
            start = {"cells": self._cells(), "files": wire.from_files(self.program.files)}
            wire.send(sock, start, wait.left)
        while True:
            message = self._next_message(sock, place)
            found = _progress(message)
            if found is not None:
                place[:] = found
            elif "names" in message:
                break
            else:
                self.drop()
                raise Lost(self._out_of_memory(self._where(place)))
        with self._waiting("the notebook", 1.0):
            self.defined = frozenset(message["names"])
            self.errors = {e.number: e for e in map(_error, message["errors"])}

    def _next_message(self, sock: Any, place: list[int]) -> Any:
        """What the child says after the statement that it runs; `Lost` if it has to be replaced."""
        where: Place = (place[0], place[1], place[2])
        seconds = self.time.for_statement(where)
        too_slow = f"{self._where(place)} did not finish within {seconds:.3g} s"
        before = self.time.left
        try:
            with self._waiting(self._where(place), seconds, too_slow) as wait:
                message = wire.receive(sock, wait.left, wire.MAX_REPLY)
                was_cut = _progress(message) == [place[0], place[1], CUT]
        except Lost as lost:
            if lost.loss.kind == "timed out":
                self.time.cut(before - self.time.left)
            raise
        if not wait.interrupted:
            self.time.ran(where, before - self.time.left)
            return message
        self.time.cut(before - self.time.left)
        loss = self._too_slow(too_slow)
        if was_cut and self._leave_out(place, loss):
            return self._next_message(sock, place)
        self.drop()
        raise Lost(loss)

    def _cells(self) -> list[list[Any]]:
        skipped = frozenset() if self.with_demos else self.program.demos
        return [
            [cell.number, cell.source, self._stops.get(cell.number)]
            for cell in self.program.cells
            if cell.number not in skipped and self._stops.get(cell.number) != 0
        ]

    def _leave_out(self, place: list[int], loss: Loss) -> bool:
        """Note that the statement at this place is not to be run again, and whether one can go on.

        There is no way on when the time is over, or when the statement had been left out before.
        """
        number, index, _ = place
        if self.time.left <= 0 or number == 0 or index >= self._stops.get(number, index + 1):
            return False
        self._stops[number] = index
        self.losses[number] = loss
        return True

    def _run_demos(self) -> None:
        self.with_demos = True
        self.drop()
        self.prepare()

    def _is_demo_name(self, error_type: str, message: str) -> bool:
        name = unknown_name(error_type, message)
        return not self.with_demos and name in self.program.demo_names

    @contextlib.contextmanager
    def _waiting(self, what: str, seconds: float, too_slow: str = "") -> Iterator[Wait]:
        """Bound a wait by the limits; whatever goes wrong meanwhile becomes a `Lost`."""
        assert self.child is not None
        wait = Wait(self.child.pid, min(seconds, self.time.left))
        try:
            yield wait
        except TimeoutError:
            loss = None
        except wire.Closed:
            ending = self.drop(_PATIENCE)
            loss = Loss("crashed", f"{what} ended Python ({ending})")
        except (wire.Malformed, TypeError, ValueError, KeyError, AttributeError):
            loss = Loss("crashed", f"{what} broke the connection to the grader")
        else:
            self.time.left -= wait.spent()
            return
        self.time.left -= wait.spent()
        self.drop()
        if loss is None or wait.interrupted:
            loss = self._too_slow(too_slow or f"{what} did not finish within {wait.seconds:g} s")
        raise Lost(loss)

    def _too_slow(self, sentence: str) -> Loss:
        loss = Loss("timed out", sentence)
        if self.time.left <= 0:
            loss = Loss("timed out", f"the notebook took longer than {self.limits.seconds:g} s")
            self.over = loss
        return loss

    def _out_of_memory(self, what: str) -> Loss:
        sentence = f"{what} needed more than {self.limits.memory // MIB} MiB of memory"
        return Loss("out of memory", sentence)

    def _where(self, place: list[int]) -> str:
        number, _, line = place
        if number == 0:
            return "the start"
        return f"{self.program.label(number)}{f', line {line},' if line > 0 else ''}"


def _progress(message: Any) -> list[int] | None:
    """The place that a child reports; None if the message is another one."""
    found = message.get("at")
    if found is None:
        return None
    number, index, line = (int(item) for item in found)
    return [number, index, line]


def _error(found: dict[str, Any]) -> CellError:
    return CellError(
        int(found["number"]),
        wire.sentence(found["error_type"]),
        wire.sentence(found["message"]),
        int(found["line"]),
    )

"""One hand-in's run: its cells, then calls of its functions, whatever either of them does.

What cannot be run is left out, and the rest goes on. A statement that loops, fills the memory or
ends the process is a `Loss`; a new child runs the cells again up to that statement and from the
next cell on. A call that does so costs its exercise, and the next exercise gets a new child. All
waiting for the student's code counts against the hand-in's one time limit.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.checks.answer import Call, Outcome
from autograder.sandbox import wire
from autograder.sandbox.cells import CellError, Code
from autograder.sandbox.client import Child, Zygote
from autograder.sandbox.limits import MIB, Limits

MAX_CHILDREN = 40
"""So many new starts a hand-in may need before it is given up."""
_PATIENCE = 0.5
_NAME_ERROR = re.compile(r"name '(\w+)' is not defined")


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


@dataclass(frozen=True)
class Program:
    """What to run of a notebook.

    `labels` call a cell by a name that its author knows. `demos` are numbers of cells that are left
    out unless something needs one of `demo_names`, which only they define.
    """

    cells: tuple[Code, ...]
    labels: Mapping[int, str] = field(default_factory=dict)
    demos: frozenset[int] = frozenset()
    demo_names: frozenset[str] = frozenset()
    files: Mapping[str, bytes] = field(default_factory=dict)

    def label(self, number: int) -> str:
        """How to call a cell in a sentence."""
        return self.labels.get(number, f"cell {number}")

    def defining(self, name: str) -> int | None:
        """The last cell that seems to define a name at its top level."""
        pattern = re.compile(
            rf"^(?:def|class)\s+{re.escape(name)}\b|^{re.escape(name)}\s*[:=]", re.M
        )
        return next((c.number for c in reversed(self.cells) if pattern.search(c.source)), None)


@dataclass
class Session:
    """The run of one hand-in; `over` says why it cannot go on, if it cannot."""

    zygote: Zygote
    program: Program
    limits: Limits
    left: float = 0.0
    child: Child | None = None
    over: Loss | None = None
    losses: dict[int, Loss] = field(default_factory=dict)
    errors: dict[int, CellError] = field(default_factory=dict)
    defined: frozenset[str] = frozenset()
    with_demos: bool = False
    _stops: dict[int, int] = field(default_factory=dict)
    _children: int = 0
    _requests: int = 0

    def __post_init__(self) -> None:
        self.left = self.limits.seconds

    def prepare(self) -> None:
        """Have a child that has run the cells, or know in `over` why there is none."""
        while self.child is None and self.over is None:
            if self._children == MAX_CHILDREN:
                self.over = Loss("crashed", f"the notebook crashed {MAX_CHILDREN} times")
                return
            self._children += 1
            self.child = self.zygote.fork(self.limits)
            position = [0, 0, 0]
            try:
                self._run_cells(position)
            except Lost as lost:
                self._leave_out(position, lost.loss)
                continue
            if any(self._is_demo_name(e.error_type, e.message) for e in self.errors.values()):
                self._run_demos()

    def perform(self, call: Call) -> Outcome:
        """Carry out a call in the child; `Lost` if no result came."""
        self.prepare()
        if self.over is not None or self.child is None:
            raise Lost(self.over or Loss("crashed", "the notebook could not be run"))
        what = f"`{call.target}`" if call.method is None else f"`{call.target}.{call.method}`"
        self._requests += 1
        with self._waiting(what) as deadline:
            message = {"id": self._requests, "call": wire.from_call(call)}
            wire.send(self.child.sock, message, deadline)
            reply = wire.receive(self.child.sock, deadline)
            if not isinstance(reply, dict) or reply.get("id") != self._requests:
                raise wire.Malformed("a reply to something else")
            outcome = wire.to_outcome(reply)
        fault = outcome.fault
        if fault is not None and fault.error_type == "MemoryError":
            self.drop()
            raise Lost(self._out_of_memory(what))
        if fault is not None and self._is_demo_name(fault.error_type, fault.message):
            self._run_demos()
            return self.perform(call)
        return outcome

    def drop(self, patience: float = 0.0) -> str:
        """End the child, if there is one; say how it ended."""
        child, self.child = self.child, None
        return "" if child is None else self.zygote.end(child, patience)

    def _run_cells(self, position: list[int]) -> None:
        """Run the cells; `position` follows: cell, statement, line."""
        assert self.child is not None
        sock = self.child.sock
        with self._waiting("the start") as deadline:
            start = {"cells": self._cells(), "files": wire.from_files(self.program.files)}
            wire.send(sock, start, deadline)
        while True:
            with self._waiting(self._where(position)) as deadline:
                message = wire.receive(sock, deadline)
                found = _progress(message)
            if found is not None:
                position[:] = found
            elif "names" in message:
                break
            else:
                self.drop()
                raise Lost(self._out_of_memory(self._where(position)))
        with self._waiting("the notebook"):
            self.defined = frozenset(message["names"])
            self.errors = {e.number: e for e in map(_error, message["errors"])}

    def _cells(self) -> list[list[Any]]:
        skipped = frozenset() if self.with_demos else self.program.demos
        return [
            [cell.number, cell.source, self._stops.get(cell.number)]
            for cell in self.program.cells
            if cell.number not in skipped and self._stops.get(cell.number) != 0
        ]

    def _leave_out(self, position: list[int], loss: Loss) -> None:
        """Note that the statement at this position is not to be run again."""
        number, index, _ = position
        if self.left <= 0 or number == 0 or index >= self._stops.get(number, index + 1):
            self.over = loss
            return
        self._stops[number] = index
        self.losses[number] = loss

    def _run_demos(self) -> None:
        self.with_demos = True
        self.drop()
        self.prepare()

    def _is_demo_name(self, error_type: str, message: str) -> bool:
        found = _NAME_ERROR.search(message) if error_type == "NameError" else None
        return found is not None and not self.with_demos and found[1] in self.program.demo_names

    @contextlib.contextmanager
    def _waiting(self, what: str) -> Iterator[float]:
        """Bound a wait by the limits; whatever goes wrong meanwhile becomes a `Lost`."""
        started = time.monotonic()
        seconds = min(self.limits.step_seconds, self.left)
        try:
            yield started + seconds
        except TimeoutError:
            self.drop()
            self.left -= time.monotonic() - started
            raise Lost(self._too_slow(what)) from None
        except wire.Closed:
            ending = self.drop(_PATIENCE)
            self.left -= time.monotonic() - started
            raise Lost(Loss("crashed", f"{what} ended Python ({ending})")) from None
        except (wire.Malformed, TypeError, ValueError, KeyError, AttributeError):
            self.drop()
            self.left -= time.monotonic() - started
            raise Lost(Loss("crashed", f"{what} broke the connection to the grader")) from None
        else:
            self.left -= time.monotonic() - started

    def _too_slow(self, what: str) -> Loss:
        if self.left > 0:
            sentence = f"{what} did not finish within {self.limits.step_seconds:g} s"
            return Loss("timed out", sentence)
        self.over = Loss("timed out", f"the notebook took longer than {self.limits.seconds:g} s")
        return self.over

    def _out_of_memory(self, what: str) -> Loss:
        sentence = f"{what} needed more than {self.limits.memory // MIB} MiB of memory"
        return Loss("out of memory", sentence)

    def _where(self, position: list[int]) -> str:
        number, _, line = position
        if number == 0:
            return "the start"
        return f"{self.program.label(number)}{f', line {line},' if line else ''}"


def _progress(message: Any) -> list[int] | None:
    """The position that a child reports; None if the message is another one."""
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

"""A hand-in as a check sees it: the `Answer` protocol over a session."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autograder.checks.answer import Call, Fault, Outcome
from autograder.sandbox.cells import CellError
from autograder.sandbox.explain import advice, alike, unknown_name
from autograder.sandbox.session import Loss, Lost, Session


@dataclass
class RemoteAnswer:
    """A hand-in as a check sees it, for one exercise: an `Answer` behind a pipe.

    After the first loss no further call is tried: each would cost as much time again.
    """

    session: Session
    loss: Loss | None = None
    _left: float | None = None

    def has(self, name: str) -> bool:
        """Whether the notebook defines this name as something callable."""
        self.session.prepare()
        return name in self.session.defined

    def perform(self, call: Call) -> Outcome:
        """Carry out one call in the child."""
        if self.loss is None:
            try:
                outcome = self._perform(call)
            except Lost as lost:
                self.loss = lost.loss
            else:
                if outcome.fault is None:
                    return outcome
                fault = self._explained(call.target, outcome.fault)
                if self.loss is None:
                    return replace(outcome, fault=fault)
        return Outcome(fault=Fault(self.loss.kind, capital(self.loss.sentence)))

    def _perform(self, call: Call) -> Outcome:
        """Carry out a call within what is left of the exercise's time."""
        self.session.prepare()
        time = self.session.time
        if self._left is None:
            self._left = time.for_exercise
        before = time.left
        try:
            return self.session.perform(call, self._left)
        finally:
            self._left -= before - time.left

    def _explained(self, name: str, fault: Fault) -> Fault:
        """A fault with its cause, which may stand in another cell, or be a loss there."""
        missing = fault.kind == "missing"
        wanted = name if missing else unknown_name(fault.error_type, fault.message)
        number = self.session.program.defining(wanted) if wanted else None
        if number is not None and number in self.session.losses:
            self.loss = self.session.losses[number]
            return fault
        error = self.session.errors.get(number) if number is not None else None
        if error is not None and missing:
            return replace(
                fault, message=f"`{name}` is not defined, because its cell {self._stopped(error)}"
            )
        if error is not None:
            cell = self.session.program.label(error.number)
            return _with(fault, f"That is so because {cell} {self._stopped(error)}")
        if missing:
            return _with(fault, alike(name, self.session.defined))
        return _with(fault, advice(fault.error_type, fault.message))

    def _stopped(self, error: CellError) -> str:
        """How a cell ended, in words that complete "the cell ..."."""
        where = f" in line {error.line}" if error.line else ""
        line = self.session.program.line(error.number, error.line)
        more = advice(error.error_type, error.message, line)
        what = f"{error.error_type}: {error.message}" if error.message else error.error_type
        return f"stopped{where} with {what}" + (f". {more}" if more else "")


def _with(fault: Fault, more: str) -> Fault:
    """The fault with one more sentence."""
    if not more:
        return fault
    said = fault.message if fault.message.endswith(".") else f"{fault.message}."
    return replace(fault, message=f"{said} {more}")


def capital(sentence: str) -> str:
    """The sentence with a capital letter and a full stop."""
    return f"{sentence[:1].upper()}{sentence[1:]}."

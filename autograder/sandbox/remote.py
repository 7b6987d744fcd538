"""A hand-in as a check sees it: the `Answer` protocol over a session."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.checks.answer import Call, Fault, Outcome
from autograder.sandbox.session import Loss, Lost, Session


@dataclass
class RemoteAnswer:
    """A hand-in as a check sees it, for one exercise: an `Answer` behind a pipe.

    After the first loss no further call is tried: each would cost as much time again.
    """

    session: Session
    loss: Loss | None = None

    def has(self, name: str) -> bool:
        """Whether the notebook defines this name as something callable."""
        self.session.prepare()
        return name in self.session.defined

    def perform(self, call: Call) -> Outcome:
        """Carry out one call in the child."""
        if self.loss is None:
            try:
                outcome = self.session.perform(call)
            except Lost as lost:
                self.loss = lost.loss
            else:
                if outcome.fault is None or outcome.fault.kind != "missing":
                    return outcome
                self.loss, fault = self._why_missing(call.target, outcome.fault)
                if self.loss is None:
                    return Outcome(fault=fault)
        return Outcome(fault=Fault(self.loss.kind, capital(self.loss.sentence)))

    def _why_missing(self, name: str, fault: Fault) -> tuple[Loss | None, Fault]:
        """A name is missing because its cell was cut short, or stopped with an error."""
        number = self.session.program.defining(name)
        if number is None:
            return None, fault
        if number in self.session.losses:
            return self.session.losses[number], fault
        error = self.session.errors.get(number)
        if error is None:
            return None, fault
        return None, Fault(
            "missing",
            f"`{name}` is not defined, because its cell stopped in line {error.line} with "
            f"{error.error_type}: {error.message}",
        )


def capital(sentence: str) -> str:
    """The sentence with a capital letter and a full stop."""
    return f"{sentence[:1].upper()}{sentence[1:]}."

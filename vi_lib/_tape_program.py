"""Write the steps of a recorded function as the text of one Python function.

Repeated steps are written once, and in straight NumPy where autograd and NumPy make detours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from autograd import core
from autograd.numpy.numpy_boxes import ArrayBox


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a primitive: the function below autograd's wrapper, and what it was given.

    `inputs` are pairs of a position in `args` and the step that made what stands there.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[tuple[int, Step], ...] = ()
    shape: tuple[int, ...] = ()
    argument: int | None = None


def argument_of_all() -> None:
    """Stands for an argument of the whole function."""


def write(
    outputs: Sequence[Any], num_args: int, num_later: int, several: bool
) -> tuple[str, dict[str, Any]]:
    """The text of a function `run` that makes these outputs, and the values of its constants."""
    writer = _Writer(num_args)
    names = [writer.name_of(output) for output in outputs]
    args = [f"x{number}" for number in range(num_args + num_later)]
    lines = [f"def run({', '.join(args[:num_args])}):", *(f"    {line}" for line in writer.lines)]
    if num_later:
        early, late = names
        if writer.is_late(outputs[0]):
            raise ValueError("the first output depends on later arguments")
        lines += [f"    def then({', '.join(args[num_args:])}):"]
        lines += [*(f"        {line}" for line in writer.later), f"        return {late}"]
        lines += [f"    return {early}, then"]
    else:
        lines += [f"    return ({', '.join(names)},)" if several else f"    return {names[0]}"]
    return "\n".join([*lines, ""]), dict(writer.constants)


_INFIX: dict[Any, str] = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.true_divide: "/",
    np.power: "**",
    np.matmul: "@",
}


@dataclass
class _Writer:
    """Writes lines, those that need later arguments apart; nothing is computed twice."""

    num_early: int
    lines: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    _late: set[int] = field(default_factory=set)
    _known: dict[Any, str] = field(default_factory=dict)

    def is_late(self, output: Any) -> bool:
        """Whether an output that has a name depends on the later arguments."""
        return id(output) in self._late

    def name_of(self, output: Any) -> str:
        """The name of a step's value, after the lines that make it."""
        if not isinstance(output, Step):
            return self.constant(output)
        waiting = [output]
        while waiting:  # a loop: programs are deeper than Python's stack
            step = waiting[-1]
            missing = [s for _, s in step.inputs if id(s) not in self._names]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if id(step) not in self._names:
                self._names[id(step)] = self._line(step)
        return self._names[id(output)]

    def constant(self, value: Any) -> str:
        """A name for a value that no argument changes; short ones stand as they are."""
        if value is None or type(value) in (bool, int, str):
            return f"({value!r})"
        key = (float, value) if type(value) is float else id(value)
        name = self._known.get(("constant", key))
        if name is None:
            name = self._known["constant", key] = f"c{len(self.constants)}"
            self.constants[name] = value  # and keeps it, so that no other gets its id
        return name

    def _line(self, step: Step) -> str:
        if step.argument is not None:
            late = step.argument >= self.num_early
        else:
            late = any(id(s) in self._late for _, s in step.inputs)
        if late:
            self._late.add(id(step))
        if step.argument is not None:
            return f"x{step.argument}"
        args = [self.constant(value) for value in step.args]
        for position, source in step.inputs:
            args[position] = self._names[id(source)]
        text = _expression(self, step, args)
        name = self._known.get(text)
        if name is None:
            name = self._known[text] = f"v{len(self.lines) + len(self.later)}"
            (self.later if late else self.lines).append(f"{name} = {text}")
        return name


def _expression(writer: _Writer, step: Step, args: list[str]) -> str:
    """The call of a step as text."""
    function, kwargs = step.function, step.kwargs
    if not kwargs:
        if function in _INFIX and len(args) == 2:
            return f"{args[0]} {_INFIX[function]} {args[1]}"
        if function is np.negative:
            return f"-{args[0]}"
        if function is _GET_ITEM:
            return f"{args[0]}[{args[1]}]"
        if function is _ADD:
            return f"{args[1]} + {args[2]}"
    if function is np.reshape and set(kwargs) <= {"order"} and kwargs.get("order") in (None, "C"):
        return f"{args[0]}.reshape({writer.constant(step.shape)})"
    if function in (np.sum, np.mean) and set(kwargs) <= {"axis", "keepdims"} and len(args) == 1:
        return _total(writer, step, args[0])
    named = "".join(f", {key}={writer.constant(value)}" for key, value in kwargs.items())
    return f"{writer.constant(function)}({', '.join(args)}{named})"


def _total(writer: _Writer, step: Step, arg: str) -> str:
    """A sum or a mean without NumPy's wrapper."""
    options = {"axis": None, "keepdims": False, **step.kwargs}
    named = "".join(f", {key}={writer.constant(value)}" for key, value in options.items())
    total = f"{writer.constant(np.add.reduce)}({arg}{named})"
    if step.function is np.sum:
        return total
    shape, axis = np.shape(step.args[0]), options["axis"]
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis)
    count = np.prod([shape[i] for i in axes], dtype=int)
    return f"{total} / {writer.constant(float(count))}"


_GET_ITEM = ArrayBox.__getitem__.fun
_ADD = core.VSpace.add.fun

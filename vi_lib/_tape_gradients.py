"""What a tape makes of autograd's sums of gradients, which are in place and by detours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from autograd import core
from autograd.numpy import numpy_vjps
from autograd.tracer import primitive

from vi_lib._check import Array
from vi_lib._tape_program import Step


@primitive
def sparse_sum(vs: Any, x_prev: Any, x_new: Any) -> Any:
    """Gradient so far, or None, and one of `x[index]`; the former stays as it is."""
    return x_new.mut_add(vs.zeros() if x_prev is None else np.array(x_prev))


@primitive
def plain_sum(vs: Any, x_prev: Any, x_new: Any) -> Any:
    """Gradient so far, or None, and another; the former stays as it is."""
    return x_new if x_prev is None else np.add(x_prev, x_new)


def _same(argnums: Any, *_: Any) -> Callable[[Any], Any]:
    return lambda g: (g,) * len(argnums)


core.defvjp_argnums(sparse_sum, _same)
core.defvjp_argnums(plain_sum, _same)


def simplified(step: Step) -> Step:
    """The step without a detour, if it makes one."""
    return _summed(step) or _assigned(step) or _unchanged(step) or step


def _summed(step: Step) -> Step | None:
    """A sum of two gradients as plain addition."""
    if step.function is not plain_sum.fun:
        return None
    inputs = tuple((number - 1, source) for number, source in step.inputs)
    if step.args[1] is None:
        return inputs[0][1]
    return Step(np.add, step.args[1:], {}, inputs, step.shape)


def _assigned(step: Step) -> Step | None:
    """A sum with the gradient of `x[index]` as an assignment, if no place is meant twice."""
    if step.function is not sparse_sum.fun or not step.inputs:
        return None
    position, source = step.inputs[-1]
    if position != 2 or source.function is not _UNTAKE or not _unique(source.args[1]):
        return None
    value, index = source.args[:2]
    inputs = tuple((0, s) for number, s in source.inputs if number == 0)
    before = step.args[1]
    if before is None:
        return Step(_put, (value, index, step.shape), {}, inputs, step.shape)
    inputs += tuple((2, s) for number, s in step.inputs if number == 1)
    return Step(_put_more, (value, index, before), {}, inputs, step.shape)


def _unchanged(step: Step) -> Step | None:
    """The input of a step that changes nothing: x ** 1, or a new shape that is the old one."""
    if len(step.inputs) != 1 or step.inputs[0][0] != 0:
        return None
    source = step.inputs[0][1]
    power = step.function is np.power and np.size(step.args[1]) == 1 and step.args[1] == 1.0
    return source if (power or step.function is np.reshape) and source.shape == step.shape else None


def _put(value: Any, index: Any, shape: tuple[int, ...]) -> Array:
    out = np.zeros(shape)
    out[index] = value
    return out


def _put_more(value: Any, index: Any, before: Array) -> Array:
    out = np.array(before)
    out[index] += value
    return out


def _unique(index: Any) -> bool:
    """Whether an index names each place at most once, as far as its form tells."""
    parts = index if isinstance(index, tuple) else (index,)
    plain = (int, np.integer, slice, type(None), type(Ellipsis))
    return all(isinstance(part, plain) and not isinstance(part, bool) for part in parts)


_UNTAKE = numpy_vjps.untake.fun

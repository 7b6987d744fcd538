"""Record once what a function does to its arrays, then run that as a straight NumPy program.

autograd builds a graph at every call: for small arrays that costs ten times what the arithmetic
costs. Here a function is run once on boxes that write down each primitive that it calls, those of
autograd's own backward passes among them, so a recorded gradient holds forward and backward pass
alike. Repeated operations are kept once, unused ones are dropped, and the rest becomes one Python
function without a loop or a branch.

A program is right only if the function would do the same to any other values. So a value may leave
the boxes in no way but through a primitive: a branch on it, `float(x)` or `stop_gradient(x)` raise
`Unrecordable` while it is recorded, and the function is called as it is from then on. Shapes may
be looked at, and another shape is recorded anew. What a record cannot show is a function whose
result does not follow from its arguments; so `_replay` compares programs with their functions.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import core
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import (
    Box,
    Node,
    getval,
    new_box,
    primitive,
    register_notrace,
    trace_stack,
)

from vi_lib import _check
from vi_lib._check import Array
from vi_lib._tape_gradients import plain_sum, simplified, sparse_sum
from vi_lib._tape_program import Step, argument_of_all, write

__all__ = ["Program", "Unrecordable", "record"]


class Unrecordable(Exception):
    """The function looks at the values that it is given, so a record would not be the function."""


def _options(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments without those that autograd's wrappers pass on to each other."""
    return {k: v for k, v in kwargs.items() if k != "called_by_autograd_dispatcher"}


class _Recorded(Node):
    """autograd's view of a step: what it makes of each call of a primitive on our boxes."""

    __slots__ = ("step",)

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        if any(map(_hides_a_box, (value, *args, *kwargs.values()))):
            raise Unrecordable("a list or an array of objects holds what has been computed")
        if fun.fun in _SHAPED_BY_VALUES or _is_mask(fun.fun, args, parent_argnums):
            raise Unrecordable("a value decides how large an array is")
        inputs = tuple(zip(parent_argnums, (parent.step for parent in parents), strict=True))
        step = Step(fun.fun, tuple(args), _options(kwargs), inputs, np.shape(value))
        self.step = simplified(step)

    def initialize_root(self, argument: int, shape: tuple[int, ...]) -> None:
        self.step = Step(argument_of_all, shape=shape, argument=argument)


register_notrace(_Recorded, anp.size)
#: Of these the result's shape, which a program takes for fixed, depends on values.
_SHAPED_BY_VALUES = frozenset(
    (np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.extract, np.compress, np.repeat)
)


def _is_mask(function: Any, args: Any, argnums: Any) -> bool:
    """Whether `x[mask]` is asked for with a mask that has been computed."""
    return function is ArrayBox.__getitem__.fun and 1 in argnums and args[1].dtype == bool


def _hides_a_box(value: Any) -> bool:
    """Whether autograd, which looks at whole arguments, has not seen a box in this one."""
    if isinstance(value, (tuple, list)):
        return any(map(_hides_a_box, value))
    return isinstance(value, Box) or (isinstance(value, np.ndarray) and value.dtype == object)


class _Watched(ArrayBox):
    """A box whose value can be had by autograd's own code, and only for its primitives."""

    __slots__ = ("_hidden",)

    @property
    def _value(self) -> Any:
        if not _may_look(sys._getframe(1)):
            raise Unrecordable("it looks at a value")
        return self._hidden

    @_value.setter
    def _value(self, value: Any) -> None:
        self._hidden = value


def _codes(*functions: Any) -> set[CodeType]:
    """The code of functions and of what is written inside them."""
    found, new = set(), [f.__code__ for f in functions]
    while new:
        code = new.pop()
        found.add(code)
        new += [c for c in code.co_consts if isinstance(c, CodeType)]
    return found


_SHAPE_OF = tuple(getattr(ArrayBox, name).fget for name in ("shape", "ndim", "size", "dtype"))
#: A primitive hands the values to the function below it; the others look at shapes and types alone.
_MAY_LOOK = _codes(primitive, *_SHAPE_OF, ArrayBox.__len__)
#: Those who unbox, and from where they may be called: again for shapes alone.
_UNBOXERS = _codes(getval, _check.plain)
_MAY_UNBOX = _codes(core.vspace, _check.require_shape)
_NO_TRACE = _codes(anp.shape)
_METADATA, _EINSUM = (
    cell.cell_contents
    for function in (anp.metadata, anp.parse_einsum_input)
    for cell in function.__closure__
)
_SHAPES = frozenset(
    (np.ndim, np.shape, np.iscomplexobj, np.result_type, _METADATA, _EINSUM, type, isinstance)
)


def _may_look(frame: Any) -> bool:
    if frame.f_code in _MAY_LOOK:
        return True
    while frame.f_code in _UNBOXERS:
        frame = frame.f_back
    if frame.f_code in _NO_TRACE:
        return frame.f_locals.get("f_raw") in _SHAPES
    return frame.f_code in _MAY_UNBOX


@contextlib.contextmanager
def _watching() -> Iterator[None]:
    """Have autograd box the values of our trace in `_Watched`, and those of others as ever."""
    before = dict(Box.type_mappings)
    in_place = core.sparse_add, core.VSpace.mut_add

    def box(value: Any, trace: int, node: Any) -> Box:
        return (_Watched if type(node) is _Recorded else ArrayBox)(value, trace, node)

    Box.type_mappings.update({kind: box for kind, of in before.items() if of is ArrayBox})
    Box.type_mappings[_Watched] = ArrayBox
    Box.types.add(_Watched)
    # autograd sums gradients in place, which would change what has been written down.
    core.sparse_add, core.VSpace.mut_add = sparse_sum, plain_sum
    try:
        yield
    finally:
        core.sparse_add, core.VSpace.mut_add = in_place
        Box.types.discard(_Watched)
        Box.type_mappings.clear()
        Box.type_mappings.update(before)


@dataclass(frozen=True, eq=False)
class Program:
    """A recorded function as `run`, and the text of it."""

    run: Callable[..., Any]
    source: str


def record(function: Callable[..., Any], *arrays: Array, later: Sequence[Array] = ()) -> Program:
    """Run a function of arrays once, and return what it did as a program for these shapes.

    Args:
        function: Takes as many arrays and returns an array or a tuple of arrays.
        *arrays: Arrays of float64.
        later: Further arguments that are not known yet when the others are. The function returns a
            pair then, of which the first does not depend on them, and `run(*arrays)` returns that
            and a function of the later arguments, which returns the second.

    Raises:
        Unrecordable: If the function looks at values, or calls what autograd does not know.
    """
    top, given = trace_stack.top, (*arrays, *later)
    try:
        with _watching(), trace_stack.new_trace() as trace:
            roots = [_Recorded.new_root(number, np.shape(a)) for number, a in enumerate(given)]
            boxes = [new_box(a, trace, r) for a, r in zip(given, roots, strict=True)]
            found = function(*boxes)
            outputs = found if isinstance(found, tuple) else (found,)
            steps = [_made_by(output, trace) for output in outputs]
    except Unrecordable:
        raise
    except (TypeError, NotImplementedError, ValueError, IndexError) as error:
        raise Unrecordable(f"it cannot be recorded: {error}") from error
    finally:
        trace_stack.top = top
    source, constants = write(steps, len(arrays), len(later), isinstance(found, tuple))
    exec(compile(source, "<recorded>", "exec"), constants)
    return Program(constants["run"], source)


def _made_by(output: Any, trace: int) -> Any:
    """The step that made an output; the output itself if it does not depend on the arguments."""
    if isinstance(output, Box):
        if output._trace != trace:
            raise Unrecordable("a derivative is returned before it is whole")
        return output._node.step
    return output

"""Calling a student's function: one `Call` in, one `Outcome` out, whatever happens in between.

`perform` is the only place where student code is entered. It runs in the notebook's process, or in
the isolated child that the grader forks; the check sees the same `Outcome` either way.
"""

from __future__ import annotations

import contextlib
import functools
import io
import random
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Protocol

import numpy as np
from autograd import grad

from autograder.checks.patience import TooLong
from autograder.checks.values import NotAValue, build, named, plain


@dataclass(frozen=True)
class Call:
    """One request to an answer.

    `target` names a function, or a class when `method` is given: then the class is constructed with
    `constructor` and the method called. With `argnum`, the outcome is the gradient of the sum of
    the result in that argument. `watch` lists library functions, as "module:qualname", whose use
    during the call is to be reported.

    With a `scene`, the name of a function of `autograder.checks.scenes`, that function is called
    instead, with the answer's names as its first argument: for exercises whose functions work on
    programs and on each other's results, which are no values.
    """

    target: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    constructor: tuple[Any, ...] = ()
    method: str | None = None
    argnum: int | None = None
    watch: tuple[str, ...] = ()
    scene: str | None = None


@dataclass(frozen=True)
class Fault:
    """Why a call returned nothing.

    `kind` is "not started", "missing", "raised", "not a value", "timed out" or "crashed".
    """

    kind: str
    message: str
    error_type: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a call gave: a value or a fault, and how the answer behaved meanwhile."""

    value: Any = None
    fault: Fault | None = None
    mutated: tuple[str, ...] = ()
    global_random: bool = False
    used: tuple[str, ...] = ()
    seconds: float = 0.0


class Answer(Protocol):
    """Something that answers calls: a namespace in this process, or one behind a pipe."""

    def has(self, name: str) -> bool:
        """Whether the answer defines this name."""
        ...

    def perform(self, call: Call) -> Outcome:
        """Carry out one call; never raises for anything the student's code does."""
        ...


@dataclass(frozen=True)
class LocalAnswer:
    """An answer in this process: names and their values, such as a notebook's `globals()`."""

    namespace: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Whether the name is bound to something callable."""
        return callable(self.namespace.get(name))

    def perform(self, call: Call) -> Outcome:
        """Call the student's code here."""
        return perform(self.namespace, call)


@dataclass(frozen=True)
class Words:
    """An answer's names as attributes, for a scene; `NameError` for one that it does not define."""

    namespace: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name not in self.namespace:
            raise NameError(f"name {name!r} is not defined")
        return self.namespace[name]


def perform(namespace: Mapping[str, Any], call: Call) -> Outcome:
    """Build the arguments, call the answer, and report value, fault and behaviour.

    Prints are swallowed, warnings silenced: neither is a mistake. Ctrl-C and `TooLong`
    are passed on.
    """
    function = namespace.get(call.target)
    if not callable(function):
        return Outcome(
            fault=Fault("missing", _missing_sentence(call.target, call.target in namespace))
        )
    if call.scene is not None:
        scene = named(f"autograder.checks.scenes.{call.scene}").build()
        function = functools.partial(scene, Words(namespace))
    args, kwargs = build(call.args), build(dict(call.kwargs))
    random_state = _random_state()
    started = time.perf_counter()
    value, fault, used = None, None, set[str]()
    try:
        with _quiet(), _watching(call.watch, used):
            value = plain(_invoke(function, call, args, kwargs))
    except (KeyboardInterrupt, TooLong):
        raise
    except NotImplementedError as error:
        fault = Fault("not started", _stub_sentence(call, error), type(error).__name__)
    except NotAValue as error:
        fault = Fault("not a value", f"`{call.target}`: {error}.", "NotAValue")
    except BaseException as error:
        fault = Fault("raised", _error_sentence(call, error), type(error).__name__)
    return Outcome(
        value=value,
        fault=fault,
        mutated=_changed(call, args, kwargs),
        global_random=_random_state() != random_state,
        used=tuple(sorted(used)),
        seconds=time.perf_counter() - started,
    )


def _invoke(function: Any, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if call.method is not None:
        function = getattr(function(*build(call.constructor)), call.method)
    if call.argnum is None:
        return function(*args, **kwargs)

    def total(x: Any) -> Any:
        import autograd.numpy as anp

        replaced = (*args[: call.argnum], x, *args[call.argnum + 1 :])  # type: ignore[operator]
        return anp.sum(function(*replaced, **kwargs))

    return grad(total)(args[call.argnum])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _watching(watch: tuple[str, ...], used: set[str]) -> Iterator[None]:
    """Note which of the watched functions are entered, by the module and name of their code."""
    if not watch:
        yield
        return

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            name = f"{frame.f_globals.get('__name__', '')}:{frame.f_code.co_qualname}"
            if name in watch:
                used.add(name)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)


def _random_state() -> tuple[Any, ...]:
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002  (its use is what we look for)
    return (hash(np.asarray(keys).tobytes()), position, hash(random.getstate()))


def _changed(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ...]:
    given = [
        (f"argument {i + 1}", a, b) for i, (a, b) in enumerate(zip(call.args, args, strict=True))
    ]
    given += [(f"`{key}`", value, kwargs[key]) for key, value in call.kwargs.items()]
    return tuple(name for name, before, after in given if not _unchanged(before, after))


def _unchanged(before: Any, after: Any) -> bool:
    if isinstance(before, np.ndarray):
        return (
            isinstance(after, np.ndarray)
            and before.shape == after.shape
            and np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
        )
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(
            _unchanged(before[k], after[k]) for k in before
        )
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    if isinstance(before, (bool, int, float, str)):
        return bool(before == after) or before != before
    return True


def _missing_sentence(name: str, bound: bool) -> str:
    if bound:
        return f"`{name}` cannot be called: define it with `def {name}(...)`."
    return f"`{name}` is not defined: run the cell that defines it, then this one."


def _stub_sentence(call: Call, error: NotImplementedError) -> str:
    """Which function is not started; in a scene it may be another one than the exercise's own."""
    name = call.target
    if call.scene is not None and error.__traceback__ is not None:
        name = traceback.extract_tb(error.__traceback__)[-1].name
    if name == call.target or not name.isidentifier():
        return f"`{call.target}` is not started yet."
    return f"`{name}` is not started yet, and `{call.target}` is tried out with it."


def _error_sentence(call: Call, error: BaseException) -> str:
    name = call.target if call.method is None else f"{call.target}.{call.method}"
    where = _student_line(error)
    return f"`{name}` raised {type(error).__name__}: {str(error)[:300]}{where}"


def _student_line(error: BaseException) -> str:
    """The innermost line of the student's own code, which has no file of its own on disk."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith("<") or "ipykernel_" in frame.filename:
            text = f": {frame.line}" if frame.line else ""
            return f" (line {frame.lineno} of your cell{text})"
    return ""

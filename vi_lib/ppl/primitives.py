"""The words of the language, `sample` and `param`, and the stack of handlers that interprets them.

A model is a Python function that says these words and `plate` (`vi_lib.ppl.plates`). What they do
is decided by the handlers active around it: each word sends a message, a dictionary, to the
handlers from the innermost to the outermost; each may fill in or change an entry. If nobody has
given a value, one is drawn. Then the handlers see the message again, in the same order, with its
value. Recording, replaying and conditioning are such handlers (`vi_lib.ppl.handlers`), and so is a
plate.

The names and their meaning are those of Pyro (Bingham et al., JMLR 2019), whose own miniature,
`pyro.contrib.minipyro`, has the same design. There is no global store of parameters and no global
random number here: both are handed in, by `substitute` and `seed` (or `trace`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from vi_lib._check import Array, plain
from vi_lib.ppl._distribution import Distribution
from vi_lib.ppl._multivariate import Delta
from vi_lib.ppl._support import Support, in_support
from vi_lib.transforms import Transform, for_support

Message = dict[str, Any]


class Frame(NamedTuple):
    """A plate as a site inside it sees it: an axis of `length` rows that stand for `size`."""

    name: str
    dim: int
    size: int
    length: int


def _nothing(message: Message) -> None:
    """Leave the message as it is."""


@dataclass(eq=False)
class Handler:
    """An effect handler: what to do with a message before and after it has a value.

    Both a context manager and, given `fn`, a function that runs `fn` inside of it.

    Attributes:
        fn: The program it is wrapped around, or None.
        process: Called with the message before there is a value.
        postprocess: Called with the message when it has one.
        frame: The plate it stands for, or None.
    """

    fn: Callable[..., Any] | None = None
    process: Callable[[Message], None] = _nothing
    postprocess: Callable[[Message], None] = _nothing
    frame: Frame | None = None

    def __enter__(self) -> Handler:
        STACK.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        # Also after an exception, with all that was left open inside; a loop over a plate that was
        # abandoned may come here late, when it is no longer on the stack.
        while self in STACK and STACK.pop() is not self:
            pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `fn` inside of this handler and return what it returns."""
        if self.fn is None:
            raise ValueError("this handler wraps no function: use it in a `with` statement")
        with self:
            return self.fn(*args, **kwargs)


#: The active handlers, outermost first.
STACK: list[Handler] = []


def send(message: Message) -> Any:
    """Show a message to the active handlers, innermost first, and return its value.

    A handler that sets `message["stop"]` hides the message from those around it.
    """
    seen = []
    for handler in reversed(STACK):
        seen.append(handler)
        handler.process(message)
        if message["stop"]:
            break
    if message["value"] is None:
        message["value"] = message["default"](message)
    for handler in seen:
        handler.postprocess(message)
    return message["value"]


def sample(name: str, dist: Distribution, obs: Any = None) -> Array:
    """A random variable of the program; with `obs`, one that has been observed.

    Args:
        name: The site's name, unique in the program.
        dist: Its distribution given everything before.
        obs: The observed value, or None.

    Returns:
        `obs`, a draw, or what a handler decides.

    Raises:
        ValueError: Naming the site, if `dist` is no distribution, `obs` lies outside its support,
            or a draw is needed and no generator is at hand.
    """
    if not isinstance(name, str):
        raise ValueError(f"a site's name must be a string, got {name!r}")
    if isinstance(dist, type) or not hasattr(dist, "log_prob"):
        raise ValueError(f"site {name!r} needs a distribution, got {dist!r}")
    boxed = plain(obs) is not obs  # an observation that depends on what is differentiated
    value = obs if obs is None or boxed else np.asarray(obs, dtype=float)
    if value is not None and not np.all(in_support(dist.support, value)):
        raise ValueError(
            f"site {name!r}: obs must lie in {dist.support!r}, got {_some(plain(value))}"
        )
    return send(
        {
            "type": "sample",
            "name": name,
            "dist": dist,
            "value": value,
            "observed": obs is not None,
            "scale": 1.0,
            "plates": (),
            "enumerate": False,
            "rng": None,
            "stop": False,
            "default": lambda message: message["dist"].sample(generator(message)),
        }
    )


def deterministic(name: str, value: Any) -> Array:
    """Record a value that the program computes, such as a regression line, under a name of its own.

    It is a site observed at all its mass, so it adds 0 to the log joint; `Predictive` returns it.
    """
    return sample(name, Delta(value), obs=value)


def param(name: str, init: Any, constraint: Support = "real") -> Array:
    """A parameter to optimise: `init` until a handler (`substitute`) knows better.

    Args:
        name: The parameter's name; asking twice gives the same value.
        init: Its first value, an array or a number.
        constraint: `"real"`, `"positive"`, `"unit"`, a pair `(a, b)` or `"simplex"`.

    Returns:
        Its value, which satisfies the constraint.

    Raises:
        ValueError: Naming the parameter, if the constraint is unknown or `init` violates it.
    """
    return send(
        {
            "type": "param",
            "name": name,
            "dist": None,
            "value": None,
            "observed": False,
            "scale": 1.0,
            "plates": (),
            "rng": None,
            "stop": False,
            "default": lambda message: np.asarray(init, dtype=float),
            "init": unconstrain(name, init, constraint),
            "transform": transform_of(name, constraint),
        }
    )


def generator(message: Message) -> np.random.Generator:
    """Return the generator that a handler has put into the message.

    Raises:
        ValueError: If there is none.
    """
    if message["rng"] is None:
        raise ValueError(
            f"{message['type']} site {message['name']!r} must be drawn and there is no generator:"
            " run trace(program, rng) or seed(program, rng)"
        )
    return message["rng"]


def transform_of(name: str, constraint: Support) -> Transform:
    """Return the map between a parameter's support and the real line.

    Raises:
        ValueError: Naming the parameter, if the constraint is unknown.
    """
    try:
        return for_support(constraint)  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"param {name!r}: {error}") from None


def unconstrain(name: str, value: Any, constraint: Support) -> Array:
    """Return a parameter's value on the real line.

    Raises:
        ValueError: Naming the parameter, if the value violates the constraint.
    """
    value = np.asarray(plain(value), dtype=float)
    try:
        zeta = transform_of(name, constraint).forward(value)
    except ValueError as error:
        raise ValueError(f"param {name!r}: {error}") from None
    if not np.all(np.isfinite(zeta)):
        raise ValueError(f"param {name!r} must lie inside {constraint!r}, got {_some(value)}")
    return zeta


def _some(value: Array) -> str:
    return np.array2string(value, threshold=6, edgeitems=2)

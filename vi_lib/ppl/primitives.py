"""The three words of the language, `sample`, `param` and `plate`, and the stack that interprets them.

A model is a Python function that says these words. What they *do* is decided by the handlers active
around it: each word sends a message, a dictionary, to the handlers from the innermost to the
outermost; each may fill in or change an entry. If nobody has given a value, one is drawn. Then the
handlers see the message again, in the same order, with its value. Recording, replaying and
conditioning are such handlers (`vi_lib.ppl.handlers`), and so is a plate.

The names and their meaning are those of Pyro (Bingham et al., JMLR 2019), whose own miniature,
`pyro.contrib.minipyro`, has the same design. There is no global store of parameters and no global
random number here: both are handed in, by `substitute` and `seed` (or `trace`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from vi_lib._check import Array, plain
from vi_lib.ppl._distribution import Distribution, Support, in_support
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
        # Also after an exception, and with everything that was left open inside.
        while STACK.pop() is not self:
            pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
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
        raise ValueError(f"site {name!r}: obs must lie in {dist.support!r}, got {_some(plain(value))}")
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


class plate:  # noqa: N801  the word of the language, as in Pyro
    """Conditionally independent rows: log probabilities inside are scaled by size / subsample_size.

        with plate("data", 100, subsample_size=10) as idx:
            sample("y", Normal(mu, 1.0), obs=y[idx])

    The rows are the axis -1 of the sites inside; a plate within it gets the axis -2, and so on.
    Distributions with fewer axes are expanded. `for i in plate("data", 100)` runs through the rows
    one by one, for programs that do not broadcast.

    Attributes:
        indices: The rows of this run (subsample_size,). The model replays those of its guide.

    Args:
        name: The plate's name, a site of its own.
        size: Number of rows in all, N.
        subsample_size: Number of rows in this run, B; by default all.
        dim: Axis of the rows, negative; by default the first that is free.

    Raises:
        ValueError: Naming the plate, if a size is impossible or it is entered twice; naming the
            site, if its rows are not those of the plate.
    """

    def __init__(
        self, name: str, size: int, subsample_size: int | None = None, dim: int | None = None
    ) -> None:
        self.name, self.size, self._dim = name, size, dim
        self.length = size if subsample_size is None else subsample_size
        if not 1 <= self.length <= size:
            raise ValueError(
                f"plate {name!r} needs 1 <= subsample_size <= size,"
                f" got {self.length} of {size} rows"
            )
        if dim is not None and dim >= 0:
            raise ValueError(f"plate {name!r}: dim is counted from the right, -1, -2, got {dim}")
        self._entered: list[Handler] = []
        self.indices: Array = send(
            {
                "type": "plate",
                "name": name,
                "dist": None,
                "value": None,
                "observed": False,
                "scale": size / self.length,
                "plates": (),
                "rng": None,
                "stop": False,
                "default": self._draw,
            }
        )
        if np.shape(self.indices) != (self.length,):
            raise ValueError(
                f"plate {name!r} has {self.length} rows here and {len(self.indices)} in the"
                " program that it replays: give both the same subsample_size"
            )

    def __enter__(self) -> Array:
        if self._entered:
            raise ValueError(f"plate {self.name!r} is entered inside itself")
        taken = {handler.frame.dim for handler in STACK if handler.frame is not None}
        dim = self._dim
        if dim is None:
            dim = next(d for d in range(-1, -len(taken) - 2, -1) if d not in taken)
        elif dim in taken:
            raise ValueError(f"plate {self.name!r}: axis {dim} belongs to a plate around it")
        frame = Frame(self.name, dim, self.size, self.length)
        self._entered.append(Handler(None, lambda m: _place(m, frame), frame=frame).__enter__())
        return self.indices

    def __exit__(self, *error: object) -> None:
        self._entered.pop().__exit__(*error)

    def __iter__(self) -> Iterator[int]:
        def process(message: Message) -> None:
            if message["type"] == "sample":
                message["scale"] = message["scale"] * self.size / self.length

        for i in self.indices:
            with Handler(process=process):
                yield int(i)

    def _draw(self, message: Message) -> Array:
        if self.length == self.size:
            return np.arange(self.size)
        return np.sort(generator(message).choice(self.size, self.length, replace=False))


def _place(message: Message, frame: Frame) -> None:
    """Give a site its rows of a plate."""
    if message["type"] != "sample":
        return
    dist, value = message["dist"], message["value"]
    shape = list(dist.batch_shape)
    shape = [1] * (-frame.dim - len(shape)) + shape
    rows = [shape[frame.dim]]
    if value is not None:  # of an observation; its event's axes come after the plates'
        axis = frame.dim - dist.event_dim
        rows += [np.shape(value)[axis]] if np.ndim(value) >= -axis else []
    for got in rows:
        if got not in (1, frame.length):
            raise ValueError(
                f"site {message['name']!r} has {got} rows on axis {frame.dim}, where plate"
                f" {frame.name!r} has {frame.length}: index by the plate's indices, or declare"
                " further axes by to_event"
            )
    shape[frame.dim] = frame.length
    message["dist"] = dist.expand(tuple(shape))
    message["scale"] = message["scale"] * frame.size / frame.length
    message["plates"] = (*message["plates"], frame)


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

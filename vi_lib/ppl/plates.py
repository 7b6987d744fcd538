"""Plates: conditionally independent rows, all of them or a random subsample.

A plate is a handler as well. It gives every site inside its rows, by expanding the distribution,
and multiplies the site's scale by N / B, so that a subsample of B rows stands for all N and the
ELBO stays unbiased. Its own rows are a site of the program: the model replays those of its guide.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vi_lib._check import Array
from vi_lib.ppl.primitives import STACK, Frame, Handler, Message, generator, send


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

"""What a distribution is, and the two ways to give one a shape.

A distribution has two kinds of axes. Those of the *event* belong to one draw, as the entries of a
vector; those of the *batch* are independent draws with parameters of their own. `log_prob` returns
one number for each element of the batch.

    batch_shape + event_shape  =  shape of a draw,      log_prob: -> batch_shape

`expand` adds batch axes (a plate does it), `to_event` declares batch axes to be one event.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Protocol

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, ShapeError, SupportError, plain
from vi_lib.ppl._support import Support
from vi_lib.transforms import Transform


class Distribution(Protocol):
    """A distribution over arrays.

    A subclass is a frozen dataclass of its parameters and gives `sample`, `log_prob` and what of
    the properties differs.
    """

    @property
    def support(self) -> Support:
        """Where the draws lie; by default the real line."""
        return "real"

    @property
    def pathwise(self) -> bool:
        """Whether a draw is a differentiable function of the parameters and of noise.

        If not, as by default, gradients need the score function.
        """
        return False

    @property
    def event_dim(self) -> int:
        """Number of axes of one draw, by default 0."""
        return 0

    def sample(self, rng: onp.random.Generator, shape: tuple[int, ...] | None = None) -> Array:
        """Draw an array of batch shape `shape`, by default `batch_shape`."""

    def log_prob(self, v: Array) -> Array:
        """Return log density or log probability of v, `(*batch, *event)` -> `(*batch)`, nats."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The common shape of the parameters."""
        shapes = (onp.shape(plain(p)) for p in parameters(self).values() if p is not None)
        return onp.broadcast_shapes(*shapes)

    def expand(self, shape: tuple[int, ...]) -> Distribution:
        """Return independent copies of this distribution, of the given batch shape.

        Raises:
            ShapeError: If the present batch shape does not broadcast to it.
        """
        return self if tuple(shape) == self.batch_shape else Expanded(self, tuple(shape))

    def to_event(self, num: int = 1) -> Distribution:
        """Return the distribution in which the last `num` batch axes belong to the event.

        Raises:
            ShapeError: If there are not so many batch axes.
        """
        return Independent(self, num)


@dataclass(frozen=True, eq=False)
class Expanded(Distribution):
    """Independent copies of `base`; made by `expand`."""

    base: Distribution
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        try:
            fits = onp.broadcast_shapes(self.base.batch_shape, self.shape) == self.shape
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(f"batch shape {self.base.batch_shape} does not expand to {self.shape}")

    @property
    def support(self) -> Support:
        """That of the base."""
        return self.base.support

    @property
    def pathwise(self) -> bool:
        """As the base."""
        return self.base.pathwise

    @property
    def event_dim(self) -> int:
        """That of the base."""
        return self.base.event_dim

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape given."""
        return self.shape

    def sample(self, rng: onp.random.Generator, shape: tuple[int, ...] | None = None) -> Array:
        """Draw an array of batch shape `shape`, by default `batch_shape`."""
        return self.base.sample(rng, self.shape if shape is None else shape)

    def log_prob(self, v: Array) -> Array:
        """Return the base's log density, with the batch axes of this distribution."""
        return self.base.log_prob(v) + onp.zeros(self.shape)


@dataclass(frozen=True, eq=False)
class Independent(Distribution):
    """`base` with its last `num` batch axes as part of the event; made by `to_event`."""

    base: Distribution
    num: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.num <= len(self.base.batch_shape):
            raise ShapeError(
                f"to_event({self.num}) needs as many batch axes, got {self.base.batch_shape}"
            )

    @property
    def support(self) -> Support:
        """That of the base."""
        return self.base.support

    @property
    def pathwise(self) -> bool:
        """As the base."""
        return self.base.pathwise

    @property
    def event_dim(self) -> int:
        """The base's and `num` more."""
        return self.base.event_dim + self.num

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The base's without its last `num` axes."""
        return self.base.batch_shape[: -self.num]

    def sample(self, rng: onp.random.Generator, shape: tuple[int, ...] | None = None) -> Array:
        """Draw an array of batch shape `shape`, by default `batch_shape`."""
        shape = self.batch_shape if shape is None else shape
        return self.base.sample(rng, (*shape, *self.base.batch_shape[-self.num :]))

    def log_prob(self, v: Array) -> Array:
        """Return the sum of the base's log densities over the event's axes."""
        return np.sum(self.base.log_prob(v), axis=tuple(range(-self.num, 0)))


@dataclass(frozen=True, eq=False)
class Transformed(Distribution):
    """theta = T⁻¹(zeta) with zeta ~ base: log q(theta) = log q(zeta) - log|det d theta / d zeta|.

    Attributes:
        base: Distribution of zeta, one flat vector (D,).
        transform: T; its `inverse` maps zeta to theta.
        target: Support of theta.
        shape: Shape of one theta.
        held: How many plates' rows are among the axes of theta. A draw leaves out as many axes of
            length 1 at the right of the batch, since theta has the rows in their place: particles
            (M, 1) of 3 rows have the shape (M, 3), as in the model, and not (M, 1, 3).
    """

    base: Distribution
    transform: Transform
    target: Any
    shape: tuple[int, ...]
    held: int = 0

    @property
    def support(self) -> Support:
        """That of theta."""
        return self.target

    @property
    def pathwise(self) -> bool:
        """As the base."""
        return self.base.pathwise

    @property
    def event_dim(self) -> int:
        """Number of axes of one theta."""
        return len(self.shape)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """That of the base."""
        return self.base.batch_shape

    def theta(self, zeta: Array) -> Array:
        """Map zeta (..., D) to theta `(..., *shape)`, without the axes that are `held`."""
        leading = np.shape(zeta)[:-1]
        rows = np.reshape(zeta, (*leading, math.prod(self.shape) // self._width, -1))
        kept = leading[: max(0, len(leading) - self.held)]
        return np.reshape(self.transform.inverse(rows), (*kept, *self.shape))

    def zeta(self, theta: Array) -> Array:
        """Map theta `(..., *shape)` to zeta (..., D), with the axes that are `held`."""
        leading = np.shape(theta)[: np.ndim(theta) - len(self.shape)]
        leading = (*leading, *(1,) * self.held) if leading else ()
        zeta = self.transform.forward(np.reshape(theta, (*leading, -1, self._width)))
        return np.reshape(zeta, (*leading, -1))

    def sample(self, rng: onp.random.Generator, shape: tuple[int, ...] | None = None) -> Array:
        """Draw zeta and map it."""
        return self.theta(self.base.sample(rng, shape))

    def log_prob(self, v: Array) -> Array:
        """Return log q(zeta) - log|det d theta / d zeta| at zeta = T(v), nats."""
        zeta = self.zeta(v)
        rows = np.reshape(zeta, (*np.shape(zeta)[:-1], math.prod(self.shape) // self._width, -1))
        jacobian = np.sum(self.transform.log_abs_det_jacobian(rows), axis=-1)
        return self.base.log_prob(zeta) - jacobian

    @property
    def _width(self) -> int:
        """How many entries of theta the transform maps together: a whole simplex, or all."""
        whole = self.target not in ("simplex", "ordered")
        return math.prod(self.shape) if whole else self.shape[-1]


def parameters(dist: Distribution) -> dict[str, Any]:
    """Return a distribution's parameters by name."""
    return {field.name: getattr(dist, field.name) for field in fields(dist)}  # type: ignore[arg-type]


def check_parameters(dist: Distribution, *positive: str) -> None:
    """Turn lists into arrays, and raise if a parameter that must be positive is negative.

    Zeros and NaN pass: a fit that underflows must see a density that is not finite, so that it can
    say where, and not an exception out of the model's depths.

    Raises:
        SupportError: Naming distribution and parameter.
    """
    for name, value in parameters(dist).items():
        if isinstance(value, list):
            object.__setattr__(dist, name, onp.asarray(value, dtype=float))
    for name in positive:
        value = onp.asarray(plain(getattr(dist, name)))
        if onp.any(value < 0.0):
            raise SupportError(
                f"{type(dist).__name__}'s {name} must be positive, got {onp.min(value)}"
            )

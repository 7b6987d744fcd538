"""What a distribution is, and the two ways to give one a shape.

A distribution has two kinds of axes. Those of the *event* belong to one draw, as the entries of a
vector; those of the *batch* are independent draws with parameters of their own. `log_prob` returns
one number for each element of the batch.

    batch_shape + event_shape  =  shape of a draw,      log_prob: -> batch_shape

`expand` adds batch axes (a plate does it), `to_event` declares batch axes to be one event.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeAlias

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, ShapeError, SupportError, plain
from vi_lib.transforms import Transform

Support: TypeAlias = "str | tuple[float, float] | range"
"""`"real"`, `"positive"`, `"unit"`, a pair `(a, b)`, `"simplex"`, `"ordered"`, `"count"` (0, 1, 2,
...), `range(n)` for 0 to n - 1, or `"any"`."""

#: How far the entries of a point on the simplex may miss the sum 1.
SIMPLEX_SLACK = 1e-8


class Distribution(Protocol):
    """A distribution over arrays.

    Attributes:
        support: Where its draws lie.
        pathwise: Whether a draw is a differentiable function of the parameters and of noise; if
            not, gradients need the score function.
        event_dim: Number of axes of one draw.
    """

    support: Any = "real"
    pathwise: bool = False
    event_dim: int = 0

    def sample(self, rng: onp.random.Generator, shape: tuple[int, ...] | None = None) -> Array:
        """Draw an array of batch shape `shape`, by default `batch_shape`."""

    def log_prob(self, v: Array) -> Array:
        """Return the log density or log probability of v, one for each batch element, nats."""

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
        base: Distribution of zeta, with the axes of zeta as its event, (D,).
        transform: T; its `inverse` maps zeta to theta.
        target: Support of theta.
        shape: Shape of one theta; zeta is flat.
    """

    base: Distribution
    transform: Transform
    target: Any
    shape: tuple[int, ...]

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

    def sample(self, rng: onp.random.Generator, shape: tuple[int, ...] | None = None) -> Array:
        """Draw zeta and map it."""
        zeta = self.base.sample(rng, shape)
        theta = self.transform.inverse(zeta)
        return np.reshape(theta, (*np.shape(zeta)[:-1], *self.shape))

    def log_prob(self, v: Array) -> Array:
        """Return log q(zeta) - log|det d theta / d zeta| at zeta = T(v), nats."""
        leading = np.shape(v)[: np.ndim(v) - len(self.shape)]
        zeta = self.transform.forward(np.reshape(v, (*leading, -1)))
        return self.base.log_prob(zeta) - self.transform.log_abs_det_jacobian(zeta)


def parameters(dist: Distribution) -> dict[str, Any]:
    """Return a distribution's parameters by name."""
    return {field.name: getattr(dist, field.name) for field in fields(dist)}  # type: ignore[arg-type]


def in_support(support: Support, v: Array) -> Array:
    """Return whether v lies in the closure of a support, entry by entry (rows of a simplex)."""
    v = onp.asarray(plain(v))
    if support == "any":
        return onp.full(onp.shape(v), True)
    if isinstance(support, range):
        return (v >= support.start) & (v < support.stop) & (v == onp.floor(v))
    if support == "count":
        return (v >= 0) & (v == onp.floor(v))
    if support == "simplex":
        return onp.all(v >= 0.0, axis=-1) & (onp.abs(onp.sum(v, axis=-1) - 1.0) <= SIMPLEX_SLACK)
    if support == "ordered":
        return onp.all(onp.diff(v, axis=-1) >= 0.0, axis=-1)
    low, high = _ends(support)
    return (v >= low) & (v <= high)  # NaN is in no support


def contains(outer: Support, inner: Support) -> bool:
    """Return whether every point of the support `inner` is one of `outer`."""
    if outer == inner or "any" in (outer, inner):
        return True
    if isinstance(inner, range) and (outer == "count" or isinstance(outer, range)):
        return inner.start >= 0 and (outer == "count" or inner.stop <= outer.stop)  # type: ignore[union-attr]
    if is_discrete(outer) or is_discrete(inner) or outer in ("simplex", "ordered"):
        return False
    if inner in ("simplex", "ordered"):
        inner = "unit" if inner == "simplex" else "real"
    (low, high), (least, most) = _ends(outer), _ends(inner)
    return low <= least and most <= high


def is_discrete(support: Support) -> bool:
    """Return whether a support has gaps, so that no gradient passes through its points."""
    return isinstance(support, range) or support == "count"


def require_not_negative(dist: Distribution, *names: str) -> None:
    """Raise if a parameter that must be positive is negative.

    Zeros and NaN pass: a fit that underflows must see a density that is not finite, so that it can
    say where, and not an exception out of the model's depths.

    Raises:
        SupportError: Naming distribution and parameter.
    """
    for name in names:
        value = onp.asarray(plain(getattr(dist, name)))
        if onp.any(value < 0.0):
            raise SupportError(
                f"{type(dist).__name__}'s {name} must be positive, got {onp.min(value)}"
            )


def _ends(support: Support) -> tuple[float, float]:
    if isinstance(support, tuple):
        return support
    return {"positive": (0.0, onp.inf), "unit": (0.0, 1.0)}.get(str(support), (-onp.inf, onp.inf))

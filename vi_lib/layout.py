"""Where each named parameter sits in the flat vector of unconstrained coordinates.

A model speaks of parameters with names, shapes and supports; a variational family speaks of
zeta (..., D). `Layout` translates: parameters in the order of the dictionary, each flattened row by
row, each with the transform of its support. A simplex of K entries takes K - 1 coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, ShapeError, SupportError, require_shape
from vi_lib.transforms import Identity, Transform, VectorTransform, for_support

#: Names under which people declare a parameter that has no unconstrained scale.
DISCRETE = ("binary", "boolean", "categorical", "count", "discrete", "integer", "natural")


@dataclass(frozen=True)
class Param:
    """One parameter of a model.

    Attributes:
        shape: Shape of one value; () is a number.
        support: `"real"`, `"positive"`, `"unit"` or a pair `(a, b)`, for each entry; or, for each
            vector on the last axis of the shape, `"simplex"` or `"ordered"`.
        transform: Used in place of the support's default transform, as `Softplus()` for `Log()`.

    Raises:
        ShapeError: Unless the shape is a tuple of whole numbers, at least 1.
    """

    shape: tuple[int, ...] = ()
    support: str | tuple[float, float] = "real"
    transform: Transform | None = None

    def __post_init__(self) -> None:
        whole = isinstance(self.shape, tuple) and all(
            isinstance(n, (int, onp.integer)) and n >= 1 for n in self.shape
        )
        if not whole:
            raise ShapeError(
                f"shape must be a tuple of whole numbers, at least 1, got {self.shape!r};"
                ' a number with a support is Param(support="positive")'
            )

    @property
    def size(self) -> int:
        """Number of entries of one value."""
        return math.prod(self.shape)

    @property
    def zeta_shape(self) -> tuple[int, ...]:
        """Shape of one value's unconstrained coordinates; the same but for a simplex.

        Raises:
            ShapeError: If the support is one of vectors and the shape has no such vector.
        """
        transform = self.bijection
        if not isinstance(transform, VectorTransform):
            return self.shape
        if not self.shape:
            raise ShapeError(f"{transform!r} needs a vector: shape (..., K), got ()")
        return (*self.shape[:-1], transform.zeta_size(self.shape[-1]))

    @property
    def dim(self) -> int:
        """Number of unconstrained coordinates."""
        return math.prod(self.zeta_shape)

    @property
    def bijection(self) -> Transform:
        """The transform between the support and the real line."""
        return for_support(self.support) if self.transform is None else self.transform


@dataclass(frozen=True)
class Layout:
    """Named parameters laid out on a vector of D real numbers.

    Attributes:
        params: Name -> `Param`, in the order of the coordinates.

    Raises:
        SupportError: If there are no parameters or one has a discrete or an unknown support.
        ShapeError: If a parameter's shape does not suit its support.
    """

    params: Mapping[str, Param]

    def __post_init__(self) -> None:
        if not self.params:
            raise SupportError("a model needs at least one parameter, got none")
        for name, param in self.params.items():
            if param.transform is None and param.support in DISCRETE:
                raise SupportError(
                    f"parameter {name!r} is discrete ({param.support!r}): it has no unconstrained"
                    " scale and no gradient. Sum it out of the likelihood, or estimate its"
                    " distribution with the score function"
                )
            try:
                param.dim  # noqa: B018  evaluated for its errors
            except (SupportError, ShapeError) as error:
                raise type(error)(f"parameter {name!r}: {error}") from None

    @cached_property
    def dim(self) -> int:
        """Number of coordinates D."""
        return sum(param.dim for param in self.params.values())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of each entry of theta: `sd` for a number, `beta[0]`, `w[1,2]` for arrays."""
        return tuple(
            entry for name, param in self.params.items() for entry in _entries(name, param.shape)
        )

    @cached_property
    def coordinates(self) -> tuple[str, ...]:
        """Name of each of the D unconstrained coordinates, in the order of zeta.

        That of its entry of theta, except for a simplex, whose K - 1 coordinates belong to no
        single entry: `pi.stick[0]` to `pi.stick[K-2]`.
        """
        return tuple(
            entry
            for name, param in self.params.items()
            for entry in _entries(
                name if param.zeta_shape == param.shape else f"{name}.stick", param.zeta_shape
            )
        )

    @cached_property
    def _places(self) -> tuple[_Place, ...]:
        ends = onp.cumsum([param.dim for param in self.params.values()])
        return tuple(
            _Place(
                name,
                param.shape,
                param.zeta_shape,
                param.bijection,
                slice(int(end) - param.dim, int(end)),
                len(param.shape) > 1 and isinstance(param.bijection, VectorTransform),
            )
            for (name, param), end in zip(self.params.items(), ends, strict=True)
        )

    def constrain(self, zeta: Array) -> dict[str, Array]:
        """Map zeta (..., D) to a dictionary name -> theta ``(..., *shape)``."""
        require_shape("zeta", zeta, (..., self.dim))
        leading = np.shape(zeta)[:-1]
        return {
            at.name: at.transform.inverse(np.reshape(zeta[..., at.place], leading + at.zeta_shape))
            for at in self._places
        }

    def unconstrain(self, theta: Mapping[str, Any]) -> Array:
        """Map a dictionary name -> theta ``(..., *shape)`` to zeta (..., D).

        Raises:
            ShapeError: If a name is missing or unknown or a shape does not fit.
            SupportError: If a value lies outside its support.
        """
        if set(theta) != set(self.params):
            raise ShapeError(
                f"theta must hold the parameters {', '.join(self.params)}, got {', '.join(theta)}"
            )
        columns = []
        for at in self._places:
            value = onp.asarray(theta[at.name], dtype=float)
            require_shape(f"theta[{at.name!r}]", value, (..., *at.shape))
            leading = value.shape[: value.ndim - len(at.shape)]
            try:
                zeta = onp.asarray(at.transform.forward(value))
            except SupportError as error:
                raise SupportError(f"theta[{at.name!r}]: {error}") from None
            columns.append(zeta.reshape((*leading, math.prod(at.zeta_shape))))
        return onp.concatenate(columns, axis=-1)

    def start(self, values: Mapping[str, Any]) -> Array:
        """Return the zeta (D,) of a starting point that is given by name, theta's own scale.

        Parameters that are not named start at zeta = 0: 0 for a real one, 1 for a positive one.

        Raises:
            ShapeError: If a name is unknown or a shape does not fit.
            SupportError: If a value lies outside its support or on its boundary.
        """
        unknown = [name for name in values if name not in self.params]
        if unknown:
            raise ShapeError(
                f"start names {', '.join(unknown)}; the parameters are {', '.join(self.params)}"
            )
        at_zero = self.constrain(onp.zeros(self.dim))
        shapes = {name: param.shape for name, param in self.params.items()}
        given = {name: onp.asarray(value, dtype=float) for name, value in values.items()}
        for name, value in given.items():
            if value.shape not in ((), shapes[name]):
                raise ShapeError(
                    f"start[{name!r}] must have shape {shapes[name]} or be a number,"
                    f" got {value.shape}"
                )
            given[name] = onp.broadcast_to(value, shapes[name])
        zeta = onp.asarray(self.unconstrain({**at_zero, **given}))
        for name, value in zip(self.coordinates, zeta, strict=True):
            if not onp.isfinite(value):
                raise SupportError(
                    f"start must lie inside the support of {name}, its boundary excluded, got"
                    f" {value} on the real line"
                )
        return zeta

    def log_abs_det_jacobian(self, zeta: Array) -> Array:
        """Return log|det d theta / d zeta|, (..., D) -> (...)."""
        require_shape("zeta", zeta, (..., self.dim))
        leading = np.shape(zeta)[:-1]
        total = onp.zeros(leading)
        for at in self._places:
            if isinstance(at.transform, Identity):  # it adds 0 and costs time in every step
                continue
            block = zeta[..., at.place]
            if at.many_vectors:
                each = at.transform.log_abs_det_jacobian(np.reshape(block, leading + at.zeta_shape))
                total = total + np.sum(each, axis=tuple(range(len(leading), np.ndim(each))))
            else:
                total = total + at.transform.log_abs_det_jacobian(block)
        return total


@dataclass(frozen=True)
class _Place:
    """One parameter and its slice of zeta."""

    name: str
    shape: tuple[int, ...]
    zeta_shape: tuple[int, ...]
    transform: Transform
    place: slice
    many_vectors: bool


def _entries(name: str, shape: tuple[int, ...]) -> list[str]:
    """`name` for a number, `name[0]`, `name[1,2]` for the entries of an array."""
    brackets = (f"[{','.join(map(str, index))}]" for index in onp.ndindex(*shape))
    return [name + where for where in brackets] if shape else [name]


def unnamed(dim: int) -> Layout:
    """The layout of a bare log density: one real parameter `z` of shape (D,)."""
    return Layout({"z": Param((dim,))})

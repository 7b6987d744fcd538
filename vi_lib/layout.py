"""Where each named parameter sits in the flat vector of unconstrained coordinates.

A model speaks of parameters with names, shapes and supports; a variational family speaks of
zeta (..., D). `Layout` translates: parameters in the order of the dictionary, each flattened row by
row, each with the transform of its support.
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
from vi_lib.transforms import Identity, Transform, for_support

#: Names under which people declare a parameter that has no unconstrained scale.
DISCRETE = ("binary", "boolean", "categorical", "count", "discrete", "integer", "natural")


@dataclass(frozen=True)
class Param:
    """One parameter of a model.

    Attributes:
        shape: Shape of one value; () is a number.
        support: `"real"`, `"positive"`, `"unit"` or a pair `(a, b)`, for each entry.
        transform: Used in place of the support's default transform, as `Softplus()` for `Log()`.
    """

    shape: tuple[int, ...] = ()
    support: str | tuple[float, float] = "real"
    transform: Transform | None = None

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return math.prod(self.shape)

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
                param.bijection  # noqa: B018  evaluated for its error
            except SupportError as error:
                raise SupportError(f"parameter {name!r}: {error}") from None

    @cached_property
    def dim(self) -> int:
        """Number of coordinates D."""
        return sum(param.size for param in self.params.values())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of each coordinate: `sd` for a number, `beta[0]`, `w[1,2]` for entries of arrays."""
        return tuple(
            name + (f"[{','.join(map(str, index))}]" if param.shape else "")
            for name, param in self.params.items()
            for index in onp.ndindex(*param.shape)
        )

    @cached_property
    def coordinates(self) -> tuple[str, ...]:
        """Name of each unconstrained coordinate, in the order of zeta."""
        return self.names

    @cached_property
    def _places(self) -> tuple[tuple[str, Param, Transform, slice], ...]:
        ends = onp.cumsum([param.size for param in self.params.values()])
        return tuple(
            (name, param, param.bijection, slice(int(end) - param.size, int(end)))
            for (name, param), end in zip(self.params.items(), ends, strict=True)
        )

    def constrain(self, zeta: Array) -> dict[str, Array]:
        """Map zeta (..., D) to a dictionary name -> theta (..., *shape)."""
        require_shape("zeta", zeta, (..., self.dim))
        leading = np.shape(zeta)[:-1]
        return {
            name: np.reshape(transform.inverse(zeta[..., place]), leading + param.shape)
            for name, param, transform, place in self._places
        }

    def unconstrain(self, theta: Mapping[str, Any]) -> Array:
        """Map a dictionary name -> theta (..., *shape) to zeta (..., D).

        Raises:
            ShapeError: If a name is missing or unknown or a shape does not fit.
            SupportError: If a value lies outside its support.
        """
        if set(theta) != set(self.params):
            raise ShapeError(
                f"theta must hold the parameters {', '.join(self.params)}, got {', '.join(theta)}"
            )
        columns = []
        for name, param, transform, _ in self._places:
            value = onp.asarray(theta[name], dtype=float)
            require_shape(f"theta[{name!r}]", value, (..., *param.shape))
            leading = value.shape[: value.ndim - len(param.shape)]
            try:
                columns.append(transform.forward(value.reshape((*leading, param.size))))
            except SupportError as error:
                raise SupportError(f"theta[{name!r}]: {error}") from None
        return onp.concatenate(columns, axis=-1)

    def log_abs_det_jacobian(self, zeta: Array) -> Array:
        """Return log|det d theta / d zeta|, (..., D) -> (...)."""
        require_shape("zeta", zeta, (..., self.dim))
        total = onp.zeros(np.shape(zeta)[:-1])
        for _, _, transform, place in self._places:
            if not isinstance(transform, Identity):  # it adds 0 and costs time in every step
                total = total + transform.log_abs_det_jacobian(zeta[..., place])
        return total


def unnamed(dim: int) -> Layout:
    """The layout of a bare log density: one real parameter `z` of shape (D,)."""
    return Layout({"z": Param((dim,))})

"""A model: named parameters, a prior, a likelihood per observation, data.

Variational inference needs one function, the log joint on the unconstrained scale,

    log p(zeta) = log p(theta) + sum_i log p(x_i | theta) + log|det d theta / d zeta|,

with theta = T^{-1}(zeta) (Kucukelbir et al., JMLR 2017, eq. (4)). The likelihood is given per
observation, so a minibatch is a matter of this module alone: it takes B of the N terms and
multiplies their sum by N / B.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, ShapeError, require_shape
from vi_lib._replay import OfArrays, recordable
from vi_lib.estimators import LogDensity
from vi_lib.layout import Layout, Param

__all__ = ["Model", "Param", "Target"]

Theta = dict[str, Array]
Data = Array | Mapping[str, Array]


@runtime_checkable
class Target(Protocol):
    """What `advi` and `dadvi` need of a model: a `Model`, or a program that `ppl.compile` made."""

    @property
    def layout(self) -> Layout:
        """Where each parameter sits in zeta."""

    @property
    def dim(self) -> int:
        """Number of unconstrained coordinates D."""

    def log_p(self, zeta: Array) -> Array:
        """Return the log joint on the unconstrained scale, (..., D) -> (...), nats."""


@dataclass(frozen=True, eq=False)
class Model:
    """A probabilistic model in plain functions.

    Attributes:
        params: Name -> `Param(shape, support)`.
        log_prior: theta -> (M,), in nats. theta maps each name to M values, `(M, *shape)`.
        log_lik: (theta, data) -> (M, N), the log density of each observation, in nats.
        data: An array whose first axis is the observation, or a dictionary of such arrays.
            Constants belong into the functions themselves.
        simulate: (theta, data, rng) -> (M, N, ...), new observations for each of the M values of
            theta, at the covariates in `data`; needed for posterior predictive draws alone.

    Raises:
        SupportError: If a parameter is discrete or its support is unknown.
        ShapeError: If the arrays of `data` differ in their number of rows.
    """

    params: Mapping[str, Param]
    log_prior: Callable[[Theta], Array]
    log_lik: Callable[[Theta, Any], Array]
    data: Data
    simulate: Callable[[Theta, Any, onp.random.Generator], Array] | None = None

    def __post_init__(self) -> None:
        self.layout.dim  # noqa: B018  evaluated for its errors
        self.num_data  # noqa: B018  and so are the data's rows

    @cached_property
    def layout(self) -> Layout:
        """Where each parameter sits in zeta."""
        return Layout(self.params)

    @cached_property
    def arrays(self) -> Data:
        """The data as arrays, what the functions are given."""
        return arrays_of(self.data)

    @property
    def dim(self) -> int:
        """Number of unconstrained coordinates D."""
        return self.layout.dim

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each coordinate."""
        return self.layout.names

    @cached_property
    def num_data(self) -> int:
        """Number of observations N."""
        return num_rows(self.data)

    def constrain(self, zeta: Array) -> Theta:
        """Map zeta (..., D) to name -> theta `(..., *shape)`."""
        return self.layout.constrain(zeta)

    def unconstrain(self, theta: Mapping[str, Any]) -> Array:
        """Map name -> theta `(..., *shape)` to zeta (..., D)."""
        return self.layout.unconstrain(theta)

    @recordable
    def log_p(self, zeta: Array) -> Array:
        """Log joint on the unconstrained scale, (..., D) -> (...), in nats."""
        return self._log_joint(zeta, self.arrays, self.num_data)

    def pointwise_log_lik(self, theta: Theta, data: Data | None = None) -> Array:
        """The log density of each observation, never multiplied by N / B, in nats.

        Args:
            theta: Name -> `(M, *shape)`, such as the draws of `Result.sample`.
            data: Other observations of the same form; by default the model's own.

        Returns:
            (M, N) for the N observations of `data`.

        Raises:
            ShapeError: If theta or data do not fit the model, or log_lik's value has another shape.
        """
        if set(theta) != set(self.params):
            raise ShapeError(
                f"theta must hold the parameters {', '.join(self.params)}, got {', '.join(theta)}"
            )
        num_draws = len(next(iter(theta.values())))
        for name, param in self.params.items():
            require_shape(f"theta[{name!r}]", theta[name], (num_draws, *param.shape))
        arrays = self.arrays if data is None else arrays_of(data)
        wanted = (num_draws, num_rows(arrays))
        log_lik = self.log_lik(theta, arrays)
        require_shape("log_lik's value", log_lik, wanted)
        return log_lik

    def start(self, values: Mapping[str, Any]) -> Array:
        """Return the zeta (D,) of a starting point that is given by name, theta's own scale.

        Parameters that are not named start at zeta = 0: 0 for a real one, 1 for a positive one.

        Raises:
            ShapeError: If a name is unknown or a shape does not fit.
            SupportError: If a value lies outside its support or on its boundary.
        """
        return self.layout.start(values)

    def minibatch(self, idx: Array) -> LogDensity:
        """The log joint estimated from the observations `idx` (B,).

        The likelihood's sum over the batch is multiplied by N / B, so the mean over all batches of
        one size is `log_p`.

        Raises:
            ShapeError: If `idx` is not a vector of at least one index.
            IndexError: If an index is not among 0..N-1.
        """
        idx = onp.asarray(idx)
        require_shape("idx", idx, ("B",))
        if len(idx) == 0:
            raise ShapeError("idx must name at least one observation, got none")
        if idx.min() < 0 or idx.max() >= self.num_data:
            raise IndexError(
                f"idx must lie in 0..{self.num_data - 1}, got {idx.min()} to {idx.max()}"
            )
        columns = self.arrays.values() if isinstance(self.arrays, Mapping) else (self.arrays,)
        return OfArrays(self._of_columns, tuple(values[idx] for values in columns))

    def _of_columns(self, zeta: Array, *columns: Array) -> Array:
        """The log joint of other rows, given in the order of the model's own arrays."""
        arrays = self.arrays
        mapping = isinstance(arrays, Mapping)
        batch: Any = dict(zip(arrays, columns, strict=True)) if mapping else columns[0]
        return self._log_joint(zeta, batch, len(columns[0]))

    def _log_joint(self, zeta: Array, data: Data, size: int) -> Array:
        require_shape("zeta", zeta, (..., self.dim))
        leading = np.shape(zeta)[:-1]
        rows = np.reshape(zeta, (-1, self.dim))
        theta = self.layout.constrain(rows)
        num_draws = np.shape(rows)[0]
        log_prior = self.log_prior(theta)
        require_shape("log_prior's value", log_prior, (num_draws,))
        log_lik = self.log_lik(theta, data)
        require_shape("log_lik's value", log_lik, (num_draws, size))
        scale = self.num_data / size
        total = log_prior + scale * np.sum(log_lik, axis=-1)
        return np.reshape(total + self.layout.log_abs_det_jacobian(rows), leading)


def arrays_of(data: Any) -> Data:
    """The data with every sequence or table column as an array; an array is not copied."""
    if isinstance(data, Mapping):
        return {name: onp.asarray(values) for name, values in data.items()}
    return onp.asarray(data)


def num_rows(data: Any) -> int:
    """Number of observations in the data.

    Raises:
        ShapeError: If there is none, one array is a single number or the arrays differ.
    """
    arrays = arrays_of(data)
    columns = arrays if isinstance(arrays, Mapping) else {"data": arrays}
    for name, values in columns.items():
        require_shape(name, values, ("N", *values.shape[1:]))
    rows = {name: len(values) for name, values in columns.items()}
    if len(set(rows.values())) != 1 or 0 in rows.values():
        got = ", ".join(f"{name} has {n}" for name, n in rows.items())
        raise ShapeError(f"data must have one row per observation: {got or 'there is none'}")
    return next(iter(rows.values()))

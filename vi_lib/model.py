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
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, ShapeError, require_shape
from vi_lib.estimators import LogDensity
from vi_lib.layout import Layout, Param

__all__ = ["Model", "Param"]

Theta = dict[str, Array]
Data = Array | Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Model:
    """A probabilistic model in plain functions.

    Attributes:
        params: Name -> `Param(shape, support)`.
        log_prior: theta -> (M,), in nats. theta maps each name to M values, (M, *shape).
        log_lik: (theta, data) -> (M, N), the log density of each observation, in nats.
        data: An array whose first axis is the observation, or a dictionary of such arrays.
            Constants belong into the functions themselves.

    Raises:
        SupportError: If a parameter is discrete or its support is unknown.
        ShapeError: If the arrays of `data` differ in their number of rows.
    """

    params: Mapping[str, Param]
    log_prior: Callable[[Theta], Array]
    log_lik: Callable[[Theta, Any], Array]
    data: Data

    def __post_init__(self) -> None:
        self.layout.dim  # noqa: B018  evaluated for its errors
        rows = {name: len(onp.atleast_1d(values)) for name, values in self._columns().items()}
        if len(set(rows.values())) != 1 or 0 in rows.values():
            got = ", ".join(f"{name} has {n}" for name, n in rows.items())
            raise ShapeError(f"data must have one row per observation: {got or 'there is none'}")

    @cached_property
    def layout(self) -> Layout:
        """Where each parameter sits in zeta."""
        return Layout(self.params)

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
        return len(next(iter(self._columns().values())))

    def constrain(self, zeta: Array) -> Theta:
        """Map zeta (..., D) to name -> theta (..., *shape)."""
        return self.layout.constrain(zeta)

    def unconstrain(self, theta: Mapping[str, Any]) -> Array:
        """Map name -> theta (..., *shape) to zeta (..., D)."""
        return self.layout.unconstrain(theta)

    def log_p(self, zeta: Array) -> Array:
        """Log joint on the unconstrained scale, (..., D) -> (...), in nats."""
        return self._log_joint(zeta, self.data, self.num_data)

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
        if isinstance(self.data, Mapping):
            batch: Data = {name: values[idx] for name, values in self._columns().items()}
        else:
            batch = onp.asarray(self.data)[idx]
        return lambda zeta: self._log_joint(zeta, batch, len(idx))

    def _log_joint(self, zeta: Array, data: Data, num_rows: int) -> Array:
        require_shape("zeta", zeta, (..., self.dim))
        leading = np.shape(zeta)[:-1]
        rows = np.reshape(zeta, (-1, self.dim))
        theta = self.layout.constrain(rows)
        num_draws = np.shape(rows)[0]
        log_prior = self.log_prior(theta)
        require_shape("log_prior's value", log_prior, (num_draws,))
        log_lik = self.log_lik(theta, data)
        require_shape("log_lik's value", log_lik, (num_draws, num_rows))
        scale = self.num_data / num_rows
        total = log_prior + scale * np.sum(log_lik, axis=-1)
        return np.reshape(total + self.layout.log_abs_det_jacobian(rows), leading)

    def _columns(self) -> dict[str, Array]:
        if isinstance(self.data, Mapping):
            return {name: onp.asarray(values) for name, values in self.data.items()}
        return {"data": onp.asarray(self.data)}

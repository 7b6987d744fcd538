"""The sweeps of E3.2, with the places where answers differ as arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograder.checks.protocol import Implementation

Array = Any


class Case(NamedTuple):
    """The arguments, as floats; prior_prec (D,)."""

    X: Array
    y: Array
    prior: Array
    noise: float
    num_sweeps: int

    @property
    def squares(self) -> Array:
        """The sums of x_ij^2 (D,)."""
        return np.sum(self.X**2, axis=0)

    @property
    def prec(self) -> Array:
        """The precisions of q (D,)."""
        return self.prior + self.noise * self.squares

    @property
    def exact_prec(self) -> Array:
        """The exact precision matrix (D, D)."""
        return np.diag(self.prior) + self.noise * self.X.T @ self.X


def case(X: Array, y: Array, prior_prec: Any, noise_prec: float, num_sweeps: int) -> Case:
    X = np.asarray(X, float)
    prior = np.full(X.shape[1], prior_prec, dtype=float)
    return Case(X, np.asarray(y, float), prior, noise_prec, num_sweeps)


def without_own(c: Case, mean: Array, j: int) -> Array:
    """The residual from which the own coordinate has been taken out, as it should be."""
    return c.y - c.X @ mean + c.X[:, j] * mean[j]


def with_own(c: Case, mean: Array, j: int) -> Array:
    return c.y - c.X @ mean


def own_out_twice(c: Case, mean: Array, j: int) -> Array:
    return c.y - c.X @ mean - c.X[:, j] * mean[j]


def earlier_only(c: Case, mean: Array, j: int) -> Array:
    return c.y - c.X[:, :j] @ mean[:j]


def nothing_out(c: Case, mean: Array, j: int) -> Array:
    return c.y


def full(c: Case) -> Array:
    return c.prec


def sweeps(
    *,
    residual: Callable[[Case, Array, int], Array] = without_own,
    divisor: Callable[[Case], Array] = full,
    prec: Callable[[Case], Array] = full,
    weight: Callable[[Case], float] = lambda c: c.noise,
    jacobi: bool = False,
    added: bool = False,
    count: Callable[[int], int] = lambda n: n,
    order: Callable[[int], Sequence[int]] = range,
    dtype: Callable[[Array], Any] = lambda X: float,
    start: Callable[[Case], Array] = lambda c: np.zeros(len(c.prior)),
) -> Implementation:
    """Coordinate ascent, with the places where answers differ as arguments."""

    def cavi_linreg(*arguments: Any) -> tuple[Array, Array]:
        c = case(*arguments)
        kind = dtype(np.asarray(arguments[0]))
        mean = start(c).astype(kind)
        below = divisor(c)
        for _ in range(count(c.num_sweeps)):
            old = mean.copy() if jacobi else mean
            for j in order(len(mean)):
                value = weight(c) * (c.X[:, j] @ residual(c, old, j)) / below[j]
                mean[j] = mean[j] + value if added else value
        return mean, prec(c).astype(kind)

    return {"cavi_linreg": cavi_linreg}

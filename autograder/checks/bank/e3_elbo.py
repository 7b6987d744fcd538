"""The ELBO of E3.3 as a sum of three terms, any of which may be replaced.

Written for the bank alone, without a function of the library: it also tests the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation

Array = Any
LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class At:
    """The arguments of E3.3."""

    X: Array
    y: Array
    prior_prec: Any
    noise_prec: float
    mean: Array
    prec: Array

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As the exercise's function takes them."""
        return self.X, self.y, self.prior_prec, self.noise_prec, self.mean, self.prec

    def change(self, **changed: Any) -> At:
        """The same with other values of some arguments."""
        return replace(self, **changed)

    @property
    def count(self) -> int:
        """N."""
        return len(self.y)

    @property
    def dim(self) -> int:
        """D."""
        return int(np.shape(self.X)[1])

    @property
    def prior(self) -> Array:
        """The prior precisions (D,)."""
        return np.full(self.dim, self.prior_prec, dtype=float)

    @property
    def var(self) -> Array:
        """The variances of q (D,)."""
        return 1.0 / np.asarray(self.prec, float)

    @property
    def residuals(self) -> float:
        """The sum of (y_i - x_i' mean)^2."""
        return float(np.sum((self.y - self.X @ np.asarray(self.mean, float)) ** 2))

    @property
    def spread(self) -> float:
        """The sum of Var[x_i' beta] under q."""
        return float(np.sum(np.asarray(self.X, float) ** 2 @ self.var))


Term = Callable[[At], float]


def log_lik(at: At, squares: float, log_noise: float | None = None) -> float:
    log_noise = float(np.log(at.noise_prec)) if log_noise is None else log_noise
    return 0.5 * (at.count * (log_noise - LOG_2PI) - at.noise_prec * squares)


def log_prior(at: At, squares: Array) -> float:
    return float(0.5 * np.sum(np.log(at.prior) - LOG_2PI - at.prior * squares))


def entropy(at: At) -> float:
    return float(0.5 * np.sum(1.0 + LOG_2PI - np.log(at.prec)))


RIGHT_TERMS: dict[str, Term] = {
    "log_lik": lambda at: log_lik(at, at.residuals + at.spread),
    "log_prior": lambda at: log_prior(at, np.asarray(at.mean, float) ** 2 + at.var),
    "entropy": entropy,
}


def elbo(**changed: Term) -> Implementation:
    """The exercise's function with some of its terms replaced."""
    terms = RIGHT_TERMS | changed

    def elbo_linreg(*arguments: Any) -> float:
        at = At(*arguments)
        return sum(term(at) for term in terms.values())

    return {"elbo_linreg": elbo_linreg}

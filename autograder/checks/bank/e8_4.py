"""Typical answers to E8.4, `mvn_kl(m0, S0, m1, S1)`: KL(N(m0, S0) || N(m1, S1)).

The answer is half of trace + shift - D + log ratio; an entry changes one of these terms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg, stats

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Term = Callable[[Array, Array, Array, Array], Any]


def log_det(matrix: Array) -> float:
    return float(np.linalg.slogdet(matrix)[1])


def trace(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    return np.trace(np.linalg.solve(S1, S0))


def shift(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    gap = m1 - m0
    return gap @ np.linalg.solve(S1, gap)


def ratio(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    return log_det(S1) - log_det(S0)


def dim(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    return len(m0)


def none(*_: Array) -> Any:
    return 0.0


def of(
    trace: Term = trace, shift: Term = shift, ratio: Term = ratio, dim: Term = dim, half: Any = 0.5
) -> Implementation:
    """An answer with these terms changed."""

    def mvn_kl(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
        at = (m0, S0, m1, S1)
        return half * (trace(*at) + shift(*at) - dim(*at) + ratio(*at))

    return {"mvn_kl": mvn_kl}


# Wrong


def _det_ratio(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    return np.log(np.linalg.det(S1) / np.linalg.det(S0))


def _log_of_det(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    return np.log(np.linalg.det(S1)) - np.log(np.linalg.det(S0))


def swapped(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    return of()["mvn_kl"](m1, S1, m0, S0)


def independent(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    return of()["mvn_kl"](m0, np.diag(np.diag(S0)), m1, np.diag(np.diag(S1)))


def as_factors(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    """The covariances taken for matrices of sds: squared once more."""
    return of()["mvn_kl"](m0, S0 @ S0.T, m1, S1 @ S1.T)


def reflected(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    return of()["mvn_kl"](m0, S0, -m1, S1)


def _both_of_slogdet(matrix: Array) -> Array:
    return np.array([*np.linalg.slogdet(matrix)])


def gap_of(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    return m1 - m0


WRONG = (
    Wrong(
        "trace-of-the-product",
        of(trace=lambda m0, S0, m1, S1: np.trace(S0 @ S1)),
        "tr(S0 S1) has the units of θ⁴, a KL divergence has none. Which of the two belongs "
        "inverted?",
        also=(
            of(trace=lambda m0, S0, m1, S1: np.trace(S0)),
            of(trace=lambda m0, S0, m1, S1: np.sum(S0 * S1)),
        ),
    ),
    Wrong(
        "trace-with-the-wrong-inverse",
        of(trace=lambda m0, S0, m1, S1: np.trace(np.linalg.solve(S0, S1))),
        "Your trace holds S0⁻¹ S1. If q is much narrower than p the trace should be small: is "
        "yours?",
    ),
    Wrong(
        "elementwise-product",
        of(trace=lambda m0, S0, m1, S1: np.trace(np.linalg.inv(S1) * S0)),
        "`*` multiplies entry by entry. The trace is of the matrix product, `@`.",
        also=(
            of(trace=lambda m0, S0, m1, S1: np.trace(S0 / S1)),
            of(trace=lambda m0, S0, m1, S1: np.sum(np.diag(S0) / np.diag(S1))),
        ),
    ),
    Wrong(
        "log-ratio-inverted",
        of(ratio=lambda *at: -ratio(*at)),
        "Your log ratio is the wrong way round. As q gets narrower and narrower its entropy "
        "falls to −∞: where must the KL go?",
    ),
    Wrong(
        "determinant-underflows",
        of(ratio=_log_of_det),
        "In many dimensions a determinant leaves the range of floating point, and its logarithm is "
        "infinite or NaN. Which function returns the logarithm at once?",
        also=(of(ratio=_det_ratio),),
    ),
    Wrong(
        "gap-in-the-metric-of-the-first",
        of(shift=lambda m0, S0, m1, S1: shift(m0, S1, m1, S0)),
        "The gap between the means is measured in the units of the second Gaussian. Let q be very "
        "narrow: should its own narrowness make a small shift so costly?",
    ),
    Wrong(
        "gap-not-scaled",
        of(shift=lambda m0, S0, m1, S1: np.sum((m1 - m0) ** 2)),
        "Your shift is a squared length in θ's units. In units of what should it be measured?",
        also=(
            of(shift=lambda m0, S0, m1, S1: gap_of(m0, S0, m1, S1) @ S1 @ (m1 - m0)),
            of(shift=lambda m0, S0, m1, S1: np.sum((m1 - m0) ** 2 / np.diag(S1))),
        ),
    ),
    Wrong(
        "gap-not-squared",
        of(shift=lambda m0, S0, m1, S1: np.sum(np.linalg.solve(S1, m1 - m0))),
        "Can a KL divergence depend on the sign of m1 − m0? Your shift is linear in the gap.",
        also=(of(shift=lambda m0, S0, m1, S1: np.sqrt(shift(m0, S0, m1, S1))),),
    ),
    Wrong(
        "shift-forgotten",
        of(shift=none),
        "With equal covariances and different means your KL is 0. Where do the means enter?",
    ),
    Wrong(
        "sum-of-the-means",
        {"mvn_kl": reflected},
        "Your shift is made of m1 + m0. For equal means it must vanish: which sign is it?",
    ),
    Wrong(
        "half-forgotten",
        of(half=1.0),
        "Your KL is twice too large. With D = 1 it has to be that of lesson 1.",
    ),
    Wrong(
        "half-on-one-term-only",
        of(ratio=lambda *at: 2 * ratio(*at)),
        "One of your terms has lost its ½. Write the formula with a single ½ before the bracket.",
        also=(
            of(trace=lambda *at: 2 * trace(*at)),
            of(shift=lambda *at: 2 * shift(*at)),
            of(dim=lambda m0, *_: 2 * len(m0)),
        ),
    ),
    Wrong(
        "dimension-forgotten",
        of(dim=none),
        "The KL of a density with itself must be 0. What is tr(S⁻¹ S), and what takes it away?",
        also=(of(dim=lambda *_: 1),),
    ),
    Wrong(
        "log-determinant-of-the-factor",
        of(ratio=lambda *at: 0.5 * ratio(*at)),
        "Σ log L_ii is the logarithm of √det S. With the ½ before the bracket, log det S is "
        "needed: twice that.",
    ),
    Wrong(
        "first-result-of-slogdet",
        of(ratio=lambda m0, S0, m1, S1: np.linalg.slogdet(S1)[0] - np.linalg.slogdet(S0)[0]),
        "`np.linalg.slogdet` returns two things, the sign of the determinant first. You need the "
        "other one.",
        also=(
            of(ratio=none),
            of(ratio=lambda m0, S0, m1, S1: _both_of_slogdet(S1) - _both_of_slogdet(S0)),
        ),
    ),
    Wrong(
        "diagonals-only",
        {"mvn_kl": independent},
        "Your KL looks at the diagonals only, as if all coordinates were independent. What would "
        "it say of mean field, which differs from p in the correlation?",
        also=(of(ratio=lambda m0, S0, m1, S1: np.sum(np.log(np.diag(S1) / np.diag(S0)))),),
    ),
    Wrong(
        "covariances-squared",
        {"mvn_kl": as_factors},
        "S0 and S1 are covariances, not Cholesky factors: nothing is to be squared.",
    ),
    Wrong(
        "kl-negated",
        of(half=-0.5),
        "Your KL is negative, and a KL divergence never is: all signs are turned.",
    ),
    Wrong(
        "other-direction",
        {"mvn_kl": swapped},
        "That is KL(N(m1, S1)‖N(m0, S0)). We average under the first Gaussian and measure in the "
        "units of the second: whose inverse do you need?",
    ),
)


# Right


def by_whitening(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    L0, L1 = np.linalg.cholesky(S0), np.linalg.cholesky(S1)
    A = linalg.solve_triangular(L1, L0, lower=True)
    u = linalg.solve_triangular(L1, np.asarray(m1) - m0, lower=True)
    return 0.5 * (np.sum(A**2) + u @ u - len(u)) - np.sum(np.log(np.diag(A)))


def by_eigenvalues(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    """In the basis where both covariances are diagonal."""
    values, vectors = linalg.eigh(S0, S1)
    u = vectors.T @ (np.asarray(m1) - m0)
    return np.array([0.5 * np.sum(values - 1.0 - np.log(values) + u**2)])


def by_inverse(m0: Array, S0: Array, m1: Array, S1: Array) -> float:
    P = np.linalg.inv(S1)
    total = -float(len(m0))
    for i in range(len(m0)):
        for j in range(len(m0)):
            total += P[i, j] * (S0[j, i] + (m1[i] - m0[i]) * (m1[j] - m0[j]))
    return float(0.5 * (total + log_det(S1) - log_det(S0)))


def by_entropies(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
    """Cross entropy minus entropy."""
    second = np.outer(m0 - m1, m0 - m1) + S0
    cross = 0.5 * (log_det(2 * np.pi * np.asarray(S1, float)) + np.sum(np.linalg.inv(S1) * second))
    return cross - stats.multivariate_normal(np.asarray(m0, float), S0).entropy()


RIGHT = (
    Right("whitened by p", {"mvn_kl": by_whitening}),
    Right("generalised eigenvalues", {"mvn_kl": by_eigenvalues}),
    Right("sums over the inverse", {"mvn_kl": by_inverse}),
    Right("cross entropy minus entropy", {"mvn_kl": by_entropies}),
)

"""Kernelised Stein discrepancy: how far are draws from a density known only up to a constant?

With the score s(z) = d log p(z) / dz and a kernel k, the function

    u(z, z') = s(z)'s(z') k + s(z)' d/dz' k + s(z')' d/dz k + tr(d²k / dz dz')

has mean zero under p in both arguments, so KSD² = E_{q x q}[u] is 0 if, and with the inverse
multiquadric kernel only if, q = p. Neither a normaliser nor draws of p are needed.

Sources: Liu, Lee and Jordan (ICML 2016), and Chwialkowski, Strathmann and Gretton (ICML 2016), for
the discrepancy and the test; Gorham and Mackey (ICML 2017) for the kernel (1 + |z - z'|²/h²)^-½.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from autograd import elementwise_grad

from vi_lib._check import Array, ShapeError, require_finite, require_positive, require_shape

BETA = -0.5


@dataclass(frozen=True)
class SteinTest:
    """What `ksd_test` found.

    Attributes:
        ksd_squared: the unbiased estimate of KSD²; it may be slightly negative.
        p_value: the share of bootstrap values at least as large, were the draws from p.
        num_bootstrap: how many bootstrap values there were.
    """

    ksd_squared: float
    p_value: float
    num_bootstrap: int


def stein_matrix(z: Array, score: Array, bandwidth: float | None = None) -> Array:
    """Return u(z_i, z_j), (S, S), for the kernel (1 + |z - z'|² / h²)^-½.

    Args:
        z: draws (S, D).
        score: d log p / dz at the draws (S, D).
        bandwidth: h; by default the median distance between the draws.

    Raises:
        ShapeError, NonFiniteError, SupportError: naming the argument.
    """
    require_shape("z", z, ("S", "D"))
    require_shape("score", score, z.shape)
    require_finite("z", z)
    require_finite("score", score)
    num_draws, dim = z.shape
    if num_draws < 2:
        raise ShapeError(f"z must hold at least 2 draws, got {num_draws}")
    square = np.sum(z**2, axis=1)
    distance = np.maximum(square[:, None] + square - 2.0 * z @ z.T, 0.0)
    if bandwidth is None:
        bandwidth = float(np.sqrt(np.median(distance[np.triu_indices(num_draws, k=1)])))
    require_positive("bandwidth", bandwidth)
    h2 = bandwidth**2
    base = 1.0 + distance / h2
    # d k / dz = 2 beta (z - z') / h² base^(beta - 1); the z' derivative has the other sign.
    first = 2.0 * BETA / h2 * base ** (BETA - 1.0)
    along = np.sum(score * z, axis=1)
    # s(z)'(z' - z) + s(z')'(z - z'): the two cross terms share the factor `first`.
    cross = score @ z.T
    mixed = cross + cross.T - along[:, None] - along
    trace = -dim * first - 4.0 * BETA * (BETA - 1.0) / h2**2 * distance * base ** (BETA - 2.0)
    return (score @ score.T) * base**BETA + first * mixed + trace


def ksd(log_p: Callable[[Array], Array], z: Array, bandwidth: float | None = None) -> float:
    """Return the unbiased estimate of KSD² from draws, the mean of u over all pairs i != j.

    Args:
        log_p: (S, D) -> (S,), up to a constant, differentiable by autograd.
        z: draws of q (S, D).
        bandwidth: of the kernel; by default the median distance between the draws.

    Raises:
        ShapeError, NonFiniteError, SupportError: as `stein_matrix`.
    """
    u = stein_matrix(z, _score(log_p, z), bandwidth)
    return _off_diagonal_mean(u)


def ksd_test(
    log_p: Callable[[Array], Array],
    z: Array,
    rng: np.random.Generator,
    num_bootstrap: int = 1000,
    bandwidth: float | None = None,
) -> SteinTest:
    """Test whether independent draws z (S, D) come from p, by the wild bootstrap of the statistic.

    Under z ~ p the sum over pairs of w_i w_j u_ij, with random signs w, is distributed like the
    statistic itself, asymptotically in the number of draws (Chwialkowski et al.).

    Raises:
        ShapeError, NonFiniteError, SupportError: as `stein_matrix`.
        ValueError: unless num_bootstrap >= 1.
    """
    if num_bootstrap < 1:
        raise ValueError(f"num_bootstrap must be at least 1, got {num_bootstrap}")
    u = stein_matrix(z, _score(log_p, z), bandwidth)
    statistic = _off_diagonal_mean(u)
    signs = rng.choice([-1.0, 1.0], size=(num_bootstrap, len(z)))
    pairs = len(z) * (len(z) - 1)
    null = (np.sum((signs @ u) * signs, axis=1) - np.trace(u)) / pairs
    p_value = (1 + np.count_nonzero(null >= statistic)) / (1 + num_bootstrap)
    return SteinTest(statistic, float(p_value), num_bootstrap)


def _score(log_p: Callable[[Array], Array], z: Array) -> Array:
    require_shape("z", z, ("S", "D"))
    return elementwise_grad(log_p)(np.asarray(z, dtype=float))


def _off_diagonal_mean(u: Array) -> float:
    return float((np.sum(u) - np.trace(u)) / (len(u) * (len(u) - 1)))

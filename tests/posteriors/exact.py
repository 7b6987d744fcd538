"""Exact moments: closed forms, and sums over grids for up to three coordinates.

A smooth density that has died away at the ends of a grid is summed by the trapezoidal rule with an
error that falls faster than any power of the step. The step is halved until nothing changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from scipy import special

Moments = tuple[np.ndarray, np.ndarray]
LogDensity = Callable[[np.ndarray], np.ndarray]
Constrain = Callable[[np.ndarray], np.ndarray]

#: Half width of the grid in standard deviations of the draws that place it.
REACH = 14.0
CHUNK = 20_000


def gaussian_posterior(model_data: Mapping[str, np.ndarray], noise_sd: float) -> Moments:
    """Means and covariance of beta ~ N(0, sd 5) after y ~ N(X beta, noise_sd)."""
    X, y = model_data["X"], model_data["y"]
    cov = np.linalg.inv(X.T @ X / noise_sd**2 + np.eye(X.shape[1]) / 25.0)
    return cov @ (X.T @ y) / noise_sd**2, cov


def dirichlet(a: np.ndarray) -> dict[str, Moments]:
    """Moments of p ~ Dirichlet(a) and of its sticks.

    The fraction z_k that piece k takes of what is left is Beta(a_k, a_{k+1} + ...), independently
    of the others, and zeta_k = logit z_k + log(K - k).
    """
    rest = np.cumsum(a[::-1])[::-1][1:]
    mean = special.digamma(a[:-1]) - special.digamma(rest) + np.log(np.arange(len(a) - 1, 0, -1))
    sd = np.sqrt(special.polygamma(1, a[:-1]) + special.polygamma(1, rest))
    p, total = a / a.sum(), a.sum()
    return {"zeta": (mean, sd), "theta": (p, np.sqrt(p * (1.0 - p) / (total + 1.0)))}


def unknown_noise(data: Mapping[str, np.ndarray]) -> dict[str, Moments]:
    """Moments for `linear_unknown_sd`: given the noise the rest is Gaussian; one sum over log sd.

    The evidence given the noise is N(y; 0, 25 X X' + sd^2 I).
    """
    X, y = data["X"], data["y"]
    log_sd = np.linspace(math.log(0.3), math.log(6.0), 4001)
    log_weight, means, variances = [], [], []
    for sd in np.exp(log_sd):
        mean, cov = gaussian_posterior(data, sd)
        marginal = 25.0 * X @ X.T + sd**2 * np.eye(len(y))
        _, log_det = np.linalg.slogdet(marginal)
        log_evidence = -0.5 * (log_det + y @ np.linalg.solve(marginal, y))
        log_weight.append(log_evidence - 0.5 * (sd / 3.0) ** 2 + math.log(sd))  # d sd / d log sd
        means.append(mean)
        variances.append(np.diagonal(cov))
    weight = np.exp(np.array(log_weight) - max(log_weight))
    assert max(weight[0], weight[-1]) < 1e-12
    weight /= weight.sum()
    columns = np.column_stack([means, log_sd]), np.column_stack([means, np.exp(log_sd)])
    within = weight @ np.column_stack([variances, np.zeros(len(weight))])

    def moments(x: np.ndarray) -> Moments:
        mean = weight @ x
        return mean, np.sqrt(within + weight @ (x - mean) ** 2)

    return {"zeta": moments(columns[0]), "theta": moments(columns[1])}


def grid(log_p: LogDensity, constrain: Constrain, draws: np.ndarray) -> dict[str, Moments]:
    """Moments of zeta and theta by sums over a grid along the axes of the draws' covariance.

    Raises:
        AssertionError: If the density has not died away at the ends, or halving the step matters.
    """
    points = {1: (801, 1601), 2: (241, 481), 3: (85, 169)}[draws.shape[1]]
    coarse, fine = (_sum_over(log_p, constrain, draws, n) for n in points)
    for scale, (mean, sd) in fine.items():
        change = np.abs(np.concatenate([mean - coarse[scale][0], sd - coarse[scale][1]]))
        assert np.max(change / np.concatenate([sd, sd])) < 1e-4, (scale, change)
    return fine


def _sum_over(
    log_p: LogDensity, constrain: Constrain, draws: np.ndarray, points: int
) -> dict[str, Moments]:
    dim = draws.shape[1]
    center, root = draws.mean(axis=0), np.linalg.cholesky(np.atleast_2d(np.cov(draws.T)))
    axis = np.linspace(-REACH, REACH, points)
    unit = np.stack(np.meshgrid(*[axis] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    log_weight = np.concatenate(
        [
            np.nan_to_num(log_p(center + unit[i : i + CHUNK] @ root.T), nan=-np.inf)
            for i in range(0, len(unit), CHUNK)
        ]
    )
    weight = np.exp(log_weight - log_weight.max())
    at_end = np.max(np.abs(unit), axis=1) == REACH
    share = weight[at_end].sum() / weight.sum()
    assert share < 1e-5, share  # what lies beyond then moves no mean by a thousandth of its sd
    keep = weight > 1e-20
    zeta, weight = center + unit[keep] @ root.T, weight[keep] / weight[keep].sum()

    def moments(x: np.ndarray) -> Moments:
        mean = weight @ x
        return mean, np.sqrt(weight @ (x - mean) ** 2)

    return {"zeta": moments(zeta), "theta": moments(constrain(zeta))}

"""Pareto-smoothed importance sampling: would importance weights repair this fit, and by how much?

With draws z_s ~ q and log weights log w_s = log p(z_s) - log q(z_s), the largest weights follow a
generalised Pareto distribution with shape k. For k < 0.7 importance sampling from q works, so q
covers p well; above, the weights are dominated by a few draws and neither q nor its reweighting
should be trusted.

Sources: Vehtari, Simpson, Gelman, Yao and Gabry, Pareto Smoothed Importance Sampling (JMLR 2024),
for the tail length, the weak prior and the smoothing; Zhang and Stephens, Technometrics 51 (2009),
for the fit; Yao, Vehtari, Simpson and Gelman (ICML 2018) for its use on variational fits.
"""

from __future__ import annotations

import math

import numpy as np

from vi_lib._check import Array, NonFiniteError, ShapeError, require_shape

#: Weight, in observations, of the prior that draws k towards 1/2.
PRIOR_WEIGHT = 10.0
#: The fewest tail draws to which a distribution is fitted, that is 25 draws in all.
MIN_TAIL = 5
#: Weights that differ by less than this fraction of the largest count as equal.
NEGLIGIBLE = 1e-12
#: log of the smallest normal float64: below it, a weight next to 1 is nothing.
SMALLEST = -708.0


def khat(log_w: Array) -> float:
    """Return the estimated Pareto shape k of importance weights; their scale does not matter.

    Args:
        log_w: log weights (S,); -inf is a weight of zero.

    Returns:
        k; -inf if all weights are equal, as for q = p, and inf if fewer than five stand out from
        the rest, which is no tail to fit and no weighting to trust.

    Raises:
        ShapeError: unless log_w is (S,) with S >= 25.
        NonFiniteError: for NaN or inf, or if every weight is zero.
    """
    return psis(log_w)[1]


def psis(log_w: Array) -> tuple[Array, float]:
    """Return normalised log weights (S,) whose tail is smoothed, and k-hat.

    The ceil(min(S / 5, 3 √S)) largest weights are replaced by the expected order statistics of the
    fitted distribution, none larger than the largest raw weight.

    Raises:
        ShapeError, NonFiniteError: as `khat`.
    """
    log_w = _checked(log_w)
    smoothed = log_w - np.max(log_w)
    order = np.argsort(smoothed, kind="stable")
    cutoff = max(float(smoothed[order[-tail_length(len(log_w)) - 1]]), SMALLEST)
    tail = order[smoothed[order] > cutoff]
    excess = np.exp(smoothed[tail]) - math.exp(cutoff)
    if np.ptp(np.exp(smoothed)) <= NEGLIGIBLE:
        k = -math.inf
    elif len(tail) < MIN_TAIL:
        k = math.inf
    else:
        k, sigma = pareto_fit(excess)
        middle = (np.arange(len(tail)) + 0.5) / len(tail)
        expected = pareto_quantile(middle, k, sigma) + math.exp(cutoff)
        smoothed[tail] = np.minimum(np.log(expected), 0.0)
    highest = np.max(smoothed)
    return smoothed - highest - np.log(np.sum(np.exp(smoothed - highest))), k


def effective_draws(log_w: Array) -> float:
    """Return 1 / Σ w_s² of normalised weights, between 1 and S.

    Raises:
        ShapeError: unless log_w is (S,).
    """
    require_shape("log_w", log_w, ("S",))
    w = np.exp(log_w - np.max(log_w))
    return float(np.sum(w) ** 2 / np.sum(w**2))


def pareto_fit(x: Array) -> tuple[float, float]:
    """Fit shape k and scale sigma of a generalised Pareto distribution to excesses (n,), ascending.

    Zhang and Stephens (2009) average over a grid of theta = -k / sigma, weighted by the profile
    likelihood; k is then drawn towards 1/2 as if by 10 more observations (Vehtari et al., appendix
    C).
    """
    n = len(x)
    grid = 30 + int(math.sqrt(n))
    quartile = x[int(n / 4 + 0.5) - 1]
    theta = 1.0 / x[-1] + (1.0 - np.sqrt(grid / (np.arange(grid) + 0.5))) / (3.0 * quartile)
    k = np.mean(np.log1p(-theta[:, None] * x), axis=1)
    profile = n * (np.log(-theta / k) - k - 1.0)
    with np.errstate(over="ignore"):  # a hopeless theta: weight 1 / inf
        weight = 1.0 / np.sum(np.exp(profile - profile[:, None]), axis=1)
    weight = np.where(weight >= 10.0 * np.finfo(float).eps, weight, 0.0)
    best = np.sum(theta * weight) / np.sum(weight)
    shape = float(np.mean(np.log1p(-best * x)))
    sigma = -shape / best
    return (n * shape + 0.5 * PRIOR_WEIGHT) / (n + PRIOR_WEIGHT), float(sigma)


def pareto_quantile(u: Array, k: float, sigma: float) -> Array:
    """Return sigma ((1 - u)^-k - 1) / k, the quantile function, elementwise; the limit if k = 0."""
    if abs(k) < 1e-12:
        return -sigma * np.log1p(-u)
    with np.errstate(over="ignore"):  # a tail so heavy that its quantiles are beyond all floats
        return sigma * np.expm1(-k * np.log1p(-u)) / k


def tail_length(num_draws: int) -> int:
    """Return how many of the draws make the tail, ceil(min(S / 5, 3 √S))."""
    return math.ceil(min(num_draws / 5.0, 3.0 * math.sqrt(num_draws)))


def _checked(log_w: Array) -> Array:
    log_w = np.asarray(log_w, dtype=float)
    require_shape("log_w", log_w, ("S",))
    if len(log_w) < 5 * MIN_TAIL:
        raise ShapeError(f"log_w must have at least 25 draws for a tail to fit, got {len(log_w)}")
    bad = np.isnan(log_w) | (log_w == np.inf)
    if np.any(bad) or not np.any(np.isfinite(log_w)):
        worst = log_w[np.argmax(bad)]
        raise NonFiniteError(
            f"log_w must be finite, or -inf for some of the draws, got {worst} among {len(log_w)}",
            draw=int(np.argmax(bad)),
        )
    return log_w

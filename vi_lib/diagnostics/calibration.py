"""Simulation-based calibration: does the whole procedure get uncertainty right, on average?

Draw theta0 from the prior, simulate data y from it, fit, and rank theta0 among draws of the fitted
posterior. With the exact posterior the rank is uniform on 0..L, whatever the model. Too narrow a
posterior puts theta0 outside it too often, so the histogram of ranks is a U; too wide a posterior
gives a hump, a bias a slope.

Variational fits are nearly always too narrow, which says little. Variational SBC asks a weaker
question: are the probabilities P_q(theta < theta0) symmetric about 1/2, that is, is the fit free of
bias? All of it judges the procedure, averaged over the prior, not one fit on one data set.

Sources: Talts, Betancourt, Simpson, Vehtari and Gelman, Validating Bayesian Inference Algorithms
with Simulation-Based Calibration (2018); Yao, Vehtari, Simpson and Gelman (ICML 2018) for VSBC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vi_lib._check import Array, ShapeError, require_finite, require_shape


def sbc_ranks(
    prior_draw: Callable[[np.random.Generator], Any],
    simulate: Callable[[Any, np.random.Generator], Any],
    fit: Callable[[Any, int, np.random.Generator], Array],
    num_sims: int,
    num_draws: int,
    rng: np.random.Generator,
) -> Array:
    """Return the rank of each simulation's true parameter among the draws of its posterior.

    Args:
        prior_draw: rng -> theta0, a number or (D,).
        simulate: (theta0, rng) -> data.
        fit: (data, num_draws, rng) -> independent posterior draws (num_draws,) or (num_draws, D).
        num_sims: simulations.
        num_draws: draws L in each. With L + 1 a multiple of the number of bins, 99 for 20 bins, a
            histogram has equal bins.
        rng: source of everything.

    Returns:
        the number of draws below theta0, 0..L, (num_sims,) or (num_sims, D).

    Raises:
        ShapeError: if the draws do not fit the parameter.
        NonFiniteError: if a parameter or a draw is not finite.
        ValueError: unless num_sims and num_draws are at least 1.
    """
    if num_sims < 1 or num_draws < 1:
        raise ValueError(f"need num_sims, num_draws >= 1, got {num_sims} and {num_draws}")
    ranks = []
    for _ in range(num_sims):
        theta = prior_draw(rng)
        true = np.asarray(theta, dtype=float)
        draws = np.asarray(fit(simulate(theta, rng), num_draws, rng), dtype=float)
        require_shape("draws of fit", draws, (num_draws, *true.shape))
        require_finite("theta", true)
        require_finite("draws of fit", draws)
        ranks.append(np.sum(draws < true, axis=0))
    return np.array(ranks)


@dataclass(frozen=True, eq=False)
class Coverage:
    """Observed against nominal coverage of central posterior intervals.

    Attributes:
        nominal: exact coverage of the interval by rank, near the level asked for (K,).
        observed: share of simulations whose interval holds the true value (K,).
        p_value: of the two-sided binomial test, for each level (K,).
    """

    nominal: Array
    observed: Array
    p_value: Array


def rank_uniformity(ranks: Array, num_draws: int, num_bins: int = 20) -> float:
    """Return the p-value of the chi-square test that ranks are uniform on 0..L.

    Args:
        ranks: (num_sims,).
        num_draws: L.
        num_bins: bins of equal width; L + 1 must be a multiple of it.

    Raises:
        ShapeError: unless ranks is (num_sims,).
        ValueError: for ranks outside 0..L, or if L + 1 is no multiple of num_bins.
    """
    ranks = _ranks(ranks, num_draws)
    if num_bins < 2 or (num_draws + 1) % num_bins:
        raise ValueError(
            f"num_draws + 1 must be a multiple of num_bins, got {num_draws + 1} and {num_bins}"
        )
    from scipy import stats

    counts = np.bincount(ranks * num_bins // (num_draws + 1), minlength=num_bins)
    return float(stats.chisquare(counts).pvalue)


def coverage(
    ranks: Array, num_draws: int, levels: Sequence[float] = (0.5, 0.8, 0.9, 0.95)
) -> Coverage:
    """Return how often central intervals of these levels hold the true value.

    Args:
        ranks: (num_sims,), as `sbc_ranks` gives them for one coordinate.
        num_draws: L.
        levels: nominal probabilities. With finitely many draws an interval has a nearby exact
            probability, which is reported and tested.

    Raises:
        ShapeError: unless ranks is (num_sims,).
        ValueError: for ranks outside 0..L or a level outside (0, 1).
    """
    ranks = _ranks(ranks, num_draws)
    if not all(0.0 < level < 1.0 for level in levels):
        raise ValueError(f"levels must be in (0, 1), got {tuple(levels)}")
    from scipy import stats

    middle = (np.arange(num_draws + 1) + 0.5) / (num_draws + 1)
    nominal, observed, p_value = [], [], []
    for level in levels:
        inside = np.abs(middle - 0.5) < 0.5 * level
        hits = int(np.count_nonzero(inside[ranks]))
        nominal.append(np.mean(inside))
        observed.append(hits / len(ranks))
        p_value.append(stats.binomtest(hits, len(ranks), float(nominal[-1])).pvalue)
    return Coverage(np.array(nominal), np.array(observed), np.array(p_value))


def vsbc(ranks: Array, num_draws: int) -> tuple[Array, float]:
    """Return P_q(theta < theta0) of each simulation, and the p-value that they are symmetric.

    The probabilities are (rank + ½) / (L + 1). Their distribution about ½ is compared with its
    mirror image by Wilcoxon's signed-rank test: small p-values mean that the fit is biased,
    upwards if most probabilities are below ½.

    Raises:
        ShapeError: unless ranks is (num_sims,).
        ValueError: for ranks outside 0..L.
    """
    probability = (_ranks(ranks, num_draws) + 0.5) / (num_draws + 1)
    from scipy import stats

    centred = probability - 0.5
    if not np.any(centred):
        return probability, 1.0
    return probability, float(stats.wilcoxon(centred, method="approx").pvalue)


def _ranks(ranks: Array, num_draws: int) -> Array:
    ranks = np.asarray(ranks)
    require_shape("ranks", ranks, ("num_sims",))
    if len(ranks) == 0:
        raise ShapeError("ranks must hold at least one simulation, got none")
    if not np.issubdtype(ranks.dtype, np.integer) or ranks.min() < 0 or ranks.max() > num_draws:
        raise ValueError(
            f"ranks must be whole numbers in 0..{num_draws}, got {ranks.min()} to {ranks.max()}"
        )
    return ranks

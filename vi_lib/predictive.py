"""What a fit says about data: posterior predictive draws, densities of held-out data, correction.

    posterior predictive    x' ~ p(x' | theta_s),  theta_s ~ q
    log predictive density  log p(x_i) ~ log 1/S sum_s p(x_i | theta_s)
    resampling              theta_s drawn again with weights p / q, smoothed (PSIS)

The last turns draws of q into draws of the posterior itself as far as k-hat allows, and no further:
it cannot bring back a mode of which q has no draws.

Sources: Gelman et al., Bayesian Data Analysis (2013), section 6.3 (predictive checks) and 7.1 (log
predictive density); Yao, Vehtari, Simpson and Gelman (ICML 2018) for PSIS with variational fits.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from vi_lib._check import Array, NonFiniteError, ShapeError, require_shape
from vi_lib._trust import khat_threshold
from vi_lib.diagnostics.psis import psis
from vi_lib.estimators import LogDensity
from vi_lib.model import Data, Model, arrays_of, num_rows
from vi_lib.result import Fitted

#: Draws of q to resample from.
CANDIDATES = 4000
#: Log likelihoods that are held at once.
BLOCK = 5_000_000


def posterior_predictive(
    model: Model,
    result: Fitted,
    rng: np.random.Generator,
    num_draws: int = 1000,
    data: Data | None = None,
) -> Array:
    """Draw new data from the fitted model.

    Args:
        model: A model with `simulate`.
        result: A result of `advi`, `fit` or `dadvi`.
        rng: Source of the draws.
        num_draws: Number of data sets.
        data: Covariates at which to simulate; by default the model's own data.

    Returns:
        (num_draws, N, ...), one data set for each draw of the parameters.

    Raises:
        ValueError: If the model has no `simulate`.
        ShapeError: If `simulate` returns something else.
    """
    return simulate(model, result.sample(rng, num_draws), rng, data)


def simulate(
    model: Model, theta: dict[str, Array], rng: np.random.Generator, data: Data | None = None
) -> Array:
    """Call the model's `simulate` for M values of theta and check what it returns, (M, N, ...).

    Raises:
        ValueError: If the model has no `simulate`.
        ShapeError: If `simulate` returns something else.
    """
    if model.simulate is None:
        raise ValueError(
            "the model has no simulate: Model(..., simulate=lambda theta, data, rng: ...) must"
            " return (M, N, ...), new observations for each of the M values of theta"
        )
    arrays = model.arrays if data is None else arrays_of(data)
    drawn = np.asarray(model.simulate(theta, arrays, rng))
    wanted = (len(next(iter(theta.values()))), num_rows(arrays))
    require_shape("simulate's value", drawn, (*wanted, *drawn.shape[2:]))
    return drawn


def log_predictive_density(
    model: Model,
    result: Fitted,
    rng: np.random.Generator,
    num_draws: int = 1000,
    data: Data | None = None,
) -> Array:
    """Return log p(x_i | data), (N,), in nats, by the mean of the likelihood over draws of q.

    Args:
        model: The model.
        result: A result of `advi`, `fit` or `dadvi`.
        rng: Source of the draws.
        num_draws: Number S of draws.
        data: Held-out observations of the same form; by default the data of the fit, on which the
            density is too high by what the fit has learnt from them.

    Raises:
        ShapeError: If the data do not fit the model.
    """
    arrays = model.arrays if data is None else arrays_of(data)
    rows = num_rows(arrays)
    block = max(1, BLOCK // rows)
    total = np.full(rows, -math.inf)
    for first in range(0, num_draws, block):
        theta = result.sample(rng, min(block, num_draws - first))
        log_lik = model.pointwise_log_lik(theta, arrays)
        with np.errstate(divide="ignore"):  # log 0 where no draw thinks the observation possible
            highest = np.max(log_lik, axis=0)
            safe = np.where(np.isfinite(highest), highest, 0.0)
            part = safe + np.log(np.sum(np.exp(log_lik - safe), axis=0))
        total = np.logaddexp(total, part)
    return total - math.log(num_draws)


def importance_weights(
    result: Fitted, log_p: LogDensity, rng: np.random.Generator, num_draws: int = CANDIDATES
) -> tuple[Array, Array, float]:
    """Weigh draws of q by p / q, with the largest weights smoothed.

    Args:
        result: The fit.
        log_p: Its log density, such as `model.log_p`.
        rng: Source of the draws.
        num_draws: Number S of draws.

    Returns:
        Draws zeta (S, D), log weights (S,) whose exponentials sum to 1, and k-hat.

    Raises:
        NonFiniteError: If log p is NaN or inf at a draw, naming it.
        ShapeError: Unless log_p maps (M, D) to (M,).
    """
    q, lam = result.family, result.lam
    zeta = q.transport(lam, q.noise(rng, num_draws))
    with np.errstate(all="ignore"):
        values = np.asarray(log_p(zeta))
    require_shape("log_p's value", values, (num_draws,))
    bad = np.isnan(values) | (values == math.inf)
    if np.any(bad):
        first = int(np.argmax(bad))
        at = ", ".join(
            f"{name} = {value:.6g}"
            for name, value in zip(result.layout.coordinates[:6], zeta[first], strict=False)
        )
        raise NonFiniteError(f"log_p is {values[first]} at draw {first}: {at}", draw=first)
    log_w, khat = psis(values - q.log_prob(lam, zeta))
    return zeta, log_w, khat


def resample(
    result: Fitted,
    log_p: LogDensity,
    rng: np.random.Generator,
    n: int,
    num_candidates: int | None = None,
) -> dict[str, Array]:
    """Draw from q corrected towards the posterior by smoothed importance weights.

    Args:
        result: The fit.
        log_p: Its log density, such as `model.log_p`.
        rng: Source of the draws.
        n: Number of draws.
        num_candidates: Draws of q to choose from, with replacement; by default 4000, or n if that
            is more.

    Returns:
        Name -> `(n, *shape)`, on the parameters' own scale, as `Result.sample`.

    Warns:
        RuntimeWarning: If k-hat is above its threshold: the draws are then not the posterior's.

    Raises:
        NonFiniteError: If log p is NaN or inf at a draw.
        ShapeError: For fewer than 25 candidates.
    """
    size = max(CANDIDATES, n) if num_candidates is None else num_candidates
    if size < 25:
        raise ShapeError(f"num_candidates must be at least 25, got {size}")
    zeta, log_w, khat = importance_weights(result, log_p, rng, size)
    if khat > khat_threshold(size):
        warnings.warn(
            f"k-hat {khat:.2f} is above {khat_threshold(size):.2f}: the weights of a few draws"
            " decide, and resampling does not repair this fit; take a richer family",
            RuntimeWarning,
            stacklevel=2,
        )
    weights: Any = np.exp(log_w)
    return result.layout.constrain(zeta[rng.choice(size, n, p=weights / weights.sum())])

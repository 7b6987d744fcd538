"""Importance sampling with a guide as the proposal.

    w_s = p(x, z_s) / q(z_s),  z_s ~ q:      p(x) = E_q[w],      E[f(z) | x] ≈ Σ w_s f(z_s) / Σ w_s

The mean of the log weights is the ELBO, the log of their mean estimates the log evidence, which is
never smaller. The weights also judge the guide: with k-hat above 0.7 a few of them dominate, and
neither the evidence nor its standard error can be trusted.

Source: Vehtari, Simpson, Gelman, Yao and Gabry, Pareto Smoothed Importance Sampling (JMLR 2024).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vi_lib._check import Array, plain
from vi_lib.diagnostics import effective_draws, psis
from vi_lib.ppl.checks import latent_sites, require_same_sites
from vi_lib.ppl.enumeration import log_density
from vi_lib.ppl.handlers import Program, log_joint, substitute, trace

#: The fewest draws from which a tail can be judged.
MIN_DRAWS = 25


@dataclass(frozen=True, eq=False)
class Importance:
    """Weighted draws.

    Attributes:
        samples: Site -> draws of the guide `(S, *shape)`.
        log_weights: Their log weights (S,), nats.
        smoothed: The normalised log weights with a smoothed tail (S,).
        log_evidence: Log of the weights' mean, nats.
        log_evidence_se: Its standard error, sd(w) / (mean(w) √S), nats; too small if k-hat is
            above 0.7.
        khat: Shape of the weights' tail; NaN for fewer than 25 draws.
    """

    samples: dict[str, Array]
    log_weights: Array
    smoothed: Array
    log_evidence: float
    log_evidence_se: float
    khat: float

    @property
    def effective_draws(self) -> float:
        """How many equally weighted draws these are worth, between 1 and S."""
        return effective_draws(self.log_weights)

    def resample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draw n values of each site with replacement by the smoothed weights, `(n, *shape)`."""
        rows = rng.choice(len(self.smoothed), n, p=np.exp(self.smoothed))
        return {name: values[rows] for name, values in self.samples.items()}


def importance(
    model: Program,
    guide: Program,
    *args: Any,
    rng: np.random.Generator,
    num_samples: int = 1000,
    params: Mapping[str, Array] | None = None,
) -> Importance:
    """Weight draws of the guide by the model.

    Args:
        model: The model; sites marked by `config_enumerate` are summed out.
        guide: The proposal, with the same arguments.
        *args: The arguments.
        rng: Source of the draws.
        num_samples: Number of draws S.
        params: Parameters of both on the real line, such as `svi(...).params`.

    Raises:
        ValueError: If the guide does not fit the model, or for fewer than one draw.
        NonFiniteError: If a log weight is NaN or inf, or all weights are zero.
    """
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, got {num_samples}")
    given = {} if params is None else params
    draws, log_weights = [], np.empty(num_samples)
    for s in range(num_samples):
        proposal = trace(substitute(guide, given), rng)(*args)
        sites, marginal = log_density(substitute(model, given), args, proposal, rng)
        require_same_sites(sites, proposal)
        joint = log_joint(sites) if marginal is None else marginal
        log_weights[s] = plain(joint) - plain(log_joint(proposal))
        draws.append({name: site["value"] for name, site in latent_sites(proposal).items()})
    samples = {name: np.stack([draw[name] for draw in draws]) for name in draws[0]}
    highest = np.max(log_weights)
    w = np.exp(log_weights - highest)
    log_evidence = float(highest + np.log(np.mean(w)))
    if num_samples >= MIN_DRAWS:
        smoothed, khat = psis(log_weights)
    else:
        smoothed, khat = log_weights - highest - np.log(np.sum(w)), math.nan
    se = (
        float(np.std(w, ddof=1) / np.mean(w) / math.sqrt(num_samples))
        if num_samples > 1
        else math.nan
    )
    return Importance(samples, log_weights, smoothed, log_evidence, se, khat)

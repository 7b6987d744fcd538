"""Typical answers to E1.4, `elbo_normal_mean(x, ..., m, s) -> (elbo, log_evidence, kl)`.

A slip concerns one of the three numbers. Its wrong answers have the other two right, or compute one
of them from the wrong number by log p(x) = ELBO + KL.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank.e1_normal import (
    At,
    Value,
    answer,
    by_identity,
    elbo,
    kl,
    kl_to_posterior,
    log_lik,
    log_normal,
    multivariate,
)
from autograder.checks.bank.e1_slips import ALL_SLIPS, Slip
from autograder.checks.protocol import Implementation, Right, Wrong

SLIPS: dict[str, dict[str, tuple[Value, ...]]] = {
    number: {slip.name: slip.values for slip in ALL_SLIPS if slip.number == number}
    for number in ("elbo", "log_evidence", "kl")
}


def _named(function: Any) -> Implementation:
    return {"elbo_normal_mean": function}


def _entry(slip: Slip) -> Wrong:
    first, *others = (
        _named(answer(**changed))
        for value in slip.values
        for changed in ({slip.number: value}, by_identity(slip.number, value))[: 1 + slip.identity]
    )
    return Wrong(slip.name, first, slip.hint, also=tuple(others))


WRONG = (
    *map(_entry, ALL_SLIPS),
    Wrong(
        "order-of-the-results",
        _named(lambda *values: answer()(*values)[::-1]),
        "All three numbers are there, in another order: first the ELBO, then log p(x), then the "
        "KL divergence.",
        also=tuple(
            _named(lambda *values, order=order: tuple(answer()(*values)[i] for i in order))
            for order in ((1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1))
        ),
    ),
    Wrong(
        "posterior-density-at-the-data",
        _named(
            answer(
                log_evidence=lambda at: float(
                    np.sum(log_normal(np.asarray(at.x), at.posterior[0], at.posterior[1]))
                )
            )
        ),
        "You put the data into the density of μ. p(x) is a density of the *data*: average the "
        "likelihood over the prior.",
    ),
)


# Right


def by_multivariate_normal(*values: Any) -> list[float]:
    at = At(*values)
    evidence = multivariate(at, at.lik_sd**2, at.prior_sd**2)
    bound = log_lik(at) - kl(at.m, at.s, at.prior_mean, at.prior_sd)
    return [bound, evidence, evidence - bound]


def by_predictions(*values: Any) -> dict[str, float]:
    """The evidence as a product of predictive densities, one observation after the other."""
    at = At(*values)
    mean, var, evidence = at.prior_mean, at.prior_sd**2, 0.0
    for value in at.x:
        evidence += float(log_normal(value, mean, np.sqrt(var + at.lik_sd**2)))
        gain = var / (var + at.lik_sd**2)
        mean, var = mean + gain * (value - mean), var * (1 - gain)
    gap = kl(at.m, at.s, mean, var**0.5)
    return {"kl": gap, "log_evidence": evidence, "elbo": evidence - gap}


def by_sum(*values: Any) -> Any:
    at = At(*values)
    return np.array([elbo(at), elbo(at) + kl_to_posterior(at), kl_to_posterior(at)])


def by_grid(*values: Any) -> tuple[float, float, float]:
    """All three by the trapezoidal rule, which is as good as exact for Gaussians."""
    at = At(*values)
    mean, sd = at.posterior
    grid = np.linspace(mean - 12 * sd, mean + 12 * sd, 4001)
    joint = np.sum(log_normal(np.asarray(at.x), grid[:, None], at.lik_sd), axis=1)
    joint = joint + log_normal(grid, at.prior_mean, at.prior_sd)
    top = np.max(joint)
    evidence = float(top + np.log(np.sum(np.exp(joint - top)) * (grid[1] - grid[0])))
    nodes, weights = np.polynomial.hermite_e.hermegauss(10)
    mu = at.m + at.s * nodes
    log_joint = np.sum(log_normal(np.asarray(at.x), mu[:, None], at.lik_sd), axis=1)
    log_joint = log_joint + log_normal(mu, at.prior_mean, at.prior_sd)
    log_q = log_normal(mu, at.m, at.s)
    bound = float(weights @ (log_joint - log_q) / np.sum(weights))
    return bound, evidence, evidence - bound


RIGHT = (
    Right("multivariate normal, KL by difference", _named(by_multivariate_normal)),
    Right("predictions in sequence, a dict", _named(by_predictions)),
    Right("log p(x) as ELBO + KL, an array", _named(by_sum)),
    Right("grid and quadrature", _named(by_grid)),
)

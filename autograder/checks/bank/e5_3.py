"""Typical answers to E5.3, `evidence_lower_bound(data, q, prior, noise_sd)`.

The wrong answers are one function with one change each: the five bugs of the published code, and
the slips that are made while repairing them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any

LOG_2PI = float(np.log(2.0 * np.pi))


def _bound(
    data: Any,
    q: Any,
    prior: Any,
    noise_sd: float,
    *,
    entropy_sign: float = 1.0,
    entropy: Callable[[Array], Array] = lambda sd: 0.5 * (LOG_2PI + 1.0) + np.log(sd),
    log_prior_sd: Callable[[Array], Array] = np.log,
    log_noise_sd: Callable[[Any], Any] = np.log,
    prior_mean: float = 1.0,
    prior_power: int = 2,
    noise_power: int = 2,
    variance: float = 1.0,
    square0: float = 1.0,
    cross_x: int = 1,
    cross_sign: float = 1.0,
    cross_sd: float = 0.0,
    constants: float = 1.0,
    swap: bool = False,
    average: bool = False,
) -> float:
    x, y = np.asarray(data["x"], dtype=float), np.asarray(data["y"], dtype=float)
    mean, sd, m0 = np.array(q.mean), np.array(q.sd), prior_mean * np.array(prior.mean)
    square = mean**2 + variance * sd**2
    log_prior = np.sum(
        -0.5 * constants * LOG_2PI
        - log_prior_sd(np.array(prior.sd))
        - 0.5 * (square - 2 * m0 * mean + m0**2) / np.array(prior.sd) ** prior_power
    )
    a, b = (1, 0) if swap else (0, 1)
    residual = (
        y**2
        + square0 * square[a]
        + square[b] * x**2
        - 2 * y * mean[a]
        - 2 * y * mean[b] * x
        + cross_sign * 2 * (mean[0] * mean[1] + cross_sd * sd[0] * sd[1]) * x**cross_x
    )
    log_lik = (
        -0.5 * constants * LOG_2PI - log_noise_sd(noise_sd) - 0.5 * residual / noise_sd**noise_power
    )
    total = np.sum(log_lik) / (max(len(x), 1) if average else 1)
    return float(log_prior + total + entropy_sign * np.sum(entropy(sd)))


def _with(**change: Any) -> Implementation:
    return {"evidence_lower_bound": functools.partial(_bound, **change)}


def half_log(sd: Array) -> Array:
    return 0.5 * np.log(sd)


def entropy_log_pi_e(sd: Array) -> Array:
    return 0.5 * np.log(np.pi * np.e * sd**2)


def entropy_sd_as_variance(sd: Array) -> Array:
    return 0.5 * np.log(2 * np.pi * np.e * sd)


def minus_bound(data: Any, q: Any, prior: Any, noise_sd: float) -> float:
    return -_bound(data, q, prior, noise_sd)


def at_the_mean(data: Any, q: Any, prior: Any, noise_sd: float) -> float:
    return _bound(data, q, prior, noise_sd, variance=0.0)


def no_constants(data: Any, q: Any, prior: Any, noise_sd: float) -> float:
    return _bound(data, q, prior, noise_sd, constants=0.0, entropy=np.log)


def by_kl(data: Any, q: Any, prior: Any, noise_sd: float) -> float:
    """Expected log likelihood minus KL(q || prior), vectorised."""
    x, y = data["x"], data["y"]
    mean, sd = q.mean, q.sd
    gap = y - mean[0] - mean[1] * x
    variance = sd[0] ** 2 + (x * sd[1]) ** 2
    log_lik = np.sum(stats.norm.logpdf(gap, 0.0, noise_sd) - 0.5 * variance / noise_sd**2)
    ratio = sd**2 / prior.sd**2
    kl = 0.5 * np.sum(ratio + (mean - prior.mean) ** 2 / prior.sd**2 - 1 - np.log(ratio))
    return log_lik - kl


def by_traces(data: Any, q: Any, prior: Any, noise_sd: float) -> np.ndarray:
    """Quadratic forms and traces, the entropy by SciPy's multivariate normal; returns (1,)."""
    design = np.stack([np.ones(len(data["x"])), data["x"]], axis=1)
    cov = np.diag(q.sd**2)
    gap = data["y"] - design @ q.mean
    square = gap @ gap + np.trace(design @ cov @ design.T)
    log_lik = -0.5 * len(gap) * np.log(2 * np.pi * noise_sd**2) - 0.5 * square / noise_sd**2
    log_prior = stats.norm.logpdf(q.mean, prior.mean, prior.sd) - 0.5 * (q.sd / prior.sd) ** 2
    entropy = stats.multivariate_normal(q.mean, cov).entropy()
    return np.array([log_lik + log_prior.sum() + entropy])


def by_loops(data: Any, q: Any, prior: Any, noise_sd: float) -> float:
    """The published layout with its five bugs repaired."""
    total = 0.0
    for j in range(2):
        total -= 0.5 * LOG_2PI + np.log(prior.sd[j])
        second = q.mean[j] ** 2 + q.sd[j] ** 2
        total -= (second - 2 * prior.mean[j] * q.mean[j] + prior.mean[j] ** 2) / (
            2 * prior.sd[j] ** 2
        )
    for x, y in zip(data["x"], data["y"], strict=True):
        expected = y**2 - 2 * y * (q.mean[0] + q.mean[1] * x) + 2 * q.mean[0] * q.mean[1] * x
        expected += q.mean[0] ** 2 + q.sd[0] ** 2 + (q.mean[1] ** 2 + q.sd[1] ** 2) * x**2
        total -= 0.5 * LOG_2PI + np.log(noise_sd) + 0.5 * expected / noise_sd**2
    for sd in q.sd:
        total += 0.5 * np.log(2 * np.pi * np.e * sd**2)
    return total


WRONG = (
    Wrong(
        "entropy-subtracted",
        _with(entropy_sign=-1.0),
        "Read the last line of the bound aloud: ELBO = E[log p(x, theta)] plus the entropy of q. "
        "With your sign a narrower q would always score higher.",
    ),
    Wrong(
        "half-log-prior-sd",
        _with(log_prior_sd=half_log),
        "Look at the prior's normaliser: the density has 1/sd = (sd²)^(-1/2) in front. "
        "What is its logarithm, in terms of `prior.sd`?",
    ),
    Wrong(
        "half-log-noise-sd",
        _with(log_noise_sd=half_log),
        "Look at the likelihood's normaliser, one per observation: how does it depend on "
        "`noise_sd`? The 1/2 belongs to log sd², not to log sd.",
    ),
    Wrong(
        "theta0-squared-twice",
        _with(square0=2.0),
        "Expand (y - theta_0 - theta_1 x)² on paper and count how often theta_0² appears.",
    ),
    Wrong(
        "cross-term-without-x",
        _with(cross_x=0),
        "Expand (y - theta_0 - theta_1 x)² on paper: what multiplies theta_0 theta_1?",
        also=(_with(cross_x=0, square0=2.0),),
    ),
    Wrong(
        "cross-term-sign",
        _with(cross_sign=-1.0),
        "In (y - theta_0 - theta_1 x)² two terms with a minus sign meet in the cross term "
        "of theta_0 and theta_1. Which sign do they make?",
    ),
    Wrong(
        "cross-term-with-sds",
        _with(cross_sd=1.0),
        "Under q theta_0 and theta_1 are independent: what is E[theta_0 theta_1] then? "
        "No sd enters it.",
    ),
    Wrong(
        "variance-forgotten",
        {"evidence_lower_bound": at_the_mean},
        "E[theta²] is not the square of E[theta]: what do you have to add?",
        also=tuple(
            _with(variance=0.0, swap=swap, **constants)
            for swap in (False, True)
            for constants in ({}, {"entropy": np.log}, {"entropy": np.log, "constants": 0.0})
        ),
    ),
    Wrong(
        "constants-dropped",
        {"evidence_lower_bound": no_constants},
        "You left out the constants with 2π and e. They do not move the optimum, but only with "
        "them can the bound be compared with log p(x).",
    ),
    Wrong(
        "entropy-log-pi-e",
        _with(entropy=entropy_log_pi_e),
        "The entropy of N(0, sd=1) is 1.4189 nats: compare with yours. It is log(2πe)/2.",
        also=(_with(entropy=np.log),),
    ),
    Wrong(
        "entropy-of-sd-as-variance",
        _with(entropy=entropy_sd_as_variance),
        "If q becomes twice as wide, its entropy grows by log 2 per coordinate. Does yours?",
    ),
    Wrong(
        "prior-mean-forgotten",
        _with(prior_mean=0.0),
        "Your bound does not notice where the prior sits: `prior.mean` need not be 0.",
    ),
    Wrong(
        "prior-sd-not-squared",
        _with(prior_power=1),
        "In the prior's exponent the squared distance is divided by a variance.",
    ),
    Wrong(
        "noise-sd-not-squared",
        _with(noise_power=1),
        "In the likelihood's exponent the squared residual is divided by a variance.",
    ),
    Wrong(
        "offset-and-slope-swapped",
        _with(swap=True),
        "Which one multiplies x? Here theta_0 is the offset and theta_1 the slope.",
    ),
    Wrong(
        "likelihood-averaged",
        _with(average=True),
        "The log likelihood is a sum over the observations, not their mean: "
        "more data must weigh more.",
    ),
    Wrong(
        "minus-the-elbo",
        {"evidence_lower_bound": minus_bound},
        "This is minus the bound. We maximise the ELBO, so return it as it is.",
    ),
)

RIGHT = (
    Right("one term at a time", _with()),
    Right("log likelihood minus KL", {"evidence_lower_bound": by_kl}),
    Right("traces and SciPy's entropy", {"evidence_lower_bound": by_traces}),
    Right("loops", {"evidence_lower_bound": by_loops}),
)

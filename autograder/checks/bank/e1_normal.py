"""The terms of the normal-mean model that the typical answers to E1.4 are put together from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

Array = Any

LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class At:
    """One set of arguments, with the posterior they imply."""

    x: Array
    prior_mean: float
    prior_sd: float
    lik_sd: float
    m: float
    s: float

    @property
    def count(self) -> int:
        """N."""
        return len(self.x)

    @property
    def gaps(self) -> float:
        """The sum of (x_i - m)^2."""
        return float(np.sum((np.asarray(self.x) - self.m) ** 2))

    @property
    def posterior(self) -> tuple[float, float]:
        """Mean and sd of the exact posterior."""
        prec = 1.0 / self.prior_sd**2 + self.count / self.lik_sd**2
        weighted = self.prior_mean / self.prior_sd**2 + float(np.sum(self.x)) / self.lik_sd**2
        return weighted / prec, prec**-0.5


Value = Callable[[At], float]


def kl(mu_q: float, sd_q: float, mu_p: float, sd_p: float) -> float:
    ratio = (sd_q / sd_p) ** 2
    return float(0.5 * (ratio - 1.0 - np.log(ratio) + ((mu_q - mu_p) / sd_p) ** 2))


def log_normal(x: Array, mean: Array, sd: Array) -> Array:
    return -0.5 * LOG_2PI - np.log(sd) - 0.5 * ((x - mean) / sd) ** 2


def log_lik(at: At, variance_terms: float | None = None) -> float:
    """E_q log p(x | mu); `variance_terms` is how many of the N terms have their s^2."""
    terms = at.count if variance_terms is None else variance_terms
    constant = -at.count * (0.5 * LOG_2PI + np.log(at.lik_sd))
    return float(constant - (at.gaps + terms * at.s**2) / (2.0 * at.lik_sd**2))


def log_prior(at: At, variance_terms: float = 1.0) -> float:
    """E_q log p(mu)."""
    square = (at.m - at.prior_mean) ** 2 + variance_terms * at.s**2
    return float(-0.5 * LOG_2PI - np.log(at.prior_sd) - square / (2.0 * at.prior_sd**2))


def entropy(at: At) -> float:
    return float(0.5 * (LOG_2PI + 1.0) + np.log(at.s))


def elbo(at: At) -> float:
    return log_lik(at) + log_prior(at) + entropy(at)


def log_evidence(at: At) -> float:
    """By Bayes' rule at mu = 0: log p(x | mu) + log p(mu) - log p(mu | x)."""
    mean, sd = at.posterior
    at_zero = np.sum(log_normal(np.asarray(at.x), 0.0, at.lik_sd))
    at_zero = at_zero + log_normal(0.0, at.prior_mean, at.prior_sd)
    return float(at_zero - log_normal(0.0, mean, sd))


def kl_to_posterior(at: At) -> float:
    return kl(at.m, at.s, *at.posterior)


RIGHT_VALUES: dict[str, Value] = {
    "elbo": elbo,
    "log_evidence": log_evidence,
    "kl": kl_to_posterior,
}


def answer(**changed: Value) -> Callable[..., tuple[float, float, float]]:
    """The exercise's function with some of its three numbers computed another way."""
    values = RIGHT_VALUES | changed

    def elbo_normal_mean(*arguments: Any) -> tuple[float, float, float]:
        at = At(*arguments)
        return values["elbo"](at), values["log_evidence"](at), values["kl"](at)

    return elbo_normal_mean


def by_identity(name: str, value: Value) -> dict[str, Value]:
    """The number `name` computed as `value`, and another one from it by log p(x) = ELBO + KL."""
    if name == "elbo":
        return {"elbo": value, "kl": lambda at: log_evidence(at) - value(at)}
    if name == "log_evidence":
        return {"log_evidence": value, "kl": lambda at: value(at) - elbo(at)}
    return {"kl": value, "elbo": lambda at: log_evidence(at) - value(at)}


# What mistaken answers compute


def sds_as_variances(at: At) -> At:
    return replace(at, prior_sd=at.prior_sd**0.5, lik_sd=at.lik_sd**0.5, s=at.s**0.5)


def plugged_in(at: At, mu: float) -> float:
    return float(np.sum(log_normal(np.asarray(at.x), mu, at.lik_sd)))


def joint_at(at: At, mu: float) -> float:
    return plugged_in(at, mu) + float(log_normal(mu, at.prior_mean, at.prior_sd))


def marginals(at: At) -> float:
    sd = np.hypot(at.lik_sd, at.prior_sd)
    return float(np.sum(log_normal(np.asarray(at.x), at.prior_mean, sd)))


def mean_alone(at: At) -> float:
    sd = np.sqrt(at.prior_sd**2 + at.lik_sd**2 / at.count)
    return float(log_normal(np.mean(at.x), at.prior_mean, sd))


def multivariate(at: At, noise_var: float, prior_var: float) -> float:
    cov = noise_var * np.eye(at.count) + prior_var
    return float(stats.multivariate_normal(np.full(at.count, at.prior_mean), cov).logpdf(at.x))


def posterior_of(at: At, count: float, total: float) -> tuple[float, float]:
    prec = 1.0 / at.prior_sd**2 + count / at.lik_sd**2
    return (at.prior_mean / at.prior_sd**2 + total / at.lik_sd**2) / prec, prec**-0.5


def without_prior_mean(at: At) -> tuple[float, float]:
    _, sd = at.posterior
    return float(np.sum(at.x)) / at.lik_sd**2 * sd**2, sd


def without_brackets(at: At, which: int) -> float:
    """What (squares) / 2 * sd² in place of (squares) / (2 sd²) adds to the ELBO."""
    sd = (at.lik_sd, at.prior_sd)[which]
    squares = at.gaps + at.count * at.s**2 if which == 0 else (at.m - at.prior_mean) ** 2 + at.s**2
    return squares / (2.0 * sd**2) - squares / 2.0 * sd**2


def half_log_lik_sd(at: At) -> float:
    return elbo(at) + 0.5 * at.count * float(np.log(at.lik_sd))


def half_log_prior_sd(at: At) -> float:
    return elbo(at) + 0.5 * float(np.log(at.prior_sd))


def half_log_both(at: At) -> float:
    return half_log_lik_sd(at) + half_log_prior_sd(at) - elbo(at)

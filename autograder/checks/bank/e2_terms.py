"""The ELBO of E2.4 as a sum of five terms, any of which may be replaced.

Written for the bank alone, without a function of the library: it also tests the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from autograder.checks.protocol import Implementation

Array = Any
LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class At:
    """The arguments, and the expectations under q that the terms are made of."""

    x: Array
    mu0: float
    tau0: float
    alpha0: float
    beta0: float
    nu_q: float
    tau_q: float
    alpha_q: float
    beta_q: float

    @property
    def count(self) -> int:
        """N."""
        return len(self.x)

    @property
    def e_gamma(self) -> float:
        """E[gamma]."""
        return self.alpha_q / self.beta_q

    @property
    def e_log_gamma(self) -> float:
        """E[log gamma]."""
        return float(special.digamma(self.alpha_q) - np.log(self.beta_q))

    @property
    def gaps(self) -> float:
        """The sum of (x_i - nu_q)^2."""
        return float(np.sum((np.asarray(self.x) - self.nu_q) ** 2))


Term = Callable[[At], float]


def log_lik(at: At, e_gamma: float, e_log_gamma: float, squares: float) -> float:
    return 0.5 * (at.count * (e_log_gamma - LOG_2PI) - e_gamma * squares)


def log_prior_gamma(at: At, e_gamma: float, e_log_gamma: float) -> float:
    constant = at.alpha0 * np.log(at.beta0) - special.gammaln(at.alpha0)
    return float(constant + (at.alpha0 - 1.0) * e_log_gamma - at.beta0 * e_gamma)


def log_prior_mu(at: At, square: float) -> float:
    return float(0.5 * (np.log(at.tau0) - LOG_2PI - at.tau0 * square))


def entropy_gamma(at: At) -> float:
    alpha = at.alpha_q
    digamma = special.digamma(alpha)
    return float(alpha - np.log(at.beta_q) + special.gammaln(alpha) + (1.0 - alpha) * digamma)


TERMS: dict[str, Term] = {
    "log_lik": lambda at: log_lik(at, at.e_gamma, at.e_log_gamma, at.gaps + at.count / at.tau_q),
    "log_prior_mu": lambda at: log_prior_mu(at, (at.nu_q - at.mu0) ** 2 + 1.0 / at.tau_q),
    "log_prior_gamma": lambda at: log_prior_gamma(at, at.e_gamma, at.e_log_gamma),
    "entropy_mu": lambda at: float(0.5 * (1.0 + LOG_2PI - np.log(at.tau_q))),
    "entropy_gamma": entropy_gamma,
}


def elbo(**changed: Term) -> Implementation:
    """The ELBO with some of its terms replaced."""
    terms = TERMS | changed
    return {
        "elbo_gaussian_gamma": lambda *values: sum(term(At(*values)) for term in terms.values())
    }

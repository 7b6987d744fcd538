"""Typical answers to E2.3, `update_q_gamma(x, nu_q, tau_q, alpha0, beta0) -> (alpha_q, beta_q)`.

alpha_q = alpha0 + N/2 and beta_q = beta0 + (sum_i (x_i - nu_q)^2 + N/tau_q) / 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.protocol import Right, Wrong

Array = Any
Update = Callable[[Array, float, float, float, float], Any]


def squares(x: Array, nu_q: float) -> float:
    return float(np.sum((np.asarray(x) - nu_q) ** 2))


def with_shape(shape: Callable[[int], float]) -> Update:
    """The right rate with another shape, `alpha0 + shape(N)`."""

    def update(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
        rate = beta0 + 0.5 * (squares(x, nu_q) + len(x) / tau_q)
        return alpha0 + shape(len(x)), rate

    return update


def with_rate(rate: Callable[[Array, float, float], float]) -> Update:
    """The right shape with another rate, `beta0 + rate(x, nu_q, tau_q)`."""

    def update(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
        return alpha0 + len(x) / 2, beta0 + rate(x, nu_q, tau_q)

    return update


solution = with_shape(lambda count: count / 2)


# Wrong


def scale(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
    alpha_q, beta_q = solution(x, nu_q, tau_q, alpha0, beta0)
    return alpha_q, 1.0 / beta_q


def half_on_the_prior(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
    alpha_q, beta_q = solution(x, nu_q, tau_q, alpha0, beta0)
    return alpha_q, beta_q - 0.5 * beta0


def prior_dropped(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
    return solution(x, nu_q, tau_q, 0.0, 0.0)


def swapped(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
    return solution(x, nu_q, tau_q, alpha0, beta0)[::-1]


def moments(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
    alpha_q, beta_q = solution(x, nu_q, tau_q, alpha0, beta0)
    return alpha_q / beta_q, alpha_q**0.5 / beta_q


WRONG = (
    Wrong(
        "whole-counts",
        {"update_q_gamma": with_shape(lambda count: float(count))},
        "Each Gaussian density carries √γ = γ^½: how many powers of γ do N of them make?",
    ),
    Wrong(
        "count-forgotten",
        {"update_q_gamma": with_shape(lambda count: 0.5)},
        "That is the power of γ in the density of a single observation; there are N.",
    ),
    Wrong(
        "degrees-of-freedom",
        {"update_q_gamma": with_shape(lambda count: 0.5 * (count - 1))},
        "(N − 1)/2 is the classical count when μ has been estimated and removed. Here q(μ) takes "
        "care of that through 1/τ_q; count the powers of γ in the likelihood.",
    ),
    Wrong(
        "shape-not-lessened",
        {"update_q_gamma": with_shape(lambda count: count / 2 - 1)},
        "The exponent of γ in a Gamma density is α − 1, on both sides of the equation: α_q − 1 = "
        "α₀ − 1 + N/2.",
    ),
    Wrong(
        "whole-number-division",
        {"update_q_gamma": with_shape(lambda count: count // 2)},
        "For an odd N half a count is lost: `//` rounds down, `/` does not.",
    ),
    Wrong(
        "uncertainty-of-mu-forgotten",
        {"update_q_gamma": with_rate(lambda x, nu_q, tau_q: 0.5 * squares(x, nu_q))},
        "q(μ) is uncertain: E[(xᵢ − μ)²] is (xᵢ − ν_q)² and something more. What is the variance "
        "of μ under q?",
    ),
    Wrong(
        "uncertainty-once-instead-of-N-times",
        {
            "update_q_gamma": with_rate(
                lambda x, nu_q, tau_q: 0.5 * (squares(x, nu_q) + 1.0 / tau_q)
            )
        },
        "Each of the N terms E[(xᵢ − μ)²] brings its own 1/τ_q.",
    ),
    Wrong(
        "tau-added-instead-of-variance",
        {
            "update_q_gamma": with_rate(
                lambda x, nu_q, tau_q: 0.5 * (squares(x, nu_q) + len(x) * tau_q)
            )
        },
        "The variance of μ is one over its precision: a sharper q(μ) must make β_q smaller.",
    ),
    Wrong(
        "tau-as-an-sd",
        {
            "update_q_gamma": with_rate(
                lambda x, nu_q, tau_q: 0.5 * (squares(x, nu_q) + len(x) * tau_q**2)
            )
        },
        "τ_q is the precision of q(μ), not its standard deviation: which power of τ_q is the "
        "variance?",
    ),
    Wrong(
        "tau-squared",
        {
            "update_q_gamma": with_rate(
                lambda x, nu_q, tau_q: 0.5 * (squares(x, nu_q) + len(x) / tau_q**2)
            )
        },
        "1/τ_q is already the variance of μ under q, the mean of its squared gap. Do not square it "
        "again.",
    ),
    Wrong(
        "uncertainty-subtracted",
        {
            "update_q_gamma": with_rate(
                lambda x, nu_q, tau_q: 0.5 * (squares(x, nu_q) - len(x) / tau_q)
            )
        },
        "An uncertain μ makes E[(xᵢ − μ)²] larger, not smaller: E[(a − b)²] is the square of the "
        "mean gap *plus* the variance.",
    ),
    Wrong(
        "half-on-the-prior-too",
        {"update_q_gamma": half_on_the_prior},
        "The ½ belongs to the Gaussian's exponent; the prior brings −β₀ γ without a half.",
    ),
    Wrong(
        "spread-of-the-data",
        {"update_q_gamma": with_rate(lambda x, nu_q, tau_q: 0.5 * squares(x, float(np.mean(x))))},
        "That is the spread of x about its own average. The update does not know μ, but it knows "
        "q(μ): both ν_q and τ_q must enter.",
    ),
    Wrong(
        "half-missing",
        {"update_q_gamma": with_rate(lambda x, nu_q, tau_q: squares(x, nu_q) + len(x) / tau_q)},
        "Look at exp(−½ γ Σᵢ(xᵢ − μ)²): the rate is all that multiplies −γ, the ½ included.",
    ),
    Wrong(
        "half-and-uncertainty-missing",
        {"update_q_gamma": with_rate(lambda x, nu_q, tau_q: squares(x, nu_q))},
        "Two things are missing in β_q. Look at exp(−½ γ Σᵢ(xᵢ − μ)²): what multiplies −γ besides "
        "the squares? And what is E[(xᵢ − μ)²] if μ is uncertain?",
    ),
    Wrong(
        "half-on-the-squares-only",
        {
            "update_q_gamma": with_rate(
                lambda x, nu_q, tau_q: 0.5 * squares(x, nu_q) + len(x) / tau_q
            )
        },
        "The ½ stands before the whole expectation E[(xᵢ − μ)²], so before its variance part too.",
    ),
    Wrong(
        "average-for-the-sum",
        {
            "update_q_gamma": with_rate(
                lambda x, nu_q, tau_q: 0.5 * (squares(x, nu_q) / len(x) + 1.0 / tau_q)
            )
        },
        "You average over the data; the log-likelihood is their sum. Doubling the data must about "
        "double β_q − β₀.",
    ),
    Wrong(
        "square-of-the-sum",
        {
            "update_q_gamma": with_rate(
                lambda x, nu_q, tau_q: 0.5 * (float(np.sum(x - nu_q)) ** 2 + len(x) / tau_q)
            )
        },
        "Square each gap xᵢ − ν_q, then add; gaps of opposite sign must not cancel.",
    ),
    Wrong(
        "sample-mean-for-nu",
        {
            "update_q_gamma": with_rate(
                lambda x, nu_q, tau_q: 0.5 * (squares(x, float(np.mean(x))) + len(x) / tau_q)
            )
        },
        "The gaps are measured from the mean of q(μ), ν_q, which is handed in, and not from the "
        "average of x.",
    ),
    Wrong(
        "scale-returned",
        {"update_q_gamma": scale},
        "β_q is asked as a rate; you return the scale 1/β_q. E[γ] must be α_q/β_q.",
    ),
    Wrong(
        "prior-dropped",
        {"update_q_gamma": prior_dropped},
        "The prior Gamma(α₀, rate=β₀) is part of the log joint: with few data it matters.",
    ),
    Wrong(
        "results-swapped",
        {"update_q_gamma": swapped},
        "Both numbers are right, in the other order: (α_q, β_q), shape first.",
    ),
    Wrong(
        "moments-returned",
        {"update_q_gamma": moments},
        "You return mean and sd of q(γ). Asked are its parameters, shape and rate.",
    ),
)


# Right


@dataclass
class GammaFactor:
    """A dataclass, which is as good as a tuple."""

    alpha_q: Any
    beta_q: Any


def expanded(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
    second_moment = nu_q**2 + 1 / tau_q
    total = np.sum(x * x) - 2 * nu_q * np.sum(x) + len(x) * second_moment
    return GammaFactor(alpha0 + 0.5 * len(x), beta0 + 0.5 * total)


def centred(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
    spread = np.var(x) + (np.mean(x) - nu_q) ** 2 + 1 / tau_q
    return np.array([alpha0 + len(x) / 2, beta0 + len(x) / 2 * spread])


def in_a_loop(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
    for value in x:
        alpha0, beta0 = alpha0 + 0.5, beta0 + 0.5 * ((value - nu_q) ** 2 + 1 / tau_q)
    return [np.array([alpha0]), np.array([beta0])]


def by_quadrature(x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float) -> Any:
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    mu = nu_q + nodes / np.sqrt(tau_q)
    expected = weights @ np.sum((np.asarray(x) - mu[:, None]) ** 2, axis=1) / weights.sum()
    return alpha0 + len(x) / 2, beta0 + expected / 2


RIGHT = (
    Right("expanded square", {"update_q_gamma": expanded}),
    Right("centred at the average", {"update_q_gamma": centred}),
    Right("one observation at a time", {"update_q_gamma": in_a_loop}),
    Right("quadrature over q(mu)", {"update_q_gamma": by_quadrature}),
)

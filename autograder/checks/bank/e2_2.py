"""Typical answers to E2.2, `update_q_mu(x, E_gamma, mu0, tau0) -> (nu_q, tau_q)`.

tau_q = tau0 + N E_gamma and nu_q = (tau0 mu0 + E_gamma sum_i x_i) / tau_q.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograder.checks.protocol import Right, Wrong

Array = Any


def solution(x: Array, E_gamma: float, mu0: float, tau0: float) -> tuple[float, float]:
    tau_q = tau0 + len(x) * E_gamma
    return float((tau0 * mu0 + E_gamma * np.sum(x)) / tau_q), float(tau_q)


# Wrong


def one_observation(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    tau_q = tau0 + E_gamma
    return (tau0 * mu0 + E_gamma * np.sum(x)) / tau_q, tau_q


def one_observation_on_average(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    tau_q = tau0 + E_gamma
    return (tau0 * mu0 + E_gamma * np.mean(x)) / tau_q, tau_q


def average_of_x(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    tau_q = tau0 + len(x) * E_gamma
    return (tau0 * mu0 + E_gamma * np.mean(x)) / tau_q, tau_q


def data_not_weighed(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    tau_q = tau0 + len(x) * E_gamma
    return (tau0 * mu0 + np.sum(x)) / tau_q, tau_q


def prior_not_weighed(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    tau_q = tau0 + len(x) * E_gamma
    return (mu0 + E_gamma * np.sum(x)) / tau_q, tau_q


def prior_mean_dropped(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    tau_q = tau0 + len(x) * E_gamma
    return E_gamma * np.sum(x) / tau_q, tau_q


def prior_dropped(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    return np.mean(x), len(x) * E_gamma


def prior_as_variance(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    return solution(x, E_gamma, mu0, 1.0 / tau0)


def gamma_as_variance(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    return solution(x, 1.0 / E_gamma, mu0, tau0)


def average_of_the_data(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    return np.mean(x), tau0 + len(x) * E_gamma


def brackets_missing(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    tau_q = tau0 + len(x) * E_gamma
    return tau0 * mu0 + E_gamma * np.sum(x) / tau_q, tau_q


def variance(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    nu_q, tau_q = solution(x, E_gamma, mu0, tau0)
    return nu_q, 1.0 / tau_q


def standard_deviation(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    nu_q, tau_q = solution(x, E_gamma, mu0, tau0)
    return nu_q, tau_q**-0.5


def natural_parameter(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    nu_q, tau_q = solution(x, E_gamma, mu0, tau0)
    return nu_q * tau_q, tau_q


def half_counts(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    tau_q = tau0 + 0.5 * len(x) * E_gamma
    return (tau0 * mu0 + 0.5 * E_gamma * np.sum(x)) / tau_q, tau_q


def swapped(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    return solution(x, E_gamma, mu0, tau0)[::-1]


WRONG = (
    Wrong(
        "one-observation-only",
        {"update_q_mu": one_observation},
        "There are N observations, and each adds E[γ] to the precision: what is τ_q with twice as "
        "many data?",
    ),
    Wrong(
        "data-as-one-average",
        {"update_q_mu": one_observation_on_average},
        "You treat the average of x as a single observation. N observations weigh N times as much, "
        "in the precision and in the mean.",
    ),
    Wrong(
        "mean-of-x-for-the-sum",
        {"update_q_mu": average_of_x},
        "In your mean the data weigh as much as a single datum: collect the terms that are linear "
        "in μ once more. Is it Σᵢ xᵢ or x̄?",
    ),
    Wrong(
        "data-not-weighed",
        {"update_q_mu": data_not_weighed},
        "ν_q is an average of prior mean and data, each weighed by its precision. The data have "
        "lost theirs, E[γ].",
    ),
    Wrong(
        "prior-mean-not-weighed",
        {"update_q_mu": prior_not_weighed},
        "ν_q is an average of prior mean and data, each weighed by its precision. μ₀ has lost its "
        "own, τ₀.",
    ),
    Wrong(
        "prior-mean-dropped",
        {"update_q_mu": prior_mean_dropped},
        "In the lesson's data μ₀ = 0 hides it: try μ₀ = 3 with a large τ₀. Where should ν_q go?",
    ),
    Wrong(
        "prior-dropped",
        {"update_q_mu": prior_dropped},
        "The prior N(μ₀, prec=τ₀) is part of the log joint: with very few data ν_q must stay near "
        "μ₀.",
    ),
    Wrong(
        "average-of-the-data-returned",
        {"update_q_mu": average_of_the_data},
        "Your mean does not know the prior: it is the plain average of x. Where must ν_q go when "
        "τ₀ is enormous?",
    ),
    Wrong(
        "brackets-missing",
        {"update_q_mu": brackets_missing},
        "Only the data part of your mean is divided by τ_q. Both parts are: mind the brackets.",
    ),
    Wrong(
        "tau0-as-variance",
        {"update_q_mu": prior_as_variance},
        "τ₀ is already a precision: no 1/τ₀. A larger τ₀ must pull ν_q towards μ₀.",
    ),
    Wrong(
        "E-gamma-as-variance",
        {"update_q_mu": gamma_as_variance},
        "γ is the precision of x, so E[γ] enters as it stands, not 1/E[γ]. More precise data make "
        "τ_q larger.",
    ),
    Wrong(
        "variance-returned",
        {"update_q_mu": variance},
        "τ_q is a precision; you return the variance 1/τ_q. More data must make τ_q larger.",
    ),
    Wrong(
        "sd-returned",
        {"update_q_mu": standard_deviation},
        "τ_q is a precision; you return the standard deviation τ_q^(−1/2).",
    ),
    Wrong(
        "natural-parameter-returned",
        {"update_q_mu": natural_parameter},
        "You stop at the coefficient of μ in the exponent, τ_q ν_q. Complete the square: what is "
        "the mean?",
    ),
    Wrong(
        "halves-kept",
        {"update_q_mu": half_counts},
        "The ½ of −½ γ Σ(xᵢ − μ)² is the same ½ as in −½ τ_q (μ − ν_q)²: it belongs to the form of "
        "a Gaussian, not to its precision.",
    ),
    Wrong(
        "results-swapped",
        {"update_q_mu": swapped},
        "Both numbers are right, in the other order: (ν_q, τ_q), mean first.",
    ),
)


# Right


class GaussianFactor(NamedTuple):
    """A named result, which is as good as a tuple."""

    nu_q: float
    tau_q: float


def in_a_loop(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    nu_q, tau_q = mu0, tau0
    for value in x:  # one observation at a time: yesterday's posterior is today's prior
        nu_q = (tau_q * nu_q + E_gamma * value) / (tau_q + E_gamma)
        tau_q = tau_q + E_gamma
    return GaussianFactor(nu_q, tau_q)


def as_weighted_average(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    weight = len(x) * E_gamma / (tau0 + len(x) * E_gamma)
    return [np.array([(1 - weight) * mu0 + weight * np.mean(x)]), tau0 + len(x) * E_gamma]


def from_the_exponent(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    def exponent(mu: float) -> float:
        return -0.5 * E_gamma * np.sum((x - mu) ** 2) - 0.5 * tau0 * (mu - mu0) ** 2

    # A parabola is known from three points.
    low, middle, high = exponent(-1.0), exponent(0.0), exponent(1.0)
    tau_q = 2.0 * middle - low - high
    return (high - low) / (2.0 * tau_q), tau_q


def in_single_precision(x: Array, E_gamma: float, mu0: float, tau0: float) -> Any:
    nu_q, tau_q = solution(x, E_gamma, mu0, tau0)
    return np.array([nu_q, tau_q], dtype=np.float32)


RIGHT = (
    Right("one observation at a time", {"update_q_mu": in_a_loop}),
    Right("weighted average", {"update_q_mu": as_weighted_average}),
    Right("parabola through three points", {"update_q_mu": from_the_exponent}),
    Right("single precision", {"update_q_mu": in_single_precision}),
)

"""Typical answers to E5.1, `score_gaussian(theta, mu, sd) -> (d_mu, d_sd)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from autograd import elementwise_grad
from scipy import stats

from autograder.checks.bank.e5_densities import log_normal
from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Pair = tuple[Array, Array]


def _named(function: Callable[..., Any]) -> Implementation:
    return {"score_gaussian": function}


def inverse_sd(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd, (theta - mu) ** 2 / sd**3 - 1 / sd


def without_normaliser(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd**2, (theta - mu) ** 2 / sd**3


def in_variance(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd**2, ((theta - mu) ** 2 / sd**2 - 1) / (2 * sd**2)


def in_log_sd(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd**2, (theta - mu) ** 2 / sd**2 - 1


def in_theta(theta: Array, mu: Array, sd: Array) -> Pair:
    return -(theta - mu) / sd**2, (theta - mu) ** 2 / sd**3 - 1 / sd


def sd_as_variance(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd, ((theta - mu) ** 2 / sd - 1) / (2 * sd)


def sd_sign_flipped(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd**2, 1 / sd - (theta - mu) ** 2 / sd**3


def square_over_sd_squared(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd**2, (theta - mu) ** 2 / sd**2 - 1 / sd


def half_kept(theta: Array, mu: Array, sd: Array) -> Pair:
    return 0.5 * (theta - mu) / sd**2, 0.5 * (theta - mu) ** 2 / sd**3 - 1 / sd


def half_kept_in_sd(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd**2, 0.5 * (theta - mu) ** 2 / sd**3 - 1 / sd


def half_kept_in_mu(theta: Array, mu: Array, sd: Array) -> Pair:
    return 0.5 * (theta - mu) / sd**2, (theta - mu) ** 2 / sd**3 - 1 / sd


def two_kept(theta: Array, mu: Array, sd: Array) -> Pair:
    return 2 * (theta - mu) / sd**2, (theta - mu) ** 2 / sd**3 - 1 / sd


def two_kept_in_both(theta: Array, mu: Array, sd: Array) -> Pair:
    return 2 * (theta - mu) / sd**2, 2 * (theta - mu) ** 2 / sd**3 - 1 / sd


def half_log_sd(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd**2, (theta - mu) ** 2 / sd**3 - 0.5 / sd


def gap_not_squared(theta: Array, mu: Array, sd: Array) -> Pair:
    return (theta - mu) / sd**2, (theta - mu) / sd**3 - 1 / sd


def summed_over_coordinates(theta: Array, mu: Array, sd: Array) -> Pair:
    d_mu, d_sd = z_form(theta, mu, sd)
    return np.sum(d_mu, axis=-1), np.sum(d_sd, axis=-1)


def averaged_over_samples(theta: Array, mu: Array, sd: Array) -> Pair:
    d_mu, d_sd = z_form(theta, mu, sd)
    return np.mean(d_mu, axis=0), np.mean(d_sd, axis=0)


def of_the_density(theta: Array, mu: Array, sd: Array) -> Pair:
    q = stats.norm.pdf(theta, mu, sd)
    d_mu, d_sd = z_form(theta, mu, sd)
    return q * d_mu, q * d_sd


def density_ratio(theta: Array, mu: Array, sd: Array) -> Pair:
    q = stats.norm.pdf(theta, mu, sd)
    d_mu, d_sd = of_the_density(theta, mu, sd)
    return d_mu / q, d_sd / q


def swapped(theta: Array, mu: Array, sd: Array) -> Pair:
    d_mu, d_sd = z_form(theta, mu, sd)
    return d_sd, d_mu


def integer_arrays(theta: Array, mu: Array, sd: Array) -> Pair:
    d_mu, d_sd = np.zeros_like(theta), np.zeros_like(theta)
    d_mu[:] = (theta - mu) / sd**2
    d_sd[:] = (theta - mu) ** 2 / sd**3 - 1 / sd
    return d_mu, d_sd


def z_form(theta: Array, mu: Array, sd: Array) -> Pair:
    z = (theta - mu) / sd
    return z / sd, (z**2 - 1) / sd


def by_autograd(theta: Array, mu: Array, sd: Array) -> Pair:
    shape = np.shape(theta)
    mus = np.array(np.broadcast_to(mu, shape), dtype=float)
    sds = np.array(np.broadcast_to(sd, shape), dtype=float)
    gradients = [elementwise_grad(log_normal, k)(theta, mus, sds) for k in (1, 2)]
    return gradients[0], gradients[1]


def by_loops(theta: Array, mu: Array, sd: Array) -> list[list[list[float]]]:
    d_mu = [[float(t - m) / s**2 for t, m, s in zip(row, mu, sd, strict=True)] for row in theta]
    d_sd = [
        [float(t - m) ** 2 / s**3 - 1 / s for t, m, s in zip(row, mu, sd, strict=True)]
        for row in theta
    ]
    return [d_mu, d_sd]


@dataclass
class Score:
    """Both parts of the score, named."""

    d_mu: Array
    d_sd: Array


def as_dataclass(theta: Array, mu: Array, sd: Array) -> Score:
    prec = sd**-2.0
    return Score(prec * (theta - mu), prec**1.5 * (theta - mu) ** 2 - prec**0.5)


def in_single_precision(theta: Array, mu: Array, sd: Array) -> Pair:
    d_mu, d_sd = z_form(theta, mu, sd)
    return d_mu.astype(np.float32), d_sd.astype(np.float32)


WRONG = (
    Wrong(
        "one-over-sd",
        _named(inverse_sd),
        "Check the units of `d_mu`: log q has none, so its derivative in `mu` is measured in "
        "1/theta. With how many powers of `sd` does that agree?",
    ),
    Wrong(
        "normaliser-forgotten",
        _named(without_normaliser),
        "Average your `d_sd` over draws of q: it must be 0, as for every score. "
        "Which part of log q, besides the square, depends on `sd`?",
    ),
    Wrong(
        "derivative-in-the-variance",
        _named(in_variance),
        "Your second part is the derivative in sd². We ask for the one in `sd`: "
        "what is the chain rule's factor d sd² / d sd?",
    ),
    Wrong(
        "derivative-in-log-sd",
        _named(in_log_sd),
        "Your second part is the derivative in log sd, which is `sd` times the one we ask for. "
        "(You will want it in E5.5.)",
    ),
    Wrong(
        "derivative-in-theta",
        _named(in_theta),
        "You differentiated in `theta`. The score is the derivative in the parameters: "
        "if `mu` moves towards a draw, does that draw become more or less likely?",
    ),
    Wrong(
        "sd-taken-as-variance",
        _named(sd_as_variance),
        "You used `sd` where log q has a variance. The third argument is a standard deviation: "
        "square it once in the exponent before you differentiate.",
    ),
    Wrong(
        "sign-of-d_sd",
        _named(sd_sign_flipped),
        "Look at a draw far from `mu`: would a wider q make it more or less likely? "
        "`d_sd` must have that sign there.",
    ),
    Wrong(
        "square-over-sd-squared",
        _named(square_over_sd_squared),
        "The two terms of your `d_sd` have different units. "
        "What is the derivative of 1/sd² in `sd`?",
    ),
    Wrong(
        "half-kept",
        _named(half_kept),
        "A factor 1/2 has survived. Differentiating a square brings down a 2: "
        "what does it do to the 1/2 in front?",
        also=(_named(half_kept_in_sd), _named(half_kept_in_mu)),
    ),
    Wrong(
        "two-kept",
        _named(two_kept),
        "A factor 2 has survived. The exponent of q has a 1/2 in front of the square: "
        "what does it do to the 2 that differentiating brings down?",
        also=(_named(two_kept_in_both),),
    ),
    Wrong(
        "half-log-sd",
        _named(half_log_sd),
        "Check the normaliser: q has 1/sd in front, so log q has -log sd. "
        "The 1/2 goes with log sd², not with log sd.",
    ),
    Wrong(
        "gap-not-squared",
        _named(gap_not_squared),
        "`d_sd` must not depend on the side on which `theta` lies: "
        "what happened to the square of (theta - mu)?",
    ),
    Wrong(
        "summed-over-coordinates",
        _named(summed_over_coordinates),
        "Each coordinate has parameters of its own, so each keeps a score of its own: "
        "return (S, D), not the sum over D.",
    ),
    Wrong(
        "averaged-over-samples",
        _named(averaged_over_samples),
        "Keep one score per draw, (S, D). The average comes in E5.2, "
        "after each score has been multiplied by its weight.",
    ),
    Wrong(
        "derivative-of-the-density",
        _named(of_the_density),
        "This is the derivative of q itself. The score is that of log q: "
        "what do you have to divide by?",
    ),
    Wrong(
        "ratio-of-densities",
        _named(density_ratio),
        "Far out q underflows to 0, and you divide 0 by 0. "
        "Differentiate log q on paper: the density itself then never appears.",
    ),
    Wrong(
        "order-swapped",
        _named(swapped),
        "The two results came in the other order: first `d_mu`, then `d_sd`.",
    ),
    Wrong(
        "integers-truncated",
        _named(integer_arrays),
        "With integer input your result is rounded to integers: "
        "an array made by `zeros_like` inherits the type of its model.",
    ),
)

RIGHT = (
    Right("in terms of z", _named(z_form)),
    Right("autograd, elementwise", _named(by_autograd)),
    Right("loops and lists", _named(by_loops)),
    Right("a dataclass, by the precision", _named(as_dataclass)),
    Right("single precision", _named(in_single_precision)),
)

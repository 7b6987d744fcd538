"""Typical answers to E1.1, `gaussian_kl(mu_q, sd_q, mu_p, sd_p)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def _named(function: Callable[..., Any]) -> Implementation:
    return {"gaussian_kl": function}


def kl(mu_q: Array, sd_q: Array, mu_p: Array, sd_p: Array) -> Array:
    return np.log(sd_p / sd_q) + (sd_q**2 + (mu_q - mu_p) ** 2) / (2 * sd_p**2) - 0.5


def _of(
    log: Callable[..., Array] = lambda q, p: np.log(p / q),
    squares: Callable[..., Array] = lambda gap, q, p: (q**2 + gap**2) / (2 * p**2),
    constant: float = 0.5,
) -> Implementation:
    """The formula with another logarithm of sd_q, sd_p, other squares, another constant."""
    return _named(
        lambda mu_q, sd_q, mu_p, sd_p: log(sd_q, sd_p) + squares(mu_q - mu_p, sd_q, sd_p) - constant
    )


def _around(change: Callable[..., Array]) -> Implementation:
    """Something done to the right result."""
    return _named(lambda *arguments: change(kl(*arguments)))


def symmetrised(mu_q: Array, sd_q: Array, mu_p: Array, sd_p: Array) -> Array:
    return 0.5 * (kl(mu_q, sd_q, mu_p, sd_p) + kl(mu_p, sd_p, mu_q, sd_q))


def cross_entropy(mu_q: Array, sd_q: Array, mu_p: Array, sd_p: Array) -> Array:
    return 0.5 * np.log(2 * np.pi * sd_p**2) + (sd_q**2 + (mu_q - mu_p) ** 2) / (2 * sd_p**2)


def pairs_in_a_row(mu_q: Array, sd_q: Array, mu_p: Array, sd_p: Array) -> Array:
    arguments = (np.ravel(argument) for argument in (mu_q, sd_q, mu_p, sd_p))
    found = np.array([kl(*pair) for pair in zip(*arguments, strict=False)])
    return found if np.ndim(mu_q) else found[0]


def integer_result(mu_q: Array, sd_q: Array, mu_p: Array, sd_p: Array) -> Array:
    found = kl(mu_q, sd_q, mu_p, sd_p)
    return found if np.ndim(found) == 0 else found.astype(np.asarray(mu_q + 0 * sd_q).dtype)


WRONG = (
    Wrong(
        "direction-swapped",
        _named(lambda mu_q, sd_q, mu_p, sd_p: kl(mu_p, sd_p, mu_q, sd_q)),
        "That is the KL divergence of p from q. Under which of the two densities do you average "
        "log q − log p?",
    ),
    Wrong(
        "sd-taken-as-variance",
        _of(lambda q, p: 0.5 * np.log(p / q), lambda gap, q, p: (q + gap**2) / (2 * p)),
        "The second and the fourth argument are standard deviations. How often is each of them "
        "squared in your formula?",
        also=(
            _of(squares=lambda gap, q, p: (q + gap**2) / (2 * p)),
            _of(squares=lambda gap, q, p: (q + gap**2) / (2 * p**2)),
        ),
    ),
    Wrong(
        "fraction-without-brackets",
        _of(squares=lambda gap, q, p: (q**2 + gap**2) / 2 * p**2),
        "Check the brackets of your fraction: Python reads `a / 2 * b` from left to right, as "
        "(a/2) times b.",
        also=(_of(squares=lambda gap, q, p: q**2 + gap**2 / (2 * p**2)),),
    ),
    Wrong(
        "half-forgotten",
        _of(constant=0.0),
        "Put in two equal Gaussians: the KL divergence of a density from itself must be 0. What "
        "does −E_q[(θ − μ_q)²] / (2 sd_q²) give?",
    ),
    Wrong(
        "gap-not-squared",
        _of(squares=lambda gap, q, p: (q**2 + gap) / (2 * p**2)),
        "Move p to the other side of q, by the same distance. Can the KL divergence depend on the "
        "side?",
    ),
    Wrong(
        "gap-in-units-of-q",
        _of(squares=lambda gap, q, p: q**2 / (2 * p**2) + gap**2 / (2 * q**2)),
        "In whose units is the gap between the means measured? It comes from log p, so look at the "
        "denominator there.",
        also=(_of(squares=lambda gap, q, p: (p**2 + gap**2) / (2 * q**2)),),
    ),
    Wrong(
        "log-ratio-inverted",
        _of(lambda q, p: np.log(q / p)),
        "Check the logarithm: −log sd_q comes from log q with a plus, −log sd_p from log p with a "
        "minus. Which of the sds ends up on top?",
    ),
    Wrong(
        "log-of-variances-without-half",
        _of(lambda q, p: np.log(p**2 / q**2)),
        "The normaliser of a Gaussian is 1/sd, not 1/sd²: either the logarithm of the ratio of the "
        "sds, or half of that of the variances.",
    ),
    Wrong(
        "half-log-of-sds",
        _of(lambda q, p: 0.5 * np.log(p / q)),
        "The ½ before the logarithm belongs to a ratio of variances; you have that of the sds.",
    ),
    Wrong(
        "two-forgotten",
        _of(squares=lambda gap, q, p: (q**2 + gap**2) / p**2),
        "The exponent of a Gaussian is −(θ − μ)² / (2 sd²): where is the 2?",
    ),
    Wrong(
        "twice-too-large",
        _around(lambda found: 2 * found),
        "This is twice the KL divergence: a factor ½ in front of everything is missing.",
    ),
    Wrong(
        "at-the-mean",
        _of(squares=lambda gap, q, p: gap**2 / (2 * p**2), constant=0.0),
        "That is log q − log p at the mean of q. The KL divergence *averages* it over q: what is "
        "E_q[(θ − μ_p)²], and E_q[(θ − μ_q)²]?",
    ),
    Wrong(
        "variance-of-q-forgotten",
        _of(squares=lambda gap, q, p: gap**2 / (2 * p**2)),
        "E_q[(θ − μ_p)²] is more than the squared gap between the means: θ itself varies under q.",
    ),
    Wrong(
        "cross-entropy",
        _named(cross_entropy),
        "That is −E_q[log p]. The KL divergence also has E_q[log q], minus the entropy of q.",
    ),
    Wrong(
        "normalisers-forgotten",
        _of(lambda q, p: 0.0),
        "The densities have normalisers, 1/sd_q and 1/sd_p: their logarithms do not cancel.",
    ),
    Wrong(
        "negated",
        _around(lambda found: -found),
        "A KL divergence is never negative. It is E_q[log q − log p], and you have log p − log q.",
    ),
    Wrong(
        "symmetrised",
        _named(symmetrised),
        "You took the mean of the two directions. The KL divergence is not symmetric, and here the "
        "average is over q only.",
    ),
    Wrong(
        "another-base",
        _of(lambda q, p: np.log2(p / q)),
        "We measure in nats: the logarithm is the natural one, `np.log`.",
        also=(_of(lambda q, p: np.log10(p / q)),),
    ),
    Wrong(
        "summed",
        _around(np.sum),
        "Return one KL divergence for each pair, in the arguments' shape: do not add them up.",
    ),
    Wrong(
        "averaged",
        _around(np.mean),
        "Return one KL divergence for each pair: there is nothing left to average, the expectation "
        "over θ was done on paper.",
    ),
    Wrong(
        "single-numbers-only",
        _of(lambda q, p: math.log(p / q)),
        "Your function is right for single numbers and fails for arrays: `np.log` takes arrays, "
        "`math.log` does not, and neither does `float`.",
        also=(_around(float),),
    ),
    Wrong(
        "pairs-in-a-row",
        _named(pairs_in_a_row),
        "You walk through the arguments side by side. (3, 1) and (4,) broadcast to (3, 4): let "
        "NumPy do the loop.",
    ),
    Wrong(
        "whole-numbers-truncated",
        _named(integer_result),
        "With whole numbers as input your result is cut to whole numbers: an array made by "
        "`zeros_like` inherits the type of its model.",
    ),
)


# Right


def by_variances(mu_q: Array, sd_q: Array, mu_p: Array, sd_p: Array) -> Array:
    ratio = np.square(sd_q / sd_p)
    return 0.5 * (ratio - 1 - np.log(ratio) + np.square((mu_q - mu_p) / sd_p))


def cross_entropy_minus_entropy(mu_q: Array, sd_q: Array, mu_p: Array, sd_p: Array) -> Array:
    entropy = 0.5 * np.log(2 * np.pi * np.e * np.square(sd_q))
    return np.maximum(cross_entropy(mu_q, sd_q, mu_p, sd_p) - entropy, 0.0)


def as_matrices(mu_q: Array, sd_q: Array, mu_p: Array, sd_p: Array) -> Array:
    mu_q, sd_q, mu_p, sd_p = np.broadcast_arrays(mu_q, sd_q, mu_p, sd_p)
    S0, S1 = (np.array(sd, dtype=float)[..., None, None] ** 2 for sd in (sd_q, sd_p))
    gap = (mu_p - mu_q)[..., None, None]
    trace = np.trace(np.linalg.solve(S1, S0), axis1=-2, axis2=-1)
    square = (np.swapaxes(gap, -1, -2) @ np.linalg.solve(S1, gap.astype(float)))[..., 0, 0]
    log_dets = np.linalg.slogdet(S1)[1] - np.linalg.slogdet(S0)[1]
    return 0.5 * (trace - 1 + square + log_dets)


def by_quadrature(mu_q: Array, sd_q: Array, mu_p: Array, sd_p: Array) -> Array:
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    theta = np.asarray(mu_q)[..., None] + np.asarray(sd_q)[..., None] * nodes
    mu, sd = np.asarray(mu_p)[..., None], np.asarray(sd_p)[..., None]
    log_q = -np.log(np.asarray(sd_q)[..., None]) - 0.5 * nodes**2
    log_p = -np.log(sd) - 0.5 * ((theta - mu) / sd) ** 2
    return np.sum(weights * (log_q - log_p), axis=-1) / np.sum(weights)


RIGHT = (
    Right("by the ratio of the variances", _named(by_variances)),
    Right("cross entropy minus entropy, clipped at 0", _named(cross_entropy_minus_entropy)),
    Right("the formula for matrices, with 1x1 matrices", _named(as_matrices)),
    Right("Gauss-Hermite quadrature", _named(by_quadrature)),
    Right("element by element", _named(np.vectorize(kl, otypes=[float]))),
)

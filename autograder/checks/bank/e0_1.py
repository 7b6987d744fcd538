"""Typical answers to E0.1, `log_normal(theta, mean, sd)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from scipy import stats

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def _named(function: Callable[..., Any]) -> Implementation:
    return {"log_normal": function}


def right(theta: Array, mean: Array, sd: Array) -> Array:
    return -HALF_LOG_2PI - np.log(sd) - 0.5 * ((theta - mean) / sd) ** 2


def _of(
    constant: float = HALF_LOG_2PI,
    log: Callable[[Array], Array] = np.log,
    square: Callable[[Array, Array], Array] = lambda gap, sd: 0.5 * (gap / sd) ** 2,
) -> Implementation:
    """The formula with another constant, another function of the sd, another square."""
    return _named(lambda theta, mean, sd: -constant - log(sd) - square(theta - mean, sd))


def _around(change: Callable[[Array], Array]) -> Implementation:
    """Something done to the right result."""
    return _named(lambda *arguments: change(right(*arguments)))


def variance(theta: Array, mean: Array, sd: Array) -> Array:
    return -0.5 * np.log(2 * np.pi * sd) - (theta - mean) ** 2 / (2 * sd)


def density(theta: Array, mean: Array, sd: Array) -> Array:
    return np.exp(-0.5 * ((theta - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))


def single_numbers(theta: Array, mean: Array, sd: Array) -> Array:
    return -HALF_LOG_2PI - math.log(sd) - 0.5 * ((theta - mean) / sd) ** 2


def truncated(theta: Array, mean: Array, sd: Array) -> Array:
    found = right(theta, mean, sd)
    return found.astype(np.result_type(theta, mean, sd)) if np.ndim(found) else found


WRONG = (
    Wrong(
        "sd-in-normaliser-forgotten",
        _of(log=lambda sd: 0.0),
        "A density integrates to 1, so a wider one must be lower. Where does `sd` lower yours?",
    ),
    Wrong(
        "half-forgotten",
        _of(square=lambda gap, sd: (gap / sd) ** 2),
        "By how much does the log density fall from the mean to one sd away? Look at the formula.",
    ),
    Wrong(
        "sd-taken-as-variance",
        _named(variance),
        "`sd` is a standard deviation: what has to be squared before it may stand under (θ - m)²?",
        also=(_of(square=lambda gap, sd: gap**2 / (2 * sd)),),
    ),
    Wrong(
        "normaliser-forgotten",
        _of(constant=0.0, log=lambda sd: 0.0),
        "The exponent is there. Which factor in front of it makes the density integrate to 1?",
        also=(_of(constant=0.0),),
    ),
    Wrong(
        "density-returned",
        _named(density),
        "A log density is negative wherever the density is below 1. Did you take the logarithm?",
    ),
    Wrong(
        "logarithm-of-the-density",
        _named(lambda *arguments: np.log(density(*arguments))),
        "40 sds from the mean the density is 0 for the computer. Can you do without `exp`?",
    ),
    Wrong(
        "log-sd-added",
        _of(log=lambda sd: -np.log(sd)),
        "The density has 1/sd in front. Which sign has the logarithm of 1/sd?",
    ),
    Wrong(
        "gap-not-squared",
        _of(square=lambda gap, sd: 0.5 * gap / sd**2),
        "Can the density depend on the side of the mean on which θ lies?",
        also=(
            _of(square=lambda gap, sd: 0.5 * gap / sd),
            _of(square=lambda g, s: 0.5 * abs(g / s)),
        ),
    ),
    Wrong(
        "square-added",
        _of(square=lambda gap, sd: -0.5 * (gap / sd) ** 2),
        "Where is the density highest, at the mean or far away from it? Look at a sign.",
    ),
    Wrong(
        "decimal-logarithm",
        _of(constant=0.5 * math.log10(2 * math.pi), log=np.log10),
        "This course measures in nats: which of NumPy's logarithms is the natural one?",
    ),
    Wrong(
        "negated",
        _around(np.negative),
        "This is minus the log density. Others call that a loss; what is asked for here?",
    ),
    Wrong(
        "summed",
        _around(np.sum),
        "One value for each θ, please: who adds them up, and over what, is decided later.",
        also=(_around(lambda value: np.sum(value, axis=-1) if np.ndim(value) else value),),
    ),
    Wrong(
        "single-numbers-only",
        _named(single_numbers),
        "For arrays it does not work yet: use NumPy's functions, which take them entry by entry.",
    ),
    Wrong(
        "whole-numbers-truncated",
        _named(truncated),
        "Whole numbers in do not mean whole numbers out: did you fix the type of the result?",
    ),
)


def by_loop(theta: Array, mean: Array, sd: Array) -> Array:
    arrays = np.broadcast_arrays(theta, mean, sd)
    found = [right(*map(float, each)) for each in zip(*map(np.ravel, arrays), strict=True)]
    return np.reshape(found, arrays[0].shape)


def by_variance(theta: Array, mean: Array, sd: Array) -> Array:
    var = np.square(np.asarray(sd, float))
    return -0.5 * (np.log(2 * np.pi * var) + (theta - mean) ** 2 / var)


RIGHT = (
    Right("by the variance", _named(by_variance)),
    Right("loop", _named(by_loop)),
    Right("scipy.stats", _named(lambda theta, mean, sd: stats.norm.logpdf(theta, mean, sd))),
    Right(
        "autograd.numpy",
        _named(lambda t, m, s: -anp.log(s * anp.sqrt(2 * anp.pi)) - ((t - m) / s) ** 2 / 2),
    ),
)

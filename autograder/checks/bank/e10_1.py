"""Typical answers to E10.1, `gaussian_log_likelihood(y, mu, log_var)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from scipy import stats

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
LOG_2PI = math.log(2.0 * math.pi)


def _named(function: Callable[..., Any]) -> Implementation:
    return {"gaussian_log_likelihood": function}


def _square(y: Array, mu: Array, log_var: Array) -> Array:
    return (y - mu) ** 2 * np.exp(-log_var)


def solution(y: Array, mu: Array, log_var: Array) -> Array:
    return -0.5 * (LOG_2PI + log_var + _square(y, mu, log_var))


def _from(reduce: Callable[[Array], Any]) -> Implementation:
    """What `reduce` makes of the right values."""
    return _named(lambda y, mu, log_var: reduce(solution(y, mu, log_var)))


def with_variance(change: Callable[[Array], Array]) -> Implementation:
    """The right formula with a variance that was tampered with."""

    def answer(y: Array, mu: Array, log_var: Array) -> Array:
        var = change(np.exp(log_var))
        return -0.5 * (LOG_2PI + np.log(var) + (y - mu) ** 2 / var)

    return _named(answer)


def multiplied_out(y: Array, mu: Array, log_var: Array) -> Array:
    return -0.5 * (LOG_2PI + log_var + (y**2 - 2 * y * mu + mu**2) * np.exp(-log_var))


def in_whole_numbers(y: Array, mu: Array, log_var: Array) -> Array:
    out = np.zeros_like(y)
    out[...] = solution(y, mu, log_var)
    return out


WRONG = (
    Wrong(
        "log-var-taken-as-log-sd",
        _named(
            lambda y, mu, log_var: (
                -0.5 * LOG_2PI - log_var - 0.5 * (y - mu) ** 2 * np.exp(-2.0 * log_var)
            )
        ),
        "You use `log_var` as the logarithm of the *sd*. Which factor lies between log sd and "
        "log variance?",
        also=(
            _named(lambda y, mu, log_var: -0.5 * LOG_2PI - log_var - 0.5 * _square(y, mu, log_var)),
            _named(
                lambda y, mu, log_var: (
                    -0.5 * (LOG_2PI + log_var + (y - mu) ** 2 * np.exp(-2.0 * log_var))
                )
            ),
        ),
    ),
    Wrong(
        "negated",
        _from(lambda values: -values),
        "That is the *negative* log likelihood, a loss. Asked is the log likelihood itself: "
        "larger is better.",
    ),
    Wrong(
        "averaged-over-points",
        _from(np.mean),
        "Return one value a point. Whoever calls it decides between the sum and the mean, and "
        "beside a KL divergence only the sum is right.",
        also=(_from(lambda values: np.mean(values, axis=-1)),),
    ),
    Wrong(
        "summed-over-points",
        _from(np.sum),
        "Return one value a point, not their sum: a table of log likelihoods shows which points "
        "the model finds surprising.",
        also=(_from(lambda values: np.sum(values, axis=-1)),),
    ),
    Wrong(
        "two-pi-dropped",
        _from(lambda values: values + 0.5 * LOG_2PI),
        "The constant −½ log 2π does not move the maximum, but a density without it does not "
        "integrate to 1, and two models could not be compared.",
        also=(
            _named(
                lambda y, mu, log_var: (
                    -0.5 * (math.log(math.pi) + log_var + _square(y, mu, log_var))
                )
            ),
            _named(lambda y, mu, log_var: -LOG_2PI - 0.5 * (log_var + _square(y, mu, log_var))),
        ),
    ),
    Wrong(
        "log-variance-forgotten",
        _named(lambda y, mu, log_var: -0.5 * (LOG_2PI + _square(y, mu, log_var))),
        "Nothing in your value punishes a large variance, so a network would report an infinite "
        "one. Which term of the density does?",
        also=(_named(lambda y, mu, log_var: -0.5 * _square(y, mu, log_var)),),
    ),
    Wrong(
        "log-variance-rewarded",
        _named(lambda y, mu, log_var: -0.5 * (LOG_2PI - log_var + _square(y, mu, log_var))),
        "Where does the density of a wider Gaussian peak, higher or lower? Look at the sign of "
        "`log_var`.",
    ),
    Wrong(
        "half-forgotten",
        _named(lambda y, mu, log_var: -0.5 * (LOG_2PI + log_var) - _square(y, mu, log_var)),
        "One of the factors ½ is missing. Check that the value at y = mu with log_var = 0 is "
        "−0.9189, and at y = mu + 1 lower by exactly ½.",
        also=(_named(lambda y, mu, log_var: -LOG_2PI - log_var - _square(y, mu, log_var)),),
    ),
    Wrong(
        "not-squared",
        _named(
            lambda y, mu, log_var: (
                -0.5 * (LOG_2PI + log_var + np.abs(y - mu) * np.exp(-0.5 * log_var))
            )
        ),
        "The Gaussian falls with the *square* of the residual in units of sd.",
        also=(
            _named(lambda y, mu, log_var: -0.5 * (LOG_2PI + log_var + (y - mu) * np.exp(-log_var))),
            _named(
                lambda y, mu, log_var: (
                    -0.5 * (LOG_2PI + log_var + np.abs(y - mu) * np.exp(-log_var))
                )
            ),
        ),
    ),
    Wrong(
        "divided-by-the-sd",
        _named(
            lambda y, mu, log_var: (
                -0.5 * (LOG_2PI + log_var + (y - mu) ** 2 * np.exp(-0.5 * log_var))
            )
        ),
        "The squared residual is divided by the variance, not by the sd: what are the units of "
        "(y − mu)²?",
    ),
    Wrong(
        "multiplied-by-the-variance",
        _named(lambda y, mu, log_var: -0.5 * (LOG_2PI + log_var + (y - mu) ** 2 * np.exp(log_var))),
        "You multiply the squared residual by the variance. A noisy point should count less, not "
        "more: exp(−log_var).",
    ),
    Wrong(
        "variance-not-exponentiated",
        _named(
            lambda y, mu, log_var: (
                -0.5 * (LOG_2PI + np.log(np.abs(log_var)) + (y - mu) ** 2 / np.abs(log_var))
            )
        ),
        "You use `log_var` as if it were the variance. It may be negative; the variance is its "
        "exponential.",
        also=(
            _named(lambda y, mu, log_var: -0.5 * (LOG_2PI + log_var + (y - mu) ** 2 / log_var)),
            _named(
                lambda y, mu, log_var: (
                    -0.5 * (LOG_2PI + np.log(1.0 * log_var) + (y - mu) ** 2 / log_var)
                )
            ),
        ),
    ),
    Wrong(
        "logarithm-forgotten",
        _named(
            lambda y, mu, log_var: (
                -0.5 * 2.0 * math.pi * np.exp(log_var) - 0.5 * _square(y, mu, log_var)
            )
        ),
        "The normaliser of the density is a factor (2π var)^(−½). In the *log* density it is "
        "−½ log(2π var): you left out the log, as a published derivation does.",
        also=(
            _named(
                lambda y, mu, log_var: -0.5 * (LOG_2PI + np.exp(log_var) + _square(y, mu, log_var))
            ),
        ),
    ),
    Wrong(
        "density-returned",
        _from(np.exp),
        "That is the density. Asked is its logarithm; at a residual of 40 sds the density is 0 in "
        "floating point.",
    ),
    Wrong(
        "variance-padded",
        with_variance(lambda var: var + 1e-6),
        "Something is added to the variance, or it is cut off. A log variance needs no such "
        "help: write exp(−log_var) and nothing can be divided by 0.",
        also=(
            with_variance(lambda var: var + 1e-8),
            with_variance(lambda var: var + 1e-4),
            with_variance(lambda var: np.maximum(var, 1e-6)),
            with_variance(lambda var: np.clip(var, 1e-8, 1e8)),
            with_variance(lambda var: np.clip(var, 1e-6, 1e6)),
            with_variance(lambda var: np.clip(var, np.exp(-10.0), np.exp(10.0))),
            with_variance(lambda var: np.clip(var, np.exp(-20.0), np.exp(20.0))),
            _named(
                lambda y, mu, log_var: (
                    -0.5 * (LOG_2PI + log_var + (y - mu) ** 2 / (np.exp(log_var) + 1e-8))
                )
            ),
            _named(
                lambda y, mu, log_var: (
                    -0.5 * (LOG_2PI + log_var + (y - mu) ** 2 / (np.exp(log_var) + 1e-6))
                )
            ),
        ),
    ),
    Wrong(
        "square-multiplied-out",
        _named(multiplied_out),
        "y² − 2 y mu + mu² is right on paper. Where y is close to mu and the variance tiny, it "
        "subtracts numbers that agree in nearly all digits: subtract first, then square.",
    ),
    Wrong(
        "whole-numbers-truncated",
        _named(in_whole_numbers),
        "For whole numbers your result is cut to whole numbers: an array made by `zeros_like` "
        "inherits the type of its model.",
    ),
)


# Right


def with_scipy(y: Array, mu: Array, log_var: Array) -> Array:
    return stats.norm.logpdf(y, loc=mu, scale=np.exp(0.5 * np.asarray(log_var)))


def standardised(y: Array, mu: Array, log_var: Array) -> Array:
    sd = anp.exp(0.5 * log_var)
    z = (y - mu) / sd
    return -0.5 * z**2 - anp.log(sd) - 0.5 * anp.log(2 * anp.pi)


def by_loops(y: Array, mu: Array, log_var: Array) -> Any:
    y, mu, log_var = np.broadcast_arrays(y, mu, log_var)
    if y.ndim:
        return [by_loops(*row) for row in zip(y, mu, log_var, strict=True)]
    var = math.exp(log_var)
    return -((float(y) - float(mu)) ** 2) / (2 * var) - math.log(2 * math.pi * var) / 2


def in_single_precision(y: Array, mu: Array, log_var: Array) -> Array:
    return np.asarray(solution(y, mu, log_var), dtype=np.float32)


RIGHT = (
    Right("SciPy's normal density", _named(with_scipy)),
    Right("standardised first", _named(standardised)),
    Right("loops and lists", _named(by_loops)),
    Right("single precision", _named(in_single_precision)),
)

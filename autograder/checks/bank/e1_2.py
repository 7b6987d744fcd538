"""Typical answers to E1.2, `kl_monte_carlo(log_q, log_p, theta) -> (estimate, std_error)`.

Most slips concern one of the two numbers; `ESTIMATES` and `ERRORS` compute it from the values of
log q and log p at the draws, and the check names them by it whatever the other number is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Number = Callable[[Array, Array], Any]
"""From log q and log p at the draws, (S,) each, to a number."""
Slips = dict[str, tuple[str, tuple[Number, ...]]]
"""From the name of a mistake to its hint and the ways in which it is made."""


def _named(function: Callable[..., Any]) -> Implementation:
    return {"kl_monte_carlo": function}


def error_of(terms: Array, ddof: int) -> Any:
    return np.std(terms, ddof=ddof) / np.sqrt(len(terms))


def _both(change: Callable[[Any, int], Any]) -> tuple[Number, ...]:
    """`change(sd, S)` of the sd of the terms, with denominators S - 1 and S."""
    return (
        lambda q, p: change(np.std(q - p, ddof=1), len(q)),
        lambda q, p: change(np.std(q - p), len(q)),
    )


def tiny_added(log_q: Array, log_p: Array) -> Any:
    return np.mean(np.log(np.exp(log_q) + 1e-300) - np.log(np.exp(log_p) + 1e-300))


def log_mean(terms: Array) -> Any:
    return np.log(np.mean(np.exp(terms)))


def self_normalised(log_q: Array, log_p: Array) -> Any:
    weights = np.exp(log_p - log_q)
    return np.sum(weights * (log_q - log_p)) / np.sum(weights)


ESTIMATES: Slips = {
    "log-p-minus-log-q": (
        "The sign is reversed: KL(q‖p) = E_q[log q − log p], so that a KL divergence is positive.",
        (lambda q, p: np.mean(p - q),),
    ),
    "density-multiplied-again": (
        "The q in ∫ q (log q − log p) dθ has been used already: the draws come from q. "
        "Multiplying by q(θ) counts it twice.",
        (
            lambda q, p: np.mean(np.exp(q) * (q - p)),
            lambda q, p: np.sum(np.exp(q) * (q - p)),
            lambda q, p: np.mean(q * (q - p)),
            lambda q, p: np.sum(q * (q - p)),
        ),
    ),
    "ratio-without-logarithm": (
        "You average the ratio of the densities itself. The KL divergence averages its "
        "*logarithm*, and that is simply the difference of the two log densities.",
        (lambda q, p: np.mean(np.exp(q - p)), lambda q, p: np.mean(np.exp(p - q))),
    ),
    "logarithm-of-a-logarithm": (
        "`log_q` and `log_p` give logarithms already. The logarithm of q/p is the difference of "
        "the two, not their ratio.",
        (lambda q, p: np.mean(np.log(q / p)), lambda q, p: np.mean(q / p)),
    ),
    "logarithm-outside": (
        "The logarithm stands inside the average: E[log(q/p)], not log E[q/p]. By Jensen's "
        "inequality these differ.",
        (lambda q, p: log_mean(q - p), lambda q, p: -log_mean(p - q)),
    ),
    "sum-for-mean": (
        "Twice as many draws must not double the estimate: average, do not add.",
        (lambda q, p: np.sum(q - p),),
    ),
    "weights-normalised": (
        "No importance weights are needed here: the draws already come from q, under which the "
        "average is taken.",
        (self_normalised,),
    ),
    "other-direction": (
        "With the weights p/q you estimate KL(p‖q), the other direction. Here the average is over "
        "q, from which the draws come: no weights.",
        (
            lambda q, p: np.mean(np.exp(p - q) * (p - q)),
            lambda q, p: -self_normalised(q, p),
        ),
    ),
    "absolute-values": (
        "Single terms may be negative; only their expectation cannot. With absolute values the "
        "estimate is too large on average.",
        (lambda q, p: np.mean(np.abs(q - p)), lambda q, p: np.abs(np.mean(q - p))),
    ),
    "clipped-at-zero": (
        "An estimate from a few draws may be negative although the divergence is not. Cut off at "
        "0 it is no longer right on average: leave it.",
        (lambda q, p: max(np.mean(q - p), 0.0), lambda q, p: np.mean(np.maximum(q - p, 0.0))),
    ),
    "one-logarithm-forgotten": (
        "The KL divergence has two parts, E_q[log q] and −E_q[log p]: one of them is missing.",
        (lambda q, p: -np.mean(p), lambda q, p: np.mean(q), lambda q, p: np.mean(p)),
    ),
    "median-for-mean": (
        "An expectation is estimated by the mean of the terms. Their median is something else.",
        (lambda q, p: np.median(q - p),),
    ),
    "infinite-draws-dropped": (
        "A draw of q at which p is 0 must not be dropped: it shows that the divergence is "
        "infinite. Say so.",
        (
            lambda q, p: np.mean((q - p)[np.isfinite(q - p)]),
            lambda q, p: np.sum((q - p)[np.isfinite(q - p)]) / len(q),
        ),
    ),
    "tiny-number-added": (
        "A tiny number under the logarithm hides that the divergence is infinite, and changes "
        "what you estimate. You have log densities: subtract them, no `exp` is needed.",
        (tiny_added,),
    ),
}

ERRORS: Slips = {
    "spread-for-error": (
        "That is the spread of single terms. The *mean* of S independent terms varies less: by "
        "which factor?",
        _both(lambda sd, num: sd),
    ),
    "variance-for-error": (
        "You return a variance. The standard error is measured in nats, like the estimate, and it "
        "shrinks with the number of draws.",
        _both(lambda sd, num: sd**2),
    ),
    "squared-error": (
        "That is the *variance* of the mean. The square root is missing.",
        _both(lambda sd, num: sd**2 / num),
    ),
    "divided-by-S": (
        "Variances of independent terms add up, so the variance of their mean is Var/S. What does "
        "that make of the standard deviation?",
        _both(lambda sd, num: sd / num),
    ),
    "error-of-one-logarithm": (
        "The standard error is that of the terms you average, log q − log p, not of one of the two "
        "alone.",
        (
            lambda q, p: error_of(p, 1),
            lambda q, p: error_of(p, 0),
            lambda q, p: error_of(q, 1),
            lambda q, p: error_of(q, 0),
        ),
    ),
    "errors-of-both-added": (
        "log q and log p are taken at the same draws and vary together, so their errors must not "
        "be added as if they were independent. Take the spread of the differences.",
        (
            lambda q, p: np.hypot(error_of(q, 1), error_of(p, 1)),
            lambda q, p: np.hypot(error_of(q, 0), error_of(p, 0)),
        ),
    ),
}


def _pair(estimate: Number, error: Number) -> Implementation:
    def answer(log_q: Any, log_p: Any, theta: Array) -> Any:
        at_q, at_p = log_q(theta), log_p(theta)
        return estimate(at_q, at_p), error(at_q, at_p)

    return _named(answer)


def _entries() -> list[Wrong]:
    found = []
    for name, (hint, ways) in ESTIMATES.items():
        errors = _both(lambda sd, num: sd / np.sqrt(num))
        first, *others = (_pair(way, error) for way in ways for error in errors)
        found.append(Wrong(name, first, hint, also=tuple(others)))
    for name, (hint, ways) in ERRORS.items():
        first, *others = (_pair(lambda q, p: np.mean(q - p), way) for way in ways)
        found.append(Wrong(name, first, hint, also=tuple(others)))
    return found


def terms_in_whole_numbers(log_q: Any, log_p: Any, theta: Array) -> Any:
    terms = np.zeros_like(theta[:, 0])
    for s in range(len(theta)):
        terms[s] = (log_q(theta[s : s + 1]) - log_p(theta[s : s + 1]))[0]
    return np.mean(terms), error_of(terms, 1)


WRONG = (
    *_entries(),
    Wrong(
        "error-first",
        _named(lambda *given: plain(*given)[::-1]),
        "The two results came in the other order: first the estimate, then its standard error.",
        also=(_named(lambda *given: tuple(population_sd(*given))[::-1]),),
    ),
    Wrong(
        "estimate-alone",
        _named(lambda *given: plain(*given)[0]),
        "A Monte Carlo estimate without its error says little: return both, `estimate, std_error`.",
    ),
    Wrong(
        "terms-cut-to-whole-numbers",
        _named(terms_in_whole_numbers),
        "With whole numbers as draws your terms are cut to whole numbers: an array made by "
        "`zeros_like` inherits the type of its model.",
    ),
)


# Right


class Estimate(NamedTuple):
    """Both results, named."""

    estimate: Any
    std_error: Any


def plain(log_q: Any, log_p: Any, theta: Array) -> Any:
    terms = log_q(theta) - log_p(theta)
    return np.mean(terms), error_of(terms, 1)


def population_sd(log_q: Any, log_p: Any, theta: Array) -> Any:
    terms = log_q(theta) - log_p(theta)
    return Estimate(terms.mean(), np.sqrt(terms.var() / terms.size))


def with_scipy(log_q: Any, log_p: Any, theta: Array) -> Any:
    terms = np.subtract(log_q(theta), log_p(theta))
    return [np.average(terms), stats.sem(terms)]


def in_a_loop(log_q: Any, log_p: Any, theta: Array) -> Any:
    terms = [float(log_q(row[None])[0]) - float(log_p(row[None])[0]) for row in theta]
    mean = sum(terms) / len(terms)
    square = sum((term - mean) ** 2 for term in terms) / (len(terms) - 1)
    return mean, (square / len(terms)) ** 0.5


def never_negative(log_q: Any, log_p: Any, theta: Array) -> Any:
    """The average of r - 1 - log r with r = p/q: unbiased too, and no term is negative."""
    log_r = log_p(theta) - log_q(theta)
    terms = np.expm1(log_r) - log_r
    return np.mean(terms), error_of(terms, 1)


RIGHT = (
    Right("ddof 0, a named tuple", _named(population_sd)),
    Right("scipy's sem, a list", _named(with_scipy)),
    Right("a loop over the draws", _named(in_a_loop)),
    Right("r - 1 - log r", _named(never_negative)),
)

"""Typical answers to E1.3, `elbo_monte_carlo(log_joint, log_q, theta) -> elbo`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def _named(function: Callable[..., Any]) -> Implementation:
    return {"elbo_monte_carlo": function}


def _with(
    terms: Callable[[Array, Array], Array] = lambda log_p, log_q: log_p - log_q,
    mean: Callable[[Array], Any] = np.mean,
) -> Implementation:
    """The average of terms of log p(x, theta) and log q(theta), with a piece replaced."""
    return _named(lambda log_joint, log_q, theta: mean(terms(log_joint(theta), log_q(theta))))


def log_mean(terms: Array) -> Any:
    return np.log(np.mean(np.exp(terms)))


def weights_normalised(log_joint: Any, log_q: Any, theta: Array) -> Any:
    terms = log_joint(theta) - log_q(theta)
    weights = np.exp(terms - np.max(terms))
    return np.sum(weights * terms) / np.sum(weights)


def log_q_at_the_mean(log_joint: Any, log_q: Any, theta: Array) -> Any:
    centre = np.mean(theta, axis=0, keepdims=True)
    return np.mean(log_joint(theta)) - log_q(centre)[0]


def all_at_the_mean(log_joint: Any, log_q: Any, theta: Array) -> Any:
    centre = np.mean(theta, axis=0, keepdims=True)
    return (log_joint(centre) - log_q(centre))[0]


def log_q_at_other_draws(log_joint: Any, log_q: Any, theta: Array) -> Any:
    fresh = np.random.default_rng(0).standard_normal(np.shape(theta))
    return np.mean(log_joint(theta)) - np.mean(log_q(fresh))


def first_draw_only(log_joint: Any, log_q: Any, theta: Array) -> Any:
    return (log_joint(theta) - log_q(theta))[0]


def last_draw_lost(log_joint: Any, log_q: Any, theta: Array) -> Any:
    return np.mean((log_joint(theta) - log_q(theta))[:-1])


def divided_by_coordinates(log_joint: Any, log_q: Any, theta: Array) -> Any:
    return np.sum(log_joint(theta) - log_q(theta)) / np.size(theta)


def with_its_error(log_joint: Any, log_q: Any, theta: Array) -> Any:
    terms = log_joint(theta) - log_q(theta)
    return np.mean(terms), np.std(terms, ddof=1) / np.sqrt(len(terms))


def with_its_error_ddof_0(log_joint: Any, log_q: Any, theta: Array) -> Any:
    terms = log_joint(theta) - log_q(theta)
    return np.mean(terms), np.std(terms) / np.sqrt(len(terms))


def terms_in_whole_numbers(log_joint: Any, log_q: Any, theta: Array) -> Any:
    terms = np.zeros_like(theta[:, 0])
    for s in range(len(theta)):
        terms[s] = (log_joint(theta[s : s + 1]) - log_q(theta[s : s + 1]))[0]
    return np.mean(terms)


WRONG = (
    Wrong(
        "entropy-subtracted",
        _with(lambda log_p, log_q: log_p + log_q),
        "You add log q. Its expectation is *minus* the entropy, so this punishes a wide q twice "
        "over: the entropy must come with a plus, log q with a minus.",
    ),
    Wrong(
        "negative-elbo",
        _with(lambda log_p, log_q: log_q - log_p),
        "This is minus the ELBO, what an optimiser that minimises would call its loss. We maximise "
        "the ELBO: log p(x, θ) comes with a plus.",
    ),
    Wrong(
        "log-q-forgotten",
        _with(lambda log_p, log_q: log_p),
        "That is E_q[log p(x, θ)] alone. Without −log q, the entropy of q, the best q would be a "
        "spike at the mode.",
    ),
    Wrong(
        "logarithm-outside",
        _with(mean=log_mean),
        "You take the logarithm of the average of p/q. That is another bound (it comes in lesson "
        "11); the ELBO is the average of the logarithms.",
    ),
    Wrong(
        "evidence-instead",
        _with(lambda log_p, log_q: np.exp(log_p - log_q)),
        "The average of p(x, θ)/q(θ) estimates p(x) itself. The ELBO averages the logarithm of "
        "this ratio.",
    ),
    Wrong(
        "density-multiplied-again",
        _with(lambda log_p, log_q: np.exp(log_q) * (log_p - log_q)),
        "The draws come from q, so the factor q(θ) of the integral has been used already.",
        also=(_with(lambda log_p, log_q: np.exp(log_q) * (log_p - log_q), mean=np.sum),),
    ),
    Wrong(
        "sum-for-mean",
        _with(mean=np.sum),
        "Twice as many draws must not double the ELBO: average, do not add.",
    ),
    Wrong(
        "one-value-per-draw",
        _with(mean=lambda terms: terms),
        "You return one value for each draw. Their average is asked for.",
    ),
    Wrong(
        "log-q-at-other-points",
        _named(log_q_at_the_mean),
        "Both densities must be taken at the same draws `theta`: the ELBO averages the difference "
        "at each of them.",
        also=(_named(log_q_at_other_draws),),
    ),
    Wrong(
        "at-the-mean",
        _named(all_at_the_mean),
        "You evaluate at the mean of the draws. The mean of a function is not the function at the "
        "mean: evaluate at each draw, then average.",
    ),
    Wrong(
        "weights-normalised",
        _named(weights_normalised),
        "No importance weights: the draws come from q already, and the average is under q.",
    ),
    Wrong(
        "first-draw-only",
        _named(first_draw_only),
        "Only the first draw counts in your result. Average over all S of them.",
    ),
    Wrong(
        "last-draw-lost",
        _named(last_draw_lost),
        "One draw is missing from your average: check where the loop ends.",
    ),
    Wrong(
        "divided-by-coordinates",
        _named(divided_by_coordinates),
        "`theta` has S rows and D columns, and there is one term per row: divide by S, not by "
        "S times D.",
    ),
    Wrong(
        "error-returned-too",
        _named(with_its_error),
        "Here one number is asked for, the ELBO, without its standard error.",
        also=(_named(with_its_error_ddof_0),),
    ),
    Wrong(
        "terms-cut-to-whole-numbers",
        _named(terms_in_whole_numbers),
        "With whole numbers as draws your terms are cut to whole numbers: an array made by "
        "`zeros_like` inherits the type of its model.",
    ),
)


# Right


def two_averages(log_joint: Any, log_q: Any, theta: Array) -> Any:
    return np.mean(log_joint(theta)) - np.mean(log_q(theta))


def in_a_loop(log_joint: Any, log_q: Any, theta: Array) -> Any:
    total = 0.0
    for row in theta:
        total += float(log_joint(row[None])[0]) - float(log_q(row[None])[0])
    return [total / len(theta)]


def minus_the_loss(log_joint: Any, log_q: Any, theta: Array) -> Any:
    loss = np.add(log_q(theta), -log_joint(theta)).sum() / theta.shape[0]
    return np.array(-loss)


RIGHT = (
    Right("two averages", _named(two_averages)),
    Right("a loop over the draws, a list of one", _named(in_a_loop)),
    Right("minus the loss, a 0-d array", _named(minus_the_loss)),
)

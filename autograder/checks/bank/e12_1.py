"""Typical answers to E12.1, `psis_khat(log_w)`: the shape of the weights' generalised Pareto tail.

`solution` has one place for each slip: which draws make the tail, what is fitted to them, how.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def tail_length(num: int) -> int:
    return math.ceil(min(num / 5, 3 * math.sqrt(num)))


def ascending(w: Array) -> Array:
    return np.sort(w)


def shifted(log_w: Array) -> Array:
    log_w = np.asarray(log_w, float)
    return np.exp(log_w - np.max(log_w))


def above_the_cutoff(w: Array, size: int) -> Array:
    """Excesses over the largest weight that is not in the tail."""
    cutoff = max(w[-size - 1], 1e-307)
    tail = w[-size:]
    return tail[tail > cutoff] - cutoff


def profile_mean(x: Array, half: float = 0.5) -> float:
    """Zhang and Stephens' estimate of theta = -k / sigma."""
    n = len(x)
    m = 30 + int(math.sqrt(n))
    j = np.arange(1, m + 1)
    theta = 1 / x[-1] + (1 - np.sqrt(m / (j - half))) / (3 * x[int(n / 4 + 0.5) - 1])
    k = np.array([np.mean(np.log1p(-t * x)) for t in theta])
    log_lik = n * (np.log(-theta / k) - k - 1)
    weight = np.exp(log_lik - np.max(log_lik))
    return float(np.sum(theta * weight) / np.sum(weight))


def shape(x: Array, theta: float) -> Any:
    return np.mean(np.log1p(-theta * x))


def weak_prior(k: Any, n: int) -> Any:
    return (n * k + 10 * 0.5) / (n + 10)


def of(
    *,
    weights: Callable[[Array], Array] = shifted,
    order: Callable[[Array], Array] = ascending,
    size: Callable[[int], int] = tail_length,
    tail: Callable[[Array, int], Array] = above_the_cutoff,
    fit: Callable[[Array], float] = profile_mean,
    to_shape: Callable[[Array, float], Any] = shape,
    prior: Callable[[Any, int], Any] = weak_prior,
    finish: Callable[[Any], Any] = float,
) -> Implementation:
    """An answer with some of its steps replaced."""

    def psis_khat(log_w: Array) -> Any:
        w = order(weights(np.asarray(log_w)))
        x = tail(w, size(len(w)))
        return finish(prior(to_shape(x, fit(x)), len(x)))

    return {"psis_khat": psis_khat}


# Wrong


def not_reduced(w: Array, size: int) -> Array:
    return w[-size:]


def grid_to_the_end(x: Array) -> float:
    with np.errstate(all="ignore"):
        return profile_mean(x, half=0.0)


def hill(log_w: Array) -> float:
    ordered = np.sort(np.asarray(log_w, float))
    size = tail_length(len(ordered))
    return float(np.mean(ordered[-size:] - ordered[-size - 1]))


def without_the_largest(w: Array, size: int) -> Array:
    return above_the_cutoff(w[:-1], size)


def by_moments(x: Array) -> float:
    k = 0.5 * (1 - np.mean(x) ** 2 / np.var(x))
    return float(-k / (np.mean(x) * (1 - k)))


def effective_share(log_w: Array) -> float:
    w = shifted(log_w)
    return float(np.sum(w) ** 2 / np.sum(w**2) / len(w))


WRONG = (
    Wrong(
        "no-tail",
        of(size=lambda num: num - 1),
        "You fit all weights. Only the tail is Pareto: the ceil(min(S/5, 3√S)) largest. How many "
        "are that for S = 1000?",
        also=(of(size=lambda num: num - 1, tail=not_reduced),),
    ),
    Wrong(
        "a-fifth-always",
        of(size=lambda num: math.ceil(num / 5)),
        "Your tail is a fifth of the draws, whatever S. From S = 225 on, 3√S is less than S/5, and "
        "the smaller of the two counts.",
    ),
    Wrong(
        "root-always",
        of(size=lambda num: min(math.ceil(3 * math.sqrt(num)), num - 1)),
        "Your tail has 3√S draws, whatever S. Of 60 draws that would be 24, nearly half: the "
        "smaller of S/5 and 3√S counts.",
    ),
    Wrong(
        "excess-over-zero",
        of(tail=not_reduced),
        "A generalised Pareto distribution starts at 0. Which weight marks the start of the tail, "
        "and has it been subtracted?",
        also=(of(tail=lambda w, size: w[-size:] - 0.999 * w[-size]),),
    ),
    Wrong(
        "unsorted",
        of(order=np.asarray),
        "Your result depends on the order of the draws: the last draws are not the largest. Sort "
        "the weights first.",
    ),
    Wrong(
        "grid-to-the-end",
        of(fit=grid_to_the_end),
        "With j in place of j − ½ the grid ends at θ = 1/x_max. What is log(1 − θx) there for the "
        "largest x?",
    ),
    Wrong(
        "sorted-downwards",
        of(order=lambda w: np.sort(w)[::-1]),
        "Sorted downwards, the last weights are the *smallest*, and so is your tail. Which end "
        "does `[-size:]` take?",
    ),
    Wrong(
        "largest-cut",
        of(tail=without_the_largest),
        "The largest weight is missing from your tail. Subtracting its logarithm from all is fine "
        "(it only changes the scale); leaving it out is not, since it says most about the tail.",
    ),
    Wrong(
        "overflows",
        of(weights=lambda log_w: np.exp(np.asarray(log_w, float))),
        "exp(2000) is inf and exp(−2000) is 0. The scale of the weights does not matter: what can "
        "you subtract from the logarithms first?",
    ),
    Wrong(
        "prior-forgotten",
        of(prior=lambda k, n: k),
        "Right but for the last step: the weak prior, worth ten observations of k = ½, is missing. "
        "With a tail of 20 draws it counts.",
    ),
    Wrong(
        "prior-of-all-draws",
        of(prior=lambda k, n: (k + 0.5) / 2),
        "The prior at ½ has the weight of *ten* observations against the tail's n, not of half.",
        also=(of(prior=lambda k, n: (n * k + 0.5) / (n + 1)),),
    ),
    Wrong(
        "sign-of-k",
        of(prior=lambda k, n: weak_prior(-k, n)),
        "The sign of k: a *heavy* tail has a positive one. With θ = −k/σ, k is the mean of "
        "log(1 − θx), as it stands. Other books define k with the opposite sign.",
        also=(of(prior=lambda k, n: -weak_prior(k, n)),),
    ),
    Wrong(
        "theta-returned",
        of(to_shape=lambda x, theta: theta),
        "That is θ = −k/σ, which depends on the scale of the weights. One more line makes k of it.",
        also=(
            of(to_shape=lambda x, theta: theta, prior=lambda k, n: k),
            of(to_shape=lambda x, theta: -shape(x, theta) / theta),
        ),
    ),
    Wrong(
        "logarithms-fitted",
        of(weights=lambda log_w: np.asarray(log_w, float) - np.min(log_w)),
        "You fit the tail of the *log* weights. It is the weights whose tail is Pareto.",
    ),
    Wrong(
        "hill-estimator",
        {"psis_khat": hill},
        "That is Hill's estimator, the mean of log(w / cutoff). It belongs to a pure power law, "
        "cannot be negative, and is far off where the tail has not begun in earnest. Fit a "
        "generalised Pareto distribution to w − cutoff.",
    ),
    Wrong(
        "moments",
        of(fit=by_moments),
        "You match mean and variance of the tail. For k ≥ ½ it has no variance: the estimate can "
        "never exceed ½, which is where things become interesting.",
    ),
    Wrong(
        "effective-sample-size",
        {"psis_khat": effective_share},
        "That is the effective share of the draws, (Σw)² / (S Σw²). It is computed from the "
        "weights seen; k-hat asks about those not seen yet.",
    ),
    Wrong(
        "verdict-returned",
        of(finish=lambda k: float(k > 0.7)),
        "Return k-hat itself, not whether it exceeds a threshold.",
        also=(of(finish=lambda k: float(k < 0.7)), of(finish=lambda k: float(k > 0.5))),
    ),
)


# Right


def by_maximum_likelihood(log_w: Array) -> float:
    """Profile likelihood in theta, on a fine grid and then a finer one."""
    x = above_the_cutoff(ascending(shifted(log_w)), tail_length(len(log_w)))
    n, top = len(x), x[-1]

    def log_lik(theta: Array) -> Array:
        with np.errstate(all="ignore"):
            k = np.mean(np.log1p(-theta[:, None] * x), axis=1)
            value = n * (np.log(-theta / k) - k - 1)
        return np.where(np.isfinite(value) & (k > -0.9), value, -np.inf)

    u = np.concatenate([np.linspace(-8.0, 12.0, 400)])
    grid = np.concatenate([-np.exp(u) / top, (1.0 - np.exp(-np.linspace(0.01, 6, 100))) / top])
    best = grid[np.argmax(log_lik(grid))]
    near = best * np.linspace(0.95, 1.05, 201)
    best = near[np.argmax(log_lik(near))]
    return float(weak_prior(shape(x, best), n))


def in_log_space(log_w: Array) -> Array:
    """Scaled by the cutoff instead of the largest weight; returns a 0-d array."""
    log_w = np.sort(np.asarray(log_w, float))
    size = tail_length(len(log_w))
    x = np.expm1(np.minimum(log_w[-size:] - log_w[-size - 1], 700.0))
    x = x[x > 0]
    return np.asarray(weak_prior(shape(x, profile_mean(x)), len(x)))


def in_loops(log_w: Array) -> list[float]:
    values = sorted(float(v) for v in log_w)
    top = values[-1]
    size = tail_length(len(values))
    cutoff = math.exp(max(values[-size - 1] - top, -707.0))
    x = [math.exp(v - top) - cutoff for v in values[-size:]]
    x = [v for v in x if v > 0]
    n = len(x)
    m = 30 + int(n**0.5)
    thetas, scores = [], []
    for j in range(1, m + 1):
        t = 1 / x[-1] + (1 - math.sqrt(m / (j - 0.5))) / (3 * x[int(n / 4 + 0.5) - 1])
        k = sum(math.log1p(-t * v) for v in x) / n
        thetas.append(t)
        scores.append(n * (math.log(-t / k) - k - 1))
    total = [sum(math.exp(min(s - r, 700.0)) for s in scores) for r in scores]
    theta = sum(t / s for t, s in zip(thetas, total, strict=True))
    k = sum(math.log1p(-theta * v) for v in x) / n
    return [(n * k + 5) / (n + 10)]


RIGHT = (
    Right("maximum likelihood, with the prior", {"psis_khat": by_maximum_likelihood}),
    Right("scaled by the cutoff", {"psis_khat": in_log_space}),
    Right("loops, in a list", {"psis_khat": in_loops}),
    Right("step by step", of()),
)

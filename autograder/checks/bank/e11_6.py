"""Typical answers to E11.6, `importance_weighted_bound(log_w)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def _named(function: Callable[..., Any]) -> Implementation:
    return {"importance_weighted_bound": function}


def total(log_w: Array) -> Array:
    return special.logsumexp(log_w, axis=0)


def bound(log_w: Array) -> Array:
    return total(log_w) - np.log(len(log_w))


def _shifted(shift: Callable[[Array], Any], back: bool = True, guarded: bool = True) -> Any:
    """`bound` with a shift of one's own taken out."""

    def answer(log_w: Array) -> Array:
        m = shift(log_w)
        m = np.where(np.isfinite(m), m, 0.0) if guarded else m
        rest = np.log(np.mean(np.exp(log_w - m), axis=0))
        return rest + m if back else rest

    return _named(answer)


def two_axes(log_w: Array) -> Array:
    num, _ = log_w.shape
    return total(log_w) - np.log(num)


def weights(log_w: Array) -> Array:
    return special.softmax(log_w, axis=0)


WRONG = (
    Wrong(
        "exp-overflows",
        _named(lambda log_w: np.log(np.mean(np.exp(log_w), axis=0))),
        "exp(−3000) is 0 and exp(3000) is infinite. Take the largest log weight out of the "
        "logarithm first, as in E1.5: what has to be added back?",
        also=(
            _named(lambda log_w: np.log(np.sum(np.exp(log_w), axis=0) / len(log_w))),
            _named(lambda log_w: np.log(np.sum(np.exp(log_w), axis=0)) - np.log(len(log_w))),
            _named(lambda log_w: np.log(np.mean(np.exp(np.clip(log_w, -700, 700)), axis=0))),
        ),
    ),
    Wrong(
        "log-of-the-sum",
        _named(total),
        "With K equal weights the bound should be that weight's log, and yours is log K larger: "
        "the average is missing. (This sum can exceed log p(x).)",
        also=(
            _named(lambda log_w: np.log(np.sum(np.exp(log_w), axis=0))),
            _named(lambda log_w: total(log_w) + np.log(len(log_w))),
        ),
    ),
    Wrong(
        "mean-of-the-logs",
        _named(lambda log_w: np.mean(log_w, axis=0)),
        "The mean of the log weights is the ELBO, whatever K is. The bound of this exercise takes "
        "the logarithm *after* the average.",
        also=(_named(np.mean), _named(lambda log_w: np.sum(log_w, axis=0))),
    ),
    Wrong(
        "normalised-weights",
        _named(lambda log_w: np.log(np.mean(weights(log_w), axis=0))),
        "Normalised weights sum to 1 whatever the model says, so yours is −log K always. The "
        "evidence is in the size of the *unnormalised* ones.",
        also=(
            _named(lambda log_w: np.log(np.sum(weights(log_w), axis=0))),
            _named(lambda log_w: bound(log_w - total(log_w))),
        ),
    ),
    Wrong(
        "weighted-mean-of-the-logs",
        _named(lambda log_w: np.sum(weights(log_w) * log_w, axis=0)),
        "You average the log weights with the normalised weights. That appears in the *gradient* "
        "of the bound; the bound itself is the log of a plain mean.",
    ),
    Wrong(
        "one-number-for-all-images",
        _named(lambda log_w: special.logsumexp(log_w) - np.log(np.size(log_w))),
        "You average over samples *and* images inside the logarithm. Each image has an evidence of "
        "its own: one bound for each column.",
        also=(
            _named(lambda log_w: special.logsumexp(log_w) - np.log(len(log_w))),
            _named(lambda log_w: np.mean(bound(log_w))),
            _named(lambda log_w: np.sum(bound(log_w))),
            _named(lambda log_w: bound(log_w.reshape(len(log_w), -1).sum(axis=1))),
        ),
    ),
    Wrong(
        "wrong-axis",
        _named(lambda log_w: special.logsumexp(log_w, axis=-1) - np.log(log_w.shape[-1])),
        "You average over the images and keep the samples. The samples are on the *first* axis.",
        also=(
            _named(lambda log_w: special.logsumexp(log_w, axis=-1) - np.log(len(log_w))),
            _named(lambda log_w: special.logsumexp(log_w, axis=1) - np.log(log_w.shape[1])),
        ),
    ),
    Wrong(
        "divided-by-another-number",
        _named(lambda log_w: total(log_w) - np.log(np.size(log_w))),
        "You divide by the number of all entries. A column's average has K terms, the length of "
        "the first axis.",
        also=(
            _named(lambda log_w: total(log_w) - np.log(np.shape(log_w)[-1])),
            _named(lambda log_w: total(log_w) - np.log(max(len(log_w) - 1, 1))),
        ),
    ),
    Wrong(
        "divided-outside-the-log",
        _named(lambda log_w: total(log_w) / len(log_w)),
        "1/K stands inside the logarithm: log(Σ w / K) = log Σ w − log K. You divide the logarithm "
        "by K.",
        also=(_named(lambda log_w: total(log_w) - len(log_w)),),
    ),
    Wrong(
        "shift-not-added-back",
        _shifted(lambda log_w: np.max(log_w, axis=0), back=False),
        "You take the largest log weight out to be safe and do not add it back: equal weights give "
        "0 whatever they are.",
        also=(
            _shifted(np.max, back=False),
            _shifted(lambda log_w: np.max(log_w, axis=0), back=False, guarded=False),
            _shifted(np.max, back=False, guarded=False),
        ),
    ),
    Wrong(
        "one-shift-for-all-images",
        _shifted(np.max),
        "You take the largest log weight of *all* images out. If another image's are 3000 lower, "
        "all of its weights underflow. Each column needs its own shift.",
        also=(_shifted(np.max, guarded=False),),
    ),
    Wrong(
        "two-axes-only",
        _named(two_axes),
        "A single image comes as (K,), without a second axis. K is the length of the first one: "
        "`len(log_w)`.",
    ),
    Wrong(
        "shifted-by-the-mean",
        _shifted(lambda log_w: np.mean(log_w, axis=0)),
        "Shifting by the mean is exact on paper, but a weight far above the mean still overflows, "
        "and one of −∞ makes the mean −∞. Which shift leaves no exponent above 0?",
        also=(
            _shifted(lambda log_w: np.mean(log_w, axis=0), guarded=False),
            _shifted(lambda log_w: np.min(log_w, axis=0)),
            _shifted(lambda log_w: np.min(log_w, axis=0), guarded=False),
        ),
    ),
    Wrong(
        "largest-weight",
        _named(lambda log_w: np.max(log_w, axis=0)),
        "That is the largest log weight. It dominates the sum often, but the others count too.",
        also=(_named(lambda log_w: np.max(log_w, axis=0) - np.log(len(log_w))),),
    ),
    Wrong(
        "negated",
        _named(lambda log_w: -bound(log_w)),
        "That is a loss: minus the bound. We maximise: return the bound itself, which lies below "
        "log p(x).",
        also=(_named(lambda log_w: -total(log_w)),),
    ),
)


# Right


def one_after_the_other(log_w: Array) -> Any:
    """A running log of the sum, sample by sample."""
    running = np.asarray(log_w[0], float)
    for row in log_w[1:]:
        running = np.logaddexp(running, row)
    return running - np.log(len(log_w))


def by_columns(log_w: Array) -> Any:
    columns = np.atleast_2d(np.asarray(log_w, float).T)
    found = []
    for column in columns:
        top = max(column)
        found.append(top + np.log(sum(np.exp(v - top) for v in column) / len(column)))
    return found if np.ndim(log_w) > 1 else found[0]


RIGHT = (
    Right("scipy's logsumexp", _named(bound)),
    Right("logaddexp, sample by sample", _named(one_after_the_other)),
    Right("image by image, a list", _named(by_columns)),
    Right("weights of b = 1 / K", _named(lambda a: special.logsumexp(a, 0, b=1.0 / len(a)))),
)

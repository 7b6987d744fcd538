"""Typical answers to E3.4, `gmm_responsibilities(x, m, s2, log_pi) -> (N, K)`.

The right rows are the softmax of log_pi_k - ((x_i - m_k)^2 + s2_k) / 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Logits = Callable[[Array, Array, Array, Array], Array]


def columns(x: Array, m: Array, s2: Array, log_pi: Array) -> tuple[Array, ...]:
    """Return x (N, 1) and the others (K,), as floats."""
    return np.asarray(x, float)[:, None], *(np.asarray(a, float) for a in (m, s2, log_pi))


def logits(x: Array, m: Array, s2: Array, log_pi: Array) -> Array:
    return log_pi - 0.5 * ((x - m) ** 2 + s2)


def expanded(x: Array, m: Array, s2: Array, log_pi: Array) -> Array:
    return log_pi + x * m - 0.5 * (m**2 + s2)


def softmax(a: Array) -> Array:
    weights = np.exp(a - a.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def answer(
    exponent: Logits = logits, normalise: Callable[[Array], Array] = softmax
) -> Implementation:
    """Responsibilities from these exponents, normalised in this way."""
    return {"gmm_responsibilities": lambda *arguments: normalise(exponent(*columns(*arguments)))}


def unshifted(a: Array) -> Array:
    return np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)


def one_shift_for_all(a: Array) -> Array:
    weights = np.exp(a - a.max())
    return weights / weights.sum(axis=1, keepdims=True)


def column_shifted(a: Array) -> Array:
    weights = np.exp(a - a.max(axis=0))
    return weights / weights.sum(axis=1, keepdims=True)


def smallest_shifted(a: Array) -> Array:
    weights = np.exp(a - a.min(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def guarded(a: Array) -> Array:
    weights = np.exp(a)
    return weights / (weights.sum(axis=1, keepdims=True) + 1e-10)


def over_the_data(a: Array) -> Array:
    weights = np.exp(a - a.max(axis=0))
    return weights / weights.sum(axis=0)


def over_everything(a: Array) -> Array:
    weights = np.exp(a - a.max())
    return weights / weights.sum()


def hard(a: Array) -> Array:
    return np.eye(a.shape[1])[a.argmax(axis=1)]


def logarithms(a: Array) -> Array:
    return a - special.logsumexp(a, axis=1, keepdims=True)


def unnormalised(a: Array) -> Array:
    return np.exp(a - a.max(axis=1, keepdims=True))


def into_given_type(x: Array, m: Array, s2: Array, log_pi: Array) -> Array:
    table = np.zeros_like(np.asarray(x)[:, None] * np.asarray(m))
    table[:] = logits(*columns(x, m, s2, log_pi))
    return softmax(table.astype(float))


def truncated(x: Array, m: Array, s2: Array, log_pi: Array) -> Array:
    table = np.zeros_like(np.asarray(x)[:, None] * np.asarray(m))
    table[:] = softmax(logits(*columns(x, m, s2, log_pi)))
    return table


WRONG = (
    Wrong(
        "uncertainty-of-the-means-forgotten",
        answer(lambda x, m, s2, log_pi: log_pi - 0.5 * (x - m) ** 2),
        "You put the means m_k into the density. q(μ_k) has a variance: E[(x − μ_k)²] is "
        "(x − m_k)² plus what? A vague component is a little less plausible everywhere.",
    ),
    Wrong(
        "overflows",
        answer(expanded, unshifted),
        "exp(800) is inf, and inf/inf is NaN. Only differences within a row matter: take the "
        "row's largest exponent out before you exponentiate.",
        also=(answer(logits, unshifted), answer(logits, guarded), answer(expanded, guarded)),
    ),
    Wrong(
        "one-shift-for-all-rows",
        answer(logits, one_shift_for_all),
        "You subtract the largest exponent of the whole table. A row far below it underflows to 0 "
        "everywhere: each row needs its own maximum (`axis=1, keepdims=True`).",
        also=(answer(expanded, one_shift_for_all),),
    ),
    Wrong(
        "one-shift-for-each-column",
        answer(logits, column_shifted),
        "You take a number of its own out of each *column*, so the entries of a row change by "
        "different factors. Only what a whole row shares cancels: `axis=1, keepdims=True`.",
        also=(answer(expanded, column_shifted),),
    ),
    Wrong(
        "smallest-shifted",
        answer(logits, smallest_shifted),
        "You take the smallest exponent out, and the largest still overflows. Which one must "
        "become 0?",
        also=(answer(expanded, smallest_shifted),),
    ),
    Wrong(
        "normalised-over-the-data",
        answer(logits, over_the_data),
        "Your columns sum to 1. Each *observation* has to share itself out among the components: "
        "rows, `axis=1`.",
        also=(answer(logits, over_everything),),
    ),
    Wrong(
        "not-normalised",
        answer(logits, unnormalised),
        "The rows must sum to 1: divide each by its sum.",
        also=(answer(logits, np.exp),),
    ),
    Wrong(
        "log-weights-forgotten",
        answer(lambda x, m, s2, log_pi: logits(x, m, s2, 0.0)),
        "Where is `log_pi`? A component that is rare beforehand needs better evidence.",
    ),
    Wrong(
        "weights-mistaken-for-logarithms",
        answer(lambda x, m, s2, log_pi: logits(x, m, s2, np.exp(log_pi))),
        "`log_pi` holds logarithms already, and in the exponent logarithms are added: check what "
        "you do with it.",
        also=(
            answer(lambda x, m, s2, log_pi: log_pi * logits(x, m, s2, 0.0)),
            answer(lambda x, m, s2, log_pi: logits(x, m, s2, np.log(np.abs(log_pi) + 1e-300))),
        ),
    ),
    Wrong(
        "logarithm-of-the-logarithms",
        answer(lambda x, m, s2, log_pi: logits(x, m, s2, np.log(log_pi))),
        "All is NaN, for harmless numbers. A logarithm of something negative? `log_pi` is a "
        "logarithm already.",
    ),
    Wrong(
        "weights-subtracted",
        answer(lambda x, m, s2, log_pi: logits(x, m, s2, -log_pi)),
        "log π_k is *added* to the expected log density. Yours makes rare components likelier.",
    ),
    Wrong(
        "s2-as-variance-of-the-data",
        answer(lambda x, m, s2, log_pi: log_pi - 0.5 * (x - m) ** 2 / s2),
        "You use s2 as the variance of the data around the component. That variance is 1; s2 says "
        "how well q knows μ_k.",
        also=(
            answer(lambda x, m, s2, log_pi: log_pi - 0.5 * ((x - m) ** 2 / s2 + np.log(s2))),
            answer(
                lambda x, m, s2, log_pi: log_pi - 0.5 * ((x - m) ** 2 / (1 + s2) + np.log(1 + s2))
            ),
            answer(lambda x, m, s2, log_pi: log_pi - 0.5 * ((x - m) ** 2 + s2) / s2),
        ),
    ),
    Wrong(
        "s2-is-the-variance-already",
        answer(lambda x, m, s2, log_pi: logits(x, m, s2**2, log_pi)),
        "`s2` is the variance of q(μ_k), not its sd: neither square it nor take its root.",
        also=(answer(lambda x, m, s2, log_pi: logits(x, m, np.sqrt(s2), log_pi)),),
    ),
    Wrong(
        "uncertainty-with-a-plus",
        answer(lambda x, m, s2, log_pi: logits(x, m, -s2, log_pi)),
        "E[(x − μ)²] is *larger* than (x − m)², so −½ E[(x − μ)²] is smaller: check the sign of "
        "s2.",
    ),
    Wrong(
        "sign-of-the-square",
        answer(lambda x, m, s2, log_pi: log_pi + x * m + 0.5 * (m**2 + s2)),
        "Expand −½(x − m)² once more: x² cancels within a row, xm comes with a plus, and m²?",
        also=(answer(lambda x, m, s2, log_pi: log_pi - x * m - 0.5 * (m**2 + s2)),),
    ),
    Wrong(
        "farthest-first",
        answer(lambda x, m, s2, log_pi: log_pi + 0.5 * ((x - m) ** 2 + s2)),
        "Your responsibilities are largest for the *farthest* component: the sign of the exponent.",
        also=(answer(lambda *at: -logits(*at)),),
    ),
    Wrong(
        "half-forgotten",
        answer(lambda x, m, s2, log_pi: log_pi - ((x - m) ** 2 + s2)),
        "A Gaussian log density has −½ (x − μ)²: where is the half?",
        also=(answer(lambda x, m, s2, log_pi: log_pi - 0.5 * (x - m) ** 2 - s2),),
    ),
    Wrong(
        "distance-not-squared",
        answer(lambda x, m, s2, log_pi: log_pi - 0.5 * (np.abs(x - m) + s2)),
        "A Gaussian has the *square* of the distance in its exponent.",
    ),
    Wrong(
        "logarithms-returned",
        answer(logits, logarithms),
        "Those are the logarithms of the responsibilities. The rows must sum to 1.",
    ),
    Wrong(
        "hard-assignment",
        answer(logits, hard),
        "You give each observation to its best component alone. q(c) is a distribution: an "
        "observation halfway between two components belongs to both.",
    ),
    Wrong(
        "transposed",
        {
            "gmm_responsibilities": lambda *arguments: softmax(logits(*columns(*arguments))).T,
        },
        "One row for each observation, one column for each component: yours is the transpose.",
    ),
    Wrong(
        "whole-numbers-truncated",
        {"gmm_responsibilities": truncated},
        "If x and m hold whole numbers, an array made like them (`zeros_like`) holds whole "
        "numbers, too, and cuts yours off. Ask for dtype float.",
        also=({"gmm_responsibilities": into_given_type},),
    ),
    Wrong(
        "squeezed",
        {
            "gmm_responsibilities": lambda *arguments: np.squeeze(
                softmax(logits(*columns(*arguments)))
            )
        },
        "The shape is (N, K) also if N or K is 1: do not squeeze.",
    ),
)


# Right


def number_by_number(x: Array, m: Array, s2: Array, log_pi: Array) -> list[list[float]]:
    rows = []
    for value in x:
        each = [
            float(log_pi[k]) - (float(value - m[k]) ** 2 + float(s2[k])) / 2 for k in range(len(m))
        ]
        top = max(each)
        weights = [math.exp(a - top) for a in each]
        rows.append([w / sum(weights) for w in weights])
    return rows


def one_over_ratios(x: Array, m: Array, s2: Array, log_pi: Array) -> Array:
    """1 / sum_j exp(a_j - a_k), in which inf is harmless."""
    a = expanded(*columns(x, m, s2, log_pi))
    with np.errstate(over="ignore"):
        return 1.0 / np.exp(a[:, None, :] - a[:, :, None]).sum(axis=-1)


RIGHT = (
    Right("number by number", {"gmm_responsibilities": number_by_number}),
    Right("softmax", answer(logits, lambda a: special.softmax(a, axis=1))),
    Right(
        "squares multiplied out, logsumexp",
        answer(expanded, lambda a: np.exp(a - special.logsumexp(a, axis=1, keepdims=True))),
    ),
    Right("one over the sum of ratios", {"gmm_responsibilities": one_over_ratios}),
)

"""Typical answers to E6.1, `softplus(x)` and `inverse_softplus(y)`.

Most slips concern one of the two functions; the other is then right, and a part of the check that
calls one of them does not see the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Function = Callable[[Any], Any]


def stable(x: Array) -> Array:
    return np.logaddexp(0.0, x)


def stable_inverse(y: Array) -> Array:
    return y + np.log(-np.expm1(-y))


def _with(softplus: Function = stable, inverse: Function = stable_inverse) -> Implementation:
    return {"softplus": softplus, "inverse_softplus": inverse}


def naive(x: Array) -> Array:
    return np.log(1.0 + np.exp(x))


def naive_inverse(y: Array) -> Array:
    return np.log(np.exp(y) - 1.0)


def by_cases(x: Array) -> Array:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


def cut(low: float, high: float) -> Function:
    return lambda x: naive(np.clip(x, low, high))


def both_branches(at: float) -> Function:
    return lambda x: np.where(x > at, x, np.log1p(np.exp(x)))


def signed_branches(x: Array) -> Array:
    return np.where(x > 0, x + np.log1p(np.exp(-x)), np.log1p(np.exp(x)))


def switched_early(x: Array) -> Array:
    return np.where(x > 10.0, x, np.log1p(np.exp(np.minimum(x, 10.0))))


def tiny_lost(y: Array) -> Array:
    return y + np.log(1.0 - np.exp(-y))


def large_lost(y: Array) -> Array:
    return np.log(np.expm1(y))


def inverse_both_branches(y: Array) -> Array:
    return np.where(y > 30.0, y, np.log(np.expm1(y)))


def guarded(tiny: float) -> Function:
    return lambda y: stable_inverse(np.maximum(y, tiny))


def padded(tiny: float) -> Function:
    return lambda y: np.log(np.exp(y) - 1.0 + tiny)


def if_large(x: Any) -> Any:
    return x if x > 30 else np.log1p(np.exp(x))


def if_large_inverse(y: Any) -> Any:
    return y if y > 30 else np.log(np.expm1(y))


def by_math(x: Any) -> Any:
    return math.log1p(math.exp(-abs(x))) + max(x, 0.0)


def by_math_inverse(y: Any) -> Any:
    return y + math.log(-math.expm1(-y))


def plain_numpy(x: Array) -> Array:
    return numpy.logaddexp(0.0, x)


def plain_numpy_inverse(y: Array) -> Array:
    return y + numpy.log(-numpy.expm1(-y))


def whole_numbers_kept(function: Function) -> Function:
    def answer(x: Array) -> Array:
        found = function(x)
        kind = getattr(x, "dtype", None)
        return found.astype(int) if kind is not None and kind.kind == "i" else found

    return answer


WRONG = (
    Wrong(
        "overflows",
        _with(softplus=naive),
        "Right on paper; but exp(800) is inf, and 1 + exp(−40) is exactly 1, whose logarithm is 0. "
        "Which NumPy function gives log(exp(a) + exp(b)) without computing either?",
        also=(
            _with(softplus=lambda x: np.log1p(np.exp(x))),
            _with(softplus=lambda x: -np.log(sigmoid(-x))),
        ),
    ),
    Wrong(
        "inverse-loses-both-ends",
        _with(inverse=naive_inverse),
        "Right on paper; but exp(800) − 1 is inf, and for a tiny y exp(y) − 1 is 0. Take exp(y) "
        "out of the logarithm, log(exp(y) − 1) = y + log(1 − exp(−y)), and look up `np.expm1`.",
    ),
    Wrong(
        "inverse-overflows",
        _with(inverse=large_lost),
        "Good for small y; but `expm1(800)` is inf. What remains inside the logarithm if you take "
        "the factor exp(y) out of exp(y) − 1?",
    ),
    Wrong(
        "inverse-loses-tiny-y",
        _with(inverse=tiny_lost),
        "Good for large y; but for y = 1e-300, exp(−y) rounds to 1 and 1 − 1 is 0. Which NumPy "
        "function keeps the digits of exp(t) − 1 for a tiny t?",
        also=(_with(inverse=lambda y: y + np.log1p(-np.exp(-y))),),
    ),
    Wrong(
        "clipped",
        _with(softplus=cut(-30.0, 30.0)),
        "With clipped arguments the function is flat outside: wrong values, and a gradient of 0 "
        "from which no optimiser returns. Use a form that is right everywhere.",
        also=tuple(
            _with(softplus=cut(-limit, limit)) for limit in (20.0, 50.0, 100.0, 500.0, 700.0)
        ),
    ),
    Wrong(
        "where-computes-both",
        _with(softplus=both_branches(30.0)),
        "The values are right, but `np.where` computes both branches, and autograd multiplies the "
        "inf/inf of the branch that is not used by 0: the gradient is NaN. Make the unused branch "
        "harmless, or use a form without cases.",
        also=(
            _with(softplus=both_branches(20.0)),
            _with(softplus=both_branches(50.0)),
            _with(softplus=both_branches(100.0)),
            _with(softplus=signed_branches),
        ),
    ),
    Wrong(
        "inverse-where-computes-both",
        _with(inverse=inverse_both_branches),
        "The values of the inverse are right, but `np.where` computes both branches: the gradient "
        "of the one that overflows is inf/inf, and 0 times that is NaN. Which single form holds "
        "for all y?",
    ),
    Wrong(
        "switched-too-early",
        _with(softplus=switched_early),
        "For large x softplus(x) comes close to x, but at x = 15 they still differ by 3e-7. Switch "
        "later, or not at all: there is a form that needs no cases.",
    ),
    Wrong(
        "digits-cancel",
        _with(softplus=lambda x: x + np.logaddexp(0.0, -x)),
        "Right on paper and for large x; but at x = −40 you take 40 from 40, and the 4e-18 that is "
        "asked for is lost. Which of the two forms is safe on which side?",
        also=(_with(softplus=lambda x: x + np.log1p(np.exp(-x))),),
    ),
    Wrong(
        "logarithm-to-base-2",
        _with(
            lambda x: np.logaddexp(0.0, x) / np.log(2.0),
            lambda y: stable_inverse(y * np.log(2.0)),
        ),
        "softplus(0) is log 2 = 0.693 in nats. Yours is 1: which logarithm do you take?",
        also=(_with(softplus=lambda x: np.logaddexp(0.0, x) / np.log(2.0)),),
    ),
    Wrong(
        "zero-guarded",
        _with(inverse=guarded(1e-10)),
        "softplus comes as close to 0 as you like but reaches it only at −∞. With a smallest "
        "argument your inverse invents a number there: return -inf, and the true value above.",
        also=(
            _with(inverse=guarded(1e-6)),
            *(_with(inverse=padded(tiny)) for tiny in (1e-12, 1e-16)),
            _with(inverse=guarded(1e-8)),
            _with(inverse=guarded(1e-12)),
            _with(inverse=guarded(1e-16)),
            _with(inverse=lambda y: np.log(np.expm1(np.minimum(y, 1.0)) + 1e-10)),
        ),
    ),
    Wrong(
        "rectifier",
        _with(softplus=lambda x: np.maximum(x, 0.0)),
        "max(x, 0) has a kink, and its gradient is 0 for all negative x. softplus is its smooth "
        "relative: what is log(1 + exp(x)) at x = 0?",
    ),
    Wrong(
        "derivative-returned",
        _with(softplus=lambda x: np.exp(-np.logaddexp(0.0, -x))),
        "That is the sigmoid, the *derivative* of softplus; it never exceeds 1.",
    ),
    Wrong(
        "mirrored",
        _with(softplus=lambda x: np.logaddexp(0.0, -x)),
        "Your function falls. Large x must give large values: look at the sign in the exponent.",
        also=(_with(softplus=lambda x: -np.logaddexp(0.0, -x)),),
    ),
    Wrong(
        "exponential",
        _with(np.exp, np.log),
        "exp and log are the other usual pair. softplus(x) is log(1 + exp(x)), which grows like x "
        "and not like exp(x).",
        also=(_with(softplus=np.exp), _with(inverse=np.log)),
    ),
    Wrong(
        "reciprocal",
        _with(inverse=lambda y: 1.0 / stable(y)),
        "The inverse *function* is wanted, not one over the function: solve y = log(1 + exp(x)) "
        "for x.",
    ),
    Wrong(
        "plus-for-minus",
        _with(inverse=stable),
        "Solve y = log(1 + exp(x)) again: to get exp(x) alone, is the 1 added or subtracted?",
        also=(_with(inverse=lambda y: np.log(np.exp(y) + 1.0)),),
    ),
    Wrong(
        "names-exchanged",
        _with(lambda x: stable_inverse(x), stable),
        "The two functions are exchanged: softplus takes any number and returns a positive one.",
    ),
    Wrong(
        "single-numbers-only",
        _with(by_math, by_math_inverse),
        "`math` knows single numbers only. With `np` the same formula works on arrays as well.",
        also=(_with(softplus=by_math), _with(inverse=by_math_inverse)),
    ),
    Wrong(
        "if-on-an-array",
        _with(softplus=if_large),
        "`if` asks one question, and an array has many answers. Use a formula that holds for all "
        "entries at once, such as one with `np.logaddexp`.",
        also=(_with(inverse=if_large_inverse), _with(if_large, if_large_inverse)),
    ),
    Wrong(
        "whole-numbers-truncated",
        _with(whole_numbers_kept(stable), whole_numbers_kept(stable_inverse)),
        "For whole numbers your results are cut to whole numbers: compute in floats.",
        also=(
            _with(softplus=whole_numbers_kept(stable)),
            _with(inverse=whole_numbers_kept(stable_inverse)),
        ),
    ),
)


# Right


def masked(x: Array) -> Array:
    """`where` with an unused branch that cannot overflow."""
    small = np.where(x > 30.0, 0.0, x)
    return np.where(x > 30.0, x, np.log1p(np.exp(small)))


def masked_inverse(y: Array) -> Array:
    small = np.where(y > 30.0, 1.0, y)
    return np.where(y > 30.0, y, np.log(np.expm1(small)))


def one_by_one(function: Function) -> Function:
    def answer(x: Array) -> Array:
        return np.array([function(v) for v in x]) if np.ndim(x) else function(x)

    return answer


def branch(x: Any) -> Any:
    return x + np.log1p(np.exp(-x)) if x > 0 else np.log1p(np.exp(x))


def branch_inverse(y: Any) -> Any:
    return y + np.log(-np.expm1(-y)) if y > 0.7 else np.log(np.expm1(y))


RIGHT = (
    Right("max plus log1p", _with(softplus=by_cases)),
    Right("where, with harmless branches", _with(masked, masked_inverse)),
    Right("plain numpy", _with(plain_numpy, plain_numpy_inverse)),
    Right("a loop with if", _with(one_by_one(branch), one_by_one(branch_inverse))),
    Right(
        "half of x plus |x|",
        _with(
            lambda x: 0.5 * (x + np.abs(x)) + np.log1p(np.exp(-np.abs(x))),
            lambda y: y + np.log(-np.expm1(-1.0 * y)),
        ),
    ),
)

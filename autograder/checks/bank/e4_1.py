"""Typical answers to E4.1, `robbins_monro(t, rho0, kappa, delay)` and `is_robbins_monro(kappa)`.

Each wrong answer is wrong in one of the two functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Rate = Callable[[Any, Any, Any, Any], Any]
Rule = Callable[[Any], Any]


def rate(t: Any, rho0: Any, kappa: Any, delay: Any) -> Any:
    return rho0 * (t + delay) ** (-float(kappa))


def rule(kappa: Any) -> Any:
    return 0.5 < kappa <= 1.0


def both(robbins_monro: Rate = rate, is_robbins_monro: Rule = rule) -> Implementation:
    return {"robbins_monro": robbins_monro, "is_robbins_monro": is_robbins_monro}


# Wrong


def single_numbers(t: Any, rho0: Any, kappa: Any, delay: Any) -> Any:
    if t + delay <= 0:
        raise ValueError("t starts at 1")
    return rate(t, rho0, kappa, delay)


def on_the_math_module(t: Any, rho0: Any, kappa: Any, delay: Any) -> Any:
    return rho0 * math.pow(t + delay, -kappa)


def to_an_array_of_integers(t: Any, rho0: Any, kappa: Any, delay: Any) -> Any:
    if np.ndim(t) == 0:
        return rate(t, rho0, kappa, delay)
    rates = np.zeros_like(t)
    for i, each in enumerate(t):
        rates[i] = rate(each, rho0, kappa, delay)
    return rates


def arrays_only(t: Any, rho0: Any, kappa: Any, delay: Any) -> Any:
    return np.array([rate(float(each), rho0, kappa, delay) for each in t])


def in_whole_numbers(kappa: Any) -> Any:
    t = np.arange(1, 100_001)
    return np.sum(t**-kappa) > 10 and np.sum(t ** (-2 * kappa)) < 100


def halves(kappa: Any) -> Any:
    """Both sums up to a hundred thousand, compared with numbers that look large and small."""
    t = np.arange(1.0, 1e5)
    return bool(np.sum(t**-kappa) > 10 and np.sum(t ** (-2.0 * kappa)) < 100)


WRONG = (
    Wrong(
        "delay-ignored",
        both(lambda t, rho0, kappa, delay: rate(t, rho0, kappa, 0)),
        "Your ρ_t does not depend on `delay`. What does it do? It postpones: step t is as long as "
        "step t + delay would be without it.",
    ),
    Wrong(
        "counted-from-zero",
        both(lambda t, rho0, kappa, delay: rate(t - 1, rho0, kappa, delay)),
        "The first step has t = 1, and it is t + delay that is raised to −κ. With t − 1 and no "
        "delay, how long is your first step?",
    ),
    Wrong(
        "grows",
        both(lambda t, rho0, kappa, delay: rho0 * (t + delay) ** float(kappa)),
        "Your steps become longer with time. Which sign does the exponent have?",
    ),
    Wrong(
        "rho0-forgotten",
        both(lambda t, rho0, kappa, delay: rate(t, 1.0, kappa, delay)),
        "What happens to your ρ_t when ρ₀ is doubled? It is the scale of all steps.",
    ),
    Wrong(
        "exponential-decay",
        both(
            lambda t, rho0, kappa, delay: rho0 * np.exp(-kappa * (t + delay)),
        ),
        "That shrinks exponentially: the steps add up to a finite sum, and the iterate stops short "
        "of the optimum. What is asked is a power of t + delay.",
        also=(
            both(lambda t, rho0, kappa, delay: rho0 * kappa ** (t + delay)),
            both(lambda t, rho0, kappa, delay: rho0 * np.exp(-kappa * t)),
            both(lambda t, rho0, kappa, delay: rho0 * kappa**t),
        ),
    ),
    Wrong(
        "kappa-as-a-factor",
        both(lambda t, rho0, kappa, delay: rho0 / (1 + kappa * (t + delay))),
        "κ is an exponent: twice the t makes the step 2^κ times shorter.",
        also=(
            both(lambda t, rho0, kappa, delay: rho0 / (kappa * (t + delay))),
            both(lambda t, rho0, kappa, delay: rho0 / (1 + kappa * t)),
        ),
    ),
    Wrong(
        "rho0-under-the-power",
        both(lambda t, rho0, kappa, delay: (rho0 * (t + delay)) ** (-float(kappa))),
        "ρ₀ stands in front of the power. As you have it, a larger ρ₀ makes the steps shorter.",
    ),
    Wrong(
        "brackets-missing",
        both(lambda t, rho0, kappa, delay: rho0 * t + delay ** (-float(kappa))),
        "Powers bind more tightly than sums: put t + delay in brackets before you raise it.",
        also=(
            both(lambda t, rho0, kappa, delay: rho0 * (t + delay ** (-float(kappa)))),
            both(lambda t, rho0, kappa, delay: t + delay ** (-float(kappa))),
        ),
    ),
    Wrong(
        "delay-outside-the-power",
        both(lambda t, rho0, kappa, delay: rho0 * (t ** (-float(kappa)) + delay)),
        "The delay is added to t, before the power. As you have it, the steps do not even go to 0.",
        also=(both(lambda t, rho0, kappa, delay: rho0 * t ** (-float(kappa)) + delay),),
    ),
    Wrong(
        "exponent-doubled",
        both(lambda t, rho0, kappa, delay: rate(t, rho0, 2 * kappa, delay)),
        "Your exponent is twice −κ: that is the term of the second sum, Σ ρ_t². Here ρ_t itself is "
        "asked.",
        also=(both(lambda t, rho0, kappa, delay: rate(t, rho0, kappa, delay) ** 2),),
    ),
    Wrong(
        "single-numbers-only",
        both(single_numbers),
        "`t` may also be an array, one step size for each entry. What in your code needs a single "
        "number?",
        also=(both(on_the_math_module),),
    ),
    Wrong(
        "arrays-only",
        both(arrays_only),
        "`t` may also be a single number, over which one cannot loop. NumPy computes with both in "
        "the same way: no loop is needed.",
    ),
    Wrong(
        "integer-power",
        both(lambda t, rho0, kappa, delay: rho0 * (t + delay) ** -kappa),
        "NumPy refuses to raise whole numbers to negative whole powers. Make one of them a float.",
    ),
    Wrong(
        "whole-numbers-truncated",
        both(to_an_array_of_integers),
        "An array made like `t` holds whole numbers and cuts off what you store in it. Give it "
        "`dtype=float`.",
    ),
    Wrong(
        "one-half-accepted",
        both(is_robbins_monro=lambda kappa: 0.5 <= kappa <= 1),
        "κ = ½: then Σ ρ_t² = Σ 1/t, up to a constant. Is that finite?",
    ),
    Wrong(
        "one-rejected",
        both(is_robbins_monro=lambda kappa: 0.5 < kappa < 1),
        "κ = 1: Σ 1/t is infinite (it grows like log t), and Σ 1/t² is finite. Are both conditions "
        "met?",
    ),
    Wrong(
        "ends-swapped",
        both(is_robbins_monro=lambda kappa: 0.5 <= kappa < 1),
        "Both ends are the wrong way round. Which of the two sums is Σ 1/t at κ = ½, which at "
        "κ = 1, and what should it be there?",
    ),
    Wrong(
        "first-sum-only",
        both(is_robbins_monro=lambda kappa: kappa <= 1),
        "Σ ρ_t = ∞ is one condition. The other, Σ ρ_t² < ∞, rules out small κ: from which κ on is "
        "Σ t^(−2κ) finite?",
        also=(
            both(is_robbins_monro=lambda kappa: 0 < kappa <= 1),
            both(is_robbins_monro=lambda kappa: 0 <= kappa <= 1),
        ),
    ),
    Wrong(
        "second-sum-only",
        both(is_robbins_monro=lambda kappa: kappa > 0.5),
        "Σ ρ_t² < ∞ is one condition. The other, Σ ρ_t = ∞, rules out large κ: if all steps "
        "together have a finite length, can you always arrive?",
        also=(both(is_robbins_monro=lambda kappa: kappa >= 0.5),),
    ),
    Wrong(
        "conditions-exchanged",
        both(is_robbins_monro=lambda kappa: not 0.5 < kappa <= 1),
        "You say yes where no is right. The steps must add up to infinity, their *squares* to a "
        "finite number.",
    ),
    Wrong(
        "summed-by-computer",
        both(is_robbins_monro=halves),
        "A sum of a hundred thousand terms is finite whatever κ is, and near the ends it looks no "
        "different. Decide by theory: for which p is Σ t^(−p) finite?",
        also=(both(is_robbins_monro=in_whole_numbers),),
    ),
)


# Right


def by_logarithms(t: Any, rho0: Any, kappa: Any, delay: Any) -> Any:
    return np.exp(np.log(rho0) - kappa * np.log(np.asarray(t, dtype=float) + delay))


def as_a_fraction(t: Any, rho0: Any, kappa: Any, delay: Any) -> Any:
    return rho0 / (t + delay) ** kappa


def in_a_loop(t: Any, rho0: Any, kappa: Any, delay: Any) -> Any:
    if np.ndim(t) == 0:
        return [rate(float(t), rho0, kappa, delay)]
    return [rate(float(each), rho0, kappa, delay) for each in t]


def single_precision(t: Any, rho0: Any, kappa: Any, delay: Any) -> Any:
    return np.float32(rate(t, rho0, kappa, delay))


def by_both_sums(kappa: Any) -> Any:
    def finite(p: float) -> bool:
        return p > 1

    return not finite(kappa) and finite(2 * kappa)


RIGHT = (
    Right("by logarithms", both(by_logarithms, lambda kappa: np.bool_(0.5 < kappa <= 1))),
    Right("as a fraction", both(as_a_fraction, by_both_sums)),
    Right("in a loop, 1 and 0", both(in_a_loop, lambda kappa: int(1 < 2 * kappa <= 2))),
    Right("single precision", both(single_precision, lambda kappa: np.array(rule(kappa)))),
)

"""Checks of E12.1, `psis_khat(log_w)`: exact for the fit the lesson describes, near for others.

Another estimator of a Pareto tail, such as maximum likelihood, has other digits. It counts as right
within 0.1, unless the bank knows the number as that of a mistake. Without the weak prior a fit is
such another estimator, as long as the tail is long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.answer import Call, LocalAnswer
from autograder.checks.bank import e12_1
from autograder.checks.compare import NUMERICAL, Mismatch, close, number
from autograder.checks.diagnose import same
from autograder.checks.protocol import Part, Recorder
from vi_lib.diagnostics import khat

Array = Any
Rng = np.random.Generator

NEAR = 0.1
"""How far from the reference another estimator may be."""


def pareto(rng: Rng, k: float, num: int) -> Array:
    """Log weights with a generalised Pareto tail of shape k, and some unknown constant.

    The quantiles are stratified, so that the tail of no sample is an accident.
    """
    u = (rng.permutation(num) + rng.uniform(0.3, 0.7, num)) / num
    excess = -np.log1p(-u) if k == 0.0 else np.expm1(-k * np.log1p(-u)) / k
    return np.log(0.5 + excess) + rng.uniform(-3.0, 3.0)


def gaussian(rng: Rng, spread: float, num: int) -> Array:
    """Log weights of q = N(0, spread) for p = N(0, 1): the tail's shape is 1 - spread²."""
    z = spread * rng.standard_normal(num)
    return -0.5 * z**2 + 0.5 * (z / spread) ** 2 + np.log(spread)


def _compare(answer: Recorder, log_w: Array, what: str) -> None:
    want = khat(log_w)
    found = answer.call("psis_khat", log_w)
    try:
        close(found, want, what, rtol=NUMERICAL, atol=NUMERICAL)
    except Mismatch:
        got = number(found, what)
        if not np.isfinite(got) or abs(got - want) > NEAR or _known_mistake(log_w, got):
            raise


def _known_mistake(log_w: Array, got: float) -> bool:
    wrongs = (wrong for wrong in e12_1.WRONG if wrong.name != "prior-forgotten")
    ways = (way for wrong in wrongs for way in (wrong.answer, *wrong.also))
    with np.errstate(all="ignore"):
        return any(same(_value(way, log_w), got) for way in ways)


def _value(answer: Any, log_w: Array) -> Any:
    return LocalAnswer(answer).perform(Call("psis_khat", (log_w,))).value


def _tails(answer: Recorder, rng: Rng) -> None:
    """All sorted, so that what fails here does not fail for want of sorting."""
    for k, num in ((0.9, 1000), (0.4, 4000), (0.65, 2500)):
        _compare(answer, np.sort(pareto(rng, k, num)), f"k-hat of {num} weights")
    log_w = np.sort(gaussian(rng, 0.5, 2000))
    _compare(answer, log_w, "k-hat of 2000 weights of a narrow Gaussian")


def _weak_prior(answer: Recorder, rng: Rng) -> None:
    """A tail of 12 to 20: the prior, worth ten observations, moves k by .2 and more."""
    for k, num in ((1.6, 60), (1.3, 100), (2.0, 75)):
        _compare(answer, pareto(rng, k, num), f"k-hat of {num} weights")


def _order_and_scale(answer: Recorder, rng: Rng) -> None:
    log_w = pareto(rng, 0.7, 1500)
    want = khat(log_w)
    for changed, how in (
        (np.sort(log_w), "sorted upwards"),
        (np.sort(log_w)[::-1].copy(), "sorted downwards"),
        (log_w + 37.0, "multiplied by exp(37)"),
    ):
        _compare(answer, changed, f"k-hat of 1500 weights, {how} ({want:.3f} in any order)")


def _extreme(answer: Recorder, rng: Rng) -> None:
    log_w = pareto(rng, 0.6, 1000)
    _compare(answer, log_w, "k-hat of 1000 moderate log weights")
    for shift in (-2000.0, 2000.0):
        _compare(answer, log_w + shift, f"k-hat of 1000 log weights near {shift:g}")
    whole = np.round(4.0 * pareto(rng, 0.25, 2000)).astype(int)
    _compare(answer, whole, "k-hat of 2000 log weights that are whole numbers")


def _light(answer: Recorder, rng: Rng) -> None:
    _compare(answer, pareto(rng, -0.3, 2000), "k-hat of 2000 weights with a bounded tail")
    _compare(answer, pareto(rng, 0.0, 1000), "k-hat of 1000 weights with an exponential tail")


PSIS_PARTS = (
    Part("heavy tails", 2.0, _tails),
    Part("light tails", 1.0, _light),
    Part("few draws: the weak prior", 1.0, _weak_prior),
    Part("order and scale do not matter", 1.0, _order_and_scale),
    Part("log weights near ±2000, whole numbers", 1.0, _extreme),
)

"""Checks of E3.4, responsibilities: exact, with every row judged.

Means, variances and weights all differ, and the data lie between the components, so that each of
them moves every row; far away only differences of exponents can be computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import Mismatch, array, close, require, show
from autograder.checks.protocol import Part, Recorder
from vi_lib import cavi

Array = Any
Rng = np.random.Generator
Case = tuple[Any, ...]


def _between(rng: Rng, num: int, K: int) -> Case:
    """x, m, s2, log_pi: overlapping components, none of them equal to another in anything."""
    m = np.cumsum(rng.uniform(1.0, 2.0, K)) + rng.uniform(0.5, 1.5)
    x = rng.uniform(m[0] - 1.0, m[-1] + 1.0, num)
    s2 = rng.permutation(np.linspace(0.2, 1.6, K)) * rng.uniform(0.8, 1.2)
    log_pi = np.log(rng.permutation(np.arange(1.0, K + 1.0)) / (K * (K + 1) / 2))
    return x, rng.permutation(m), s2, log_pi


def _responsibilities(answer: Recorder, case: Case, where: str) -> None:
    found = answer.call("gmm_responsibilities", *case)
    want = cavi.gmm_responsibilities(*case)
    got = array(found, "the responsibilities")
    if got.shape == want.shape and np.isfinite(got).all():
        off = int(np.argmax(np.max(np.abs(got - want), axis=1)))
        where = f"row {off} of the responsibilities {where}, x = {show(float(case[0][off]))}"
        close(got[off], want[off], where, atol=1e-12)
    close(got, want, f"the responsibilities {where}", atol=1e-12)


def _values(answer: Recorder, rng: Rng) -> None:
    for num, K in ((6, 3), (4, 2), (5, 4)):
        _responsibilities(answer, _between(rng, num, K), f"for {num} data and {K} components")


def _far(answer: Recorder, rng: Rng) -> None:
    """exp(800) overflows and exp(-3200) underflows; so do rows far from every component.

    All calls come before the first comparison: NaN in one of them alone has many reasons.
    """
    s2, log_pi = rng.uniform(0.1, 0.9, 2), np.log([0.3, 0.7])
    cases = (  # in the first, a shift common to all rows still serves
        (np.array([90.0, 90.5, 91.0]), np.array([40.0, 41.0]), s2, log_pi),
        (np.array([-40.0, 40.0, 0.1]), np.array([-40.0, 40.0]), s2, log_pi),
        (np.array([1.0, 1000.0, -900.0]), np.array([-2.0, 3.0]), s2, log_pi),
    )
    answers = [answer.call("gmm_responsibilities", *case) for case in cases]
    for case, rows in zip(cases, answers, strict=True):
        found = array(rows, "the responsibilities")
        require(
            found.shape == (3, 2),
            f"the responsibilities: expected an array of shape (3, 2), got {found.shape}.",
        )
        want = cavi.gmm_responsibilities(*case)
        what = f"the responsibilities for x = {show(case[0])}, m = {show(case[1])}"
        if not np.isfinite(found).all():
            raise Mismatch(f"{what}: expected {show(want)}, got {show(found)}.", want, found)
        close(found, want, what, atol=1e-12)


def _shapes(answer: Recorder, rng: Rng) -> None:
    whole = (np.array([0, 2, 5]), np.array([1, 4]), np.array([2, 4]), np.array([-1, -4]))
    _responsibilities(answer, whole, "for whole numbers")
    _responsibilities(answer, _between(rng, 1, 3), "for a single datum")
    _responsibilities(answer, _between(rng, 4, 1), "for a single component")


RESPONSIBILITY_PARTS = (
    Part("values", 2.0, _values),
    Part("far apart, without overflow", 1.0, _far),
    Part("whole numbers, one datum, one component", 1.0, _shapes),
)

"""Checks of E8.4, `mvn_kl(m0, S0, m1, S1)`.

The first two parts hold the means' term and the others apart, so that a slip in one does not cost
the other's points, and two slips are both named.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e8_4
from autograder.checks.compare import EXACT, Mismatch, close, number
from autograder.checks.lesson08_triangle import factor
from autograder.checks.protocol import Part, Recorder
from autograder.checks.slips import compared_alike
from vi_lib import divergences

Array = Any
Rng = np.random.Generator

NATS = 1e-9
"""Absolute tolerance where the divergence is 0, which round-off may miss."""


def _covariances(rng: Rng, dim: int) -> tuple[Array, Array]:
    """The first Gaussian is narrower, so that the determinants differ."""
    narrow, wide = 0.6 * factor(rng, dim), factor(rng, dim)
    return narrow @ narrow.T, wide @ wide.T


def _mean(rng: Rng, dim: int) -> Array:
    return rng.choice([-1.0, 1.0], dim) * rng.uniform(0.5, 2.0, dim)


def _compare(
    answer: Recorder, case: tuple[Array, ...], where: str, rtol: float = EXACT, atol: float = 0.0
) -> None:
    _judge(answer.call("mvn_kl", *case), case, where, rtol, atol)


def _judge(
    got: Any, case: tuple[Array, ...], where: str, rtol: float = EXACT, atol: float = 0.0
) -> None:
    want = divergences.mvn_kl(*(np.asarray(value, float) for value in case))
    try:
        close(got, want, f"the KL divergence {where}", rtol=rtol, atol=atol)
    except Mismatch as error:
        if isinstance(error.got, np.ndarray) and error.got.size == 1 and error.got < -NATS:
            error.message += " No KL divergence is negative."
        raise


def _shift(answer: Recorder, rng: Rng) -> None:
    """What the KL grows by if the means move apart; the covariances drop out of the difference."""
    for dim in (3, 2):
        m0, m1 = _mean(rng, dim), _mean(rng, dim)
        S0, S1 = _covariances(rng, dim)
        apart, together = (answer.call("mvn_kl", m0, S0, m, S1) for m in (m1, m0))
        grown = number(apart, "the KL divergence") - number(together, "the KL divergence")
        single = any(np.asarray(kl).dtype == np.float32 for kl in (apart, together))
        gap = m1 - m0
        what = f"the KL divergence of different means minus that of equal ones, D = {dim}"
        want = 0.5 * gap @ np.linalg.solve(S1, gap)
        close(np.float32(grown) if single else grown, want, what)


def _equal_means(answer: Recorder, rng: Rng) -> None:
    """Everything is called before anything is compared, which tells the slips apart."""
    mean, (S0, S1) = _mean(rng, 3), _covariances(rng, 3)
    zero, tilted = np.zeros(2), np.array([[1.0, 0.8], [0.8, 1.0]])
    cases = (
        ((mean, S1, mean, S1), "of a Gaussian from itself"),
        ((mean, S0, mean, S1), "of equal means and different covariances, D = 3"),
        ((zero, 0.36 * np.eye(2), zero, tilted), "of the best mean field at correlation 0.8"),
    )
    found = [answer.call("mvn_kl", *case) for case, _ in cases]
    for got, (case, where) in zip(found, cases, strict=True):
        try:
            _judge(got, case, where, atol=NATS)
        except Mismatch as error:
            half = isinstance(error.got, np.ndarray) and np.allclose(error.got, 0.5 * len(case[0]))
            if half and where.endswith("itself"):
                error.name = "dimension-forgotten"  # whatever else is wrong
            raise


def _in_general(answer: Recorder, rng: Rng) -> None:
    for dim in (4, 1):
        S0, S1 = _covariances(rng, dim)
        case = (_mean(rng, dim), S0, _mean(rng, dim), S1)
        _compare(answer, case, f"in general, D = {dim}")
    roots = (np.array([[2, 0], [1, 3]]), np.array([[1, 0], [-2, 2]]))
    whole = [root @ root.T for root in roots]
    case = (rng.integers(1, 5, 2), whole[0], rng.integers(-5, 0, 2), whole[1])
    _compare(answer, case, "of whole numbers")


def _many_dimensions(answer: Recorder, rng: Rng) -> None:
    """Sds from 1e-5 to 0.1: a condition number of 1e8, and determinants of about 1e-600."""
    dim = 100
    sds = rng.permutation(np.geomspace(1e-5, 0.1, dim))
    near = rng.uniform(0.5, 0.9) * np.eye(dim) + 0.1 / dim * np.ones((dim, dim))
    cov = np.outer(sds, sds) * (0.8 * np.eye(dim) + 0.2)
    case = (sds * rng.uniform(0.5, 1.0, dim), np.outer(sds, sds) * near, np.zeros(dim), cov)
    _compare(answer, case, f"of sds from 1e-5 to 0.1, D = {dim}", rtol=1e-5)


KL_PARTS = (
    Part("the shift", 1.0, compared_alike(e8_4.WRONG, _shift)),
    Part("equal means: trace and determinants", 1.5, _equal_means),
    Part("in general, one dimension, whole numbers", 1.5, _in_general),
    Part("100 dimensions, condition number 1e8", 1.0, _many_dimensions),
)

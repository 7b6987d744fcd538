"""Checks of E2.1, the best factorised Gaussian: exact, in 1 to 6 dimensions.

Targets are strongly correlated, their scales differ and no sd is 1, so that an sd, a variance and a
precision of the covariance or of its inverse are all different numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e2_1
from autograder.checks.compare import Mismatch, close, unpack
from autograder.checks.protocol import Part, Recorder
from autograder.checks.slips import looking_up, nth
from vi_lib import cavi

Array = Any
Rng = np.random.Generator


def _covariance(rng: Rng, dim: int) -> Array:
    root = rng.standard_normal((dim, dim)) + 0.7 * np.eye(dim)
    scales = rng.uniform(0.5, 3.0, dim)
    return (root @ root.T / dim + 0.3 * np.eye(dim)) * np.outer(scales, scales)


def _mean(rng: Rng, dim: int) -> Array:
    return rng.uniform(1.0, 3.0, dim) * rng.choice([-1.0, 1.0], dim)


def _pair(rng: Rng) -> Array:
    rho = rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 0.9)
    scales = rng.uniform(0.5, 3.0, 2)
    return np.array([[1.0, rho], [rho, 1.0]]) * np.outer(scales, scales)


NAMES = ("mean", "sd", "kl")

PAIR = np.array([[1.0, 1.6], [1.6, 4.0]])
"""Correlation 0.8 and sds 1 and 2: q has sds 0.6 and 1.2, the KL is 0.510826."""


def _mean_field(answer: Recorder, mu: Array, cov: Array) -> tuple[Any, ...]:
    found = answer.call("mean_field_gaussian", mu, cov)
    return unpack(found, NAMES, "`mean_field_gaussian`")


def _check_moments(answer: Recorder, mu: Array, cov: Array, where: str) -> None:
    for index, what in enumerate(("the mean", "the sds")):
        with looking_up(answer, e2_1.WRONG, nth(index, NAMES)):
            found = _mean_field(answer, mu, cov)[index]
            close(found, cavi.mean_field_gaussian(mu, cov)[index], f"{what} of q {where}")


def _moments_of_pairs(answer: Recorder, rng: Rng) -> None:
    _check_moments(answer, np.array([1.0, -2.0]), PAIR, "at correlation 0.8")
    _check_moments(answer, _mean(rng, 2), _pair(rng), "of a pair")


def _moments_in_general(answer: Recorder, rng: Rng) -> None:
    for dim in (3, 6, 1):
        _check_moments(answer, _mean(rng, dim), _covariance(rng, dim), f"in dimension {dim}")
    root = rng.integers(-2, 3, (3, 3))
    whole = root @ root.T + 2 * np.eye(3, dtype=int)
    _check_moments(answer, rng.integers(1, 9, 3), whole, "given whole numbers")


def _kl(answer: Recorder, rng: Rng) -> None:
    targets = [
        (_covariance(rng, 4), "in dimension 4"),  # tells more mistakes apart than a pair does
        (PAIR, "at correlation 0.8"),
        (_pair(rng), "of a pair"),
        (np.diag(rng.uniform(0.3, 3.0, 3)), "for independent coordinates"),
    ]
    for cov, where in targets:
        mu = _mean(rng, len(cov))
        want = cavi.mean_field_gaussian(mu, cov)[2]
        with looking_up(answer, e2_1.WRONG, nth(2, NAMES)):
            kl = _mean_field(answer, mu, cov)[2]
            try:
                # Where the target is factorised already the KL is 0, which round-off may miss.
                close(kl, want if want > 1e-9 else 0.0, f"the KL divergence {where}", atol=1e-10)
            except Mismatch as error:
                if isinstance(error.got, np.ndarray) and np.all(error.got < 0.0):
                    error.message += " No KL divergence is negative."
                raise


GAUSSIAN_PARTS = (
    Part("means and sds of a correlated pair", 1.0, _moments_of_pairs),
    Part("means and sds in 1 to 6 dimensions, whole numbers", 1.0, _moments_in_general),
    Part("KL divergence", 2.0, _kl),
)

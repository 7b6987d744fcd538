"""What the checks of lesson 5 share: Gaussian targets with exact gradients, the use of z-tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.compare import Mismatch, require, z_test
from autograder.checks.protocol import Unanswered

Array = Any
Target = tuple[Array, Array, float]
"""A Gaussian log joint: mean (D,), precision (D, D) and log evidence."""

Z_ALPHA = 1e-6
"""False-alarm rate of one z-test, all its coordinates together."""


def exactly_or_in_expectation(
    exact: Callable[[], None], in_expectation: Callable[[], None]
) -> None:
    """Accept an answer that is exact on the given draws, or else right on average.

    A baseline or another order of the draws changes single estimates but not their expectation. If
    that is wrong too, the exact comparison is what the student is told.
    """
    try:
        exact()
    except Mismatch as mismatch:
        try:
            in_two_tries(in_expectation)
        except (Mismatch, Unanswered):
            raise mismatch from None


def in_two_tries(test: Callable[[], None]) -> None:
    """Repeat a test that fails, on fresh draws: a wrong answer fails again, bad luck does not."""
    try:
        test()
    except Mismatch:
        test()


def gaussian_case(rng: np.random.Generator, dim: int) -> tuple[Target, Array, Array]:
    """A correlated Gaussian target (mean, prec, log evidence) and a q that it pulls everywhere.

    q's sds are half or 1.6 times the optimal ones and its mean is 0.6 to 1 of them off, so that no
    gradient is near 0, and the variance of the weights stays small.
    """
    scale = rng.uniform(0.7, 1.4, dim)
    corr = 0.7 * np.eye(dim) + 0.3 * np.ones((dim, dim))
    prec = corr / np.outer(scale, scale)
    mean = rng.choice([-1.0, 1.0], dim) * rng.uniform(1.0, 2.0, dim)
    mu = mean + rng.choice([-1.0, 1.0], dim) * rng.uniform(0.6, 1.0, dim) * scale
    sd = scale * rng.permutation(np.where(np.arange(dim) % 2 == 0, 0.5, 1.6))
    return (mean, prec, float(rng.uniform(0.5, 1.0))), mu, sd


def exact_gradient(target: Target, mu: Array, sd: Array) -> tuple[Array, Array]:
    """The gradient of E_q[log p - log q] in mu and sd for a Gaussian target."""
    mean, prec, _ = target
    return -prec @ (mu - mean), 1.0 / sd - sd * np.diag(prec)


def exact_elbo(target: Target, mu: Array, sd: Array) -> float:
    """Log evidence minus KL(q || p) for a Gaussian target."""
    mean, prec, log_evidence = target
    gap = mu - mean
    kl = 0.5 * (np.diag(prec) @ sd**2 + gap @ prec @ gap - len(mean))
    return float(log_evidence - kl + 0.5 * np.linalg.slogdet(prec)[1] + np.sum(np.log(sd)))


def unbiased_and_no_noisier(
    rows: Array, expected: Array, reference: Array, what: str, alpha: float
) -> None:
    """Require estimates (R, P) to have the mean `expected`, and not to owe that to noise.

    Enough noise would hide any bias. `reference` (R, P) are the text's own estimates of the same
    size; constants in the weight raise the variance up to 25 times, useless noise far beyond 100.
    """
    z_test(rows, expected, what, alpha=alpha)
    ratio = np.var(rows, axis=0) / np.var(reference, axis=0)
    require(
        bool(np.all(ratio < 100.0)),
        f"{what}: expected about the variance of the estimator in the text, "
        f"got {float(np.max(ratio)):.3g} times as much.",
    )

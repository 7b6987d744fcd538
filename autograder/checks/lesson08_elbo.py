"""Checks of E8.2, `full_rank_elbo(log_joint, mu, L, eps)`.

On noise with mean 0 and second moment I, such as the 2 D points ±√D q_i along orthogonal
directions, the ELBO of a Gaussian target is exact, and an entropy from the draws equals the closed
form. So only values on other noise need a z-test where an answer takes the entropy from the draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import close, number, require
from autograder.checks.lesson05_cases import (
    Target,
    exactly_or_in_expectation,
    unbiased_and_no_noisier,
)
from autograder.checks.lesson08_triangle import factor
from autograder.checks.protocol import Part, Recorder
from autograder.checks.values import made
from vi_lib import divergences, full_rank

Array = Any
Rng = np.random.Generator

Z_ALPHA = 1e-6
"""False-alarm rate of the z-tests of one try."""


def design(rng: Rng, dim: int, *, dense: bool = True) -> Array:
    """Noise (2 D, D) with mean 0 and second moment I: ± √D times orthogonal directions."""
    directions = np.linalg.qr(rng.standard_normal((dim, dim)))[0] if dense else np.eye(dim)
    return np.sqrt(dim) * np.concatenate([directions, -directions])


def gaussian_target(rng: Rng, dim: int, mu: Array, L: Array) -> Target:
    """A correlated Gaussian some sds off from q, as mean, precision and log evidence."""
    root = factor(rng, dim)
    spread = np.sqrt(np.diag(L @ L.T))
    mean = mu + rng.choice([-1.0, 1.0], dim) * rng.uniform(0.5, 1.0, dim) * spread
    return mean, np.linalg.inv(root @ root.T), float(rng.uniform(1.5, 2.5))


def log_joint_of(target: Target) -> Any:
    """The target by name, to be built where it is needed."""
    return made("autograder.checks.inputs.gaussian_log_joint", *target)


def exact_elbo(target: Target, mu: Array, L: Array) -> float:
    """Log evidence minus KL(q || p) for a Gaussian target."""
    mean, prec, log_evidence = target
    return log_evidence - float(divergences.mvn_kl(mu, L @ L.T, mean, np.linalg.inv(prec)))


def _elbo(answer: Recorder, *case: Any) -> Any:
    return answer.call("full_rank_elbo", *case)


def _values(answer: Recorder, rng: Rng) -> None:
    cases = []
    for dim, num in ((2, 6), (3, 1)):
        mu, L = rng.uniform(-2.0, 2.0, dim), factor(rng, dim)
        target = gaussian_target(rng, dim, mu, L)
        cases.append((target, mu, L, rng.standard_normal((num, dim))))

    def exact() -> None:
        # All calls come first: with D = 2 alone, a mean of the logs is half of their sum.
        found = [_elbo(answer, log_joint_of(target), *case) for target, *case in cases]
        for got, (target, mu, L, eps) in zip(found, cases, strict=True):
            want = full_rank.full_rank_elbo(log_joint_of(target).build(), mu, L, eps)
            draws = f"{len(eps)} draws" if len(eps) > 1 else "a single draw"
            close(got, want, f"the ELBO from {draws} in {len(mu)} dimensions")

    def on_average() -> None:
        for target, mu, L, _ in cases:
            _on_average(answer, rng, target, mu, L)

    exactly_or_in_expectation(exact, on_average)


def _on_average(answer: Recorder, rng: Rng, target: Target, mu: Array, L: Array) -> None:
    log_joint = log_joint_of(target)
    rows, reference = [], []
    for _ in range(25):
        eps = rng.standard_normal((800, len(mu)))
        rows.append([number(_elbo(answer, log_joint, mu, L, eps), "the ELBO")])
        reference.append([full_rank.full_rank_elbo(log_joint.build(), mu, L, eps)])
    again = number(_elbo(answer, log_joint, mu, L, eps), "the ELBO")
    require(again == rows[-1][0], "the ELBO on the same noise: expected one value, got another.")
    what = f"the ELBO on average over 25 calls with 800 draws each, D = {len(mu)}"
    want = [exact_elbo(target, mu, L)]
    unbiased_and_no_noisier(np.array(rows), want, np.array(reference), what, 0.5 * Z_ALPHA)


def _entropy(answer: Recorder, rng: Rng) -> None:
    """A log joint that is constant leaves the entropy alone."""
    for dim in (3, 1, 2):
        value, mu, L = float(rng.uniform(2.0, 3.0)), rng.uniform(-2.0, 2.0, dim), factor(rng, dim)
        log_joint = made("autograder.checks.inputs.constant_log_joint", value)
        want = value + 0.5 * dim * (1.0 + np.log(2.0 * np.pi)) + np.sum(np.log(np.diag(L)))
        got = _elbo(answer, log_joint, mu, L, design(rng, dim))
        close(got, want, f"the ELBO of a log joint that is {value:.4g} everywhere, D = {dim}")


def _against_the_evidence(answer: Recorder, rng: Rng) -> None:
    """In closed form: the log evidence minus the KL divergence, which is 0 where q = p."""
    mu, L = rng.uniform(-2.0, 2.0, 3), factor(rng, 3)
    target, eps = gaussian_target(rng, 3, mu, L), design(rng, 3)
    want = exact_elbo(target, mu, L)
    what = "on noise with mean exactly 0 and second moment exactly I: log p(x) - KL"
    close(_elbo(answer, log_joint_of(target), mu, L, eps), want, f"the ELBO {what}")
    posterior = (mu, np.linalg.inv(L @ L.T), target[2])
    got = _elbo(answer, log_joint_of(posterior), mu, L, eps)
    close(got, target[2], "the ELBO where q is the posterior: log p(x)")


def _odd_sizes(answer: Recorder, rng: Rng) -> None:
    """120 coordinates with sds of a thousandth, then one, then whole numbers."""
    small = 1e-3 * rng.uniform(0.7, 1.0, 120)
    four = 2 * np.concatenate([np.eye(4, dtype=int), -np.eye(4, dtype=int)])
    # Where target and L are diagonal, two opposite draws will do.
    for mu, L, eps, where in (
        (rng.uniform(-1.0, 1.0, 120), np.diag(small), _opposite(120), "in 120 dimensions"),
        (rng.uniform(1.0, 2.0, 1), rng.uniform(0.3, 0.6, (1, 1)), _opposite(1), "in one dimension"),
        (np.array([2, -1, 1, 3]), _whole(rng), four, "of whole numbers"),
    ):
        target = (mu + 0.5 * np.diag(L), np.diag(0.5 / np.diag(L) ** 2), 1.7)
        want = exact_elbo(target, mu, L)
        close(_elbo(answer, log_joint_of(target), mu, L, eps), want, f"the ELBO {where}")


def _opposite(dim: int) -> Array:
    return np.array([np.ones(dim), -np.ones(dim)])


def _whole(rng: Rng) -> Array:
    return np.tril(rng.integers(-2, 3, (4, 4)), -1) + np.diag(rng.permutation([2, 3, 5, 4]))


ELBO_PARTS = (
    Part("the ELBO on given noise", 2.0, _values, false_alarm=Z_ALPHA),
    Part("the entropy", 1.0, _entropy),
    Part("log evidence minus KL on a Gaussian", 1.0, _against_the_evidence),
    Part("120 dimensions, one, whole numbers", 1.0, _odd_sizes),
)

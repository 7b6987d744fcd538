"""Checks of E1.1, the KL divergence of two Gaussians.

Sds are never 1 and never equal, and means differ by a third of an sd or more, so that each term of
a divergence is at least 1e-3 where the tolerance is 1e-9 of the whole. Broadcasting and whole
numbers are compared with the answer's own values at single numbers, and the directions with each
other: a wrong formula costs its points once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import array, close, number
from autograder.checks.protocol import Part, Recorder
from vi_lib.divergences import gaussian_kl

Array = Any
Rng = np.random.Generator


def _gaussians(rng: Rng) -> tuple[float, float, float, float]:
    """Arguments of a KL: one sd at most 0.8, the other at least 1.2, in either order."""
    mu_q = float(rng.uniform(-2.0, 2.0))
    gap = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.6, 2.0))
    sds = rng.permutation([rng.uniform(0.4, 0.8), rng.uniform(1.2, 2.0)])
    return mu_q, float(sds[0]), mu_q - gap, float(sds[1])


def _number(answer: Recorder, *case: float) -> float:
    return number(answer.call("gaussian_kl", *case), "the KL of two Gaussians")


def _values(answer: Recorder, rng: Rng) -> None:
    for _ in range(8):
        case = _gaussians(rng)
        what = "KL(q‖p) for q = N({:.3g}, sd={:.3g}) and p = N({:.3g}, sd={:.3g})".format(*case)
        close(answer.call("gaussian_kl", *case), gaussian_kl(*case), what)
    mu, sd = float(rng.uniform(1.0, 2.0)), float(rng.uniform(0.4, 0.8))
    again = answer.call("gaussian_kl", mu, sd, mu, sd)
    close(again, 0.0, "KL(q‖q), of a Gaussian from itself", atol=1e-12)


def _broadcasting(answer: Recorder, rng: Rng) -> None:
    column, row, rest = rng.uniform(-2.0, 2.0, (3, 1)), rng.uniform(0.4, 2.0, 4), (0.5, 1.3)
    own = [[_number(answer, float(mu), float(sd), *rest) for sd in row] for mu in column[:, 0]]
    found = answer.call("gaussian_kl", column, row, *rest)
    close(found, own, "KL for `mu_q` of shape (3, 1) and `sd_q` of shape (4,), one for each pair")

    whole = (np.arange(-1, 2), np.array([1, 2, 3]), np.array([2, 5, -3]), np.array([2, 1, 5]))
    own_whole = [_number(answer, *map(float, case)) for case in zip(*whole, strict=True)]
    close(answer.call("gaussian_kl", *whole), own_whole, "KL for arrays of whole numbers")


def _direction(answer: Recorder, rng: Rng) -> None:
    """With equal means, by how much the two directions differ does not depend on other slips."""
    mu, narrow = float(rng.uniform(-1.0, 1.0)), float(rng.uniform(0.4, 0.6))
    wide = narrow * float(rng.uniform(3.0, 4.0))
    there, back = (mu, narrow, mu, wide), (mu, wide, mu, narrow)
    one, other = (array(answer.call("gaussian_kl", *case), "the KL") for case in (there, back))
    # An array: where the two came in float32, so does their difference.
    got = np.asarray(one - other) if one.size == other.size == 1 else one
    what = (
        f"KL of a q with sd {narrow:.3g} from a p with sd {wide:.3g} and the same mean, "
        "minus the KL the other way round"
    )
    close(got, gaussian_kl(*there) - gaussian_kl(*back), what)


KL_PARTS = (
    Part("value, and 0 for equal Gaussians", 2.0, _values),
    Part("broadcasting, whole numbers", 1.0, _broadcasting),
    Part("direction", 1.0, _direction),
)

"""The exercise of lesson 0, a warm-up: it has points like the others, which do not count.

Sds are never 1 and log 2π is never small beside a tolerance of 1e-9, so that each term shows.
Broadcasting and whole numbers are compared with the answer's own values at single numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e0_1
from autograder.checks.compare import array, close, number
from autograder.checks.protocol import Exercise, Part, Recorder
from vi_lib import densities

Array = Any
Rng = np.random.Generator


def _case(rng: Rng) -> tuple[float, float, float]:
    mean = float(rng.uniform(-2.0, 2.0))
    sd = float(rng.choice([rng.uniform(0.3, 0.7), rng.uniform(1.5, 3.0)]))
    return mean + sd * float(rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 2.5)), mean, sd


def _values(answer: Recorder, rng: Rng) -> None:
    for _ in range(6):
        case = _case(rng)
        what = "log N(θ; m, sd) at θ = {:.3g}, m = {:.3g}, sd = {:.3g}".format(*case)
        theta, mean, sd = case
        close(answer.call("log_normal", *case), densities.normal(np.array(theta), mean, sd), what)


def _broadcasting(answer: Recorder, rng: Rng) -> None:
    def own(*case: float) -> float:
        return number(answer.call("log_normal", *map(float, case)), "the log density")

    theta, mean, sd = rng.uniform(-2.0, 2.0, (3, 2)), rng.uniform(-2.0, 2.0, 2), 1.7
    want = [[own(t, m, sd) for t, m in zip(row, mean, strict=True)] for row in theta]
    what = "log densities for `theta` of shape (3, 2) and `mean` of shape (2,)"
    close(answer.call("log_normal", theta, mean, sd), want, what)
    whole = (np.array([1, 2, 4]), np.array([0, 3, 1]), np.array([1, 2, 3]))
    want_whole = [own(*case) for case in zip(*whole, strict=True)]
    close(
        answer.call("log_normal", *whole), want_whole, "log densities for arrays of whole numbers"
    )


def _far_out(answer: Recorder, rng: Rng) -> None:
    """Compared with one sd from the mean, so that a wrong normaliser costs its points once."""
    mean, sd = float(rng.uniform(-1.0, 1.0)), float(rng.uniform(0.3, 0.7))
    near = array(answer.call("log_normal", mean + sd, mean, sd), "the log density")
    for far in (40.0, 400.0):
        found = array(answer.call("log_normal", mean + far * sd, mean, sd), "the log density")
        what = f"the log density {far:g} sds from the mean, minus that one sd from it"
        close(found - near, 0.5 - 0.5 * far**2, what)


EXERCISES = (
    Exercise(
        id="E0.1",
        title="The log density of a Gaussian",
        names=("log_normal",),
        reference={"log_normal": densities.normal},
        parts=(
            Part("value", 1.0, _values),
            Part("one value for each θ, whole numbers", 0.5, _broadcasting),
            Part("far out", 0.5, _far_out),
        ),
        wrong=e0_1.WRONG,
        right=e0_1.RIGHT,
        forbidden=("vi_lib.densities:normal", "vi_lib.densities:multivariate_normal"),
    ),
)

"""Checks of E6.3 and E6.4: the total pathwise gradient and the path derivative.

Both are unbiased, so averages cannot tell them apart. The noise is given and the comparison exact;
what holds on average is seen on noise whose moments are exactly those of a standard normal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.compare import close, unpack
from autograder.checks.lesson05_cases import Target, exact_gradient, gaussian_case
from autograder.checks.protocol import Part, Recorder
from autograder.checks.values import made
from vi_lib import pathwise

Array = Any
Rng = np.random.Generator
PartTest = Callable[[Recorder, Rng], None]

NAMES = ("g_mu", "g_sd")
_SLOPE = "autograder.checks.inputs.gaussian_grad_log_joint"


def _slope(target: Target) -> Any:
    return made(_SLOPE, target[0], target[1])


def _pair(answer: Recorder, function: str, *case: Any) -> tuple[Any, ...]:
    return unpack(answer.call(function, *case), NAMES, f"`{function}`")


def _one_result(function: str, index: int) -> PartTest:
    def part(answer: Recorder, rng: Rng) -> None:
        for num in (6, 1):
            target, mu, sd = gaussian_case(rng, 2)
            case = (_slope(target), mu, sd, rng.standard_normal((num, 2)))
            want = getattr(pathwise, function)(case[0].build(), *case[1:])
            draws = f"from {num} draws" if num > 1 else "from a single draw"
            close(_pair(answer, function, *case)[index], want[index], f"`{NAMES[index]}` {draws}")

    return part


def _other_shapes(function: str) -> PartTest:
    """One coordinate, then three with whole numbers as parameters and as noise."""

    def part(answer: Recorder, rng: Rng) -> None:
        for dim, num in ((1, 5), (3, 4)):
            target, mu, sd = gaussian_case(rng, dim)
            eps, kind = rng.standard_normal((num, dim)), "floats"
            if dim == 3:
                mu, sd, kind = np.array([2, -1, 1]), np.array([3, 2, 4]), "whole numbers"
                eps = np.array([[1, -2, 0], [3, 1, -1], [-1, 0, 2], [0, -3, 1]])
            case = (_slope(target), mu, sd, eps)
            want = getattr(pathwise, function)(case[0].build(), *case[1:])
            for name, got, exact in zip(NAMES, _pair(answer, function, *case), want, strict=True):
                close(got, exact, f"`{name}` for eps of shape {eps.shape}, {kind}")

    return part


def _right_on_average(answer: Recorder, rng: Rng) -> None:
    """Noise of mean 0 and covariance I gives the exact gradient: this model's is linear."""
    target, mu, sd = gaussian_case(rng, 2)
    signs = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    found = _pair(answer, "reparameterization_gradient", _slope(target), mu, sd, signs)
    for name, got, want in zip(NAMES, found, exact_gradient(target, mu, sd), strict=True):
        close(got, want, f"`{name}` from noise with mean exactly 0 and covariance exactly I")


def _zero_at_the_posterior(answer: Recorder, rng: Rng) -> None:
    for dim, num in ((2, 1), (3, 1), (2, 5)):
        mu, sd = rng.uniform(-2.0, 2.0, dim), rng.uniform(0.4, 1.6, dim)
        slope = made(_SLOPE, mu, np.diag(sd**-2.0))
        eps = rng.choice([-1.0, 1.0], (num, dim)) * rng.uniform(0.5, 2.0, (num, dim))
        found = _pair(answer, "path_derivative_gradient", slope, mu, sd, eps)
        for name, got in zip(NAMES, found, strict=True):
            what = f"`{name}` from {num} draw(s) where q is the posterior"
            close(got, np.zeros(dim), what, atol=1e-9)


def _parts(function: str, points: tuple[float, float, float]) -> tuple[Part, Part, Part]:
    in_mu, in_sd, shapes = points
    return (
        Part("gradient in mu", in_mu, _one_result(function, 0)),
        Part("gradient in sd", in_sd, _one_result(function, 1)),
        Part("other shapes, whole numbers", shapes, _other_shapes(function)),
    )


TOTAL_PARTS = (
    *_parts("reparameterization_gradient", (1.0, 2.0, 1.0)),
    Part("right on average", 1.0, _right_on_average),
)
PATH_PARTS = (
    *_parts("path_derivative_gradient", (1.0, 1.0, 1.0)),
    Part("0 on each draw where q = p", 2.0, _zero_at_the_posterior),
)

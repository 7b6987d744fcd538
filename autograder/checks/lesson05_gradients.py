"""Checks of E5.1 and E5.2: the score of a Gaussian and the score-function gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.bank import e5_1, e5_2
from autograder.checks.compare import EXACT, SINGLE, array, close, require, unpack
from autograder.checks.lesson05_cases import (
    Z_ALPHA,
    Target,
    exact_gradient,
    exactly_or_in_expectation,
    gaussian_case,
    in_two_tries,
    unbiased_and_no_noisier,
)
from autograder.checks.protocol import Part, Recorder
from autograder.checks.slips import looking_up, nth
from autograder.checks.values import made
from vi_lib import bbvi

Array = Any


# E5.1: score_gaussian(theta, mu, sd) -> (d_mu, d_sd)

SCORES = ("d_mu", "d_sd")


def _score_case(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    mu, sd = rng.normal(0.0, 2.0, 3), rng.uniform(0.3, 0.7, 3)
    theta = mu + sd * rng.choice([-1.0, 1.0], (5, 3)) * rng.uniform(0.3, 2.5, (5, 3))
    return theta, mu, sd


def _score(answer: Recorder, case: tuple[Array, Array, Array]) -> tuple[Any, ...]:
    return unpack(answer.call("score_gaussian", *case), SCORES, "`score_gaussian`")


def score_in_mu(answer: Recorder, rng: np.random.Generator) -> None:
    """The derivative in mu."""
    case = _score_case(rng)
    with looking_up(answer, e5_1.WRONG, nth(0, SCORES)):
        close(_score(answer, case)[0], bbvi.score_gaussian(*case)[0], "`d_mu`")


def score_in_sd(answer: Recorder, rng: np.random.Generator) -> None:
    """The derivative in sd."""
    case = _score_case(rng)
    with looking_up(answer, e5_1.WRONG, nth(1, SCORES)):
        close(_score(answer, case)[1], bbvi.score_gaussian(*case)[1], "`d_sd`")


def score_averages_to_zero(answer: Recorder, rng: np.random.Generator) -> None:
    """On draws with exactly q's mean and sd both averages are 0: no z-test, no false alarm."""
    z = rng.standard_normal((40, 2))
    z -= z.mean(axis=0)
    z /= np.sqrt(np.mean(z**2, axis=0))
    mu, sd = rng.normal(0.0, 2.0, 2), rng.uniform(0.3, 0.7, 2)
    for name, part in zip(("d_mu", "d_sd"), _score(answer, (mu + sd * z, mu, sd)), strict=True):
        rows = array(part, f"`{name}`")
        require(
            rows.shape == (40, 2),
            f"`{name}`: expected an array of shape (40, 2), got one of shape {rows.shape}.",
        )
        atol = float(SINGLE if rows.dtype == np.float32 else EXACT) / float(np.min(sd))
        what = f"the average of `{name}` over draws with exactly q's mean and sd"
        close(np.mean(rows, axis=0), np.zeros(2), what, atol=atol)


def score_far_out_and_for_integers(answer: Recorder, rng: np.random.Generator) -> None:
    """Where the density underflows, and for integer arrays."""
    mu, sd = rng.normal(0.0, 2.0, 2), rng.uniform(0.3, 0.7, 2)
    far = mu + sd * np.array([[60.0, -80.0], [-100.0, 70.0]])
    whole = (rng.integers(-4, 5, (4, 2)), np.array([6, -7]), np.array([3, 2]))
    for case, where in (((far, mu, sd), "60 to 100 sd from mu"), (whole, "integer input")):
        expected = bbvi.score_gaussian(*case)
        for index, name in enumerate(SCORES):
            with looking_up(answer, e5_1.WRONG, nth(index, SCORES)):
                close(_score(answer, case)[index], expected[index], f"`{name}`, {where}")


SCORE_PARTS = (
    Part("derivative in mu", 1, score_in_mu),
    Part("derivative in sd", 1, score_in_sd),
    Part("averages to 0 under q", 1, score_averages_to_zero),
    Part("far out, and integers", 1, score_far_out_and_for_integers),
)


# E5.2: score_function_gradient(log_joint, mu, sd, theta) -> (g_mu, g_sd)

GRADIENTS = ("g_mu", "g_sd")


def _black_box(target: Target) -> Any:
    return made("autograder.checks.inputs.black_box_log_joint", *target)


def _gradient(answer: Recorder, *case: Any) -> tuple[Any, ...]:
    value = answer.call("score_function_gradient", *case)
    return unpack(value, GRADIENTS, "`score_function_gradient`")


def _gradient_on_average(
    answer: Recorder,
    rng: np.random.Generator,
    target: Target,
    mu: Array,
    sd: Array,
    keep: tuple[int, ...] = (0, 1),
) -> None:
    """40 estimates from 1000 fresh draws each against the exact gradient."""
    target = (*target[:2], 0.0)  # a constant would only add variance
    box, rows, reference = _black_box(target), [], []
    for _ in range(40):
        theta = mu + sd * rng.standard_normal((1000, len(mu)))
        parts = _gradient(answer, box, mu, sd, theta)
        rows.append(np.concatenate([np.ravel(array(parts[k], "the gradient")) for k in keep]))
        own = bbvi.score_function_gradient(box.build(), mu, sd, theta)
        reference.append(np.concatenate([own[k] for k in keep]))
    exact = np.concatenate([exact_gradient(target, mu, sd)[k] for k in keep])
    what = "the average over 40 times 1000 draws"
    unbiased_and_no_noisier(np.array(rows), exact, np.array(reference), what, Z_ALPHA)


def _gradient_part(index: int) -> Callable[[Recorder, np.random.Generator], None]:
    name = GRADIENTS[index]

    def part(answer: Recorder, rng: np.random.Generator) -> None:
        target, mu, sd = gaussian_case(rng, 2)
        theta = mu + sd * rng.standard_normal((6, 2))
        box = _black_box(target)
        expected = bbvi.score_function_gradient(box.build(), mu, sd, theta)

        def exact() -> None:
            with looking_up(answer, e5_2.WRONG, nth(index, GRADIENTS)):
                found = _gradient(answer, box, mu, sd, theta)[index]
                close(found, expected[index], f"`{name}`")

        exactly_or_in_expectation(
            exact, lambda: _gradient_on_average(answer, rng, target, mu, sd, (index,))
        )

    return part


def gradient_for_other_shapes(answer: Recorder, rng: np.random.Generator) -> None:
    """One coordinate, then three with integer parameters."""
    for dim, num in ((1, 7), (3, 4)):
        target, mu, sd = gaussian_case(rng, dim)
        if dim == 3:
            mu, sd = np.array([2, -1, 1]), np.array([1, 2, 3])
            target = (mu + rng.uniform(0.5, 1.0, 3), target[1] / 4.0, target[2])
        theta = mu + sd * rng.standard_normal((num, dim))
        _compare_both(answer, rng, target, mu, sd, theta)


def _compare_both(
    answer: Recorder,
    rng: np.random.Generator,
    target: Target,
    mu: Array,
    sd: Array,
    theta: Array,
) -> None:
    box, kind = _black_box(target), "integer mu and sd" if mu.dtype.kind == "i" else "floats"
    expected = bbvi.score_function_gradient(box.build(), mu, sd, theta)

    def exact() -> None:
        got = _gradient(answer, box, mu, sd, theta)
        for name, came, want in zip(("g_mu", "g_sd"), got, expected, strict=True):
            close(came, want, f"`{name}` for theta of shape {theta.shape}, {kind}")

    exactly_or_in_expectation(exact, lambda: _gradient_on_average(answer, rng, target, mu, sd))


def gradient_is_unbiased(answer: Recorder, rng: np.random.Generator) -> None:
    """Against the closed form of a Gaussian target."""
    in_two_tries(lambda: _gradient_on_average(answer, rng, *gaussian_case(rng, 2)))


GRADIENT_PARTS = (
    Part("gradient in mu", 2, _gradient_part(0), Z_ALPHA),
    Part("gradient in sd", 2, _gradient_part(1), Z_ALPHA),
    Part("other shapes, integers", 1, gradient_for_other_shapes, 2 * Z_ALPHA),
    Part("right on average", 1, gradient_is_unbiased, Z_ALPHA),
)

"""Checks of E5.4, `control_variate(f, h) -> (f_new, a)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.bank import e5_4
from autograder.checks.compare import EXACT, NUMERICAL, array, close, require, unpack, z_test
from autograder.checks.lesson05_cases import Z_ALPHA, exactly_or_in_expectation, in_two_tries
from autograder.checks.protocol import Part, Recorder
from autograder.checks.slips import looking_up, nth
from vi_lib import bbvi

Array = Any

RESULTS = ("f_new", "a")


def _controlled(answer: Recorder, f: Array, h: Array) -> tuple[Any, ...]:
    return unpack(answer.call("control_variate", f, h), RESULTS, "`control_variate`")


def _draws(rng: np.random.Generator, num: int) -> tuple[Array, Array, Array]:
    """Draws f and h (num, 3) and E[f] (3,). h is a score in sd; it explains 96 % of Var(f)."""
    h = (rng.standard_normal((num, 3)) ** 2 - 1.0) / np.array([0.5, 2.0, 1.0])
    slope, mean = np.array([3.0, -2.0, 0.5]), np.array([1.0, 0.7, -0.4])
    noise = 0.2 * np.abs(slope) * np.sqrt(2.0) / np.array([0.5, 2.0, 1.0])
    return mean + slope * h + noise * rng.standard_normal((num, 3)), h, mean


def _other_coefficients(answer: Recorder, rng: np.random.Generator) -> None:
    """What every good choice of a has in common, whichever draws it is computed from."""
    h = rng.standard_normal((8, 3))
    slope = np.array([3.0, -2.0, 0.5])
    f_new, a = _controlled(answer, slope * h, h)
    close(f_new, np.zeros((8, 3)), "`f_new` for f = (3, -2, 0.5) h", atol=NUMERICAL)
    rows = np.atleast_2d(array(a, "`a`"))
    require(rows.shape[-1] == 3, f"`a`: expected shape (3,), got {np.shape(a)}.")
    close(rows, np.broadcast_to(slope, rows.shape), "`a` for f = (3, -2, 0.5) h", rtol=NUMERICAL)
    _unbiased_and_better(answer, rng)


def _control_part(index: int) -> Callable[[Recorder, np.random.Generator], None]:
    name = RESULTS[index]

    def part(answer: Recorder, rng: np.random.Generator) -> None:
        f, h, _ = _draws(rng, 6)
        expected = bbvi.control_variate(f, h)[index]

        def exact() -> None:
            with looking_up(answer, e5_4.WRONG, nth(index, RESULTS)):
                found = _controlled(answer, f, h)[index]
                close(found, expected, f"`{name}`", rtol=NUMERICAL)

        exactly_or_in_expectation(exact, lambda: _other_coefficients(answer, rng))

    return part


def control_without_variance(answer: Recorder, rng: np.random.Generator) -> None:
    """A column of h that is 0 leaves f alone; the arrays are integers."""
    f, h = rng.integers(-9, 10, (8, 2)), rng.integers(-5, 6, (8, 2))
    h[:, 1] = 0
    h[:2, 0] = (-3, 4)  # so that the other column does vary
    f_new, a = _controlled(answer, f, h)
    new, coefficient = array(f_new, "`f_new`"), np.atleast_2d(array(a, "`a`"))
    require(
        new.shape == (8, 2) and coefficient.shape[-1] == 2,
        f"expected `f_new` (8, 2) and `a` (2,), got shapes {new.shape} and {np.shape(a)}.",
    )
    what = "where h is 0 in every draw, "
    close(coefficient[:, 1], np.zeros(len(coefficient)), what + "`a`", atol=EXACT)
    close(new[:, 1], f[:, 1], what + "`f_new`")


def control_on_fresh_draws(answer: Recorder, rng: np.random.Generator) -> None:
    """Unbiased, and better than f alone."""
    in_two_tries(lambda: _unbiased_and_better(answer, rng))


def _unbiased_and_better(answer: Recorder, rng: np.random.Generator) -> None:
    """40 averages over 500 draws: their mean is E[f], their variance a fraction of f's."""
    means, plain = [], []
    for _ in range(40):
        f, h, mean = _draws(rng, 500)
        f_new = array(_controlled(answer, f, h)[0], "`f_new`")
        require(
            f_new.shape == f.shape,
            f"`f_new`: expected an array of shape {f.shape}, got one of shape {f_new.shape}.",
        )
        means.append(np.mean(f_new, axis=0))
        plain.append(np.var(f, axis=0) / len(f))
    z_test(np.array(means), mean, "the average of `f_new`", alpha=Z_ALPHA)
    ratio = np.var(means, axis=0, ddof=1) / np.mean(plain, axis=0)
    # The optimum is .04; 40 averages put the estimate above .25 once in 1e30 runs.
    require(
        bool(np.all(ratio < 0.25)),
        "the variance of averages of `f_new`, as a fraction of that of averages of f: expected "
        f"about 0.04 in each column, got {np.round(ratio, 3)}.",
    )


CONTROL_PARTS = (
    Part("coefficient a of each column", 2, _control_part(1), Z_ALPHA),
    Part("corrected draws", 1, _control_part(0), Z_ALPHA),
    Part("a column of zeros", 1, control_without_variance),
    Part("same mean, less variance", 1, control_on_fresh_draws, Z_ALPHA),
)

"""Checks of E4.1 and E4.3: step sizes, and the step along the natural gradient. All are exact.

The rate is never 1, and neither are kappa and t + delay, so that a forgotten factor or exponent
shows. Rows and whole numbers are compared with the answer's own values at single numbers: a wrong
formula costs its points once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import Mismatch, array, close, number, show
from autograder.checks.protocol import Part, Recorder
from vi_lib.optimizers import is_robbins_monro

Array = Any
Rng = np.random.Generator

# E4.1


def _rates(answer: Recorder, rng: Rng) -> None:
    for t in (1, int(rng.integers(2, 10)), int(rng.integers(50, 500))):
        rho0, kappa = float(rng.uniform(1.5, 3.0)), float(rng.uniform(0.55, 0.95))
        delay = float(rng.uniform(2.0, 6.0))
        what = f"ρ_t for t = {t}, ρ₀ = {rho0:.3g}, κ = {kappa:.3g}, delay {delay:.3g}"
        want = rho0 * (t + delay) ** -kappa
        close(answer.call("robbins_monro", t, rho0, kappa, delay), want, what)
    close(answer.call("robbins_monro", 1, 0.5, 0.7, 0.0), 0.5, "ρ_1 = ρ₀ for ρ₀ = 0.5, no delay")


def _many_rates(answer: Recorder, rng: Rng) -> None:
    rest = (float(rng.uniform(1.5, 3.0)), float(rng.uniform(0.55, 0.95)), 2.5)
    times = np.arange(1, 6)
    own = [number(answer.call("robbins_monro", int(t), *rest), "ρ_t") for t in times]
    close(answer.call("robbins_monro", times, *rest), own, "ρ_t for t = 1, …, 5, given as an array")


def _whole_numbers(answer: Recorder, rng: Rng) -> None:
    times, whole = np.arange(1, 6), (2, 1, 3)
    own = [number(answer.call("robbins_monro", int(t), 2.0, 1.0, 3.0), "ρ_t") for t in times]
    close(answer.call("robbins_monro", times, 2.0, 1.0, 3.0), own, "ρ_t for t = 1, …, 5")
    what = "ρ_t for t = 1, …, 5 and whole numbers, ρ₀ = 2, κ = 1, delay 3"
    close(answer.call("robbins_monro", times, *whole), own, what)


def _verdicts(answer: Recorder, rng: Rng) -> list[tuple[float, Any]]:
    """What the answer says of each kappa; all of them, so that the bank can tell mistakes apart."""
    inside, below, above = rng.uniform((0.6, 0.1, 1.2), (0.9, 0.4, 1.8)).round(3)
    low, high = (-1.0, 0.0, 0.1, below, 0.5, 0.51), (inside, 0.99, 1.0, 1, 1.01, above, 2)
    kappas = [kappa if isinstance(kappa, int) else float(kappa) for kappa in (*low, *high)]
    return [(kappa, answer.call("is_robbins_monro", kappa)) for kappa in kappas]


def _compare(verdicts: list[tuple[float, Any]]) -> None:
    for kappa, got in verdicts:
        expected, what = is_robbins_monro(kappa), f"`is_robbins_monro({kappa:.4g})`"
        if got is None:
            raise Mismatch(f"{what}: expected {expected}, got None (is a `return` missing?).")
        found = array(got, what)
        if found.size != 1 or bool(found.reshape(())) is not expected:
            raise Mismatch(f"{what}: expected {expected}, got {show(got)}.", expected, got)


def _lower_end(answer: Recorder, rng: Rng) -> None:
    _compare([(kappa, got) for kappa, got in _verdicts(answer, rng) if kappa < 0.95])


def _upper_end(answer: Recorder, rng: Rng) -> None:
    _compare([(kappa, got) for kappa, got in _verdicts(answer, rng) if kappa > 0.55])


RATE_PARTS = (
    Part("ρ_t for one t", 1.0, _rates),
    Part("an array of t", 0.5, _many_rates),
    Part("whole numbers", 0.5, _whole_numbers),
    Part("the lower end of κ", 1.0, _lower_end),
    Part("the upper end of κ", 1.0, _upper_end),
)

# E4.3


def _pair(rng: Rng) -> tuple[Array, Array]:
    """Natural parameters (tau nu, tau) of two Gaussians, with unlike means and precisions."""
    nu = rng.choice([-1.0, 1.0]) * rng.uniform(0.6, 1.0) * np.array([1.0, -2.0])
    tau = rng.permutation([rng.uniform(0.5, 0.8), rng.uniform(4.0, 6.0)])
    return np.array([tau[0] * nu[0], tau[0]]), np.array([tau[1] * nu[1], tau[1]])


def _steps(answer: Recorder, rng: Rng) -> None:
    for rho in (0.25, float(rng.uniform(0.6, 0.8)), float(rng.uniform(0.02, 0.1))):
        eta, eta_hat = _pair(rng)
        what = f"the step from η = {show(eta)} to η̂ = {show(eta_hat)} with ρ = {rho:.3g}"
        want = (1.0 - rho) * eta + rho * eta_hat
        close(answer.call("natural_gradient_step", eta, eta_hat, rho), want, what)


def _ends(answer: Recorder, rng: Rng) -> None:
    eta, eta_hat = _pair(rng)
    got = answer.call("natural_gradient_step", eta, eta_hat, 1.0)
    close(got, eta_hat, "the step with ρ = 1, which is coordinate ascent")
    got = answer.call("natural_gradient_step", eta, eta_hat, 0.0)
    close(got, eta, "the step with ρ = 0, which stays where it is")


def _rows(answer: Recorder, rng: Rng) -> None:
    """Three factors at a time, and whole numbers; against single steps with floats."""
    pairs = [_pair(rng) for _ in range(3)]
    eta, eta_hat = (np.stack(rows) for rows in zip(*pairs, strict=True))
    own = [_single(answer, *pair, 0.3) for pair in pairs]
    got = answer.call("natural_gradient_step", eta, eta_hat, 0.3)
    close(got, own, "the step for `eta` of shape (3, 2), one factor a row")

    whole, whole_hat = rng.permutation([1, 3, 5]), rng.permutation([2, 8, 12])
    own = _single(answer, whole.astype(float), whole_hat.astype(float), 0.25)
    what = "the step for whole numbers, with ρ = 0.25"
    close(answer.call("natural_gradient_step", whole, whole_hat, 0.25), own, what)


def _single(answer: Recorder, eta: Array, eta_hat: Array, rho: float) -> Array:
    found = array(answer.call("natural_gradient_step", eta, eta_hat, rho), "the step")
    if found.shape != eta.shape:
        raise Mismatch(
            f"the step for `eta` of shape {eta.shape}: expected that shape, got {show(found)}.",
            got=found,
        )
    return found.astype(float)


STEP_PARTS = (
    Part("a step between two Gaussians", 2.0, _steps),
    Part("ρ = 1 and ρ = 0", 1.0, _ends),
    Part("factors in rows, whole numbers", 1.0, _rows),
)

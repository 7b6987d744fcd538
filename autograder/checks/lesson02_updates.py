"""Checks of E2.2 and E2.3, the two updates of the Gaussian-Gamma model: exact.

Inputs are drawn so that every term of an answer shows: priors as strong as the data, precisions
away from 1 (where x = 1/x), and q(mu) away from the average of the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e2_2, e2_3
from autograder.checks.compare import close, unpack
from autograder.checks.protocol import Part, Recorder
from autograder.checks.slips import looking_up, nth
from vi_lib import cavi

Array = Any
Rng = np.random.Generator

# The update of q(mu)


MU_NAMES, MU_SYMBOLS = ("nu_q", "tau_q"), ("ν_q", "τ_q")


def _check_mu(answer: Recorder, args: tuple[Any, ...], index: int, where: str = "") -> None:
    with looking_up(answer, e2_2.WRONG, nth(index, MU_NAMES)):
        got = unpack(answer.call("update_q_mu", *args), MU_NAMES, "`update_q_mu`")[index]
        close(got, cavi.update_q_mu(*args)[index], MU_SYMBOLS[index] + where)


def _mu_inputs(rng: Rng, count: int) -> tuple[Any, ...]:
    """Data and prior mean on opposite sides of 0; E[gamma] and tau0 away from 1."""
    mu0 = rng.choice([-1.0, 1.0]) * rng.uniform(2.0, 4.0)
    x = rng.normal(-1.5 * mu0, 1.0, count)
    return x, rng.uniform(1.5, 3.0), mu0, rng.uniform(0.4, 0.8) * count


def _mu_precision(answer: Recorder, rng: Rng) -> None:
    for _ in range(2):
        args = _mu_inputs(rng, int(rng.integers(4, 9)))
        _check_mu(answer, args, 1)


def _mu_mean(answer: Recorder, rng: Rng) -> None:
    for _ in range(2):
        args = _mu_inputs(rng, int(rng.integers(4, 9)))
        _check_mu(answer, args, 0, f" with μ₀ = {args[2]:.4g}")


def _mu_edges(answer: Recorder, rng: Rng) -> None:
    whole = (rng.integers(4, 9, 5), 2, -3, 4)
    for args, where in ((_mu_inputs(rng, 1), "for a single datum"), (whole, "of whole numbers")):
        for index in (0, 1):
            _check_mu(answer, args, index, f" {where}")


# The update of q(gamma)


GAMMA_NAMES, GAMMA_SYMBOLS = ("alpha_q", "beta_q"), ("α_q", "β_q")


def _check_gamma(answer: Recorder, args: tuple[Any, ...], index: int, where: str = "") -> None:
    with looking_up(answer, e2_3.WRONG, nth(index, GAMMA_NAMES)):
        found = answer.call("update_q_gamma", *args)
        got = unpack(found, GAMMA_NAMES, "`update_q_gamma`")[index]
        close(got, cavi.update_q_gamma(*args)[index], GAMMA_SYMBOLS[index] + where)


def _gamma_inputs(rng: Rng, count: int) -> tuple[Any, ...]:
    """nu_q away from the average of x, tau_q away from 1, a prior that counts."""
    x = rng.normal(rng.uniform(1.0, 3.0), 1.2, count)
    nu_q = float(np.mean(x)) + rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1.0)
    return x, nu_q, rng.uniform(1.5, 3.0), rng.uniform(1.5, 3.0), rng.uniform(1.0, 3.0)


def _gamma_shape(answer: Recorder, rng: Rng) -> None:
    half = int(rng.integers(3, 6))
    for count in (2 * half, 2 * half + 1):
        args = _gamma_inputs(rng, count)
        _check_gamma(answer, args, 0, f" for N = {count}")


def _gamma_rate(answer: Recorder, rng: Rng) -> None:
    for _ in range(2):
        args = _gamma_inputs(rng, int(rng.integers(4, 9)))
        _check_gamma(answer, args, 1)


def _gamma_edges(answer: Recorder, rng: Rng) -> None:
    whole = (rng.integers(-4, 9, 5), 2, 3, 4, 2)
    for args, where in ((_gamma_inputs(rng, 1), "for a single datum"), (whole, "of whole numbers")):
        for index in (0, 1):
            _check_gamma(answer, args, index, f" {where}")


MU_PARTS = (
    Part("precision τ_q", 1.5, _mu_precision),
    Part("mean ν_q, with μ₀ ≠ 0", 1.5, _mu_mean),
    Part("a single datum, whole numbers", 1.0, _mu_edges),
)

GAMMA_PARTS = (
    Part("shape α_q", 1.0, _gamma_shape),
    Part("rate β_q", 2.0, _gamma_rate),
    Part("a single datum, whole numbers", 1.0, _gamma_edges),
)

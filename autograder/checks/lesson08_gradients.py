"""Checks of E8.3, `full_rank_gradients(grad_log_joint, mu, L, eps) -> (g_mu, g_L)`.

Compared on given noise. The last part climbs with the answer's own gradients, on noise with mean 0
and second moment I: there the gradients of a Gaussian target are exact, so the fit has no noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e8_3
from autograder.checks.compare import Mismatch, array, close, unpack
from autograder.checks.lesson05_cases import Target
from autograder.checks.lesson08_elbo import design, gaussian_target
from autograder.checks.lesson08_triangle import factor
from autograder.checks.protocol import Part, Recorder
from autograder.checks.slips import looking_up, nth
from autograder.checks.values import made
from vi_lib import divergences, full_rank

Array = Any
Rng = np.random.Generator

NAMES = ("g_mu", "g_L")
NUM_STEPS, RATE, KL_GOAL = 60, 0.15, 1e-3


def _slope(target: Target) -> Any:
    return made("autograder.checks.inputs.gaussian_grad_log_joint", target[0], target[1])


def _pair(answer: Recorder, *case: Any) -> tuple[Any, ...]:
    return unpack(answer.call("full_rank_gradients", *case), NAMES, "`full_rank_gradients`")


def _case(rng: Rng, dim: int, num: int) -> tuple[Any, ...]:
    mu, L = rng.uniform(-2.0, 2.0, dim), factor(rng, dim)
    return _slope(gaussian_target(rng, dim, mu, L)), mu, L, rng.standard_normal((num, dim))


def _wanted(case: tuple[Any, ...]) -> tuple[Array, Array]:
    return full_rank.full_rank_gradients(case[0].build(), *case[1:])


def _draws(num: int) -> str:
    return f"from {num} draws" if num > 1 else "from a single draw"


def _in_mu(answer: Recorder, rng: Rng) -> None:
    for dim, num in ((3, 6), (2, 1)):
        case = _case(rng, dim, num)
        found, want = _pair(answer, *case), _wanted(case)
        with looking_up(answer, e8_3.WRONG, nth(0, NAMES)):
            close(found[0], want[0], f"`g_mu` {_draws(num)}")


def _in_factor(answer: Recorder, rng: Rng) -> None:
    """The lower triangle alone: what is above it costs a point of its own."""
    for dim, num in ((3, 6), (2, 1)):
        case = _case(rng, dim, num)
        found, want = _pair(answer, *case), _wanted(case)
        with looking_up(answer, e8_3.WRONG, _lower):
            got = array(found[1], "`g_L`")
            if got.shape != (dim, dim):
                raise Mismatch(f"`g_L`: expected shape {(dim, dim)}, got {got.shape}.")
            close(np.tril(got), want[1], f"the lower triangle of `g_L` {_draws(num)}")


def _lower(value: Any) -> Any:
    g_L = array(nth(1, NAMES)(value), "`g_L`")
    return np.tril(g_L) if g_L.ndim == 2 else g_L


def _shapes(answer: Recorder, rng: Rng) -> None:
    whole = (np.array([2, -1, 1]), np.array([[2, 0, 0], [-1, 3, 0], [2, 1, 4]]))
    noise = np.array([[1, -2, 0], [3, 1, -1], [-1, 0, 2], [0, -3, 1]])
    slope = _slope(gaussian_target(rng, 3, *whole))
    cases = ((_case(rng, 3, 4), "floats"), (_case(rng, 1, 5), "floats"),
             ((slope, *whole, noise), "whole numbers"))  # fmt: skip
    for case, kind in cases:
        where = f"for eps of shape {case[3].shape}, {kind}"
        for name, got, want in zip(NAMES, _pair(answer, *case), _wanted(case), strict=True):
            above = ", with zeros above the diagonal" if name == "g_L" else ""
            close(got, want, f"`{name}` {where}{above}")


def _fit(answer: Recorder, rng: Rng) -> None:
    mean, root = rng.uniform(1.0, 2.0, 3) * rng.choice([-1.0, 1.0], 3), _mild_factor(rng)
    cov = root @ root.T
    slope = _slope((mean, np.linalg.inv(cov), 0.0))
    mu, L = np.zeros(3), np.eye(3)
    for _ in range(NUM_STEPS):
        found = _pair(answer, slope, mu, L, design(rng, 3))
        g_mu, g_L = (array(g, f"`{n}`").astype(float) for g, n in zip(found, NAMES, strict=True))
        if g_mu.shape != (3,) or g_L.shape != (3, 3):
            raise Mismatch(
                f"a fit: expected gradients of shapes (3,) and (3, 3), got {g_mu.shape} and "
                f"{g_L.shape}."
            )
        mu, L = mu + RATE * g_mu, L + RATE * np.tril(g_L)
        healthy = np.isfinite(mu).all() and np.isfinite(L).all() and np.all(np.diag(L) > 1e-3)
        if not healthy or np.max(np.abs(L)) > 1e3:
            raise Mismatch(
                "a fit with your gradients by plain ascent: expected an L with a positive "
                f"diagonal at every step, got the diagonal {np.round(np.diag(L), 4)}."
            )
    kl = float(divergences.mvn_kl(mu, L @ L.T, mean, cov))
    if not kl < KL_GOAL:
        raise Mismatch(
            f"a fit with your gradients, {NUM_STEPS} steps of plain ascent: expected a KL "
            f"divergence below {KL_GOAL:g} nats, got {kl:.4g}.",
            expected=0.0,
            got=kl,
        )


def _mild_factor(rng: Rng) -> Array:
    """Sds near 1 and correlations near 0.4, so that plain ascent arrives in few steps."""
    signs = rng.choice([-1.0, 1.0], (3, 3))
    below = np.tril(signs * rng.uniform(0.3, 0.5, (3, 3)), -1)
    return np.diag(rng.uniform(0.8, 1.2, 3)) @ (below + np.diag(rng.uniform(0.7, 0.9, 3)))


GRADIENT_PARTS = (
    Part("gradient in mu", 1.0, _in_mu),
    Part("gradient in L, lower triangle", 2.0, _in_factor),
    Part("zeros above the diagonal, other shapes, whole numbers", 1.0, _shapes),
    Part("a fit with these gradients", 2.0, _fit),
)

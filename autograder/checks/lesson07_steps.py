"""Checks of E7.3 and E7.4: the gradients of the ELBO, and the adaptive step size."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e7_3, e7_4
from autograder.checks.compare import array, close, require, unpack, z_test
from autograder.checks.lesson07_transforms import few_points
from autograder.checks.protocol import Exercise, Part, Recorder, Unanswered
from autograder.checks.values import made
from vi_lib.advi import advi_gradients
from vi_lib.optimizers import advi_step_size

Rng = np.random.Generator
HERE = "autograder.checks.inputs."


# E7.3


def _spd(rng: Rng, dim: int) -> np.ndarray:
    root = rng.normal(size=(dim, dim))
    return root @ root.T + 0.5 * np.eye(dim)


def _check_gradients(answer: Recorder, log_joint: Any, mu: Any, omega: Any, eps: Any) -> None:
    got = answer.call("advi_gradients", log_joint, mu, omega, eps)
    g_mu, g_omega = unpack(got, ("g_mu", "g_omega"), "advi_gradients")
    expected = advi_gradients(log_joint.build(), mu, omega, eps)
    case = f"{len(eps)} draw{'s' if len(eps) > 1 else ''} of {len(mu)} coordinates"
    close(g_mu, expected[0], f"g_mu, {case}")
    close(g_omega, expected[1], f"g_omega, {case}")


def _gradient_values(answer: Recorder, rng: Rng) -> None:
    dim = 3
    log_joint = made(f"{HERE}gaussian_log_joint", rng.normal(size=dim), _spd(rng, dim))
    mu, omega = rng.normal(1.0, 1.0, dim), rng.uniform(-1.2, 0.8, dim)
    _check_gradients(answer, log_joint, mu, omega, rng.standard_normal((7, dim)))
    model = made("vi_lib.oracles.NormalMeanSd", few_points(rng))
    log_joint = made(f"{HERE}unconstrained_log_joint_of", model)
    mu, omega = rng.normal(0.5, 0.3, 2), rng.uniform(-0.9, -0.3, 2)
    _check_gradients(answer, log_joint, mu, omega, rng.standard_normal((5, 2)))


def _gradient_edges(answer: Recorder, rng: Rng) -> None:
    for num_draws, dim in ((1, 2), (4, 1)):
        log_joint = made(f"{HERE}gaussian_log_joint", rng.normal(size=dim), _spd(rng, dim))
        mu, omega = rng.normal(size=dim), rng.uniform(-1.2, 0.8, dim)
        _check_gradients(answer, log_joint, mu, omega, rng.standard_normal((num_draws, dim)))
    log_joint = made(f"{HERE}gaussian_log_joint", rng.normal(size=2), _spd(rng, 2))
    # Only the noise: autograd, which may be used, differentiates in real numbers alone.
    whole = np.array([[1, -2], [0, 1], [-1, 3]])
    _check_gradients(answer, log_joint, np.array([2.0, -1.0]), np.array([-0.3, 0.4]), whole)


def _fixed_point(answer: Recorder, rng: Rng) -> None:
    """At the optimum the gradients vanish exactly for noise with mean 0 and covariance 1."""
    dim = 3
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * dim)).reshape(dim, -1).T
    mean, prec = rng.normal(size=dim), _spd(rng, dim)
    omega = -0.5 * np.log(np.diag(prec))
    log_joint = made(f"{HERE}gaussian_log_joint", mean, prec)
    got = answer.call("advi_gradients", log_joint, mean, omega, signs)
    g_mu, g_omega = unpack(got, ("g_mu", "g_omega"), "advi_gradients")
    where = "where q is the best mean field, omega = log sd"
    close(g_mu, np.zeros(dim), f"g_mu {where}", atol=1e-10)
    close(g_omega, np.zeros(dim), f"g_omega {where}", atol=1e-10)


def _unbiased(answer: Recorder, rng: Rng) -> None:
    dim, num_calls, num_draws = 2, 25, 1000
    mean, prec = rng.normal(size=dim), _spd(rng, dim)
    mu, omega = mean + rng.normal(0.0, 0.5, dim), rng.uniform(-1.0, 0.5, dim)
    log_joint = made(f"{HERE}gaussian_log_joint", mean, prec)
    rows = []
    for _ in range(num_calls):
        eps = rng.standard_normal((num_draws, dim))
        got = answer.call("advi_gradients", log_joint, mu, omega, eps)
        parts = unpack(got, ("g_mu", "g_omega"), "advi_gradients")
        rows.append([np.ravel(array(part, "a gradient")) for part in parts])
    sizes = sorted({len(part) for row in rows for part in row} - {dim})
    require(
        not sizes, f"advi_gradients: expected two arrays of shape {(dim,)}, got {sizes} numbers."
    )
    exact = np.array([-prec @ (mu - mean), 1.0 - np.diag(prec) * np.exp(2.0 * omega)])
    z_test(np.array(rows), exact, "The gradients of the ELBO of a Gaussian", alpha=1e-6)


E7_3 = Exercise(
    id="E7.3",
    title="The gradients of the ELBO",
    names=("advi_gradients",),
    reference={"advi_gradients": advi_gradients},
    parts=(
        Part("The gradients on given noise", 3.0, _gradient_values),
        Part("One draw, one coordinate, whole numbers", 1.0, _gradient_edges),
        Part("Zero at the best mean field", 1.0, _fixed_point),
        Part("Unbiased on a Gaussian", 1.0, _unbiased, false_alarm=1e-6),
    ),
    wrong=e7_3.WRONG,
    right=e7_3.RIGHT,
    forbidden=("vi_lib.advi:advi_gradients", "vi_lib._gradients:values_and_gradient"),
)


# E7.4


def _check_step(answer: Recorder, *args: Any, **options: Any) -> np.ndarray:
    got = _step(answer, *args, **options)
    rho, s = unpack(got, ("rho", "s"), "advi_step_size")
    expected = advi_step_size(*args, **options)
    close(s, expected[1], f"s at k = {args[0]}")
    close(rho, expected[0], f"rho at k = {args[0]}")
    return np.asarray(expected[1])


def _step(answer: Recorder, k: int, g: Any, s_prev: Any, rate: float, **options: Any) -> Any:
    """At k = 1 there is no memory; an answer that computes with it all the same gets numbers."""
    try:
        return answer.call("advi_step_size", k, g, s_prev, rate, **options)
    except Unanswered as unanswered:
        if s_prev is not None or unanswered.fault.kind != "raised":
            raise
        return answer.call("advi_step_size", k, g, np.ones_like(g), rate, **options)


def _gradient(rng: Rng, dim: int = 3) -> np.ndarray:
    """Of different sizes, none near 0 or 1."""
    return rng.choice([-1.0, 1.0], dim) * rng.uniform(1.5, 3.0, dim) * np.array([0.2, 1.0, 9.0])


def _first_step(answer: Recorder, rng: Rng) -> None:
    g, rate = _gradient(rng), float(rng.uniform(0.1, 0.5))
    s = _check_step(answer, 1, g, None, rate)
    # A second call tells apart what the first step alone cannot.
    got = answer.call("advi_step_size", 2, g[::-1].copy(), s, rate)
    unpack(got, ("rho", "s"), "advi_step_size")


def _three_steps(answer: Recorder, rng: Rng) -> None:
    rate, s = float(rng.uniform(0.1, 0.5)), None
    for k in (1, 2, 3):
        s = _check_step(answer, k, _gradient(rng), s, rate)
    # Far along, and a gradient in whole numbers.
    _check_step(answer, 1000, np.array([3, -2, 11]), s, rate)


def _other_options(answer: Recorder, rng: Rng) -> None:
    options = {
        "tau": float(rng.uniform(1.5, 3.0)),
        "alpha": float(rng.uniform(0.2, 0.4)),
        "eps": float(rng.uniform(0.1, 0.3)),
    }
    s = _check_step(answer, 1, _gradient(rng), None, 0.7, **options)
    _check_step(answer, 5, _gradient(rng), s, 0.7, **options)


E7_4 = Exercise(
    id="E7.4",
    title="The adaptive step size",
    names=("advi_step_size",),
    reference={"advi_step_size": advi_step_size},
    parts=(
        Part("The first step: s = g squared", 1.0, _first_step),
        Part("A table of steps", 2.0, _three_steps),
        Part("Other tau, alpha and eps", 1.0, _other_options),
    ),
    wrong=e7_4.WRONG,
    right=e7_4.RIGHT,
    forbidden=(
        "vi_lib.optimizers:advi_step_size",
        "vi_lib.optimizers:advi_step",
        "vi_lib.optimizers:advi_step.<locals>.step",
    ),
)

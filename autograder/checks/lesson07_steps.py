"""Checks of E7.3 and E7.4: the gradients of the ELBO, and the adaptive step size."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e7_3, e7_4
from autograder.checks.compare import EXACT, SINGLE, array, close, unpack
from autograder.checks.lesson07_transforms import few_points
from autograder.checks.protocol import Exercise, Part, PartTest, Recorder, Unanswered
from autograder.checks.slips import compared_alike, looking_up, nth
from autograder.checks.values import made
from vi_lib.advi import advi_gradients
from vi_lib.optimizers import advi_step_size

Rng = np.random.Generator
HERE = "autograder.checks.inputs."


# E7.3


def _spd(rng: Rng, dim: int) -> np.ndarray:
    root = rng.normal(size=(dim, dim))
    return root @ root.T + 0.5 * np.eye(dim)


NAMES = ("g_mu", "g_omega")


def _pair(answer: Recorder, *case: Any) -> tuple[Any, ...]:
    return unpack(answer.call("advi_gradients", *case), NAMES, "advi_gradients")


def _given(rng: Rng) -> tuple[tuple[Any, ...], ...]:
    """A Gaussian in three coordinates with seven draws, and the lesson's model with five."""
    dim = 3
    gaussian = made(f"{HERE}gaussian_log_joint", rng.normal(size=dim), _spd(rng, dim))
    mu, omega = rng.normal(1.0, 1.0, dim), rng.uniform(-1.2, 0.8, dim)
    first = (gaussian, mu, omega, rng.standard_normal((7, dim)))
    model = made("vi_lib.oracles.NormalMeanSd", few_points(rng))
    log_joint = made(f"{HERE}unconstrained_log_joint_of", model)
    mu, omega = rng.normal(0.5, 0.3, 2), rng.uniform(-0.9, -0.3, 2)
    return first, (log_joint, mu, omega, rng.standard_normal((5, 2)))


def _one_result(index: int) -> PartTest:
    """One of the two gradients, whatever the other one is."""

    def part(answer: Recorder, rng: Rng) -> None:
        for case in _given(rng):
            want = advi_gradients(case[0].build(), *case[1:])[index]
            what = f"{NAMES[index]}, {len(case[3])} draws of {len(case[1])} coordinates"
            with looking_up(answer, e7_3.WRONG, nth(index, NAMES)):
                close(_pair(answer, *case)[index], want, what)

    return part


def _gradient_edges(answer: Recorder, rng: Rng) -> None:
    cases = []
    for num_draws, dim in ((1, 2), (4, 1)):
        log_joint = made(f"{HERE}gaussian_log_joint", rng.normal(size=dim), _spd(rng, dim))
        mu, omega = rng.normal(size=dim), rng.uniform(-1.2, 0.8, dim)
        eps = rng.standard_normal((num_draws, dim))
        many = f"{num_draws} draw{'s' if num_draws > 1 else ''}"
        cases.append((f"{many}, D = {dim}", (log_joint, mu, omega, eps)))
    log_joint = made(f"{HERE}gaussian_log_joint", rng.normal(size=2), _spd(rng, 2))
    # Only the noise: autograd, which may be used, differentiates in real numbers alone.
    whole = np.array([[1, -2], [0, 1], [-1, 3]])
    given = (log_joint, np.array([2.0, -1.0]), np.array([-0.3, 0.4]), whole)
    cases.append(("noise in whole numbers", given))
    for what, case in cases:
        want = advi_gradients(case[0].build(), *case[1:])
        for name, got, exact in zip(NAMES, _pair(answer, *case), want, strict=True):
            close(got, exact, f"{name}, {what}")


def _fixed_point(answer: Recorder, rng: Rng) -> None:
    """At the optimum the gradients vanish exactly for noise with mean 0 and covariance 1."""
    dim = 3
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * dim)).reshape(dim, -1).T
    mean, prec = rng.normal(size=dim), _spd(rng, dim)
    omega = -0.5 * np.log(np.diag(prec))
    log_joint = made(f"{HERE}gaussian_log_joint", mean, prec)
    g_mu, g_omega = _pair(answer, log_joint, mean, omega, signs)
    where = "where q is the best mean field, omega = log sd"
    close(g_mu, np.zeros(dim), f"g_mu {where}", atol=1e-10)
    close(g_omega, np.zeros(dim), f"g_omega {where}", atol=1e-10)


def matched_noise(rng: Rng, num_draws: int, dim: int) -> np.ndarray:
    """Draws whose mean is exactly 0 and whose covariance is exactly I, up to rounding.

    The gradients of the ELBO of a Gaussian are quadratic in the noise, so on such draws every
    unbiased estimate that is quadratic, too, equals the expectation: nothing is left to chance.
    """
    eps = rng.standard_normal((num_draws, dim))
    eps -= eps.mean(axis=0)
    root = np.linalg.cholesky(eps.T @ eps / num_draws)
    return np.asarray(np.linalg.solve(root, eps.T).T)


def _right_on_average(answer: Recorder, rng: Rng) -> None:
    dim = 2
    mean, prec = rng.normal(size=dim), _spd(rng, dim)
    mu, omega = (
        mean + rng.choice([-1.0, 1.0], dim) * rng.uniform(0.4, 0.8, dim),
        rng.uniform(-1.0, 0.5, dim),
    )
    log_joint = made(f"{HERE}gaussian_log_joint", mean, prec)
    found = _pair(answer, log_joint, mu, omega, matched_noise(rng, 12, dim))
    exact = (-prec @ (mu - mean), 1.0 - np.diag(prec) * np.exp(2.0 * omega))
    for name, got, want in zip(NAMES, found, exact, strict=True):
        close(got, want, f"{name} from noise with mean exactly 0 and covariance exactly I")


E7_3 = Exercise(
    id="E7.3",
    title="The gradients of the ELBO",
    names=("advi_gradients",),
    reference={"advi_gradients": advi_gradients},
    parts=(
        Part("The gradient in mu on given noise", 1.0, _one_result(0)),
        Part("The gradient in omega on given noise", 2.0, _one_result(1)),
        Part("One draw, one coordinate, whole numbers", 1.0, _gradient_edges),
        Part("Zero at the best mean field", 1.0, _fixed_point),
        Part("Right on average", 1.0, _right_on_average),
    ),
    wrong=e7_3.WRONG,
    right=e7_3.RIGHT,
    forbidden=("vi_lib.advi:advi_gradients", "vi_lib._gradients:values_and_gradient"),
)


# E7.4

RESULTS = ("rho", "s")


def _check_step(answer: Recorder, *args: Any, **options: Any) -> np.ndarray:
    expected = advi_step_size(*args, **options)
    with looking_up(answer, e7_4.WRONG, nth(1, RESULTS)):
        rho, s = unpack(_step(answer, *args, **options), RESULTS, "advi_step_size")
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
    unpack(got, RESULTS, "advi_step_size")


def _three_steps(answer: Recorder, rng: Rng) -> None:
    """The memories first, then the step sizes that rest on them."""
    rate, s = float(rng.uniform(0.1, 0.5)), None
    rows: list[tuple[Any, Any, Any]] = []
    for k in (1, 2, 3):
        rows.append((k, _gradient(rng), s))
        s = advi_step_size(*rows[-1], rate)[1]
    rows.append((1000, np.array([3, -2, 11]), s))  # far along, a gradient in whole numbers
    steps = []
    with looking_up(answer, e7_4.WRONG, nth(1, RESULTS)):
        for row in rows:
            got = _step(answer, *row, rate)
            rho, own = unpack(got, RESULTS, "advi_step_size")
            expected = advi_step_size(*row, rate)
            close(own, expected[1], f"s at k = {row[0]}")
            steps.append((rho, expected[0], f"rho at k = {row[0]}"))
    for rho, want, what in steps:
        close(rho, want, what)


def _other_options(answer: Recorder, rng: Rng) -> None:
    """First rho against the s that came with it, so that each has its own hint; then s."""
    options: dict[str, Any] = {
        "tau": float(rng.uniform(1.5, 3.0)),
        "alpha": float(rng.uniform(0.2, 0.4)),
        "eps": float(rng.uniform(0.1, 0.3)),
    }
    s, wanted = None, []
    for k in (1, 5):
        g = _gradient(rng)
        given = (k, g, s, 0.7)
        rho, own = unpack(_step(answer, *given, **options), RESULTS, "advi_step_size")
        s = advi_step_size(*given, **options)[1]
        wanted.append((f"s at k = {k}, other options", own, s))
        own, came = array(own, "s").astype(float), array(rho, "rho").astype(float)
        if own.shape == came.shape == np.shape(g) and np.all(np.isfinite(own) & (own >= 0.0)):
            rule = 0.7 * k ** (-0.5 + options["eps"]) / (options["tau"] + np.sqrt(own))
            what = f"rho at k = {k} over rate k^(-1/2 + eps) / (tau + sqrt(s)), with your s"
            single = np.float32 in (np.asarray(rho).dtype, np.asarray(wanted[-1][1]).dtype)
            close(came / rule, np.ones_like(g), what, rtol=SINGLE if single else EXACT)
        else:
            close(rho, advi_step_size(*given, **options)[0], f"rho at k = {k}, other options")
    for what, own, s in wanted:
        close(own, s, what)


E7_4 = Exercise(
    id="E7.4",
    title="The adaptive step size",
    names=("advi_step_size",),
    reference={"advi_step_size": advi_step_size},
    parts=(
        Part("The first step: s = g squared", 1.0, _first_step),
        Part("A table of steps", 2.0, _three_steps),
        Part("Other tau, alpha and eps", 1.0, compared_alike(e7_4.WRONG, _other_options)),
    ),
    wrong=e7_4.WRONG,
    right=e7_4.RIGHT,
    forbidden=(
        "vi_lib.optimizers:advi_step_size",
        "vi_lib.optimizers:advi_step",
        "vi_lib.optimizers:advi_step.<locals>.step",
    ),
)

"""Checks of E7.1 and E7.2: transforms, their Jacobians, and a log joint on the real line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import grad

from autograder.checks.bank import e7_1, e7_2
from autograder.checks.compare import NUMERICAL, array, close, require, show
from autograder.checks.protocol import Exercise, Part, Recorder
from vi_lib import densities, oracles, transforms
from vi_lib.advi import lognormal_mean

Array = Any
Rng = np.random.Generator


# E7.1


def bounds(rng: Rng) -> tuple[float, float]:
    """The ends of an interval that is neither the unit interval nor symmetric."""
    low = float(rng.uniform(-4.0, 1.0))
    return low, low + float(rng.uniform(1.5, 6.0))


def _cases(rng: Rng) -> list[tuple[str, tuple[float, ...], Any]]:
    """Name, constructor's arguments and the reference, for every class; Identity can hide most."""
    low_high = bounds(rng)
    return [
        ("Log", (), transforms.Log()),
        ("Softplus", (), transforms.Softplus()),
        ("Logit", low_high, transforms.Logit(*low_high)),
        ("Identity", (), transforms.Identity()),
    ]


def _there_and_back(answer: Recorder, rng: Rng) -> None:
    zeta = rng.normal(0.0, 1.5, (4, 3))
    for name, args, reference in _cases(rng):
        theta = reference.inverse(zeta)
        forward = answer.method(name, args, "forward", theta)
        inverse = answer.method(name, args, "inverse", zeta)
        close(forward, zeta, f"{name}.forward(theta)", rtol=1e-8)
        close(inverse, theta, f"{name}.inverse(zeta)")
    whole = np.array([1, 3, 2])
    for name, _, reference in _cases(rng):
        if name == "Logit":
            continue
        forward = answer.method(name, (), "forward", whole)
        close(forward, reference.forward(whole), f"{name}.forward of whole numbers")
    forward = answer.method("Logit", (-2, 7), "forward", whole)
    close(forward, transforms.Logit(-2, 7).forward(whole), "Logit(-2, 7).forward(theta)")


def _log_jacobians(answer: Recorder, rng: Rng) -> None:
    # In the other order than before: an answer with slips in two classes is told both.
    *others, identity = _cases(rng)
    for name, args, reference in (*reversed(others), identity):
        for shape in ((3,), (4, 3), (5, 1)):
            zeta = rng.normal(0.3, 1.5, shape)
            got = answer.method(name, args, "log_abs_det_jacobian", zeta)
            expected = reference.log_abs_det_jacobian(zeta)
            close(got, expected, f"{name}.log_abs_det_jacobian(zeta), zeta of shape {shape}")


def _mass_of_one(answer: Recorder, rng: Rng) -> None:
    """Densities of theta, carried to zeta by the answer, integrate to 1."""
    grid = np.linspace(-50.0, 50.0, 4001)[:, None]
    shape, rate = rng.uniform(2.0, 4.0), rng.uniform(0.8, 2.0)
    for name, args, _ in _cases(rng):
        theta = array(answer.method(name, args, "inverse", grid), f"{name}.inverse(zeta)")
        log_det = answer.method(name, args, "log_abs_det_jacobian", grid)
        require(
            np.size(theta) == np.size(log_det) == len(grid),
            f"{name}: expected {len(grid)} values for zeta of shape {grid.shape}, "
            f"got {np.size(theta)} and {np.size(log_det)}.",
        )
        with np.errstate(all="ignore"):
            log_p = _log_density(name, args, np.ravel(theta), shape, rate) + np.ravel(log_det)
            mass = np.trapezoid(np.exp(log_p), grid[:, 0])
        what = f"The integral over zeta of a density carried over by {name}"
        close(mass, 1.0, what, rtol=NUMERICAL)


def _log_density(
    name: str, args: Sequence[float], theta: Array, shape: float, rate: float
) -> Array:
    """A density on the support of a transform."""
    if name == "Identity":
        return densities.normal(theta, rate, sd=shape)
    if name == "Logit":
        low, high = args
        unit = (theta - low) / (high - low)
        return densities.beta(unit, shape, shape + rate) - np.log(high - low)
    return densities.gamma(theta, shape, rate)


def _far_out(answer: Recorder, rng: Rng) -> None:
    """Extreme arguments, and gradients through autograd, which ADVI takes of all this."""
    far = np.array([-800.0, float(rng.uniform(-3.0, 3.0)), 800.0])
    for name, args, reference in _cases(rng):
        near = far if name != "Log" else np.array([-800.0, far[1], 300.0])
        got = answer.method(name, args, "inverse", near)
        close(got, reference.inverse(near), f"{name}.inverse at zeta = {show(near)}")
        rows = far[:, None]
        got = answer.method(name, args, "log_abs_det_jacobian", rows)
        expected = reference.log_abs_det_jacobian(rows)
        close(got, expected, f"{name}.log_abs_det_jacobian at the rows zeta = {show(far)}")
        for method in ("inverse", "log_abs_det_jacobian"):
            expected = grad(_total(getattr(reference, method)))(near)
            got = answer.gradient(name, 0, near, constructor=args, method=method)
            close(got, expected, f"The gradient of {name}.{method} at zeta = {show(near)}")
    small = np.array([-30.0, -20.0])
    got = answer.method("Softplus", (), "inverse", small)
    close(got, transforms.softplus(small), "Softplus.inverse at zeta = -30, -20")
    for theta in (np.array([1e-20, 1e-9]), np.array([40.0, 800.0])):
        got = answer.method("Softplus", (), "forward", theta)
        close(got, transforms.inverse_softplus(theta), f"Softplus.forward at theta = {show(theta)}")


def _total(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: anp.sum(function(x))


E7_1 = Exercise(
    id="E7.1",
    title="Transforms and their Jacobians",
    names=("Log", "Softplus", "Logit", "Identity"),
    reference={
        name: getattr(transforms, name) for name in ("Log", "Softplus", "Logit", "Identity")
    },
    parts=(
        Part("There and back", 2.0, _there_and_back),
        Part("log |det J| of the inverse, summed over the last axis", 2.0, _log_jacobians),
        Part("A density stays a density", 1.0, _mass_of_one),
        Part("Stable at ±800, differentiable by autograd", 1.0, _far_out),
    ),
    wrong=e7_1.WRONG,
    right=e7_1.RIGHT,
    forbidden=tuple(
        f"vi_lib.transforms:{name}"
        for name in (
            *(
                f"{cls}.{method}"
                for cls in ("Log", "Softplus", "Logit", "Identity")
                for method in ("forward", "inverse", "log_abs_det_jacobian")
            ),
            "softplus",
            "inverse_softplus",
            "log_sigmoid",
        )
    ),
)


# E7.2


def _unconstrained(zeta: Any, x: Any) -> Any:
    model = oracles.NormalMeanSd(np.asarray(x, dtype=float))
    return model.unconstrained_log_joint(zeta)


def few_points(rng: Rng) -> np.ndarray:
    """Few enough data that every prior term shows."""
    return rng.normal(0.4, 0.8, int(rng.choice([3, 4, 6])))


def _log_joint_values(answer: Recorder, rng: Rng) -> None:
    x = few_points(rng)
    for num_rows in (1, 5):  # 5 is never the number of data
        zeta = np.column_stack([rng.normal(0.7, 0.6, num_rows), rng.normal(-0.4, 0.4, num_rows)])
        got = answer.call("unconstrained_log_joint", zeta, x)
        close(
            got,
            _unconstrained(zeta, x),
            f"The log joint at {num_rows} row{'s' * (num_rows > 1)} of zeta",
        )
    whole = np.array([1, -2, 3, 0])
    got = answer.call("unconstrained_log_joint", zeta, whole)
    close(got, _unconstrained(zeta, whole), "The log joint with data in whole numbers")


def _evidence(answer: Recorder, rng: Rng) -> None:
    """The trapezoid rule over zeta; the reference integrates over theta."""
    x = 0.4 + 0.9 * np.linspace(-1.0, 1.0, 4) + rng.uniform(-0.2, 0.2, 4)
    # Given sd, the joint is a Gaussian in mu: its grid of mu moves and widens with sd, and a few
    # points are exact to ten digits. So few that an answer with loops has time.
    t, log_sd = np.arange(-6.4, 6.5, 0.8), np.linspace(-2.7, 2.3, 41)
    prec = 1.0 + len(x) * np.exp(-2.0 * log_sd)
    centre = np.sum(x) * np.exp(-2.0 * log_sd) / prec
    mu = centre[:, None] + t / np.sqrt(prec)[:, None]
    grid = np.stack([mu, np.broadcast_to(log_sd[:, None], mu.shape)], axis=-1).reshape(-1, 2)
    log_p = array(answer.call("unconstrained_log_joint", grid, x), "The log joint on a grid")
    require(
        log_p.shape == (len(grid),),
        f"The log joint on a grid: expected shape {(len(grid),)}, got {log_p.shape}.",
    )
    with np.errstate(all="ignore"):
        p = np.exp(log_p.astype(float)).reshape(mu.shape)
        log_evidence = np.log(np.trapezoid(np.trapezoid(p, t, axis=1) / np.sqrt(prec), log_sd))
    expected = oracles.NormalMeanSd(x).log_evidence
    close(log_evidence, expected, "The log evidence, integrated over zeta", rtol=NUMERICAL)


def _slope_of_log_joint(answer: Recorder, rng: Rng) -> None:
    x = few_points(rng)
    zeta = np.column_stack([rng.normal(0.7, 0.6, 5), rng.normal(-0.4, 0.4, 5)])
    # The values first: only an answer that has them can be told that its gradient is missing.
    got = answer.call("unconstrained_log_joint", zeta, x)
    close(got, _unconstrained(zeta, x), "The log joint at 5 rows of zeta")
    got = answer.gradient("unconstrained_log_joint", 0, zeta, x)
    expected = grad(lambda z: anp.sum(_unconstrained(z, x)))(zeta)
    close(got, expected, "The gradient of the log joint in zeta, by autograd", rtol=NUMERICAL)


def _mean_of_lognormal(answer: Recorder, rng: Rng) -> None:
    m, s = rng.normal(0.4, 0.5, 3), rng.uniform(0.4, 1.4, 3)
    close(answer.call("lognormal_mean", m, s), lognormal_mean(m, s), "lognormal_mean(m, s)")
    got = answer.call("lognormal_mean", float(m[0]), float(s[0]))
    close(got, lognormal_mean(m[0], s[0]), "lognormal_mean of two numbers")


E7_2 = Exercise(
    id="E7.2",
    title="The unconstrained log joint, and the way back",
    names=("unconstrained_log_joint", "lognormal_mean"),
    reference={
        "unconstrained_log_joint": _unconstrained,
        "lognormal_mean": lognormal_mean,
    },
    parts=(
        Part("(a) The log joint at given zeta", 2.0, _log_joint_values),
        Part("(b) The same evidence in both spaces", 1.0, _evidence),
        Part("Differentiable by autograd", 1.0, _slope_of_log_joint),
        Part("(c) The mean of a log-normal", 1.0, _mean_of_lognormal),
    ),
    wrong=e7_2.WRONG,
    right=e7_2.RIGHT,
    forbidden=(
        "vi_lib._unknown_scale:NormalMeanSd.unconstrained_log_joint",
        "vi_lib._unknown_scale:NormalMeanSd.log_joint",
        "vi_lib._unknown_scale:LinearRegressionUnknownSd.unconstrained_log_joint",
        "vi_lib._unknown_scale:LinearRegressionUnknownSd.log_joint",
        "vi_lib.model:Model.log_p",
        "vi_lib.advi:lognormal_mean",
    ),
)

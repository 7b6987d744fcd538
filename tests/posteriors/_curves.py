"""Time series, curves and waiting times."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp

from posteriors._case import Case, generator
from vi_lib import Model, Param
from vi_lib.densities import LOG_2PI, half_normal, lognormal, normal


def ar1() -> Case:
    """y_t ~ N(a + rho y_{t-1}, sd), rho uniform on (-1, 1), 100 transitions."""
    rng = generator(31)
    y = onp.empty(101)
    y[0] = 1.0
    for t in range(1, 101):
        y[t] = 0.3 + 0.7 * y[t - 1] + 0.5 * rng.standard_normal()
    model = Model(
        params={"a": Param(), "rho": Param(support=(-1.0, 1.0)), "sd": Param(support="positive")},
        log_prior=lambda theta: (
            normal(theta["a"], 0.0, 2.0) - np.log(2.0) + half_normal(theta["sd"], 2.0)
        ),
        log_lik=lambda theta, data: normal(
            data["now"],
            theta["a"][:, None] + theta["rho"][:, None] * data["before"],
            theta["sd"][:, None],
        ),
        data={"before": y[:-1], "now": y[1:]},
    )
    return Case("ar1", "Autoregression of order 1, 100 transitions", model, "full_rank")


GP_X = onp.linspace(-2.0, 2.0, 12)


def gaussian_process() -> Case:
    """Scale, length and noise of a squared-exponential kernel; the function is integrated out."""
    rng = generator(32)
    y = onp.sin(2.0 * GP_X) + 0.2 * rng.standard_normal(12)
    squared_distance = (GP_X[:, None] - GP_X) ** 2

    def log_lik(theta: dict, data: onp.ndarray) -> onp.ndarray:
        scale, length, sd = (theta[name][:, None, None] for name in ("scale", "length", "sd"))
        K = scale**2 * np.exp(-0.5 * squared_distance / length**2) + sd**2 * onp.eye(12)
        L = np.linalg.cholesky(K)
        u = np.linalg.solve(L, data[:, :, None] + onp.zeros((len(scale), 1, 1)))[..., 0]
        log_diagonal = np.sum(np.log(np.sum(L * onp.eye(12), axis=-1)), axis=-1)
        return (-6.0 * LOG_2PI - log_diagonal - 0.5 * np.sum(u**2, axis=-1))[:, None]

    positive = Param(support="positive")
    model = Model(
        params={"scale": positive, "length": positive, "sd": positive},
        log_prior=lambda theta: (
            lognormal(theta["scale"], 0.0, 0.7)
            + lognormal(theta["length"], 0.0, 0.7)
            + lognormal(theta["sd"], -1.5, 0.7)
        ),
        log_lik=log_lik,
        data=y[None],  # one observation: the whole curve
    )
    return Case(
        "gaussian_process",
        "Gaussian process regression, 12 points, 3 kernel parameters",
        model,
        "full_rank",
    )


def weibull() -> Case:
    """Waiting times t ~ Weibull(shape, exp(a + b x)), cut off at 4: 60 patients in two groups."""
    rng = generator(33)
    x = onp.repeat([0.0, 1.0], 30)
    t = onp.exp(0.8 + 0.5 * x) * rng.exponential(size=60) ** (1.0 / 1.5)
    died, t = (t < 4.0).astype(float), onp.minimum(t, 4.0)

    def log_lik(theta: dict, data: dict) -> onp.ndarray:
        shape = theta["shape"][:, None]
        log_scale = theta["a"][:, None] + theta["b"][:, None] * data["x"]
        z = shape * (np.log(data["t"]) - log_scale)
        return data["died"] * (np.log(shape) + z - np.log(data["t"])) - np.exp(z)

    model = Model(
        params={"shape": Param(support="positive"), "a": Param(), "b": Param()},
        log_prior=lambda theta: (
            lognormal(theta["shape"], 0.0, 1.0)
            + normal(theta["a"], 0.0, 2.0)
            + normal(theta["b"], 0.0, 1.0)
        ),
        log_lik=log_lik,
        data={"x": x, "t": t, "died": died},
    )
    return Case(
        "weibull_censored", "Weibull survival with censoring, 60 patients", model, "full_rank"
    )


CASES = (ar1, gaussian_process, weibull)

"""Regressions with a real response: Gaussian and Student t noise."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp

from posteriors._case import Case, generator
from vi_lib import Model, Param
from vi_lib.densities import half_normal, normal, student_t


def design(rng: onp.random.Generator, rows: int, columns: int) -> onp.ndarray:
    """An intercept and independent standard normal predictors (rows, 1 + columns)."""
    return onp.column_stack([onp.ones(rows), rng.standard_normal((rows, columns))])


def _linear(X: onp.ndarray, y: onp.ndarray, prior_sd: float, noise_sd: float) -> Model:
    return Model(
        params={"beta": Param((X.shape[1],))},
        log_prior=lambda theta: np.sum(normal(theta["beta"], 0.0, prior_sd), axis=-1),
        log_lik=lambda theta, data: normal(data["y"], np.dot(theta["beta"], data["X"].T), noise_sd),
        data={"X": X, "y": y},
    )


def known_sd() -> Case:
    """Model: y ~ N(X beta, sd 1.5), beta ~ N(0, sd 5): conjugate."""
    rng = generator(1)
    X = design(rng, 80, 5)
    y = X @ onp.array([1.0, 0.5, -0.5, 2.0, 0.0, -1.0]) + 1.5 * rng.standard_normal(80)
    return Case(
        "linear_known_sd",
        "Linear regression, 5 independent predictors, 80 points, known noise",
        _linear(X, y, 5.0, 1.5),
        "full_rank",
    )


def unknown_sd() -> Case:
    """Model: y ~ N(X beta, sd), beta ~ N(0, sd 5), sd ~ half-normal(3)."""
    rng = generator(2)
    X = design(rng, 80, 5)
    y = X @ onp.array([1.0, 0.5, -0.5, 2.0, 0.0, -1.0]) + 1.5 * rng.standard_normal(80)
    model = Model(
        params={"beta": Param((6,)), "sd": Param(support="positive")},
        log_prior=lambda theta: (
            np.sum(normal(theta["beta"], 0.0, 5.0), axis=-1) + half_normal(theta["sd"], 3.0)
        ),
        log_lik=lambda theta, data: normal(
            data["y"], np.dot(theta["beta"], data["X"].T), theta["sd"][:, None]
        ),
        data={"X": X, "y": y},
    )
    return Case(
        "linear_unknown_sd",
        "Linear regression, 5 independent predictors, 80 points, unknown noise",
        model,
        "full_rank",
    )


def correlated() -> Case:
    """Three predictors that are nearly the same one: correlations of .97."""
    rng = generator(3)
    common = rng.standard_normal((60, 1))
    X = onp.column_stack([onp.ones(60), common + 0.17 * rng.standard_normal((60, 3))])
    y = X @ onp.array([0.5, 1.0, 0.5, -0.5]) + rng.standard_normal(60)
    return Case(
        "linear_correlated",
        "Linear regression, 3 predictors correlated by .97, known noise",
        _linear(X, y, 5.0, 1.0),
        "full_rank",
    )


def robust() -> Case:
    """Model: y ~ t_4(a + b x, scale), with six gross errors among 50 points."""
    rng = generator(4)
    x = rng.standard_normal(50)
    y = 1.0 - 2.0 * x + 0.7 * rng.standard_normal(50)
    y[:6] += 8.0
    model = Model(
        params={"a": Param(), "b": Param(), "scale": Param(support="positive")},
        log_prior=lambda theta: (
            normal(theta["a"], 0.0, 5.0)
            + normal(theta["b"], 0.0, 5.0)
            + half_normal(theta["scale"], 3.0)
        ),
        log_lik=lambda theta, data: student_t(
            data["y"],
            4.0,
            theta["a"][:, None] + theta["b"][:, None] * data["x"],
            theta["scale"][:, None],
        ),
        data={"x": x, "y": y},
    )
    return Case(
        "robust_regression",
        "Student t regression (4 degrees of freedom), 6 outliers among 50 points",
        model,
        "mean_field",
    )


CASES = (known_sd, unknown_sd, correlated, robust)

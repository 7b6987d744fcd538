"""Posteriors known for their shape: a Gaussian in all but name, a funnel, a banana, two modes."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import numpy as onp

from posteriors._case import Case, generator
from vi_lib import Model, Param, datasets
from vi_lib.densities import cauchy, gamma, half_normal, normal


def normal_mean_sd() -> Case:
    """x_i ~ N(mu, sd), mu ~ N(0, sd 10), sd ~ half-normal(5): 100 points."""
    model = Model(
        params={"mu": Param(), "sd": Param(support="positive")},
        log_prior=lambda theta: normal(theta["mu"], 0.0, 10.0) + half_normal(theta["sd"], 5.0),
        log_lik=lambda theta, data: normal(data, theta["mu"][:, None], theta["sd"][:, None]),
        data=datasets.load("normal_100")["x"],
    )
    return Case("normal_mean_sd", "Mean and sd of a normal sample, 100 points", model, "mean_field")


def mixture() -> Case:
    """Density w N(low, 1) + (1 - w) N(low + gap, 1), gap > 0, no labels: 80 points."""
    rng = generator(41)
    x = onp.where(rng.random(80) < 0.4, -2.0, 2.5) + rng.standard_normal(80)

    def log_lik(theta: dict, data: onp.ndarray) -> onp.ndarray:
        weight, low, gap = (theta[name][:, None] for name in ("weight", "low", "gap"))
        return np.logaddexp(
            np.log(weight) + normal(data, low, 1.0),
            np.log1p(-weight) + normal(data, low + gap, 1.0),
        )

    model = Model(
        params={
            "weight": Param(support="unit"),
            "low": Param(),
            "gap": Param(support="positive"),
        },
        log_prior=lambda theta: (
            np.log(6.0 * theta["weight"] * (1.0 - theta["weight"]))
            + normal(theta["low"], 0.0, 5.0)
            + gamma(theta["gap"], 2.0, 0.5)
        ),
        log_lik=log_lik,
        data=x,
    )
    return Case(
        "mixture", "Two well separated Gaussians with ordered means, 80 points", model, "full_rank"
    )


def _from_prior(params: dict[str, Param], log_density: Callable[[dict], onp.ndarray]) -> Model:
    """A model that is all prior: its single observation says nothing."""
    return Model(
        params=params,
        log_prior=log_density,
        log_lik=lambda theta, data: onp.zeros((len(next(iter(theta.values()))), 1)),
        data=onp.zeros(1),
    )


def funnel() -> Case:
    """Model: v ~ N(0, sd 3), x_i ~ N(0, sd exp(v / 2)), i = 1..9 (Neal 2003)."""
    model = _from_prior(
        {"v": Param(), "x": Param((9,))},
        lambda theta: (
            normal(theta["v"], 0.0, 3.0)
            + np.sum(normal(theta["x"], 0.0, np.exp(0.5 * theta["v"])[:, None]), axis=-1)
        ),
    )
    description = "Neal's funnel (Slice sampling, Annals of Statistics 2003), 10 coordinates"
    return Case("funnel", description, model, "none")


def banana() -> Case:
    """Model: x ~ N(0, sd 2), y ~ N(x^2 / 4, sd 0.5)."""
    model = _from_prior(
        {"x": Param(), "y": Param()},
        lambda theta: normal(theta["x"], 0.0, 2.0) + normal(theta["y"], theta["x"] ** 2 / 4.0, 0.5),
    )
    return Case("banana", "A parabola with Gaussian noise", model, "none")


def two_modes() -> Case:
    """Two pairs of observations of a Cauchy distribution, far apart: its location has two modes."""
    model = Model(
        params={"location": Param()},
        log_prior=lambda theta: normal(theta["location"], 0.5, 10.0),
        log_lik=lambda theta, data: cauchy(data, theta["location"][:, None], 0.5),
        data=onp.array([-4.3, -3.8, 3.9, 4.2]),
    )
    description = "Location of a Cauchy distribution, 2 pairs of points far apart"
    return Case("two_modes", description, model, "none")


CASES = (normal_mean_sd, mixture, funnel, banana, two_modes)

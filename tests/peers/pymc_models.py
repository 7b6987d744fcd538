"""Five of the models for PyMC, their variables in the order of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymc as pm


def normal_mean_sd(data: Any) -> None:
    mu = pm.Normal("mu", 0.0, 10.0)
    sd = pm.HalfNormal("sd", 5.0)
    pm.Normal("x", mu, sd, observed=data)


def linear_known_sd(data: Any, noise_sd: float = 1.5) -> None:
    beta = pm.Normal("beta", 0.0, 5.0, shape=data["X"].shape[1])
    pm.Normal("y", data["X"] @ beta, noise_sd, observed=data["y"])


def linear_correlated(data: Any) -> None:
    linear_known_sd(data, 1.0)


def eight_schools_noncentered(data: Any) -> None:
    mu = pm.Normal("mu", 0.0, 5.0)
    tau = pm.HalfCauchy("tau", 5.0)
    z = pm.Normal("z", 0.0, 1.0, shape=8)
    pm.Normal("effect", mu + tau * z, data["error"], observed=data["effect"])


def logistic(data: Any) -> None:
    beta = pm.Normal("beta", 0.0, 2.5, shape=5)
    pm.Bernoulli("y", logit_p=data["X"] @ beta, observed=data["y"])


PYMC: dict[str, Callable[[Any], None]] = {
    build.__name__: build
    for build in (
        normal_mean_sd,
        linear_known_sd,
        linear_correlated,
        eight_schools_noncentered,
        logistic,
    )
}


def pymc_model(name: str, data: Any) -> pm.Model:
    """The model of this name with these data."""
    with pm.Model() as model:
        PYMC[name](data)
    return model

"""Hierarchical models: eight schools, varying intercepts, item response."""

from __future__ import annotations

import math
from collections.abc import Callable

import autograd.numpy as np
import numpy as onp

from posteriors._case import Case, generator
from vi_lib import Model, Param
from vi_lib.densities import bernoulli_logits, cauchy, half_normal, lognormal, normal

#: Effects of coaching and their standard errors in eight schools: Rubin, Estimation in parallel
#: randomized experiments (Journal of Educational Statistics, 1981).
EFFECT = onp.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERROR = onp.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def _half_cauchy(x: onp.ndarray, scale: float) -> onp.ndarray:
    return math.log(2.0) + cauchy(x, 0.0, scale)


def _eight_schools_hyperprior(theta: dict) -> onp.ndarray:
    return normal(theta["mu"], 0.0, 5.0) + _half_cauchy(theta["tau"], 5.0)


def eight_schools_centered() -> Case:
    """theta_j ~ N(mu, tau), y_j ~ N(theta_j, known error)."""
    model = Model(
        params={"mu": Param(), "tau": Param(support="positive"), "theta": Param((8,))},
        log_prior=lambda theta: (
            _eight_schools_hyperprior(theta)
            + np.sum(normal(theta["theta"], theta["mu"][:, None], theta["tau"][:, None]), axis=-1)
        ),
        log_lik=lambda theta, data: normal(data["effect"], theta["theta"], data["error"]),
        data={"effect": EFFECT, "error": ERROR},
    )
    return Case("eight_schools_centered", "Eight schools (Rubin 1981), centred", model, "none")


def eight_schools_noncentered() -> Case:
    """The same posterior with theta_j = mu + tau z_j, z_j ~ N(0, 1)."""
    model = Model(
        params={"mu": Param(), "tau": Param(support="positive"), "z": Param((8,))},
        log_prior=lambda theta: (
            _eight_schools_hyperprior(theta) + np.sum(normal(theta["z"], 0.0, 1.0), axis=-1)
        ),
        log_lik=lambda theta, data: normal(
            data["effect"],
            theta["mu"][:, None] + theta["tau"][:, None] * theta["z"],
            data["error"],
        ),
        data={"effect": EFFECT, "error": ERROR},
    )
    return Case(
        "eight_schools_noncentered", "Eight schools (Rubin 1981), non-centred", model, "full_rank"
    )


GROUPS = 20


def radon_data() -> dict[str, onp.ndarray]:
    """Measurements in houses with (x = 0) and without a basement, in 20 counties of 3 to 14."""
    rng = generator(21)
    county = onp.repeat(onp.arange(GROUPS), rng.integers(3, 15, size=GROUPS))
    x = (rng.random(len(county)) < 0.25).astype(float)
    level = 1.3 + 0.4 * rng.standard_normal(GROUPS)
    y = level[county] - 0.6 * x + 0.7 * rng.standard_normal(len(county))
    return {"county": onp.eye(GROUPS)[county], "x": x, "y": y}


def _radon(
    third: str,
    log_prior_third: Callable[[dict], onp.ndarray],
    level: Callable[[dict], onp.ndarray],
    name: str,
    description: str,
    family: str,
) -> Case:
    scale = Param(support="positive")
    model = Model(
        params={
            "mu": Param(),
            "tau": scale,
            third: Param((GROUPS,)),
            "slope": Param(),
            "sd": scale,
        },
        log_prior=lambda theta: (
            normal(theta["mu"], 0.0, 3.0)
            + half_normal(theta["tau"], 1.0)
            + np.sum(log_prior_third(theta), axis=-1)
            + normal(theta["slope"], 0.0, 2.0)
            + half_normal(theta["sd"], 2.0)
        ),
        log_lik=lambda theta, data: normal(
            data["y"],
            np.dot(level(theta), data["county"].T) + theta["slope"][:, None] * data["x"],
            theta["sd"][:, None],
        ),
        data=radon_data(),
    )
    return Case(name, description, model, family)


def radon_centered() -> Case:
    """Intercepts level_j ~ N(mu, tau)."""
    return _radon(
        "level",
        lambda theta: normal(theta["level"], theta["mu"][:, None], theta["tau"][:, None]),
        lambda theta: theta["level"],
        "radon_centered",
        "Varying intercepts of 20 counties, centred",
        "full_rank",
    )


def radon_noncentered() -> Case:
    """The same posterior with level_j = mu + tau z_j, z_j ~ N(0, 1)."""
    return _radon(
        "z",
        lambda theta: normal(theta["z"], 0.0, 1.0),
        lambda theta: theta["mu"][:, None] + theta["tau"][:, None] * theta["z"],
        "radon_noncentered",
        "Varying intercepts of 20 counties, non-centred",
        "full_rank",
    )


def irt_2pl() -> Case:
    """P(person i solves item k) = sigmoid(slope_k (ability_i - difficulty_k)), 30 x 8 answers."""
    rng = generator(22)
    people, items = 30, 8
    ability, difficulty = rng.standard_normal(people), rng.standard_normal(items)
    slope = onp.exp(0.3 * rng.standard_normal(items))
    logits = slope * (ability[:, None] - difficulty)
    y = (rng.random((people, items)) < 1.0 / (1.0 + onp.exp(-logits))).astype(float)

    def log_lik(theta: dict, data: onp.ndarray) -> onp.ndarray:
        logits = theta["slope"][:, None, :] * (
            theta["ability"][:, :, None] - theta["difficulty"][:, None, :]
        )
        return np.sum(bernoulli_logits(data, logits), axis=-1)

    model = Model(
        params={
            "ability": Param((people,)),
            "difficulty": Param((items,)),
            "slope": Param((items,), "positive"),
        },
        log_prior=lambda theta: (
            np.sum(normal(theta["ability"], 0.0, 1.0), axis=-1)
            + np.sum(normal(theta["difficulty"], 0.0, 1.5), axis=-1)
            + np.sum(lognormal(theta["slope"], 0.0, 0.5), axis=-1)
        ),
        log_lik=log_lik,
        data=y,
    )
    return Case("irt_2pl", "Item response, 2 parameters, 30 people and 8 items", model, "full_rank")


CASES = (
    eight_schools_centered,
    eight_schools_noncentered,
    radon_centered,
    radon_noncentered,
    irt_2pl,
)

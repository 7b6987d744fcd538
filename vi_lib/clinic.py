"""Broken fits for lesson 12: charts of patients with a known ailment, to be told apart.

Each patient is a fit of two parameters by a program with one fault. Its chart holds what anybody
can measure without knowing the posterior. Programs are not run: the chart has the numbers that they
end at, from the fixed point of the broken update, with the scatter of a stochastic run. For a
Gaussian posterior with precision matrix P and mean-field sds s = diag(P)^-½ these are

    minibatch weighed as B data     sd^-2 = (B / N) of the likelihood's precision + the prior's
    log sd used as an sd            draws mu + omega eps, reported sd exp(omega):
                                    omega exp(omega) = s², so sd = exp(W(s²)), W Lambert's function
    Jacobian forgotten              the log of a log-normal prior has mean - sd² for its mean
    steps divided by a window that  sd 8 to 15 % too large with one draw a step
    holds the present gradient

The weights behind k-hat and the replicated data behind the p-values are drawn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vi_lib._check import Array
from vi_lib._clinic_cases import NUM_DATA, Growth, Line, Square
from vi_lib.diagnostics import has_converged, khat

HEALTHY = "healthy"
#: The eight ailments, in the order in which `diagnose` looks for them.
AILMENTS = (
    "not converged",
    "missed mode",
    "missing Jacobian",
    "log sd as sd",
    "N/B forgotten",
    "biased steps",
    "correlation ignored",
    "wrong model",
)
#: Iterations of a run, draws for k-hat, replicated data sets.
ITERATIONS, NUM_DRAWS, NUM_REPLICATED = 300, 2000, 400
#: What 100 data count where N / B is forgotten.
BATCH = 4.0
#: Scatter of a reported sd (relative) and of a reported mean (in sds).
SD_NOISE, MEAN_NOISE = 0.005, 0.02


def patient(ailment: str, rng: np.random.Generator) -> dict[str, Any]:
    """Return the chart of a fresh patient.

    Args:
        ailment: one of `AILMENTS`, or `HEALTHY`.
        rng: source of the data and of the run's scatter.

    Returns:
        a dict; all means and sds are those of the two parameters on their own scale:
        `elbo_trace` (300,), nats, noisy; `elbo` of the result and `elbo_full_rank` of the same
        program with a full-rank family, from 2000 fresh draws, and `khat` of these draws;
        `mean`, `sd` (2,), as reported; `sd_twice` (2,), reported when every datum is given twice;
        `sd_more_draws` (2,), reported with 100 draws a step in place of one; `prior_mean`,
        `prior_sd` (2,), and `mean_no_data` (2,), reported without data; `restarts` (8, 2), the
        means from eight other starts; `checks` (3,), P(T(y_rep) >= T(y)) for the smallest, the
        median and the largest residual, y minus its fitted mean.

    Raises:
        ValueError: for an unknown ailment.
    """
    if ailment not in (*AILMENTS, HEALTHY):
        known = ", ".join((*AILMENTS, HEALTHY))
        raise ValueError(f"ailment must be one of {known}, got {ailment!r}")
    case = _case(ailment, rng)
    if ailment == "correlation ignored":  # one set of draws in eight happens to hide it
        chart = _chart(ailment, case, rng)
        while chart["khat"] < 0.75:
            chart = _chart(ailment, case, rng)
        return chart
    return _chart(ailment, case, rng)


def _chart(ailment: str, case: Line, rng: np.random.Generator) -> dict[str, Any]:
    fits = {name: case.fit(w) for name, w in (("once", 1.0), ("twice", 2.0), ("none", 0.0))}
    (mean, sd), mean_none = fits["once"], fits["none"][0]
    twice, more, starts = fits["twice"], (mean, sd), np.tile(mean, (8, 1))
    speed, gap = float(rng.uniform(12.0, 25.0)), float(rng.uniform(60.0, 200.0))
    if ailment == "N/B forgotten":
        twice = more = mean, sd = case.fit(BATCH / NUM_DATA)
        starts = np.tile(mean, (8, 1))
    elif ailment == "log sd as sd":
        sd = _confused(sd)
        twice, more = (twice[0], _confused(twice[1])), (mean, sd)
    elif ailment == "biased steps":
        sd = sd * rng.uniform(1.08, 1.15, 2)
        twice = twice[0], twice[1] * rng.uniform(1.08, 1.15, 2)
    elif ailment == "missed mode":
        starts[:, 0] *= rng.permutation(np.repeat([1.0, -1.0], 4))
    elif ailment == "not converged":
        speed, gap = float(rng.uniform(200.0, 300.0)), float(rng.uniform(300.0, 600.0))
        left = math.exp(-ITERATIONS / speed)
        mean = mean + left * rng.choice([-1.0, 1.0], 2) * rng.uniform(3.0, 5.0, 2)
        starts = starts + left * rng.standard_normal((8, 2))
        sd, twice, more = sd ** (1 - left), (mean, twice[1] ** (1 - left)), (mean, sd ** (1 - left))
        mean_none = (1.0 - left) * mean_none
    theta, log_w = case.draw(mean, sd, rng.standard_normal((NUM_DRAWS, 2)))
    k, noise = np.arange(1, ITERATIONS + 1), 0.3 * rng.standard_normal(ITERATIONS)
    elbo = float(np.mean(log_w))
    starts = starts + MEAN_NOISE * sd * rng.standard_normal((8, 2))
    mean_none = mean_none + MEAN_NOISE * case.prior_sd * rng.standard_normal(2)
    own_mean, own_sd = case.report(mean, sd)
    return {
        "elbo_trace": elbo + _path(k, speed, gap) + noise,
        "elbo": elbo,
        "elbo_full_rank": elbo + case.gain(),
        "khat": khat(log_w),
        "mean": own_mean,
        "sd": _scatter(own_sd, rng),
        "sd_twice": _scatter(case.report(*twice)[1], rng),
        "sd_more_draws": _scatter(case.report(*more)[1], rng),
        "prior_mean": case.prior[0],
        "prior_sd": case.prior[1],
        "mean_no_data": case.report(mean_none, fits["none"][1])[0],
        "restarts": case.report(starts, sd)[0],
        "checks": _predictive_checks(case, theta[:NUM_REPLICATED], mean, rng),
    }


def diagnose(chart: dict[str, Any]) -> str:
    """Return what a patient suffers from, one of `AILMENTS` or `HEALTHY`.

    The order matters: nothing else can be read from a run that has not arrived.
    """
    sd = chart["sd"]
    if not has_converged(chart["elbo_trace"], 50, 0.01):
        return "not converged"
    if np.max(np.std(chart["restarts"], axis=0) / sd) > 1.0:
        return "missed mode"
    if np.max(np.abs(chart["mean_no_data"] - chart["prior_mean"]) / chart["prior_sd"]) > 0.25:
        return "missing Jacobian"
    if np.min(chart["sd_twice"] / sd) > 0.9:
        return "log sd as sd" if np.max(np.abs(sd - 1.0)) < 0.1 else "N/B forgotten"
    if np.max(sd / chart["sd_more_draws"]) > 1.04:
        return "biased steps"
    if chart["khat"] > 0.7 or chart["elbo_full_rank"] - chart["elbo"] > 0.5:
        return "correlation ignored"
    if np.min(chart["checks"]) < 0.01 or np.max(chart["checks"]) > 0.99:
        return "wrong model"
    return HEALTHY


def _case(ailment: str, rng: np.random.Generator) -> Line:
    if ailment == "missed mode":
        return Square(rng)
    if ailment == "missing Jacobian" or (ailment == HEALTHY and rng.uniform() < 0.5):
        return Growth(rng, jacobian=ailment == HEALTHY)
    outliers = float(rng.choice([-7.0, 7.0])) if ailment == "wrong model" else 0.0
    return Line(rng, 5.0 if ailment == "correlation ignored" else 0.15, outliers)


def _confused(sd: Array) -> Array:
    """exp(omega) where omega exp(omega) = sd², elementwise."""
    from scipy.special import lambertw

    return np.exp(np.real(lambertw(sd**2)))


def _path(k: Array, speed: float, gap: float) -> Array:
    """How far below its end the ELBO is, where the run ends at k = ITERATIONS."""
    return -gap * (np.exp(-k / speed) - math.exp(-ITERATIONS / speed))


def _scatter(sd: Array, rng: np.random.Generator) -> Array:
    return sd * np.exp(SD_NOISE * rng.standard_normal(2))


def _predictive_checks(case: Line, theta: Array, mean: Array, rng: np.random.Generator) -> Array:
    y_rep = case.location(theta) + case.noise_sd * rng.standard_normal((len(theta), NUM_DATA))
    fitted = case.location(mean[None])[0]
    statistics = (np.min, np.median, np.max)
    return np.array([np.mean(T(y_rep - fitted, axis=1) >= T(case.y - fitted)) for T in statistics])

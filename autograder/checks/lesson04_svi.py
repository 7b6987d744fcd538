"""Checks of E4.4, stochastic coordinate ascent for the Gaussian-Gamma model.

Chance is kept out of three of the four parts. With all data in each batch and rho = 1 the algorithm
is coordinate ascent; if all data are equal, every batch is like every other, so that step sizes and
the factor N / B can be compared exactly, however the batches are drawn. The last part fits sorted
data, where batches that leave rows out show.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import Mismatch, array, close, entry, number, require, show
from autograder.checks.protocol import Part, Recorder
from autograder.checks.values import build, generator
from vi_lib import cavi, svi

Array = Any
Rng = np.random.Generator

PARAMETERS = {"nu_q": "ν_q", "tau_q": "τ_q", "alpha_q": "α_q", "beta_q": "β_q"}
PARAMETER_TOLERANCE = 2e-3
ELBO_TOLERANCE = 1e-6
"""Of a trace's entries against the ELBO at the parameters, relative."""

NUM, BATCH, KAPPA, DELAY, STEPS = 300, 110, 0.9, 1.0, 600
TOLERANCE = 0.05
"""How far below the optimum, in nats, the mean ELBO of the last tenth of the steps may lie."""


def _call(answer: Recorder, *case: Any) -> Any:
    return answer.call("svi_gaussian_gamma", *case)


def _seed(rng: Rng) -> int:
    return int(rng.integers(2**31))


def _parameters(found: Any) -> dict[str, float]:
    result = "`svi_gaussian_gamma`"
    return {k: number(entry(found, k, result), f"`{k}`") for k in PARAMETERS}


def _trace(found: Any, num_steps: int) -> Array:
    elbo = array(entry(found, "elbo", "`svi_gaussian_gamma`"), "`elbo`").astype(float)
    require(
        elbo.shape == (num_steps,),
        f"`elbo`: expected {num_steps} values, one after each of the {num_steps} steps, got "
        f"{show(elbo)}.",
        got=elbo,
    )
    return elbo


def _prior(rng: Rng) -> dict[str, float]:
    """A prior that shows beside a dozen data."""
    return {
        "mu0": float(rng.uniform(-1.0, 0.0)),
        "tau0": float(rng.uniform(1.5, 2.5)),
        "alpha0": float(rng.uniform(2.0, 3.0)),
        "beta0": float(rng.uniform(4.0, 5.0)),
    }


def coordinate_ascent(answer: Recorder, rng: Rng) -> None:
    """All data in each batch and kappa = 0, so rho = 1: the fixed point of lesson 2."""
    x, prior = rng.normal(rng.uniform(2.0, 4.0), 1.5, 30), _prior(rng)
    num_steps = 60
    found = _call(answer, x, prior, len(x), 0.0, 1.0, num_steps, generator(_seed(rng)))
    best = cavi.cavi_gaussian_gamma(x, prior, rel_tol=0.0)
    for key, got in _parameters(found).items():
        what = f"{PARAMETERS[key]} after {num_steps} full steps on all data"
        close(got, best[key], what, rtol=PARAMETER_TOLERANCE)
    last = _trace(found, num_steps)[-1]
    close(last, best["elbo"][-1], "the last ELBO, that of coordinate ascent", rtol=ELBO_TOLERANCE)


def _equal_data(rng: Rng) -> tuple[Array, dict[str, float]]:
    """Twelve data, all the same number: the batches can only differ in size."""
    return np.full(12, float(rng.uniform(2.0, 3.0))), _prior(rng)


def _same_path(answer: Recorder, where: str, *case: Any) -> None:
    expected = svi.svi_gaussian_gamma(*build(case))
    found = _call(answer, *case)
    for key, got in _parameters(found).items():
        close(got, expected[key], f"{PARAMETERS[key]} {where}", rtol=1e-7)
    trace = _trace(found, case[5])
    close(trace, expected["elbo"], f"`elbo`, the full-data ELBO {where}", rtol=1e-7)


def step_sizes(answer: Recorder, rng: Rng) -> None:
    """A few steps with all data in each batch, so that nothing but rho_t matters."""
    x, prior = _equal_data(rng)
    for num_steps, kappa, delay in ((4, float(rng.uniform(0.6, 0.9)), 2.0), (1, 0.7, 1.5)):
        case = (x, prior, len(x), kappa, delay, num_steps, generator(_seed(rng)))
        _same_path(answer, f"after {num_steps} step(s) with κ = {kappa:.3g}, delay {delay}", *case)


def batches_stand_for_all(answer: Recorder, rng: Rng) -> None:
    """Full steps from 3 of 12 equal data: they stand for all 12."""
    x, prior = _equal_data(rng)
    for num_steps in (1, 3):
        case = (x, prior, 3, 0.0, 1.0, num_steps, generator(_seed(rng)))
        where = f"after {num_steps} full step(s), each from 3 of 12 equal data"
        _same_path(answer, where, *case)


def reaches_the_optimum(answer: Recorder, rng: Rng) -> None:
    """The last tenth of the steps, on average, within 0.05 nats of the optimum in one of 3 runs."""
    x = np.sort(rng.normal(rng.uniform(3.0, 5.0), rng.uniform(1.5, 2.5), NUM))
    prior = {"mu0": 0.0, "tau0": 0.01, "alpha0": 1.0, "beta0": 1.0}
    _fresh_batches(answer, x, prior, rng)
    best = float(cavi.cavi_gaussian_gamma(x, prior, rel_tol=0.0)["elbo"][-1])
    gaps = []
    for _ in range(3):
        found = _call(answer, x, prior, BATCH, KAPPA, DELAY, STEPS, generator(_seed(rng)))
        trace, last = _trace(found, STEPS), _parameters(found)
        for key in ("tau_q", "alpha_q", "beta_q"):
            what = f"`{key}`: expected a positive number, got {show(last[key])}."
            require(0.0 < last[key] < np.inf, what, got=last[key])
        own = cavi.elbo_gaussian_gamma(x, *prior.values(), *last.values())
        what = "the last value of `elbo`, against the ELBO at the parameters that you return"
        close(trace[-1], own, what, rtol=ELBO_TOLERANCE)
        gaps.append(best - float(np.mean(trace[-STEPS // 10 :])))
        if -1e-6 * abs(best) <= gaps[-1] <= TOLERANCE:
            return
    raise Mismatch(
        f"the fit: expected a mean ELBO of the last {STEPS // 10} steps within {TOLERANCE} nats of "
        f"the optimum, got {show(np.array(gaps))} nats below it in three runs."
    )


def _fresh_batches(answer: Recorder, x: Array, prior: Any, rng: Rng) -> None:
    """A batch for each step, drawn from all rows and by the generator that is handed over.

    With rho = 1 the trace forgets all but the last batches: were they all the same, it would settle
    at once. Batches of more than half of the data are all the same if rows that are left over at
    the end are never seen. Two generators give the same four batches once in 300^20.
    """
    seeds = [_seed(rng), _seed(rng)]
    traces = [
        _trace(_call(answer, x, prior, size, 0.0, 1.0, 30, generator(seeds[0])), 30)
        for size in (5, NUM // 2 + 10)
    ]
    for trace, name, how in (
        (traces[0], "one-batch-for-all", "as if all batches were the same"),
        (traces[1], "batches-in-the-order-of-the-data", "as if some rows were never seen"),
    ):
        if np.ptp(trace[-5:]) <= 1e-6 * np.max(np.abs(trace)):
            raise Mismatch(
                f"`elbo` with ρ = 1: expected it to go up and down with the batches, got "
                f"{show(trace[-5:])} in the last steps, {how}.",
                name=name,
            )
    once, again, other = (
        _trace(_call(answer, x, prior, 5, 0.7, 5.0, 4, generator(seed)), 4)
        for seed in (seeds[0], seeds[0], seeds[1])
    )
    for same, wanted, how in (
        (np.array_equal(once, again), True, "another `elbo` for the same `rng`"),
        (np.array_equal(once, other), False, "the same `elbo` for another `rng`"),
    ):
        if same is not wanted:
            raise Mismatch(
                f"the batches: expected them to be drawn from `rng`, got {how}.",
                name="draws-from-elsewhere",
            )


SVI_PARTS = (
    Part("all data, full steps: coordinate ascent", 1.5, coordinate_ascent),
    Part("step sizes, natural parameters, trace", 1.0, step_sizes),
    Part("batches stand for all data", 1.5, batches_stand_for_all),
    Part("random batches reach the optimum", 2.0, reaches_the_optimum, 1e-8),
)

"""Checks of E2.5, coordinate ascent: its fixed point, its trace, its starts, and round-off.

The fixed point is unique, so answers that update in another order, start elsewhere or solve for it
are right; what is required of the way there is only that the ELBO never falls.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e2_5
from autograder.checks.compare import EXACT, SINGLE, Mismatch, array, close, entry, require, show
from autograder.checks.protocol import Part, Recorder, Unanswered
from autograder.checks.slips import keys, looking_up
from vi_lib import cavi, datasets

Array = Any
Rng = np.random.Generator

LESSON_PRIOR = {"mu0": 0.0, "tau0": 1e-6, "alpha0": 0.01, "beta0": 0.01}
"""The nearly flat prior of the lesson's example."""

PARAMETERS = {"nu_q": "ν_q", "tau_q": "τ_q", "alpha_q": "α_q", "beta_q": "β_q"}
PARAMETER_TOLERANCE = 2e-3
ELBO_TOLERANCE = 1e-6
"""Of the last ELBO against the optimum, relative. The ELBO is flat there, so it is met first."""
MONOTONE = 1e-9
"""An ELBO may fall by this fraction of its size between sweeps: that is round-off."""

UNEVEN = {"nu_q": -20.0, "tau_q": 1e-6, "alpha_q": 1e4, "beta_q": 1.0}
"""q(mu) far too wide, q(gamma) far too sharp: mixing old and new factors makes the ELBO swing."""
NEAR = {"nu_q": 4.0, "tau_q": 2.0, "alpha_q": 3.0, "beta_q": 2.0}
"""Given first in most parts, so that an error without a start is known for what it is."""
STARTS = {
    "a wide start": {"nu_q": 100.0, "tau_q": 1e-4, "alpha_q": 1e-3, "beta_q": 10.0},
    "a narrow start": {"nu_q": 0.0, "tau_q": 1e6, "alpha_q": 1e4, "beta_q": 1.0},
    "a start near the data": NEAR,
}


def _like_the_lesson(rng: Rng, count: int) -> Array:
    return rng.normal(rng.uniform(3.0, 6.0), rng.uniform(0.7, 2.0), count)


def _few_data(rng: Rng) -> tuple[Array, dict[str, float]]:
    """Two data and a prior that counts: each sweep leaves about a third of the way to go."""
    x = rng.uniform(2.0, 4.0) + np.array([-1.0, 1.0]) * rng.uniform(0.5, 1.5)
    prior = {"mu0": rng.uniform(-1.0, 0.0), "tau0": 0.2, "alpha0": 0.4, "beta0": 1.5}
    return x, prior


def _check_optimum(answer: Recorder, where: str, x: Array, prior: Any, *init: Any) -> Any:
    best = cavi.cavi_gaussian_gamma(x, prior, rel_tol=0.0)
    with looking_up(answer, e2_5.WRONG, keys(*PARAMETERS)):
        found = answer.call("cavi_gaussian_gamma", x, prior, *init)
        for key, symbol in PARAMETERS.items():
            got = entry(found, key, "`cavi_gaussian_gamma`")
            close(got, best[key], f"{symbol} {where}", rtol=PARAMETER_TOLERANCE)
    return found


def _trace(found: Any) -> Array:
    elbo = array(entry(found, "elbo", "`cavi_gaussian_gamma`"), "`elbo`").astype(float)
    require(
        elbo.ndim == 1 and elbo.size > 0,
        f"`elbo`: expected the trace, one value after each sweep, got {show(elbo)}.",
        got=elbo,
    )
    require(bool(np.isfinite(elbo).all()), f"`elbo`: expected finite values, got {show(elbo)}.")
    return elbo


def _cavi_lesson(answer: Recorder, rng: Rng) -> None:
    lesson = datasets.load("gaussian_100")["x"]
    _check_optimum(answer, "on the lesson's data, given a start", lesson, LESSON_PRIOR, NEAR)
    _check_optimum(answer, "on the lesson's data", lesson, LESSON_PRIOR)
    _check_optimum(answer, "on other data", _like_the_lesson(rng, 80), LESSON_PRIOR)


def _cavi_trace(answer: Recorder, rng: Rng) -> None:
    x = _like_the_lesson(rng, 60)
    elbo = _trace(_check_optimum(answer, "from an uneven start", x, LESSON_PRIOR, UNEVEN))
    falls = np.flatnonzero(np.diff(elbo) < -MONOTONE * np.abs(elbo[:-1]))
    if falls.size:
        before, after = elbo[falls[0]], elbo[falls[0] + 1]
        raise Mismatch(
            f"`elbo` falls from {before:.9g} to {after:.9g} in sweep {falls[0] + 2}: coordinate "
            "ascent never lowers the ELBO.",
            got=elbo,
        )
    best = cavi.cavi_gaussian_gamma(x, LESSON_PRIOR, rel_tol=0.0)["elbo"][-1]
    close(elbo[-1], best, "the last ELBO", rtol=ELBO_TOLERANCE)

    few, prior = _few_data(rng)
    found = answer.call("cavi_gaussian_gamma", few, prior, max_iter=1)
    last = [np.asarray(entry(found, key, "the result"), float).reshape(()) for key in PARAMETERS]
    own = cavi.elbo_gaussian_gamma(few, *prior.values(), *map(float, last))
    single = np.asarray(found["elbo"]).dtype == np.float32
    what = "the last ELBO after `max_iter=1`, at the returned parameters"
    close(_trace(found)[-1], own, what, rtol=SINGLE if single else EXACT)


def _cavi_starts(answer: Recorder, rng: Rng) -> None:
    x = _like_the_lesson(rng, 20)
    for where, init in STARTS.items():
        _check_optimum(answer, f"from {where}", x, LESSON_PRIOR, init)


def _cavi_few_data(answer: Recorder, rng: Rng) -> None:
    _check_optimum(answer, "with two data", *_few_data(rng), NEAR)
    whole = {"mu0": 3, "tau0": 2, "alpha0": 2, "beta0": 3}
    _check_optimum(answer, "with whole numbers", rng.integers(4, 9, 3), whole)


def _cavi_round_off(answer: Recorder, rng: Rng) -> None:
    """With `rel_tol=0` the loop goes on until round-off is all that moves."""
    sets = [_like_the_lesson(rng, 100) for _ in range(30)]
    _check_optimum(answer, "on other data", sets[0], LESSON_PRIOR, NEAR)
    for x in sets:
        try:
            answer.call("cavi_gaussian_gamma", x, LESSON_PRIOR, max_iter=60, rel_tol=0.0)
        except Unanswered as error:
            if error.fault.kind != "raised":
                raise
            raise Mismatch(
                f"with `rel_tol=0`, {error.fault.message.rstrip('.')}. Near the optimum round-off "
                "moves the ELBO down by some 1e-14 of its size now and then: no reason to raise.",
                name="raises-on-round-off",
            ) from error


CAVI_PARTS = (
    Part("fixed point on 100 data", 1.5, _cavi_lesson),
    Part("ELBO: non-decreasing, and after the sweep", 1.5, _cavi_trace),
    Part("three starts", 1.0, _cavi_starts),
    Part("few data, whole numbers", 0.5, _cavi_few_data),
    Part("round-off is no error", 0.5, _cavi_round_off),
)

"""Checks of E3.5, coordinate ascent for a mixture: where it ends, its trace, its restarts.

Labels are arbitrary, so components are compared in the order of their means. Answers may stop by
their own rule and draw their own starts; `lesson03_named` finds out which mistake one has made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank.e3_mixture import Q
from autograder.checks.compare import Mismatch, array, close, require, show
from autograder.checks.lesson03_named import (
    NATS,
    TOLERANCE,
    at_rest,
    choice_mistake,
    elbo_of,
    fit,
    library,
    ordered,
    rest_mistake,
    run_mistake,
    seeded,
    trace_mistake,
    valued_by,
)
from autograder.checks.protocol import Part, Recorder
from vi_lib.cavi import cavi_gmm, gmm_restarts

Array = Any
Rng = np.random.Generator

MONOTONE = 1e-9


# Data


def four_clumps(rng: Rng) -> tuple[Array, Array, Array]:
    """Data in four clumps, and means from which three components merge the wrong, right two.

    The pair on the left is closer together, so that merging it is the better optimum; both are
    stable, and nothing else is.
    """
    centres = np.array([-5.3, -2.9, 2.4, 5.6]) + rng.uniform(-0.1, 0.1, 4)
    offsets = np.array([-0.8, -0.35, 0.0, 0.3, 0.85])
    clumps = [centre + offsets + rng.uniform(-0.08, 0.08, 5) for centre in centres]
    good = np.array([0.5 * (centres[0] + centres[1]), centres[2], centres[3]])
    bad = np.array([centres[0], centres[1], 0.5 * (centres[2] + centres[3])])
    return rng.permutation(np.concatenate(clumps)), good, bad


def two_overlapping(rng: Rng) -> tuple[Array, Array]:
    """A small component beside a large one, near enough to share data; and a start."""
    small = 2.6 + np.array([-0.7, 0.1, 0.6]) + rng.uniform(-0.1, 0.1, 3)
    large = np.linspace(-1.2, 1.1, 8) + rng.uniform(-0.1, 0.1, 8)
    return rng.permutation(np.concatenate([small, large])), np.array([3.0, 0.2])


def crowd(rng: Rng) -> tuple[Array, Array]:
    """Data for eight components, and the centres they lie around."""
    centres = np.array([-11.0, -8.5, -6.0, -3.5, -1.0, 2.0, 5.0, 8.5])
    centres = centres + rng.uniform(-0.4, 0.4, 8)
    return np.repeat(centres, 4) + rng.standard_normal(32), centres


def top_start(x: Array, centres: Array) -> tuple[Array, float]:
    """Means at an optimum that one run in four reaches, and its ELBO."""
    short = gmm_restarts(x, 8, 8.0, np.random.default_rng(1), 4, centres, max_iter=40)
    first = max(short, key=lambda run: run["elbo"][-1])["m"]
    run = cavi_gmm(x, 8, 8.0, np.random.default_rng(1), 1, first)
    return run["m"], run["elbo"][-1]


def poor_start(x: Array) -> tuple[Array, float]:
    """Means from which the ascent ends far below the best optimum, and the ELBO there.

    All lie among one half of the data: a run that leaves them aside hardly ends in the same place.
    Where the ascent creeps, a right answer may stop a little earlier than another: such starts are
    left out.
    """
    middle = np.median(x)
    for low, high in ((np.min(x), middle), (middle, np.max(x)), (np.min(x), np.max(x))):
        init = np.linspace(low, high, 8)
        soon, late = (
            cavi_gmm(x, 8, 8.0, np.random.default_rng(0), 1, init, rel_tol=tol)["elbo"][-1]
            for tol in (1e-8, 1e-14)
        )
        if late - soon < 0.1 * NATS:
            break
    return init, late


# Parts


def _from_a_start(answer: Recorder, rng: Rng) -> None:
    x, init = two_overlapping(rng)
    _at_the_fixed_point(answer, rng, x, 2, 1.5, init, "two components that overlap")
    x, _, bad = four_clumps(rng)
    _at_the_fixed_point(answer, rng, x, 3, 4.0, rng.permutation(bad), "three components")
    for _ in range(2):
        x, _ = crowd(rng)
        start, want = poor_start(x)
        q, trace = fit(answer, x, 8, 8.0, seeded(rng), 1, start)
        got = elbo_of(x, q, 8.0)
        if abs(got - want) > NATS:
            raise Mismatch(
                f"the ELBO of a single run from `init` with eight components: expected {want:.6g}, "
                f"got {got:.6g}.",
                name=rest_mistake(q, trace, x, 8, 8.0),
            )


def _at_the_fixed_point(
    answer: Recorder, rng: Rng, x: Array, K: int, prior_sd: float, init: Array, where: str
) -> None:
    q, trace = fit(answer, x, K, prior_sd, seeded(rng), 1, init)
    want = library(x, K, prior_sd, init)
    try:
        _compare(q, want, f"for {where}, from `init`")
    except Mismatch as error:
        error.name = run_mistake(q, trace, want, x, prior_sd, init)
        raise


def _compare(q: Q, want: Q, where: str) -> None:
    for got, expected, name in zip(ordered(q), ordered(want), ("m", "s2", "resp"), strict=True):
        close(got, expected, f"`{name}` {where}", rtol=TOLERANCE, atol=TOLERANCE)


def _trace(answer: Recorder, rng: Rng) -> None:
    x, good, _ = four_clumps(rng)
    _never_falls(answer, x, 3, 4.0, seeded(rng), 1, good + 0.8)
    x, init = two_overlapping(rng)
    _never_falls(answer, x, 2, 1.5, seeded(rng), 1, init)
    for _ in range(2):
        _never_falls(answer, crowd(rng)[0], 8, 8.0, seeded(rng), 6)


def _never_falls(answer: Recorder, *arguments: Any) -> None:
    x, K, prior_sd, _, num_restarts = arguments[:5]
    q, found = fit(answer, *arguments)
    trace = array(found, "`elbo`")
    want = elbo_of(x, q, prior_sd)
    if trace.ndim != 1 or trace.size < 2:
        raise Mismatch(
            f"`elbo`: expected one value for each sweep, got {show(trace)}.",
            name="last-value-for-the-trace" if at_rest(x, K, prior_sd, q) else None,
        )
    require(bool(np.isfinite(trace).all()), f"`elbo`: expected finite values, got {show(trace)}.")
    try:
        _rises_to(trace, want)
    except Mismatch as error:
        error.name = valued_by(trace, q, x, prior_sd) or error.name
        if num_restarts > 1 and error.name is None:
            error.name = trace_mistake(answer, x, K, prior_sd, trace)
        raise


def _rises_to(trace: Array, want: float) -> None:
    slack = MONOTONE if trace.dtype != np.float32 else 1e-6
    what = "the last value of `elbo`, the ELBO at the parameters returned"
    close(trace[-1], want, what, rtol=1e-6)
    falls = np.flatnonzero(np.diff(trace) < -slack * np.abs(trace[:-1]))
    if falls.size:
        before, after = trace[falls[0]], trace[falls[0] + 1]
        raise Mismatch(
            f"`elbo` falls from {before:.9g} to {after:.9g} at place {falls[0] + 1}: coordinate "
            "ascent never lowers the ELBO."
        )


def _keeps_the_best(answer: Recorder, rng: Rng) -> None:
    """Never worse than the run from `init`: that starts at an optimum others seldom find."""
    for _ in range(4):
        x, centres = crowd(rng)
        start, reached = top_start(x, centres)
        q, _ = fit(answer, x, 8, 8.0, seeded(rng), 3, start)
        own = elbo_of(x, q, 8.0)
        if own < reached - NATS:
            raise Mismatch(
                f"the ELBO of the result: expected at least {reached:.6g}, which the run from "
                f"`init` reaches, got {own:.6g}.",
                name=_not_kept(answer, rng, x, start, reached, q),
            )


def _not_kept(
    answer: Recorder, rng: Rng, x: Array, start: Array, reached: float, kept: Q
) -> str | None:
    """Whether the run from `init` was made and not kept; alone it does not depend on `rng`."""
    if not at_rest(x, 8, 8.0, kept):
        return None
    one, two = (fit(answer, x, 8, 8.0, seeded(rng), 1, start)[0] for _ in range(2))
    if not np.allclose(one.m, two.m):
        return "init-ignored"
    return "not-the-best-run" if elbo_of(x, one, 8.0) >= reached - NATS else None


def _restarts(answer: Recorder, rng: Rng) -> None:
    """Forty runs, the first from a poor optimum or not: the better one must be found.

    Single runs find it half of the time, whether they start near data, far apart or from the prior;
    all forty miss it once in 1e7 times for a scheme that finds it in a third of the runs.
    """
    for with_init in (True, False):
        x, good, bad = four_clumps(rng)
        best = cavi_gmm(x, 3, 4.0, rng, 1, good)["elbo"][-1]
        poor = cavi_gmm(x, 3, 4.0, rng, 1, bad)["elbo"][-1]
        q, _ = fit(answer, x, 3, 4.0, seeded(rng), 40, *([bad] if with_init else []))
        got = elbo_of(x, q, 4.0)
        if got < best - NATS:
            name = choice_mistake(answer, rng, x, 3, 4.0, good, best)
            if name == "restarts-from-the-same-place" and not (with_init and got < poor + NATS):
                name = None
            raise Mismatch(
                f"the best ELBO of 40 runs: expected {best:.6g}, got {got:.6g}.", name=name
            )


def _odd_inputs(answer: Recorder, rng: Rng) -> None:
    """A component that no datum comes near, whose prior brings it back; few and whole numbers."""
    x, _ = two_overlapping(rng)
    far = np.array([0.0, 80.0])
    q, trace = fit(answer, x, 2, 1.5, seeded(rng), 1, far)
    where = f"from init = {show(far)}, one component without data at first,"
    values = array(trace, "`elbo`")
    if not np.isfinite(values).all():
        message = f"`elbo` {where} expected finite values, got {show(values)}."
        raise Mismatch(message, got=values, name="zero-log-zero")
    _compare(q, library(x, 2, 1.5, far), where)
    whole = rng.permutation([-6, -5, -5, 2, 3, 5])
    q, _ = fit(answer, whole, 2, 3, seeded(rng), 1, np.array([-4, 4]))
    want = library(whole, 2, 3, np.array([-4, 4]))
    try:
        _compare(q, want, "for whole numbers")
    except Mismatch as error:
        if np.array_equal(q.m, np.round(q.m)):
            error.name = "whole-numbers-truncated"
        raise
    x = rng.uniform(1.0, 2.0, 1)
    q, _ = fit(answer, x, 1, 2.0, seeded(rng), 2)
    _compare(q, Q(x * 0.8, np.array([0.8]), np.ones((1, 1))), "for a single datum")


MIXTURE_PARTS = (
    Part("from a given start", 1.5, _from_a_start),
    Part("ELBO: non-decreasing, with every term", 1.5, _trace),
    Part("keeps the best run", 1.0, _keeps_the_best),
    Part("restarts find the better optimum", 1.5, _restarts, false_alarm=1e-6),
    Part("empty component, whole numbers, one datum", 0.5, _odd_inputs),
)

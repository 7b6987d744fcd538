"""Checks of E3.5, coordinate ascent for a mixture: where it ends, its trace, its restarts.

Labels are arbitrary, so components are compared in the order of their means. Answers may stop by
their own rule and draw their own starts; a mistake is then recognised by where it leads: each wrong
update has its own fixed point, each wrong ELBO its own value at the parameters returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e3_5
from autograder.checks.bank.e3_mixture import Model, Q, cavi
from autograder.checks.compare import Mismatch, array, close, entry, require, show
from autograder.checks.protocol import Part, Recorder
from autograder.checks.values import generator
from vi_lib.cavi import cavi_gmm, elbo_gmm, gmm_restarts

Array = Any
Rng = np.random.Generator

TOLERANCE = 2e-3
"""Of the parameters: the ELBO is flat at its top, so they are known to the root of its error."""
NATS = 1e-3
"""An optimum counts as reached this far below it; the next lower one is at least half a nat off."""
MONOTONE = 1e-9


def _seed(rng: Rng) -> Any:
    return generator(int(rng.integers(2**31)))


def _fit(answer: Recorder, *arguments: Any) -> tuple[Q, Any]:
    """The parameters, as they came but for their shapes, and the trace, unchecked."""
    x, K = arguments[0], arguments[1]
    found = answer.call("cavi_gmm", *arguments)
    shapes = {"m": (K,), "s2": (K,), "resp": (len(x), K)}
    values = []
    for key, shape in shapes.items():
        value = array(entry(found, key, "`cavi_gmm`"), f"`{key}`").astype(float)
        if value.shape != shape:
            name = {
                (K, len(x)): "responsibilities-transposed",
                (len(x),): "labels-for-responsibilities",
            }.get(value.shape if key == "resp" else ())
            raise Mismatch(f"`{key}`: expected shape {shape}, got {value.shape}.", name=name)
        if not np.isfinite(value).all():
            raise Mismatch(f"`{key}`: expected finite values, got {show(value)}.", got=value)
        values.append(value)
    return Q(*values), entry(found, "elbo", "`cavi_gmm`")


def _sorted(q: Q) -> Q:
    order = np.argsort(q.m, kind="stable")
    return Q(q.m[order], q.s2[order], q.resp[:, order])


def _library(result: dict[str, Any]) -> Q:
    return Q(result["m"], result["s2"], result["resp"])


def _elbo(x: Array, q: Q, prior_sd: float) -> float:
    """The ELBO at the returned parameters, whatever the answer says it is."""
    sums = q.resp.sum(axis=1, keepdims=True)
    probabilities = bool(np.all(q.resp >= 0) and np.allclose(sums, 1.0, atol=1e-6))
    require(probabilities, f"`resp`: expected rows that sum to 1, got {show(q.resp[0])}.")
    require(bool(np.all(q.s2 > 0)), f"`s2`: expected positive variances, got {show(q.s2)}.")
    return elbo_gmm(x, q.m, q.s2, q.resp / sums, prior_sd)


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


def crowd(rng: Rng) -> Array:
    """Data for eight components: one run in six ends where the best of ten does."""
    centres = np.array([-11.0, -8.5, -6.0, -3.5, -1.0, 2.0, 5.0, 8.5])
    return np.repeat(centres + rng.uniform(-0.4, 0.4, 8), 4) + rng.standard_normal(32)


# Parts


def _from_a_start(answer: Recorder, rng: Rng) -> None:
    x, init = two_overlapping(rng)
    _at_the_fixed_point(answer, rng, x, 2, 1.5, init, "two components that overlap")
    x, _, bad = four_clumps(rng)
    _at_the_fixed_point(answer, rng, x, 3, 4.0, rng.permutation(bad), "three components")


def _at_the_fixed_point(
    answer: Recorder, rng: Rng, x: Array, K: int, prior_sd: float, init: Array, where: str
) -> None:
    q, trace = _fit(answer, x, K, prior_sd, _seed(rng), 1, init)
    want = _library(cavi_gmm(x, K, prior_sd, rng, 1, init, rel_tol=1e-14))
    try:
        _compare(q, want, f"for {where}, from `init`")
    except Mismatch as error:
        error.name = (
            _led_by(q, x, K, prior_sd, init)
            or _made_by(q, x, prior_sd)
            or _valued_by(trace, q, x, prior_sd)
            or _otherwise(q, want, x, prior_sd)
        )
        raise


def _compare(q: Q, want: Q, where: str) -> None:
    for got, expected, name in zip(_sorted(q), _sorted(want), ("m", "s2", "resp"), strict=True):
        close(got, expected, f"`{name}` {where}", rtol=TOLERANCE, atol=TOLERANCE)


def _led_by(q: Q, x: Array, K: int, prior_sd: float, init: Array) -> str | None:
    """The wrong update of the bank that leads from `init` to these parameters."""
    for name, ways in e3_5.UPDATES.items():
        for way in ways:
            with np.errstate(all="ignore"):
                run = cavi(**way)["cavi_gmm"](x, K, prior_sd, np.random.default_rng(0), 1, init)
            end = Q(run["m"], run["s2"], run["resp"])
            if all(
                np.allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE)
                for ours, theirs in zip(_sorted(end), _sorted(q), strict=True)
            ):
                return name
    return None


def _made_by(q: Q, x: Array, prior_sd: float) -> str | None:
    """The wrong update of the means that made m and s2 of these responsibilities."""
    model = Model(np.asarray(x, float), len(q.m), prior_sd)
    for name, ways in e3_5.UPDATES.items():
        for means in (way["means"] for way in ways if "means" in way):
            with np.errstate(all="ignore"):
                if np.allclose(means(model, q), (q.m, q.s2), rtol=1e-6):
                    return name
    return None


def _valued_by(trace: Any, q: Q, x: Array, prior_sd: float) -> str | None:
    """The wrong ELBO that ends the trace: it may also have ended the ascent before its time."""
    try:
        last = array(trace, "`elbo`").astype(float).ravel()[-1]
    except (Mismatch, IndexError):
        return None
    model = Model(np.asarray(x, float), len(q.m), prior_sd)
    with np.errstate(all="ignore"):
        for name, bounds in e3_5.BOUNDS.items():
            if any(abs(bound(model, q) - last) <= 1e-5 * abs(last) for bound in bounds):
                return name
    return None


def _otherwise(q: Q, want: Q, x: Array, prior_sd: float) -> str | None:
    """Symptoms of mistakes that are not in the updates."""
    if np.allclose(np.sort(q.m), np.sort(want.m), atol=TOLERANCE):
        moved = np.allclose(np.sort(q.s2), np.sort(want.s2), atol=TOLERANCE)
        if moved and np.all(np.diff(q.m) > 0) and len(q.m) > 1:
            return "sorted-means-alone"
    try:
        gap = _elbo(x, want, prior_sd) - _elbo(x, q, prior_sd)
    except Mismatch:
        return None
    again = cavi_gmm(x, len(q.m), prior_sd, np.random.default_rng(0), 1, q.m, rel_tol=1e-14)
    near = np.allclose(np.sort(again["m"]), np.sort(want.m), atol=TOLERANCE)
    if near and gap > 0:
        return "stops-too-early"
    rests = np.allclose(np.sort(again["m"]), np.sort(q.m), atol=TOLERANCE)
    return "init-ignored" if rests else None


def _trace(answer: Recorder, rng: Rng) -> None:
    x, good, _ = four_clumps(rng)
    _rising(answer, x, 3, 4.0, _seed(rng), 1, good + 0.8)
    x, init = two_overlapping(rng)
    _rising(answer, x, 2, 1.5, _seed(rng), 1, init)
    try:
        _rising(answer, crowd(rng), 4, 6.0, _seed(rng), 3)
    except Mismatch as error:
        if "falls" in error.message:  # alone it rose: the runs must have been put together
            error.name = "traces-joined"
        raise


def _rising(answer: Recorder, *arguments: Any) -> None:
    q, found = _fit(answer, *arguments)
    x, _, prior_sd = arguments[:3]
    trace = array(found, "`elbo`")
    slack = MONOTONE if trace.dtype != np.float32 else 1e-6
    what = "the last value of `elbo`"
    want = _elbo(x, q, prior_sd)
    if trace.ndim != 1 or trace.size < 2:
        raise Mismatch(
            f"`elbo`: expected one value for each sweep, got {show(trace)}.",
            name="last-value-for-the-trace" if trace.size == 1 else None,
        )
    require(bool(np.isfinite(trace).all()), f"`elbo`: expected finite values, got {show(trace)}.")
    try:
        close(trace[-1], want, f"{what}, the ELBO at the parameters returned", rtol=1e-6)
    except Mismatch as error:
        error.name = _valued_by(trace, q, x, prior_sd) or error.name
        raise
    falls = np.flatnonzero(np.diff(trace) < -slack * np.abs(trace[:-1]))
    if falls.size:
        before, after = trace[falls[0]], trace[falls[0] + 1]
        raise Mismatch(
            f"`elbo` falls from {before:.9g} to {after:.9g} at place {falls[0] + 1}: coordinate "
            "ascent never lowers the ELBO.",
            got=trace,
        )


def _keeps_the_best(answer: Recorder, rng: Rng) -> None:
    """Never worse than the run from `init`: that starts at an optimum others hardly find."""
    for _ in range(3):
        x = crowd(rng)
        runs = gmm_restarts(x, 8, 8.0, np.random.default_rng(1), 10)
        start = max(runs, key=lambda run: run["elbo"][-1])
        q, _ = _fit(answer, x, 8, 8.0, _seed(rng), 3, start["m"])
        reached, own = start["elbo"][-1], _elbo(x, q, 8.0)
        if own < reached - NATS:
            raise Mismatch(
                f"the ELBO of the result: expected at least {reached:.6g}, which the run from "
                f"`init` reaches, got {own:.6g}.",
                name="not-the-best-run",
            )


def _restarts(answer: Recorder, rng: Rng) -> None:
    """Forty runs, the first from a poor optimum or not: the better one must be found.

    Single runs find it half of the time, whether they start near data, far apart or from the prior;
    all forty miss it once in 1e7 times for a scheme that finds it in a third of the runs.
    """
    for with_init in (True, False):
        x, good, bad = four_clumps(rng)
        best = cavi_gmm(x, 3, 4.0, rng, 1, good)["elbo"][-1]
        poor = cavi_gmm(x, 3, 4.0, rng, 1, bad)["elbo"][-1]
        q, _ = _fit(answer, x, 3, 4.0, _seed(rng), 40, *([bad] if with_init else []))
        got = _elbo(x, q, 4.0)
        if got < best - NATS:
            at_the_start = with_init and abs(got - poor) < NATS
            raise Mismatch(
                f"the best ELBO of 40 runs: expected {best:.6g}, got {got:.6g}.",
                name="restarts-from-the-same-place" if at_the_start else None,
            )


def _odd_inputs(answer: Recorder, rng: Rng) -> None:
    """A component that no datum comes near, whose prior brings it back; few and whole numbers."""
    x, _ = two_overlapping(rng)
    far = np.array([0.0, 80.0])
    q, _ = _fit(answer, x, 2, 1.5, _seed(rng), 1, far)
    want = _library(cavi_gmm(x, 2, 1.5, rng, 1, far, rel_tol=1e-14))
    _compare(q, want, f"from init = {show(far)}, one component without data at first,")
    whole = rng.permutation([-6, -5, -5, 2, 3, 5])
    q, _ = _fit(answer, whole, 2, 3, _seed(rng), 1, np.array([-4, 4]))
    want = _library(cavi_gmm(whole, 2, 3, rng, 1, np.array([-4, 4]), rel_tol=1e-14))
    try:
        _compare(q, want, "for whole numbers")
    except Mismatch as error:
        if np.array_equal(q.m, np.round(q.m)):
            error.name = "whole-numbers-truncated"
        raise
    x = rng.uniform(1.0, 2.0, 1)
    q, _ = _fit(answer, x, 1, 2.0, _seed(rng), 2)
    _compare(q, Q(x * 0.8, np.array([0.8]), np.ones((1, 1))), "for a single datum")


MIXTURE_PARTS = (
    Part("from a given start", 1.5, _from_a_start),
    Part("ELBO: non-decreasing, with every term", 1.5, _trace),
    Part("keeps the best run", 1.0, _keeps_the_best),
    Part("restarts find the better optimum", 1.5, _restarts, false_alarm=1e-6),
    Part("empty component, whole numbers, one datum", 0.5, _odd_inputs),
)

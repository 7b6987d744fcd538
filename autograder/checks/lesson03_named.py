"""Which mistake of E3.5 was it? The updates, bounds and symptoms that explain where a run ended.

Answers choose their own starts and stopping rules, so nothing is replayed. Each wrong update has
its own fixed point, each wrong ELBO its own value at the parameters returned; what is left is told
by a few further calls. A name is given only where its hint is true of the answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e3_5
from autograder.checks.bank.e3_mixture import (
    RIGHT_BOUND,
    Model,
    Q,
    cavi,
    exponent,
    shrunk,
    softmax,
)
from autograder.checks.compare import Mismatch, array, entry, require, show
from autograder.checks.protocol import Recorder
from autograder.checks.values import generator
from vi_lib.cavi import cavi_gmm, elbo_gmm

Array = Any
Rng = np.random.Generator

TOLERANCE = 2e-3
"""Of the parameters: the ELBO is flat at its top, so they are known to the root of its error."""
NATS = 1e-3
"""An optimum counts as reached this far below it; the next lower one is at least half a nat off."""
RISING = 1e-8
"""A run whose last sweep gained more than this part of its ELBO has not come to rest."""


# Calls


def fit(answer: Recorder, *arguments: Any) -> tuple[Q, Any]:
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


def seeded(rng: Rng) -> Any:
    """A generator for the answer, built where it lives."""
    return generator(int(rng.integers(2**31)))


def ordered(q: Q) -> Q:
    """The components in the order of their means."""
    order = np.argsort(q.m, kind="stable")
    return Q(q.m[order], q.s2[order], q.resp[:, order])


def library(x: Array, K: int, prior_sd: float, init: Array) -> Q:
    """Where the ascent from `init` comes to rest."""
    found = cavi_gmm(x, K, prior_sd, np.random.default_rng(0), 1, init, rel_tol=1e-14)
    return Q(found["m"], found["s2"], found["resp"])


def elbo_of(x: Array, q: Q, prior_sd: float) -> float:
    """The ELBO at the returned parameters, whatever the answer says it is."""
    sums = q.resp.sum(axis=1, keepdims=True)
    probabilities = bool(np.all(q.resp >= 0) and np.allclose(sums, 1.0, atol=1e-6))
    require(probabilities, f"`resp`: expected rows that sum to 1, got {show(q.resp[0])}.")
    require(bool(np.all(q.s2 > 0)), f"`s2`: expected positive variances, got {show(q.s2)}.")
    return elbo_gmm(x, q.m, q.s2, q.resp / sums, prior_sd)


# Names


def run_mistake(q: Q, trace: Any, want: Q, x: Array, prior_sd: float, init: Array) -> str | None:
    """What led a single run from `init` to q instead of `want`."""
    model = Model(np.asarray(x, float), len(q.m), prior_sd)
    return (
        _led_by(model, q, init)
        or _made_by(model, q)
        or _shared_by(model, q)
        or valued_by(trace, q, x, prior_sd)
        or _otherwise(model, q, trace, want)
    )


def _led_by(model: Model, q: Q, init: Array) -> str | None:
    """The wrong update of the bank that leads from `init` to these parameters."""
    for name, ways in e3_5.UPDATES.items():
        for way in ways:
            ascent = cavi(**{"most": 500, **way})["cavi_gmm"]  # some never come to rest
            with np.errstate(all="ignore"):
                run = ascent(*model, np.random.default_rng(0), 1, init)
            if _equal(Q(run["m"], run["s2"], run["resp"]), q):
                return name
    return None


def _equal(one: Q, other: Q) -> bool:
    return all(
        np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)
        for a, b in zip(ordered(one), ordered(other), strict=True)
    )


def _made_by(model: Model, q: Q) -> str | None:
    """The wrong update of the means that made m and s2 of these responsibilities."""
    for name, ways in e3_5.UPDATES.items():
        for means in (way["means"] for way in ways if "means" in way):
            with np.errstate(all="ignore"):
                if np.allclose(means(model, q), (q.m, q.s2), rtol=1e-6):
                    return name
    return None


def _shared_by(model: Model, q: Q) -> str | None:
    """The wrong exponents that give these responsibilities at rest, where the right ones do not."""
    if np.allclose(softmax(exponent(model, q)), q.resp, atol=1e-2):
        return None
    for name, ways in e3_5.UPDATES.items():
        for exponents in (way["exponents"] for way in ways if "exponents" in way):
            with np.errstate(all="ignore"):
                if np.allclose(softmax(exponents(model, q)), q.resp, atol=1e-4):
                    return name
    return None


def valued_by(trace: Any, q: Q, x: Array, prior_sd: float) -> str | None:
    """The wrong ELBO that ends the trace: it may also have ended the ascent before its time."""
    try:
        last = array(trace, "`elbo`").astype(float).ravel()[-1]
    except (Mismatch, IndexError):
        return None
    model = Model(np.asarray(x, float), len(q.m), prior_sd)
    with np.errstate(all="ignore"):
        if abs(RIGHT_BOUND(model, q) - last) <= 1e-6 * abs(last):
            return None  # of hard assignments, say, some wrong bounds are right
        for name, bounds in e3_5.BOUNDS.items():
            if any(abs(bound(model, q) - last) <= 1e-5 * abs(last) for bound in bounds):
                return name
    return None


def _otherwise(model: Model, q: Q, trace: Any, want: Q) -> str | None:
    """Symptoms of mistakes that are not in the updates."""
    if np.allclose(np.sort(q.m), np.sort(want.m), atol=TOLERANCE):
        moved = np.allclose(np.sort(q.s2), np.sort(want.s2), atol=TOLERANCE)
        if moved and np.all(np.diff(q.m) > 0) and len(q.m) > 1:
            return "sorted-means-alone"
    return rest_mistake(q, trace, *model)


def rest_mistake(q: Q, trace: Any, x: Array, K: int, prior_sd: float) -> str | None:
    """Whether a run has come to rest elsewhere than it should, or not at all."""
    if at_rest(x, K, prior_sd, q):
        return "init-ignored"
    right = _right_updates(Model(x, K, prior_sd), q)
    return "stops-too-early" if right and _rising(trace) else None


def at_rest(x: Array, K: int, prior_sd: float, q: Q) -> bool:
    """Whether the right updates would leave q where it is."""
    return _equal(library(x, K, prior_sd, q.m), q)


def _right_updates(model: Model, q: Q) -> bool:
    """Whether the last update, of one or the other factor, was the right one."""
    return np.allclose(shrunk(model, q), (q.m, q.s2), rtol=1e-6) or np.allclose(
        softmax(exponent(model, q)), q.resp, atol=1e-8
    )


def _rising(trace: Any) -> bool:
    try:
        values = array(trace, "`elbo`").astype(float).ravel()
    except Mismatch:
        return False
    return values.size > 1 and bool(values[-1] - values[-2] > RISING * abs(values[-1]))


def trace_mistake(answer: Recorder, x: Array, K: int, prior_sd: float, trace: Array) -> str | None:
    """Why the trace of several runs is wrong, if that of a single run is right."""
    for seed in range(2):
        q, alone = fit(answer, x, K, prior_sd, generator(seed), 1)
        values = array(alone, "`elbo`").astype(float).ravel()
        right = values.size and np.isclose(values[-1], elbo_of(x, q, prior_sd), rtol=1e-6)
        if not right or _falls(values) or not at_rest(x, K, prior_sd, q):
            return None
    return "traces-joined" if _falls(trace) else "trace-of-another-run"


def _falls(trace: Array) -> bool:
    return bool(np.any(np.diff(trace) < -1e-6 * np.abs(trace[:-1])))


def choice_mistake(
    answer: Recorder, rng: Rng, x: Array, K: int, prior_sd: float, top: Array, best: float
) -> str | None:
    """Why several runs end below `best`, which a run from `top` reaches.

    What is left, if it is none of the others, is that all runs start from the same place.
    """
    one, two = (fit(answer, x, K, prior_sd, seeded(rng), 1)[0] for _ in range(2))
    if at_rest(x, K, prior_sd, one):
        if np.allclose(one.m, one.m[0]):
            return "equal-starts"
        if np.array_equal(one.m, two.m):
            return "starts-without-rng"
    alone, _ = fit(answer, x, K, prior_sd, seeded(rng), 1, top)
    if elbo_of(x, alone, prior_sd) < best - NATS:
        return "init-ignored" if at_rest(x, K, prior_sd, alone) else None
    for _ in range(8):
        q, _ = fit(answer, x, K, prior_sd, seeded(rng), 3, top)
        if elbo_of(x, q, prior_sd) < best - NATS:
            return "not-the-best-run" if at_rest(x, K, prior_sd, q) else None
    return "restarts-from-the-same-place"

"""Typical answers to E3.5, `cavi_gmm(x, K, prior_sd, rng, num_restarts, init=None) -> dict`.

Answers stop by rules of their own and draw other starts, so a mistake is not recognised by
replaying calls but by where it leads: each wrong update has its own fixed point, each wrong ELBO
its own value at the parameters returned. `UPDATES` and `BOUNDS` hold them for the check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checks.bank.e3_5_slips import BOUND_SLIPS, BOUNDS, UPDATE_SLIPS, UPDATES
from autograder.checks.bank.e3_mixture import (
    Model,
    Q,
    best,
    bound,
    cavi,
    exponent,
    near_data,
    shrunk,
    softmax,
)
from autograder.checks.protocol import Right, Wrong

Array = Any
Rng = np.random.Generator


def last(runs: Sequence[Any]) -> Any:
    return runs[-1]


def joined(q: Q, trace: Any, runs: Sequence[Any]) -> dict[str, Any]:
    return {**q._asdict(), "elbo": np.concatenate([trace for _, trace in runs])}


def last_value(q: Q, trace: Any, runs: Sequence[Any]) -> dict[str, Any]:
    return {**q._asdict(), "elbo": trace[-1]}


def sorted_means(q: Q, trace: Any, runs: Sequence[Any]) -> dict[str, Any]:
    return {**q._asdict(), "m": np.sort(q.m), "elbo": trace}


def transposed(q: Q, trace: Any, runs: Sequence[Any]) -> dict[str, Any]:
    return {**q._asdict(), "resp": q.resp.T, "elbo": trace}


def labels(q: Q, trace: Any, runs: Sequence[Any]) -> dict[str, Any]:
    return {**q._asdict(), "resp": q.resp.argmax(axis=1), "elbo": trace}


def plain_entropy(model: Model, q: Q) -> float:
    return -float(np.sum(q.resp * np.log(q.resp)))


def own_type(start: Array) -> Any:
    return start.dtype


def best_of_the_traces_alone(q: Q, trace: Any, runs: Sequence[Any]) -> dict[str, Any]:
    """The parameters of the last run beside the trace of the best."""
    return {**runs[-1][0]._asdict(), "elbo": trace}


def last_of_the_traces(q: Q, trace: Any, runs: Sequence[Any]) -> dict[str, Any]:
    return {**q._asdict(), "elbo": runs[-1][1]}


def from_the_smaller_half(model: Model, rng: Rng) -> Array:
    return np.linspace(np.min(model.x), np.median(model.x), model.K)


WRONG = (
    *(
        Wrong(
            slip.name,
            cavi(**slip.ways[0]),
            slip.hint,
            also=tuple(cavi(**way) for way in slip.ways[1:]),
        )
        for slip in (*UPDATE_SLIPS, *BOUND_SLIPS)
    ),
    Wrong(
        "stops-too-early",
        cavi(tolerance=1e-4),
        "You stop while the ELBO still rises. It may creep for many sweeps before it finds its "
        "way: stop when a sweep gains less than about 1e-10 of its size.",
        also=(cavi(by_means=0.03, tolerance=0.0), cavi(most=4)),
    ),
    Wrong(
        "not-the-best-run",
        cavi(choose=last),
        "The run from `init` alone reaches a higher ELBO than what you return. Which run do you "
        "keep: the best, the last, or the worst?",
        also=(
            cavi(choose=lambda runs: min(runs, key=lambda run: run[1][-1])),
            cavi(use_init="first", choose=lambda runs: runs[len(runs) // 2]),
        ),
    ),
    Wrong(
        "init-ignored",
        cavi(use_init="never"),
        "With `init` given and num_restarts = 1 there is a single run, from these component means. "
        "Yours ends elsewhere.",
    ),
    Wrong(
        "restarts-from-the-same-place",
        cavi(use_init="all"),
        "However many runs you are asked for, what you return is the run from `init`. Do the "
        "others start from places of their own, and do you compare their ELBO with it?",
        also=(cavi(count=lambda n: 1), cavi(choose=lambda runs: runs[0])),
    ),
    Wrong(
        "equal-starts",
        cavi(starts=lambda model, rng: np.full(model.K, np.mean(model.x))),
        "Without `init` all your means end at the same value. They began there, and components "
        "that are equal get equal updates for ever: draw a different start for each.",
        also=(cavi(starts=lambda model, rng: np.zeros(model.K)),),
    ),
    Wrong(
        "starts-without-rng",
        cavi(starts=lambda model, rng: np.sort(model.x)[: model.K]),
        "Whatever `rng` gives, your runs without `init` end in the very same place: a restart that "
        "repeats the first run finds nothing new. Draw each start from `rng`, the one given.",
        also=(cavi(starts=from_the_smaller_half),),
    ),
    Wrong(
        "zero-log-zero",
        cavi(elbo=bound(entropy_c=plain_entropy)),
        "A responsibility may underflow to exactly 0, and 0 · log 0 is NaN in floating point; here "
        "it has to count as 0. Once the ELBO is NaN, no comparison with it is true.",
        also=(cavi(elbo=bound(entropy_c=plain_entropy), heedless=True),),
    ),
    Wrong(
        "traces-joined",
        cavi(finish=joined),
        "`elbo` falls where one run ends and the next begins. Return the trace of the best run "
        "alone.",
    ),
    Wrong(
        "trace-of-another-run",
        cavi(finish=last_of_the_traces),
        "With several runs the last value of `elbo` is not the ELBO of the parameters that you "
        "return. Do both come from the same run?",
        also=(cavi(finish=best_of_the_traces_alone),),
    ),
    Wrong(
        "last-value-for-the-trace",
        cavi(finish=last_value),
        "`elbo` is the trace of the best run, one value for each sweep, so that one can see "
        "whether it rose. You return its last value.",
    ),
    Wrong(
        "sorted-means-alone",
        cavi(finish=sorted_means),
        "You sort the means and leave `s2` and `resp` in the old order, so they belong to other "
        "components. Sort all three by the same `np.argsort`, or none.",
    ),
    Wrong(
        "responsibilities-transposed",
        cavi(finish=transposed),
        "`resp` has a row for each observation and a column for each component.",
    ),
    Wrong(
        "labels-for-responsibilities",
        cavi(finish=labels),
        "`resp` holds the probabilities (N, K) and not the labels: who needs labels can take their "
        "argmax.",
    ),
    Wrong(
        "whole-numbers-truncated",
        cavi(kind=own_type),
        "If `init` holds whole numbers, so does a copy of it, and what you write into it is cut "
        "off. Ask for dtype float.",
    ),
)


# Right


def from_the_prior(model: Model, rng: Rng) -> Array:
    return np.sort(model.prior_sd * rng.standard_normal(model.K))


def spread_out(model: Model, rng: Rng) -> Array:
    """K-means++: the next start is drawn in proportion to the squared distance."""
    chosen = [float(rng.choice(model.x))]
    for _ in range(model.K - 1):
        gaps = np.min((model.x[:, None] - np.array(chosen)) ** 2, axis=1) + 1e-9
        chosen.append(float(rng.choice(model.x, p=gaps / gaps.sum())))
    return np.array(chosen) + 1e-3 * rng.standard_normal(model.K)


def relabelled(q: Q, trace: Any, runs: Sequence[Any]) -> dict[str, Any]:
    order = np.argsort(q.m)[::-1]
    return {"elbo": list(trace), "m": q.m[order], "resp": q.resp[:, order], "s2": q.s2[order]}


def means_first(
    x: Array, K: int, prior_sd: float, rng: Rng, num_restarts: int, init: Array | None = None
) -> dict[str, Any]:
    """Random responsibilities; a value of the trace after each factor, fresh responsibilities."""
    model, runs = Model(np.asarray(x, float), K, prior_sd), []
    for number in range(num_restarts):
        q = Q(np.zeros(K), np.ones(K), rng.dirichlet(np.full(K, 0.1), len(model.x)))
        if init is not None and number == 0:
            q = q._replace(m=np.array(init, float))
            q = q._replace(resp=softmax(exponent(model, q)))
        trace: list[float] = []
        while len(trace) < 4 or trace[-1] - trace[-3] > 1e-11 * abs(trace[-1]):
            m, s2 = shrunk(model, q)
            q = q._replace(m=m, s2=s2)
            trace.append(bound()(model, q))
            q = q._replace(resp=softmax(exponent(model, q)))
            trace.append(bound()(model, q))
        runs.append((q, trace))
    q, trace = best(runs)
    return {**q._asdict(), "elbo": trace}


def number_by_number(
    x: Array, K: int, prior_sd: float, rng: Rng, num_restarts: int, init: Array | None = None
) -> dict[str, Any]:
    """Component by component, with the ELBO from the library-free terms."""
    model = Model(np.asarray(x, float), K, prior_sd)
    found: Any = None
    for number in range(num_restarts):
        m = near_data(model, rng) if init is None or number else np.array(init, float)
        s2, trace = np.ones(K), []
        resp = np.zeros((len(model.x), K))
        for _ in range(2000):
            for i, value in enumerate(model.x):
                logits = [-((value - m[k]) ** 2 + s2[k]) / 2 for k in range(K)]
                top = max(logits)
                weights = [np.exp(a - top) for a in logits]
                resp[i] = np.array(weights) / sum(weights)
            for k in range(K):
                s2[k] = 1.0 / (model.prior_prec + resp[:, k].sum())
                m[k] = s2[k] * (resp[:, k] @ model.x)
            trace.append(bound()(model, Q(m, s2, resp)))
            if len(trace) > 1 and trace[-1] - trace[-2] < 1e-9:
                break
        if found is None or trace[-1] > found["elbo"][-1]:
            found = {"m": m.copy(), "s2": s2.copy(), "resp": resp.copy(), "elbo": trace}
    return found


RIGHT: tuple[Right, ...] = (
    Right(
        "starts from the prior, sorted downwards", cavi(starts=from_the_prior, finish=relabelled)
    ),
    Right("starts near data", cavi()),
    Right("starts far apart", cavi(starts=spread_out)),
    Right("means first, random responsibilities", {"cavi_gmm": means_first}),
    Right("loops", {"cavi_gmm": number_by_number}),
)

__all__ = ["BOUNDS", "RIGHT", "UPDATES", "WRONG"]

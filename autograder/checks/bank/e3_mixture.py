"""The loop of E3.5, with the places where answers differ as arguments, and the terms of its ELBO.

Written for the bank alone, without a function of the library: it also tests the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograder.checks.protocol import Implementation

Array = Any
Rng = np.random.Generator
LOG_2PI = float(np.log(2.0 * np.pi))


class Model(NamedTuple):
    """The data (N,) as floats, the number of components and the prior sd of their means."""

    x: Array
    K: int
    prior_sd: float

    @property
    def prior_prec(self) -> float:
        """1 / prior_sd^2."""
        return float(self.prior_sd) ** -2.0


class Q(NamedTuple):
    """The parameters of q: m and s2 (K,), resp (N, K)."""

    m: Array
    s2: Array
    resp: Array

    @property
    def counts(self) -> Array:
        """The expected numbers of observations (K,)."""
        return self.resp.sum(axis=0)


Exponent = Callable[[Model, Q], Array]
Means = Callable[[Model, Q], tuple[Array, Array]]
Bound = Callable[[Model, Q], float]


def softmax(a: Array) -> Array:
    weights = np.exp(a - a.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def exponent(model: Model, q: Q) -> Array:
    return -0.5 * ((model.x[:, None] - q.m) ** 2 + q.s2)


def shrunk(model: Model, q: Q) -> tuple[Array, Array]:
    s2 = 1.0 / (model.prior_prec + q.counts)
    return s2 * (model.x @ q.resp), s2


def log_lik(model: Model, q: Q, variance: Array | float | None = None) -> float:
    variance = q.s2 if variance is None else variance
    return float(-0.5 * np.sum(q.resp * (LOG_2PI + (model.x[:, None] - q.m) ** 2 + variance)))


def log_prior_m(model: Model, q: Q) -> float:
    scale = 2.0 * np.log(model.prior_sd) + (q.m**2 + q.s2) * model.prior_prec
    return float(-0.5 * np.sum(LOG_2PI + scale))


def log_prior_c(model: Model, q: Q) -> float:
    return -len(model.x) * float(np.log(model.K))


def entropy_m(model: Model, q: Q) -> float:
    return float(0.5 * np.sum(1.0 + LOG_2PI + np.log(q.s2)))


def entropy_c(model: Model, q: Q) -> float:
    return -float(np.sum(q.resp * np.log(np.where(q.resp > 0.0, q.resp, 1.0))))


TERMS: dict[str, Bound] = {
    "log_lik": log_lik,
    "log_prior_m": log_prior_m,
    "log_prior_c": log_prior_c,
    "entropy_m": entropy_m,
    "entropy_c": entropy_c,
}


def bound(**changed: Bound) -> Bound:
    """The ELBO with some of its terms replaced."""
    terms = TERMS | changed
    return lambda model, q: sum(term(model, q) for term in terms.values())


RIGHT_BOUND = bound()


def near_data(model: Model, rng: Rng) -> Array:
    replace = len(model.x) < model.K
    return rng.choice(model.x, model.K, replace=replace) + 0.5 * rng.standard_normal(model.K)


def best(runs: Sequence[Any]) -> Any:
    return max(runs, key=lambda run: run[1][-1])


def ascend(
    model: Model,
    start: Array,
    resp: Callable[[Model, Q], Array],
    means: Means,
    elbo: Bound,
    tolerance: float = 1e-11,
    most: int = 3000,
    by_means: float = 0.0,
    heedless: bool = False,
) -> tuple[Q, list[float]]:
    """One run: responsibilities, then means, until the ELBO (or the means) stand still.

    It ends when the ELBO is no number, but for a heedless one.
    """
    q = Q(start, np.ones(model.K), np.full((len(model.x), model.K), 1.0 / model.K))
    trace: list[float] = []
    for _ in range(most):
        old = q.m
        q = q._replace(resp=resp(model, q))
        m, s2 = means(model, q)
        q = q._replace(m=m, s2=s2)
        trace.append(elbo(model, q))
        if by_means and np.max(np.abs(q.m - old)) < by_means:
            break
        if len(trace) > 1 and abs(trace[-1] - trace[-2]) <= tolerance * abs(trace[-2]):
            break
        if not heedless and not np.isfinite(trace[-1]):
            break
    return q, trace


def cavi(
    exponents: Exponent = exponent,
    means: Means = shrunk,
    elbo: Bound = RIGHT_BOUND,
    *,
    harden: bool = False,
    tolerance: float = 1e-11,
    most: int = 3000,
    by_means: float = 0.0,
    heedless: bool = False,
    starts: Callable[[Model, Rng], Array] = near_data,
    count: Callable[[int], int] = lambda n: n,
    use_init: str = "first",
    choose: Callable[[Sequence[Any]], Any] = best,
    finish: Callable[[Q, Any, Sequence[Any]], dict[str, Any]] | None = None,
    kind: Callable[[Array], Any] = lambda init: float,
) -> Implementation:
    """The exercise's function.

    `use_init` is "first", "all" or "never"; `choose` picks a run, `finish` makes the result.
    """

    def resp(model: Model, q: Q) -> Array:
        found = softmax(exponents(model, q))
        return np.eye(model.K)[found.argmax(axis=1)] if harden else found

    def cavi_gmm(
        x: Array, K: int, prior_sd: float, rng: Rng, num_restarts: int, init: Array | None = None
    ) -> dict[str, Any]:
        model = Model(np.asarray(x, float), K, prior_sd)
        runs = []
        for number in range(count(num_restarts)):
            given = init is not None and (use_init == "all" or (use_init == "first" and not number))
            start = np.array(init) if given else starts(model, rng)
            dtype = kind(start)

            def update(model: Model, q: Q, dtype: Any = dtype) -> tuple[Array, Array]:
                m, s2 = means(model, q)
                return m.astype(dtype), s2

            begin = start.astype(dtype)
            rule = (tolerance, most, by_means, heedless)
            runs.append(ascend(model, begin, resp, update, elbo, *rule))
        q, trace = choose(runs)
        if finish is not None:
            return finish(q, trace, runs)
        return {"m": q.m, "s2": q.s2, "resp": q.resp, "elbo": np.array(trace)}

    return {"cavi_gmm": cavi_gmm}

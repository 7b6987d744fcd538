"""The loop of E2.5, with the places where answers differ as arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation
from vi_lib.cavi import elbo_gaussian_gamma, update_q_gamma, update_q_mu

Array = Any
Params = dict[str, float]
Sweep = Callable[[Array, Mapping[str, float], Params], Params]
NAMES = ("nu_q", "tau_q", "alpha_q", "beta_q")


def mu_then_gamma(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    nu_q, tau_q = update_q_mu(x, q["alpha_q"] / q["beta_q"], prior["mu0"], prior["tau0"])
    return with_gamma(x, prior, nu_q, tau_q)


def with_gamma(x: Array, prior: Mapping[str, float], nu_q: float, tau_q: float) -> Params:
    alpha_q, beta_q = update_q_gamma(x, nu_q, tau_q, prior["alpha0"], prior["beta0"])
    return dict(zip(NAMES, (nu_q, tau_q, alpha_q, beta_q), strict=True))


def bound(x: Array, prior: Mapping[str, float], q: Params) -> float:
    return elbo_gaussian_gamma(x, **prior, **q)


def start(prior: Mapping[str, float], init: Mapping[str, float] | None) -> Params:
    if init is not None:
        return {name: init[name] for name in NAMES}
    first = (prior["mu0"], prior["tau0"], prior["alpha0"], prior["beta0"])
    return dict(zip(NAMES, first, strict=True))


def cavi(
    sweep: Sweep = mu_then_gamma,
    *,
    elbo: Callable[[Array, Mapping[str, float], Params], float] = bound,
    before: bool = False,
    stale: bool = False,
    strict: bool = False,
    tolerance: float | None = None,
    most: int = 100_000,
) -> Implementation:
    """A loop around `sweep`.

    `before` records the ELBO ahead of the sweep, `stale` keeps to the first E[gamma], `strict`
    raises on any fall, `tolerance` replaces the relative one by an absolute one, `most` caps the
    sweeps.
    """

    def run(
        x: Array,
        prior: Mapping[str, float],
        init: Mapping[str, float] | None = None,
        max_iter: int = 1000,
        rel_tol: float = 1e-10,
    ) -> dict[str, Any]:
        first = q = start(prior, init)
        trace: list[float] = []
        for _ in range(min(max_iter, most)):
            old, q = q, sweep(x, prior, first if stale else q)
            trace.append(elbo(x, prior, old if before else q))
            if len(trace) == 1:
                continue
            rise = trace[-1] - trace[-2]
            if strict and rise < 0:
                raise ValueError("the ELBO decreased")
            if abs(rise) <= (rel_tol * abs(trace[-2]) if tolerance is None else tolerance):
                break
        return {**q, "elbo": np.array(trace)}

    return {"cavi_gaussian_gamma": run}

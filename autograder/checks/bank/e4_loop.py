"""The loop of E4.4, with the places where answers differ as arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation
from vi_lib.cavi import elbo_gaussian_gamma, update_q_gamma, update_q_mu

Array = Any
Rng = np.random.Generator
Prior = Mapping[str, float]
Etas = list[Array]
"""The two factors: (precision times mean, precision) and (shape, rate)."""

Batches = Callable[[int, int, Rng], Iterator[Array]]
"""(N, B, rng) -> the row numbers of one batch after the other."""

Best = Callable[[Array, Array, Prior, Etas, int], Array]
"""(x, idx, prior, etas, which factor) -> its best natural parameters."""

NAMES = ("nu_q", "tau_q", "alpha_q", "beta_q")


def drawn(num: int, size: int, rng: Rng) -> Iterator[Array]:
    while True:
        yield rng.choice(num, size=size, replace=False)


def prior_etas(prior: Prior) -> Etas:
    return [
        np.array([prior["tau0"] * prior["mu0"], prior["tau0"]]),
        np.array([prior["alpha0"], prior["beta0"]]),
    ]


def on_the_batch(x: Array, idx: Array, prior: Prior, etas: Etas, which: int) -> Array:
    """The update as if the batch were all data."""
    if which == 0:
        nu_q, tau_q = update_q_mu(x[idx], etas[1][0] / etas[1][1], prior["mu0"], prior["tau0"])
        return np.array([tau_q * nu_q, tau_q])
    nu_q, tau_q = etas[0][0] / etas[0][1], etas[0][1]
    return np.array(update_q_gamma(x[idx], nu_q, tau_q, prior["alpha0"], prior["beta0"]))


def scaled(x: Array, idx: Array, prior: Prior, etas: Etas, which: int) -> Array:
    """Prior plus N/B times what the batch adds to it."""
    first = prior_etas(prior)[which]
    return first + len(x) / len(idx) * (on_the_batch(x, idx, prior, etas, which) - first)


def parameters(etas: Etas) -> dict[str, float]:
    (weighted, tau_q), (alpha_q, beta_q) = etas
    values = (weighted / tau_q, tau_q, alpha_q, beta_q)
    return dict(zip(NAMES, map(float, values), strict=True))


def bound(x: Array, idx: Array, prior: Prior, q: Mapping[str, float]) -> float:
    return elbo_gaussian_gamma(x, **prior, **q)


def mixed(eta: Array, best: Array, rho: float, which: int, prior: Prior) -> Array:
    return (1 - rho) * eta + rho * best


def svi(
    best: Best = scaled,
    *,
    batches: Batches = drawn,
    rate: Callable[[int, float, float], float] = lambda t, kappa, delay: (t + delay) ** -kappa,
    step: Callable[[Array, Array, float, int, Prior], Array] = mixed,
    elbo: Callable[[Array, Array, Prior, Mapping[str, float]], float] = bound,
    order: tuple[int, ...] = (0, 1),
    at_once: bool = False,
    before: bool = False,
    steps: Callable[[int, int, int], int] = lambda num_steps, num, size: num_steps,
    source: Callable[[Rng], Rng] = lambda rng: rng,
) -> Implementation:
    """The loop around `best`.

    `at_once` updates both factors from the old ones, `before` records the ELBO ahead of the step,
    `steps` turns num_steps, N and B into the number of steps, `source` is the generator used.
    """

    def run(
        x: Array,
        prior: Prior,
        batch_size: int,
        kappa: float,
        delay: float,
        num_steps: int,
        rng: Rng,
    ) -> dict[str, Any]:
        etas, trace = prior_etas(prior), []
        supply = batches(len(x), batch_size, source(rng))
        for t in range(1, steps(num_steps, len(x), batch_size) + 1):
            idx, rho = next(supply), rate(t, kappa, delay)
            old = list(etas)
            for which in order:
                eta_hat = best(x, idx, prior, old if at_once else etas, which)
                etas[which] = step(etas[which], eta_hat, rho, which, prior)
            trace.append(elbo(x, idx, prior, parameters(old if before else etas)))
        return {**parameters(etas), "elbo": np.array(trace)}

    return {"svi_gaussian_gamma": run}

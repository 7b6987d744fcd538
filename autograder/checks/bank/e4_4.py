"""Typical answers to E4.4, `svi_gaussian_gamma(x, prior, batch_size, kappa, ..., rng) -> dict`.

The answers share one loop and differ in the batches, the update, the step or the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy.special import digamma, gammaln

from autograder.checks.bank.e4_loop import (
    NAMES,
    Etas,
    Prior,
    Rng,
    bound,
    drawn,
    on_the_batch,
    prior_etas,
    scaled,
    svi,
)
from autograder.checks.protocol import Implementation, Right, Wrong
from vi_lib.svi import natural_gradient_step

Array = Any

# Wrong: the update


def all_of_it_scaled(x: Array, idx: Array, prior: Prior, etas: Etas, which: int) -> Array:
    return len(x) / len(idx) * on_the_batch(x, idx, prior, etas, which)


def prior_again(x: Array, idx: Array, prior: Prior, etas: Etas, which: int) -> Array:
    """The present q in the place of the prior."""
    return etas[which] + scaled(x, idx, prior, etas, which) - prior_etas(prior)[which]


def prior_dropped(x: Array, idx: Array, prior: Prior, etas: Etas, which: int) -> Array:
    return scaled(x, idx, prior, etas, which) - prior_etas(prior)[which]


def only_mu_scaled(x: Array, idx: Array, prior: Prior, etas: Etas, which: int) -> Array:
    return (scaled if which == 0 else on_the_batch)(x, idx, prior, etas, which)


def only_gamma_scaled(x: Array, idx: Array, prior: Prior, etas: Etas, which: int) -> Array:
    return (scaled if which == 1 else on_the_batch)(x, idx, prior, etas, which)


def counts_not_scaled(x: Array, idx: Array, prior: Prior, etas: Etas, which: int) -> Array:
    """The sums over the data are scaled, B in the place of N is not."""
    right, batch = scaled(x, idx, prior, etas, which), on_the_batch(x, idx, prior, etas, which)
    return np.array([right[0], batch[1]] if which == 0 else [batch[0], right[1]])


def uncertainty_forgotten(x: Array, idx: Array, prior: Prior, etas: Etas, which: int) -> Array:
    if which == 1:
        etas = [np.array([etas[0][0] / etas[0][1] * 1e15, 1e15]), etas[1]]
    return scaled(x, idx, prior, etas, which)


# Wrong: the step


def _in_terms_of(there: Callable[..., Any], back: Callable[..., Any]) -> Callable[..., Array]:
    """A step that mixes other parameters of q(mu) than the natural ones."""

    def step(eta: Array, best: Array, rho: float, which: int, prior: Prior) -> Array:
        if which == 1:
            return (1 - rho) * eta + rho * best
        return np.array(back(*((1 - rho) * np.array(there(*eta)) + rho * np.array(there(*best)))))

    return step


mean_and_precision = _in_terms_of(lambda w, tau: (w / tau, tau), lambda nu, tau: (nu * tau, tau))
mean_and_variance = _in_terms_of(
    lambda w, tau: (w / tau, 1 / tau), lambda nu, var: (nu / var, 1 / var)
)


def from_the_prior(eta: Array, best: Array, rho: float, which: int, prior: Prior) -> Array:
    return (1 - rho) * prior_etas(prior)[which] + rho * best


# Wrong: the batches


def one_for_all(num: int, size: int, rng: Rng) -> Iterator[Array]:
    idx = rng.choice(num, size=size, replace=False)
    while True:
        yield idx


def first_rows(num: int, size: int, rng: Rng) -> Iterator[Array]:
    while True:
        yield np.arange(size)


def with_replacement(num: int, size: int, rng: Rng) -> Iterator[Array]:
    while True:
        yield rng.integers(num, size=size)


def in_the_order_of_the_data(num: int, size: int, rng: Rng) -> Iterator[Array]:
    while True:
        for start in range(0, num - size + 1, size):
            yield np.arange(start, start + size)


def shuffled_once(num: int, size: int, rng: Rng) -> Iterator[Array]:
    order = rng.permutation(num)
    while True:
        for start in range(0, num - size + 1, size):
            yield order[start : start + size]


# Wrong: the record


def on_the_batch_alone(x: Array, idx: Array, prior: Prior, q: Mapping[str, float]) -> float:
    return bound(x[idx], idx, prior, q)


def _changed(change: Callable[[dict[str, Any]], Any]) -> Implementation:
    """The right answer with its result changed."""
    right = svi()["svi_gaussian_gamma"]
    return {"svi_gaussian_gamma": lambda *case: change(right(*case))}


WRONG = (
    Wrong(
        "N-over-B-forgotten",
        svi(on_the_batch),
        "Your η̂ is that of a data set of B observations, so q becomes far too wide. Pretend that "
        "the batch were the whole data set, N/B times over.",
        also=(svi(counts_not_scaled),),
    ),
    Wrong(
        "only-mu-scaled",
        svi(only_mu_scaled),
        "For q(μ) the batch stands for all N data, for q(γ) only for itself. Scale what it adds to "
        "α₀ and β₀ as well.",
    ),
    Wrong(
        "only-gamma-scaled",
        svi(only_gamma_scaled),
        "For q(γ) the batch stands for all N data, for q(μ) only for itself. Scale what it adds to "
        "τ₀μ₀ and τ₀ as well.",
    ),
    Wrong(
        "prior-scaled-too",
        svi(all_of_it_scaled),
        "You scale the whole update by N/B, the prior included. η̂ = prior + (N/B) × what the batch "
        "adds: the prior counts once.",
    ),
    Wrong(
        "present-q-as-the-prior",
        svi(prior_again),
        "Your η̂ starts from the present q, so α_q grows with every step. η̂ holds the *prior* once, "
        "and q enters only through expectations.",
    ),
    Wrong(
        "prior-dropped",
        svi(prior_dropped),
        "Your η̂ does not hold the prior: η̂ = prior + (N/B) × what the batch adds.",
    ),
    Wrong(
        "uncertainty-of-mu-forgotten",
        svi(uncertainty_forgotten),
        "The update of q(γ) must know how uncertain q(μ) is: E[(xᵢ − μ)²] = (xᵢ − ν_q)² + 1/τ_q.",
    ),
    Wrong(
        "step-size-ignored",
        svi(rate=lambda t, kappa, delay: 1.0),
        "You go all the way to η̂ in every step, so the noise of the last batch stays for good. The "
        "step size is ρ_t = (t + delay)^(−κ).",
    ),
    Wrong(
        "counted-from-zero",
        svi(rate=lambda t, kappa, delay: (t - 1 + delay) ** -kappa),
        "The first step has t = 1: ρ_1 = (1 + delay)^(−κ). Yours is one step behind.",
    ),
    Wrong(
        "delay-ignored",
        svi(rate=lambda t, kappa, delay: t**-kappa),
        "Your step sizes do not know `delay`: ρ_t = (t + delay)^(−κ).",
    ),
    Wrong(
        "weights-swapped",
        svi(step=lambda eta, best, rho, which, prior: rho * eta + (1 - rho) * best),
        "ρ = 1 must lead to η̂ and ρ = 0 nowhere: check the two weights of the step.",
    ),
    Wrong(
        "mean-and-precision-mixed",
        svi(step=mean_and_precision),
        "You average ν_q and τ_q. The natural parameters of q(μ) are τ_q ν_q and τ_q: average "
        "those, then divide.",
        also=(svi(step=mean_and_variance),),
    ),
    Wrong(
        "every-step-from-the-prior",
        svi(step=from_the_prior),
        "Each step starts from the prior again, so nothing is remembered. The old η of the step is "
        "where the last one ended.",
    ),
    Wrong(
        "both-factors-from-the-old-ones",
        svi(at_once=True),
        "q(γ) is updated with the old q(μ). As in coordinate ascent, use the new q(μ) at once.",
    ),
    Wrong(
        "gamma-first",
        svi(order=(1, 0)),
        "You update q(γ) before q(μ). Both orders work; the task fixes q(μ) first, so that results "
        "can be compared.",
    ),
    Wrong(
        "one-batch-for-all",
        svi(batches=one_for_all),
        "All your steps see the same batch: it is drawn before the loop. What do the other data "
        "have to say?",
        also=(svi(batches=first_rows),),
    ),
    Wrong(
        "with-replacement",
        svi(batches=with_replacement),
        "You draw with replacement: a batch of size N then holds some rows twice and others not at "
        "all. `rng.choice(N, size=B, replace=False)`.",
    ),
    Wrong(
        "batches-in-the-order-of-the-data",
        svi(batches=in_the_order_of_the_data),
        "Your batches follow the order of the data, and the last rows may never be seen. If the "
        "data are sorted, is your η̂ right on average?",
        also=(svi(batches=shuffled_once),),
    ),
    Wrong(
        "draws-from-elsewhere",
        svi(source=lambda rng: np.random.default_rng(0)),
        "Your batches do not come from `rng`: whoever calls your function chooses the random "
        "numbers by the generator that is handed over.",
        also=(svi(source=lambda rng: np.random.default_rng()),),
    ),
    Wrong(
        "elbo-of-the-batch",
        svi(elbo=on_the_batch_alone),
        "`elbo` holds the ELBO of the batch alone. Asked is that of all data, so that one can see "
        "whether it rises.",
    ),
    Wrong(
        "elbo-before-the-step",
        svi(before=True),
        "Your trace holds the ELBO from before each step: the last value does not belong to the "
        "parameters you return.",
    ),
    Wrong(
        "minus-the-elbo",
        svi(elbo=lambda x, idx, prior, q: -bound(x, idx, prior, q)),
        "Your trace falls: it holds minus the ELBO. We maximise, so store the ELBO itself.",
    ),
    Wrong(
        "steps-taken-for-passes",
        svi(steps=lambda num_steps, num, size: num_steps * (num // size)),
        "`num_steps` counts steps, one batch each, and not passes through the data.",
    ),
    Wrong(
        "one-step-missing",
        svi(steps=lambda num_steps, num, size: num_steps - 1),
        "You take one step too few: `range(1, num_steps)` ends before num_steps.",
    ),
    Wrong(
        "no-trace",
        _changed(lambda found: {name: found[name] for name in NAMES}),
        "The dict should also hold `elbo`: its values, one after each step.",
    ),
    Wrong(
        "only-the-last-elbo",
        _changed(lambda found: {**found, "elbo": found["elbo"][-1]}),
        "`elbo` should be the whole trace, one value after each step.",
    ),
)


# Right


def step_by_step(
    x: Array, prior: Prior, batch_size: int, kappa: float, delay: float, num_steps: int, rng: Rng
) -> Any:
    """With sums, plain floats and an ELBO of one's own."""
    num = len(x)
    square, total = float(np.sum(np.square(x, dtype=float))), float(np.sum(x))
    mu0, tau0, a0, b0 = (float(prior[key]) for key in ("mu0", "tau0", "alpha0", "beta0"))
    w, tau, a, b, trace = tau0 * mu0, tau0, a0, b0, []
    for t in range(num_steps):
        rho = 1 / (t + 1 + delay) ** kappa
        batch = x[rng.permutation(num)[:batch_size]]
        mean = a / b
        w += rho * (tau0 * mu0 + mean * num * np.mean(batch) - w)
        tau += rho * (tau0 + num * mean - tau)
        nu = w / tau
        a += rho * (a0 + num / 2 - a)
        b += rho * (b0 + num / 2 * (np.mean((batch - nu) ** 2) + 1 / tau) - b)
        log = digamma(a) - np.log(b)
        rest = square - 2 * nu * total + num * (nu**2 + 1 / tau)
        elbo = num / 2 * (log - np.log(2 * np.pi)) - a / b * rest / 2
        elbo += 0.5 * (np.log(tau0 / tau) + 1 - tau0 * ((nu - mu0) ** 2 + 1 / tau))
        elbo += a0 * np.log(b0) - gammaln(a0) + (a0 - 1) * log - b0 * a / b
        elbo += a - np.log(b) + gammaln(a) + (1 - a) * digamma(a)
        trace.append(elbo)
    return {"elbo": trace, "nu_q": w / tau, "tau_q": tau, "alpha_q": a, "beta_q": b}


def textbook_parameters(
    x: Array, prior: Prior, batch_size: int, kappa: float, delay: float, num_steps: int, rng: Rng
) -> Any:
    """In (tau nu, -tau / 2) and (alpha - 1, -beta), as in tables of exponential families."""
    scale = len(x) / batch_size
    at_prior = np.array([prior["tau0"] * prior["mu0"], -prior["tau0"] / 2,
                         prior["alpha0"] - 1, -prior["beta0"]])  # fmt: skip
    eta, trace = at_prior.copy(), np.empty(num_steps)
    for t in range(1, num_steps + 1):
        rows, rho = rng.choice(x, batch_size, replace=False), (t + delay) ** (-kappa)
        e_gamma = (eta[2] + 1) / -eta[3]
        message = e_gamma * np.array([np.sum(rows), -batch_size / 2])
        eta[:2] = natural_gradient_step(eta[:2], at_prior[:2] + scale * message, rho)
        nu, var = eta[0] / (-2 * eta[1]), 1 / (-2 * eta[1])
        message = np.array([batch_size / 2, -np.sum((rows - nu) ** 2 + var) / 2])
        eta[2:] = natural_gradient_step(eta[2:], at_prior[2:] + scale * message, rho)
        q = (eta[0] / (-2 * eta[1]), -2 * eta[1], eta[2] + 1, -eta[3])
        trace[t - 1] = bound(x, rows, prior, dict(zip(NAMES, q, strict=True)))
    return {**dict(zip(NAMES, q, strict=True)), "elbo": trace}


def epochs(num: int, size: int, rng: Rng) -> Iterator[Array]:
    """Every pass in a new order; the rows left over at its end are other ones each time."""
    while True:
        order = rng.permutation(num)
        for start in range(0, num - size + 1, size):
            yield order[start : start + size]


def sorted_rows(num: int, size: int, rng: Rng) -> Iterator[Array]:
    for idx in drawn(num, size, rng):
        yield np.sort(idx)


RIGHT = (
    Right("drawn by choice", svi()),
    Right("sums and plain floats", {"svi_gaussian_gamma": step_by_step}),
    Right("textbook natural parameters", {"svi_gaussian_gamma": textbook_parameters}),
    Right("passes in a new order", svi(batches=epochs)),
    Right("rows in order within a batch", svi(batches=sorted_rows)),
    Right("a tuple of fields", _changed(lambda found: {k: [v] if k != "elbo" else list(v)
                                                       for k, v in found.items()})),
)  # fmt: skip

"""Typical answers to E12.4, `sbc_ranks(prior_draw, simulate, fit, num_sims, num_draws, rng)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Rank = Callable[[Array, Any], Any]


def below(draws: Array, theta: Any) -> Any:
    return np.sum(np.asarray(draws) < theta, axis=0)


def _named(function: Callable[..., Any]) -> Implementation:
    return {"sbc_ranks": function}


def of(rank: Rank = below, finish: Callable[[Array], Any] = np.asarray) -> Implementation:
    """A loop over simulations: `rank` of draws and true value, `finish` at the end."""

    def answer(prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any) -> Any:
        ranks = []
        for _ in range(num_sims):
            theta = prior_draw(rng)
            ranks.append(rank(fit(simulate(theta, rng), L, rng), theta))
        return finish(np.array(ranks))

    return _named(answer)


def same_data(prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any) -> Any:
    y = simulate(prior_draw(rng), rng)
    return np.array([below(fit(y, L, rng), prior_draw(rng)) for _ in range(num_sims)])


def same_everything(
    prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any
) -> Any:
    theta = prior_draw(rng)
    y = simulate(theta, rng)
    return np.array([below(fit(y, L, rng), theta) for _ in range(num_sims)])


def one_theta(prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any) -> Any:
    theta = prior_draw(rng)
    return np.array([below(fit(simulate(theta, rng), L, rng), theta) for _ in range(num_sims)])


def another_theta(prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any) -> Any:
    ranks = []
    for _ in range(num_sims):
        y = simulate(prior_draw(rng), rng)
        ranks.append(below(fit(y, L, rng), prior_draw(rng)))
    return np.array(ranks)


def same_seed(prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any) -> Any:
    ranks = []
    for _ in range(num_sims):
        rng = np.random.default_rng(0)
        theta = prior_draw(rng)
        ranks.append(below(fit(simulate(theta, rng), L, rng), theta))
    return np.array(ranks)


def own_generator(prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any) -> Any:
    return of()["sbc_ranks"](prior_draw, simulate, fit, num_sims, L, np.random.default_rng(0))


def numbered_seeds(
    prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any
) -> Any:
    ranks = []
    for number in range(num_sims):
        rng = np.random.default_rng(number)
        theta = prior_draw(rng)
        ranks.append(below(fit(simulate(theta, rng), L, rng), theta))
    return np.array(ranks)


def among_prior_draws(
    prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any
) -> Any:
    ranks = []
    for _ in range(num_sims):
        theta = prior_draw(rng)
        ranks.append(below(np.array([prior_draw(rng) for _ in range(L)]), theta))
    return np.array(ranks)


def theta_for_data(
    prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any
) -> Any:
    ranks = []
    for _ in range(num_sims):
        theta = prior_draw(rng)
        ranks.append(below(fit(np.atleast_1d(theta), L, rng), theta))
    return np.array(ranks)


def estimates_ranked(
    prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any
) -> Any:
    ranks = []
    for _ in range(num_sims):
        draws = np.asarray(fit(simulate(prior_draw(rng), rng), L, rng))
        ranks.append(below(draws, np.mean(draws, axis=0)))
    return np.array(ranks)


def one_draw_short(
    prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any
) -> Any:
    ranks = []
    for _ in range(num_sims):
        theta = prior_draw(rng)
        ranks.append(below(fit(simulate(theta, rng), num_sims, rng), theta))
    return np.array(ranks)


WRONG = (
    Wrong(
        "ranked-above",
        of(lambda draws, theta: np.sum(np.asarray(draws) > theta, axis=0)),
        "You count the draws *above* the true value. Both are ranks; agreed is the number below.",
    ),
    Wrong(
        "share-returned",
        of(lambda draws, theta: np.mean(np.asarray(draws) < theta, axis=0)),
        "That is the share of the draws below. Return their number, from 0 to num_draws.",
    ),
    Wrong(
        "counted-from-one",
        of(lambda draws, theta: below(draws, theta) + 1),
        "Your ranks run from 1 to num_draws + 1. If no draw lies below the true value, the rank "
        "is 0.",
    ),
    Wrong(
        "estimates-ranked",
        _named(estimates_ranked),
        "You rank the posterior mean among the draws; it will always be in the middle. Which "
        "number, known only in a simulation, is to be ranked?",
        also=(of(lambda draws, theta: below(draws, np.median(draws, axis=0))),),
    ),
    Wrong(
        "compared-with-the-mean",
        of(lambda draws, theta: (np.mean(draws, axis=0) < theta) * 1),
        "You compare the true value with the mean of the draws only. How many of the draws are "
        "below it?",
    ),
    Wrong(
        "data-not-simulated-again",
        _named(same_data),
        "Your data are simulated once, before the loop. Each simulation has its own parameter and "
        "its own data.",
    ),
    Wrong(
        "one-parameter-for-all",
        _named(one_theta),
        "You draw one true value and keep it. SBC averages over the prior: a fresh value for each "
        "simulation.",
        also=(_named(same_everything),),
    ),
    Wrong(
        "another-parameter",
        _named(another_theta),
        "You rank a second draw from the prior, not the one that made the data. Call `prior_draw` "
        "once in each simulation.",
    ),
    Wrong(
        "same-seed",
        _named(same_seed),
        "Every simulation starts from the same seed, so all are the same simulation. Pass the "
        "given `rng` on.",
    ),
    Wrong(
        "given-generator-ignored",
        _named(own_generator),
        "You use a generator of your own: whatever `rng` comes in, the ranks are the same.",
        also=(_named(numbered_seeds),),
    ),
    Wrong(
        "among-prior-draws",
        _named(among_prior_draws),
        "You rank the true value among other draws from the prior: that is uniform whatever the "
        "fit does, since the fit is never called. The draws must be the posterior's.",
    ),
    Wrong(
        "nothing-simulated",
        _named(theta_for_data),
        "You hand the true value itself to `fit`. It wants data: what `simulate` makes of it.",
    ),
    Wrong(
        "sims-and-draws-exchanged",
        _named(one_draw_short),
        "You ask `fit` for num_sims draws. The second argument of `fit` is the number of draws, "
        "num_draws.",
    ),
    Wrong(
        "argsort-for-rank",
        of(lambda draws, theta: np.argsort(np.append(draws, theta))[-1]),
        "`argsort` says *which* number is the largest, not how many are smaller than the last one. "
        "Count the draws below the true value.",
    ),
    Wrong(
        "sorted",
        of(finish=np.sort),
        "You sort the ranks. For a histogram that makes no difference, but one can no longer see "
        "which simulation has which rank: return them in order.",
    ),
    Wrong(
        "histogram-returned",
        of(finish=lambda ranks: np.bincount(ranks.reshape(-1).astype(int), minlength=10)),
        "You return a histogram. Asked are the ranks themselves, one for each simulation.",
    ),
    Wrong(
        "all-parameters-together",
        of(lambda draws, theta: np.sum(np.asarray(draws) < theta)),
        "With several parameters, each has its own rank: sum over the draws, axis 0, and not over "
        "the parameters.",
        also=(
            of(
                lambda draws, theta: np.sum(
                    (np.asarray(draws) < theta).reshape(len(draws), -1).all(axis=1)
                )
            ),
        ),
    ),
)


# Right


def spawned(prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any) -> Any:
    ranks = []
    for child in rng.spawn(num_sims):
        theta = prior_draw(child)
        ranks.append(below(fit(simulate(theta, child), L, child), theta))
    return np.array(ranks)


def in_stages(prior_draw: Any, simulate: Any, fit: Any, num_sims: int, L: int, rng: Any) -> Any:
    """All parameters first, then all data, then all fits."""
    thetas = [prior_draw(rng) for _ in range(num_sims)]
    data = [simulate(theta, rng) for theta in thetas]
    draws = [fit(y, L, rng) for y in data]
    return [L - np.sum(np.asarray(d) >= t, axis=0) for d, t in zip(draws, thetas, strict=True)]


def by_sorting(draws: Array, theta: Any) -> Any:
    draws = np.sort(np.asarray(draws, float), axis=0)
    if draws.ndim == 1:
        return float(np.searchsorted(draws, theta))
    return [int(np.searchsorted(column, t)) for column, t in zip(draws.T, theta, strict=True)]


RIGHT = (
    Right("a spawned generator for each simulation", _named(spawned)),
    Right("in stages", _named(in_stages)),
    Right("by sorting", of(by_sorting)),
)

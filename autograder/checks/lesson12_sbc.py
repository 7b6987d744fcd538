"""Checks of E12.4, `sbc_ranks(prior_draw, simulate, fit, num_sims, num_draws, rng)`.

First with a prior from a table and fits whose ranks are known, whatever is drawn in which order;
then with the exact posterior of a Gaussian model, by the distribution of the ranks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from autograder.checks.compare import Mismatch, array, close, require
from autograder.checks.lesson05_cases import in_two_tries
from autograder.checks.protocol import Part, Recorder
from autograder.checks.values import generator, made

Array = Any
Rng = np.random.Generator

_INPUTS = "autograder.checks.inputs."
CHI_ALPHA = 1e-6
"""False-alarm rate of one chi-square test of uniform ranks."""
NUM_SIMS, NUM_DRAWS, BINS = 300, 99, 20


def _ranks(answer: Recorder, *case: Any) -> Any:
    return answer.call("sbc_ranks", *case)


def _seed(rng: Rng) -> Any:
    return generator(int(rng.integers(2**31)))


def _ladder(thetas: Array, num_draws: int) -> Array:
    """The ranks that `ladder_fit` gives: the rungs below the fraction of theta."""
    rungs = (np.arange(num_draws) + 0.5) / num_draws
    return np.sum(rungs.reshape(-1, *[1] * thetas.ndim) < thetas % 1.0, axis=0)


def _deck(rng: Rng, num_draws: int, length: int) -> Array:
    """All ranks once, in random order, and then again; the first is not near the middle.

    A first rank in the middle would be that of the draws' own mean, another mistake.
    """
    ranks = rng.permutation(num_draws + 1)
    outer = np.abs(ranks - num_draws / 2) >= (num_draws + 1) / 4
    return np.resize(np.roll(ranks, -int(np.argmax(outer))), length)


def _thetas(rng: Rng, num_draws: int, length: int, *dim: int) -> Array:
    """Numbers halfway between two rungs, on either side of 0; their ranks are those of decks."""
    decks = [_deck(rng, num_draws, length) for _ in range(int(np.prod(dim)))]
    fraction = np.clip(np.stack(decks, axis=1) / num_draws, 0.01, 0.99)
    return rng.integers(-3, 3, (length, *dim)) + fraction.reshape(length, *dim)


def _of_a_table(answer: Recorder, rng: Rng, num_sims: int, num_draws: int, *dim: int) -> None:
    thetas = _thetas(rng, num_draws, num_sims + 3, *dim)
    case = (
        made(_INPUTS + "table_prior", thetas),
        made(_INPUTS + "disguise"),
        made(_INPUTS + "ladder_fit"),
        num_sims,
        num_draws,
        _seed(rng),
    )
    want = _ladder(thetas[:num_sims], num_draws)
    unknowns = f", {dim[0]} parameters" if dim else ""
    what = f"the ranks of {num_sims} simulations with {num_draws} draws{unknowns}"
    close(_ranks(answer, *case), want, what)


def _known_ranks(answer: Recorder, rng: Rng) -> None:
    _of_a_table(answer, rng, 8, 9)
    _of_a_table(answer, rng, 5, 20)
    _of_a_table(answer, rng, 2, 1)


def _several_parameters(answer: Recorder, rng: Rng) -> None:
    _of_a_table(answer, rng, 6, 9, 2)
    _of_a_table(answer, rng, 4, 12, 3)


def _gaussian(rng: Rng, width: float) -> tuple[Any, ...]:
    mean, sd, lik_sd = float(rng.uniform(1.0, 3.0)), 1.5, float(rng.uniform(0.8, 1.6))
    return (
        made(_INPUTS + "normal_prior", mean, sd),
        made(_INPUTS + "normal_simulator", 3, lik_sd),
        made(_INPUTS + "normal_fit", mean, sd, lik_sd, width),
    )


def _counts(answer: Recorder, rng: Rng, width: float, num_sims: int) -> Array:
    """Ranks of a Gaussian model in bins; what three simulations show wrong is not run in full."""
    case = _gaussian(rng, width)
    for num in (3, num_sims):
        found = array(_ranks(answer, *case, num, NUM_DRAWS, _seed(rng)), "the ranks")
        found = found.astype(float).reshape(-1)
        if found.size != num:
            raise Mismatch(f"expected {num} ranks, got {found.size} numbers.")
        whole = bool(np.all((found == np.round(found)) & (found >= 0) & (found <= NUM_DRAWS)))
        if not whole:
            raise Mismatch(
                f"expected ranks, whole numbers from 0 to {NUM_DRAWS}, got numbers from "
                f"{np.min(found):g} to {np.max(found):g}."
            )
    return np.bincount(found.astype(int) * BINS // (NUM_DRAWS + 1), minlength=BINS)


def _calibrated(answer: Recorder, rng: Rng) -> None:
    def once() -> None:
        counts = _counts(answer, rng, 1.0, NUM_SIMS)
        require(
            float(stats.chisquare(counts).pvalue) > CHI_ALPHA,
            f"the ranks of {NUM_SIMS} simulations with the exact posterior: expected a flat "
            f"histogram, got {counts} in {BINS} bins.",
        )

    in_two_tries(once)


def _fresh(answer: Recorder, rng: Rng) -> None:
    """Two generators give other ranks, and the same one the same."""
    case, seeds = _gaussian(rng, 1.0), (_seed(rng), _seed(rng))
    runs = [
        array(_ranks(answer, *case, 25, NUM_DRAWS, seed), "the ranks")
        for seed in (seeds[0], seeds[0], seeds[1])
    ]
    same = [np.array_equal(runs[0], other) for other in runs[1:]]
    require(same == [True, False], "the ranks: expected those of the given `rng`, got others.")


def _too_narrow(answer: Recorder, rng: Rng) -> None:
    """A fit whose sd is 0.7 times the right one has ranks at both ends: the histogram is a U."""
    counts = _counts(answer, rng, 0.7, 2 * NUM_SIMS)
    outer = int(counts[0] + counts[-1])
    require(
        float(stats.chisquare(counts).pvalue) < CHI_ALPHA and outer > 2 * NUM_SIMS // 6,
        "the ranks of a fit that is too narrow: expected a histogram shaped like a U, got "
        f"{counts} in {BINS} bins.",
    )


def _statistical(answer: Recorder, rng: Rng) -> None:
    _fresh(answer, rng)
    _calibrated(answer, rng)


SBC_PARTS = (
    Part("known ranks", 2.0, _known_ranks),
    Part("several parameters", 1.0, _several_parameters),
    Part("flat for the exact posterior", 2.0, _statistical, false_alarm=1e-9),
    Part("a U for a fit that is too narrow", 1.0, _too_narrow, false_alarm=1e-9),
)

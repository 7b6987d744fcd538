"""Checks of E4.2, the ELBO's gradient from a minibatch: exact.

The likelihood is looked at alone, with a prior and an entropy whose gradients are 0, and the other
two are looked at alone, too: a mistake in one of them costs its own points and the sum.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from autograder.checks.compare import array, close, require, show
from autograder.checks.protocol import Part, Recorder
from autograder.checks.values import build, made
from vi_lib.svi import minibatch_elbo_gradient

Array = Any
Rng = np.random.Generator

_INPUTS = "autograder.checks.inputs."
_ZERO = made(_INPUTS + "zero_gradient")
_ENTROPY = made(_INPUTS + "entropy_gradient")
NUM = 6
"""Rows of the data."""


def _regression(rng: Rng, num: int = NUM) -> tuple[Any, Any, Array, Array]:
    """Gradients of likelihood and prior, lam (4,) and data (num, 3)."""
    x = rng.choice([-1.0, 1.0], (num, 2)) * rng.uniform(0.5, 1.5, (num, 2))
    data = np.column_stack([x, rng.choice([-1.0, 1.0], num) * rng.uniform(2.0, 4.0, num)])
    lam = np.concatenate([rng.choice([-1.0, 1.0], 2) * rng.uniform(0.5, 1.5, 2),
                          rng.uniform(-0.8, -0.3, 2)])  # fmt: skip
    likelihood = made(_INPUTS + "regression_row_gradients", float(rng.uniform(1.3, 1.8)))
    return likelihood, _prior(rng), lam, data


def _prior(rng: Rng) -> Any:
    return made(_INPUTS + "prior_gradient", float(rng.uniform(0.5, 0.7)))


def _compare(answer: Recorder, what: str, *case: Any) -> None:
    got = answer.call("minibatch_elbo_gradient", *case)
    close(got, minibatch_elbo_gradient(*build(case)), what)


def _likelihood(answer: Recorder, rng: Rng) -> None:
    x, location = rng.uniform(1.0, 3.0, NUM), made(_INPUTS + "location_row_gradients", 1.5)
    idx = rng.permutation(np.arange(2, NUM))[:2]
    what = f"the gradient of the likelihood alone, from 2 of {NUM} numbers"
    _compare(answer, what, location, _ZERO, _ZERO, np.array([-0.7, -0.4]), x, idx)
    likelihood, _, lam, data = _regression(rng)
    for size in (2, 1, 4):
        idx = np.sort(rng.choice(np.arange(1, NUM), size, replace=False))[::-1]
        what = f"the gradient of the likelihood alone, from {size} of {NUM} rows"
        _compare(answer, what, likelihood, _ZERO, _ZERO, lam, data, idx)


def _rest(answer: Recorder, rng: Rng) -> None:
    _, prior, lam, data = _regression(rng)
    for size in (2, 3):
        idx = rng.choice(NUM, size, replace=False)
        what = f"the gradient if the likelihood is flat, from {size} of {NUM} rows"
        _compare(answer, what, _ZERO, prior, _ENTROPY, lam, data, idx)


def _average(answer: Recorder, rng: Rng) -> None:
    """All singletons, all pairs, and all rows at once give the full gradient."""
    likelihood, prior, lam, data = _regression(rng)
    case = (likelihood, prior, _ENTROPY, lam, data)
    full = minibatch_elbo_gradient(*build((*case, np.arange(NUM))))
    for size, name in ((1, "batches of one row"), (2, "pairs of rows"), (NUM, "rows at once")):
        batches = [np.array(b) for b in itertools.combinations(range(NUM), size)]
        found = [_vector(answer.call("minibatch_elbo_gradient", *case, b), lam) for b in batches]
        what = f"the mean over all {name}, which is the gradient of the whole ELBO"
        close(np.mean(found, axis=0), full, what)


def _vector(found: Any, lam: Array) -> Array:
    """One gradient, in the shape of lam."""
    got = array(found, "the gradient")
    require(
        got.shape == lam.shape,
        f"the gradient: expected shape {lam.shape}, got {show(found)}.",
        got=found,
    )
    return got


def _edges(answer: Recorder, rng: Rng) -> None:
    """A row that was drawn twice, a batch of all, whole numbers."""
    likelihood = made(_INPUTS + "location_row_gradients", float(rng.uniform(1.3, 1.8)))
    rest = (_prior(rng), _ENTROPY)
    x, lam = rng.uniform(1.0, 3.0, 7), np.array([rng.uniform(-1.0, -0.5), -0.4])
    twice = np.array([4, 1, 4])
    what = "the gradient from a batch in which one row was drawn twice"
    _compare(answer, what, likelihood, *rest, lam, x, twice)
    what = "the gradient for whole numbers"
    _compare(answer, what, likelihood, *rest, np.array([1, 0]), np.array([3, 5, 2, 8]),
             np.array([1, 3]))  # fmt: skip


MINIBATCH_PARTS = (
    Part("likelihood, scaled to N rows", 2.5, _likelihood),
    Part("prior and entropy, once each", 2.0, _rest),
    Part("right on average over all batches", 1.0, _average),
    Part("repeated rows, whole numbers", 0.5, _edges),
)

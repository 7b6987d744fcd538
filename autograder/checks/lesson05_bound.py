"""Checks of E5.3: an exact ELBO in which each of five published bugs is visible by itself.

Every part chooses inputs for which the other four bugs have no effect:

- without data only prior and entropy are left, and log 1 = 0 hides a wrong factor of log prior sd;
- with sds whose product is 1 / (2 pi e) the entropy of q is 0, so its sign does not matter;
- with an enormous noise sd only the likelihood's normaliser is left of it;
- with a mean of 0 for the offset or the slope there is no cross term;
- the cross term is odd in the slope's mean, so a difference shows it alone.

When all terms are right, the last part also compares the whole, on the lesson's data among others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.compare import Mismatch, array, close
from autograder.checks.protocol import Part, Recorder
from autograder.checks.values import build, made
from vi_lib import bbvi, datasets, oracles

Array = Any
Case = tuple[Any, Any, Any, float]


def _gaussian(mean: Array, sd: Array) -> Any:
    return made("autograder.checks.inputs.Gaussian", np.array(mean), np.array(sd))


def _bound(answer: Recorder, case: Case) -> Any:
    return answer.call("evidence_lower_bound", *case)


def _reference(case: Case) -> float:
    return bbvi.evidence_lower_bound(*build(case))


def _points(rng: np.random.Generator, num: int) -> dict[str, Array]:
    return {"x": rng.uniform(0.5, 2.0, num), "y": rng.uniform(1.0, 3.0, num)}


def _signed(rng: np.random.Generator, low: float, high: float) -> Array:
    return rng.choice([-1.0, 1.0], 2) * rng.uniform(low, high, 2)


def _sds_without_entropy(rng: np.random.Generator) -> Array:
    first = float(rng.uniform(0.5, 0.9))
    return np.array([first, 1.0 / (2.0 * np.pi * math.e * first)])


def entropy_case(rng: np.random.Generator) -> Case:
    """No data, prior sd 1: the sign of the entropy."""
    q = _gaussian(_signed(rng, 0.5, 1.0), rng.uniform(0.4, 0.9, 2))
    return _points(rng, 0), q, _gaussian(_signed(rng, 0.5, 1.0), np.ones(2)), 1.0


def prior_case(rng: np.random.Generator) -> Case:
    """No data, no entropy: the prior's normaliser."""
    q = _gaussian(_signed(rng, 0.5, 1.0), _sds_without_entropy(rng))
    return _points(rng, 0), q, _gaussian(_signed(rng, 0.5, 1.0), rng.uniform(0.3, 0.6, 2)), 1.0


def noise_case(rng: np.random.Generator) -> Case:
    """Noise sd 1e10, no entropy, prior sd 1: the likelihood's normaliser, free of residuals."""
    q = _gaussian(_signed(rng, 0.5, 1.0), _sds_without_entropy(rng))
    return _points(rng, 4), q, _gaussian(_signed(rng, 0.5, 1.0), np.ones(2)), 1e10


def square_case(rng: np.random.Generator, zero: int) -> Case:
    """No entropy, prior sd and noise sd 1, one mean of q at 0: the squares."""
    mean = _signed(rng, 0.5, 1.0)
    mean[zero] = 0.0
    q = _gaussian(mean, _sds_without_entropy(rng))
    return _points(rng, 4), q, _gaussian(_signed(rng, 0.5, 1.0), np.ones(2)), 1.0


def _one(
    case: Callable[[np.random.Generator], Case], what: str
) -> Callable[[Recorder, np.random.Generator], None]:
    def part(answer: Recorder, rng: np.random.Generator) -> None:
        inputs = case(rng)
        close(_bound(answer, inputs), _reference(inputs), what)

    return part


entropy = _one(entropy_case, "the ELBO without data, prior sd 1 (only prior and entropy are left)")
prior = _one(prior_case, "the ELBO without data, for a q of entropy 0 (only the prior is left)")
noise = _one(noise_case, "the ELBO with noise sd 1e10, for a q of entropy 0 (no residual counts)")


def cross_term(answer: Recorder, rng: np.random.Generator) -> None:
    """The change of the ELBO as the slope's mean changes sign.

    It comes before the squares, which cannot be hidden in these two values: the bank holds the
    wrong cross term with right and with wrong squares.
    """
    data, mean, sd = _points(rng, 4), _signed(rng, 0.5, 1.0), _sds_without_entropy(rng)
    standard = _gaussian(np.zeros(2), np.ones(2))
    up, down = (
        (data, _gaussian(mean * np.array([1.0, sign]), sd), standard, 1.0) for sign in (1.0, -1.0)
    )
    difference = array(_bound(answer, up), "the ELBO") - array(_bound(answer, down), "the ELBO")
    what = (
        "the change of the ELBO when the mean of the slope changes its sign "
        "(which terms of (y - theta_0 - theta_1 x)² are odd in theta_1?)"
    )
    close(difference, _reference(up) - _reference(down), what)


def squares(answer: Recorder, rng: np.random.Generator) -> None:
    """First a slope, then an offset with mean 0; then everything together."""
    for zero, name in ((1, "slope"), (0, "offset")):
        case = square_case(rng, zero)
        what = f"the ELBO for noise sd 1, a q of entropy 0 and mean 0 of the {name}"
        close(_bound(answer, case), _reference(case), what)
    if _terms_are_right(answer, rng):
        _all_together(answer, rng)


def _terms_are_right(answer: Recorder, rng: np.random.Generator) -> bool:
    """Whether the other parts pass: only then is the whole worth comparing."""
    try:
        for part in (entropy, prior, noise, cross_term):
            part(answer, rng)
    except Mismatch:
        return False
    return True


def _all_together(answer: Recorder, rng: np.random.Generator) -> None:
    general = _gaussian(_signed(rng, 0.5, 1.0), rng.uniform(0.3, 0.6, 2))
    q = _gaussian(_signed(rng, 0.5, 1.0), rng.uniform(0.4, 0.9, 2))
    case: Case = (_points(rng, 6), q, general, 0.7)
    close(_bound(answer, case), _reference(case), "the ELBO, all terms together")
    line = datasets.load("line_5")
    design = np.stack([np.ones(5), line["x"]], axis=1)
    oracle = oracles.LinearRegression(design, line["y"], prior_sd=10.0, noise_sd=0.1)
    mean, sd, kl = oracle.mean_field()
    case = (line, _gaussian(mean, sd), _gaussian(np.zeros(2), np.full(2, 10.0)), 0.1)
    what = "the ELBO of the lesson's data at the best mean field (log evidence minus KL)"
    close(_bound(answer, case), oracle.log_evidence - kl, what)


BOUND_PARTS = (
    Part("entropy", 1, entropy),
    Part("normaliser of the prior", 1, prior),
    Part("normaliser of the likelihood", 1, noise),
    Part("cross term", 1, cross_term),
    Part("squares of offset and slope", 1, squares),
)

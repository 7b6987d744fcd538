"""Checks of E1.4, `elbo_normal_mean(...) -> (elbo, log_evidence, kl)`: three numbers, one identity.

Each number is judged by itself, so a mistake in one does not cost the points of the others; and the
bank knows the mistakes of each, so two at once are both named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.checks.bank import e1_4
from autograder.checks.bank.e1_normal import At
from autograder.checks.compare import Mismatch, array, close, number, unpack
from autograder.checks.diagnose import same
from autograder.checks.protocol import Part, Recorder
from vi_lib.divergences import elbo_normal_mean

Array = Any
Rng = np.random.Generator
Case = tuple[Any, ...]

NAMES = ("elbo", "log_evidence", "kl")
_TITLES = {"elbo": "the ELBO", "log_evidence": "log p(x)", "kl": "KL(q‖posterior)"}


def _data(rng: Rng, num: int) -> Case:
    """x, prior_mean, prior_sd, lik_sd: a prior that counts, and no sd near 1."""
    prior_mean = float(rng.choice([-1.0, 1.0]) * rng.uniform(1.0, 2.0))
    prior_sd, lik_sd = float(rng.uniform(0.5, 0.8)), float(rng.uniform(1.3, 1.8))
    x = prior_mean + rng.uniform(0.8, 1.5) + lik_sd * rng.standard_normal(num)
    return x, prior_mean, prior_sd, lik_sd


def _q(rng: Rng) -> Case:
    return float(rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 2.5)), float(rng.uniform(0.25, 0.8))


def _posterior(x: Array, prior_mean: float, prior_sd: float, lik_sd: float) -> Case:
    prec = 1.0 / prior_sd**2 + len(x) / lik_sd**2
    return (prior_mean / prior_sd**2 + np.sum(x) / lik_sd**2) / prec, prec**-0.5


def _cases(rng: Rng) -> Iterator[tuple[Case, str]]:
    for num in (5, 8):
        yield (*_data(rng, num), *_q(rng)), f"for {num} data"
    yield (*_data(rng, 1), *_q(rng)), "for a single datum"
    yield (rng.permutation([-1, 2, 4, 5]), 1, 2, 3, 2, 1), "for whole numbers"
    data = _data(rng, 6)
    for _ in range(20):
        yield (*data, *_q(rng)), "for one of 20 different q"
    yield (*data, *_posterior(*data)), "if q is the posterior"


def _part(name: str) -> Callable[[Recorder, Rng], None]:
    index = NAMES.index(name)

    def part(answer: Recorder, rng: Rng) -> None:
        for case, where in _cases(rng):
            found = answer.call("elbo_normal_mean", *case)
            values = unpack(found, NAMES, "`elbo_normal_mean`")
            got = values[index]
            want = elbo_normal_mean(*case)
            try:
                close(got, want[index], f"{_TITLES[name]} {where}", atol=1e-10)
            except Mismatch as error:
                error.name = _slip(name, case, got) or error.name
                if name == "elbo" and _above(got, float(want[1])):
                    error.message += f" It lies above log p(x) = {want[1]:.6g}: no lower bound can."
                if name == "log_evidence" and _is_a_sum(values):
                    error.message += " It is the sum of your ELBO and your KL: mend those first."
                raise

    return part


def _slip(name: str, case: Case, got: Any) -> str | None:
    """The mistake of the bank that gives this value of this number, whatever the other two are."""
    at = At(*case)
    known = e1_4.SLIPS[name].items()
    return next((n for n, values in known if any(same(value(at), got) for value in values)), None)


def _above(got: Any, log_evidence: float) -> bool:
    return array(got, "the ELBO").size == 1 and number(got, "the ELBO") > log_evidence + 1e-9


def _is_a_sum(values: Case) -> bool:
    """Whether the evidence was not computed, but added up."""
    if any(array(value, "a result").size != 1 for value in values):
        return False
    elbo, log_evidence, kl = (number(value, "a result") for value in values)
    return bool(np.isclose(log_evidence, elbo + kl, rtol=1e-12, atol=1e-12))


NORMAL_PARTS = tuple(Part(_TITLES[name], 2.0, _part(name)) for name in NAMES)

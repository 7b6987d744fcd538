"""Two mistakes at once, in lessons 2 and 5: rejected, and each is told its own hint."""

from __future__ import annotations

import itertools
import types
from collections.abc import Sequence
from typing import Any

import pytest

from autograder.checks import grade
from autograder.checks.bank import e2_1, e2_2, e2_3, e2_4, e2_5, e5_1, e5_2, e5_4, e5_5
from autograder.checks.bank.e2_loop import cavi
from autograder.checks.bank.e2_terms import TERMS, At, elbo
from autograder.checks.protocol import Verdict
from autograder.checks.registry import find

Bank = types.ModuleType


def hints(bank: Bank, *names: str) -> list[str]:
    known = {wrong.name: wrong.hint for wrong in bank.WRONG}
    return [known[name] for name in names]


def answer_of(bank: Bank, function: str, name: str) -> Any:
    return next(wrong.answer[function] for wrong in bank.WRONG if wrong.name == name)


def mixed(bank: Bank, exercise: str, slips: Sequence[str | None]) -> Verdict:
    """Grade an answer whose k-th result is that of the k-th entry, or right for None."""
    (function,) = find(exercise).names
    makers = [answer_of(bank, function, s) if s else bank.solution for s in slips]

    def answer(*args: Any) -> Any:
        return tuple(maker(*args)[k] for k, maker in enumerate(makers))

    return grade(exercise, {function: answer}, seed=11)


def pairs(*groups: tuple[str, ...]) -> list[tuple[str, ...]]:
    return list(itertools.product(*groups))


MEANS = ("mean-is-a-single-step", "mean-is-a-natural-parameter")
SDS = ("marginal-sds", "covariance-not-inverted", "variances-returned", "precisions-returned")
KLS = ("kl-negated", "kl-without-the-half", "half-on-one-term-only", "log-of-the-sds",
       "trace-term-not-cancelled")  # fmt: skip


@pytest.mark.parametrize("slips", [*pairs(MEANS, SDS, (KLS[0],)), *pairs(MEANS[:1], SDS[:1], KLS)])
def test_three_mistakes_in_the_best_gaussian(slips: tuple[str, ...]) -> None:
    """A wrong mean hides the sds behind it; once it is right they are named."""
    verdict = mixed(e2_1, "E2.1", slips)
    assert verdict.score == 0.0
    mean, _, kl = hints(e2_1, *slips)
    assert verdict.hints[0] == mean
    assert kl in verdict.hints, str(verdict)
    mended = mixed(e2_1, "E2.1", (None, *slips[1:]))
    assert mended.score == 0.0
    assert set(hints(e2_1, *slips[1:])) <= set(mended.hints), str(mended)


NUS = ("mean-of-x-for-the-sum", "data-not-weighed", "prior-mean-not-weighed", "prior-mean-dropped",
       "brackets-missing")  # fmt: skip
TAUS = ("one-observation-only", "tau0-as-variance", "E-gamma-as-variance", "variance-returned",
        "sd-returned", "halves-kept")  # fmt: skip
ALPHAS = ("whole-counts", "count-forgotten", "degrees-of-freedom", "shape-not-lessened")
BETAS = ("uncertainty-of-mu-forgotten", "uncertainty-once-instead-of-N-times", "half-missing",
         "tau-added-instead-of-variance", "sample-mean-for-nu", "scale-returned")  # fmt: skip


@pytest.mark.parametrize("slips", pairs(NUS, TAUS))
def test_two_mistakes_in_the_update_of_mu(slips: tuple[str, ...]) -> None:
    verdict = mixed(e2_2, "E2.2", slips)
    assert verdict.score == 0.0
    assert set(hints(e2_2, *slips)) <= set(verdict.hints), str(verdict)


@pytest.mark.parametrize("slips", pairs(ALPHAS, BETAS))
def test_two_mistakes_in_the_update_of_gamma(slips: tuple[str, ...]) -> None:
    verdict = mixed(e2_3, "E2.3", slips)
    assert verdict.score == 0.0
    assert set(hints(e2_3, *slips)) <= set(verdict.hints), str(verdict)


TERM_SLIPS = {
    "uncertainty-of-mu-forgotten": {
        "log_lik": lambda at: TERMS["log_lik"](at) + 0.5 * at.e_gamma * at.count / at.tau_q
    },
    "no-uncertainty-in-the-prior-of-mu": {
        "log_prior_mu": lambda at: TERMS["log_prior_mu"](at) + 0.5 * at.tau0 / at.tau_q
    },
    "alpha0-for-alpha0-minus-one": {
        "log_prior_gamma": lambda at: TERMS["log_prior_gamma"](at) + at.e_log_gamma
    },
    "entropies-subtracted": {
        "entropy_mu": lambda at: -TERMS["entropy_mu"](at),
        "entropy_gamma": lambda at: -TERMS["entropy_gamma"](at),
    },
    "entropy-of-gamma-forgotten": {"entropy_gamma": lambda at: 0.0},
}


@pytest.mark.parametrize("slips", list(itertools.combinations(TERM_SLIPS, 2)))
def test_two_mistakes_in_the_terms_of_the_elbo(slips: tuple[str, str]) -> None:
    changed = TERM_SLIPS[slips[0]] | TERM_SLIPS[slips[1]]
    verdict = grade("E2.4", elbo(**changed), seed=11)
    assert verdict.score <= 3.5
    told = [name for name in slips if hints(e2_4, name)[0] in verdict.hints]
    # What does not depend on the prior's parameters shows among the entropies: there only one fits.
    constant = {"alpha0-for-alpha0-minus-one", "entropies-subtracted", "entropy-of-gamma-forgotten"}
    assert len(told) == (0 if set(slips) <= constant else 2), str(verdict)


def test_the_terms_of_the_slips_are_those_of_the_bank() -> None:
    values = ([1.0, 2.5, -0.5], 0.3, 0.7, 1.6, 2.1, 0.9, 3.0, 4.5, 2.0)
    for name, changed in TERM_SLIPS.items():
        ours = elbo(**changed)["elbo_gaussian_gamma"](*values)
        theirs = answer_of(e2_4, "elbo_gaussian_gamma", name)(*values)
        assert ours == pytest.approx(theirs, rel=1e-12), (name, At(*values))


SWEEPS = {
    "mean-of-gamma-upside-down": {"sweep": e2_5.inverted_mean},
    "gamma-never-updated": {"sweep": e2_5.mu_only},
    "uncertainty-of-mu-forgotten": {"sweep": e2_5.uncertainty_forgotten},
    "one-sweep-only": {"most": 1},
}
TRACES = {
    "elbo-before-the-update": {"before": True},
    "minus-the-elbo": {"elbo": lambda x, prior, q: -e2_5.bound(x, prior, q)},
    "elbo-above-the-evidence": {"elbo": e2_5.above_the_evidence},
}


@pytest.mark.parametrize("slips", pairs(tuple(SWEEPS), tuple(TRACES)))
def test_a_wrong_sweep_is_named_whatever_the_trace(slips: tuple[str, str]) -> None:
    verdict = grade("E2.5", cavi(**SWEEPS[slips[0]], **TRACES[slips[1]]), seed=11)
    assert verdict.score <= 1.0, str(verdict)
    assert hints(e2_5, slips[0])[0] in verdict.hints, str(verdict)


D_MU = ("one-over-sd", "derivative-in-theta", "two-kept")
D_SD = ("normaliser-forgotten", "derivative-in-the-variance", "derivative-in-log-sd",
        "sign-of-d_sd", "half-log-sd")  # fmt: skip


@pytest.mark.parametrize("slips", pairs(D_MU, D_SD))
def test_two_mistakes_in_the_score(slips: tuple[str, str]) -> None:
    verdict = mixed(e5_1, "E5.1", slips)
    assert verdict.score <= 1.0
    assert set(hints(e5_1, *slips)) <= set(verdict.hints), str(verdict)


G_MU = ("product-of-means", "summed-over-draws", "weight-reversed")
G_SD = ("log-q-left-out", "gradient-in-log-sd", "score-without-normaliser")


@pytest.mark.slow
@pytest.mark.parametrize("slips", pairs(G_MU, G_SD))
def test_two_mistakes_in_the_gradient(slips: tuple[str, str]) -> None:
    verdict = mixed(e5_2, "E5.2", slips)
    assert verdict.score == 0.0
    assert set(hints(e5_2, *slips)) <= set(verdict.hints), str(verdict)


A_SLIPS = ("denominators-differ", "one-coefficient-for-all", "variance-of-f", "sd-of-h")
F_SLIPS = ("added-instead-of-subtracted", "f-centred", "h-centred", "correction-returned")


@pytest.mark.parametrize("slips", pairs(F_SLIPS, A_SLIPS))
def test_two_mistakes_in_the_control_variate(slips: tuple[str, str]) -> None:
    verdict = mixed(e5_4, "E5.4", slips)
    assert verdict.score <= 1.0
    assert set(hints(e5_4, *slips)) <= set(verdict.hints), str(verdict)


STEPS = {"descends": {"sign": -1.0}, "chain-rule-forgotten": {"chain": False},
         "summed-over-draws": {"total": True}, "mean-moved-first": {"sequential": True},
         "log-q-left-out": {"log_q_sign": 0.0}}  # fmt: skip
REPORTS = {"elbo-negated": {"elbo_sign": -1.0}, "elbo-without-entropy": {"elbo_log_q": 0.0},
           "elbo-with-minus-entropy": {"elbo_log_q": 1.0}}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("slips", pairs(tuple(STEPS), tuple(REPORTS)))
def test_a_wrong_step_is_named_whatever_is_reported(slips: tuple[str, str]) -> None:
    verdict = grade("E5.5", e5_5._with(**STEPS[slips[0]], **REPORTS[slips[1]]), seed=11)
    assert verdict.score <= 2.0, str(verdict)
    assert set(hints(e5_5, *slips)) <= set(verdict.hints), str(verdict)

"""What the checks of lesson 1 promise beyond the bank: points by part, two mistakes, fairness."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from bank_entries import ODD_RESULTS, entry

from autograder.checks import grade
from autograder.checks import lesson01_monte_carlo as monte_carlo
from autograder.checks.answer import LocalAnswer
from autograder.checks.bank import e1_1, e1_2, e1_3, e1_4, e1_5
from autograder.checks.bank.e1_normal import RIGHT_VALUES, At, answer
from autograder.checks.compare import Mismatch
from autograder.checks.lesson01 import EXERCISES
from autograder.checks.lesson01_kl import _gaussians
from autograder.checks.protocol import Recorder
from vi_lib import divergences

Array = Any
IDS = [exercise.id for exercise in EXERCISES]


def test_points_are_those_of_the_syllabus() -> None:
    assert {exercise.id: exercise.points for exercise in EXERCISES} == {
        "E1.1": 4.0,
        "E1.2": 4.0,
        "E1.3": 3.0,
        "E1.4": 6.0,
        "E1.5": 3.0,
    }


# Partial credit: a mistake costs its own points and no others


@pytest.mark.parametrize(
    ("exercise", "bank", "mistake", "earned"),
    [
        ("E1.1", e1_1, "direction-swapped", [0, 1, 0]),
        ("E1.1", e1_1, "half-forgotten", [0, 1, 1]),
        ("E1.1", e1_1, "gap-not-squared", [0, 1, 1]),
        ("E1.1", e1_1, "sd-taken-as-variance", [0, 1, 0]),
        ("E1.1", e1_1, "summed", [2, 0, 1]),
        ("E1.1", e1_1, "single-numbers-only", [2, 0, 1]),
        ("E1.1", e1_1, "whole-numbers-truncated", [2, 0, 1]),
        ("E1.2", e1_2, "log-p-minus-log-q", [0, 1.5, 0, 0.5]),
        ("E1.2", e1_2, "clipped-at-zero", [0, 1.5, 0.5, 0.5]),
        ("E1.2", e1_2, "spread-for-error", [1.5, 0, 0.5, 0.5]),
        ("E1.2", e1_2, "infinite-draws-dropped", [1.5, 1.5, 0, 0.5]),
        ("E1.2", e1_2, "terms-cut-to-whole-numbers", [1.5, 1.5, 0.5, 0]),
        ("E1.3", e1_3, "negative-elbo", [0, 0, 0]),
        ("E1.3", e1_3, "logarithm-outside", [0, 1, 0]),
        ("E1.3", e1_3, "sum-for-mean", [0, 0, 0]),
        ("E1.4", e1_4, "uncertainty-of-q-forgotten", [0, 2, 2]),
        ("E1.4", e1_4, "product-of-marginals", [2, 0, 2]),
        ("E1.4", e1_4, "kl-to-the-prior", [2, 2, 0]),
        ("E1.5", e1_5, "overflows", [0.5, 0, 0, 0.5]),
        ("E1.5", e1_5, "one-maximum-for-all", [0.5, 1, 0, 0.5]),
        ("E1.5", e1_5, "minus-infinity-unguarded", [0.5, 1, 1, 0]),
        ("E1.5", e1_5, "mean-forgotten", [0, 0, 0, 0]),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_mistake_costs_its_own_points(exercise, bank, mistake, earned, seed) -> None:
    verdict = grade(exercise, entry(bank, mistake).answer, seed)
    assert [part.earned for part in verdict.parts] == earned, str(verdict)


# Two mistakes at once

LOGS = (lambda q, p: np.log(q / p), lambda q, p: np.log(p**2 / q**2), lambda q, p: 0.0)
SQUARES = (
    lambda gap, q, p: (q**2 + gap) / (2 * p**2),
    lambda gap, q, p: (q**2 + gap**2) / p**2,
    lambda gap, q, p: (p**2 + gap**2) / (2 * q**2),
    lambda gap, q, p: gap**2 / (2 * p**2),
)
KL_PIECES = [
    {"log": LOGS},
    {"squares": SQUARES},
    {"constant": (0.0, 1.0)},
]


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(KL_PIECES, 2)))
def test_two_mistakes_in_the_kl_are_rejected(first, second) -> None:
    ((one, ones),), ((other, others),) = first.items(), second.items()
    for a, b in itertools.product(ones, others):
        verdict = grade("E1.1", e1_1._of(**{one: a, other: b}), seed=3)
        assert verdict.parts[0].earned == 0.0, (a, b)


@pytest.mark.slow
@pytest.mark.parametrize("estimate", e1_2.ESTIMATES)
@pytest.mark.parametrize("error", e1_2.ERRORS)
def test_a_wrong_estimate_and_a_wrong_error_are_both_named(estimate, error) -> None:
    hint, ways = e1_2.ESTIMATES[estimate]
    other_hint, other_ways = e1_2.ERRORS[error]
    verdict = grade("E1.2", e1_2._pair(ways[0], other_ways[0]), seed=5)
    assert verdict.score <= 2.5, str(verdict)
    assert hint in verdict.hints
    assert other_hint in verdict.hints


TERMS = (lambda p, q: p + q, lambda p, q: q - p, lambda p, q: p, lambda p, q: np.exp(q) * (p - q))
MEANS = (
    np.sum,
    e1_3.log_mean,
    np.median,
    lambda terms: terms[0],
    lambda terms: -np.mean(terms[1:]),
)


@pytest.mark.parametrize("pair", list(itertools.product(range(len(TERMS)), range(len(MEANS)))))
def test_two_mistakes_in_the_elbo_are_rejected(pair) -> None:
    verdict = grade("E1.3", e1_3._with(TERMS[pair[0]], MEANS[pair[1]]), seed=4)
    assert verdict.parts[0].earned == 0.0, str(verdict)


def _pairs_of_slips() -> list[Any]:
    groups = {number: list(slips) for number, slips in e1_4.SLIPS.items()}
    pairs = itertools.combinations(groups, 2)
    return [
        pytest.param(a, b, one, two, id=f"{one}+{two}")
        for a, b in pairs
        for one, two in itertools.product(groups[a][:5], groups[b][:5])
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("a", "b", "one", "two"), _pairs_of_slips())
def test_slips_in_two_numbers_are_both_named(a, b, one, two) -> None:
    changed = {a: e1_4.SLIPS[a][one][0], b: e1_4.SLIPS[b][two][0]}
    verdict = grade("E1.4", {"elbo_normal_mean": answer(**changed)}, seed=6)
    assert verdict.score == 2.0
    hints = {wrong.name: wrong.hint for wrong in e1_4.WRONG}
    assert hints[one] in verdict.hints, str(verdict)
    assert hints[two] in verdict.hints, str(verdict)


def test_an_elbo_above_the_evidence_is_told_so() -> None:
    def above(*values):
        _, evidence, gap = answer()(*values)
        return evidence + 0.123, evidence, gap

    verdict = grade("E1.4", {"elbo_normal_mean": above})
    assert any("no lower bound can" in hint for hint in verdict.hints)


def test_an_evidence_that_is_only_a_sum_is_told_so() -> None:
    def added_up(*values):
        elbo, _, gap = answer()(*values)
        return elbo + 0.123, elbo + 0.123 + gap, gap

    verdict = grade("E1.4", {"elbo_normal_mean": added_up})
    assert [part.earned for part in verdict.parts] == [0.0, 0.0, 2.0]
    assert "the sum of your ELBO and your KL" in verdict.parts[1].message


def test_two_mistakes_in_log_mean_exp_are_rejected() -> None:
    combined = [
        lambda a, axis=None, keepdims=False: np.log(np.sum(np.exp(a), axis=axis)),
        lambda a, axis=None, keepdims=False: np.max(a) + np.log(np.sum(np.exp(a - np.max(a)))),
        lambda a, axis=None, keepdims=False: e1_5.divided_by_everything(a, axis),
        lambda a, axis=None, keepdims=False: e1_5.minimum_subtracted(a, axis),
    ]
    for function in combined:
        verdict = grade("E1.5", {"log_mean_exp": function}, seed=2)
        assert verdict.score <= 2.0, str(verdict)


# Fairness


@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_an_error_of_a_millionth_is_seen(exercise) -> None:
    """So tolerances hide no term; all of them are far larger (see below)."""
    (name,) = exercise.names

    def off(*arguments: Any, **options: Any) -> Any:
        found = exercise.reference[name](*arguments, **options)
        if isinstance(found, tuple):
            return tuple(value * (1.0 + 1e-6) for value in found)
        return found * (1.0 + 1e-6)

    verdict = grade(exercise, {name: off}, seed=8)
    assert verdict.parts[0].earned == 0.0


def test_every_term_of_the_kl_is_far_beyond_the_tolerance() -> None:
    for seed in range(200):
        mu_q, sd_q, mu_p, sd_p = _gaussians(np.random.default_rng(seed))
        terms = (np.log(sd_p / sd_q), sd_q**2 / (2 * sd_p**2), (mu_q - mu_p) ** 2 / (2 * sd_p**2))
        tolerance = 1e-9 * divergences.gaussian_kl(mu_q, sd_q, mu_p, sd_p)
        assert np.min(np.abs(terms)) > 1e5 * tolerance


def test_the_values_of_the_bank_are_those_of_the_library() -> None:
    """They were written twice, independently."""
    values = (np.array([1.0, 2.5, -0.5]), 0.3, 0.7, 1.6, 0.9, 0.4)
    for ours, want in zip(
        RIGHT_VALUES.values(), divergences.elbo_normal_mean(*values), strict=True
    ):
        assert ours(At(*values)) == pytest.approx(float(want), rel=1e-12)


ODD = {
    **ODD_RESULTS,
    "a dict": {"elbo": 1.0, "log_evidence": None, "kl": [1.0, 2.0]},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_odd_results_are_judged_and_never_stop_the_check(exercise, odd) -> None:
    verdict = grade(exercise, dict.fromkeys(exercise.names, lambda *_, **__: ODD[odd]), seed=1)
    assert verdict.score <= 0.5
    assert verdict.hints


def test_a_biased_estimator_without_negative_terms_is_rejected() -> None:
    """R - 1 - log r with r upside down estimates another divergence."""

    def upside_down(log_q, log_p, theta):
        log_r = log_q(theta) - log_p(theta)
        terms = np.expm1(log_r) - log_r
        return np.mean(terms), np.std(terms) / np.sqrt(len(terms))

    verdict = grade("E1.2", {"kl_monte_carlo": upside_down}, seed=3)
    assert verdict.parts[0].earned == 0.0


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_another_estimator_has_to_know_its_error(factor) -> None:
    def unsure(log_q, log_p, theta):
        estimate, error = e1_2.never_negative(log_q, log_p, theta)
        return estimate, factor * error

    verdict = grade("E1.2", {"kl_monte_carlo": unsure}, seed=3)
    assert [part.earned for part in verdict.parts[:2]] == [1.5, 0.0]


@pytest.mark.slow
def test_false_alarms_follow_the_nominal_rate(monkeypatch) -> None:
    """Two tries at a nominal 1 %: at most 2 of 60 right answers fail (p < 1e-5 even at 4e-4)."""
    monkeypatch.setattr(monte_carlo, "Z_ALPHA", 1e-2)
    other = entry(e1_2, "r - 1 - log r").answer
    failed = 0
    for seed in range(60):
        recorder = Recorder(LocalAnswer(other))
        try:
            monte_carlo._mc_error(recorder, np.random.default_rng([seed, 77]))  # and the estimate
        except Mismatch:
            failed += 1
    assert failed <= 2

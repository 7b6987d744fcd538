"""What the checks of lesson 12 promise beyond the bank: points by part, two mistakes, fairness."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from bank_entries import ODD_RESULTS, entry
from scipy import stats

from autograder.checks import grade, inputs
from autograder.checks import lesson12_clinic as clinic_checks
from autograder.checks import lesson12_psis as psis_checks
from autograder.checks import lesson12_sbc as sbc_checks
from autograder.checks import lesson12_traces as trace_checks
from autograder.checks.answer import LocalAnswer
from autograder.checks.bank import e12_1, e12_2, e12_3, e12_4, e12_5
from autograder.checks.compare import Mismatch
from autograder.checks.lesson12 import EXERCISES
from autograder.checks.protocol import Recorder
from autograder.checks.registry import find
from vi_lib import clinic, diagnostics

Array = Any
IDS = [exercise.id for exercise in EXERCISES]


def few(cases, quick):
    """All cases, of which the fast tests run the first ones only."""
    return [
        pytest.param(*values, marks=pytest.mark.slow if index >= quick else ())
        for index, values in enumerate(cases)
    ]


def test_points_are_those_of_the_syllabus_and_eight_for_the_clinic() -> None:
    assert {exercise.id: exercise.points for exercise in EXERCISES} == {
        "E12.1": 6.0,
        "E12.2": 4.0,
        "E12.3": 4.0,
        "E12.4": 6.0,
        "E12.5": 8.0,
    }


# Partial credit: a mistake costs its own points and no others


@pytest.mark.parametrize(
    ("exercise", "bank", "mistake", "earned"),
    few(
        [
            ("E12.1", e12_1, "prior-forgotten", [2, 1, 0, 1, 1]),
            ("E12.1", e12_1, "overflows", [2, 1, 1, 1, 0]),
            ("E12.1", e12_1, "root-always", [2, 1, 0, 1, 1]),
            ("E12.1", e12_1, "sign-of-k", [0, 0, 0, 0, 0]),
            ("E12.1", e12_1, "no-tail", [0, 0, 0, 0, 0]),
            ("E12.2", e12_2, "one-spike-undoes-it", [1, 0.5, 0.5, 0, 1.5]),
            ("E12.2", e12_2, "short-traces-accepted", [1, 0.5, 0, 0.5, 1.5]),
            ("E12.2", e12_2, "signed-size", [1, 0, 0.5, 0, 1.5]),
            ("E12.2", e12_2, "burn-ignored", [1, 0.5, 0.5, 0.5, 0]),
            ("E12.3", e12_3, "ties-left-out", [1.5, 1, 0, 0.5]),
            ("E12.3", e12_3, "ties-by-half", [1.5, 1, 0, 0.5]),
            ("E12.3", e12_3, "two-sided", [0, 0, 0, 0.5]),
            ("E12.4", e12_4, "ranked-above", [0, 0, 2, 1]),
            ("E12.4", e12_4, "all-parameters-together", [2, 0, 2, 1]),
            ("E12.4", e12_4, "given-generator-ignored", [2, 1, 0, 1]),
            ("E12.4", e12_4, "same-seed", [2, 1, 0, 0]),
            ("E12.5", e12_5, "restarts-not-looked-at", [1, 0, 1, 1, 1, 1, 1, 1]),
            ("E12.5", e12_5, "two-causes-exchanged", [1, 1, 1, 0, 0, 1, 1, 1]),
            ("E12.5", e12_5, "checks-one-sided", [1, 1, 1, 1, 1, 1, 1, 0]),
        ],
        quick=17,
    ),
)
def test_a_mistake_costs_its_own_points(exercise, bank, mistake, earned) -> None:
    verdict = grade(exercise, entry(bank, mistake).answer, seed=2)
    assert [part.earned for part in verdict.parts] == earned, str(verdict)


# Two mistakes at once

STEPS: tuple[dict[str, Any], ...] = (
    {"size": lambda num: num - 1},
    {"tail": e12_1.without_the_largest},
    {"prior": lambda k, n: k},
    {"to_shape": lambda x, theta: -e12_1.shape(x, theta)},
    {"order": lambda w: np.sort(w)[::-1]},
)


@pytest.mark.parametrize("pair", few(zip(itertools.combinations(range(len(STEPS)), 2)), 1))
def test_two_mistakes_in_k_hat_are_rejected(pair) -> None:
    answer = e12_1.of(**STEPS[pair[0]], **STEPS[pair[1]])
    verdict = grade("E12.1", answer, seed=3)
    assert verdict.score <= 4.0, str(verdict)


RULES = ("absolute-tolerance", "one-sided", "verdict-reversed", "short-traces-accepted")
MEANS = ("burn-ignored", "divided-by-all", "over-the-parameters", "another-scale")


@pytest.mark.parametrize("pair", few(zip(itertools.product(RULES, MEANS)), 2))
def test_a_wrong_rule_and_a_wrong_average_are_both_named(pair) -> None:
    rule, mean = (entry(e12_2, name) for name in pair)
    both = {
        "has_converged": rule.answer["has_converged"],
        "average_iterates": mean.answer["average_iterates"],
    }
    verdict = grade("E12.2", both, seed=4)
    assert {rule.hint, mean.hint} <= set(verdict.hints), str(verdict)


@pytest.mark.parametrize(
    "reduce",
    [
        lambda t_rep, t: np.mean(t_rep < t) * 2,
        lambda t_rep, t: np.sum(t_rep > t),
        lambda t_rep, t: 1 - np.mean(t_rep > t),
        lambda t_rep, t: (1 + np.sum(t_rep <= t)) / (1 + len(t_rep)),
    ],
)
def test_two_mistakes_in_a_p_value_are_rejected(reduce) -> None:
    assert grade("E12.3", e12_3.of(reduce), seed=5).score <= 0.5


@pytest.mark.parametrize(
    "rank",
    few(
        zip(
            [
                lambda draws, theta: np.mean(np.asarray(draws) > theta, axis=0),
                lambda draws, theta: np.sum(np.asarray(draws) > theta) + 1,
                lambda draws, theta: (np.mean(draws) > theta) * 1,
            ]
        ),
        quick=1,
    ),
)
def test_two_mistakes_in_a_rank_are_rejected(rank) -> None:
    verdict = grade("E12.4", e12_4.of(rank), seed=6)
    assert verdict.parts[0].earned == verdict.parts[1].earned == 0.0


def test_two_wrong_rules_of_the_clinic_are_both_named() -> None:
    answer = e12_5.by(
        missed_mode=None, wrong_model=lambda c: bool(np.any(np.asarray(c["checks"]) < 0.01))
    )
    verdict = grade("E12.5", answer, seed=7)
    assert verdict.score == 6.0, str(verdict)
    for name in ("restarts-not-looked-at", "checks-one-sided"):
        assert entry(e12_5, name).hint in verdict.hints


# Fairness


def test_estimators_within_a_tenth_are_accepted_and_beyond_it_not() -> None:
    """A shift of the right answer is no mistake that the bank knows."""
    for shift, passes in ((0.08, True), (-0.08, True), (0.15, False)):
        answer = {"psis_khat": lambda log_w, shift=shift: diagnostics.khat(log_w) + shift}
        exercise = dataclasses.replace(find("E12.1"), forbidden=())
        verdict = grade(exercise, answer, seed=8)
        assert (verdict.score == 6.0) is passes, str(verdict)


def test_pareto_samples_have_the_shape_that_they_are_made_with() -> None:
    rng = np.random.default_rng(9)
    for k in (0.4, 0.7, 1.0):
        found = [diagnostics.khat(psis_checks.pareto(rng, k, 4000)) for _ in range(20)]
        assert np.mean(found) == pytest.approx(k, abs=0.08)


def test_verdicts_on_traces_are_far_from_the_threshold() -> None:
    """By the better of means and medians a plateau is 3 times nearer, a rise 1.5 times further."""
    for seed in range(50):
        rng = np.random.default_rng(seed)
        makers = (trace_checks._plateau_and_drift, trace_checks._sizes_and_signs,
                  trace_checks._short_traces, trace_checks._one_spike)  # fmt: skip
        for case in itertools.chain.from_iterable(make(rng) for make in makers):
            trace, window, rel_tol, what = case
            if len(trace) < 2 * window:
                continue
            last = np.asarray(trace[-window:], float)
            before = np.asarray(trace[-2 * window : -window], float)
            gap = min(
                abs(centre(last) - centre(before)) / abs(centre(last))
                for centre in (np.mean, np.median)
            )
            assert not rel_tol / 3 < gap < 1.5 * rel_tol, (what, gap / rel_tol)


def test_ladder_ranks_are_those_of_the_library() -> None:
    rng = np.random.default_rng(10)
    for num_draws, dim in ((9, ()), (20, ()), (12, (3,))):
        thetas = sbc_checks._thetas(rng, num_draws, 40, *dim)
        found = diagnostics.sbc_ranks(
            inputs.table_prior(thetas), inputs.disguise(), inputs.ladder_fit(), 40, num_draws, rng
        )
        np.testing.assert_array_equal(found, sbc_checks._ladder(thetas, num_draws))
        assert np.min(found) <= 2
        assert np.max(found) >= num_draws - 2


def test_a_fit_too_narrow_by_three_tenths_is_always_seen() -> None:
    """The chi-square statistic is far beyond its threshold for the U, and below it when exact."""
    recorder = Recorder(LocalAnswer({"sbc_ranks": diagnostics.sbc_ranks}))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        counts = sbc_checks._counts(recorder, rng, 0.7, 600)
        assert stats.chisquare(counts).pvalue < 1e-12
        assert counts[0] + counts[-1] > 600 // 6 + 20


def test_oddly_spelt_diagnoses_are_understood() -> None:
    def shouting(chart):
        return f" {clinic.diagnose(chart).upper().replace(' ', '_')}\n"

    exercise = dataclasses.replace(find("E12.5"), forbidden=())
    assert grade(exercise, {"diagnose": shouting}).status == "correct"


def test_the_other_tail_is_another_patient() -> None:
    rng = np.random.default_rng(11)
    for _ in range(5):
        chart = clinic.patient("wrong model", rng)
        other = clinic_checks._other_tail(chart, rng)
        low = [bool(np.min(c["checks"]) < 0.01) for c in (chart, other)]
        assert low[0] is not low[1]


ODD = {**ODD_RESULTS, "a dict": {"k": 1.0}}


@pytest.mark.parametrize("odd", few(zip(ODD), 1))
@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_odd_results_are_judged_and_never_stop_the_check(exercise, odd) -> None:
    verdict = grade(exercise, dict.fromkeys(exercise.names, lambda *_, **__: ODD[odd]), seed=1)
    assert verdict.score == 0.0
    assert verdict.hints


@pytest.mark.slow
def test_false_alarms_of_the_ranks_follow_the_nominal_rate(monkeypatch) -> None:
    """Two tries at a nominal 1 %: at most 2 of 60 right answers fail."""
    monkeypatch.setattr(sbc_checks, "CHI_ALPHA", 1e-2)
    failed = 0
    for seed in range(60):
        recorder = Recorder(LocalAnswer({"sbc_ranks": diagnostics.sbc_ranks}))
        try:
            sbc_checks._calibrated(recorder, np.random.default_rng([seed, 3]))
        except Mismatch:
            failed += 1
    assert failed <= 2

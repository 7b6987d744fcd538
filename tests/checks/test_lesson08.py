"""What the checks of lesson 8 promise beyond the bank: points by part, two mistakes, fairness."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from bank_entries import ODD_RESULTS, entry

from autograder.checks import grade
from autograder.checks import lesson08_elbo as elbo_checks
from autograder.checks.answer import LocalAnswer
from autograder.checks.bank import e8_1, e8_2, e8_3, e8_4
from autograder.checks.compare import Mismatch
from autograder.checks.lesson08 import EXERCISES
from autograder.checks.lesson08_gradients import NUM_STEPS, RATE, _mild_factor
from autograder.checks.lesson08_triangle import factor
from autograder.checks.protocol import Recorder
from vi_lib import divergences, full_rank

Array = Any
IDS = [exercise.id for exercise in EXERCISES]


def test_points_are_those_of_the_syllabus() -> None:
    assert {exercise.id: exercise.points for exercise in EXERCISES} == {
        "E8.1": 4.0,
        "E8.2": 5.0,
        "E8.3": 6.0,
        "E8.4": 5.0,
    }


# Partial credit: a mistake costs its own points and no others


@pytest.mark.parametrize(
    ("exercise", "bank", "mistake", "earned"),
    [
        ("E8.1", e8_1, "assigned-in-place", [1, 1.5, 0, 0]),
        ("E8.1", e8_1, "order-mixed", [1, 0, 1, 0]),
        ("E8.1", e8_1, "diagonal-as-it-is", [0, 0, 0, 0]),
        ("E8.1", e8_1, "logarithm-forgotten-in-pack", [1, 0, 1, 0]),
        ("E8.1", e8_1, "where-computes-both", [1, 1.5, 1, 0]),
        ("E8.1", e8_1, "whole-numbers-truncated", [1, 1.5, 1, 0]),
        ("E8.2", e8_2, "noise-times-L", [0, 1, 0, 0]),
        ("E8.2", e8_2, "constant-forgotten", [0, 0, 0, 0]),
        ("E8.2", e8_2, "determinant-underflows", [2, 1, 1, 0]),
        ("E8.3", e8_3, "full-matrix", [1, 2, 0, 2]),
        ("E8.3", e8_3, "entropy-forgotten", [1, 0, 0, 0]),
        ("E8.3", e8_3, "mean-field-gradient", [1, 0, 0, 0]),
        ("E8.3", e8_3, "path-derivative", [0, 0, 0, 2]),
        ("E8.3", e8_3, "integers-truncated", [1, 2, 0, 2]),
        ("E8.4", e8_4, "shift-forgotten", [0, 1.5, 0, 0]),
        ("E8.4", e8_4, "other-direction", [0, 0, 0, 0]),
        ("E8.4", e8_4, "trace-of-the-product", [1, 0, 0, 0]),
        ("E8.4", e8_4, "determinant-underflows", [1, 1.5, 1.5, 0]),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_mistake_costs_its_own_points(exercise, bank, mistake, earned, seed) -> None:
    verdict = grade(exercise, entry(bank, mistake).answer, seed)
    assert [part.earned for part in verdict.parts] == earned, str(verdict)


@pytest.mark.parametrize("mistake", ["absolute-value-on-the-diagonal", "diagonal-as-it-is"])
def test_an_absolute_value_is_told_from_no_map_at_all(mistake) -> None:
    """Also where all entries that `vec` has for the diagonal are positive, as with seed 103."""
    for seed in range(101, 113):
        verdict = grade("E8.1", entry(e8_1, mistake).answer, seed)
        assert (verdict.score, verdict.misconception) == (0.0, mistake), str(verdict)


# Two mistakes at once

SHIFTS = ("shift-forgotten", "gap-not-scaled", "gap-in-the-metric-of-the-first")
SHAPES = ("trace-of-the-product", "log-ratio-inverted", "dimension-forgotten")


@pytest.mark.parametrize("pair", list(itertools.product(SHIFTS, SHAPES)))
def test_a_wrong_shift_and_a_wrong_term_are_both_named(pair) -> None:
    """The KL with a slip in the shift of one entry, and the rest of another."""
    first, second = (entry(e8_4, name) for name in pair)

    def mvn_kl(m0: Array, S0: Array, m1: Array, S1: Array) -> Any:
        apart, together = (first.answer["mvn_kl"](m0, S0, m, S1) for m in (m1, m0))
        return apart - together + second.answer["mvn_kl"](m0, S0, m0, S1)

    verdict = grade("E8.4", {"mvn_kl": mvn_kl}, seed=3)
    assert verdict.score == 0.0, str(verdict)
    assert {first.hint, second.hint} <= set(verdict.hints), str(verdict)


IN_MU = ("slope-at-the-mean", "noise-times-L", "entropy-in-mu-too")
IN_L = ("entropy-forgotten", "outer-product-transposed", "derivative-in-log-diagonal")


@pytest.mark.parametrize("pair", list(itertools.product(IN_MU, IN_L)))
def test_a_wrong_g_mu_and_a_wrong_g_L_are_both_named(pair) -> None:
    first, second = (entry(e8_3, name) for name in pair)

    def both(*given: Any) -> Any:
        key = "full_rank_gradients"
        return first.answer[key](*given)[0], second.answer[key](*given)[1]

    verdict = grade("E8.3", {"full_rank_gradients": both}, seed=4)
    assert [part.earned for part in verdict.parts[:3]] == [0, 0, 0], str(verdict)
    assert {first.hint, second.hint} <= set(verdict.hints), str(verdict)


PIECES: tuple[dict[str, Any], ...] = (
    {"draws": lambda mu, L, eps: mu + eps @ L},
    {"average": np.sum},
    {"size": lambda L: e8_2.log_det(L @ L.T)},
    {"rest": lambda dim: 0.0},
    {"sign": -1.0},
)


@pytest.mark.parametrize("pair", list(itertools.combinations(range(len(PIECES)), 2)))
def test_two_mistakes_in_an_elbo_are_rejected(pair) -> None:
    verdict = grade("E8.2", e8_2.of(**PIECES[pair[0]], **PIECES[pair[1]]), seed=5)
    assert verdict.score <= 1.0, str(verdict)


# Fairness


@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_an_error_of_a_millionth_is_seen(exercise) -> None:
    """By E8.2 as well, unless the value is right on average: there the other parts see it."""

    def off(function: Any) -> Any:
        def answer(*given: Any) -> Any:
            found = function(*given)
            if isinstance(found, tuple):
                return tuple(value * (1.0 + 1e-6) for value in found)
            return found * (1.0 + 1e-6)

        return answer

    unguarded = dataclasses.replace(exercise, forbidden=())
    verdict = grade(unguarded, {n: off(f) for n, f in exercise.reference.items()}, seed=8)
    assert verdict.parts[1 if exercise.id == "E8.2" else 0].earned == 0.0


def test_every_term_is_far_beyond_the_tolerance() -> None:
    """The log determinant, which is a sum of both signs, and what mu and L contribute."""
    for seed in range(300):
        rng = np.random.default_rng(seed)
        for dim in (1, 2, 3, 4):
            logs = np.log(np.diag(factor(rng, dim)))
            assert abs(np.sum(logs)) > 0.1
        narrow, wide = 0.6 * factor(rng, 3), factor(rng, 3)
        assert np.sum(np.log(np.diag(wide) / np.diag(narrow))) > 0.1


def test_the_reference_reaches_the_goal_of_the_fit() -> None:
    """Wherever the target lies: 300 of them, the worst ends at 2.4e-4 nats of 1e-3."""
    worst = 0.0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        mean = rng.uniform(1.0, 2.0, 3) * rng.choice([-1.0, 1.0], 3)
        cov = (root := _mild_factor(rng)) @ root.T
        prec, mu, L = np.linalg.inv(cov), np.zeros(3), np.eye(3)
        for _ in range(NUM_STEPS):  # the gradients on noise with the right moments
            mu = mu - RATE * prec @ (mu - mean)
            L = L + RATE * (np.tril(-prec @ L) + np.diag(1.0 / np.diag(L)))
        worst = max(worst, float(divergences.mvn_kl(mu, L @ L.T, mean, cov)))
    assert 1e-5 < worst < 3e-4


def test_draws_of_ones_own_get_no_second_chance() -> None:
    def elbo(log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
        own = np.random.default_rng().standard_normal(eps.shape)
        return full_rank.full_rank_elbo(log_joint, mu, L, own)

    plain = dataclasses.replace(EXERCISES[1], forbidden=())
    assert grade(plain, {"full_rank_elbo": elbo}).parts[0].earned == 0.0


def test_noise_drowns_no_error() -> None:
    def elbo(log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
        return full_rank.full_rank_elbo(log_joint, mu, L, eps) + 500.0 * np.mean(eps)

    plain = dataclasses.replace(EXERCISES[1], forbidden=())
    assert grade(plain, {"full_rank_elbo": elbo}).parts[0].earned == 0.0


def test_oddly_shaped_answers_are_understood() -> None:
    def as_column(*given: Any) -> Any:
        return np.reshape(e8_2.by_slogdet(*given), (1, 1))

    assert grade("E8.2", {"full_rank_elbo": as_column}).status == "correct"

    def as_dict(*given: Any) -> Any:
        g_mu, g_L = e8_3.by_loops(*given)
        return {"g_L": g_L, "g_mu": g_mu}

    assert grade("E8.3", {"full_rank_gradients": as_dict}).status == "correct"


ODD = {**ODD_RESULTS, "matrix": np.ones((3, 3)), "a dict": {"g_mu": 1.0, "g_L": None}}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_odd_results_are_judged_and_never_stop_the_check(exercise, odd) -> None:
    verdict = grade(exercise, dict.fromkeys(exercise.names, lambda *_, **__: ODD[odd]), seed=1)
    assert verdict.score == 0.0
    assert verdict.hints


@pytest.mark.slow
def test_false_alarms_of_the_elbo_follow_the_nominal_rate(monkeypatch) -> None:
    """Two tries at a nominal 1 %: at most 2 of 60 right answers fail (p < 4e-8 even at 4e-4)."""
    monkeypatch.setattr(elbo_checks, "Z_ALPHA", 1e-2)
    other = entry(e8_2, "entropy from the draws").answer
    failed = 0
    for seed in range(60):
        try:
            elbo_checks._values(Recorder(LocalAnswer(other)), np.random.default_rng([seed, 88]))
        except Mismatch:
            failed += 1
    assert failed <= 2

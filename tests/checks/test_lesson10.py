"""What the checks of lesson 10 promise beyond the bank: points by part, two mistakes, fairness."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from bank_entries import ODD_RESULTS, entry
from scipy import special

from autograder.checks import grade
from autograder.checks import lesson10_likelihood as likelihood_checks
from autograder.checks import lesson10_predictive as predictive_checks
from autograder.checks import lesson10_weights as weight_checks
from autograder.checks.bank import e10_1, e10_2, e10_3, e10_4
from autograder.checks.bank.e10_3_pieces import kl, kl_of_the_draw, log_lik, loss
from autograder.checks.lesson10 import EXERCISES
from vi_lib.amortised import bayes_by_backprop_loss, predictive_moments, sample_weights, weight_kl

Array = Any
IDS = [exercise.id for exercise in EXERCISES]


def test_points_are_those_of_the_syllabus() -> None:
    points = {exercise.id: exercise.points for exercise in EXERCISES}
    assert points == {"E10.1": 3.0, "E10.2": 5.0, "E10.3": 6.0, "E10.4": 6.0}


def test_the_copies_of_a_mode_cost_what_the_lesson_says() -> None:
    """Log 20!, and with 20 signs to change log(20! 2^20), in nats."""
    assert special.gammaln(21) == pytest.approx(42.3, abs=0.05)
    assert special.gammaln(21) + 20 * np.log(2) == pytest.approx(56.2, abs=0.05)


def test_nothing_is_left_to_chance() -> None:
    assert all(part.false_alarm == 0.0 for e in EXERCISES for part in e.parts)


# Partial credit: a mistake costs its own points and no others


@pytest.mark.parametrize(
    ("exercise", "bank", "mistake", "earned"),
    [
        ("E10.1", e10_1, "square-multiplied-out", [1, 1, 0]),
        ("E10.1", e10_1, "whole-numbers-truncated", [1, 0, 1]),
        ("E10.1", e10_1, "log-var-taken-as-log-sd", [0, 0, 0]),
        ("E10.2", e10_2, "whole-numbers-truncated", [2, 0, 1, 1]),
        ("E10.2", e10_2, "likelihood-under-q", [0, 0, 0, 0]),
        ("E10.2", e10_2, "evidence-returned", [0, 0, 1, 0]),
        ("E10.3", e10_3, "kl-not-divided", [1, 0, 0, 0, 0]),
        ("E10.3", e10_3, "normaliser-forgotten", [1, 1, 0, 1, 0]),
        ("E10.3", e10_3, "exp-for-softplus", [0, 0, 0, 1, 0]),
        ("E10.3", e10_3, "softplus-underflows", [1, 1, 2, 1, 0]),
        ("E10.3", e10_3, "order-of-the-weights", [0, 1, 0, 1, 0]),
        ("E10.3", e10_3, "prediction-is-a-column", [0, 1, 0, 0, 0]),
        ("E10.4", e10_4, "noise-forgotten", [1, 0, 0, 0, 0]),
        ("E10.4", e10_4, "one-pass-formula", [1, 2, 1, 0, 1]),
        ("E10.4", e10_4, "divided-by-one-less", [1, 2, 1, 0, 1]),
        ("E10.4", e10_4, "noise-averaged-over-points", [1, 2, 0, 1, 1]),
        ("E10.4", e10_4, "no-numbers-as-noise", [1, 2, 0, 1, 1]),
        ("E10.4", e10_4, "median-returned", [0, 2, 1, 0, 1]),
    ],
)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_mistake_costs_its_own_points(exercise, bank, mistake, earned, seed) -> None:
    verdict = grade(exercise, entry(bank, mistake).answer, seed)
    assert [part.earned for part in verdict.parts] == earned, str(verdict)


# Two mistakes at once

BOUND_PIECES = (
    {"first": e10_2.plugged_in},
    {"first": lambda y, m, s, noise_sd: e10_2.log_normal(y, m, s**2)},
    {"penalty": e10_2.kl_of_variances},
    {"penalty": e10_2.kl_from_the_prior},
    {"penalty": lambda *case: -e10_2.kl(*case)},
    {"reduce": np.sum},
    {"reduce": lambda value: -value},
)


@pytest.mark.parametrize(
    ("one", "two"),
    [(a, b) for a, b in itertools.combinations(BOUND_PIECES, 2) if not a.keys() & b.keys()],
)
def test_two_mistakes_in_the_bound_are_rejected(one, two) -> None:
    assert grade("E10.2", e10_2.elbo(**one, **two), seed=3).score <= 0.0


FIT_SLIPS = {
    "exp-for-softplus": {"sds": np.exp},
    "no-activation": {"nets": e10_3.without_tanh},
    "prediction-is-a-column": {"nets": e10_3.as_a_column},
    "noise-is-one": {"rows": lambda y, f, log_noise_sd: log_lik(y, f, 0.0)},
}
KL_SLIPS = {
    "kl-not-divided": {"total": lambda rows, penalty, num: -np.sum(rows) + penalty},
    "kl-rewarded": {"total": lambda rows, penalty, num: -np.sum(rows) - penalty / num},
    "kl-without-the-half": {"penalty": lambda at: 2.0 * kl(at)},
    "kl-averaged-over-weights": {"penalty": lambda at: kl(at) / len(at.mu)},
}


@pytest.mark.slow
@pytest.mark.parametrize("first", FIT_SLIPS)
@pytest.mark.parametrize("second", KL_SLIPS)
def test_a_slip_in_the_fit_and_one_in_the_kl_are_both_told(first, second) -> None:
    """A wrong sd changes the KL, too: then that hint alone is told."""
    verdict = grade("E10.3", loss(**FIT_SLIPS[first], **KL_SLIPS[second]), seed=4)
    assert verdict.score <= 1.0, str(verdict)
    assert entry(e10_3, first).hint in verdict.hints, str(verdict)
    told = entry(e10_3, second).hint in verdict.hints
    assert told or first == "exp-for-softplus", str(verdict)


def test_a_mean_for_a_sum_is_told_whatever_else_is_wrong() -> None:
    nets, hint = e10_3.column_by_column, entry(e10_3, "mean-likelihood-with-the-whole-kl").hint
    answer = loss(nets=nets, total=lambda rows, kl_, num: -np.mean(rows) + kl_ / num)
    assert hint in grade("E10.3", answer, seed=6).hints
    forgetful = e10_2.elbo(e10_2.plugged_in, reduce=np.mean)
    assert entry(e10_2, "summed").hint in grade("E10.2", forgetful, seed=6).hints


@pytest.mark.slow
@pytest.mark.parametrize("wrong_mean", ["median-returned", "over-the-points"])
@pytest.mark.parametrize("wrong_var", ["noise-forgotten", "noise-sd-added", "variance-of-the-mean"])
def test_a_wrong_mean_and_a_wrong_variance_are_both_told(wrong_mean, wrong_var) -> None:
    one, two = entry(e10_4, wrong_mean), entry(e10_4, wrong_var)

    def both(f_mean, f_var_noise):
        first = one.answer["predictive_moments"](f_mean, f_var_noise)[0]
        return first, two.answer["predictive_moments"](f_mean, f_var_noise)[1]

    verdict = grade("E10.4", {"predictive_moments": both}, seed=5)
    assert verdict.score <= 1.0, str(verdict)  # a wide enough band holds 90 % about any centre
    assert {one.hint, two.hint} <= set(verdict.hints), str(verdict)


# Fairness


@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_an_error_of_a_millionth_is_seen(exercise) -> None:
    def off(function: Any) -> Any:
        def answer(*arguments: Any) -> Any:
            found = function(*arguments)
            if isinstance(found, tuple):
                return tuple(value * (1.0 + 1e-6) for value in found)
            return found * (1.0 + 1e-6)

        return answer

    unguarded = dataclasses.replace(exercise, forbidden=())
    verdict = grade(unguarded, {n: off(f) for n, f in exercise.reference.items()}, seed=8)
    assert verdict.parts[0].earned == 0.0


def test_every_term_of_the_bound_is_far_beyond_the_tolerance() -> None:
    for seed in range(100):
        case = likelihood_checks._latent_case(np.random.default_rng(seed), 5)
        y, m, s, noise_sd = case
        terms = ((s / noise_sd) ** 2, m**2, s**2, np.log(s), (y - m) ** 2 / noise_sd**2)
        assert min(np.min(np.abs(term)) for term in terms) > 100 * 1e-9 * 10
        assert np.min(np.abs(np.log(noise_sd))) > 1e-3
        assert np.min(np.abs(s - noise_sd)) > 0.05


def test_every_term_of_the_loss_is_far_beyond_the_tolerance() -> None:
    for seed in range(100):
        params, X, y, eps = weight_checks._case(np.random.default_rng(seed))
        w = sample_weights(params, eps)
        assert np.min(np.abs(w - params["mu"])) > 1e-2
        assert weight_kl(params) / 10 > 0.1
        gap = weight_checks.sampled_kl(params, eps) - weight_kl(params)
        assert abs(gap) > 1e-5
        for k in range(len(w)):
            moved = {**params, "mu": params["mu"] + 1e-3 * (np.arange(len(w)) == k)}
            assert bayes_by_backprop_loss(moved, X, y, eps, 1) != pytest.approx(
                bayes_by_backprop_loss(params, X, y, eps, 1), rel=1e-7
            )


def test_the_kl_of_the_draw_is_unbiased_for_the_kl() -> None:
    """What the check accepts beside the closed form; 5 standard errors of 4000 draws."""
    params, _, _, _ = weight_checks._case(np.random.default_rng(0))
    eps = np.random.default_rng(1).standard_normal((4000, len(params["mu"])))
    drawn = np.array([weight_checks.sampled_kl(params, row) for row in eps])
    error = drawn.std(ddof=1) / np.sqrt(len(drawn))
    assert abs(drawn.mean() - weight_kl(params)) < 5 * error


def test_a_mixture_of_the_two_kls_is_rejected() -> None:
    """Closed form here, a draw there: the two are accepted each for itself."""
    verdict = grade("E10.3", loss(penalty=lambda at: 0.5 * (kl(at) + kl_of_the_draw(at))), seed=2)
    assert verdict.score < verdict.max_score


@pytest.mark.parametrize("seed", range(5))
def test_the_right_band_holds_90_percent_whatever_the_seed(seed) -> None:
    f_mean, noise, y = predictive_checks.exact_case(np.random.default_rng(seed))
    mean, var = predictive_moments(f_mean, noise)
    inside = np.mean(np.abs(y - mean) <= special.ndtri(0.95) * np.sqrt(var))
    assert inside == pytest.approx(0.9, abs=1e-3)
    for part in (noise, np.var(f_mean, axis=0)):
        narrow = np.mean(np.abs(y - mean) <= special.ndtri(0.95) * np.sqrt(part))
        assert narrow < predictive_checks.COVERED[0]


ODD = {**ODD_RESULTS, "a dict": {"mean": 1.0, "var": None}}


@pytest.mark.parametrize(
    "odd", [pytest.param(o, marks=pytest.mark.slow if k % 2 else ()) for k, o in enumerate(ODD)]
)
@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_odd_results_are_judged_and_never_stop_the_check(exercise, odd) -> None:
    verdict = grade(exercise, dict.fromkeys(exercise.names, lambda *_, **__: ODD[odd]), seed=1)
    assert verdict.score == 0.0
    assert verdict.hints

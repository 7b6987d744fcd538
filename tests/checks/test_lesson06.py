"""What the checks of lesson 6 promise beyond the bank: points by part, two mistakes, fairness."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from bank_entries import ODD_RESULTS, entry

from autograder.checks import grade
from autograder.checks import lesson06_sampling as sampling_checks
from autograder.checks import lesson06_variance as variance_checks
from autograder.checks.answer import LocalAnswer
from autograder.checks.bank import e6_1, e6_2, e6_3, e6_4, e6_5
from autograder.checks.bank.e6_gradients import PATH, TOTAL
from autograder.checks.compare import Mismatch
from autograder.checks.inputs import gaussian_grad_log_joint
from autograder.checks.lesson05_cases import gaussian_case
from autograder.checks.lesson06 import EXERCISES
from autograder.checks.protocol import Recorder
from vi_lib import sampling

Array = Any
IDS = [exercise.id for exercise in EXERCISES]


def test_points_are_those_of_the_syllabus() -> None:
    assert {exercise.id: exercise.points for exercise in EXERCISES} == {
        "E6.1": 4.0,
        "E6.2": 6.0,
        "E6.3": 5.0,
        "E6.4": 5.0,
        "E6.5": 5.0,
    }


# Partial credit: a mistake costs its own points and no others


@pytest.mark.parametrize(
    ("exercise", "bank", "mistake", "earned"),
    [
        ("E6.1", e6_1, "overflows", [0.5, 0, 0.5, 1, 0]),
        ("E6.1", e6_1, "inverse-loses-both-ends", [0.5, 1, 0.5, 0, 0]),
        ("E6.1", e6_1, "inverse-loses-tiny-y", [0.5, 1, 0.5, 0, 0]),
        ("E6.1", e6_1, "where-computes-both", [0.5, 1, 0.5, 1, 0]),
        ("E6.1", e6_1, "zero-guarded", [0.5, 1, 0.5, 0, 0]),
        ("E6.1", e6_1, "clipped", [0.5, 0, 0.5, 1, 0]),
        ("E6.2", e6_2, "laplace-noise-not-shifted", [1, 1, 0, 1, 1, 1]),
        ("E6.2", e6_2, "box-muller-without-the-2", [1, 1, 1, 0, 1, 1]),
        ("E6.2", e6_2, "covariance-of-the-transpose", [1, 1, 1, 1, 0, 1]),
        ("E6.2", e6_2, "sd-taken-as-variance", [1, 1, 1, 0, 1, 0]),
        ("E6.2", e6_2, "given-noise-ignored", [0, 0, 0, 0, 0, 0]),
        ("E6.3", e6_3, "entropy-forgotten", [1, 0, 0, 0]),
        ("E6.3", e6_3, "chain-factor-forgotten", [1, 0, 0, 0]),
        ("E6.3", e6_3, "path-derivative", [0, 0, 0, 1]),
        ("E6.3", e6_3, "integers-truncated", [1, 2, 0, 1]),
        ("E6.4", e6_4, "total-derivative", [0, 0, 0, 0]),
        ("E6.4", e6_4, "derivative-in-log-sd", [1, 0, 0, 2]),
        ("E6.4", e6_4, "integers-truncated", [1, 1, 0, 2]),
        ("E6.5", e6_5, "divided-by-the-number", [0, 0, 1, 1]),
        ("E6.5", e6_5, "one-pass-formula", [2, 0, 1, 1]),
        ("E6.5", e6_5, "given-generator-ignored", [2, 1, 0, 1]),
        ("E6.5", e6_5, "seed-reset-inside", [2, 1, 0, 0]),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_mistake_costs_its_own_points(exercise, bank, mistake, earned, seed) -> None:
    verdict = grade(exercise, entry(bank, mistake).answer, seed)
    assert [part.earned for part in verdict.parts] == earned, str(verdict)


# Two mistakes at once

_SOFT = (e6_1.naive, e6_1.sigmoid, e6_1.both_branches(30.0), e6_1.cut(-30.0, 30.0))
_INVERSE = (e6_1.naive_inverse, e6_1.tiny_lost, e6_1.large_lost, e6_1.guarded(1e-10), np.log)


@pytest.mark.parametrize("pair", list(itertools.product(range(4), range(5))))
def test_a_wrong_softplus_and_a_wrong_inverse_are_rejected(pair) -> None:
    verdict = grade("E6.1", e6_1._with(_SOFT[pair[0]], _INVERSE[pair[1]]), seed=3)
    assert verdict.score <= 2.0, str(verdict)
    assert verdict.parts[3].earned == 0.0
    assert verdict.misconception is not None


@pytest.mark.parametrize("first", ["laplace-noise-not-shifted", "tangent-without-pi"])
@pytest.mark.parametrize(
    "second", ["box-muller-without-the-2", "covariance-of-the-transpose", "exponential-of-a-part"]
)
def test_mistakes_in_two_rows_are_both_named(first, second) -> None:
    one, two = entry(e6_2, first), entry(e6_2, second)

    def both(name, eps, **params):
        row = {"laplace": one, "cauchy": one}.get(name, two)
        return row.answer["sample_reparameterized"](name, eps, **params)

    verdict = grade("E6.2", {"sample_reparameterized": both}, seed=4)
    assert verdict.score == 4.0, str(verdict)
    assert one.hint in verdict.hints
    assert two.hint in verdict.hints


PIECES: tuple[dict[str, Any], ...] = (
    {"extra": lambda at: 0.3},
    {"in_sd": lambda at: at.r},
    {"in_mu": lambda at: at.r - at.eps},
    {"average": lambda rows: np.sum(rows, axis=0)},
    {"draws": lambda mu, sd, eps: mu + sd**2 * eps},
    {"noise": lambda eps: eps[::-1]},
    {"finish": lambda a, b, at: (a, b * at.sd)},
)


@pytest.mark.parametrize("gradient", [TOTAL, PATH], ids=["total", "path"])
@pytest.mark.parametrize("pair", list(itertools.combinations(range(len(PIECES)), 2)))
def test_two_mistakes_in_a_gradient_are_rejected(gradient, pair) -> None:
    answer = gradient.of(**PIECES[pair[0]], **PIECES[pair[1]])
    verdict = grade("E6.3" if gradient is TOTAL else "E6.4", answer, seed=5)
    assert [part.earned for part in verdict.parts[1:3]] == [0.0, 0.0], str(verdict)


@pytest.mark.parametrize(
    "reduce",
    [
        lambda rows: np.sum(np.std(rows, axis=0)),
        lambda rows: np.std(rows, axis=1),
        lambda rows: np.std(rows, axis=0) / len(rows),
        lambda rows: np.mean(np.abs(rows), axis=0),
    ],
)
def test_two_mistakes_in_a_variance_are_rejected(reduce) -> None:
    verdict = grade("E6.5", e6_5._from(reduce), seed=6)
    assert verdict.score <= 1.0, str(verdict)


# Fairness


@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_an_error_of_a_millionth_is_seen(exercise) -> None:
    """By E6.2 as well, unless the distribution is right: there a millionth is no error."""

    def off(function: Any) -> Any:
        def answer(*arguments: Any, **options: Any) -> Any:
            found = function(*arguments, **options)
            if isinstance(found, tuple):
                return tuple(value * (1.0 + 1e-6) for value in found)
            return found * (1.0 + 1e-6)

        return answer

    unguarded = dataclasses.replace(exercise, forbidden=())
    verdict = grade(unguarded, {n: off(f) for n, f in exercise.reference.items()}, seed=8)
    assert (verdict.parts[0].earned == 0.0) == (exercise.id != "E6.2")


def test_every_term_of_the_gradients_is_far_beyond_the_tolerance() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        (mean, prec, _), mu, sd = gaussian_case(rng, 2)
        eps = rng.standard_normal((6, 2))
        r = gaussian_grad_log_joint(mean, prec)(mu + sd * eps)
        largest = max(np.max(np.abs(r)), np.max(1.0 / sd))
        for term in (np.mean(r * eps, axis=0), 1.0 / sd, np.mean(eps / sd, axis=0)):
            assert np.min(np.abs(term)) > 100 * 1e-9 * largest


@pytest.mark.parametrize("name", sampling_checks.ROWS)
def test_a_tenth_of_an_sd_is_seen_by_the_test_of_distributions(name) -> None:
    """A shift by a tenth of the scale, or a scale 10 % off, is rejected."""
    params = sampling_checks.ROWS[name].params(np.random.default_rng(9))
    (scale,) = set(params) & {"rate", "scale", "sd", "L"}
    changes = [{**params, scale: 1.1 * params[scale]}]
    for place in set(params) & {"loc", "mu"}:
        changes.append({**params, place: params[place] + 0.1 * np.max(params[scale])})
    for changed in changes:
        draw = {
            "sample_reparameterized": lambda row, eps, changed=changed, **_: (
                sampling.sample_reparameterized(row, eps, **changed)
            )
        }
        with pytest.raises(Mismatch):
            sampling_checks._distribution(
                Recorder(LocalAnswer(draw)), np.random.default_rng(10), name, params
            )


def test_draws_must_come_from_their_own_noise() -> None:
    """Sorted draws have the right distribution and are no function of their noise."""

    def shuffled(name, eps, **params):
        return sampling.sample_reparameterized(name, eps, **params)[::-1]

    verdict = grade("E6.2", {"sample_reparameterized": shuffled}, seed=2)
    assert verdict.score == 0.0


def test_oddly_shaped_answers_are_understood() -> None:
    slope = entry(e6_3, "loops and lists").answer["reparameterization_gradient"]

    def as_array(*given):
        return np.array(slope(*given))

    assert grade("E6.3", {"reparameterization_gradient": as_array}).status == "correct"

    def as_zero_dim(x):
        return anp.reshape(anp.logaddexp(0.0, x), anp.shape(x))

    soft = {**e6_1._with(), "softplus": as_zero_dim}
    assert grade("E6.1", soft).status == "correct"


ODD = {
    **ODD_RESULTS,
    "a dict": {"g_mu": 1.0, "g_sd": None},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_odd_results_are_judged_and_never_stop_the_check(exercise, odd) -> None:
    verdict = grade(exercise, dict.fromkeys(exercise.names, lambda *_, **__: ODD[odd]), seed=1)
    assert verdict.score == 0.0
    assert verdict.hints


def _false_alarms(test: Any, answer: Any, seeds: range) -> int:
    failed = 0
    for seed in seeds:
        try:
            test(Recorder(LocalAnswer(answer)), np.random.default_rng([seed, 77]))
        except Mismatch:
            failed += 1
    return failed


@pytest.mark.slow
@pytest.mark.parametrize("name", sampling_checks.ROWS)
def test_false_alarms_of_the_rows_follow_the_nominal_rate(name, monkeypatch) -> None:
    """Two tries at a nominal 1 %: at most 2 of 60 right answers fail (p < 4e-8 even at 4e-4)."""
    monkeypatch.setattr(sampling_checks, "KS_ALPHA", 1e-2)
    other = entry(e6_2, "other uniforms").answer
    assert _false_alarms(sampling_checks._part(name), other, range(60)) <= 2


@pytest.mark.slow
def test_false_alarms_of_the_variances_follow_the_nominal_rate(monkeypatch) -> None:
    monkeypatch.setattr(variance_checks, "CHI_ALPHA", 1e-2)
    other = entry(e6_5, "a spawned generator for each repetition").answer
    assert _false_alarms(variance_checks._fresh_noise, other, range(60)) <= 2

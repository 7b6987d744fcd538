"""What the checks of lesson 9 promise beyond the bank: points by part, two mistakes, fairness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bank_entries import ODD_RESULTS, entry

from autograder.checks import grade, scenes
from autograder.checks.answer import Call, LocalAnswer, Words
from autograder.checks.bank import e9_1, e9_2, e9_3, e9_4, e9_5, e9_guides
from autograder.checks.bank.e9_steps import stepping
from autograder.checks.bank.e9_words import language, layer, total, words
from autograder.checks.lesson09 import EXERCISES
from autograder.checks.scene_fits import Design, grid_of
from vi_lib import ppl
from vi_lib.optimizers import adam, rmsprop, sgd

Array = Any
OURS = Words(vars(ppl))


def test_points_are_those_of_the_syllabus() -> None:
    points = {exercise.id: exercise.points for exercise in EXERCISES}
    assert points == {"E9.1": 6.0, "E9.2": 5.0, "E9.3": 4.0, "E9.4": 5.0, "E9.5": 6.0}


# Partial credit: a mistake costs its own points and no others


@pytest.mark.parametrize(
    ("exercise", "bank", "mistake", "earned"),
    [
        ("E9.1", e9_1, "duplicate-overwritten", [1.5, 1, 1.5, 1, 0, 0.5]),
        ("E9.1", e9_1, "nested-plates-forgotten", [1.5, 1, 1.5, 0, 0.5, 0.5]),
        ("E9.1", e9_1, "constraint-forgotten", [1.5, 1, 0, 1, 0.5, 0.5]),
        ("E9.1", e9_1, "own-generator", [0, 1, 1.5, 1, 0, 0.5]),
        ("E9.1", e9_1, "handlers-left-after-an-error", [1.5, 1, 1.5, 1, 0.5, 0]),
        ("E9.2", e9_2, "scale-ignored", [0, 2, 1]),
        ("E9.2", e9_2, "observed-sites-replayed", [2, 2, 0]),
        ("E9.2", e9_2, "whole-site-copied", [2, 0, 1]),
        ("E9.3", e9_3, "only-missing-reported", [0, 0, 0.5, 0.5, 1]),
        ("E9.3", e9_3, "order-compared", [1, 1, 0.5, 0.5, 0]),
        ("E9.3", e9_3, "shapes-not-compared", [1, 1, 0.5, 0, 1]),
        ("E9.4", e9_4, "no-jacobian", [1.5, 0, 0.5, 1.5]),
        ("E9.4", e9_4, "plates-forgotten", [1.5, 1.5, 0, 1.5]),
        ("E9.5", e9_5, "state-recreated", [1, 1.5, 1, 0, 1, 0]),
        ("E9.5", e9_5, "gamma-by-rejection", [1, 1.5, 1, 0.5, 1, 0]),
    ],
)
@pytest.mark.parametrize("seed", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_mistake_costs_its_own_points(exercise, bank, mistake, earned, seed) -> None:
    if exercise in ("E9.4", "E9.5") and seed == 2:
        pytest.skip("fits take a second: once, among the slow ones, is enough")
    verdict = grade(exercise, entry(bank, mistake).answer, seed)
    got = [part.earned for part in verdict.parts]
    assert got == earned, str(verdict)


# Two mistakes at once

HOOKS: dict[str, dict[str, Any]] = {
    "duplicate": {"twice": e9_1._overwrite},
    "no generator": {"draw": e9_1._never_missing},
    "upside down": {"rescale": lambda scale, size, length: scale * length / size},
    "first rows": {"rows": e9_1._all_rows},
    "no constraint": {"param_value": lambda name, init, t, params: params.get(name, init)},
    "mean": {"log_prob": lambda m: np.mean(m["dist"].log_prob(m["value"]))},
}


@pytest.mark.parametrize("first", HOOKS)
@pytest.mark.parametrize("second", HOOKS)
def test_two_mistakes_in_the_words_are_rejected(first, second) -> None:
    verdict = grade("E9.1", words(**{**HOOKS[first], **HOOKS[second]}), seed=3)
    assert verdict.score < 6.0, str(verdict)
    if {first, second} == {"duplicate", "no constraint"}:
        told = {entry(e9_1, n).hint for n in ("duplicate-overwritten", "constraint-forgotten")}
        assert told <= set(verdict.hints), str(verdict)


@pytest.mark.parametrize("joint", [e9_2._recomputed, lambda trace: -total(trace)])
@pytest.mark.parametrize("copy", [e9_2._everything, e9_2._becomes_observed])
def test_a_wrong_replay_is_rejected_whatever_the_log_joint(joint, copy) -> None:
    verdict = grade("E9.2", layer(log_joint=joint, copy=copy), seed=3)
    assert verdict.score <= 3.0, str(verdict)
    assert verdict.parts[1].earned == 0.0


@pytest.mark.parametrize(
    ("one", "two"), [("missing", "observed"), ("extra", "shapes"), ("observed", "shapes")]
)
def test_two_holes_in_the_check_of_a_guide_are_seen(one, two) -> None:
    verdict = grade("E9.3", e9_3.checker(**{one: False, two: False}), seed=3)
    assert verdict.score <= 3.0, str(verdict)


@pytest.mark.parametrize("wording", ["the sites do not agree", "Bad guide!"])
def test_an_error_without_names_is_known_whatever_it_says(wording) -> None:
    def end(problems: list[str]) -> None:
        if problems:
            raise ValueError(wording)

    verdict = grade("E9.3", e9_3.checker(end=end), seed=3)
    assert verdict.misconception == "error-without-the-name", str(verdict)
    assert wording in str(verdict)


# A mistake in one exercise does not spoil the next


def test_words_with_a_mistake_are_good_enough_for_the_next_exercise() -> None:
    """Each of these loses points in E9.1, and none in E9.2."""
    for name in ("duplicate", "no generator", "first rows"):
        hooks = HOOKS[name]
        assert grade("E9.1", words(**hooks), seed=4).score < 6.0
        verdict = grade("E9.2", layer(hooks), seed=4)
        assert verdict.score == 5.0, str(verdict)


def test_the_librarys_words_are_forbidden_in_the_first_exercise_only() -> None:
    theirs = {name: getattr(ppl, name) for name in ("sample", "param", "plate", "trace")}
    first = grade("E9.1", theirs)
    assert first.misconception == "calls-the-library"
    mine = entry(e9_2, "library-words-and-own-replay").answer
    assert mine["sample"] is ppl.sample
    assert grade("E9.2", mine).status == "correct"


def test_a_stub_of_an_earlier_exercise_is_named() -> None:
    def trace(*_: object) -> None:
        raise NotImplementedError

    verdict = grade("E9.2", {**layer(), "trace": trace})
    assert verdict.score == 0.0
    assert "`trace` is not started yet, and `log_joint` is tried out with it" in verdict.hints[0]


def test_a_missing_word_is_named() -> None:
    answer = {name: f for name, f in layer().items() if name != "trace"}
    verdict = grade("E9.2", answer)
    assert "name 'trace' is not defined" in verdict.hints[0]


def test_an_error_leaves_nothing_on_the_stack_of_the_lesson() -> None:
    answer = words(restores=False, stops=False)
    call = Call("trace", (("stumbles", True), ("one_observed", "a"), (), 1), scene="after_an_error")
    LocalAnswer(answer).perform(call)
    assert answer["STACK"] == []


# Slow but right

SLOW = {"adam": adam(0.02), "rmsprop": rmsprop(0.02), "plain ascent": sgd(0.004)}


@pytest.mark.slow
@pytest.mark.parametrize("rule", SLOW)
def test_small_steps_with_one_draw_each_arrive(rule) -> None:
    guide = e9_guides.guide_of(e9_guides.precision_shape_and_mean)
    verdict = grade("E9.5", stepping(optimizer=SLOW[rule], guide=guide), seed=5)
    assert verdict.score == 6.0, str(verdict)


@pytest.mark.parametrize(
    ("name", "moves"),
    [("gamma-by-rejection", False), ("adam-and-shape-and-rate", True), ("plain-ascent", True)],
)
def test_a_draw_that_does_not_move_with_its_parameters_is_known(name, moves) -> None:
    call = Call("gaussian_gamma_guide", (([0.3, 1.2],), 4), scene="gamma_slope")
    outcome = LocalAnswer(entry(e9_5, name).answer).perform(call)
    assert outcome.fault is None
    assert (outcome.value > 0.0) == moves


# What the checks rest on


@pytest.mark.parametrize("dim", [1, 2, 5, 11])
def test_noise_of_a_design_has_exact_moments(dim) -> None:
    design = Design(dim)
    rows = []
    for row in range(dim + 1):
        design.begin(row)
        rows.append([design.normal(), *design.standard_normal(dim - 1)])
    np.testing.assert_allclose(np.mean(rows, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.cov(np.transpose(rows), bias=True), np.eye(dim), atol=1e-12)


@pytest.mark.parametrize("support", ["real", "positive", (1.0, 3.5)])
def test_the_grid_sees_all_of_a_narrow_guide(support) -> None:
    theta, weight = grid_of(support)
    dist = ppl.guides.transformed(ppl.Normal(0.8, 0.05).expand((1,)).to_event(1), {
        "dist": type("D", (), {"support": support})}, ())  # fmt: skip
    mass = sum(np.exp(float(np.sum(dist.log_prob(np.asarray(t))))) * w
               for t, w in zip(theta, weight, strict=True))  # fmt: skip
    assert mass == pytest.approx(1.0, rel=1e-9)


def test_a_trace_takes_parameters_and_a_parameter_keeps_its_first_value() -> None:
    def fn() -> Array:
        first = ppl.param("s", 2.0, "positive")
        return first, ppl.param("s", 5.0, "positive")

    seen: list[Array] = []
    sites = ppl.trace(lambda: seen.append(fn()))()
    assert seen[0] == (2.0, 2.0)
    sites = ppl.trace(lambda: seen.append(fn()), params={"s": 0.0})()
    assert seen[1] == (1.0, 1.0)
    assert sites["s"]["value"] == 1.0


def test_scenes_that_are_listed_exist() -> None:
    assert all(callable(getattr(scenes, name)) for name in scenes.__all__)
    assert set(language()) >= {"sample", "param", "plate", "trace"}


ODD = {**ODD_RESULTS, "a dict": {"type": "sample"}}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "exercise",
    [
        pytest.param(e, id=e.id, marks=pytest.mark.slow if e.id in ("E9.4", "E9.5") else ())
        for e in EXERCISES
    ],
)
def test_odd_results_are_judged_and_never_stop_the_check(exercise, odd) -> None:
    mine = {**layer(), **dict.fromkeys(exercise.names, lambda *_, **__: ODD[odd])}
    verdict = grade(exercise, mine, seed=1)
    assert verdict.score <= 1.0, str(verdict)
    assert verdict.hints

"""The bank of typical answers is the test of the checks: every exercise against every entry."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest

from autograder.checks import grade
from autograder.checks.protocol import Exercise, Right, Wrong
from autograder.checks.registry import all_exercises

SEEDS = (0, 20_231)
EXERCISES = {exercise.id: exercise for exercise in all_exercises()}
exercise_ids = pytest.mark.parametrize("exercise_id", EXERCISES)
#: The wrappers of some tests are for functions; classes have tests of their own in test_lesson07.
function_ids = pytest.mark.parametrize(
    "exercise_id",
    [i for i, e in EXERCISES.items() if not any(isinstance(f, type) for f in e.reference.values())],
)


def unguarded(exercise: Exercise) -> Exercise:
    """The exercise, without the guard against handing in the library's own functions."""
    return dataclasses.replace(exercise, forbidden=())


#: These take seconds to judge: only the first entries of their banks belong to `make quick`.
LONG, QUICK = {"E3.5", "E4.4", "E5.5", "E7.5", "E9.4", "E9.5", "E11.5"}, 2


def entries(kind: str) -> list[object]:
    """Right answers with both seeds, wrong ones by turns; what takes seconds, with the first.

    docs/graders.md has three more seeds of every entry.
    """

    def seeds(exercise: Exercise, index: int) -> tuple[int, ...]:
        if exercise.id in LONG:
            return SEEDS[:1]
        return SEEDS if kind == "right" else (SEEDS[index % len(SEEDS)],)

    return [
        pytest.param(
            exercise,
            entry,
            seed,
            id=f"{seed}-{exercise.id}-{entry.name}",
            marks=pytest.mark.slow if seed or (exercise.id in LONG and index >= QUICK) else (),
        )
        for exercise in EXERCISES.values()
        for index, entry in enumerate(getattr(exercise, kind))
        for seed in seeds(exercise, index)
    ]


@exercise_ids
@pytest.mark.parametrize("seed", [0, 1, 2, 20_231])
def test_reference_gets_full_marks(exercise_id: str, seed: int) -> None:
    exercise = unguarded(EXERCISES[exercise_id])
    verdict = grade(exercise, exercise.reference, seed)
    assert verdict.score == verdict.max_score, str(verdict)
    assert verdict.status == "correct"
    assert verdict.hints == ()
    assert verdict.misconception is None


@pytest.mark.parametrize(("exercise", "entry", "seed"), entries("right"))
def test_right_but_different_gets_full_marks(exercise: Exercise, entry: Right, seed: int) -> None:
    verdict = grade(exercise, entry.answer, seed)
    assert verdict.score == verdict.max_score, str(verdict)


@pytest.mark.parametrize(("exercise", "entry", "seed"), entries("wrong"))
def test_wrong_answer_is_told_its_own_hint(exercise: Exercise, entry: Wrong, seed: int) -> None:
    for answer in (entry.answer, *entry.also):
        verdict = grade(exercise, answer, seed)
        assert verdict.score < verdict.max_score
        assert verdict.misconception == entry.name, str(verdict)
        assert verdict.hints[0] == entry.hint


@exercise_ids
def test_bank_is_rich_and_its_names_are_unique(exercise_id: str) -> None:
    exercise = EXERCISES[exercise_id]
    names = [entry.name for entry in (*exercise.wrong, *exercise.right)]
    assert len(set(names)) == len(names)
    hints = [entry.hint for entry in exercise.wrong]
    assert len(set(hints)) == len(hints)
    assert len(exercise.wrong) >= 8
    assert len(exercise.right) >= 3


@exercise_ids
def test_stated_false_alarm_rates_add_up_to_at_most_1e_5(exercise_id: str) -> None:
    stated = sum(part.false_alarm for part in EXERCISES[exercise_id].parts)
    assert stated <= 1e-5


@exercise_ids
def test_untouched_stub_gets_nothing_and_is_told_so_calmly(exercise_id: str) -> None:
    def stub(*_: object, **__: object) -> None:
        raise NotImplementedError

    exercise = EXERCISES[exercise_id]
    names = (*exercise.names, *exercise.needs)
    verdict = grade(exercise_id, dict.fromkeys(names, stub))
    assert (verdict.score, verdict.status) == (0.0, "not started")
    assert all("not started" in hint for hint in verdict.hints)


@exercise_ids
def test_missing_answer_is_told_so(exercise_id: str) -> None:
    verdict = grade(exercise_id, {})
    assert (verdict.score, verdict.status) == (0.0, "not defined")


@exercise_ids
@pytest.mark.parametrize(
    "constant",
    [
        0.0,
        (1.0, 2.0),
        *(pytest.param(c, marks=pytest.mark.slow) for c in (1, None, "text", np.nan, [], object)),
    ],
)
def test_constants_get_no_points(exercise_id: str, constant: object) -> None:
    exercise = EXERCISES[exercise_id]
    answer = {name: lambda *_, **__: constant for name in exercise.names}
    verdict = grade(exercise_id, answer)
    assert verdict.score <= 0.2 * verdict.max_score, str(verdict)


@function_ids
def test_answers_that_draw_from_the_global_state_are_caught(exercise_id: str) -> None:
    exercise = unguarded(EXERCISES[exercise_id])

    def wrap(function):
        @functools.wraps(function)
        def careless(*args, **kwargs):
            np.random.rand()  # noqa: NPY002
            return function(*args, **kwargs)

        return careless

    answer = {name: wrap(found) for name, found in exercise.reference.items()}
    verdict = grade(exercise, answer)
    assert verdict.score < verdict.max_score
    assert verdict.misconception == "global-random-state"


@function_ids
def test_answers_that_change_their_input_are_caught(exercise_id: str) -> None:
    exercise = unguarded(EXERCISES[exercise_id])
    changed = []

    def wrap(function):
        @functools.wraps(function)
        def careless(*args, **kwargs):
            result = function(*args, **kwargs)
            for argument in (*args, *kwargs.values()):
                if isinstance(argument, np.ndarray):
                    argument += 1
                elif isinstance(argument, dict):
                    argument.clear()
                else:
                    continue
                changed.append(argument)
            return result

        return careless

    answer = {name: wrap(found) for name, found in exercise.reference.items()}
    verdict = grade(exercise, answer)
    if not changed:
        pytest.skip("no argument of this exercise can be changed")
    assert verdict.score < verdict.max_score
    assert verdict.misconception == "changes-its-input"


@function_ids
def test_handing_in_the_librarys_own_function_is_caught(exercise_id: str) -> None:
    exercise = EXERCISES[exercise_id]
    assert exercise.forbidden, "every exercise's solution stands in vi_lib: forbid it by name"

    def disguise(function):
        return lambda *args, **kwargs: function(*args, **kwargs)

    verdict = grade(exercise_id, {k: disguise(f) for k, f in exercise.reference.items()})
    assert verdict.score < verdict.max_score
    assert verdict.misconception == "calls-the-library"

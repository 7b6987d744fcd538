"""Across all exercises: two mistakes at once, right answers in odd shapes, right answers that wait.

A combination is made mechanically. Either the wrong functions of two entries of the bank stand side
by side, in exercises with several functions, or what a wrong function returns is spoilt once more.
Neither may earn full marks, unless the two mistakes cancel and the answer is a right one.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Collection, Container, Iterator
from typing import Any

import numpy as np
import pytest

from autograder.checks import grade
from autograder.checks.answer import LocalAnswer
from autograder.checks.diagnose import same
from autograder.checks.protocol import Exercise, Recorder, Verdict
from autograder.checks.registry import all_exercises

Answer = dict[str, Any]
SEED = 3
EXERCISES = {exercise.id: exercise for exercise in all_exercises()}
#: Their checks take seconds.
LONG = {
    "E3.5",
    "E4.4",
    "E5.2",
    "E5.4",
    "E5.5",
    "E6.2",
    "E6.5",
    "E7.5",
    "E9.4",
    "E9.5",
    "E11.5",
    "E12.4",
    "E12.5",
}
#: The functions of one answer share a stack of handlers; those of two answers do not go together.
TOGETHER = {"E9.1", "E9.2", "E9.5"}


#: A step whose results go back into it: the shape of its state is the answer's own affair.
OWN_STATE = {"E9.5"}


def exercises(*, several: bool = False, without: Container[str] = ()) -> list[Any]:
    """The exercises; with `several`, those that ask for more than one function or class."""
    return [
        pytest.param(name, marks=pytest.mark.slow if name in LONG else ())
        for name, exercise in EXERCISES.items()
        if (not several or (len(exercise.names) > 1 and name not in TOGETHER))
        and name not in without
    ]


def judged(exercise: Exercise, answer: Answer) -> Verdict:
    """The verdict without its hint: it is the search for a hint that takes time."""
    plain = dataclasses.replace(exercise, wrong=(), right=(), forbidden=())
    return grade(plain, answer, SEED)


def failed(exercise: Exercise, answer: Answer) -> set[str]:
    """The names of the parts that an answer fails."""
    return {part.name for part in judged(exercise, answer).parts if part.earned < part.points}


def full_marks(exercise: Exercise, answer: Answer, doubtful: Collection[str] = ()) -> bool:
    """Whether no part is failed. The first that is ends the search; `doubtful` ones come first."""
    parts = sorted(exercise.parts, key=lambda part: part.name not in doubtful)
    return not any(failed(dataclasses.replace(exercise, parts=(p,)), answer) for p in parts)


def changed(answer: Answer, change: Callable[[Any], Any]) -> Answer:
    """The same functions, with a change of what they return; a class has it in every method."""
    return {name: _changed(found, change) for name, found in answer.items()}


def _changed(found: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(found, type):
        methods = {
            name: _changed(method, change)
            for name, method in vars(found).items()
            if callable(method) and not name.startswith("_")
        }
        return type(found.__name__, (found,), methods)
    if not callable(found):
        return found

    @functools.wraps(found)
    def function(*args: Any, **kwargs: Any) -> Any:
        return change(found(*args, **kwargs))

    return function


def deep(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A change of each number or array in a result."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(walk, value))
        if isinstance(value, (list, tuple)):
            return type(value)(map(walk, value))
        return change(value) if isinstance(value, (int, float, np.ndarray, np.generic)) else value

    return walk


# Two mistakes


def transposed(value: Any) -> Any:
    """A matrix, or a pair of results, the other way round."""
    if isinstance(value, np.ndarray) and value.ndim > 1:
        return value.T
    return value


SPOILT: dict[str, Callable[[Any], Any]] = {
    "negated": deep(lambda value: -np.asarray(value, float)),
    "doubled": deep(lambda value: 2 * np.asarray(value, float)),
    "halved": deep(lambda value: np.asarray(value, float) / 2),
    "shifted": deep(lambda value: value + 0.3),
    "transposed": deep(transposed),
    "as a list": deep(lambda value: np.asarray(value).tolist()),
    "in another order": lambda value: value[::-1] if isinstance(value, tuple) else value,
    "summed": deep(lambda value: np.sum(value)),
}


def is_right(exercise: Exercise, answer: Answer) -> bool:
    """Whether an answer gives, for every call of the check, what a right answer of ours gives.

    Calls at which ours is not finite do not count: what stands beside an infinity is free.
    """
    recorder = Recorder(LocalAnswer(answer))
    for index, part in enumerate(exercise.parts):
        part.test(recorder, np.random.default_rng([SEED, index]))
    ours = (exercise.reference, *(right.answer for right in exercise.right))
    return any(
        all(
            same(want := LocalAnswer(found).perform(call).value, got.value) or not finite(want)
            for call, got in recorder.records
        )
        for found in ours
    )


def finite(value: Any) -> bool:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        return all(map(finite, value))
    return bool(np.isfinite(value).all())


def assert_wrong_or_right(
    exercise: Exercise, answer: Answer, what: str, doubtful: Collection[str] = ()
) -> None:
    if full_marks(exercise, answer, doubtful):
        assert is_right(exercise, answer), f"{what} got full marks"


def right_answer(exercise: Exercise) -> Answer:
    """A right answer to put mistakes into; where the reference trains a network, a quicker one."""
    quick = exercise.right[0].answer if exercise.id == "E11.5" else {}
    return {**exercise.reference, **quick}


def wrong_answers(exercise: Exercise) -> Iterator[tuple[str, Answer]]:
    for wrong in exercise.wrong:
        yield wrong.name, {**right_answer(exercise), **wrong.answer}


@pytest.mark.parametrize("name", exercises())
@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_wrong_answer_that_is_spoilt_once_more_is_wrong(name: str, spoilt: str) -> None:
    """Each mistake meets two of the eight changes, in slow exercises one."""
    exercise = EXERCISES[name]
    stride = len(SPOILT) // (1 if name in LONG else 2)
    first = list(SPOILT).index(spoilt) % stride
    for mistake, answer in itertools.islice(wrong_answers(exercise), first, None, stride):
        assert_wrong_or_right(exercise, changed(answer, SPOILT[spoilt]), f"{mistake}, {spoilt},")


@pytest.mark.parametrize("name", exercises(several=True))
def test_wrong_functions_of_two_mistakes_are_wrong(name: str) -> None:
    """One function of each; where neither is wrong by itself the pair may well be right."""
    exercise = EXERCISES[name]
    wrong = dict(wrong_answers(exercise))
    single = {
        (mistake, part): {**right_answer(exercise), part: answer[part]}
        for mistake, answer in wrong.items()
        for part in exercise.names
        if part in answer
    }
    found = {key: failed(exercise, answer) for key, answer in single.items()}
    bad = sorted(key for key, parts in found.items() if parts)
    for (one, first), (two, second) in itertools.combinations(bad, 2):
        if first != second and one != two:
            pair = {first: wrong[one][first], second: wrong[two][second]}
            both = {**right_answer(exercise), **pair}
            what = f"{first} of {one} with {second} of {two}"
            doubtful = found[one, first] | found[two, second]
            assert_wrong_or_right(exercise, both, what, doubtful)


# Right answers in odd shapes


def single(value: Any) -> Any:
    """A number as an array of one entry; arrays as they are."""
    return np.reshape(value, 1) if np.ndim(value) == 0 else value


EQUAL: dict[str, Callable[[Any], Any]] = {
    "lists for arrays": deep(lambda value: np.asarray(value).tolist()),
    "Python floats": deep(lambda value: float(value) if np.ndim(value) == 0 else value),
    "NumPy scalars": deep(lambda value: np.float64(value) if np.ndim(value) == 0 else value),
    "0-d arrays": deep(np.asarray),
    "a list for a tuple": lambda value: list(value) if isinstance(value, tuple) else value,
    "Fortran order": deep(lambda value: np.asarray(value, order="F")),
}
ODD: dict[str, Callable[[Any], Any]] = {
    "(1,) for a number": deep(single),
    "(1, N) for (N,)": deep(lambda v: v[None] if np.ndim(v) == 1 else v),
    "(N, 1) for (N,)": deep(lambda v: v[:, None] if np.ndim(v) == 1 else v),
    "a tuple of columns": deep(lambda v: tuple(v.T) if np.ndim(v) == 2 else v),
    "in a list": lambda value: [value],
    "with one more": lambda value: (*value, 0.0) if isinstance(value, tuple) else (value, 0.0),
    "text": deep(str),
    "objects": deep(lambda value: np.asarray(value, object)),
    "complex": deep(lambda value: np.asarray(value) + 0j),
    "one entry too many": deep(lambda v: np.append(v, v[-1:], 0) if np.ndim(v) else v),
    "nothing": lambda value: None,
}


def references(exercise: Exercise) -> Answer:
    return dict(exercise.reference)


@pytest.mark.parametrize("name", exercises(without=OWN_STATE))
@pytest.mark.parametrize("shape", EQUAL)
def test_what_is_the_same_to_a_reader_gets_full_marks(name: str, shape: str) -> None:
    exercise = EXERCISES[name]
    verdict = judged(exercise, changed(references(exercise), EQUAL[shape]))
    assert verdict.score == verdict.max_score, str(verdict)


@pytest.mark.parametrize("name", exercises())
def test_single_precision_is_accepted_or_named(name: str) -> None:
    exercise = EXERCISES[name]
    change = deep(lambda value: np.asarray(value, np.float32))
    verdict = judged(exercise, changed(references(exercise), change))
    for part in verdict.parts:
        assert part.earned == part.points or "float32" in part.message, f"{part.name}: {part}"


#: What a message has to say: what was expected, and what came instead.
CLEAR = re.compile(r"expected .+\bgot .+", re.S)


@pytest.mark.parametrize("name", exercises(without=OWN_STATE))
@pytest.mark.parametrize("shape", ODD)
def test_an_odd_shape_is_accepted_or_named(name: str, shape: str) -> None:
    exercise = EXERCISES[name]
    verdict = judged(exercise, changed(references(exercise), ODD[shape]))
    for part in verdict.parts:
        if part.earned < part.points:
            assert CLEAR.search(part.message), f"{part.name}: {part.message}"

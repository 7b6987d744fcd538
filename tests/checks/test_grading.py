"""Grading one answer: points, faults, the bank's hints, and what is shown."""

from __future__ import annotations

import random
import sys
import types
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from autograder.checks import check, grade
from autograder.checks.compare import close, require
from autograder.checks.grading import NotYetRight
from autograder.checks.protocol import Exercise, Part, Recorder, Right, Verdict, Wrong


def reference(x, scale):
    return scale * np.sum(x**2)


def value(answer: Recorder, rng: np.random.Generator) -> None:
    x, scale = rng.normal(size=4), rng.uniform(1, 2)
    close(answer.call("f", x, scale), reference(x, scale), "f")


def empty(answer: Recorder, rng: np.random.Generator) -> None:
    close(answer.call("f", np.zeros(0), 1.0), 0.0, "f of nothing", atol=1e-12)
    require(True, "always")


EXERCISE = Exercise(
    id="E99.1",
    title="Sum of squares",
    names=("f",),
    reference={"f": reference},
    parts=(Part("value", 3, value), Part("edge case", 1, empty)),
    wrong=(
        Wrong("cube", {"f": lambda x, scale: scale * np.sum(x**3)}, "Which power?"),
        Wrong("mean", {"f": lambda x, scale: scale * np.mean(x**2)}, "Sum or mean?"),
        Wrong("index", {"f": lambda x, scale: scale * x[4] ** 2}, "Count from 0."),
    ),
    right=(Right("dot", {"f": lambda x, scale: scale * x @ x}),),
    forbidden=("tests.fake_library:reference",),
)


def judged(f: object, seed: int = 0) -> Verdict:
    return grade(EXERCISE, {"f": f}, seed)


def test_full_marks() -> None:
    verdict = judged(lambda x, scale: scale * float(x @ x))
    assert (verdict.score, verdict.max_score, verdict.status) == (4.0, 4.0, "correct")
    assert type(verdict.score) is float
    assert (verdict.hints, verdict.misconception) == ((), None)


def test_a_typical_mistake_is_recognised_and_partial_credit_given() -> None:
    verdict = judged(lambda x, scale: scale * sum(v**3 for v in x))
    assert (verdict.score, verdict.status) == (1.0, "partly correct")
    assert verdict.misconception == "cube"
    assert verdict.hints[0] == "Which power?"
    assert verdict.hints[1].startswith("f: expected ")


def test_a_mistake_that_raises_is_recognised_by_its_error() -> None:
    verdict = judged(lambda x, scale: scale * x[7] ** 2)
    assert verdict.misconception == "index"
    assert "IndexError" in verdict.parts[0].message


def test_an_unknown_mistake_is_told_what_came() -> None:
    verdict = judged(lambda x, scale: 17.0 + 0 * scale)
    assert verdict.misconception is None
    assert "got 17" in verdict.hints[0]


def test_two_mistakes_at_once_are_still_rejected() -> None:
    verdict = judged(lambda x, scale: scale * np.mean(x**3))
    assert verdict.score == 0


def test_the_seed_decides_the_inputs() -> None:
    remembered = reference(np.random.default_rng(0).normal(size=4), 1.0)
    assert judged(lambda x, scale: remembered).score == 0
    assert judged(reference, 1) == judged(reference, 1)
    messages = {judged(lambda x, scale: 1.0, seed).parts[0].message for seed in range(4)}
    assert len(messages) == 4


def mutates(x, scale):
    x *= 2
    return scale * np.sum((x / 2) ** 2)


def uses_numpy_random(x, scale):
    np.random.rand()  # noqa: NPY002
    return reference(x, scale)


def uses_python_random(x, scale):
    random.random()
    return reference(x, scale)


@pytest.mark.parametrize(
    ("f", "name", "words"),
    [
        (mutates, "changes-its-input", "argument 1 in place"),
        (uses_numpy_random, "global-random-state", "the `rng` you are given"),
        (uses_python_random, "global-random-state", "the `rng` you are given"),
        (lambda x, scale: -scale * np.sum(x**2), "negated", "opposite sign"),
        (lambda x, scale: np.nan, "not-finite", "not finite"),
    ],
)
def test_faults_that_no_answer_may_have(f: Callable, name: str, words: str) -> None:
    verdict = judged(f)
    assert verdict.misconception == name
    assert any(words in hint for hint in verdict.hints)
    assert verdict.score < 4


def test_calling_the_solution_itself_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    library = types.ModuleType("tests.fake_library")
    exec("def reference(x, scale):\n    return scale * (x**2).sum()\n", library.__dict__)
    monkeypatch.setitem(sys.modules, "tests.fake_library", library)
    verdict = judged(lambda x, scale: library.reference(x, scale))
    assert verdict.misconception == "calls-the-library"
    assert "tests.fake_library.reference" in verdict.hints[0]


def noisy(x, scale):
    print("look", file=sys.stderr)
    print("here")
    warnings.warn("careful", stacklevel=1)
    return reference(x, scale) + 0 * np.log(0.0)


def test_prints_and_warnings_are_no_mistakes(capfd: pytest.CaptureFixture[str]) -> None:
    assert judged(lambda x, scale: noisy(x, scale) if x.size else 0.0).misconception == "not-finite"
    assert capfd.readouterr() == ("", "")


def test_not_started_not_defined_not_callable() -> None:
    def stub(x, scale):
        raise NotImplementedError

    assert judged(stub).status == "not started"
    assert grade(EXERCISE, {}).status == "not defined"
    verdict = grade(EXERCISE, {"f": 3})
    assert verdict.status == "not defined"
    assert "cannot be called" in verdict.hints[0]


def test_objects_are_not_values() -> None:
    assert "an object of type object" in judged(lambda x, scale: object()).hints[0]


def test_exit_and_recursion_are_faults_but_ctrl_c_is_not() -> None:
    def forever(x, scale):
        return forever(x, scale)

    def leave(x, scale):
        sys.exit(3)

    def interrupt(x, scale):
        raise KeyboardInterrupt

    assert "RecursionError" in judged(forever).parts[0].message
    assert "SystemExit" in judged(leave).parts[0].message
    with pytest.raises(KeyboardInterrupt):
        judged(interrupt)


def test_unknown_exercise_is_named() -> None:
    with pytest.raises(KeyError, match=r"expected an exercise such as .*E5\.1.*, got 'E99\.9'"):
        grade("E99.9", {})


def test_text_and_table_show_the_same() -> None:
    verdict = judged(lambda x, scale: scale * np.sum(x**3))
    bundle = verdict._repr_mimebundle_()
    assert bundle["text/plain"] == "1.0"
    for text in (str(verdict), bundle["text/html"]):
        assert "1 of 4 points" in text
        assert "Which power?" in text
        assert "edge case" in text


def test_table_escapes_what_came() -> None:
    html = judged(lambda x, scale: "<script>")._repr_mimebundle_()["text/html"]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_check_raises_only_under_validate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.checks.grading.find", lambda _: EXERCISE)
    assert check("E99.1", {"f": lambda x, scale: 1.0}).score == 0
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    assert check("E99.1", {"f": reference}).score == 4
    with pytest.raises(NotYetRight, match="Which power"):
        check("E99.1", {"f": EXERCISE.wrong[0].answer["f"]})

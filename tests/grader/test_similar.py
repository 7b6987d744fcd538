"""Alike answers: found under new names, and no false alarm on short honest ones."""

from __future__ import annotations

import inspect
import random
import re
import time

import pytest

from autograder.background import given, library, typical
from autograder.example_answers import answers
from autograder.example_class import filled
from autograder.lesson import Lesson, load_lesson
from autograder.notebooks import lesson_names
from autograder.similar import K, W, alike, all_runs, copied, fingerprints, groups, tokens, weights
from vi_lib import bbvi

LESSONS = lesson_names()
LONG = """\
def fit(init, rate, steps):
    \"\"\"Return the path.\"\"\"
    lam = np.array(init, dtype=float)
    first, second = np.zeros(len(lam)), np.zeros(len(lam))
    path = []
    for k in range(1, steps + 1):
        g = gradient(lam)
        first = 0.9 * first + 0.1 * g
        second = 0.999 * second + 0.001 * g**2
        ratio = (first / (1 - 0.9**k)) / (np.sqrt(second / (1 - 0.999**k)) + 1e-8)
        lam = lam + rate / np.sqrt(k) * ratio
        path.append(lam)
    return {"mean": lam[:2], "sd": np.exp(lam[2:]), "path": np.array(path)}
"""


def disguised(source: str) -> str:
    """The same code with other names, numbers, texts, comments, layout and docstrings."""
    names = {"lam": "v", "first": "m1", "second": "m2", "ratio": "step", "path": "trace", "g": "dL"}
    for name, new in names.items():
        source = re.sub(rf"\b{name}\b(?=[^'\"]*$|.*)", new, source)
    source = source.replace("0.9", "0.95").replace("'mean'", "'mu'").replace("Return", "Gives")
    return "\n".join(
        f"{line}  # {i}" for i, line in enumerate(source.replace("    ", "  ").split("\n"))
    )


def test_tokens_forget_names_values_comments_and_docstrings() -> None:
    one = 'def f(x):\n    """Say."""\n    y = np.sum(x) * 2.5e-3  # why\n    return y if y else "a"'
    two = "def g(d):\n    '''Tell\n    all.'''\n    s = np.sum(d)*7\n\n    return s if s else f'b'"
    assert tokens(one) == tokens(two)
    assert tokens(one) != tokens(one.replace("sum", "mean"))
    assert tokens(one) != tokens(one.replace("if y else", "or"))


@pytest.mark.parametrize(
    "source", ["", "'", '"""', "def f(:", "x = 'a\ny = 2", "\ud800 = 1", "((((("]
)
def test_code_in_any_state_has_tokens(source: str) -> None:
    assert isinstance(fingerprints(source), frozenset)


def test_a_shared_run_of_the_promised_length_is_always_found() -> None:
    generator = random.Random(1)
    signs = ["+", "-", "*", "/", "(", ")", "[", "]", ",", "if", "for", "x", "=", "%", "&"]
    for _ in range(100):
        shared = " ".join(generator.choices(signs, k=K + W - 1))
        before, after = (" ".join(generator.choices(signs, k=30)) for _ in range(2))
        one, two = f"{before} {shared}", f"{shared} {after}"
        assert fingerprints(one) & fingerprints(two)


def test_a_copy_is_found_under_new_names() -> None:
    (pair,) = alike({"ada": {"E9.1": LONG}, "eve": {"E9.1": disguised(LONG)}}, frozenset())
    assert (pair.first, pair.second, pair.exercises) == ("ada", "eve", ("E9.1",))
    assert pair.share > 0.9


def test_given_code_is_no_evidence() -> None:
    answers = {"ada": {"E9.1": LONG}, "eve": {"E9.1": disguised(LONG)}}
    assert alike(answers, all_runs([LONG])) == []


def test_what_many_have_says_little() -> None:
    marks = {
        f"s{i}": dict.fromkeys([1, *([2] if i < 2 else []), *([3] if i < 8 else [])], "E")
        for i in range(80)
    }
    found = weights(marks, 80)
    assert found[1] == 0.0
    assert found[2] == 1.0
    assert 0.3 < found[3] < 0.6


def short_forms() -> list[list[str]]:
    """Honest answers of three lines to five exercises, each in a few natural forms."""
    heads = ["def a(x, mu, sd):", "def b(x, w):", "def c(eps, lam):", "def d(q, p):", "def e(z):"]
    bodies = [
        ["z = (x - mu) / sd", "return z / sd, (z**2 - 1) / sd"],
        ["gap = x - mu", "return gap / sd**2, -1 / sd + gap**2 / sd**3"],
        ["d_mu = (x - mu) / sd**2", "d_sd = (x - mu)**2 / sd**3 - 1 / sd", "return d_mu, d_sd"],
        ["values = np.exp(x)", "total = np.sum(values, axis=0)", "return values / total"],
        ["return np.mean(x * w, axis=0) - np.mean(x, axis=0) * np.mean(w, axis=0)"],
    ]
    return [["\n    ".join([head, *body]) for body in bodies] for head in heads]


def test_short_honest_answers_raise_no_alarm() -> None:
    forms = short_forms()
    generator = random.Random(7)
    for size in (2, 3, 10, 40, 200):
        class_ = {
            f"s{i:03}": {f"E9.{n}": generator.choice(forms[n - 1]) for n in range(1, 4)}
            for i in range(size)
        }
        assert alike(class_, frozenset()) == [], size


@pytest.fixture(scope="module", params=LESSONS)
def lesson(request: pytest.FixtureRequest) -> Lesson:
    return load_lesson(request.param)


def test_right_and_typical_answers_to_one_exercise_are_not_alike_by_nature(lesson: Lesson) -> None:
    """Different answers of the example class, each handed in by a student of its own."""
    known = given(lesson) | typical(lesson)
    by_exercise: dict[str, dict[str, dict[str, str]]] = {}
    for (exercise, name), answer in answers(lesson.name).items():
        stub = lesson.stubs[exercise.replace(".", "-")]
        by_exercise.setdefault(exercise, {})[name] = {exercise: filled(stub, answer)}
    for class_ in by_exercise.values():
        for pair in alike(class_, known):
            one, two = class_[pair.first], class_[pair.second]
            # The roster's authors made some wrong answers out of a right one: those are copies.
            same = len(
                set(map(str.strip, "".join(one.values()).splitlines()))
                & set(map(str.strip, "".join(two.values()).splitlines()))
            )
            assert same >= 8, pair


def test_the_solution_handed_in_by_all_is_not_called_alike(lesson: Lesson) -> None:
    class_ = {s: {str(i): text for i, text in enumerate(lesson.solutions)} for s in "abcdef"}
    assert alike(class_, given(lesson)) == []


def test_the_library_s_code_is_recognised_but_not_the_solution() -> None:
    lesson = load_lesson("05_bbvi")
    renamed = inspect.getsource(bbvi.control_variate).replace("var_h", "v").replace("cov", "c")
    class_ = {"ada": {"E5.4": renamed}, "bob": {"E5.4": "def control_variate(f, h):\n    return f"}}
    class_["eve"] = dict(enumerate(lesson.solutions))  # type: ignore[assignment]
    assert copied(class_, library(lesson), given(lesson)) == [
        ("ada", "E5.4", "vi_lib.bbvi.control_variate")
    ]


def test_pairs_become_groups() -> None:
    class_ = {name: {"E9.1": LONG if name in "abc" else f"{LONG[::-1]}"} for name in "abcxy"}
    found = groups(alike(class_, frozenset()))
    assert found == [("a", "b", "c"), ("x", "y")]


def test_a_thousand_answers_are_compared_quickly() -> None:
    generator = random.Random(3)

    def answer() -> str:
        names = [f"np.f{generator.randrange(400)}" for _ in range(24)]
        lines = [f"    x = {f}({g}(x)) * w" for f, g in zip(names[::2], names[1::2], strict=True)]
        return "\n".join(["def f(x, w):", *lines])

    class_ = {f"s{i:04}": {f"E9.{n}": answer() for n in range(5)} for i in range(1000)}
    class_["copy"] = class_["s0007"]
    started = time.process_time()
    found = alike(class_, frozenset())
    assert ("copy", "s0007") in {(pair.first, pair.second) for pair in found}
    assert time.process_time() - started < 30

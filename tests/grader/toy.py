"""A tiny lesson for testing the grader: three exercises, a demonstration, an open question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checks.compare import close
from autograder.checks.protocol import Exercise, Part, Recorder, Wrong
from autograder.collect import HandIn
from autograder.grade import judge_submission
from autograder.lesson import Lesson, Task, describe
from autograder.records import Record
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.submission import read_submission

STUB = 'def {name}(x):\n    """The {name} of x."""\n    raise NotImplementedError'
RIGHT = {
    "double": "def double(x):\n    return 2 * np.asarray(x)",
    "square": "def square(x):\n    return x**2",
    "total": "def total(x):\n    return np.sum(double(x))",
}


def _double(answer: Recorder, rng: np.random.Generator) -> None:
    x = rng.normal(size=3)
    close(answer.call("double", x), 2 * x, "double(x)")


def _double_of_number(answer: Recorder, rng: np.random.Generator) -> None:
    close(answer.call("double", 3.5), 7.0, "double(3.5)")


def _square(answer: Recorder, rng: np.random.Generator) -> None:
    x = rng.normal(size=3)
    close(answer.call("square", x), x**2, "square(x)")


def _slope(answer: Recorder, rng: np.random.Generator) -> None:
    x = rng.normal(size=3)
    close(answer.gradient("square", 0, x), 2 * x, "the gradient of square(x)")


def _total(answer: Recorder, rng: np.random.Generator) -> None:
    x = rng.normal(size=3)
    close(answer.call("total", x), 2 * x.sum(), "total(x)")


def _exercise(number: int, name: str, reference: Any, *parts: Part, **wrong: Any) -> Exercise:
    bank = tuple(Wrong(key, {name: value}, f"Hint for {key}.") for key, value in wrong.items())
    return Exercise(f"E5.{number}", name.capitalize(), (name,), {name: reference}, parts, bank)


EXERCISES = (
    _exercise(
        1,
        "double",
        lambda x: 2 * x,
        Part("vectors", 3.0, _double),
        Part("numbers", 1.0, _double_of_number),
        triple=lambda x: 3 * x,
    ),
    _exercise(
        2,
        "square",
        lambda x: x**2,
        Part("values", 2.0, _square),
        Part("slope", 1.0, _slope),
    ),
    _exercise(3, "total", lambda x: np.sum(2 * x), Part("value", 2.5, _total)),
)
POINTS = 9.5


def code(source: str, grade_id: str = "", *, check: bool = False, demo: bool = False) -> Any:
    """A code cell."""
    metadata: dict[str, Any] = {"tags": ["demo"]} if demo else {}
    if grade_id:
        metadata["nbgrader"] = {"grade_id": grade_id, "grade": check, "solution": not check}
    return {
        "cell_type": "code",
        "source": source,
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
    }


def text(source: str, grade_id: str = "") -> Any:
    """A text cell; with an id, the answer to an open question."""
    graded = {"grade_id": grade_id, "grade": True, "solution": True, "points": 5}
    return {
        "cell_type": "markdown",
        "source": source,
        "metadata": {"nbgrader": graded} if grade_id else {},
    }


def cells(**answers: str) -> list[Any]:
    """The lesson's cells with these answers; what is not answered stays a stub."""
    found = [
        text("# 5 · Toy"),
        code("import autograd.numpy as np\nfrom autograder.checks import check"),
    ]
    for exercise in EXERCISES:
        name, label = exercise.names[0], exercise.id.replace(".", "-")
        found.append(code(answers.get(name, STUB.format(name=name)), label))
        found.append(code(f'check("{exercise.id}", globals())', f"{label}-check", check=True))
    found.append(code("shown = double_demo = 3", demo=True))
    found.append(text(answers.get("open", "*Your answer replaces this line.*"), "O5"))
    return found


def notebook(found: Sequence[Any]) -> bytes:
    """The file of a notebook with these cells."""
    content = {"cells": list(found), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content).encode()


def lesson() -> Lesson:
    """The lesson as released."""
    tasks = []
    for seed, exercise in enumerate(EXERCISES, 5001):
        label = exercise.id.replace(".", "-")
        tasks.append(Task(exercise, label, f"{label}-check", seed))
    return describe("05_toy", tasks, cells())


def graded(
    zygote: Zygote, found: Sequence[Any] | bytes, seconds: float = 8.0, **limits: Any
) -> Record:
    """The record of a hand-in."""
    data = found if isinstance(found, bytes) else notebook(found)
    submission = read_submission(data, lesson())
    return judge_submission(
        HandIn("ada", "05_toy"), submission, lesson(), zygote, Limits(seconds, **limits)
    )

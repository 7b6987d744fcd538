"""What the grader adds to a hand-in's own computing, measured on copies of a solution.

Run `python benchmarks/grader.py [LESSON] [COPIES]` on a quiet machine. It prints, per hand-in, the
time that its cells take in this process, the time the checks take there, and the time of the same
cells and checks through a child process; the difference is what isolation costs.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from autograder.checks import grade
from autograder.collect import HandIn
from autograder.grade import judge_submission
from autograder.lesson import Lesson, load_lesson
from autograder.notebooks import lesson_names, solution_notebook
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.submission import Submission, read_submission


def cells_here(submission: Submission) -> dict[str, Any]:
    """Run the cells in this process."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in submission.program.cells:
        if cell.number not in submission.program.demos:
            exec(compile(cell.source, f"<cell {cell.number}>", "exec"), namespace)
    return namespace


def checks_here(lesson: Lesson, namespace: dict[str, Any]) -> None:
    """Grade in this process, as plain nbgrader's hidden cells do."""
    for task in lesson.tasks:
        grade(task.exercise, namespace, task.seed)


def seconds(action: Callable[[], Any], copies: int) -> float:
    """The median time of an action."""
    times = []
    for _ in range(copies):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main(name: str, copies: int) -> None:
    """Measure and print."""
    lesson, data = load_lesson(name), solution_notebook(name).read_bytes()
    submission = read_submission(data, lesson)
    zygote = Zygote()

    def whole() -> None:
        found = read_submission(data, lesson)
        judge_submission(HandIn("s", name), found, lesson, zygote, Limits())

    try:
        started = time.perf_counter()
        whole()
        first = time.perf_counter() - started
        namespace = cells_here(submission)
        cells = seconds(lambda: cells_here(submission), copies)
        checks = seconds(lambda: checks_here(lesson, namespace), copies)
        isolated = seconds(whole, copies)
    finally:
        zygote.close()
    print(f"{name}, {copies} copies, median seconds per hand-in")
    print(f"  cells in this process                   {cells:.3f}")
    print(f"  checks in this process                  {checks:.3f}")
    print(f"  read, isolated cells, checks by pipe    {isolated:.3f}")
    print(f"  added by isolation                      {isolated - cells - checks:.3f}")
    print(f"  once per worker: loading the libraries  {first - isolated:.3f}")


if __name__ == "__main__":
    lesson_name = sys.argv[1] if len(sys.argv) > 1 else lesson_names()[0]
    main(lesson_name, int(sys.argv[2]) if len(sys.argv) > 2 else 24)

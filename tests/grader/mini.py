"""A course of one small lesson with two of the real exercises, for tests of the command line."""

from __future__ import annotations

from typing import Any

import toy

NAME = "05_mini"
SCORE = """\
def score_gaussian(theta, mu, sd):
    gap = (theta - mu) / sd
    return gap / sd, (gap**2 - 1) / sd"""
NO_SCORE = "def score_gaussian(theta, mu, sd):\n    raise NotImplementedError"
CONTROL = """\
def control_variate(f, h):
    f, h = np.asarray(f, float), np.asarray(h, float)
    gap = h - h.mean(axis=0)
    var = (gap**2).sum(axis=0)
    a = (gap * (f - f.mean(axis=0))).sum(axis=0) / np.where(var > 0, var, 1.0)
    return f - a * h, a"""
NO_CONTROL = "def control_variate(f, h):\n    raise NotImplementedError"


def cells(score: str = NO_SCORE, control: str = NO_CONTROL, text: str = "*Write here.*") -> Any:
    """The cells of a hand-in; the released ones if nothing is given."""
    return [
        toy.code("import autograd.numpy as np\nfrom autograder.checks import check"),
        toy.code(score, "E5-1"),
        _check("E5.1", 'check("E5.1", globals())', 4.0),
        toy.code(control, "E5-4"),
        _check("E5.4", 'check("E5.4", globals())', 5.0),
        toy.text(text, "O5"),
    ]


def solution() -> Any:
    """The cells of the solution notebook, with the hidden seeds."""
    found = cells(SCORE, CONTROL, "A model answer.")
    found[2] = _check("E5.1", 'grade("E5.1", globals(), seed=5101)', 4.0)
    found[4] = _check("E5.4", 'grade("E5.4", globals(), seed=5104)', 5.0)
    return found


def _check(exercise: str, source: str, points: float) -> Any:
    cell = toy.code(source, exercise.replace(".", "-") + "-check", check=True)
    cell["metadata"]["nbgrader"]["points"] = points
    return cell

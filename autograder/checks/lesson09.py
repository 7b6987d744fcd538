"""Checks of lesson 9: a tiny probabilistic language."""

from __future__ import annotations

from autograder.checks.lesson09_guides import E9_4
from autograder.checks.lesson09_replay import E9_2, E9_3
from autograder.checks.lesson09_steps import E9_5
from autograder.checks.lesson09_trace import E9_1

EXERCISES = (E9_1, E9_2, E9_3, E9_4, E9_5)

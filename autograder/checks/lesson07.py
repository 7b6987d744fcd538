"""Checks of lesson 7: ADVI with a mean-field Gaussian."""

from __future__ import annotations

from autograder.checks.lesson07_fit import E7_5
from autograder.checks.lesson07_steps import E7_3, E7_4
from autograder.checks.lesson07_transforms import E7_1, E7_2

EXERCISES = (E7_1, E7_2, E7_3, E7_4, E7_5)

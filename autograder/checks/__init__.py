"""Checking answers to exercises: `grade` for a verdict, `check` for a notebook's check cell.

This package is imported by students' notebooks and by the isolated process that runs their code, so
importing it loads no exercise; each lesson's checks are loaded when first used.
"""

from autograder.checks.grading import NotYetRight, check, grade
from autograder.checks.protocol import Verdict

__all__ = ["NotYetRight", "Verdict", "check", "grade"]

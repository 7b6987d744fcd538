"""Hand-ins that loop, crash and eat memory: each costs its exercise, in no more than its time."""

from __future__ import annotations

import time
from typing import Any

import broken_crashes
import broken_loops
import pytest
from broken import SECONDS, WHOLE, Case, before, differences, graded, square

from autograder.grade import judge_submission
from autograder.jobs import own_zygote
from autograder.records import Record
from autograder.sandbox.limits import Limits

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "case", [*broken_loops.CASES, *broken_crashes.CASES], ids=lambda case: case.name
)
def test_a_failure_costs_its_exercise_only(case: Case) -> None:
    started = time.monotonic()
    record = graded(case)
    assert not differences(case, record)
    assert time.monotonic() - started < 5 * SECONDS


SPOILT = """\
import builtins, os, sys, warnings
import numpy, autograd.numpy as np, matplotlib.pyplot as plt, autograder.checks.answer as answer
numpy.sum = np.sum = numpy.asarray = None
answer.perform = None
os.environ['OMP_NUM_THREADS'] = '64'
sys.path.insert(0, '/nowhere')
sys.modules['numpy'] = None
open('helper.py', 'w').write('x = 1')
plt.rcParams['figure.dpi'] = 1
numpy.random.seed(1)
warnings.simplefilter('error')
builtins.len = builtins.print = None
"""
CLEAN = """\
import numpy, os, sys
assert numpy.sum([1, 2]) == 3 and len('ab') == 2
assert '/nowhere' not in sys.path and os.environ.get('OMP_NUM_THREADS') != '64'
assert not os.path.exists('helper.py')
first = float(numpy.random.rand())
"""


def test_nothing_of_a_hand_in_is_left_for_the_next() -> None:
    draws = square("draws", CLEAN, "def square(x):", "    raise ValueError(f'drew {first:.12f}')")
    clean = graded(draws)
    assert any("drew 0." in hint for hint in clean.verdicts["E5.2"].hints)
    graded(before("spoils everything", SPOILT))
    again = graded(draws)
    assert (again.verdicts, again.message) == (clean.verdicts, clean.message)


@pytest.mark.parametrize(("disturbed", "runs"), [(0, 1), (2, 3), (99, 5)])
def test_a_hand_in_whose_processes_are_killed_from_outside_runs_again_and_the_record_says_so(
    disturbed: int, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    zygote, seen = own_zygote(), []

    def judge(*arguments: Any) -> Record:
        seen.append(zygote.kills)
        record = judge_submission(*arguments)
        zygote.kills = int(len(seen) <= disturbed)
        return record

    monkeypatch.setattr("autograder.jobs.judge_submission", judge)
    record = graded(Case("right", WHOLE), Limits(seconds=60.0))
    assert seen == [0] * runs
    assert any("a process was killed" in note for note in record.notes) == (disturbed >= runs)

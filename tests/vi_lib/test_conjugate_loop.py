"""The shared coordinate-ascent loop: when it stops, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from vi_lib._check import NonFiniteError
from vi_lib.cavi import ROUND_OFF_SLACK, coordinate_ascent


def follow(values, **options):
    """Run the loop on a state that counts the sweeps and has the given ELBOs from sweep 1 on."""
    return coordinate_ascent(lambda k: k + 1, lambda k: values[k - 1], 0, **options)


def test_it_stops_after_the_first_sweep_that_gains_too_little():
    state, trace = follow([-8.0, -4.0, -3.0, -2.9999, 0.0], rel_tol=1e-3)
    assert state == 4
    np.testing.assert_array_equal(trace, [-8.0, -4.0, -3.0, -2.9999])


def test_near_zero_the_tolerance_is_absolute():
    """A rise of 1e-4 is 10 % of 1e-3 but counts as standing still at rel_tol 1e-3."""
    assert follow([0.0, 1e-3, 1.1e-3, 5.0], rel_tol=1e-3)[0] == 2


def test_far_from_zero_the_tolerance_is_relative():
    assert follow([-3e6, -2e6, -2e6 + 1e3, 0.0], rel_tol=1e-3)[0] == 3


def test_max_iter_cuts_it_short():
    state, trace = follow([1.0, 2.0, 3.0, 4.0], max_iter=3)
    assert (state, len(trace)) == (3, 3)


def test_minus_infinity_as_tolerance_never_stops():
    assert len(follow([1.0] * 7, max_iter=7, rel_tol=-np.inf)[1]) == 7


def test_the_elbo_of_the_start_is_not_asked_for():
    def elbo(k):
        assert k > 0
        return -1.0 / k

    assert coordinate_ascent(lambda k: k + 1, elbo, 0, max_iter=5)[0] == 5


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_a_fall_counts_only_beyond_round_off(size):
    slack = ROUND_OFF_SLACK * max(1.0, size)
    values = [-size, -size - 0.9 * slack, -size - 0.9 * slack]
    assert len(follow(values, max_iter=3, rel_tol=-np.inf)[1]) == 3
    with pytest.raises(ArithmeticError, match=r"the ELBO fell from -.* to -.* in sweep 2"):
        follow([-size, -size - 1.2 * slack], max_iter=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_elbo_that_is_no_number_is_refused(bad):
    with pytest.raises(NonFiniteError, match=r"ELBO must be finite, .* in iteration 2") as e:
        follow([-1.0, bad])
    assert e.value.iteration == 2


def test_at_least_one_sweep():
    with pytest.raises(ValueError, match="max_iter must be at least 1, got 0"):
        follow([], max_iter=0)

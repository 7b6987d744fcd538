"""Windows of a trace: plateau, drift, spike, short traces, ELBOs of every sign."""

from __future__ import annotations

import numpy as np
import pytest

from vi_lib import NonFiniteError, ShapeError
from vi_lib.diagnostics import average_iterates, elbo_windows, has_converged

RNG = np.random.default_rng(0)
PLATEAU = -100.0 + 0.1 * RNG.standard_normal(400)
DRIFT = -1000.0 + 2.0 * np.arange(400)
SPIKE = PLATEAU.copy()
SPIKE[-3] = -1e6


@pytest.mark.parametrize(
    ("trace", "expected"),
    [(PLATEAU, True), (-PLATEAU, True), (DRIFT, False), (-DRIFT[::-1], False), (SPIKE, True)],
)
def test_cases(trace, expected):
    assert has_converged(trace, 50, 1e-3) is expected


def test_a_short_trace_has_not_converged():
    assert has_converged(np.zeros(99), 50, 0.1) is False
    assert has_converged(np.full(100, -1.0), 50, 0.1) is True


def test_only_the_last_two_windows_count():
    trace = np.r_[np.full(3, np.nan), np.full(10, -5.0)]
    assert has_converged(trace, 5, 1e-6)
    with pytest.raises(NonFiniteError, match="elbo_trace must be finite"):
        has_converged(trace, 6, 1e-6)


def test_average_leaves_out_the_burn():
    params = np.arange(12.0).reshape(6, 2)
    np.testing.assert_array_equal(average_iterates(params, 4), [9.0, 10.0])
    np.testing.assert_array_equal(average_iterates(params, 0), params.mean(axis=0))


def test_windows_end_where_the_trace_ends():
    history = np.array([9.0, 1.0, 3.0, 5.0, 5.0])
    middle, mean, se = elbo_windows(history, 2)
    np.testing.assert_array_equal(middle, [2.5, 4.5])  # iterations 2, 3 and 4, 5
    np.testing.assert_array_equal(mean, [2.0, 5.0])
    np.testing.assert_allclose(se, [1.0, 0.0])
    pairs = np.column_stack([history, np.ones(5)])
    np.testing.assert_array_equal(elbo_windows(pairs, 2)[1], mean)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: has_converged(np.zeros((3, 2)), 1, 0.1), ShapeError, "elbo_trace"),
        (lambda: has_converged(np.zeros(3), 0, 0.1), ValueError, "window must be at least 1"),
        (lambda: has_converged(np.zeros(3), 1, 0.0), ValueError, "rel_tol must be positive"),
        (lambda: average_iterates(np.zeros((3, 2)), 3), ShapeError, "burn=3 of 3"),
        (lambda: average_iterates(np.zeros((3, 2)), -1), ValueError, "got -1"),
        (lambda: elbo_windows(np.zeros(3), 4), ShapeError, "at least 4 iterations, got 3"),
        (lambda: elbo_windows(np.zeros(3), 1), ValueError, "window must be at least 2"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()

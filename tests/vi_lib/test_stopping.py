"""Stop rules: when they fire, when they must not."""

from __future__ import annotations

import numpy as np
import pytest

from vi_lib._check import ShapeError, SupportError
from vi_lib.stopping import plateau, relative_elbo


def first_stop(rule, elbo, se):
    """Return the iteration at which the rule fires, or None."""
    history = np.column_stack([elbo, np.broadcast_to(se, len(elbo))])
    for k in range(1, len(history) + 1):
        if rule(history[:k]):
            return k
    return None


def noisy(trend, sd, seed=0):
    return trend + sd * np.random.default_rng(seed).standard_normal(len(trend))


def rise(n, scale):
    """An ELBO that approaches 0 exponentially."""
    return -10.0 * np.exp(-np.arange(n) / scale)


@pytest.mark.parametrize("level", [0.0, -1e-3, -5.0, 1e6])
def test_plateau_fires_on_a_flat_elbo_whatever_its_level(level):
    stop = first_stop(plateau(window=20), noisy(np.full(2000, level), 0.5), 0.5)
    assert stop is not None
    assert 100 <= stop <= 400


def test_plateau_waits_for_four_windows_and_its_repetitions():
    assert first_stop(plateau(window=20, times=1), np.zeros(500), 0.0) == 80
    assert first_stop(plateau(window=20, times=3), np.zeros(500), 0.0) == 100


@pytest.mark.parametrize("se", [0.5, np.nan, 0.0])
def test_plateau_does_not_fire_during_a_visible_rise(se):
    """A rise of 8 standard errors a window, whether the error is stated, missing or zero."""
    assert first_stop(plateau(window=20), noisy(0.1 * np.arange(3000), 0.5), se) is None


def test_plateau_does_not_fire_during_a_fall():
    assert first_stop(plateau(window=20), noisy(-0.1 * np.arange(3000), 0.5), 0.5) is None


def test_plateau_stops_after_the_rise_and_not_before():
    trend = rise(4000, 150.0)
    stop = first_stop(plateau(window=100), noisy(trend, 0.2), 0.2)
    assert stop is not None
    # What was left to gain is less than the noise of the last horizon's mean.
    assert -trend[stop] < 2 * 0.2 / np.sqrt(200) * 2
    assert stop < 3000


def test_two_horizons_hold_out_against_slow_progress():
    """A slope that a short window cannot see and the doubled one can.

    The gain over a window is 1.4 standard errors of the difference, over two windows 1.4 * 2^1.5 =
    4: a single horizon at z = 2 fires at most checks, the two together need a 2.5-sigma accident,
    three times.
    """
    window, sd = 50, 1.0
    slope = 1.4 * sd * np.sqrt(2 / window) / window
    stops = [
        first_stop(plateau(window=window), noisy(slope * np.arange(1000), sd, seed), sd)
        for seed in range(20)
    ]
    assert sum(stop is None for stop in stops) >= 18


def test_plateau_of_a_noise_free_run_stops_at_the_tolerance():
    trend = rise(4000, 50.0)
    stop = first_stop(plateau(window=20, tol=1e-3), trend, 0.0)
    assert stop is not None
    assert -trend[stop] < 1e-3


def test_plateau_needs_no_memory():
    """The same history gives the same answer, as a list or as an array, in any order of calls."""
    rule = plateau(window=20)
    pairs = [(float(v), 0.5) for v in noisy(np.zeros(400), 0.5)]
    answers = [rule(pairs[:k]) for k in range(401)]
    assert [rule(np.array(pairs[:k]).reshape(-1, 2)) for k in range(400, -1, -1)] == answers[::-1]
    reason = next(answer for answer in answers if answer)
    assert "less than 2 standard errors over 20 and over 40 iterations, 3 times in a row" in reason


def test_relative_rule_fires_where_the_elbo_is_large():
    assert first_stop(relative_elbo(0.01), noisy(np.full(500, -1000.0), 0.5), 0.5) == 11
    reason = relative_elbo(0.01)(np.tile([-5.0, 0.1], (11, 1)))
    assert "relative change over 10 iterations fell below 0.01" in reason


def test_relative_rule_never_fires_near_zero_where_plateau_does():
    elbo = noisy(np.zeros(3000), 0.05)
    assert first_stop(relative_elbo(0.01), elbo, 0.05) is None
    assert first_stop(plateau(), elbo, 0.05) is not None


def test_a_constant_makes_the_relative_rule_blind_to_a_rise():
    trend = 0.1 * np.arange(500)
    assert first_stop(relative_elbo(0.01), trend - 1e6, 0.0) == 11
    assert first_stop(plateau(window=20), trend - 1e6, 0.0) is None


def test_relative_rule_at_exactly_zero():
    assert first_stop(relative_elbo(0.01), np.zeros(50), 0.0) == 11
    alternating = np.tile([0.0, 1.0], 50)
    assert first_stop(relative_elbo(0.01), alternating, 0.0) is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plateau(window=3), ValueError, "need window >= 4 and times >= 1, got window=3"),
        (lambda: plateau(times=0), ValueError, "times=0"),
        (lambda: plateau(z=0.0), SupportError, "z must be positive"),
        (lambda: plateau(tol=-1.0), SupportError, "tol must be positive"),
        (lambda: relative_elbo(0.0), SupportError, "tol must be positive"),
        (lambda: relative_elbo(window=0), ValueError, "window must be at least 1"),
        (lambda: relative_elbo()(np.zeros(20)), ShapeError, r"pairs .* got shape \(11,\)"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

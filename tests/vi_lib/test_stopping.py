"""Stop rules: when they fire, when they must not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vi_lib._check import ShapeError, SupportError
from vi_lib.stopping import either, no_progress, plateau, relative_elbo


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


def stop_times(gain, se, runs=100, window=20, length=600):
    """Iterations at which `plateau` stops an ELBO of white noise with sd 1 that rises steadily.

    `gain` is the rise from one window to the next, in standard errors of their difference.
    """
    slope = gain * np.sqrt(2.0 / window) / window
    rule, times = plateau(window=window), []
    for seed in range(runs):
        elbo = noisy(slope * np.arange(length), 1.0, seed)
        history = np.column_stack([elbo, np.full(length, se)])
        checks = range(window // 2, length + 1, window // 2)  # it looks at no others
        times.append(next((k for k in checks if rule(history[:k])), np.inf))
    return np.array(times)


@pytest.mark.parametrize("se", [1.0, np.nan], ids=["known error", "one draw, no error"])
@pytest.mark.slow
def test_rates_of_false_and_of_true_stops(se):
    """Bounds by the binomial distribution at 1e-5 for the rates that 300 runs showed.

    A rise of 2 standard errors a window was never taken for a plateau in 30 windows, one of 1.4 in
    5 % of the runs; noise alone was stopped within 8 windows in 99 %.
    """
    runs, binomial = 100, stats.binom
    assert np.sum(np.isfinite(stop_times(2.0, se))) <= binomial.isf(1e-5, runs, 0.005)
    assert np.sum(np.isfinite(stop_times(1.4, se))) <= binomial.isf(1e-5, runs, 0.05)
    assert np.sum(stop_times(0.0, se) <= 160) >= binomial.ppf(1e-5, runs, 0.99)


def test_a_stated_error_larger_than_the_scatter_is_believed():
    """Common noise makes successive values alike; the stated error is the larger one and counts."""
    elbo = noisy(np.full(400, -3.0), 0.01)
    assert first_stop(plateau(window=20), elbo + 1e-3 * np.arange(400), 1.0) == 100
    assert first_stop(plateau(window=20), elbo + 1e-3 * np.arange(400), 0.01) is None


def test_no_progress_ends_a_wandering_that_is_never_flat():
    k = np.arange(4000)
    wave = np.sin(2 * np.pi * k / 1500.0)
    assert first_stop(plateau(window=50), noisy(wave, 0.05), 0.05) is None
    stop = first_stop(no_progress(window=50, patience=5), noisy(wave, 0.05), 0.05)
    assert stop is not None
    assert 375 + 5 * 50 <= stop <= 375 + 8 * 50  # the first crest, and five windows of patience


def test_no_progress_waits_while_it_gets_better():
    assert first_stop(no_progress(50, 5), noisy(0.01 * np.arange(3000), 0.5), 0.5) is None
    assert first_stop(no_progress(10, 3), np.zeros(200), 0.0) == 40
    reason = no_progress(10, 3)(np.zeros((40, 2)))
    assert reason == "the mean ELBO of 10 iterations was highest more than 3 such ago"


def test_either_gives_the_first_reason():
    rule = either(lambda h: "a" if len(h) > 3 else None, lambda h: "b" if len(h) > 2 else None)
    assert [rule(np.zeros((k, 2))) for k in (2, 3, 4)] == [None, "b", "a"]
    assert either()(np.zeros((3, 2))) is None


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
        (lambda: no_progress(0), ValueError, "got window=0, patience=10"),
        (lambda: no_progress(patience=0), ValueError, "patience=0"),
        (lambda: relative_elbo(0.0), SupportError, "tol must be positive"),
        (lambda: relative_elbo(window=0), ValueError, "window must be at least 1"),
        (lambda: relative_elbo()(np.zeros(20)), ShapeError, r"pairs .* got shape \(11,\)"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

"""SBC on a conjugate model: uniform for the exact posterior, and each fault shows its own shape."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vi_lib import NonFiniteError, ShapeError
from vi_lib.diagnostics import coverage, rank_uniformity, sbc_ranks, vsbc

NUM_DRAWS = 99


def prior_draw(rng):
    return rng.normal(0.0, 2.0)


def simulate(theta, rng):
    return rng.normal(theta, 1.0, size=3)


def posterior(scale=1.0, shift=0.0):
    """N(theta; exact mean + shift sd, scale sd) for theta ~ N(0, sd=2) and three data, sd=1."""

    def fit(y, num_draws, rng):
        var = 1.0 / (0.25 + 3.0)
        sd = np.sqrt(var)
        return rng.normal(var * np.sum(y) + shift * sd, scale * sd, size=num_draws)

    return fit


def ranks(fit, seed=0, num_sims=1000):
    return sbc_ranks(prior_draw, simulate, fit, num_sims, NUM_DRAWS, np.random.default_rng(seed))


def test_exact_posterior_is_calibrated():
    """All tests at a false-alarm rate of 1e-6."""
    found = ranks(posterior())
    assert rank_uniformity(found, NUM_DRAWS) > 1e-6
    assert np.all(coverage(found, NUM_DRAWS).p_value > 1e-6)
    assert vsbc(found, NUM_DRAWS)[1] > 1e-6


def test_narrow_posterior_is_found_and_is_no_bias():
    found = ranks(posterior(scale=0.7))
    assert rank_uniformity(found, NUM_DRAWS) < 1e-6
    counts = np.histogram(found, bins=5, range=(-0.5, NUM_DRAWS + 0.5))[0]
    assert min(counts[0], counts[-1]) > counts[2]  # a U
    table = coverage(found, NUM_DRAWS)
    assert np.all(table.observed < table.nominal)
    assert np.all(table.p_value < 1e-6)
    assert vsbc(found, NUM_DRAWS)[1] > 1e-6


def test_wide_posterior_gives_a_hump():
    counts = np.histogram(ranks(posterior(scale=1.6)), bins=5, range=(-0.5, 99.5))[0]
    assert counts[2] > 1.5 * max(counts[0], counts[-1])


def test_biased_posterior_is_found_by_both():
    found = ranks(posterior(shift=0.5))
    assert rank_uniformity(found, NUM_DRAWS) < 1e-6
    probability, p_value = vsbc(found, NUM_DRAWS)
    assert p_value < 1e-6
    assert np.mean(probability) < 0.5


def test_ranks_of_several_coordinates_count_draws_below():
    draws = np.arange(10.0)[:, None] + np.zeros(2)
    fixed = sbc_ranks(
        lambda rng: np.array([3.5, -1.0]),
        lambda theta, rng: None,
        lambda y, num_draws, rng: draws,
        4,
        10,
        np.random.default_rng(0),
    )
    np.testing.assert_array_equal(fixed, np.tile([4, 0], (4, 1)))


def test_every_simulation_has_data_of_its_own():
    seen = []

    def fit(y, num_draws, rng):
        seen.append(tuple(y))
        return rng.normal(size=num_draws)

    ranks(fit, num_sims=20)
    assert len(set(seen)) == 20


def test_coverage_reports_the_exact_level_of_an_interval_by_rank():
    table = coverage(np.arange(100), NUM_DRAWS, levels=(0.5, 0.9))
    np.testing.assert_allclose(table.nominal, [0.5, 0.9])
    np.testing.assert_allclose(table.observed, table.nominal)
    np.testing.assert_allclose(table.p_value, 1.0)


def test_intervals_by_rank_are_central():
    """Of the ranks 0..9, the middle four make the interval nearest to 50 %."""
    inside = [coverage(np.array([rank]), 9, (0.5,)).observed[0] for rank in range(10)]
    np.testing.assert_array_equal(inside, [0, 0, 0, 1, 1, 1, 1, 0, 0, 0])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ranks(lambda y, n, rng: np.zeros(n + 1)), ShapeError, r"\(99,\), got \(100,\)"),
        (lambda: ranks(lambda y, n, rng: np.full(n, np.nan)), NonFiniteError, "draws of fit"),
        (lambda: ranks(posterior(), num_sims=0), ValueError, "got 0 and 99"),
        (lambda: rank_uniformity(np.arange(5), 99, 30), ValueError, "multiple of num_bins"),
        (lambda: rank_uniformity(np.array([0.5]), 99), ValueError, "whole numbers"),
        (lambda: coverage(np.array([100]), 99), ValueError, r"0\.\.99, got 100"),
        (lambda: coverage(np.array([1]), 99, (1.0,)), ValueError, "levels"),
        (lambda: vsbc(np.zeros((2, 2), dtype=int), 9), ShapeError, "ranks must have shape"),
        (lambda: vsbc(np.zeros(0, dtype=int), 9), ShapeError, "at least one simulation"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_vsbc_is_the_signed_rank_test():
    found = np.random.default_rng(3).integers(0, 100, size=200)
    want = stats.wilcoxon((found + 0.5) / 100 - 0.5, method="approx").pvalue
    assert vsbc(found, NUM_DRAWS)[1] == want

"""PSIS against ArviZ, and at its edges."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats

from vi_lib import NonFiniteError, ShapeError
from vi_lib.diagnostics import effective_draws, khat, psis
from vi_lib.diagnostics.psis import pareto_quantile

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of ArviZ's own future, at import
    import arviz


@pytest.mark.parametrize("num_draws", [25, 100, 1000, 20_000])
@pytest.mark.parametrize("df", [1.0, 3.0, 30.0])
def test_weights_and_shape_agree_with_arviz(num_draws, df):
    rng = np.random.default_rng([num_draws, int(df)])
    log_w = -0.7 * np.log(rng.chisquare(df, num_draws)) + 300.0
    got, k = psis(log_w)
    with np.errstate(all="ignore"):
        want, want_k = arviz.psislw(log_w.copy())
    np.testing.assert_allclose(k, float(want_k), rtol=1e-9)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)
    assert khat(log_w) == k


def test_smoothed_weights_are_normalised_and_keep_the_body():
    rng = np.random.default_rng(0)
    log_w = rng.standard_cauchy(1000)
    smoothed, _ = psis(log_w)
    np.testing.assert_allclose(np.sum(np.exp(smoothed)), 1.0, rtol=1e-12)
    body = np.argsort(log_w)[: 1000 - 95]
    differences = smoothed[body] - log_w[body]
    np.testing.assert_allclose(differences, differences[0], rtol=0, atol=1e-9)


def test_the_scale_of_the_weights_does_not_matter():
    log_w = np.random.default_rng(1).normal(size=500)
    np.testing.assert_allclose(khat(log_w), khat(log_w - 1234.0), rtol=1e-9)


def test_equal_weights_are_the_best_there_is():
    smoothed, k = psis(np.full(100, 3.0))
    assert k == -math.inf
    np.testing.assert_allclose(smoothed, -math.log(100.0))


def test_a_handful_of_weights_that_stand_out_is_the_worst():
    log_w = np.zeros(100)
    log_w[:3] = 50.0
    assert khat(log_w) == math.inf


def test_a_tail_beyond_all_floats_is_no_warning():
    smoothed, k = psis(-((np.arange(1000.0) / 10.0) ** 2))
    assert k > 10.0
    np.testing.assert_allclose(np.sum(np.exp(smoothed)), 1.0)


def test_zero_weights_are_allowed():
    log_w = np.random.default_rng(2).normal(size=200)
    log_w[:20] = -np.inf
    assert math.isfinite(khat(log_w))


def test_effective_draws_counts_equal_weights():
    assert effective_draws(np.full(50, -7.0)) == pytest.approx(50.0)
    assert effective_draws(np.array([0.0, -np.inf])) == 1.0
    weights = np.log([1.0, 2.0, 3.0]) + 900.0  # exp would overflow
    assert effective_draws(weights) == pytest.approx(36.0 / 14.0)


@pytest.mark.parametrize("k", [-0.3, 0.0, 1e-13, 0.9])
def test_pareto_quantile_inverts_the_distribution(k):
    u = np.array([0.0, 0.1, 0.5, 0.99])
    x = pareto_quantile(u, k, 1.7)
    np.testing.assert_allclose(stats.genpareto(k, scale=1.7).cdf(x), u, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    ("log_w", "error", "words"),
    [
        (np.zeros((30, 2)), ShapeError, r"shape \(S,\), got \(30, 2\)"),
        (np.zeros(24), ShapeError, "at least 25 draws .* got 24"),
        (np.r_[np.zeros(30), np.nan], NonFiniteError, "got nan among 31"),
        (np.r_[np.zeros(30), np.inf], NonFiniteError, "got inf"),
        (np.full(30, -np.inf), NonFiniteError, "got -inf"),
    ],
)
def test_bad_input(log_w, error, words):
    with pytest.raises(error, match=words):
        khat(log_w)

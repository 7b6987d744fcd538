"""Posterior predictive p-values: ties, shapes, and uniformity under the prior predictive."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vi_lib import NonFiniteError, ShapeError
from vi_lib.diagnostics import posterior_predictive_pvalue, replicated_statistics


def test_ties_count_as_larger():
    y, y_rep = np.array([1, 2]), np.array([[1, 2], [0, 0], [5, 5], [2, 1]])
    assert posterior_predictive_pvalue(y, y_rep, np.sum) == 0.75
    assert posterior_predictive_pvalue(y, y_rep, np.max) == 0.75


def test_the_statistic_sees_one_data_set_at_a_time():
    y, y_rep = np.zeros((3, 2)), np.ones((5, 3, 2))
    shapes = []
    replicated_statistics(y, y_rep, lambda data: shapes.append(data.shape) or 0.0)
    assert shapes == [(3, 2)] * 6


def test_uniform_under_the_prior_predictive():
    """Continuous statistic, y and y_rep from one distribution: KS at 1e-6 (199 + 1 values)."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(400):
        draws = rng.normal(rng.normal(size=(200, 1)), 1.0, size=(200, 5))
        found.append(posterior_predictive_pvalue(draws[0], draws[1:], np.mean))
    jitter = rng.uniform(size=400) / 200  # the p-value has 200 equally likely values
    assert stats.kstest(np.array(found) * 199 / 200 + jitter, "uniform").pvalue > 1e-6


def test_bad_input():
    y = np.zeros(3)
    with pytest.raises(ShapeError, match=r"y_rep must have shape \(S, 3\), got \(4, 2\)"):
        posterior_predictive_pvalue(y, np.zeros((4, 2)), np.mean)
    with pytest.raises(ShapeError, match="at least one data set"):
        posterior_predictive_pvalue(y, np.zeros((0, 3)), np.mean)
    with pytest.raises(ShapeError, match="stat's value"):
        posterior_predictive_pvalue(y, np.zeros((4, 3)), lambda data: data)
    with pytest.raises(NonFiniteError, match="stat of y_rep"):
        posterior_predictive_pvalue(y, np.full((4, 3), np.nan), np.mean)

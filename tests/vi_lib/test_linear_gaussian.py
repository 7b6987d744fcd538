"""The linear-Gaussian oracle: identities, and the temperature models with their known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vi_lib import NonFiniteError, ShapeError
from vi_lib.oracles import LinearGaussian, LinearRegression

READINGS = np.array([18.0, 18.7, 19.2, 17.8, 20.3, 22.4, 20.3, 21.2, 19.5, 20.1])


def random_model(rng, num_data, dim, offset=True):
    def cov(n):
        root = rng.normal(size=(n, n))
        return root @ root.T + 0.5 * np.eye(n)

    return LinearGaussian(
        rng.normal(size=num_data),
        rng.normal(size=(num_data, dim)),
        cov(num_data),
        rng.normal(size=dim),
        cov(dim),
        rng.normal(size=num_data) if offset else None,
    )


@pytest.mark.parametrize(("num_data", "dim"), [(1, 1), (3, 2), (2, 5)])
def test_log_joint_is_evidence_times_posterior(num_data, dim):
    rng = np.random.default_rng([num_data, dim])
    for offset in (True, False):
        oracle = random_model(rng, num_data, dim, offset)
        theta = rng.normal(size=(7, dim))
        posterior = stats.multivariate_normal(oracle.mean, oracle.cov).logpdf(theta)
        got = oracle.log_joint(theta) - posterior
        np.testing.assert_allclose(got, oracle.log_evidence, rtol=1e-9)


def test_regression_is_a_case():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 3)), rng.normal(size=6)
    want = LinearRegression(X, y, 2.0, 0.5)
    got = LinearGaussian(y, X, 0.25 * np.eye(6), np.zeros(3), 4.0 * np.eye(3))
    np.testing.assert_allclose(got.mean, want.mean, rtol=1e-10)
    np.testing.assert_allclose(got.cov, want.cov, rtol=1e-10)
    np.testing.assert_allclose(got.sd, want.sd, rtol=1e-10)
    assert got.log_evidence == pytest.approx(want.log_evidence)
    np.testing.assert_allclose(got.mean_field()[1], want.mean_field()[1], rtol=1e-9)


@pytest.mark.parametrize(("sensor_sd", "mean", "sd"), [(1.0, 17.4, 0.8944), (0.1, 17.9925, 0.0999)])
def test_one_temperature_one_sensor(sensor_sd, mean, sd):
    one = np.ones((1, 1))
    oracle = LinearGaussian(np.array([18.0]), one, sensor_sd**2 * one, np.array([15.0]), 4.0 * one)
    assert oracle.mean[0] == pytest.approx(mean, abs=5e-5)
    assert oracle.sd[0] == pytest.approx(sd, abs=5e-5)


def test_unknown_mean_temperature_and_what_mean_field_makes_of_it():
    """In theta = (mean, temp_1 .. temp_10), mean ~ N(15, 2), temp_i ~ N(mean, 2), sensor sd 1."""
    n = len(READINGS)
    prior_cov = np.full((n + 1, n + 1), 4.0)
    prior_cov[1:, 1:] += 4.0 * np.eye(n)
    A = np.eye(n, n + 1, 1)
    oracle = LinearGaussian(READINGS, A, np.eye(n), np.full(n + 1, 15.0), prior_cov)
    assert oracle.mean[0] == pytest.approx(19.2222, abs=5e-5)
    assert oracle.sd[0] == pytest.approx(2.0 / 3.0)
    assert oracle.mean_field()[1][0] == pytest.approx(0.6030, abs=5e-5)


def test_bad_input():
    one = np.ones((1, 1))
    with pytest.raises(ShapeError, match=r"noise_cov must have shape \(2, 2\)"):
        LinearGaussian(np.zeros(2), np.ones((2, 1)), one, np.zeros(1), one)
    with pytest.raises(ShapeError, match="offset"):
        LinearGaussian(np.zeros(1), one, one, np.zeros(1), one, np.zeros(2))
    with pytest.raises(NonFiniteError, match="y must be finite"):
        LinearGaussian(np.array([np.nan]), one, one, np.zeros(1), one)
    with pytest.raises(np.linalg.LinAlgError):
        LinearGaussian(np.zeros(1), one, -one, np.zeros(1), one)

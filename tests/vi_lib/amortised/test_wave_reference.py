"""The stored predictions of a Bayesian net: their shape, and a short run that agrees with them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

from vi_lib import datasets, densities
from vi_lib.amortised import mlp

SPEC = importlib.util.spec_from_file_location(
    "wave_reference", Path(__file__).with_name("wave_reference.py")
)
assert SPEC is not None
assert SPEC.loader is not None
reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reference)


def test_the_slope_of_the_log_posterior_is_that_of_autograd():
    rng = np.random.default_rng(0)
    X, y, w = rng.standard_normal((7, 1)), rng.standard_normal(7), rng.standard_normal(61)

    def log_p(w):
        f = mlp(w, X, sizes=(1, 20, 1))[:, 0]
        return anp.sum(densities.normal(y, f, 0.4)) + anp.sum(densities.normal(w))

    value, slope = reference.log_posterior(X, y, 0.4)(w)
    np.testing.assert_allclose(slope, grad(log_p)(w), rtol=1e-9)
    other, _ = reference.log_posterior(X, y, 0.4)(w + 0.1)
    assert other - value == pytest.approx(log_p(w + 0.1) - log_p(w), rel=1e-9)


def test_hamiltonian_monte_carlo_finds_a_gaussian():
    """Mean and sd of a Gaussian from 1500 draws, of which about 500 are worth something."""
    mean, sd = np.array([1.0, -2.0, 0.0]), np.array([0.1, 0.05, 0.2])

    def target(w):
        z = (w - mean) / sd
        return float(-0.5 * z @ z), -z / sd

    draws = reference.chain(target, mean + sd, np.random.default_rng(1), 300, 1500, leaps=20)
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=6 * 0.2 / np.sqrt(500))
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.2)


def test_the_stored_sds_are_small_inside_the_data_and_large_outside():
    found = datasets.load("wave_hmc")
    np.testing.assert_array_equal(found["x"], reference.GRID)
    inside = np.abs(found["x"]) <= 9
    assert np.all(found["sd"][inside] < 0.8)
    assert np.all(found["sd"][[0, -1]] > 5)
    assert np.all(found["sd_error"] < 0.07 * found["sd"])
    assert np.all(found["mean_error"] < 0.12 * found["sd"])


@pytest.mark.slow
def test_a_short_run_agrees_with_the_stored_one():
    data, stored = datasets.load("wave_500"), datasets.load("wave_hmc")
    f = reference.predictions(data["x"], data["y"], chains=1, burn=200, draws=100, seed=5)[0]
    inside = np.abs(stored["x"]) <= 8
    np.testing.assert_allclose(f.mean(axis=0)[inside], stored["mean"][inside], atol=0.6)
    np.testing.assert_allclose(f.std(axis=0)[inside], stored["sd"][inside], rtol=0.4)
    assert 2.0 < f.std(axis=0)[0] < 15.0

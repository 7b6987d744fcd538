"""The patients of lesson 12: their charts are right, the reference diagnoses all of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import lambertw

from vi_lib import clinic
from vi_lib._clinic_cases import Growth, Line, Square

ALL = (*clinic.AILMENTS, clinic.HEALTHY)


@pytest.mark.parametrize("ailment", ALL)
def test_every_patient_is_diagnosed(ailment):
    """No miss in 1200 each when last counted; here 40."""
    for seed in range(40):
        chart = clinic.patient(ailment, np.random.default_rng([seed, 11]))
        assert clinic.diagnose(chart) == ailment


def test_charts_have_the_documented_entries():
    shapes = {
        "elbo_trace": (300,), "elbo": (), "elbo_full_rank": (), "khat": (), "mean": (2,),
        "sd": (2,), "sd_twice": (2,), "sd_more_draws": (2,), "prior_mean": (2,),
        "prior_sd": (2,), "mean_no_data": (2,), "restarts": (8, 2), "checks": (3,),
    }  # fmt: skip
    for ailment in ALL:
        chart = clinic.patient(ailment, np.random.default_rng(2))
        assert {key: np.shape(value) for key, value in chart.items()} == shapes
        assert all(np.isfinite(value).all() for value in chart.values())


def test_the_same_generator_gives_the_same_patient():
    one, two = (clinic.patient("healthy", np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(one[key], two[key]) for key in one)


def test_unknown_ailment():
    with pytest.raises(ValueError, match="got 'fever'"):
        clinic.patient("fever", np.random.default_rng(0))


def ascend(case, rng, *, weight=1.0, scale=np.exp, num_iter=4000):
    """Mean and sd to which a program comes whose draws are mu + scale(omega) eps, 10 a step."""
    prior_mean, prior_prec = case.prior_mean, case.prior_sd**-2.0
    prec = weight * case.X.T @ case.X / case.noise_sd**2
    score = weight * case.X.T @ case.y / case.noise_sd**2
    mu, omega, average = np.zeros(2), np.zeros(2), []
    step = 0.3 / np.diag(prec + np.diag(prior_prec))
    for _ in range(num_iter):
        eps = rng.standard_normal((10, 2))
        z = mu + scale(omega) * eps
        g = score - z @ prec + prior_prec * (prior_mean - z)
        mu = mu + step * g.mean(axis=0)
        omega = omega + 0.02 * np.clip((g * eps).mean(axis=0) * np.exp(omega) + 1.0, -5.0, 5.0)
        average.append(np.concatenate([mu, omega]))
    return np.split(np.mean(average[num_iter // 2 :], axis=0), 2)


@pytest.mark.parametrize("weight", [1.0, clinic.BATCH / 100])
def test_reported_numbers_are_those_at_which_the_program_ends(weight):
    case = Line(np.random.default_rng(4), 0.15, 0.0)
    mean, sd = case.fit(weight)
    mu, omega = ascend(case, np.random.default_rng(5), weight=weight)
    np.testing.assert_allclose(mu, mean, atol=0.05 * np.max(sd))
    np.testing.assert_allclose(np.exp(omega), sd, rtol=0.03)


def test_confused_sds_are_those_at_which_that_program_ends():
    case = Line(np.random.default_rng(6), 0.15, 0.0)
    _, sd = case.fit(1.0)
    _, omega = ascend(case, np.random.default_rng(7), scale=lambda omega: omega)
    np.testing.assert_allclose(np.exp(omega), np.exp(lambertw(sd**2).real), rtol=0.01)


@pytest.mark.parametrize("jacobian", [True, False])
def test_a_forgotten_jacobian_moves_the_fit_without_data(jacobian):
    """By quadrature of the prior of b, with and without the factor b, over log b."""
    case = Growth(np.random.default_rng(8), jacobian)
    z = np.linspace(-8.0, 8.0, 20_001)
    log_prior = -z - 0.5 * ((z - case.truth[1]) / case.prior_sd[1]) ** 2
    density = np.exp(log_prior + (z if jacobian else 0.0))
    mean = np.sum(z * density) / np.sum(density)
    found, _ = case.fit(0.0)
    assert found[1] == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("make", [lambda r: Line(r, 0.15, 0.0), lambda r: Growth(r, True)])
def test_the_weights_of_an_exact_fit_have_the_gap_of_mean_field(make):
    """Mean log weight = log evidence - KL, and the full-rank gain is that KL."""
    case = make(np.random.default_rng(9))
    mean, sd = case.fit(1.0)
    _, log_w = case.draw(mean, sd, np.random.default_rng(10).standard_normal((20_000, 2)))
    top = np.max(log_w)
    log_evidence = top + np.log(np.mean(np.exp(log_w - top)))
    error = np.std(log_w) / np.sqrt(len(log_w))
    assert log_evidence - np.mean(log_w) == pytest.approx(case.gain(), abs=5 * error + 1e-3)


def test_both_signs_of_the_root_are_modes():
    case = Square(np.random.default_rng(12))
    mean, _ = case.fit(1.0)
    here, there = case.log_lik(mean[None]), case.log_lik((mean * [-1.0, 1.0])[None])
    np.testing.assert_allclose(here, there)
    for shift in ([0.1, 0.0], [-0.1, 0.0], [0.0, 0.1], [0.0, -0.1]):
        assert case.log_lik((mean + shift)[None]) < here

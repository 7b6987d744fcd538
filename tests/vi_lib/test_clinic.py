"""The patients of lesson 12: their charts are right, the reference diagnoses all of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import lambertw

from vi_lib import clinic, divergences
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


# The models, number by number

SEEDS = range(40)


def makers():
    return {
        "line": lambda r: Line(r, 0.15, 0.0),
        "square": Square,
        "growth": lambda r: Growth(r, True),
        "no jacobian": lambda r: Growth(r, False),
    }


@pytest.mark.parametrize("name", makers())
def test_draws_and_log_weights_are_those_of_the_densities(name):
    case = makers()[name](np.random.default_rng(20))
    mean, sd = case.fit(1.0)
    eps = np.random.default_rng(21).standard_normal((5, 2))
    theta, log_w = case.draw(mean, sd, eps)
    np.testing.assert_allclose(theta, mean + sd * eps)
    location = case.location(theta)
    linear = np.stack([theta[:, 0] ** 2 if name == "square" else theta[:, 0], theta[:, 1]], axis=1)
    np.testing.assert_allclose(location, linear @ case.X.T)
    log_lik = np.sum(stats.norm.logpdf(case.y, location, case.noise_sd), axis=1)
    log_prior = np.sum(stats.norm.logpdf(theta, case.prior_mean, case.prior_sd), axis=1)
    log_q = np.sum(stats.norm.logpdf(theta, mean, sd), axis=1)
    np.testing.assert_allclose(log_w, log_lik + log_prior - log_q)


@pytest.mark.parametrize("name", makers())
def test_posteriors_have_the_slope_and_the_curvature_of_the_log_joint(name):
    """By differences; at a mode of `Square` its approximation is the curvature, residuals add 0."""
    case = makers()[name](np.random.default_rng(22))
    mean, prec = case.posterior(1.0)
    step = 1e-3 * np.diag(prec) ** -0.5

    def log_joint(theta):
        prior = stats.norm.logpdf(theta, case.prior_mean, case.prior_sd)
        likelihood = stats.norm.logpdf(case.y, case.location(theta[None])[0], case.noise_sd)
        return np.sum(likelihood) + (name != "square") * np.sum(prior)

    shifts = step * np.eye(2)
    slope = [(log_joint(mean + s) - log_joint(mean - s)) / 2 for s in shifts] / step
    np.testing.assert_allclose(slope / np.sqrt(np.diag(prec)), 0.0, atol=1e-6)
    corner = [
        [log_joint(mean + s + t) - log_joint(mean + s - t) - log_joint(mean - s + t)
         + log_joint(mean - s - t) for t in shifts] for s in shifts
    ]  # fmt: skip
    curvature = -np.array(corner) / (4.0 * np.outer(step, step))
    prior_prec = np.diag(case.prior_sd**-2.0) if name == "square" else 0.0
    np.testing.assert_allclose(curvature + prior_prec, prec, rtol=1e-3)
    np.testing.assert_allclose(case.posterior(0.0)[1], np.diag(case.prior_sd**-2.0))
    np.testing.assert_allclose(case.posterior(0.0)[0], case.prior_mean)


def test_the_gain_is_the_divergence_of_the_best_mean_field():
    case = Line(np.random.default_rng(23), 5.0, 0.0)
    mean, prec = case.posterior(1.0)
    _, sd = case.fit(1.0)
    exact = divergences.mvn_kl(mean, np.diag(sd**2), mean, np.linalg.inv(prec))
    assert case.gain() == pytest.approx(float(exact))
    assert case.gain() > 1.0


def test_growth_reports_the_moments_of_a_log_normal():
    case = Growth(np.random.default_rng(24), True)
    mean, sd = np.array([0.3, -0.2]), np.array([0.5, 0.7])
    own, own_sd = case.report(mean, sd)
    factor = stats.lognorm(s=sd[1], scale=np.exp(mean[1]))
    np.testing.assert_allclose(own, [mean[0], factor.mean()])
    np.testing.assert_allclose(own_sd, [sd[0], factor.std()])


def test_data_lie_where_the_model_puts_them_and_priors_on_either_side():
    lines = [Line(np.random.default_rng(s), 0.15, 0.0) for s in SEEDS]
    for case in lines:
        assert np.mean(case.X[:, 1]) == pytest.approx(0.15)
        assert np.ptp(case.X[:, 1]) == pytest.approx(1.98)
        best = np.linalg.lstsq(case.X, case.y, rcond=None)[0]
        off = np.abs(best - case.prior_mean) / case.prior_sd
        assert np.all((off > 0.1) & (off < 1.1))
    squares = [Square(np.random.default_rng(s)) for s in SEEDS]
    for case in squares:
        best = np.linalg.lstsq(case.X, case.y, rcond=None)[0]
        np.testing.assert_allclose(best, [case.root**2, case.slope])
        assert case.slope == pytest.approx(case.prior_mean[1] + 0.5 * case.prior_sd[1])
    growths = [Growth(np.random.default_rng(s), True) for s in SEEDS]
    offs = []
    for case in growths:
        best = np.linalg.lstsq(case.X, case.y, rcond=None)[0]
        offs.append((best - case.prior_mean) / case.prior_sd)
    np.testing.assert_allclose(np.abs(offs), 0.6)
    best = [np.linalg.lstsq(c.X, c.y, rcond=None)[0] - c.prior_mean for c in lines]
    for values in (
        [c.prior_mean for c in lines],
        best,
        [c.prior_mean[0] for c in squares],
        [c.prior_mean[1] for c in growths],
        offs,
    ):
        share = np.mean(np.array(values) > 0.0)
        assert 0.1 < share < 0.9  # of 40 fair coins, less than 1e-6 beyond


# The charts


def chart_and_case(ailment, seed):
    """A chart and the model below it: a line is the first that is drawn."""
    chart = clinic.patient(ailment, np.random.default_rng(seed))
    return chart, Line(np.random.default_rng(seed), 0.15, 0.0)


def test_a_run_that_has_not_arrived_is_on_its_way():
    sides = []
    for seed in SEEDS:
        chart, case = chart_and_case("not converged", seed)
        mean, _ = case.fit(1.0)
        off = chart["mean"] - mean
        assert np.all(np.abs(off) > 0.5)
        sides.append(off > 0.0)
        share = (chart["mean_no_data"] + 0.1 * case.prior_sd) / case.prior_mean
        less = (chart["mean_no_data"] - 0.1 * case.prior_sd) / case.prior_mean
        assert np.all((np.minimum(share, less) < 0.78) & (np.maximum(share, less) > 0.63))
        assert np.all(np.abs(chart["mean_no_data"]) < np.abs(case.prior_mean) + 0.1 * case.prior_sd)
        assert chart["elbo_trace"][0] < chart["elbo"] - 100.0
        assert abs(chart["elbo_trace"][-1] - chart["elbo"]) < 3.0
    assert 0.1 < np.mean(sides) < 0.9


def test_a_full_rank_family_would_gain_what_is_said():
    for seed in range(3):
        chart, case = chart_and_case("biased steps", seed)
        assert chart["elbo_full_rank"] - chart["elbo"] == pytest.approx(case.gain())


def test_outliers_lie_on_either_side():
    charts = [clinic.patient("wrong model", np.random.default_rng(seed)) for seed in SEEDS]
    low = [chart["checks"][0] > 0.99 for chart in charts]
    assert 0.1 < np.mean(low) < 0.9

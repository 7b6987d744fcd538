"""Regression with networks: likelihoods, the latent value's bound, and the published mistake."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy import integrate, optimize, stats

from vi_lib import datasets
from vi_lib._check import ShapeError, SupportError
from vi_lib.amortised import (
    amortised_regression_values,
    fit_mlp_regression,
    gaussian_log_likelihood,
    growing_noise,
    init_amortised_regression,
    latent_regression_elbo,
    predict_mlp_regression,
    published_objective,
    published_optimum,
    relu,
    train,
)
from vi_lib.estimators import reparam, reparam_entropy
from vi_lib.optimizers import adam

# E10.1


@pytest.mark.parametrize("log_var", [-30.0, -3.0, 0.0, 1.7, 30.0])
def test_gaussian_log_likelihood_is_that_of_scipy(log_var):
    y, mu = np.array([0.3, -2.0, 5.0]), np.array([0.1, 0.0, 4.9])
    want = stats.norm.logpdf(y, mu, np.exp(0.5 * log_var))
    np.testing.assert_allclose(gaussian_log_likelihood(y, mu, log_var), want, rtol=1e-12)


def test_gaussian_log_likelihood_broadcasts_and_has_gradients():
    y, mu = np.ones((4, 3)), np.zeros(3)
    assert gaussian_log_likelihood(y, mu, 0.0).shape == (4, 3)
    # Stationary in log_var where the variance is the squared error.
    slope = grad(lambda v: gaussian_log_likelihood(2.0, 0.5, v))(np.log(1.5**2))
    assert slope == pytest.approx(0.0, abs=1e-14)


# E10.2


def test_latent_elbo_equals_quadrature():
    y, m, s, noise_sd = 1.3, 0.4, 0.6, 0.5
    q = stats.norm(m, s)

    def integrand(f):
        log_joint = stats.norm.logpdf(y, f, noise_sd) + stats.norm.logpdf(f)
        return q.pdf(f) * (log_joint - q.logpdf(f))

    want = integrate.quad(integrand, m - 12 * s, m + 12 * s, epsabs=1e-13)[0]
    assert latent_regression_elbo(y, m, s, noise_sd) == pytest.approx(want, rel=1e-10)


def test_latent_elbo_is_below_the_evidence_and_reaches_it_at_the_posterior():
    rng = np.random.default_rng(0)
    y, noise_sd = rng.normal(0, 2, 200), 0.7
    evidence = stats.norm.logpdf(y, 0, np.sqrt(1 + noise_sd**2))
    m, s = rng.normal(0, 2, 200), rng.uniform(0.1, 3, 200)
    assert np.all(latent_regression_elbo(y, m, s, noise_sd) < evidence)
    shrink = 1 / (1 + noise_sd**2)
    exact = latent_regression_elbo(y, shrink * y, noise_sd * np.sqrt(shrink), noise_sd)
    np.testing.assert_allclose(exact, evidence, rtol=1e-12)


def test_the_estimator_of_advi_has_the_closed_form_as_its_mean():
    """z-test of 20 000 draws for each of five targets; |z| > 5.2 has rate 1e-6 in all."""
    rng = np.random.default_rng(1)
    params = init_amortised_regression((1, 4), rng, noise_sd=0.6)
    y = rng.standard_normal(5)
    eps = rng.standard_normal((20_000, 5, 1))
    values = amortised_regression_values(params, y[:, None], y, eps)
    assert values.shape == (20_000, 5)
    h = np.tanh(y[:, None] @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]
    exact = latent_regression_elbo(y, h[:, 0], np.exp(h[:, 1]), 0.6)
    z = (values.mean(axis=0) - exact) / (values.std(axis=0, ddof=1) / np.sqrt(20_000))
    assert np.max(np.abs(z)) < 5.2


@pytest.mark.slow
def test_a_trained_encoder_finds_posterior_and_noise():
    """Targets of variance 1 + .5²: the right noise sd is .5 and lam is linear in y.

    The evidence is largest at noise_var = mean y² - 1, exactly, and the objective is exact too.
    """
    rng = np.random.default_rng(2)
    y = rng.normal(0, np.sqrt(1.25), 50)
    y *= np.sqrt(1.25 / np.mean(y**2))
    params = {"W1": np.zeros((1, 2)), "b1": np.zeros(2), "log_noise_sd": np.array(0.0)}

    def elbo(params, rows, eps, step):
        values = amortised_regression_values(params, y[rows, None], y[rows], eps, reparam_entropy)
        return anp.mean(values)

    training = train(
        elbo, params, 50, noise=antithetic, batch_size=50, num_steps=1500,
        optimizer=adam(lambda t: 0.05 / (1 + t / 500)), rng=rng,
    )  # fmt: skip
    got = training.params
    assert np.exp(got["log_noise_sd"]) == pytest.approx(0.5, rel=1e-5)
    np.testing.assert_allclose(got["W1"][0], [0.8, 0.0], atol=1e-5)
    np.testing.assert_allclose(got["b1"], [0.0, 0.5 * np.log(0.2)], atol=1e-5)


def antithetic(rng, batch):
    """Pairs ±1: the expectation of a quadratic under a Gaussian, without error."""
    return np.tile(np.array([1.0, -1.0])[:, None, None], (1, batch, 1))


# The published objective


@pytest.mark.parametrize(("m", "var_y"), [(1.0, 0.1), (-2.0, 0.5), (0.0, 0.3), (0.5, 2.0)])
def test_the_published_optimum_is_where_it_says(m, var_y):
    """Targets m ± sd have the mean and variance that matter; Nelder-Mead knows no derivation."""
    y = m + np.sqrt(var_y) * np.array([1.0, -1.0])

    def negative(p):
        return -np.mean(published_objective(y, p[0], p[1]))

    found = optimize.minimize(
        negative, [0.1, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-15}
    ).x
    mu, var = published_optimum(m, var_y)
    assert mu == pytest.approx(found[0], abs=1e-6)
    assert var == pytest.approx(np.exp(found[1]), rel=1e-6)
    assert mu == pytest.approx(m / (1 + var), rel=1e-12)
    assert var**2 == pytest.approx(var_y + (m - mu) ** 2, rel=1e-12)


def test_the_published_numbers():
    mu, var = published_optimum(1.0, 0.1)
    assert (round(mu, 3), round(var, 3)) == (0.695, 0.440)


def test_the_published_objective_is_no_bound_of_what_it_claims():
    """Where y is known to be 0 it exceeds log N(y; 0, 1 + var) of every noise it could mean."""
    log_var = np.log(0.05)
    assert published_objective(0.0, 0.0, log_var) != latent_regression_elbo(
        0.0, 0.0, np.sqrt(0.05), np.sqrt(0.05)
    )
    y, mu = np.array([0.4]), np.array([0.2])
    likelihood = stats.norm.logpdf(y, mu, np.sqrt(0.05))
    kl = 0.5 * (mu**2 + 0.05 - 1 - log_var)
    np.testing.assert_allclose(published_objective(y, mu, log_var), likelihood - kl, rtol=1e-12)


# Maximum likelihood


def test_gradient_of_the_baseline_equals_finite_differences():
    X, y = np.random.default_rng(0).standard_normal((6, 2)), np.arange(6.0)
    training = fit_mlp_regression(
        X, y, (3,), heteroscedastic=True, num_steps=0, rng=np.random.default_rng(1)
    )
    params = training.params

    def f(W):
        mu, log_var = predict_mlp_regression({**params, "W2": W}, X)
        return anp.sum(gaussian_log_likelihood(y, mu, log_var))

    W, step = params["W2"], 1e-5
    gradient = grad(f)(W)
    for index in np.ndindex(W.shape):
        shift = np.zeros_like(W)
        shift[index] = step
        want = (f(W + shift) - f(W - shift)) / (2 * step)
        assert gradient[index] == pytest.approx(want, rel=1e-7)


@pytest.mark.slow
def test_the_baseline_fits_the_diabetes_data():
    """10-20-1 with ReLU, Adam at .01 and batches of 10, for 50 epochs.

    Over seeds 0 to 9 the mean absolute training error was .446 to .491 when measured; least squares
    has .562.
    """
    data = datasets.load("diabetes")
    X = (data["X"] - data["X"].mean(axis=0)) / data["X"].std(axis=0)
    y = (data["y"] - data["y"].mean()) / data["y"].std()
    training = fit_mlp_regression(
        X, y, activation=relu, num_steps=50 * 44, rng=np.random.default_rng(0)
    )
    mu, log_var = predict_mlp_regression(training.params, X, relu)
    assert np.mean(np.abs(y - mu)) < 0.52
    line = X @ np.linalg.lstsq(X, y, rcond=None)[0]
    assert np.mean(np.abs(y - line)) > 0.55
    # The wobble of the last steps is part of the learned variance: .98 to 1.08 times.
    assert 0.95 < np.exp(0.5 * log_var) / np.std(y - mu) < 1.15


@pytest.mark.slow
def test_a_variance_that_depends_on_x_is_found():
    """The truth's sds grow fivefold; the fitted ones correlate with them, one sd for all cannot."""
    data = growing_noise(np.random.default_rng(43), 1000)
    x, y = (data["x"] - 20) / 40, (data["y"] - 7) / 5
    training = fit_mlp_regression(
        x[:, None], y, (20,), heteroscedastic=True, num_steps=3000, batch_size=50,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    _, log_var = predict_mlp_regression(training.params, x[:, None])
    assert np.corrcoef(log_var, 2 * np.log(data["sd"]))[0, 1] > 0.8
    fresh = growing_noise(np.random.default_rng(44), 2000)
    mu, log_var = predict_mlp_regression(training.params, ((fresh["x"] - 20) / 40)[:, None])
    truth = np.mean(stats.norm.logpdf(fresh["y"], fresh["mean"], fresh["sd"])) + np.log(5)
    ours = np.mean(gaussian_log_likelihood((fresh["y"] - 7) / 5, mu, log_var))
    constant = np.mean(stats.norm.logpdf((fresh["y"] - 7) / 5, mu, np.std(y - np.mean(y))))
    assert constant < ours < truth


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: latent_regression_elbo(1.0, 0.0, -1.0, 1.0), SupportError, "s must be positive"),
        (lambda: latent_regression_elbo(1.0, 0.0, 1.0, 0.0), SupportError, "noise_sd must be"),
        (lambda: published_optimum(1.0, 0.0), SupportError, "var_y must be positive"),
        (lambda: fit_mlp_regression(np.ones(3), np.ones(3)), ShapeError, "X must have shape"),
        (lambda: fit_mlp_regression(np.ones((3, 1)), np.ones(2)), ShapeError, "y must have shape"),
        (
            lambda: amortised_regression_values(
                init_amortised_regression((1, 2), np.random.default_rng(0)),
                np.ones((3, 1)), np.ones(2), np.ones((3, 1)), reparam,
            ),
            ShapeError,
            r"y must have shape \(3,\)",
        ),
        (
            lambda: init_amortised_regression((1, 2), np.random.default_rng(0), noise_sd=0.0),
            SupportError,
            "noise_sd",
        ),
    ],
)  # fmt: skip
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

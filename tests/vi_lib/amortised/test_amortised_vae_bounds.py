"""Bounds from several samples: exact ones on a linear decoder, gradients on given noise."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy import special

from vi_lib import amortised
from vi_lib._check import ShapeError
from vi_lib.amortised import (
    LinearVAE,
    bernoulli_log_likelihood,
    fit_vae,
    init_vae,
    mlp_decoder,
    vae_bounds,
    vae_dreg,
    vae_elbo,
    vae_iwae,
    vae_log_evidence,
    vae_values,
)
from vi_lib.densities import normal
from vi_lib.estimators import importance_weighted_bound, reparam
from vi_lib.families import MeanField

X, D, B, K = 6, 2, 5, 8


def bernoulli_problem(seed=0):
    rng = np.random.default_rng(seed)
    params = init_vae((X, 4, D), rng)
    params = {k: v + 0.4 * rng.standard_normal(v.shape) for k, v in params.items()}
    x = rng.integers(0, 2, (B, X)).astype(float)
    return params, x, rng.standard_normal((K, B, D))


def linear_problem(seed=0, error=0.25):
    """A linear VAE, data, and parameters whose encoder is off by `error` (0: the exact means)."""
    rng = np.random.default_rng(seed)
    model = LinearVAE(rng.standard_normal((X, D)), rng.standard_normal(X), 0.8)
    x = model.sample(rng, B)
    precision = np.eye(D) + model.W.T @ model.W / model.noise_sd**2
    A = np.linalg.solve(precision, model.W.T) / model.noise_sd**2
    W = np.concatenate([A.T, np.zeros((X, D))], axis=1)
    b = np.concatenate([-A @ model.b, -0.5 * np.log(np.diag(precision))])
    params = {
        "enc_W1": W + error * rng.standard_normal(W.shape),
        "enc_b1": b + error * rng.standard_normal(b.shape),
        "dec_W1": model.W.T,
        "dec_b1": model.b,
    }
    return model, x, params


def log_lik(x, mean):
    return anp.sum(normal(x, mean, 0.8), axis=-1)


def test_the_bound_is_the_log_of_the_mean_weight_image_by_image():
    params, x, eps = bernoulli_problem()
    want = special.logsumexp(vae_values(params, x, eps), axis=0) - np.log(K)
    np.testing.assert_allclose(vae_iwae(params, x, eps), want, rtol=1e-12)
    np.testing.assert_allclose(vae_dreg(params, x, eps), want, rtol=1e-12)


@pytest.mark.parametrize("bound", [vae_iwae, vae_dreg])
def test_one_sample_is_the_elbo(bound):
    params, x, eps = bernoulli_problem()
    np.testing.assert_allclose(bound(params, x, eps[:1]), vae_values(params, x, eps[0]), rtol=1e-12)


def test_the_bound_rises_with_k_and_stays_below_the_exact_evidence():
    """The ELBO and the evidence are exact here; each step of K is a z-test, |z| > 5 has rate 3e-7.

    The bounds of 1, 4 and 16 samples come from the same draws, so their differences are paired.
    """
    model, x, params = linear_problem()
    eps = np.random.default_rng(1).standard_normal((16, 20_000, D))
    which = np.tile(np.arange(B), 20_000 // B)
    log_w = vae_values(params, x[which], eps, log_lik=log_lik)
    lam = amortised.encode(params, x)
    elbo, evidence = model.elbo(x, lam)[which], model.log_evidence(x)[which]
    bounds = [
        np.mean(
            [special.logsumexp(part, axis=0) - np.log(k) for part in np.split(log_w, 16 // k)],
            axis=0,
        )
        for k in (1, 4, 16)
    ]
    np.testing.assert_allclose(
        bounds[2], vae_iwae(params, x[which], eps, log_lik=log_lik), rtol=1e-12
    )

    def z(difference):
        return np.mean(difference) / (np.std(difference, ddof=1) / np.sqrt(len(difference)))

    assert abs(z(bounds[0] - elbo)) < 5
    assert z(bounds[1] - bounds[0]) > 5
    assert z(bounds[2] - bounds[1]) > 5
    assert z(evidence - bounds[2]) > 5


def test_the_weights_are_unbiased_for_the_evidence():
    """E w = p(x): the mean weight of 20 000 draws an image; |z| > 5.5 in five has rate 2e-7."""
    model, x, params = linear_problem(error=0.1)
    eps = np.random.default_rng(2).standard_normal((20_000, B, D))
    w = np.exp(vae_values(params, x, eps, log_lik=log_lik) - model.log_evidence(x))
    z = (w.mean(axis=0) - 1) / (w.std(axis=0, ddof=1) / np.sqrt(len(w)))
    assert np.max(np.abs(z)) < 5.5


def test_many_samples_estimate_the_evidence():
    """With 5000 samples the bias, half the variance of the mean weight, is far below the noise."""
    model, x, params = linear_problem(error=0.1)
    got = vae_log_evidence(params, x, np.random.default_rng(3), 5000, log_lik=log_lik)
    eps = np.random.default_rng(4).standard_normal((5000, B, D))
    w = np.exp(vae_values(params, x, eps, log_lik=log_lik) - model.log_evidence(x))
    se = w.std(axis=0, ddof=1) / np.sqrt(5000)
    assert np.max(np.abs(got - model.log_evidence(x)) / se) < 5.5
    assert got.shape == (B,)


def gradients(bound, params, x, eps, **options):
    return grad(lambda p: anp.mean(bound(p, x, eps, **options)))(params)


def test_total_gradient_equals_finite_differences():
    params, x, eps = bernoulli_problem()
    shapes, flat = amortised.shapes_of(params), amortised.pack(params)

    def f(flat):
        return anp.mean(vae_iwae(amortised.unpack(flat, shapes), x, eps))

    gradient = amortised.pack(gradients(vae_iwae, params, x, eps))
    rng = np.random.default_rng(5)
    for _ in range(10):
        direction, step = rng.standard_normal(len(flat)), 1e-6
        want = (f(flat + step * direction) - f(flat - step * direction)) / (2 * step)
        assert gradient @ direction == pytest.approx(want, rel=1e-6, abs=1e-8)


def test_both_gradients_agree_for_the_decoder():
    params, x, eps = bernoulli_problem()
    a, b = gradients(vae_iwae, params, x, eps), gradients(vae_dreg, params, x, eps)
    for name in ("dec_W1", "dec_b1", "dec_W2", "dec_b2"):
        np.testing.assert_allclose(a[name], b[name], rtol=1e-11, atol=1e-14)
    assert np.max(np.abs(a["enc_W1"] - b["enc_W1"])) > 1e-4


def test_both_gradients_agree_for_the_encoder_in_expectation():
    """Paired differences of one image's gradient in lam; |z| > 5.5 in one of four: rate 2e-7."""
    params, x, _ = bernoulli_problem()
    q = MeanField(D)
    eps = np.random.default_rng(6).standard_normal((4, 20_000, D))
    rows = np.tile(amortised.encode(params, x)[0], (20_000, 1))

    def log_p(z):
        likelihood = bernoulli_log_likelihood(x[0], mlp_decoder(params, z))
        return anp.sum(normal(z), axis=-1) + likelihood

    def total(lam, log_p, q, eps):
        return importance_weighted_bound(reparam(lam, log_p, q, eps))

    a, b = (
        grad(lambda lam, e=estimator: anp.sum(e(lam, log_p, q, eps)))(rows)
        for estimator in (total, vae_bounds._doubly_reparameterized)
    )
    difference = a - b
    z = difference.mean(axis=0) / (difference.std(axis=0, ddof=1) / np.sqrt(20_000))
    assert np.max(np.abs(z)) < 5.5
    # And it is the quieter one for the means.
    assert np.all(b.var(axis=0)[:D] < a.var(axis=0)[:D])


def test_the_encoder_s_gradient_vanishes_at_the_posterior():
    """With one latent coordinate a linear encoder is exact: then no draw moves it any more."""
    rng = np.random.default_rng(7)
    model = LinearVAE(rng.standard_normal((X, 1)), rng.standard_normal(X), 0.8)
    x = model.sample(rng, B)
    precision = 1 + np.sum(model.W**2) / 0.64
    A = model.W.T / 0.64 / precision
    params = {
        "enc_W1": np.concatenate([A.T, np.zeros((X, 1))], axis=1),
        "enc_b1": np.concatenate([-A @ model.b, [-0.5 * np.log(precision)]]),
        "dec_W1": model.W.T,
        "dec_b1": model.b,
    }
    eps = rng.standard_normal((K, B, 1))
    np.testing.assert_allclose(
        vae_iwae(params, x, eps, log_lik=log_lik), model.log_evidence(x), rtol=1e-12
    )
    got = gradients(vae_dreg, params, x, eps, log_lik=log_lik)
    np.testing.assert_allclose(got["enc_W1"], 0.0, atol=1e-13)
    np.testing.assert_allclose(got["enc_b1"], 0.0, atol=1e-13)
    total = gradients(vae_iwae, params, x, eps, log_lik=log_lik)
    assert np.max(np.abs(total["enc_b1"])) > 1e-2


@pytest.mark.parametrize("bound", ["iwae", "dreg"])
def test_training_follows_the_bound(bound):
    x = (np.random.default_rng(0).random((60, 12)) < 0.3).astype(float)
    options = {"bound": bound, "num_draws": 5, "batch_size": 60}
    start = fit_vae(x, (12, 6, 2), 1, np.random.default_rng(0), **options)
    rng = np.random.default_rng(0)
    params = init_vae((12, 6, 2), rng)
    order = rng.permutation(60)
    want = np.mean(vae_iwae(params, x[order], rng.standard_normal((5, 60, 2))))
    np.testing.assert_allclose(start.history, [want], rtol=1e-12)
    training = fit_vae(x, (12, 6, 2), 150, np.random.default_rng(0), **options)
    assert training.history[-20:].mean() > training.history[:5].mean() + 0.5
    eps = np.random.default_rng(1).standard_normal((50, 60, 2))
    assert np.mean(vae_iwae(training.params, x, eps)) > vae_elbo(training.params, x, eps)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda p, x, e: vae_iwae(p, x, e[0]), ShapeError, r"eps must have shape \(K, 5, 2\)"),
        (lambda p, x, e: vae_dreg(p, x, e[:, :3]), ShapeError, r"eps must have shape \(K, 5, 2\)"),
        (
            lambda p, x, e: fit_vae(x, (X, D), 1, bound="vimco"),
            ValueError,
            "one of elbo, iwae, dreg, got 'vimco'",
        ),
        (
            lambda p, x, e: fit_vae(x, (X, D), 1, bound="dreg", beta=0.5),
            ValueError,
            "dreg has no KL that beta",
        ),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call(*bernoulli_problem())

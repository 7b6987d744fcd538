"""The formulas of the VAE against independent ones, on given noise."""

from __future__ import annotations

import warnings

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy import integrate, special, stats

from vi_lib import amortised
from vi_lib._check import ShapeError
from vi_lib.amortised import (
    bernoulli_log_likelihood,
    encode,
    init_vae,
    kl_annealing,
    kl_diag_gaussian_standard,
    mlp_decoder,
    vae_elbo,
    vae_values,
)
from vi_lib.estimators import reparam, reparam_entropy, stl
from vi_lib.families import MeanField

X, H, D, B = 9, 5, 2, 6


def problem(seed=0, sizes=(X, H, D)):
    """Parameters with biases that are not 0, binary images, noise of 4 draws."""
    rng = np.random.default_rng(seed)
    params = {k: v + 0.5 * rng.standard_normal(v.shape) for k, v in init_vae(sizes, rng).items()}
    x = rng.integers(0, 2, (B, X)).astype(float)
    return params, x, rng.standard_normal((4, B, sizes[-1]))


# E11.1


def test_bernoulli_log_likelihood_sums_the_pixels_of_each_image():
    rng = np.random.default_rng(0)
    x, logits = rng.integers(0, 2, (3, 5, X)).astype(float), rng.normal(0, 3, (3, 5, X))
    want = stats.bernoulli.logpmf(x, special.expit(logits)).sum(axis=-1)
    got = bernoulli_log_likelihood(x, logits)
    assert got.shape == (3, 5)
    np.testing.assert_allclose(got, want, rtol=1e-11)


def test_bernoulli_log_likelihood_is_normalised():
    logits = np.array([-2.0, 0.3, 4.0])
    images = np.array(np.meshgrid(*[[0.0, 1.0]] * 3)).reshape(3, -1).T
    assert np.sum(np.exp(bernoulli_log_likelihood(images, logits))) == pytest.approx(1, abs=1e-14)


def test_extreme_logits_have_finite_values_and_gradients():
    x, logits = np.array([0.0, 1.0, 0.0, 1.0]), np.array([800.0, -800.0, -800.0, 800.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bernoulli_log_likelihood(x, logits) == -1600.0
        gradient = grad(lambda t: bernoulli_log_likelihood(x, t))(logits)
    np.testing.assert_allclose(gradient, [-1.0, 1.0, 0.0, 0.0])


# E11.2


def test_kl_equals_quadrature_and_is_summed_over_coordinates():
    mu, log_sd = np.array([[0.3, -1.2], [0.0, 2.0]]), np.array([[-0.5, 0.4], [0.0, -1.5]])

    def one(m, log_s):
        q, p = stats.norm(m, np.exp(log_s)), stats.norm()
        reach = 12 * np.exp(log_s)
        f = lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z))  # noqa: E731
        return integrate.quad(f, m - reach, m + reach, epsabs=1e-13)[0]

    want = [sum(one(m, s) for m, s in zip(*row, strict=True)) for row in zip(mu, log_sd, strict=1)]
    got = kl_diag_gaussian_standard(mu, log_sd)
    assert got.shape == (2,)
    np.testing.assert_allclose(got, want, rtol=1e-10)


def test_kl_is_zero_at_the_prior_and_keeps_its_digits_nearby():
    assert kl_diag_gaussian_standard(np.zeros(3), np.zeros(3)) == 0.0
    # ½ (e^{2t} - 1 - 2t) = t² + 2/3 t³ + ...: the naive form has no digit left at t = 1e-9.
    t = 1e-9
    assert kl_diag_gaussian_standard(np.zeros(1), np.array([t])) >= 0.0
    got = kl_diag_gaussian_standard(np.zeros(1), np.array([1e-4]))
    assert got == pytest.approx(1e-8 * (1 + 2e-4 / 3), rel=1e-7)


# E11.3


def direct_elbo(params, x, eps, beta=1.0):
    """The ELBO written out with scipy, image by image."""
    total = 0.0
    for image, e in zip(x, eps, strict=True):
        h = np.tanh(image @ params["enc_W1"] + params["enc_b1"])
        out = h @ params["enc_W2"] + params["enc_b2"]
        mu, sd = out[:D], np.exp(out[D:])
        h = np.tanh((mu + sd * e) @ params["dec_W1"] + params["dec_b1"])
        p = special.expit(h @ params["dec_W2"] + params["dec_b2"])
        kl = np.sum(0.5 * (mu**2 + sd**2 - 1) - np.log(sd))
        total += stats.bernoulli.logpmf(image, p).sum() - beta * kl
    return total / len(x)


@pytest.mark.parametrize("beta", [1.0, 0.0, 2.5])
def test_elbo_equals_the_written_out_one(beta):
    params, x, eps = problem()
    want = direct_elbo(params, x, eps[0], beta)
    assert vae_elbo(params, x, eps[0], beta) == pytest.approx(want, rel=1e-11)
    draws = [direct_elbo(params, x, e, beta) for e in eps]
    assert vae_elbo(params, x, eps, beta) == pytest.approx(np.mean(draws), rel=1e-11)


def test_a_batch_in_which_every_image_stands_twice_has_the_same_elbo():
    params, x, eps = problem()
    twice = vae_elbo(params, np.tile(x, (2, 1)), np.tile(eps[0], (2, 1)))
    assert twice == pytest.approx(vae_elbo(params, x, eps[0]), rel=1e-13)


def test_images_are_independent_of_the_rest_of_their_batch():
    params, x, eps = problem()
    values = vae_values(params, x, eps)
    assert values.shape == (4, B)
    for b in range(B):
        one = vae_values(params, x[b : b + 1], eps[:, b : b + 1])
        np.testing.assert_allclose(one[:, 0], values[:, b], rtol=1e-12)


def test_the_estimators_of_advi_serve_an_encoder():
    """Their rows are those of ADVI with the image's own lam and log joint."""
    params, x, eps = problem()
    lam, q = encode(params, x), MeanField(D)
    assert lam.shape == (B, q.num_params)
    for estimator in (reparam, reparam_entropy, stl):
        values = vae_values(params, x, eps, estimator)
        for b in range(B):

            def log_p(z, b=b):
                prior = stats.norm.logpdf(z).sum(axis=-1)
                return prior + bernoulli_log_likelihood(x[b], mlp_decoder(params, z))

            want = estimator(lam[b], log_p, q, eps[:, b])
            np.testing.assert_allclose(values[:, b], want, rtol=1e-11)


def test_sampled_and_exact_kl_agree_in_expectation():
    """The paired difference is KL - (log q - log p), of mean zero; |z| > 5 has rate 6e-7."""
    params, x, _ = problem()
    eps = np.random.default_rng(3).standard_normal((5000, B, D))
    difference = np.mean(vae_values(params, x, eps), axis=1) - [vae_elbo(params, x, e) for e in eps]
    z = np.mean(difference) / (np.std(difference, ddof=1) / np.sqrt(len(difference)))
    assert abs(z) < 5


@pytest.mark.parametrize("scale", ["exp", "softplus"])
@pytest.mark.parametrize("activation", [anp.tanh, amortised.relu])
def test_gradients_equal_finite_differences(scale, activation):
    params, x, eps = problem()
    shapes = amortised.shapes_of(params)

    def f(flat):
        p = amortised.unpack(flat, shapes)
        return vae_elbo(p, x, eps, 0.7, scale=scale, activation=activation)

    flat = amortised.pack(params)
    gradient = grad(f)(flat)
    rng = np.random.default_rng(5)
    for _ in range(10):  # a wrong entry shows in almost every direction
        direction = rng.standard_normal(len(flat))
        step = 1e-6
        want = (f(flat + step * direction) - f(flat - step * direction)) / (2 * step)
        assert gradient @ direction == pytest.approx(want, rel=1e-6, abs=1e-7)


def test_softplus_scale_is_what_its_name_says():
    params, x, _ = problem()
    raw, lam = encode(params, x), encode(params, x, scale="softplus")
    np.testing.assert_array_equal(raw[:, :D], lam[:, :D])
    np.testing.assert_allclose(np.exp(lam[:, D:]), np.log1p(np.exp(raw[:, D:])), rtol=1e-12)


# E11.4


def test_annealing_rises_from_zero_to_one_and_stays():
    got = [kl_annealing(step, 4) for step in range(7)]
    assert got == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert kl_annealing(0, 0) == 1.0


# E11.5: shapes and numbers


def test_parameters_of_the_sources_architecture():
    """784-256-64-(2, 2) and 2-64-256-784: the source's counts, biases included."""
    params = init_vae((784, 256, 64, 2), np.random.default_rng(0))
    encoder = 784 * 256 + 256 + 256 * 64 + 64 + 64 * 4 + 4
    decoder = 2 * 64 + 64 + 64 * 256 + 256 + 256 * 784 + 784
    assert amortised.count_parameters(params) == encoder + decoder
    assert amortised.latent_dim(params) == 2
    assert mlp_decoder(params, np.zeros((3, 2))).shape == (3, 784)


def test_linear_decoder_is_linear():
    params = init_vae((X, H, D), np.random.default_rng(0), decoder_sizes=(D, X))
    z = np.random.default_rng(1).standard_normal((5, D))
    np.testing.assert_allclose(mlp_decoder(params, z), z @ params["dec_W1"] + params["dec_b1"])
    _, x, eps = problem()
    assert np.isfinite(vae_elbo(params, x, eps))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda p, x, e: vae_elbo(p, x, e[..., :1]),
            ShapeError,
            r"eps must have shape \(\.\.\., 6",
        ),
        (lambda p, x, e: vae_elbo(p, x, e[0, 0]), ShapeError, r"\(B, D\) or \(M, B, D\), got \(2,"),
        (lambda p, x, e: vae_elbo(p, x[:, 1:], e), ShapeError, r"x must have shape"),
        (lambda p, x, e: vae_elbo(p, x[0], e), ShapeError, r"x must have shape \(B, X\)"),
        (lambda p, x, e: encode(p, x, scale="log"), ValueError, "'exp' or 'softplus', got 'log'"),
        (lambda p, x, e: mlp_decoder(p, np.ones(3)), ShapeError, "must have shape"),
        (lambda p, x, e: bernoulli_log_likelihood(x, x[:, 1:]), ShapeError, "logits must have"),
        (lambda p, x, e: kl_diag_gaussian_standard(x, x[:, 1:]), ShapeError, "log_sd must have"),
        (lambda p, x, e: kl_annealing(-1, 3), ValueError, "at least 0, got -1, 3"),
        (
            lambda p, x, e: init_vae((9, 5, 2), np.random.default_rng(0), decoder_sizes=(3, 9)),
            ValueError,
            r"must lead from 2 to \[9\] units, got \(3, 9\)",
        ),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call(*problem())

"""The VAE that can be solved: evidence, posterior and gaps against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from autograd import grad
from scipy import integrate, stats

from vi_lib import amortised
from vi_lib._check import ShapeError, SupportError
from vi_lib.amortised import LinearVAE, fit_vae, probabilistic_pca
from vi_lib.densities import normal
from vi_lib.estimators import reparam

X, D, B = 5, 2, 4


def vae(seed=0, dim=D):
    rng = np.random.default_rng(seed)
    return LinearVAE(rng.standard_normal((X, dim)), rng.standard_normal(X), 0.7)


def rows(seed=1):
    return vae().sample(np.random.default_rng(seed), B)


def some_lam(seed=2):
    return 0.4 * np.random.default_rng(seed).standard_normal((B, 2 * D))


def test_evidence_equals_quadrature():
    model = vae(dim=1)
    x = np.random.default_rng(1).standard_normal(X)
    log_joint = lambda z: model.log_joint(x, np.array([z]))  # noqa: E731
    evidence = integrate.quad(lambda z: np.exp(log_joint(z)), -12, 12, epsabs=1e-16)[0]
    assert model.log_evidence(x) == pytest.approx(np.log(evidence), rel=1e-9)


def test_log_joint_is_posterior_times_evidence_at_every_z():
    model, x = vae(), rows()
    mean, cov = model.posterior(x)
    for z in np.random.default_rng(3).standard_normal((5, D)):
        posterior = [stats.multivariate_normal(m, cov).logpdf(z) for m in mean]
        got = model.log_joint(x, np.tile(z, (B, 1)))
        np.testing.assert_allclose(got, posterior + model.log_evidence(x), rtol=1e-11)


def test_exact_elbo_is_evidence_minus_kl():
    model, x, lam = vae(), rows(), some_lam()
    mean, cov = model.posterior(x)
    mu, sd = lam[:, :D], np.exp(lam[:, D:])
    inverse = np.linalg.inv(cov)
    for b in range(B):
        difference = mean[b] - mu[b]
        kl = 0.5 * (
            np.sum(np.diag(inverse) * sd[b] ** 2) + difference @ inverse @ difference - D
            + np.linalg.slogdet(cov)[1] - 2 * np.sum(lam[b, D:])
        )  # fmt: skip
        want = model.log_evidence(x[b]) - kl
        assert model.elbo(x, lam)[b] == pytest.approx(want, rel=1e-11)


def test_exact_elbo_is_the_mean_of_the_estimator():
    """One z-test an observation; |z| > 5.2 has rate 2e-7, 8e-7 for the four."""
    model, x, lam = vae(), rows(), some_lam()
    eps = np.random.default_rng(4).standard_normal((20_000, B, D))
    values = reparam(lam, lambda z: model.log_joint(x, z), model.family, eps)
    z = (values.mean(axis=0) - model.elbo(x, lam)) / (values.std(axis=0, ddof=1) / np.sqrt(20_000))
    assert np.max(np.abs(z)) < 5.2


def test_best_lam_is_stationary_and_best():
    model, x = vae(), rows()
    best = model.best_lam(x)
    gradient = grad(lambda lam: np.sum(model.elbo(x, lam)))(best)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-12)
    for scale in (1e-3, 0.1, 1.0):
        other = best + scale * some_lam()
        assert np.all(model.elbo(x, other) < model.elbo(x, best))


def test_gaps_add_up_and_are_not_negative():
    model, x, lam = vae(), rows(), some_lam()
    gaps = model.gaps(x, lam)
    np.testing.assert_allclose(gaps.total, gaps.family + gaps.amortization, rtol=1e-12)
    np.testing.assert_allclose(gaps.total, model.log_evidence(x) - model.elbo(x, lam), rtol=1e-12)
    # KL between a Gaussian and its best factorised one: ½ (Σ log precision_dd - log det precision).
    precision = np.linalg.inv(model.posterior(x)[1])
    family = 0.5 * (np.sum(np.log(np.diag(precision))) - np.linalg.slogdet(precision)[1])
    np.testing.assert_allclose(gaps.family, family, rtol=1e-9)
    assert np.all(gaps.amortization > 0)
    at_best = model.gaps(x, model.best_lam(x))
    np.testing.assert_allclose(at_best.amortization, 0.0, atol=1e-13)


def test_principal_components_have_the_largest_evidence():
    """Stationary in W, b and noise sd, and no rotation or nudge is better."""
    x = vae(seed=5).sample(np.random.default_rng(6), 200)
    best = probabilistic_pca(x, D)
    top = np.sum(best.log_evidence(x))
    sizes = (best.W.size, X)

    def evidence(t):
        W = best.W + t[: sizes[0]].reshape(X, D)
        model = LinearVAE(W, best.b + t[sizes[0] : -1], best.noise_sd * np.exp(t[-1]))
        return np.sum(model.log_evidence(x))

    for nudge in np.random.default_rng(7).standard_normal((20, sum(sizes) + 1)):
        slope = (evidence(1e-5 * nudge) - evidence(-1e-5 * nudge)) / 2e-5
        assert abs(slope) < 1e-3  # of a sum of 200 log densities near -1600
        assert evidence(0.1 * nudge) < top
    rotation = np.linalg.qr(np.random.default_rng(8).standard_normal((D, D)))[0]
    rotated = LinearVAE(best.W @ rotation, best.b, best.noise_sd)
    assert np.sum(rotated.log_evidence(x)) == pytest.approx(top, rel=1e-12)


def test_the_family_gap_depends_on_the_rotation_alone():
    x = vae(seed=5).sample(np.random.default_rng(6), 200)
    best = probabilistic_pca(x, D)
    np.testing.assert_allclose(best.gaps(x, best.best_lam(x)).total, 0.0, atol=1e-11)
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    rotated = LinearVAE(best.W @ turn, best.b, best.noise_sd)
    assert np.all(rotated.gaps(x, rotated.best_lam(x)).family > 0.01)


def linear_params(model, seed=None):
    """VAE parameters with the model's decoder and an encoder that is exact or, seeded, not."""
    precision = np.eye(D) + model.W.T @ model.W / model.noise_sd**2
    A = np.linalg.solve(precision, model.W.T) / model.noise_sd**2
    W = np.concatenate([A.T, np.zeros((X, D))], axis=1)
    b = np.concatenate([-A @ model.b, -0.5 * np.log(np.diag(precision))])
    if seed is not None:
        rng = np.random.default_rng(seed)
        W, b = W + 0.2 * rng.standard_normal(W.shape), b + 0.2 * rng.standard_normal(b.shape)
    return {"enc_W1": W, "enc_b1": b, "dec_W1": model.W.T, "dec_b1": model.b}


def gaussian_log_lik(sd):
    return lambda x, mean: np.sum(normal(x, mean, sd), axis=-1)


def test_a_linear_encoder_is_the_best_one():
    model, x = vae(), rows()
    lam = amortised.encode(linear_params(model), x)
    np.testing.assert_allclose(lam, model.best_lam(x), rtol=1e-11)
    eps = np.random.default_rng(0).standard_normal((B, D))
    got = amortised.vae_values(linear_params(model), x, eps, log_lik=gaussian_log_lik(0.7))
    z = model.family.transport(lam, eps)
    want = model.log_joint(x, z) - model.family.log_prob(lam, z)
    np.testing.assert_allclose(got, want, rtol=1e-11)


def test_refining_closes_the_amortization_gap_and_only_that():
    """Robbins-Monro error is second order in lam: here below 1 % of a gap above .1 nats."""
    model, x = vae(), rows()
    params, log_lik = linear_params(model, seed=9), gaussian_log_lik(0.7)
    before = model.gaps(x, amortised.encode(params, x))
    assert np.all(before.amortization > 0.1)
    lam = amortised.refine(params, x, np.random.default_rng(0), num_steps=600, log_lik=log_lik)
    after = model.gaps(x, lam)
    assert np.all(after.amortization < 0.01 * before.amortization)
    np.testing.assert_allclose(after.family, before.family, rtol=1e-12)


class Design:
    """Noise whose mean is 0 and whose covariance is I *exactly*: ELBOs of Gaussians are exact."""

    def standard_normal(self, shape):
        assert shape == (4, B, 2)
        points = np.sqrt(2.0) * np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        return np.tile(points[:, None], (1, B, 1))


def test_amortization_gap_is_exact_on_exact_noise():
    model, x = vae(), rows()
    params, log_lik = linear_params(model, seed=9), gaussian_log_lik(0.7)
    result = amortised.amortization_gap(
        params, x, Design(), eval_draws=4, num_draws=4, log_lik=log_lik, num_steps=1500
    )
    lam = amortised.encode(params, x)
    np.testing.assert_allclose(result.amortised, model.elbo(x, lam), rtol=1e-12)
    np.testing.assert_allclose(result.gap, model.gaps(x, lam).amortization, rtol=1e-6)


@pytest.mark.slow
def test_training_finds_the_principal_subspace():
    """A linear VAE trained by minibatches reaches the evidence of probabilistic PCA.

    .03 nats of 6: Adam at rate .003 wobbles; a decoder without noise or KL misses it by nats.
    """
    x = vae(seed=5).sample(np.random.default_rng(6), 500)
    best = probabilistic_pca(x, D)
    from vi_lib.optimizers import adam

    training = fit_vae(
        x, (X, D), 3000, np.random.default_rng(0), decoder_sizes=(D, X), batch_size=100,
        log_lik=gaussian_log_lik(best.noise_sd),
        optimizer=adam(lambda t: 0.02 / (1 + t / 200)), num_draws=4,
    )  # fmt: skip
    params = training.params
    learned = LinearVAE(params["dec_W1"].T, params["dec_b1"], best.noise_sd)
    gap = np.mean(best.log_evidence(x)) - np.mean(learned.log_evidence(x))
    assert -1e-9 < gap < 0.03
    total = learned.gaps(x, amortised.encode(params, x)).total
    assert np.mean(total) < 0.03


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: LinearVAE(np.ones(3), np.ones(3), 1.0), ShapeError, "W must have shape"),
        (lambda: LinearVAE(np.ones((3, 2)), np.ones(2), 1.0), ShapeError, r"b must have shape \(3"),
        (lambda: LinearVAE(np.ones((3, 2)), np.ones(3), 0.0), SupportError, "noise_sd"),
        (lambda: probabilistic_pca(np.ones((4, 3)), 3), ValueError, r"1\.\.2, got 3"),
        (lambda: probabilistic_pca(np.ones(4), 1), ShapeError, "x must have shape"),
        (
            lambda: probabilistic_pca(np.outer(np.arange(4.0), [1.0, 2.0, 3.0]), 1),
            ValueError,
            "no variance beyond 1 directions",
        ),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

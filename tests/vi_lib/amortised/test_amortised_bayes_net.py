"""Bayes by backprop: the loss written out, identities over batches, and fits against the truth."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy import stats

from vi_lib import amortised
from vi_lib._check import ShapeError, SupportError
from vi_lib.amortised import (
    bayes_by_backprop_loss,
    bayes_net_elbo,
    bayes_net_outputs,
    fit_bayes_net,
    init_bayes_net,
    predictive_moments,
    sample_weights,
    tilted_wave,
    weight_kl,
)
from vi_lib.amortised.bayes_net import hidden_units
from vi_lib.optimizers import adam
from vi_lib.oracles import LinearRegression

K, H, N = 2, 3, 12
P = K * H + H + H + 1


def problem(seed=0):
    rng = np.random.default_rng(seed)
    params = {
        "mu": rng.standard_normal(P),
        "rho": rng.normal(-1, 1, P),
        "log_noise_sd": np.array(-0.4),
    }
    return params, rng.standard_normal((N, K)), rng.standard_normal(N), rng.standard_normal(P)


def written_out(params, X, y, eps, num_batches):
    """The loss of a batch with scipy, weight by weight and point by point."""
    mu, sd = params["mu"], np.log1p(np.exp(params["rho"]))
    w = mu + sd * eps
    W1, b1 = w[: K * H].reshape(K, H), w[K * H : K * H + H]
    W2, b2 = w[K * H + H : K * H + 2 * H], w[-1]
    f = np.array([np.tanh(x @ W1 + b1) @ W2 + b2 for x in X])
    log_lik = stats.norm.logpdf(y, f, np.exp(params["log_noise_sd"])).sum()
    kl = sum(0.5 * (m**2 + s**2 - 1) - np.log(s) for m, s in zip(mu, sd, strict=True))
    return -log_lik + kl / num_batches


@pytest.mark.parametrize("num_batches", [1, 4, 2.5])
def test_loss_equals_the_written_out_one(num_batches):
    params, X, y, eps = problem()
    got = bayes_by_backprop_loss(params, X, y, eps, num_batches)
    assert got == pytest.approx(written_out(params, X, y, eps, num_batches), rel=1e-12)


@pytest.mark.parametrize("batch", [1, 3, 4, 6])
def test_losses_of_the_batches_sum_to_that_of_the_full_data(batch):
    params, X, y, eps = problem()
    num_batches = N // batch
    parts = [
        bayes_by_backprop_loss(params, X[k::num_batches], y[k::num_batches], eps, num_batches)
        for k in range(num_batches)
    ]
    full = bayes_by_backprop_loss(params, X, y, eps, 1)
    assert np.sum(parts) == pytest.approx(full, rel=1e-12)


def test_several_draws_are_averaged():
    params, X, y, _ = problem()
    eps = np.random.default_rng(1).standard_normal((5, P))
    each = [bayes_by_backprop_loss(params, X, y, e, 3) for e in eps]
    got = bayes_by_backprop_loss(params, X, y, eps, 3)
    assert got == pytest.approx(np.mean(each), rel=1e-12)


def test_exact_kl_is_the_mean_of_the_sampled_one():
    """20 000 draws of log q - log p; |z| > 5 has rate 6e-7."""
    params, *_ = problem()
    eps = np.random.default_rng(2).standard_normal((20_000, P))
    w, sd = sample_weights(params, eps), np.log1p(np.exp(params["rho"]))
    log_ratio = stats.norm.logpdf(w, params["mu"], sd) - stats.norm.logpdf(w)
    sampled = log_ratio.sum(axis=1)
    z = (sampled.mean() - weight_kl(params)) / (sampled.std(ddof=1) / np.sqrt(20_000))
    assert abs(z) < 5


def test_kl_is_zero_at_the_prior_alone():
    prior = {"mu": np.zeros(4), "rho": np.full(4, np.log(np.expm1(1.0)))}
    assert weight_kl(prior) == pytest.approx(0.0, abs=1e-14)
    assert weight_kl({**prior, "mu": np.array([0.1, 0, 0, 0])}) == pytest.approx(0.005, rel=1e-9)


@pytest.mark.parametrize("name", ["mu", "rho", "log_noise_sd"])
def test_gradients_equal_finite_differences(name):
    params, X, y, eps = problem()

    def f(value):
        return bayes_by_backprop_loss({**params, name: value}, X, y, eps, 3)

    gradient, step = grad(f)(params[name]), 1e-6
    for index in np.ndindex(np.shape(params[name])):
        shift = np.zeros_like(params[name])
        shift[index] = step
        want = (f(params[name] + shift) - f(params[name] - shift)) / (2 * step)
        assert gradient[index] == pytest.approx(want, rel=1e-6, abs=1e-7)


def test_units_follow_from_the_number_of_weights():
    assert hidden_units(P, K) == H
    assert hidden_units(10 * 20 + 20 + 20 + 1, 10) == 20
    assert hidden_units(1 * 7 + 7 + 7 * 2 + 2, 1, 2) == 7


def test_heteroscedastic_net_reads_its_second_output():
    rng = np.random.default_rng(0)
    sizes = (1, 4, 2)
    params = init_bayes_net(sizes, rng)
    X, y, eps = rng.standard_normal((5, 1)), rng.standard_normal(5), rng.standard_normal((3, 18))
    f, sd = bayes_net_outputs(params, X, eps, sizes)
    assert f.shape == sd.shape == (3, 5)
    want = stats.norm.logpdf(y, f, sd).sum(axis=1).mean() - weight_kl(params) / 2
    got = bayes_net_elbo(params, X, y, eps, sizes, num_batches=2)
    assert got == pytest.approx(want, rel=1e-12)
    assert np.all(sd != sd[:1, :1] + np.eye(3, 5))


class Design(np.random.Generator):
    """Noise of the weights with mean 0 and covariance I *exactly*: ±sqrt(3) along each axis."""

    def standard_normal(self, size):
        if size != (6, 3):
            return super().standard_normal(size)
        return np.sqrt(3.0) * np.concatenate([np.eye(3), -np.eye(3)])


def test_a_net_without_hidden_layers_is_linear_regression_with_a_known_posterior():
    """With known noise the best factorised Gaussian is known: exact means, conditional sds."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((40, 2))
    y = X @ [0.8, -0.5] + 0.3 + 0.5 * rng.standard_normal(40)
    training, sizes = fit_bayes_net(
        X, y, (), noise=0.5, batch_size=40, num_draws=6, num_steps=1000, warmup_steps=100,
        optimizer=adam(lambda t: 0.05 / (1 + t / 200)), rng=Design(np.random.PCG64(3)),
    )  # fmt: skip
    assert sizes == (2, 1)
    design = np.column_stack([X, np.ones(40)])
    mean, sd, _ = LinearRegression(design, y, 1.0, 0.5).mean_field()
    got = training.params
    np.testing.assert_allclose(got["mu"], mean, rtol=1e-6)
    np.testing.assert_allclose(np.log1p(np.exp(got["rho"])), sd, rtol=1e-4)
    assert got["log_noise_sd"] == np.log(0.5)


def test_history_is_the_elbo_per_observation():
    """A batch of 8 of 20 carries 8 / 20 of the KL, whatever the epochs leave over."""
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((20, 1)), rng.standard_normal(20)
    training, sizes = fit_bayes_net(
        X, y, (3,), batch_size=8, num_draws=2, num_steps=1, warmup_steps=0,
        rng=np.random.default_rng(5),
    )  # fmt: skip
    again = np.random.default_rng(5)
    params = init_bayes_net(sizes, again)
    rows = again.permutation(20)[:8]
    eps = again.standard_normal((2, 10))
    want = -bayes_by_backprop_loss(params, X[rows], y[rows], eps, 20 / 8) / 8
    np.testing.assert_allclose(training.history, [want], rtol=1e-12)


def test_resumed_equals_uninterrupted():
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((20, 1)), rng.standard_normal(20)
    options = {"hidden": (3,), "batch_size": 6, "num_draws": 2, "warmup_steps": 7}
    whole, _ = fit_bayes_net(X, y, num_steps=9, rng=np.random.default_rng(0), **options)
    part, _ = fit_bayes_net(X, y, num_steps=4, rng=np.random.default_rng(0), **options)
    rest, _ = fit_bayes_net(X, y, num_steps=5, resume=part, **options)
    np.testing.assert_array_equal(rest.params["mu"], whole.params["mu"])
    np.testing.assert_array_equal(rest.history, whole.history)


def test_noise_that_depends_on_x_is_learnt_by_the_second_output():
    """The first sds are those of a net near 0, 1; the data's are .1 and 1 at the two inputs."""
    rng = np.random.default_rng(6)
    X = np.repeat([[-1.0], [1.0]], 100, axis=0)
    y = np.where(X[:, 0] < 0, 0.1, 1.0) * rng.standard_normal(200)
    training, sizes = fit_bayes_net(
        X, y, (5,), noise="heteroscedastic", batch_size=200, num_steps=400, warmup_steps=0, rng=rng
    )
    assert sizes == (1, 5, 2)
    eps = rng.standard_normal((50, len(training.params["mu"])))
    _, sd = bayes_net_outputs(training.params, X[[0, -1]], eps, sizes)
    low, high = np.median(sd, axis=0)
    assert low < 0.25
    assert 0.7 < high < 1.4
    assert training.params["log_noise_sd"] == 0.0  # it is not read


@pytest.mark.slow
def test_the_wave_is_found_with_its_noise_and_the_band_holds_fresh_points():
    """After a warm-up, with the default prior.

    Over seeds 0 to 9 the noise was 3.03 to 3.16 and the coverage of 2000 fresh points .878 to .900
    when measured: the net is nearly, not quite, the truth.
    """
    data, fresh = (tilted_wave(np.random.default_rng(k), n) for k, n in ((0, 500), (3, 2000)))
    training, sizes = fit_bayes_net(
        data["x"][:, None] / 2, data["y"] / 6, (20,), rng=np.random.default_rng(1)
    )
    params = training.params
    assert 6 * np.exp(params["log_noise_sd"]) == pytest.approx(3.0, abs=0.3)
    eps = np.random.default_rng(2).standard_normal((300, len(params["mu"])))
    f, sd = bayes_net_outputs(params, fresh["x"][:, None] / 2, eps, sizes)
    mean, var = predictive_moments(f, sd**2)
    band = amortised.gaussian_band(mean, var, 0.9)
    assert 0.85 < amortised.coverage(fresh["y"] / 6, *band)[0] < 0.95
    error = np.sqrt(np.mean((6 * mean - fresh["mean"]) ** 2))
    assert error < 2.0  # the wave's own sd is 5.5


def test_beta_and_prior_sd_weigh_the_kl():
    params, X, y, eps = problem()
    sizes = (K, H, 1)
    log_lik = bayes_net_elbo(params, X, y, eps, sizes, beta=0.0)
    sd = np.log1p(np.exp(params["rho"]))
    kl = np.sum(np.log(2.0 / sd) + (sd**2 + params["mu"] ** 2) / 8.0 - 0.5)
    got = bayes_net_elbo(params, X, y, eps, sizes, beta=0.3, prior_sd=2.0, num_batches=4)
    assert got == pytest.approx(log_lik - 0.3 * kl / 4, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda p, X, y, e: bayes_by_backprop_loss(p, X, y, e[:-1], 1),
            ShapeError,
            r"eps must have shape \(\.\.\., 13\), got \(12,\)",
        ),
        (lambda p, X, y, e: bayes_by_backprop_loss(p, X, y[1:], e, 1), ShapeError, "y must have"),
        (lambda p, X, y, e: bayes_by_backprop_loss(p, X, y, e, 0), SupportError, "num_batches"),
        (
            lambda p, X, y, e: bayes_by_backprop_loss(p, X[:, :1], y, e, 1),
            None,
            None,
        ),
        (lambda p, X, y, e: hidden_units(12, 2), ShapeError, "12 weights are no one-hidden"),
        (lambda p, X, y, e: hidden_units(1, 2), ShapeError, "1 weights are no"),
        (lambda p, X, y, e: fit_bayes_net(X, y, noise="known"), ValueError, "got 'known'"),
        (lambda p, X, y, e: fit_bayes_net(y, y), ShapeError, "X must have"),
        (
            lambda p, X, y, e: init_bayes_net((1, 1), np.random.default_rng(0), sd=0.0),
            SupportError,
            "sd must be positive",
        ),
    ],
)
def test_errors_say_what_came(call, error, match):
    if error is None:
        # 13 weights also fit one input and 4 units: nothing can be said.
        assert np.isfinite(call(*problem()))
        return
    with pytest.raises(error, match=match):
        call(*problem())


def test_autograd_reaches_the_weights_through_a_dict():
    params, X, y, eps = problem()
    gradient = grad(lambda p: bayes_by_backprop_loss(p, X, y, eps, 1))(params)
    assert list(gradient) == list(params)
    assert all(anp.all(anp.isfinite(g)) for g in gradient.values())

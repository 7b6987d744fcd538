"""Stochastic variational inference: unbiased, equal to coordinate ascent in the limit, natural.

One check draws batches at random and compares with a standard error: two-sided, at 5.5 standard
errors, so a right implementation would fail with other seeds at a rate of 4e-8 a number. All seeds
are fixed.
"""

from __future__ import annotations

import itertools

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, hessian, jacobian

from vi_lib import _gaussian_mixture, cavi, svi
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib._special import gammaln
from vi_lib.gaussian_gamma import elbo_gaussian_gamma, update_q_gamma, update_q_mu
from vi_lib.optimizers import is_robbins_monro, robbins_monro

pytestmark = pytest.mark.slow

#: A prior that shows in every number.
STRONG = {"mu0": 3.0, "tau0": 2.0, "alpha0": 1.7, "beta0": 2.3}
NAMES = ("nu_q", "tau_q", "alpha_q", "beta_q")
X1 = np.random.default_rng(1).normal(4.0, 1.5, 30)


def rng():
    return np.random.default_rng(11)


# Minibatch gradients


DATA = np.array([[0.3, 1.0], [-1.2, 2.0], [2.2, -0.5], [0.1, 0.4], [1.0, 1.0]])


def log_lik(lam, rows):
    """E_q[log N(y | x theta, 1)] with q = N(m, sd=exp(w)), a value a row."""
    m, w = lam
    return -0.5 * ((rows[:, 1] - rows[:, 0] * m) ** 2 + rows[:, 0] ** 2 * anp.exp(2 * w))


def log_prior(lam):
    return -0.5 * (lam[0] ** 2 + anp.exp(2 * lam[1])) / 0.25


def entropy(lam):
    return lam[1]


GRADIENTS = (jacobian(log_lik), grad(log_prior), grad(entropy))
LAM = np.array([0.7, -0.4])
FULL = grad(lambda lam: anp.sum(log_lik(lam, DATA)) + log_prior(lam) + entropy(lam))(LAM)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_mean_over_all_batches_is_the_full_gradient(size):
    batches = list(itertools.combinations(range(len(DATA)), size))
    each = [svi.minibatch_elbo_gradient(*GRADIENTS, LAM, DATA, list(idx)) for idx in batches]
    np.testing.assert_allclose(np.mean(each, axis=0), FULL, rtol=1e-13)
    if size < 5:
        assert np.ptp(each, axis=0).min() > 0.1  # no batch is the full gradient by itself


def test_a_batch_may_repeat_rows():
    """Drawn with replacement, batches average to the full gradient, too."""
    batches = itertools.product(range(5), repeat=2)
    each = [svi.minibatch_elbo_gradient(*GRADIENTS, LAM, DATA, list(idx)) for idx in batches]
    np.testing.assert_allclose(np.mean(each, axis=0), FULL, rtol=1e-13)


def test_only_the_likelihood_is_scaled():
    zero = np.zeros(2)
    rows = svi.minibatch_elbo_gradient(
        lambda lam, rows: np.ones((len(rows), 2)), lambda _: zero, lambda _: zero, LAM, DATA, [0, 3]
    )
    np.testing.assert_allclose(rows, 5.0)
    rest = svi.minibatch_elbo_gradient(
        lambda lam, rows: np.zeros((len(rows), 2)),
        lambda _: np.array([1.0, 2.0]),
        lambda _: np.array([10.0, 20.0]),
        LAM, DATA, [0],
    )  # fmt: skip
    np.testing.assert_array_equal(rest, [11.0, 22.0])


# Step sizes


def test_rates():
    np.testing.assert_allclose(svi.robbins_monro_rate(np.arange(1, 4), 2.0, 0.5, 1.0),
                               2.0 / np.sqrt([2, 3, 4]), rtol=1e-14)  # fmt: skip
    assert svi.robbins_monro_rate(7, 0.3, 0.7, 2.0) == robbins_monro(0.3, 0.7, 2.0)(7)
    whole = svi.robbins_monro_rate(np.arange(1, 4), 6, 1, 0)
    np.testing.assert_allclose(whole, [6.0, 3.0, 2.0], rtol=1e-14)
    with pytest.raises(ValueError, match="t is counted from 1, got 0"):
        svi.robbins_monro_rate(np.arange(3), 1.0, 0.7, 1.0)


# Natural gradients


def test_steps_of_size_one_and_zero_are_exact():
    eta, eta_hat = rng().normal(size=(2, 3)), 1e9 * rng().normal(size=(2, 3))
    np.testing.assert_array_equal(svi.natural_gradient_step(eta, eta_hat, 1.0), eta_hat)
    np.testing.assert_array_equal(svi.natural_gradient_step(eta, eta_hat, 0.0), eta)
    np.testing.assert_allclose(
        svi.natural_gradient_step(eta, eta_hat, 0.25), eta + 0.25 * (eta_hat - eta), rtol=1e-12
    )


def test_a_step_leaves_its_arguments_alone():
    eta, eta_hat = np.zeros(2), np.ones(2)
    svi.natural_gradient_step(eta, eta_hat, 0.5)
    np.testing.assert_array_equal(eta, 0.0)
    np.testing.assert_array_equal(eta_hat, 1.0)


def gradient_by_differences(f, eta):
    steps = 1e-5 * np.abs(eta)
    each = [f(eta + e) - f(eta - e) for e in np.diag(steps)]
    return np.array(each) / (2 * steps)


def test_the_step_is_inverse_fisher_times_gradient_for_the_gaussian():
    """With eta = (tau nu, -tau / 2); the Fisher matrix is the Hessian of the log normaliser."""
    nu, tau, alpha, beta = 2.0, 5.0, 4.0, 3.0

    def elbo(eta):
        tau_q = -2.0 * eta[1]
        return elbo_gaussian_gamma(X1, **STRONG, nu_q=eta[0] / tau_q, tau_q=tau_q,
                                   alpha_q=alpha, beta_q=beta)  # fmt: skip

    def log_normaliser(eta):
        return -(eta[0] ** 2) / (4.0 * eta[1]) - 0.5 * anp.log(-2.0 * eta[1])

    eta = np.array([tau * nu, -tau / 2])
    natural = np.linalg.solve(hessian(log_normaliser)(eta), gradient_by_differences(elbo, eta))
    nu_hat, tau_hat = update_q_mu(X1, alpha / beta, STRONG["mu0"], STRONG["tau0"])
    eta_hat = np.array([tau_hat * nu_hat, -tau_hat / 2])
    step = svi.natural_gradient_step(eta, eta_hat, 0.3)
    np.testing.assert_allclose(step, eta + 0.3 * natural, rtol=1e-7)


def test_the_step_is_inverse_fisher_times_gradient_for_the_gamma():
    """With eta = (alpha - 1, -beta)."""
    nu, tau, alpha, beta = 2.0, 5.0, 4.0, 3.0

    def elbo(eta):
        return elbo_gaussian_gamma(X1, **STRONG, nu_q=nu, tau_q=tau, alpha_q=eta[0] + 1.0,
                                   beta_q=-eta[1])  # fmt: skip

    def log_normaliser(eta):
        return gammaln(eta[0] + 1.0) - (eta[0] + 1.0) * anp.log(-eta[1])

    eta = np.array([alpha - 1.0, -beta])
    natural = np.linalg.solve(hessian(log_normaliser)(eta), gradient_by_differences(elbo, eta))
    alpha_hat, beta_hat = update_q_gamma(X1, nu, tau, STRONG["alpha0"], STRONG["beta0"])
    step = svi.natural_gradient_step(eta, np.array([alpha_hat - 1.0, -beta_hat]), 0.3)
    np.testing.assert_allclose(step, eta + 0.3 * natural, rtol=1e-7)


# The loop


def averages(x, batch_size, kappa, num_steps, generator):
    """A model whose update is the sum of a batch, so that eta estimates sum(x) + prior."""
    etas, trace = svi.stochastic_ascent(
        (lambda etas, idx: np.array([10.0 + x[idx].sum()]),),
        (np.array([10.0]),),
        lambda etas: etas[0][0],
        len(x), batch_size, kappa, 0.0, num_steps, generator,
    )  # fmt: skip
    return etas[0][0], trace


def test_all_batches_are_equally_likely_and_none_repeats_a_row():
    seen = []

    def update(etas, idx):
        seen.append(tuple(idx))
        return np.zeros(1)

    svi.stochastic_ascent(
        (update,), (np.zeros(1),), lambda _: 0.0, 5, 2, 1.0, 0.0, 20_000, rng()
    )  # fmt: skip
    counts = {pair: seen.count(pair) for pair in itertools.combinations(range(5), 2)}
    assert sum(counts.values()) == 20_000  # sorted, and no row twice
    sd = np.sqrt(20_000 * 0.1 * 0.9)
    assert max(abs(n - 2000) for n in counts.values()) < 5.5 * sd


def test_with_kappa_one_the_result_is_the_mean_over_the_batches():
    """rho_t = 1/t averages all eta_hat; their variance is that of sampling without replacement."""
    x, batch_size, num_steps = X1, 4, 5000
    got, trace = averages(x, batch_size, 1.0, num_steps, rng())
    N = len(x)
    var = N**2 * x.var() / batch_size * (N - batch_size) / (N - 1)
    assert abs(got - 10.0 - x.sum()) < 5.5 * np.sqrt(var / num_steps)
    # The first two values of the trace are the first estimate and the mean of the first two.
    r = rng()
    batches = [r.choice(N, size=batch_size, replace=False, shuffle=False) for _ in range(2)]
    first, second = (10.0 + N / batch_size * x[idx].sum() for idx in batches)
    np.testing.assert_allclose(trace[:2], [first, (first + second) / 2], rtol=1e-12)


def test_the_rate_of_convergence_for_every_kappa():
    """The variance of a linear recursion, sum_t (rho_t prod_{s > t} (1 - rho_s))^2, is met.

    300 runs each: the mean square of 300 normal errors differs from its mean by more than 50 % with
    probability 4e-8 (chi-squared).
    """
    x, batch_size, num_steps = X1, 4, 60
    N = len(x)
    var = N**2 * x.var() / batch_size * (N - batch_size) / (N - 1)
    generator = rng()
    for kappa in (0.55, 0.75, 1.0):
        rho = svi.robbins_monro_rate(np.arange(1, num_steps + 1), 1.0, kappa, 0.0)
        later = np.append(np.cumprod((1.0 - rho)[::-1])[::-1][1:], 1.0)
        expected = var * np.sum((rho * later) ** 2)
        errors = [averages(x, batch_size, kappa, num_steps, generator)[0] for _ in range(300)]
        errors = np.array(errors) - 10.0 - x.sum()
        assert np.mean(errors**2) == pytest.approx(expected, rel=0.5), kappa
        assert is_robbins_monro(kappa)


# The models


@pytest.mark.parametrize("num_steps", [1, 4])
def test_gaussian_gamma_with_all_data_and_full_steps_is_coordinate_ascent(num_steps):
    q = svi.svi_gaussian_gamma(X1, STRONG, len(X1), 0.0, 0.0, num_steps, rng())
    c = cavi.cavi_gaussian_gamma(X1, STRONG, max_iter=num_steps, rel_tol=-np.inf)
    for name in (*NAMES, "elbo"):
        np.testing.assert_allclose(q[name], c[name], rtol=1e-14)
    assert set(q) == set(c)


def test_gaussian_gamma_one_step_by_hand():
    x = np.array([1.0, 2.5, 4.0])
    q = svi.svi_gaussian_gamma(x, STRONG, 1, 0.5, 3.0, 1, rng())
    row = x[rng().choice(3, size=1, replace=False, shuffle=False)][0]
    rho = 4.0**-0.5
    E_gamma = 1.7 / 2.3
    tau_q = 0.5 * 2.0 + rho * (2.0 + 3 * E_gamma)
    nu_q = (0.5 * 2.0 * 3.0 + rho * (2.0 * 3.0 + 3 * E_gamma * row)) / tau_q
    alpha_q = 0.5 * 1.7 + rho * (1.7 + 3 / 2)
    beta_q = 0.5 * 2.3 + rho * (2.3 + 3 / 2 * ((row - nu_q) ** 2 + 1 / tau_q))
    got = [q[name] for name in NAMES]
    np.testing.assert_allclose(got, [nu_q, tau_q, alpha_q, beta_q], rtol=1e-13)
    elbo = cavi.elbo_gaussian_gamma(x, **STRONG, **dict(zip(NAMES, got, strict=True)))
    np.testing.assert_allclose(q["elbo"], [elbo], rtol=1e-14)


def test_gaussian_gamma_converges():
    """The gap is .02 on average over other seeds, and .06 at most in twelve."""
    x = np.random.default_rng(2).normal(5.0, 1.0, 2000)
    prior = {"mu0": 0.0, "tau0": 1e-6, "alpha0": 0.01, "beta0": 0.01}
    best = cavi.cavi_gaussian_gamma(x, prior, rel_tol=1e-14)
    q = svi.svi_gaussian_gamma(x, prior, 50, 0.9, 1.0, 4000, rng())
    assert np.all(q["elbo"] <= best["elbo"][-1] + 1e-9 * abs(best["elbo"][-1]))
    assert best["elbo"][-1] - np.mean(q["elbo"][-400:]) < 0.3


def regression_problem(num_rows, dim=3):
    r = np.random.default_rng(4)
    X = r.normal(size=(num_rows, dim)) @ r.normal(size=(dim, dim))
    return X, X @ r.normal(size=dim) + 0.7 * r.normal(size=num_rows)


def test_regression_with_all_data_and_full_steps_is_coordinate_ascent():
    X, y = regression_problem(20)
    prior = (np.array([0.5, 4.0, 1.0]), 1.7, 2.3)
    for num_steps in (1, 5):
        q = svi.svi_linreg_unknown_noise(X, y, *prior, 20, 0.0, 0.0, num_steps, rng())
        c = cavi.cavi_linreg_unknown_noise(X, y, *prior, max_iter=num_steps, rel_tol=-np.inf)
        assert set(q) == set(c)
        for name in c:
            np.testing.assert_allclose(q[name], c[name], rtol=1e-11, atol=1e-14)


def test_regression_one_step_is_the_weighted_mean_of_precisions():
    X, y = regression_problem(4)
    q = svi.svi_linreg_unknown_noise(X, y, 2.0, 1.7, 2.3, 2, 0.5, 3.0, 1, rng())
    idx = rng().choice(4, size=2, replace=False, shuffle=False)
    E_gamma, Xb, yb = 1.7 / 2.3, X[idx], y[idx]
    precision = 2.0 * np.eye(3) + 0.5 * 2.0 * E_gamma * Xb.T @ Xb
    cov = np.linalg.inv(precision)
    mean = cov @ (0.5 * 2.0 * E_gamma * Xb.T @ yb)
    np.testing.assert_allclose(q["cov"], cov, rtol=1e-11)
    np.testing.assert_allclose(q["mean"], mean, rtol=1e-11)
    squares = np.sum((yb - Xb @ mean) ** 2) + np.trace(Xb @ cov @ Xb.T)
    assert q["a_q"] == pytest.approx(1.7 + 0.5 * 2.0, rel=1e-13)
    assert q["b_q"] == pytest.approx(2.3 + 0.5 * 2.0 * squares / 2, rel=1e-12)


def test_regression_converges():
    """The gap is .02 on average over other seeds, and .05 at most in twelve."""
    X, y = regression_problem(2000)
    best = cavi.cavi_linreg_unknown_noise(X, y, 0.1, 0.5, 0.5)
    q = svi.svi_linreg_unknown_noise(X, y, 0.1, 0.5, 0.5, 100, 0.9, 1.0, 2000, rng())
    assert np.all(q["elbo"] <= best["elbo"][-1] + 1e-9 * abs(best["elbo"][-1]))
    assert best["elbo"][-1] - np.mean(q["elbo"][-200:]) < 0.3


CLUSTERS = np.concatenate(
    [np.random.default_rng(8).normal(mean, 1.0, 300) for mean in (-6.0, 0.0, 5.0)]
)
INIT = np.array([-4.0, 1.0, 3.0])


def test_mixture_with_all_data_and_full_steps_is_coordinate_ascent():
    for num_steps in (1, 5):
        q = svi.svi_gmm(CLUSTERS, 3, 10.0, 900, 0.0, 0.0, num_steps, rng(), INIT)
        c = cavi.cavi_gmm(CLUSTERS, 3, 10.0, rng(), 1, INIT, max_iter=num_steps, rel_tol=-np.inf)
        assert set(q) == set(c)
        np.testing.assert_allclose(q["m"], c["m"], rtol=1e-12)
        np.testing.assert_allclose(q["s2"], c["s2"], rtol=1e-12)
        # Its ELBO has the responsibilities of the next sweep already, so it is a little higher.
        assert q["elbo"][-1] >= c["elbo"][-1]
        resp = cavi.gmm_responsibilities(CLUSTERS, c["m"], c["s2"], 0.0)
        np.testing.assert_allclose(q["resp"], resp, rtol=1e-9, atol=1e-300)


def test_mixture_converges_and_keeps_an_empty_component():
    best = cavi.cavi_gmm(CLUSTERS, 3, 10.0, rng(), 5, INIT)
    q = svi.svi_gmm(CLUSTERS, 3, 10.0, 60, 0.9, 1.0, 1500, rng(), INIT)
    assert best["elbo"][-1] - np.mean(q["elbo"][-150:]) < 0.3
    far = svi.svi_gmm(CLUSTERS, 2, 10.0, 60, 0.9, 1.0, 50, rng(), np.array([0.0, 500.0]))
    # No observation comes near the second: it forgets its start for the prior, N(0, sd=10).
    rho = svi.robbins_monro_rate(np.arange(1, 51), 1.0, 0.9, 1.0)
    kept = np.prod(1.0 - rho)
    precision = kept + (1.0 - kept) * 0.01
    assert 1.0 / far["s2"][1] == pytest.approx(precision, rel=1e-12)
    assert far["m"][1] == pytest.approx(kept * 500.0 / precision, rel=1e-12)


def test_mixture_starts_at_random_like_coordinate_ascent():
    q = svi.svi_gmm(CLUSTERS, 3, 10.0, 900, 0.0, 0.0, 1, rng())
    init = _gaussian_mixture.start_means(CLUSTERS, 3, rng())
    c = cavi.cavi_gmm(CLUSTERS, 3, 10.0, rng(), 1, init, max_iter=1)
    np.testing.assert_allclose(q["m"], c["m"], rtol=1e-12)


def test_the_same_seed_gives_the_same_run():
    first, second = (svi.svi_gaussian_gamma(X1, STRONG, 3, 0.7, 1.0, 20, rng()) for _ in range(2))
    np.testing.assert_array_equal(first["elbo"], second["elbo"])


def loop(**changed):
    options = {"num_rows": 5, "batch_size": 2, "kappa": 0.7, "delay": 1.0, "num_steps": 3}
    return svi.stochastic_ascent(
        (lambda etas, idx: np.ones(1),), (np.ones(1),), changed.pop("elbo", lambda _: 0.0),
        **{**options, **changed}, rng=rng(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: loop(batch_size=0), ValueError, r"batch_size must be in 1\.\.5, got 0"),
        (lambda: loop(batch_size=6), ValueError, r"batch_size must be in 1\.\.5, got 6"),
        (lambda: loop(num_steps=0), ValueError, "num_steps must be at least 1, got 0"),
        (lambda: loop(kappa=-1.0), ValueError, r"rho must be in \[0, 1\], got 2.0"),
        (lambda: loop(delay=-0.5), ValueError, "delay must not be negative"),
        (lambda: loop(elbo=lambda _: np.nan), NonFiniteError, "got nan in iteration 1"),
        (lambda: svi.natural_gradient_step(np.ones(2), np.ones(3), 0.5), ShapeError, "eta_hat mus"),
        (lambda: svi.natural_gradient_step(np.ones(2), np.ones(2), 1.5), ValueError, "got 1.5"),
        (
            lambda: svi.minibatch_elbo_gradient(*GRADIENTS, LAM, DATA, []),
            ValueError,
            "an empty batch",
        ),
        (
            lambda: svi.minibatch_elbo_gradient(*GRADIENTS, LAM, DATA, 3),
            ShapeError,
            r"idx must have shape \(B,\)",
        ),
        (
            lambda: svi.minibatch_elbo_gradient(lambda lam, rows: lam, *GRADIENTS[1:], LAM, DATA,
                                                [1, 2, 3]),
            ShapeError,
            r"grad_log_lik\(lam, rows\) must have shape \(3, 2\), got \(2,\)",
        ),
        (
            lambda: svi.svi_gaussian_gamma(X1, {"mu0": 0.0}, 3, 0.7, 1.0, 3, rng()),
            ValueError,
            "prior must have the keys",
        ),
        (
            lambda: svi.svi_gmm(X1, 2, 1.0, 3, 0.7, 1.0, 3, rng(), [0.0]),
            ShapeError,
            r"init must have shape \(2,\)",
        ),
        (
            lambda: svi.svi_gmm(X1, 2, 0.0, 3, 0.7, 1.0, 3, rng()),
            SupportError,
            "prior_sd must be positive",
        ),
        (
            lambda: svi.svi_linreg_unknown_noise(X1[:, None], X1, 1, 0, 1, 3, 0.7, 1.0, 3, rng()),
            SupportError,
            "a0 must be positive",
        ),
    ],
)  # fmt: skip
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

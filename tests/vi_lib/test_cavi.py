"""Coordinate ascent: exact numbers, monotone ELBOs, and identities each formula must satisfy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import roots_genlaguerre

from vi_lib import cavi

LESSON = np.random.RandomState(123).normal(5, 1, 100)  # published
PRIOR = {"mu0": 0.0, "tau0": 1e-6, "alpha0": 0.01, "beta0": 0.01}
#: A prior that shows in every number, for data sets of a few points.
STRONG = {"mu0": 3.0, "tau0": 2.0, "alpha0": 1.7, "beta0": 2.3}

DATA = {
    "lesson": (LESSON, PRIOR),
    "strong prior": (np.array([1.0, 2.5, 2.0, 4.0]), STRONG),
    "one point": (np.array([-1.5]), STRONG),
    "equal points": (np.full(6, 3.0), STRONG),
}
STARTS = {
    "default": None,
    "narrow": {"nu_q": 0.0, "tau_q": 1e6, "alpha_q": 1e4, "beta_q": 1.0},
    "wide": {"nu_q": 100.0, "tau_q": 1e-6, "alpha_q": 1e-3, "beta_q": 10.0},
}
cases = pytest.mark.parametrize(("x", "prior"), DATA.values(), ids=DATA.keys())


def random_covariance(rng, dim):
    root = rng.standard_normal((dim, dim)) + 2.0 * np.eye(dim)
    return root @ root.T


# Mean field on a Gaussian


def test_mean_field_of_a_correlated_pair():
    mean, sd, kl = cavi.mean_field_gaussian([1.0, -2.0], [[1.0, 0.8], [0.8, 1.0]])
    np.testing.assert_allclose(mean, [1.0, -2.0])
    np.testing.assert_allclose(sd, 0.6, rtol=1e-14)
    assert kl == pytest.approx(-0.5 * np.log(1 - 0.8**2), rel=1e-14)  # 0.510826


@pytest.mark.parametrize("dim", range(1, 7))
def test_mean_field_maximises_the_elbo(dim):
    rng = np.random.default_rng(dim)
    mu, cov = rng.standard_normal(dim), random_covariance(rng, dim)
    precision = np.linalg.inv(cov)

    def kl_to_target(mean, log_sd):  # closed form, written without the library's formula
        var = np.exp(2.0 * log_sd)
        quadratic = (mean - mu) @ precision @ (mean - mu) + np.diag(precision) @ var
        return 0.5 * (quadratic - dim - 2 * log_sd.sum() + np.linalg.slogdet(cov)[1])

    mean, sd, kl = cavi.mean_field_gaussian(mu, cov)
    assert kl == pytest.approx(kl_to_target(mean, np.log(sd)), rel=1e-10, abs=1e-12)
    for _ in range(20):
        step = 0.1 * rng.standard_normal((2, dim))
        assert kl_to_target(mean + step[0], np.log(sd) + step[1]) > kl


def test_mean_field_does_not_touch_its_arguments():
    mu, cov = np.zeros(2), np.eye(2)
    mean, _, _ = cavi.mean_field_gaussian(mu, cov)
    mean += 1.0
    np.testing.assert_array_equal(mu, 0.0)


def test_coordinate_path_contracts_by_rho_squared_per_sweep():
    rho = 0.9
    path = cavi.coordinate_path_gaussian(
        np.zeros(2), [[1.0, rho], [rho, 1.0]], np.array([-2.0, 1.0]), 4
    )
    assert path.shape == (9, 2)
    np.testing.assert_array_equal(path[0], [-2.0, 1.0])
    # Given m_1 the best m_0 is the conditional mean rho m_1, and the other way round.
    np.testing.assert_allclose(path[1], [rho, 1.0], rtol=1e-12)
    np.testing.assert_allclose(path[2], [rho, rho**2], rtol=1e-12)
    np.testing.assert_allclose(path[2::2, 1], rho ** (2.0 * np.arange(1, 5)), rtol=1e-12)


def test_coordinate_path_arrives_at_the_mean():
    rng = np.random.default_rng(0)
    mu, cov = rng.standard_normal(4), random_covariance(rng, 4)
    path = cavi.coordinate_path_gaussian(mu, cov, np.full(4, 9.0), 2000)
    np.testing.assert_allclose(path[-1], mu, atol=1e-9)


# The Gaussian-Gamma model


def test_published_numbers():
    q = cavi.cavi_gaussian_gamma(LESSON, PRIOR, rel_tol=1e-14)
    assert q["nu_q"] == pytest.approx(5.027109, abs=5e-7)
    assert q["tau_q"] == pytest.approx(77.777029, abs=5e-7)
    assert q["alpha_q"] == pytest.approx(50.01, abs=1e-12)
    assert q["beta_q"] == pytest.approx(64.29919, abs=5e-6)
    assert q["elbo"][-1] == pytest.approx(-168.738299, abs=5e-7)
    assert q["elbo"][-1] < -168.733258  # log evidence, by quadrature over gamma


@cases
def test_updates_maximise_the_elbo(x, prior):
    """Neither factor can be improved by a small change of its parameters."""
    rng = np.random.default_rng(1)
    q = cavi.cavi_gaussian_gamma(x, prior, rel_tol=0.0)
    names = ("nu_q", "tau_q", "alpha_q", "beta_q")
    best = cavi.elbo_gaussian_gamma(x, **prior, **{n: q[n] for n in names})
    for _ in range(50):
        factor = np.exp(0.03 * rng.standard_normal(4))
        other = {n: q[n] * f for n, f in zip(names, factor, strict=True)}
        assert cavi.elbo_gaussian_gamma(x, **prior, **other) < best


@cases
@pytest.mark.parametrize("init", STARTS.values(), ids=STARTS.keys())
def test_elbo_never_falls_and_the_start_does_not_matter(x, prior, init):
    q = cavi.cavi_gaussian_gamma(x, prior, init, rel_tol=1e-13)
    assert np.all(np.diff(q["elbo"]) >= -1e-12 * np.abs(q["elbo"][:-1]))
    reference = cavi.cavi_gaussian_gamma(x, prior, rel_tol=1e-13)
    for name in ("nu_q", "tau_q", "alpha_q", "beta_q"):
        assert q[name] == pytest.approx(reference[name], rel=1e-5)
    assert q["elbo"][-1] == pytest.approx(reference["elbo"][-1], rel=1e-11)


def test_round_off_at_the_optimum_is_no_error():
    """A thousand sweeps at the fixed point fall by 3e-14 now and then (erratum X20)."""
    at_optimum = cavi.cavi_gaussian_gamma(LESSON, PRIOR, rel_tol=1e-14)
    q = cavi.cavi_gaussian_gamma(LESSON, PRIOR, at_optimum, max_iter=1000, rel_tol=-1.0)
    assert len(q["elbo"]) == 1000
    assert np.diff(q["elbo"]).min() < 0.0


def test_a_wrong_update_is_reported(monkeypatch):
    right = cavi.update_q_gamma

    def forgets_the_variance_of_mu(x, nu_q, tau_q, alpha0, beta0):
        return right(x, nu_q, 1e12, alpha0, beta0)

    monkeypatch.setattr(cavi, "update_q_gamma", forgets_the_variance_of_mu)
    with pytest.raises(ArithmeticError, match=r"the ELBO fell from .* in sweep \d+"):
        cavi.cavi_gaussian_gamma([1.0, 2.5], STRONG, rel_tol=0.0)


def test_one_value_is_recorded_after_each_sweep():
    q = cavi.cavi_gaussian_gamma(LESSON, PRIOR, max_iter=1)
    names = ("nu_q", "tau_q", "alpha_q", "beta_q")
    expected = cavi.elbo_gaussian_gamma(LESSON, **PRIOR, **{n: q[n] for n in names})
    np.testing.assert_allclose(q["elbo"], [expected])


def test_mu_is_updated_first_from_the_prior_mean_of_gamma():
    x = np.array([1.0, 2.5, 2.0])
    q = cavi.cavi_gaussian_gamma(x, STRONG, max_iter=1)
    nu_q, tau_q = cavi.update_q_mu(x, STRONG["alpha0"] / STRONG["beta0"], 3.0, 2.0)
    assert (q["nu_q"], q["tau_q"]) == (nu_q, tau_q)
    assert (q["alpha_q"], q["beta_q"]) == cavi.update_q_gamma(x, nu_q, tau_q, 1.7, 2.3)


def test_terms_equal_exact_integrals():
    """Each expectation against Gauss quadrature of scipy's log densities under q."""
    x, nu_q, tau_q, alpha_q, beta_q = np.array([1.0, 2.5, -0.5]), 0.7, 3.0, 4.5, 2.0
    z, z_weights = np.polynomial.hermite_e.hermegauss(20)
    mu, mu_weights = nu_q + z / np.sqrt(tau_q), z_weights / z_weights.sum()
    g, g_weights = roots_genlaguerre(120, alpha_q - 1.0)
    gamma, gamma_weights = g / beta_q, g_weights / g_weights.sum()
    log_lik = stats.norm.logpdf(x[:, None, None], mu[:, None], 1.0 / np.sqrt(gamma)).sum(axis=0)
    prior_gamma = stats.gamma(STRONG["alpha0"], scale=1 / STRONG["beta0"])
    prior_mu = stats.norm(STRONG["mu0"], STRONG["tau0"] ** -0.5)
    expected = {
        "log_lik": mu_weights @ log_lik @ gamma_weights,
        "log_prior_mu": mu_weights @ prior_mu.logpdf(mu),
        "log_prior_gamma": gamma_weights @ prior_gamma.logpdf(gamma),
        "entropy_mu": stats.norm(nu_q, tau_q**-0.5).entropy(),
        "entropy_gamma": stats.gamma(alpha_q, scale=1 / beta_q).entropy(),
    }
    terms = cavi.elbo_terms_gaussian_gamma(x, **STRONG, nu_q=nu_q, tau_q=tau_q,
                                           alpha_q=alpha_q, beta_q=beta_q)  # fmt: skip
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        # log(gamma) is not a polynomial: 120 Laguerre nodes leave 3e-7 of it.
        assert terms[name] == pytest.approx(value, abs=1e-6), name
    total = cavi.elbo_gaussian_gamma(x, **STRONG, nu_q=nu_q, tau_q=tau_q,
                                     alpha_q=alpha_q, beta_q=beta_q)  # fmt: skip
    assert total == pytest.approx(sum(expected.values()), abs=3e-6)


def test_elbo_broadcasts_over_parameters_of_q():
    tau_q, beta_q = np.array([[1.0], [2.0]]), np.array([0.5, 1.5, 3.0])
    grid = cavi.elbo_gaussian_gamma([1.0, 2.0], **STRONG, nu_q=0.3, tau_q=tau_q, alpha_q=2.0,
                                    beta_q=beta_q)  # fmt: skip
    assert grid.shape == (2, 3)
    single = cavi.elbo_gaussian_gamma([1.0, 2.0], **STRONG, nu_q=0.3, tau_q=2.0, alpha_q=2.0,
                                      beta_q=1.5)  # fmt: skip
    assert grid[1, 1] == pytest.approx(single, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: cavi.mean_field_gaussian(np.zeros(2), np.eye(3)),
            r"cov must have shape \(2, 2\), got",
        ),
        (lambda: cavi.mean_field_gaussian(0.0, np.eye(1)), r"mu must have shape \(D,\)"),
        (lambda: cavi.mean_field_gaussian(np.zeros(2), [[1, 2], [2, 1]]), "positive definite"),
        (lambda: cavi.mean_field_gaussian(np.zeros(2), [[1, 0.5], [0, 1]]), "symmetric"),
        (lambda: cavi.coordinate_path_gaussian(np.zeros(2), np.eye(2), 0.0, 1), "start must"),
        (lambda: cavi.update_q_mu([], 1.0, 0.0, 1.0), r"N >= 1, got \(0,\)"),
        (lambda: cavi.update_q_mu(np.ones((3, 1)), 1.0, 0.0, 1.0), r"got \(3, 1\)"),
        (lambda: cavi.update_q_gamma([1, np.nan], 0.0, 1.0, 1.0, 1.0), "finite, got nan"),
        (lambda: cavi.cavi_gaussian_gamma([1.0], {"mu0": 0.0}), "prior must have the keys mu0, t"),
        (lambda: cavi.cavi_gaussian_gamma([1.0], {**STRONG, "tau0": 0}), r"\['tau0'\] must be pos"),
        (lambda: cavi.cavi_gaussian_gamma([1.0], STRONG, {"nu_q": 0}), "init must have the keys"),
        (lambda: cavi.cavi_gaussian_gamma([1.0], STRONG, max_iter=0), "at least 1, got 0"),
    ],
)
def test_errors_say_what_came(call, match):
    with pytest.raises(ValueError, match=match):
        call()

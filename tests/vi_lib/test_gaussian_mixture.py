"""The mixture of unit-variance Gaussians: responsibilities, ELBO, restarts, degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from vi_lib import _gaussian_mixture, cavi
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib._discrete import SmallMixture
from vi_lib.oracles import NormalNormal

THREE = np.concatenate(
    [np.random.default_rng(8).normal(mean, 1.0, 40) for mean in (-6.0, 0.0, 5.0)]
)
#: Clusters so far apart that a component cannot leave one for another.
FIVE = np.concatenate(
    [np.random.default_rng(9).normal(mean, 1.0, 20) for mean in (-20.0, -10.0, 0.0, 10.0, 20.0)]
)
FEW = np.array([-2.1, -1.5, 0.3, 1.9, 2.2])


def rng():
    return np.random.default_rng(3)


def some_q(seed, num_rows, K):
    r = np.random.default_rng(seed)
    resp = r.dirichlet(np.ones(K), size=num_rows)
    return 2.0 * r.normal(size=K), np.exp(r.normal(size=K)), resp


# Responsibilities


def test_responsibilities_against_scipy():
    m, s2, _ = some_q(0, 7, 3)
    x, log_pi = 3.0 * rng().normal(size=7), np.log([0.2, 0.5, 0.3])
    expected = special.softmax(log_pi + stats.norm.logpdf(x[:, None], m, 1.0) - s2 / 2.0, axis=1)
    np.testing.assert_allclose(cavi.gmm_responsibilities(x, m, s2, log_pi), expected, rtol=1e-12)


def test_responsibilities_of_two_components_by_hand():
    """The log odds are log_pi_1 - log_pi_2 + x (m_1 - m_2) - (m_1^2 + s2_1 - m_2^2 - s2_2) / 2."""
    resp = cavi.gmm_responsibilities([0.5], [1.0, -0.5], [0.2, 0.9], np.log([0.3, 0.7]))
    odds = 0.3 / 0.7 * np.exp(0.5 * 1.5 - 0.5 * (1.0 + 0.2 - 0.25 - 0.9))
    np.testing.assert_allclose(resp, [[odds / (1 + odds), 1 / (1 + odds)]], rtol=1e-13)


@pytest.mark.parametrize("scale", [40.0, 1e4])
def test_far_points_and_components_stay_finite(scale):
    x = np.array([-scale, 0.0, scale, 3.0 * scale])
    resp = cavi.gmm_responsibilities(x, np.array([-scale, scale]), 1.0, -np.log(2.0))
    np.testing.assert_allclose(resp.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(resp, [[1, 0], [0.5, 0.5], [0, 1], [0, 1]], atol=1e-300)
    assert np.isfinite(cavi.elbo_gmm(x, np.array([-scale, scale]), np.ones(2), resp, 1.0))


def test_common_shifts_of_the_exponent_change_nothing():
    m, s2, _ = some_q(1, 5, 3)
    log_pi = np.log([0.2, 0.5, 0.3])
    base = cavi.gmm_responsibilities(FEW, m, s2, log_pi)
    for other in ((FEW, m, s2, log_pi + 7.0), (FEW, m, s2 + 2.0, log_pi)):
        np.testing.assert_allclose(cavi.gmm_responsibilities(*other), base, rtol=1e-12)
    np.testing.assert_allclose(
        cavi.gmm_responsibilities(FEW + 9, m + 9, s2, log_pi), base, rtol=1e-10
    )


def test_a_weight_of_zero_shuts_a_component_out():
    resp = cavi.gmm_responsibilities(FEW, [0.0, 1.0], 1.0, [-np.inf, 0.0])
    np.testing.assert_array_equal(resp, np.tile([0.0, 1.0], (5, 1)))


# The ELBO


def test_terms_against_exact_integrals():
    """Gauss-Hermite nodes for each component's mean; scipy's densities and entropies."""
    x, K, prior_sd = FEW, 3, 1.7
    m, s2, resp = some_q(2, len(x), K)
    z, w = np.polynomial.hermite_e.hermegauss(20)
    mu, w = m[:, None] + np.sqrt(s2)[:, None] * z, w / w.sum()
    expected = {
        "log_lik": np.sum(resp * (stats.norm.logpdf(x[:, None, None], mu, 1.0) @ w)),
        "log_prior_m": np.sum(stats.norm(0, prior_sd).logpdf(mu) @ w),
        "log_prior_c": np.sum(resp * np.log(1.0 / K)),
        "entropy_m": np.sum(stats.norm(m, np.sqrt(s2)).entropy()),
        "entropy_c": np.sum(stats.entropy(resp, axis=1)),
    }
    terms = cavi.elbo_terms_gmm(x, m, s2, resp, prior_sd)
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        assert terms[name] == pytest.approx(value, rel=1e-12), name
    total = cavi.elbo_gmm(x, m, s2, resp, prior_sd)
    assert total == pytest.approx(sum(expected.values()), rel=1e-12)


@pytest.mark.parametrize("K", [1, 2, 3])
def test_elbo_is_the_evidence_minus_kl(K):
    """KL(q || posterior) by summing over all assignments, each with its own Gaussian posterior.

    log p(mu, c | x) = log p(c | x) + log p(mu | c, x), so with q(c) a product the KL is
    sum_c q(c) [log q(c) - log p(c | x) + KL(q(mu) || p(mu | c, x))].
    """
    x, prior_sd = FEW, 1.7
    m, s2, resp = some_q(4, len(x), K)
    log_evidence = SmallMixture(x, K, prior_sd).log_evidence
    kl = 0.0
    for c in np.ndindex(*(K,) * len(x)):
        chosen = np.eye(K)[list(c)]
        q_c = np.prod(resp[np.arange(len(x)), c])
        log_p_c = -log_evidence - len(x) * np.log(K)
        for k in range(K):
            own = x[chosen[:, k] == 1]
            cov = np.eye(len(own)) + prior_sd**2
            if len(own):
                log_p_c += stats.multivariate_normal(np.zeros(len(own)), cov).logpdf(own)
        var = 1.0 / (prior_sd**-2 + chosen.sum(axis=0))
        mean = var * (x @ chosen)
        kl_mu = np.sum(0.5 * (np.log(var / s2) + (s2 + (m - mean) ** 2) / var - 1.0))
        kl += q_c * (np.log(q_c) - log_p_c + kl_mu)
    elbo = cavi.elbo_gmm(x, m, s2, resp, prior_sd)
    assert elbo + kl == pytest.approx(log_evidence, abs=1e-11 * (1.0 + abs(elbo) + kl))


def test_each_update_is_the_best_one():
    x, K, prior_sd = FEW, 3, 1.7
    m, s2, resp = some_q(5, len(x), K)
    r = rng()
    best_resp = cavi.gmm_responsibilities(x, m, s2, -np.log(K))
    best = cavi.elbo_gmm(x, m, s2, best_resp, prior_sd)
    assert best > cavi.elbo_gmm(x, m, s2, resp, prior_sd)
    for _ in range(30):
        other = best_resp * np.exp(0.05 * r.normal(size=resp.shape))
        other /= other.sum(axis=1, keepdims=True)
        assert cavi.elbo_gmm(x, m, s2, other, prior_sd) < best
    best_m, best_s2 = cavi.update_gmm_means(x, resp, prior_sd)
    best = cavi.elbo_gmm(x, best_m, best_s2, resp, prior_sd)
    for _ in range(30):
        other = (best_m + 0.05 * r.normal(size=K), best_s2 * np.exp(0.05 * r.normal(size=K)))
        assert cavi.elbo_gmm(x, *other, resp, prior_sd) < best


# The ascent


def test_one_sweep_from_a_given_start():
    """Responsibilities first, from equal variances; then means. The generator is left alone."""
    generator = rng()
    before = generator.bit_generator.state
    init = np.array([-1.0, 0.5])
    q = cavi.cavi_gmm(FEW, 2, 3.0, generator, 1, init, max_iter=1)
    assert generator.bit_generator.state == before
    resp = special.softmax(stats.norm.logpdf(FEW[:, None], init, 1.0), axis=1)
    np.testing.assert_allclose(q["resp"], resp, rtol=1e-12)
    np.testing.assert_allclose(q["s2"], 1.0 / (1 / 9 + resp.sum(axis=0)), rtol=1e-12)
    np.testing.assert_allclose(q["m"], q["s2"] * (resp.T @ FEW), rtol=1e-12)
    np.testing.assert_allclose(
        q["elbo"], [cavi.elbo_gmm(FEW, q["m"], q["s2"], q["resp"], 3.0)], rtol=1e-14
    )
    np.testing.assert_array_equal(init, [-1.0, 0.5])


def test_three_clusters_are_found():
    """The best run, sorted, has the clusters' own posterior means: they hardly overlap."""
    best = cavi.sort_components(cavi.cavi_gmm(THREE, 3, 10.0, rng(), 10))
    for k in range(3):
        own = THREE[40 * k : 40 * (k + 1)]
        alone = NormalNormal(own, 0.0, 10.0, 1.0)
        assert best["m"][k] == pytest.approx(alone.mean[0], abs=0.5 * alone.sd[0])
        assert best["s2"][k] ** 0.5 == pytest.approx(alone.sd[0], rel=0.02)
    assert np.mean(best["resp"].argmax(axis=1) == np.repeat([0, 1, 2], 40)) > 0.97


def test_runs_are_kept_and_the_best_is_chosen():
    runs = cavi.gmm_restarts(FIVE, 5, 20.0, rng(), 12)
    last = [run["elbo"][-1] for run in runs]
    assert len(runs) == 12
    assert max(last) - min(last) > 100.0  # there are local optima here, so the choice matters
    best = cavi.cavi_gmm(FIVE, 5, 20.0, rng(), 12)
    assert best["elbo"][-1] == max(last)
    assert set(best) == {"m", "s2", "resp", "elbo"}


def test_a_poor_start_stays_poor_and_restarts_repair_it():
    poor = np.array([-20.0, -19.0, -10.0, 10.0, 20.0])  # two share a cluster, none is near 0
    alone = cavi.cavi_gmm(FIVE, 5, 20.0, rng(), 1, poor)
    among = cavi.cavi_gmm(FIVE, 5, 20.0, rng(), 30, poor)
    assert among["elbo"][-1] > alone["elbo"][-1] + 100.0
    np.testing.assert_allclose(np.sort(among["m"]), [-20, -10, 0, 10, 20], atol=1.0)
    first = cavi.gmm_restarts(FIVE, 5, 20.0, rng(), 2, poor)[0]
    np.testing.assert_array_equal(first["elbo"], alone["elbo"])


def test_an_empty_component_keeps_its_prior():
    x = np.array([-100.0, -101.0])
    q = cavi.cavi_gmm(x, 2, 20.0, rng(), 1, np.array([-100.0, 100.0]))
    assert (q["m"][1], q["s2"][1]) == pytest.approx((0.0, 400.0), abs=1e-12)
    np.testing.assert_allclose(q["resp"], [[1.0, 0.0]] * 2, atol=1e-200)


@pytest.mark.parametrize("num_rows", [1, 6])
def test_one_component_is_the_exact_posterior(num_rows):
    x = rng().normal(2.0, 1.0, num_rows)
    q = cavi.cavi_gmm(x, 1, 1.7, rng(), 2)
    exact = NormalNormal(x, 0.0, 1.7, 1.0)
    assert q["m"][0] == pytest.approx(exact.mean[0], rel=1e-13)
    assert q["s2"][0] == pytest.approx(exact.cov[0, 0], rel=1e-13)
    assert q["elbo"][-1] == pytest.approx(exact.log_evidence, rel=1e-13)


@pytest.mark.parametrize("prior_sd", [0.5, 5.0])
def test_more_components_than_observations(prior_sd):
    q = cavi.cavi_gmm(FEW[:2], 5, prior_sd, rng(), 5)
    assert q["m"].shape == q["s2"].shape == (5,)
    assert q["resp"].shape == (2, 5)
    assert q["elbo"][-1] < SmallMixture(FEW[:2], 5, prior_sd).log_evidence


def test_equal_observations():
    q = cavi.cavi_gmm(np.full(4, 2.0), 2, 5.0, rng(), 5)
    assert q["elbo"][-1] < SmallMixture(np.full(4, 2.0), 2, 5.0).log_evidence


def test_no_two_components_start_at_the_same_place():
    """Equal components would stay equal for ever."""
    for x in (np.full(6, 2.0), FEW[:1]):
        assert len(set(_gaussian_mixture.start_means(x, 4, rng()))) == 4


def test_sorting_changes_nothing_but_the_order():
    q = cavi.gmm_restarts(THREE, 4, 10.0, rng(), 1)[0]
    s = cavi.sort_components(q)
    assert np.all(np.diff(s["m"]) >= 0)
    order = [int(np.flatnonzero(q["m"] == value)[0]) for value in s["m"]]
    np.testing.assert_array_equal(s["resp"], q["resp"][:, order])
    np.testing.assert_array_equal(s["s2"], q["s2"][order])
    assert s["elbo"] is q["elbo"]
    assert cavi.elbo_gmm(THREE, s["m"], s["s2"], s["resp"], 10.0) == pytest.approx(q["elbo"][-1])


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 6), st.floats(-3, 4),
       st.floats(-3, 3))  # fmt: skip
def test_no_sweep_lowers_the_elbo(seed, num_rows, K, log_scale, log_prior_sd):
    r = np.random.default_rng(seed)
    x, prior_sd = np.exp(log_scale) * r.normal(size=num_rows), np.exp(log_prior_sd)
    for run in cavi.gmm_restarts(x, K, prior_sd, r, 2, max_iter=60, rel_tol=-np.inf):
        assert np.all(np.diff(run["elbo"]) >= -1e-12 * (1.0 + np.abs(run["elbo"][:-1])))
        np.testing.assert_allclose(run["resp"].sum(axis=1), 1.0, rtol=1e-12)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 3))
def test_the_elbo_is_below_the_exact_evidence(seed, num_rows, K):
    r = np.random.default_rng(seed)
    x, prior_sd = 2.0 * r.normal(size=num_rows), float(np.exp(r.normal()))
    exact = SmallMixture(x, K, prior_sd).log_evidence
    for run in cavi.gmm_restarts(x, K, prior_sd, r, 2):
        assert run["elbo"][-1] <= exact + 1e-10 * (1.0 + abs(exact))


def test_wrong_responsibilities_are_reported(monkeypatch):
    right = _gaussian_mixture.gmm_responsibilities

    def forgets_the_squares(x, m, s2, log_pi):
        return right(x, m, s2, log_pi + 0.5 * (m**2 + s2))

    monkeypatch.setattr(_gaussian_mixture, "gmm_responsibilities", forgets_the_squares)
    with pytest.raises(ArithmeticError, match=r"the ELBO fell from .* in sweep \d+"):
        cavi.gmm_restarts(3.0 * FEW, 3, 5.0, rng(), 20)


def test_wrong_means_are_reported(monkeypatch):
    right = _gaussian_mixture.update_gmm_means

    def forgets_the_prior(x, resp, prior_sd):
        return right(x, resp, 1e6)

    monkeypatch.setattr(_gaussian_mixture, "update_gmm_means", forgets_the_prior)
    with pytest.raises(ArithmeticError, match=r"the ELBO fell from .* in sweep \d+"):
        cavi.gmm_restarts(FEW, 3, 0.5, rng(), 20)


ONE = np.ones((2, 1))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: cavi.gmm_responsibilities([], [0], 1, 0), ShapeError, r"N >= 1, got \(0,\)"),
        (lambda: cavi.gmm_responsibilities(FEW, 0.0, 1, 0), ShapeError, r"m must have .*\(K,\)"),
        (lambda: cavi.gmm_responsibilities(FEW, [0], [1, 1], 0), ShapeError, r"s2 .* \(1,\), got"),
        (lambda: cavi.gmm_responsibilities(FEW, [0], 1, [0, 0]), ShapeError, r"log_pi .* \(1,\)"),
        (lambda: cavi.gmm_responsibilities(FEW, [0], 0, 0), SupportError, "s2 must be positive"),
        (lambda: cavi.gmm_responsibilities(FEW, [0], 1, np.nan), NonFiniteError, "log_pi must be"),
        (lambda: cavi.gmm_responsibilities(FEW, [0], 1, -np.inf), SupportError, "-inf only"),
        (lambda: cavi.elbo_gmm([0, 1], [0], [1], ONE * 0.9, 1), SupportError, "each row of resp"),
        (lambda: cavi.elbo_gmm([0, 1], [0], [1], ONE[:1], 1), ShapeError, r"resp .* \(2, 1\), got"),
        (lambda: cavi.elbo_gmm([0, 1], [0], [1], ONE, -1), SupportError, "prior_sd must be pos"),
        (lambda: cavi.cavi_gmm(FEW, 0, 1.0, rng(), 1), ValueError, "K must be at least 1, got 0"),
        (lambda: cavi.cavi_gmm(FEW, 2, 1.0, rng(), 0), ValueError, "num_restarts must be at least"),
        (lambda: cavi.cavi_gmm(FEW, 2, 0.0, rng(), 1), SupportError, "prior_sd must be positive"),
        (lambda: cavi.cavi_gmm(FEW, 2, 1.0, rng(), 1, [0]), ShapeError, r"init must .* \(2,\)"),
        (lambda: cavi.cavi_gmm([np.nan], 2, 1.0, rng(), 1), NonFiniteError, "x must be finite"),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

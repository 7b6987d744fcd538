"""The mixture with unknown weights, means and precisions: textbook updates, exact evidences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from vi_lib import _bayesian_mixture, cavi
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib.expfam import Dirichlet, NormalWishart, kl

pytestmark = pytest.mark.slow

PRIOR = {
    "alpha0": 0.7,
    "m0": np.array([1.0, -0.5]),
    "kappa0": 0.8,
    "W0": np.array([[0.6, 0.2], [0.2, 0.5]]),
    "nu0": 4.5,
}
FEW = np.array([[0.3, 1.0], [-1.2, 2.0], [2.2, -0.5], [0.1, 0.4], [3.0, -1.0]])
CLUSTERS = np.concatenate([
    np.random.default_rng(5).multivariate_normal(mean, cov, 60)
    for mean, cov in (([-4, 0], [[1, 0.8], [0.8, 1]]), ([3, 3], [[0.3, 0], [0, 2]]))
])  # fmt: skip
VAGUE = {"alpha0": 0.01, "m0": np.zeros(2), "kappa0": 0.1, "W0": np.eye(2), "nu0": 2.0}


def rng():
    return np.random.default_rng(6)


def some_resp(num_rows, K):
    return np.random.default_rng(K).dirichlet(np.ones(K), size=num_rows)


def log_evidence(X, prior):
    """Of one Gaussian component, by the chain of its predictive Student t distributions."""
    dim = len(prior["m0"])
    m, kappa, nu = prior["m0"], prior["kappa0"], prior["nu0"]
    inverse_W, total = np.linalg.inv(prior["W0"]), 0.0
    for x in X:
        df = nu - dim + 1
        shape = inverse_W * (kappa + 1) / (kappa * df)
        total += stats.multivariate_t(m, shape, df=df).logpdf(x)
        inverse_W = inverse_W + kappa / (kappa + 1) * np.outer(x - m, x - m)
        m, kappa, nu = (kappa * m + x) / (kappa + 1), kappa + 1, nu + 1
    return total


def textbook_components(X, resp, prior):
    """Bishop (2006), eqs. (10.51)-(10.53) and (10.60)-(10.63), component by component."""
    dim = X.shape[1]
    for k in range(resp.shape[1]):
        n = resp[:, k].sum()
        mean = resp[:, k] @ X / n
        scatter = (resp[:, k, None] * (X - mean)).T @ (X - mean)
        kappa, gap = prior["kappa0"] + n, mean - prior["m0"]
        inverse_W = np.linalg.inv(prior["W0"]) + scatter
        inverse_W += prior["kappa0"] * n / kappa * np.outer(gap, gap)
        m = (prior["kappa0"] * prior["m0"] + n * mean) / kappa
        assert inverse_W.shape == (dim, dim)
        yield m, kappa, np.linalg.inv(inverse_W), prior["nu0"] + n


def textbook_resp(X, alpha, components):
    """Bishop (2006), eqs. (10.46), (10.64)-(10.66)."""
    dim, columns = X.shape[1], []
    for a, (m, kappa, W, nu) in zip(alpha, components, strict=True):
        log_det = special.digamma((nu + 1 - np.arange(1, dim + 1)) / 2).sum()
        log_det += dim * np.log(2) + np.linalg.slogdet(W)[1]
        square = dim / kappa + nu * np.einsum("nd,de,ne->n", X - m, W, X - m)
        log_pi = special.digamma(a) - special.digamma(np.sum(alpha))
        columns.append(log_pi + 0.5 * log_det - 0.5 * square)
    return special.softmax(np.stack(columns, axis=1), axis=1)


@pytest.mark.parametrize("shift", [0.0, 1e5])
def test_one_sweep_is_the_textbooks(shift):
    """Far from 0, too: the second moments there are 1e10, but only differences count."""
    X, prior = FEW + shift, {**PRIOR, "m0": PRIOR["m0"] + shift}
    resp = some_resp(5, 3)
    q = cavi.cavi_bayesian_gmm(X, 3, prior, rng(), 1, resp, max_iter=1)
    want = list(textbook_components(X, resp, prior))
    alpha = 0.7 + resp.sum(axis=0)
    tol = 1e-11 if shift == 0.0 else 1e-8
    np.testing.assert_allclose(q["alpha"], alpha, rtol=1e-13)
    for name, values in zip(("m", "kappa", "W", "nu"), zip(*want, strict=True), strict=True):
        np.testing.assert_allclose(q[name], np.array(values), rtol=tol)
    np.testing.assert_allclose(q["resp"], textbook_resp(X, alpha, want), rtol=tol)


@pytest.mark.parametrize("num_rows", [1, 5])
def test_one_component_is_exact(num_rows):
    X = FEW[:num_rows]
    q = cavi.cavi_bayesian_gmm(X, 1, PRIOR, rng(), 2)
    assert q["elbo"][-1] == pytest.approx(log_evidence(X, PRIOR), rel=1e-12)


@pytest.mark.parametrize("K", [2, 3])
def test_elbo_is_the_evidence_minus_kl(K):
    """Both by summing over all K^5 assignments c, given which the posterior is conjugate.

    log p(c) is a ratio of Dirichlet normalisers; KL(q || p) = sum_c q(c) [log q(c) - log p(c | x)
    + KL(q(pi) || p(pi | c)) + sum_k KL(q_k || p(mu_k, Lambda_k | x, c))].
    """
    q = cavi.cavi_bayesian_gmm(FEW, K, PRIOR, rng(), 1, some_resp(5, K), max_iter=2)
    family, weights = NormalWishart(2), Dirichlet(K)
    own = [family.natural(q["m"][k], q["kappa"][k], q["W"][k], q["nu"][k]) for k in range(K)]
    log_joint, log_q, kls = [], [], []
    for c in itertools.product(range(K), repeat=5):
        chosen = np.eye(K)[list(c)]
        alpha = np.full(K, 0.7)
        value = weights.log_partition(alpha + chosen.sum(axis=0) - 1.0)
        value -= weights.log_partition(alpha - 1.0)
        divergence = kl(weights, q["alpha"] - 1.0, alpha + chosen.sum(axis=0) - 1.0)
        for k in range(K):
            mine = FEW[chosen[:, k] == 1]
            value += log_evidence(mine, PRIOR)
            eta = family.natural(PRIOR["m0"], 0.8, PRIOR["W0"], 4.5)
            if len(mine):
                (posterior,) = textbook_components(mine, np.ones((len(mine), 1)), PRIOR)
                eta = family.natural(*posterior)
            divergence += kl(family, own[k], eta)
        log_joint.append(value)
        log_q.append(np.log(q["resp"][np.arange(5), c]).sum())
        kls.append(divergence)
    log_joint, log_q, kls = np.array(log_joint), np.array(log_q), np.array(kls)
    evidence = special.logsumexp(log_joint)
    assert np.exp(log_q).sum() == pytest.approx(1.0)
    gap = np.exp(log_q) @ (log_q - (log_joint - evidence) + kls)
    assert gap > 0.0
    assert q["elbo"][-1] + gap == pytest.approx(evidence, abs=1e-10 * (1.0 + abs(evidence) + gap))


def test_a_start_gives_each_observation_to_its_nearest_seed():
    """With as many seeds as rows every row is a seed, and its own nearest one."""
    resp = _bayesian_mixture._nearest(FEW, len(FEW), rng())
    np.testing.assert_array_equal(resp.sum(axis=0), 1.0)
    np.testing.assert_array_equal(resp.sum(axis=1), 1.0)
    pair = _bayesian_mixture._nearest(CLUSTERS - CLUSTERS.mean(axis=0), 2, np.random.default_rng(3))
    assert [np.ptp(part, axis=0).max() for part in (pair[:60], pair[60:])] == [0.0, 0.0]


def test_responsibilities_of_a_far_observation_do_not_underflow():
    """Its density is exp(-800) or less under each component; the ratio is that of the textbook."""
    X = np.array([[40.0], [-40.5]])
    family = NormalWishart(1)
    components = [(np.array([m]), 50.0, np.array([[0.1]]), 10.0) for m in (-0.01, 0.01)]
    eta = np.stack([family.natural(*component) for component in components])
    alpha = np.array([3.0, 2.0])
    got = _bayesian_mixture.update_resp(_bayesian_mixture.gaussian_messages(X), alpha - 1.0, eta)
    np.testing.assert_allclose(got, textbook_resp(X, alpha, components), rtol=1e-10)


def test_two_clusters_are_found_and_the_spare_components_fade():
    q = cavi.cavi_bayesian_gmm(CLUSTERS, 5, VAGUE, rng(), 10)
    weight = q["alpha"] / q["alpha"].sum()
    order = np.argsort(-weight)
    assert weight[order[:2]].sum() > 0.99
    big = sorted(order[:2], key=lambda k: q["m"][k, 0])
    np.testing.assert_allclose(q["m"][big], [[-4, 0], [3, 3]], atol=0.5)
    cov = np.linalg.inv(q["nu"][big, None, None] * q["W"][big])
    np.testing.assert_allclose(cov, [[[1, 0.8], [0.8, 1]], [[0.3, 0], [0, 2]]], atol=0.6)
    two = cavi.cavi_bayesian_gmm(CLUSTERS, 2, VAGUE, rng(), 5)
    one = cavi.cavi_bayesian_gmm(CLUSTERS, 1, VAGUE, rng(), 1)
    assert two["elbo"][-1] > one["elbo"][-1] + 30.0


def test_the_best_run_is_reported_with_all_traces():
    """Five narrow clusters in a row; two components that start in one leave another cluster out."""
    means = np.repeat([-20.0, -10.0, 0.0, 10.0, 20.0], 20)
    X = np.random.default_rng(9).normal(means, 1.0)[:, None]
    prior = {"alpha0": 1.0, "m0": np.zeros(1), "kappa0": 0.01, "W0": np.eye(1), "nu0": 1.0}
    q = cavi.cavi_bayesian_gmm(X, 5, prior, rng(), 8)
    last = [trace[-1] for trace in q["traces"]]
    assert len(last) == 8
    assert max(last) - min(last) > 10.0
    assert q["elbo"][-1] == max(last)
    np.testing.assert_allclose(np.sort(q["m"][:, 0]), [-20, -10, 0, 10, 20], atol=1.0)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 5), st.integers(5, 15),
       st.floats(-3, 3), st.floats(-4, 2))  # fmt: skip
def test_no_sweep_lowers_the_elbo(seed, dim, K, num_rows, log_scale, log_alpha):
    r = np.random.default_rng(seed)
    X = np.exp(log_scale) * r.normal(size=(num_rows, dim)) + 10.0 * r.normal(size=dim)
    root = r.normal(size=(dim, dim))
    prior = {"alpha0": np.exp(log_alpha), "m0": r.normal(size=dim), "kappa0": np.exp(r.normal()),
             "W0": root @ root.T + 0.1 * np.eye(dim), "nu0": dim + r.random()}  # fmt: skip
    q = cavi.cavi_bayesian_gmm(X, K, prior, r, 2, max_iter=30, rel_tol=-np.inf)
    for trace in q["traces"]:
        assert np.all(np.diff(trace) >= -1e-10 * (1.0 + np.abs(trace[:-1])))


def test_neither_factor_can_be_improved():
    """At the end every factor is at its best: random changes of each lower the ELBO."""
    q = cavi.cavi_bayesian_gmm(FEW, 2, PRIOR, rng(), 3, rel_tol=0.0)
    centre = FEW.mean(axis=0)
    family, r = NormalWishart(2), rng()
    alpha0, eta0 = _bayesian_mixture._prior(PRIOR, centre)
    messages = _bayesian_mixture.gaussian_messages(FEW - centre)

    def elbo(**changed):
        s = {**q, **changed}
        components = family.natural(s["m"] - centre, s["kappa"], s["W"], s["nu"])
        factors = _bayesian_mixture._Factors(s["alpha"] - 1.0, components, s["resp"])
        return _bayesian_mixture._elbo(messages, alpha0, eta0, factors)

    best = elbo()
    assert best == pytest.approx(q["elbo"][-1], rel=1e-12)
    for _ in range(20):
        factor = np.exp(0.05 * r.normal(size=2))
        resp = q["resp"] * np.exp(0.05 * r.normal(size=(5, 2)))
        for changed in (
            {"alpha": q["alpha"] * factor},
            {"m": q["m"] + 0.05 * r.normal(size=(2, 2))},
            {"kappa": q["kappa"] * factor},
            {"W": q["W"] * factor[:, None, None]},
            {"nu": q["nu"] * factor},
            {"resp": resp / resp.sum(axis=1, keepdims=True)},
        ):
            assert elbo(**changed) < best


@pytest.mark.parametrize("name", ["update_weights", "update_resp"])
def test_a_wrong_update_is_reported(monkeypatch, name):
    right = getattr(_bayesian_mixture, name)
    wrong = {
        "update_weights": lambda alpha0, resp: right(50.0 * alpha0, resp),
        "update_resp": lambda messages, weights, components: right(
            messages, 0 * weights, components
        ),
    }
    monkeypatch.setattr(_bayesian_mixture, name, wrong[name])
    with pytest.raises(ArithmeticError, match=r"the ELBO fell from .* in sweep \d+"):
        cavi.cavi_bayesian_gmm(FEW, 3, PRIOR, rng(), 20)


def fit(X=FEW, K=2, num_restarts=1, init=None, **changed):
    return cavi.cavi_bayesian_gmm(X, K, {**PRIOR, **changed}, rng(), num_restarts, init)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: fit(X=FEW[0]), ShapeError, r"X must have shape \(N, D\)"),
        (lambda: fit(X=FEW[:0]), ShapeError, r"N, D >= 1, got \(0, 2\)"),
        (lambda: fit(X=FEW * np.nan), NonFiniteError, "X must be finite"),
        (lambda: fit(K=0), ValueError, "K must be at least 1, got 0"),
        (lambda: fit(K=6), ValueError, "K must be at most N = 5 for a random start, got 6"),
        (lambda: fit(num_restarts=0), ValueError, "num_restarts must be at least 1, got 0"),
        (lambda: fit(alpha0=0.0), SupportError, r"prior\['alpha0'\] must be positive"),
        (lambda: fit(m0=np.zeros(3)), ShapeError, r"prior\['m0'\] must have shape \(2,\)"),
        (lambda: fit(kappa0=-1.0), SupportError, "kappa must be positive"),
        (lambda: fit(nu0=0.5), SupportError, "nu must be above D - 1"),
        (lambda: fit(W0=-np.eye(2)), SupportError, "W must be positive definite"),
        (lambda: fit(init=np.ones((5, 3))), ShapeError, r"init must have shape \(5, 2\)"),
        (lambda: fit(init=np.ones((5, 2))), SupportError, "each row of init must be"),
        (
            lambda: cavi.cavi_bayesian_gmm(FEW, 2, {"m0": 0}, rng(), 1),
            ValueError,
            "prior must have the keys alpha0, m0, kappa0, W0, nu0, got m0",
        ),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

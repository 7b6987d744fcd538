"""The coupling flow: its inverse, its start, its fixed draws, its fits."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, jacobian
from scipy import stats

from vi_lib import densities, estimators
from vi_lib._check import ShapeError
from vi_lib._flow import LOG_SCALE, _quasi_normal
from vi_lib.families import CouplingFlow, FullRank, MeanField
from vi_lib.fit import fit
from vi_lib.optimizers import adam


def bent(q, seed=0, size=0.5):
    return q.init() + size * np.random.default_rng(seed).standard_normal(q.num_params)


@pytest.mark.parametrize("layers", [1, 2, 3, 6])
def test_the_inverse_is_exact_even_for_large_weights(layers):
    """Log q(t(eps)) = log N(eps) - log |det dt/deps| holds only if log_prob finds eps again."""
    q = CouplingFlow(3, layers=layers, hidden=3)
    lam = bent(q, layers, size=4.0)
    for eps in np.random.default_rng(1).standard_normal((5, 3)) * 2.0:
        z = q.transport(lam, eps)
        _, log_det = np.linalg.slogdet(jacobian(lambda eps: q.transport(lam, eps))(eps))
        want = stats.norm.logpdf(eps).sum() - log_det
        np.testing.assert_allclose(q.log_prob(lam, z), want, rtol=1e-9)


def test_the_log_scale_of_a_layer_is_bounded():
    q = CouplingFlow(2, layers=1, hidden=3)
    lam = bent(q, 2, size=100.0)
    loc, log_scale, *_ = q.unpack(lam)
    lam = np.concatenate([np.zeros(4), lam[4:]])
    slope = np.diag(jacobian(lambda eps: q.transport(lam, eps))(np.array([0.3, -0.7])))
    assert slope[0] == 1.0
    assert abs(np.log(slope[1])) <= LOG_SCALE * (1 + 1e-15)
    assert loc.shape == log_scale.shape == (2,)


def test_a_layer_changes_one_half_of_the_coordinates_and_the_next_the_other():
    eps = np.random.default_rng(3).standard_normal((6, 5))
    for layers, changed in ((1, {3, 4}), (2, {0, 1, 2, 3, 4})):
        q = CouplingFlow(5, layers=layers, hidden=2)
        lam = np.concatenate([np.zeros(10), bent(q, 4)[10:]])
        differs = np.any(q.transport(lam, eps) != eps, axis=0)
        assert set(np.flatnonzero(differs)) == changed


@pytest.mark.parametrize("q", [CouplingFlow(2), CouplingFlow(5, layers=3, hidden=2)])
def test_the_start_is_a_gaussian_and_no_saddle(q):
    mean, sd = np.linspace(-1.0, 1.0, q.dim), np.linspace(0.5, 2.0, q.dim)
    lam, mf = q.init(mean, sd), MeanField(q.dim)
    z = 3.0 * np.random.default_rng(5).standard_normal((7, q.dim))
    np.testing.assert_allclose(q.log_prob(lam, z), mf.log_prob(mf.init(mean, sd), z), rtol=1e-14)
    np.testing.assert_allclose(q.cov(lam), np.diag(sd**2), rtol=1e-12, atol=1e-12)
    # A curved target pulls at every output weight, and at each hidden unit differently.
    eps = q.noise(np.random.default_rng(6), 50)
    log_p = lambda z: -anp.sum((z[..., 1:] - z[..., :1] ** 2) ** 2, axis=-1)  # noqa: E731
    _, slope = estimators.values_and_gradient(estimators.reparam, lam, log_p, q, eps)
    for k in range(q.layers):
        by_output = q.unpack(slope)[4 + 4 * k]
        assert np.all(by_output != 0.0)
        assert np.linalg.matrix_rank(by_output) == min(by_output.shape)


@pytest.mark.parametrize("dim", [2, 7])
def test_the_fixed_draws_stand_for_a_standard_normal(dim):
    points = _quasi_normal(dim)
    np.testing.assert_allclose(points.mean(axis=0), np.zeros(dim), atol=1e-15)
    np.testing.assert_allclose(points.T @ points / len(points), np.eye(dim), atol=1e-12)
    # Fourth and sixth moments, with the tails cut off at 1 / 16 384.
    np.testing.assert_allclose(np.mean(points**4, axis=0), 3.0, rtol=0.01)
    np.testing.assert_allclose(np.mean(points**6, axis=0), 15.0, rtol=0.05)
    assert not points.flags.writeable


def test_the_moments_of_one_layer_are_within_the_stated_error():
    """Given x one layer makes a Gaussian of y, so its moments are integrals over x alone."""
    q = CouplingFlow(2, layers=1, hidden=6)
    lam = bent(q, 7)
    loc, log_scale, *_ = q.unpack(lam)
    x = np.linspace(-9.0, 9.0, 4001)
    zero = np.stack([x, np.zeros_like(x)], axis=-1)
    one = np.stack([x, np.ones_like(x)], axis=-1)
    t = q.transport(lam, zero)[:, 1]
    s = q.transport(lam, one)[:, 1] - t
    weight = stats.norm.pdf(x) * (x[1] - x[0])
    mean = np.sum(weight * t)
    sd = np.sqrt(np.sum(weight * (s**2 + (t - mean) ** 2)))
    assert abs(q.mean(lam)[1] - mean) < 1e-3 * sd
    assert abs(q.sd(lam)[1] - sd) < 5e-3 * sd
    np.testing.assert_allclose(q.mean(lam)[0], loc[0], rtol=1e-12)
    np.testing.assert_allclose(q.sd(lam)[0], np.exp(log_scale[0]), rtol=1e-12)


AXIS = np.linspace(-11.0, 11.0, 301)
GRID = np.stack(np.meshgrid(AXIS, AXIS, indexing="ij"), axis=-1)


@pytest.mark.parametrize(
    "estimator",
    [estimators.reparam, estimators.stl, estimators.score, estimators.score_cv],
)
@pytest.mark.slow
def test_estimators_are_unbiased_for_it(estimator):
    """Against quadrature of the ELBO; t-tests, Bonferroni, false-alarm rate 1e-6 each."""
    q = CouplingFlow(2, layers=2, hidden=2)
    lam = bent(q, 8, size=0.3)

    def log_p(z):
        return densities.student_t(z[..., 0], 5.0, 0.5, 1.3) + densities.normal(
            z[..., 1], 0.3 * z[..., 0], 1.5
        )

    def elbo(lam):
        log_q = q.log_prob(lam, GRID)
        return anp.sum(anp.exp(log_q) * (log_p(GRID) - log_q)) * (AXIS[1] - AXIS[0]) ** 2

    rng, estimates = np.random.default_rng(9), []
    for _ in range(200):
        values, slope = estimators.values_and_gradient(estimator, lam, log_p, q, q.noise(rng, 100))
        estimates.append([values.mean(), *slope])
    truth = np.array([elbo(lam), *grad(elbo)(lam)])
    result = stats.ttest_1samp(np.array(estimates), truth, axis=0)
    assert np.min(result.pvalue) > 1e-6 / len(truth)


def test_gradients_draw_by_draw_average_to_the_gradient():
    q = CouplingFlow(3, layers=2, hidden=2)
    eps = q.noise(np.random.default_rng(10), 6)
    log_p = lambda z: -anp.sum(anp.cosh(z), axis=-1)  # noqa: E731
    rows = estimators.per_draw_gradients(estimators.stl, bent(q, 11), log_p, q, eps)
    _, mean = estimators.values_and_gradient(estimators.stl, bent(q, 11), log_p, q, eps)
    np.testing.assert_allclose(rows.mean(axis=0), mean, rtol=1e-10, atol=1e-12)


def banana(z):
    """A normalised density: x ~ N(0, 1.5), y ~ N(x²/2 - 1, .4)."""
    x, y = z[..., 0], z[..., 1]
    return densities.normal(x, 0.0, 1.5) + densities.normal(y, 0.5 * x**2 - 1.0, 0.4)


@pytest.mark.slow
def test_on_a_banana_the_flow_is_nearer_than_the_best_gaussian():
    """KL = -ELBO, as the target is normalised; the best Gaussian is .66 nats off."""
    kl = {}
    for q in (FullRank(2), CouplingFlow(2, layers=2)):
        options = {"estimator": estimators.stl, "optimizer": adam(0.01), "num_draws": 20}
        rng = np.random.default_rng(12)
        lam = fit(banana, q, rng=rng, stop=None, max_iters=1500, **options).lam
        z = q.transport(lam, q.noise(np.random.default_rng(13), 20_000))
        kl[q] = np.mean(q.log_prob(lam, z) - banana(z))
    assert kl[FullRank(2)] > 0.6
    assert kl[CouplingFlow(2, layers=2)] < 0.15


Q = CouplingFlow(3, layers=2, hidden=4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CouplingFlow(1), "needs dim >= 2, got 1: .* use MeanField or Mixture"),
        (lambda: CouplingFlow(0), "dim must be a whole number of at least 1, got 0"),
        (lambda: CouplingFlow(2, layers=0), "layers must be a whole number of at least 1"),
        (lambda: CouplingFlow(2, hidden=2.0), "hidden must be a whole number .* got 2.0"),
        (lambda: Q.pack(np.zeros(3)), r"hidden=4\) has 10 parts, got 1"),
        (lambda: Q.pack(*[np.zeros(3)] * 10), r"part 2 must have shape \(\.\.\., 2, 4\)"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


@pytest.mark.parametrize("dim", [2, 5])
def test_fixed_draws_have_no_odd_moments(dim):
    z = _quasi_normal(dim)
    third = np.einsum("ni,nj,nk->ijk", z, z, z) / len(z)
    np.testing.assert_allclose(third, 0.0, atol=1e-12)

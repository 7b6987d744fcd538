"""Every family with every estimator, in `fit`, in `advi`, and through a file."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest

from vi_lib import densities, estimators
from vi_lib.advi import advi
from vi_lib.datasets import load
from vi_lib.families import CouplingFlow, FullRank, LowRank, MeanField, Mixture
from vi_lib.fit import fit
from vi_lib.model import Model, Param
from vi_lib.result import Result

FAMILIES = [
    MeanField(2),
    FullRank(2),
    LowRank(2, 1),
    Mixture(2, 3),
    CouplingFlow(2, layers=2, hidden=3),
]
CLOSED = (MeanField, FullRank, LowRank)
NO_ENTROPY = [q for q in FAMILIES if not isinstance(q, CLOSED)]
families = pytest.mark.parametrize("q", FAMILIES, ids=lambda q: type(q).__name__)

ESTIMATORS = {
    "reparam": estimators.reparam,
    "reparam_entropy": estimators.reparam_entropy,
    "stl": estimators.stl,
    "score": estimators.score,
    "score_cv": estimators.score_cv,
    "iwae": estimators.iwae(3),
    "dreg": estimators.dreg(3),
    "renyi": estimators.renyi(0.5, 3),
}


def log_p(z):
    """A normalised density that no Gaussian is."""
    return densities.student_t(z[..., 0], 5.0) + densities.normal(z[..., 1], z[..., 0], 0.7)


@families
@pytest.mark.parametrize("name", ESTIMATORS)
def test_gradients_draw_by_draw_average_to_the_gradient(q, name):
    estimator = ESTIMATORS[name]
    lam = q.init() + 0.2 * np.random.default_rng(0).standard_normal(q.num_params)
    eps = q.noise(np.random.default_rng(1), 6)
    if name == "reparam_entropy" and not isinstance(q, CLOSED):
        with pytest.raises(NotImplementedError, match="use an estimator that evaluates log q"):
            estimators.values_and_gradient(estimator, lam, log_p, q, eps)
        return
    values, gradient = estimators.values_and_gradient(estimator, lam, log_p, q, eps)
    assert np.all(np.isfinite(gradient))
    assert values.shape == ((2,) if name in ("iwae", "dreg", "renyi") else (6,))
    if len(values) == 6:
        rows = estimators.per_draw_gradients(estimator, lam, log_p, q, eps)
        np.testing.assert_allclose(rows.mean(axis=0), gradient, rtol=1e-10, atol=1e-12)


@families
def test_values_of_all_estimators_agree_on_the_same_noise(q):
    lam, eps = q.init(0.3, 0.8), q.noise(np.random.default_rng(2), 6)
    z = q.transport(lam, eps)
    want = log_p(z) - q.log_prob(lam, z)
    for name in ("reparam", "stl", "score", "score_cv"):
        np.testing.assert_allclose(ESTIMATORS[name](lam, log_p, q, eps), want, rtol=1e-13)
    grouped = np.log(np.mean(np.exp(want.reshape(2, 3)), axis=1))
    np.testing.assert_allclose(ESTIMATORS["iwae"](lam, log_p, q, eps), grouped, rtol=1e-12)


DATA = load("regression_200")


def regression():
    return Model(
        {"beta": Param((2,))},
        lambda theta: anp.sum(densities.normal(theta["beta"], 0.0, 10.0), axis=-1),
        lambda theta, data: densities.normal(data["y"], anp.dot(theta["beta"], data["X"].T), 2.5),
        DATA,
    )


@families
def test_advi_takes_it_and_the_result_survives_a_file_and_goes_on(q, tmp_path):
    """The fit that was saved half-way ends bit for bit where the uninterrupted one does."""
    options = {"stop": None, "num_draws": 4}
    whole = advi(regression(), q, rng=np.random.default_rng(3), max_iters=30, **options)
    half = advi(regression(), q, rng=np.random.default_rng(3), max_iters=15, **options)
    half.save(tmp_path / "half.npz")
    back = Result.load(tmp_path / "half.npz")
    assert back.family == q
    np.testing.assert_array_equal(back.lam, half.lam)
    rest = advi(regression(), q, resume=back, max_iters=15, **options)
    np.testing.assert_array_equal(rest.lam, whole.lam)
    assert rest.mean.shape == rest.sd.shape == (2,)
    assert rest.cov.shape == (2, 2)
    assert rest.sample(np.random.default_rng(4), 5)["beta"].shape == (5, 2)
    assert "beta" in rest.summary()


@pytest.mark.parametrize("q", NO_ENTROPY, ids=lambda q: type(q).__name__)
def test_a_fit_with_the_entropy_that_is_missing_says_so(q):
    with pytest.raises(NotImplementedError, match="has no closed form: use an estimator"):
        fit(log_p, q, estimator=estimators.reparam_entropy, max_iters=3)
    with pytest.raises(NotImplementedError, match="has no closed form"):
        estimators.check_estimator(estimators.reparam, family=q)

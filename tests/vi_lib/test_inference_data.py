"""Fits in ArviZ's own hands: summaries, LOO, k-hat, files."""

from __future__ import annotations

import subprocess
import sys
import warnings

import autograd.numpy as np
import numpy as onp
import pytest

from vi_lib import densities
from vi_lib.advi import advi
from vi_lib.dadvi import dadvi
from vi_lib.diagnostics.psis import khat
from vi_lib.inference_data import to_arviz
from vi_lib.model import Model, Param

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what ArviZ announces about its own future
    az = pytest.importorskip("arviz")


def rng(seed=0):
    return onp.random.default_rng(seed)


X = rng(0).standard_normal((60, 2))
Y = X @ onp.array([1.0, -1.0]) + rng(1).standard_normal(60)


def simulate(theta, data, rng):
    fitted = np.dot(theta["beta"], data["X"].T)
    return fitted + theta["sd"][:, None] * rng.standard_normal(fitted.shape)


def model(**changes):
    arguments = {
        "params": {"beta": Param((2,)), "sd": Param((), "positive")},
        "log_prior": lambda t: (
            np.sum(densities.normal(t["beta"]), axis=-1) + densities.half_normal(t["sd"])
        ),
        "log_lik": lambda t, d: densities.normal(
            d["y"], np.dot(t["beta"], d["X"].T), t["sd"][:, None]
        ),
        "data": {"X": X, "y": Y},
        "simulate": simulate,
        **changes,
    }
    return Model(**arguments)


MODEL = model()
FIT = dadvi(MODEL, "full_rank", rng=rng())
DATA = to_arviz(
    MODEL, FIT, rng(3), 1000, dims={"beta": ["covariate"]}, coords={"covariate": ["age", "dose"]}
)


def test_every_group_has_the_shapes_and_names_that_arviz_expects():
    sizes = {group: dict(DATA[group].sizes) for group in DATA.groups()}
    draws = {"chain": 1, "draw": 1000}
    assert sizes == {
        "posterior": draws | {"covariate": 2},
        "sample_stats": draws,
        "log_likelihood": draws | {"obs_id": 60},
        "posterior_predictive": draws | {"obs_id": 60},
        "observed_data": {"obs_id": 60},
        "constant_data": {"obs_id": 60, "X_dim_1": 2},
    }
    assert set(DATA.sample_stats) == {"lp", "log_q"}
    onp.testing.assert_array_equal(DATA.observed_data["y"], Y)


def test_summary_has_the_means_of_the_draws():
    table = az.summary(DATA, kind="stats", round_to="none")
    assert list(table.index) == ["beta[age]", "beta[dose]", "sd"]
    zeta = FIT.family.transport(FIT.lam, FIT.family.noise(rng(3), 1000))
    theta = FIT.layout.constrain(zeta)
    draws = onp.column_stack([theta["beta"], theta["sd"]])
    onp.testing.assert_allclose(table["mean"], draws.mean(axis=0), rtol=1e-12)
    onp.testing.assert_allclose(table["sd"], draws.std(axis=0, ddof=1), rtol=1e-12)


def test_draws_in_all_groups_belong_together():
    theta = {name: DATA.posterior[name].values[0] for name in ("beta", "sd")}
    zeta = MODEL.unconstrain(theta)
    lp, log_q = (DATA.sample_stats[name].values[0] for name in ("lp", "log_q"))
    onp.testing.assert_allclose(lp, MODEL.log_p(zeta), rtol=1e-10)
    onp.testing.assert_allclose(log_q, FIT.family.log_prob(FIT.lam, zeta), rtol=1e-8)
    pointwise = DATA.log_likelihood["y"].values[0]
    prior = MODEL.log_prior(theta) + MODEL.layout.log_abs_det_jacobian(zeta)
    onp.testing.assert_allclose(pointwise.sum(axis=-1) + prior, lp, rtol=1e-10)


def test_khat_is_that_of_arviz():
    log_w = DATA.sample_stats["lp"].values[0] - DATA.sample_stats["log_q"].values[0]
    _, theirs = az.psislw(log_w)
    assert khat(log_w) == pytest.approx(float(theirs), rel=1e-6)


def test_loo_runs_and_is_near_the_predictive_density():
    loo = az.loo(DATA)
    assert loo.n_data_points == 60
    assert not loo.warning
    # Three parameters cost three nats, up to the sampling of 1000 draws and the fit's own error.
    in_sample = onp.log(onp.exp(DATA.log_likelihood["y"].values[0]).mean(axis=0)).sum()
    assert 1.0 < in_sample - loo.elpd_loo < 6.0


def test_attributes_say_whether_to_believe_it(tmp_path):
    attrs = DATA.posterior.attrs
    assert attrs["inference_library"] == "vi_lib"
    assert attrs["status"] == "CONVERGED"
    assert attrs["trust"] == FIT.trust.level
    assert (attrs["elbo"], attrs["elbo_se"], attrs["khat"]) == (FIT.elbo, FIT.elbo_se, FIT.khat)


def test_a_file_brings_it_back(tmp_path):
    DATA.to_netcdf(str(tmp_path / "fit.nc"))
    back = az.from_netcdf(str(tmp_path / "fit.nc"))
    assert back.groups() == DATA.groups()
    for group in DATA.groups():
        for name, values in DATA[group].items():
            onp.testing.assert_array_equal(back[group][name].values, values.values)
    assert back.posterior.attrs["elbo"] == FIT.elbo


def test_what_is_not_there_or_not_wanted_is_left_out():
    plain = model(simulate=None)
    r = advi(plain, rng=rng(), max_iters=3, stop=None)
    data = to_arviz(plain, r, rng(), 10, log_likelihood=False)
    assert set(data.groups()) == {"posterior", "sample_stats", "observed_data", "constant_data"}


def test_a_single_array_is_called_obs():
    single = Model({"mu": Param()}, lambda t: densities.normal(t["mu"]),
                   lambda t, x: densities.normal(x, t["mu"][:, None]), Y)  # fmt: skip
    r = advi(single, rng=rng(), max_iters=3, stop=None)
    data = to_arviz(single, r, rng(), 10)
    assert list(data.log_likelihood) == list(data.observed_data) == ["obs"]
    assert "constant_data" not in data.groups()
    assert list(to_arviz(single, r, rng(), 10, observed="score").observed_data) == ["score"]


def renamed(**columns):
    return model(
        data=columns,
        log_lik=lambda t, d: densities.normal(next(iter(d.values())), 0.0 * t["sd"][:, None]),
        simulate=None,
    )


def test_the_observed_column_can_be_named():
    data = to_arviz(renamed(count=Y, offset=Y), FIT, rng(), 10, observed="count")
    assert list(data.log_likelihood) == ["count"]
    assert list(data.constant_data) == ["offset"]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: to_arviz(renamed(a=Y, b=Y), FIT, rng()), "one of a, b, got None"),
        (lambda: to_arviz(MODEL, FIT, rng(), observed="z"), "one of X, y, got 'z'"),
        (lambda: to_arviz(renamed(sd=Y, y=Y), FIT, rng()), "sd names a parameter and a column"),
    ],
)
def test_unclear_columns_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_without_arviz_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(ImportError, match=r"pip install 'arviz>=0\.22,<1'"):
        to_arviz(MODEL, FIT, rng())


def test_importing_the_module_does_not_import_arviz():
    code = "import sys, vi_lib.inference_data; print('arviz' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"

"""Automatic guides, compile and svi: sites, supports, plates; resuming; refusals."""

from __future__ import annotations

import dataclasses

import autograd.numpy as np
import numpy as onp
import pytest
from scipy import stats

from vi_lib import advi, densities, families, ppl
from vi_lib._check import NonFiniteError
from vi_lib.estimators import reparam, values_and_gradient
from vi_lib.optimizers import adam

Y = onp.array([0.3, -1.2, 0.8, 2.1])


def rng(seed=0):
    return onp.random.default_rng(seed)


def model(y, size=None):
    """All kinds of supports; the simplex and the interval are there for their transforms."""
    mu = ppl.sample("mu", ppl.Normal(0.0, 2.0))
    sd = ppl.sample("sd", ppl.HalfNormal(1.0))
    w = ppl.sample("w", ppl.Dirichlet(onp.array([1.0, 2.0, 3.0])))
    u = ppl.sample("u", ppl.Uniform(-1.0, 3.0))
    with ppl.plate("rows", len(y), size) as idx:
        b = ppl.sample("b", ppl.Beta(2.0, 3.0))
        v = ppl.sample("v", ppl.Normal(onp.zeros(2), 1.0).to_event(1))
        mean = mu + np.sum(w * onp.arange(3.0), axis=-1) + u * b + np.sum(v, axis=-1)
        ppl.sample("y", ppl.Normal(mean, sd), obs=y[idx])


SHAPES = {"mu": (), "sd": (), "w": (3,), "u": (), "b": (4,), "v": (4, 2)}
DIM = 1 + 1 + 2 + 1 + 4 + 8


@pytest.mark.parametrize("auto", [ppl.auto_normal, ppl.auto_full_rank, ppl.auto_delta])
def test_a_guide_has_the_models_sites_shapes_and_supports(auto):
    guide = auto(model)
    ppl.check_guide(model, guide, Y)
    sites = ppl.trace(guide, rng())(Y)
    values = {n: s["value"] for n, s in sites.items() if s["type"] == "sample"}
    assert {name: v.shape for name, v in values.items()} == SHAPES
    assert values["sd"] > 0.0
    assert values["w"].sum() == pytest.approx(1.0)
    assert onp.all((values["b"] > 0.0) & (values["b"] < 1.0))
    assert -1.0 < values["u"] < 3.0


@pytest.mark.parametrize(
    ("auto", "family", "lower"),
    [(ppl.auto_normal, families.MeanField, ()), (ppl.auto_full_rank, families.FullRank, None)],
)
def test_a_guide_is_the_librarys_family_on_the_compiled_model(auto, family, lower):
    """The same ELBO and the same gradient at the same parameters and draws, with all Jacobians."""
    compiled = ppl.compile(model, Y)
    q, guide = family(DIM), auto(model)
    assert compiled.dim == DIM
    start = rng(1)
    params = {
        name: value + 0.1 * start.standard_normal(onp.shape(value))
        for name, value in ppl.init_params(model, guide, (Y,)).items()
    }
    sites = ppl.trace(ppl.substitute(guide, params), rng(2))(Y)
    draw = {n: s["value"] for n, s in sites.items() if s["type"] == "sample"}
    zeta = compiled.unconstrain(draw)
    values, slope = ppl.elbo_and_gradient(model, guide, params, (Y,), rng(2))
    if lower == ():
        mu = onp.concatenate([onp.ravel(params[f"{n}.loc"]) for n in SHAPES])
        omega = onp.concatenate([onp.ravel(params[f"{n}.sd"]) for n in SHAPES])
        lam, eps = q.pack(mu, omega), (zeta - mu) / onp.exp(omega)
        got = [
            onp.concatenate([onp.ravel(slope[f"{n}.{p}"]) for n in SHAPES]) for p in ("loc", "sd")
        ]
        got = onp.concatenate(got)
    else:
        L = onp.diag(onp.exp(params["auto.sd"]))
        L[onp.tril_indices(DIM, -1)] = params["auto.lower"]
        lam = q.pack(params["auto.loc"], L)
        eps = onp.linalg.solve(L, zeta - params["auto.loc"])
        rows, columns = onp.tril_indices(DIM)
        packed = onp.empty(rows.size)
        packed[rows == columns] = slope["auto.sd"]
        packed[rows != columns] = slope["auto.lower"]
        got = onp.concatenate([slope["auto.loc"], packed])
    expected, gradient = values_and_gradient(reparam, lam, compiled.log_p, q, eps[None])
    onp.testing.assert_allclose(values, expected, rtol=1e-9)
    onp.testing.assert_allclose(got, gradient, rtol=1e-6, atol=1e-8)


def test_first_values_can_be_given_on_the_sites_own_scale():
    guide = ppl.auto_delta(
        model, {"sd": 0.3, "u": 2.5, "w": [0.2, 0.3, 0.5], "b": onp.full(4, 0.9)}
    )
    sites = ppl.trace(guide, rng())(Y)
    assert sites["sd"]["value"] == pytest.approx(0.3, rel=1e-12)
    assert sites["u"]["value"] == pytest.approx(2.5, rel=1e-12)
    onp.testing.assert_allclose(sites["w"]["value"], [0.2, 0.3, 0.5], rtol=1e-12)
    onp.testing.assert_allclose(sites["b"]["value"], 0.9, rtol=1e-12)
    assert sites["mu"]["value"] == 0.0
    with pytest.raises(ValueError, match="init of site 'sd'"):
        ppl.trace(ppl.auto_normal(model, {"sd": -1.0}), rng())(Y)


def test_the_gaussian_and_gamma_guide_is_the_product_it_says():
    params = {"nu_q": 0.4, "tau_q": onp.log(4.0), "alpha_q": onp.log(3.0), "mean_q": onp.log(1.5)}
    sites = ppl.trace(ppl.substitute(ppl.gaussian_gamma_guide, params), rng())(Y)
    for name, exact in (("mu", stats.norm(0.4, 0.5)), ("gamma", stats.gamma(3.0, scale=0.5))):
        expected = exact.logpdf(sites[name]["value"])
        assert sites[name]["log_prob"] == pytest.approx(expected, rel=1e-10)


def test_rows_of_a_subsample_have_their_own_parameters():
    guide = ppl.auto_normal(model)
    params = ppl.init_params(model, guide, (Y, 2))
    assert params["b.loc"].shape == (4,)
    assert params["v.loc"].shape == (4, 2)
    params["b.loc"] = onp.array([-4.0, -1.0, 1.0, 4.0])
    params["b.sd"] = onp.full(4, -30.0)
    sites = ppl.trace(ppl.substitute(guide, params), rng(6))(Y, 2)
    idx = sites["rows"]["value"]
    assert list(idx) != [0, 1]
    assert sites["b"]["scale"] == 2.0
    onp.testing.assert_allclose(
        sites["b"]["value"], 1 / (1 + onp.exp(-params["b.loc"][idx])), rtol=1e-9
    )
    again = ppl.trace(ppl.replay(model, sites), rng(7))(Y, 2)
    onp.testing.assert_array_equal(again["rows"]["value"], idx)
    _, slope = ppl.elbo_and_gradient(model, guide, params, (Y, 2), rng(6))
    onp.testing.assert_array_equal(onp.flatnonzero(slope["b.loc"]), idx)
    with pytest.raises(ValueError, match=r"'b' is in a subsampled plate.*use auto_normal"):
        ppl.trace(ppl.auto_full_rank(model), rng(6))(Y, 2)


class Constant:
    """Noise that is the same number everywhere: then all particles are the same, at once or not."""

    def standard_normal(self, shape):
        return onp.full(shape, 0.3)


@pytest.mark.parametrize("estimator", ["mixed", "stl", "score"])
def test_particles_of_a_full_rank_guide_run_at_once_with_rows_in_a_plate(estimator):
    guide = ppl.auto_full_rank(model)
    params = {
        name: value + 0.1 * rng(1).standard_normal(onp.shape(value))
        for name, value in ppl.init_params(model, guide, (Y,)).items()
    }
    settings = {"num_particles": 3, "estimator": estimator}
    values, slope = ppl.elbo_and_gradient(
        model, guide, params, (Y,), Constant(), vectorize_particles=True, **settings
    )
    expected, gradient = ppl.elbo_and_gradient(model, guide, params, (Y,), Constant(), **settings)
    onp.testing.assert_allclose(values, expected, rtol=1e-12)
    for name in params:
        onp.testing.assert_allclose(slope[name], gradient[name], rtol=1e-9, atol=1e-9)


# --- compile


def test_a_compiled_model_is_the_log_joint_with_the_jacobian():
    compiled = ppl.compile(model, Y)
    assert compiled.vectorized
    zeta = rng(6).standard_normal((3, DIM))
    theta = compiled.constrain(zeta)
    for m in range(3):
        values = {name: value[m] for name, value in theta.items()}
        joint = ppl.log_joint(ppl.trace(ppl.condition(model, values))(Y))
        expected = joint + compiled.layout.log_abs_det_jacobian(zeta[m])
        assert compiled.log_p(zeta[m]) == pytest.approx(expected, rel=1e-12)
    assert compiled.names[:5] == ("mu", "sd", "w[0]", "w[1]", "w[2]")


def test_a_model_that_does_not_broadcast_is_run_draw_by_draw():
    def branching(y):
        mu = ppl.sample("mu", ppl.Normal(0.0, 2.0))
        sd = 1.0 if mu > 0.0 else 2.0
        with ppl.plate("rows", len(y)):
            ppl.sample("y", ppl.Normal(mu, sd), obs=y)

    def summing(y):
        with ppl.plate("rows", len(y)):
            z = ppl.sample("z", ppl.Normal())
        ppl.sample("y", ppl.Normal(np.sum(z), 1.0), obs=0.5)

    for program, dim in ((branching, 1), (summing, 4)):
        compiled = ppl.compile(program, Y)
        assert not compiled.vectorized
        zeta = rng(7).standard_normal((3, dim))
        rows = [compiled.log_p(row) for row in zeta]
        onp.testing.assert_allclose(compiled.log_p(zeta), rows, rtol=1e-13)
    z = onp.array([0.3, -0.2, 0.9, 1.0])
    expected = densities.normal(z).sum() + densities.normal(0.5, z.sum(), 1.0)
    assert ppl.compile(summing, Y).log_p(z) == pytest.approx(expected, rel=1e-12)


def test_a_compiled_model_goes_to_advi():
    def small(y):
        mu = ppl.sample("mu", ppl.Normal(0.0, 2.0))
        with ppl.plate("rows", len(y)):
            ppl.sample("y", ppl.Normal(mu, 1.0), obs=y)

    result = advi(ppl.compile(small, Y), rng=rng(), max_iters=5)
    assert set(result.sample(rng(), 3)) == {"mu"}


def test_compile_refuses():
    def learned(y):
        ppl.sample("mu", ppl.Normal(ppl.param("m", 0.0), 1.0))

    with pytest.raises(ValueError, match="param 'm' needs a value"):
        ppl.compile(learned, Y)
    assert ppl.compile(learned, Y, params={"m": 2.0}).log_p(onp.array([2.0])) == pytest.approx(
        densities.normal(0.0)
    )
    with pytest.raises(ValueError, match="plate 'rows' is subsampled"):
        ppl.compile(model, Y, 2)


def test_a_site_that_turns_up_later_is_refused():
    def moody(y):
        mu = ppl.sample("mu", ppl.Normal())
        if mu > 5.0:
            ppl.sample("extra", ppl.Normal())

    compiled = ppl.compile(moody, Y)
    with pytest.raises(ValueError, match="site 'extra' was not in the first run"):
        compiled.log_p(onp.array([6.0]))


# --- svi


def one(y):
    mu = ppl.sample("mu", ppl.Normal(0.0, 2.0))
    with ppl.plate("rows", len(y)):
        ppl.sample("y", ppl.Normal(mu, 1.0), obs=y)


def test_resuming_equals_an_uninterrupted_run():
    guide = ppl.auto_normal(one)
    settings = {"num_particles": 2, "optimizer": adam(0.05)}
    whole = ppl.svi(one, guide, Y, rng=rng(8), num_steps=30, **settings)
    half = ppl.svi(one, guide, Y, rng=rng(8), num_steps=13, **settings)
    again = ppl.svi(one, guide, Y, resume=half, num_steps=17, **settings)
    assert again.params == whole.params
    assert (again.elbo, again.elbo_se) == (whole.elbo, whole.elbo_se)
    onp.testing.assert_array_equal(again.history, whole.history)
    assert whole.history.shape == (30, 2)
    assert half.history.shape == (13, 2)


def test_a_result_has_draws_by_site():
    result = ppl.svi(model, ppl.auto_normal(model), Y, rng=rng(8), num_steps=2)
    draws = result.sample(rng(1), 5)
    assert {name: d.shape for name, d in draws.items()} == {n: (5, *s) for n, s in SHAPES.items()}
    params = {"mu.loc": 3.0, "mu.sd": -1.0}
    many = ppl.svi(one, ppl.auto_normal(one), Y, rng=rng(8), num_steps=1)
    many = dataclasses.replace(many, params=params).sample(rng(2), 2000)
    assert stats.kstest(many["mu"], stats.norm(3.0, onp.exp(-1.0)).cdf).pvalue > 1e-6


def test_svi_is_svi_step_again_and_again():
    guide = ppl.auto_normal(one)
    seen = []
    result = ppl.svi(
        one,
        guide,
        Y,
        rng=rng(9),
        num_steps=5,
        callback=lambda k, params, elbo: seen.append((k, elbo)),
    )
    params, state, generator = {}, None, rng(9)
    for _ in range(5):
        params, state, _ = ppl.svi_step(one, guide, params, state, generator, Y)
    assert params == result.params
    assert [k for k, _ in seen] == [1, 2, 3, 4, 5]
    assert [elbo for _, elbo in seen] == list(result.history[:, 0])
    assert onp.isnan(result.history[:, 1]).all()  # one particle has no standard error


def test_a_step_does_not_change_what_it_was_given():
    guide = ppl.auto_normal(one)
    params = ppl.init_params(one, guide, (Y,))
    before = {name: onp.copy(value) for name, value in params.items()}
    _, state, _ = ppl.svi_step(one, guide, params, None, rng(), Y)
    kept = {name: onp.copy(value) for name, value in state.items()}
    ppl.svi_step(one, guide, params, state, rng(), Y)
    assert params == before
    assert all(onp.array_equal(kept[name], state[name]) for name in kept)


def test_a_model_without_parameters_has_an_elbo_and_nothing_to_learn():
    def prior(y):
        ppl.sample("mu", ppl.Normal(0.0, 2.0))

    result = ppl.svi(one, prior, Y, rng=rng(), num_steps=2)
    assert result.params == {}
    assert onp.isfinite(result.elbo)


def test_svi_refuses():
    guide = ppl.auto_normal(one)
    with pytest.raises(ValueError, match="svi takes rng, or resume"):
        ppl.svi(one, guide, Y)
    with pytest.raises(ValueError, match="'mu' is missing in the guide"):
        ppl.svi(one, lambda y: None, Y, rng=rng(), num_steps=1)
    with pytest.raises(NonFiniteError, match="site 'mu' in the model"):
        ppl.svi(one, ppl.auto_normal(one, init_sd=1e200), Y, rng=rng(), num_steps=1)


# --- Predictive


def test_the_posterior_predictive_distribution_is_the_exact_one():
    """y_new ~ N(mean, var + 1) with the exact posterior's draws: Kolmogorov-Smirnov, 1e-6."""
    var = 1 / (1 / 4 + 4)
    mean = var * Y.sum()
    draws = {"mu": mean + onp.sqrt(var) * rng(10).standard_normal(1500)}
    new = ppl.Predictive(one, draws)(rng(11), Y)
    assert new["y"].shape == (1500, 4)
    onp.testing.assert_array_equal(new["mu"], draws["mu"])
    exact = stats.norm(mean, onp.sqrt(var + 1.0))
    assert stats.kstest(new["y"][:, 0], exact.cdf).pvalue > 1e-6


def test_predictive_from_a_guide_and_from_the_prior():
    guide = ppl.auto_normal(one)
    params = {"mu.loc": onp.array(3.0), "mu.sd": onp.array(-30.0)}
    new = ppl.Predictive(one, guide=guide, params=params, num_samples=5)(rng(), Y)
    onp.testing.assert_allclose(new["mu"], 3.0, rtol=1e-9)
    prior = ppl.Predictive(one, num_samples=2000)(rng(12), Y)
    assert stats.kstest(prior["y"][:, 2], stats.norm(0.0, onp.sqrt(5.0)).cdf).pvalue > 1e-6


def test_predictive_says_which_site_has_no_draws():
    with pytest.raises(ValueError, match="site 'sd' is latent in the model"):
        ppl.Predictive(model, {"mu": onp.zeros(3)})(rng(), Y)
    fresh = ["sd", "w", "u", "b", "v"]
    new = ppl.Predictive(model, {"mu": onp.zeros(3)}, fresh=fresh)(rng(), Y)
    assert new["w"].shape == (3, 3)
    for bad in (lambda: ppl.Predictive(one), lambda: ppl.Predictive(one, {}, one)):
        with pytest.raises(ValueError, match="Predictive"):
            bad()
    with pytest.raises(ValueError, match="one number of draws"):
        ppl.Predictive(one, {"mu": onp.zeros(3), "b": onp.zeros(2)})


def test_importance_of_an_exact_guide_has_equal_weights():
    var = 1 / (1 / 4 + 4)

    def exact(y):
        ppl.sample("mu", ppl.Normal(var * y.sum(), onp.sqrt(var)))

    weighted = ppl.importance(one, exact, Y, rng=rng(), num_samples=50)
    evidence = stats.multivariate_normal(onp.zeros(4), onp.eye(4) + 4.0).logpdf(Y)
    onp.testing.assert_allclose(weighted.log_weights, evidence, rtol=1e-10)
    assert weighted.log_evidence == pytest.approx(evidence, rel=1e-10)
    assert weighted.khat == -onp.inf
    assert weighted.effective_draws == pytest.approx(50.0)
    assert weighted.resample(rng(), 7)["mu"].shape == (7,)
    with pytest.raises(ValueError, match="'mu' is missing"):
        ppl.importance(one, lambda y: None, Y, rng=rng())
    with pytest.raises(ValueError, match="num_samples must be at least 1"):
        ppl.importance(one, exact, Y, rng=rng(), num_samples=0)
    assert onp.isnan(ppl.importance(one, exact, Y, rng=rng(), num_samples=5).khat)


def test_a_few_importance_weights_are_normalised_and_not_smoothed():
    def wide(y):
        ppl.sample("mu", ppl.Normal(0.0, 3.0))

    few = ppl.importance(one, wide, Y, rng=rng(3), num_samples=5)
    assert onp.ptp(few.log_weights) > 0.1
    assert onp.exp(few.smoothed).sum() == pytest.approx(1.0, rel=1e-12)
    onp.testing.assert_allclose(
        few.smoothed - few.smoothed[0], few.log_weights - few.log_weights[0], rtol=1e-12, atol=1e-12
    )


# --- text


def test_render_shows_every_site_and_the_sum():
    sites = ppl.trace(model, rng())(Y, 2)
    text = ppl.render(sites)
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == list(sites)
    assert lines[-1].split() == ["log", "joint", f"{ppl.log_joint(sites):.4f}"]
    assert "Dirichlet" in text
    assert "observed" in lines[-2]


def test_render_model_shows_who_depends_on_whom():
    assert ppl.dependencies(model, Y) == {
        "mu": (),
        "sd": (),
        "w": (),
        "u": (),
        "b": (),
        "v": (),
        "y": ("mu", "sd", "w", "u", "b", "v"),
    }
    lines = ppl.render_model(model, Y, 2).splitlines()
    assert lines[0] == "mu ~ Normal()"
    assert lines[4] == "b  ~ Beta(), in plate rows (2 of 4)"
    assert lines[6] == "y  ~ Normal(mu, sd, w, u, b, v), observed, in plate rows (2 of 4)"


def test_dependencies_are_direct():
    def chain():
        a = ppl.sample("a", ppl.Normal())
        b = ppl.sample("b", ppl.Normal(a, 1.0))
        ppl.sample("c", ppl.Poisson(np.exp(b)))

    assert ppl.dependencies(chain) == {"a": (), "b": ("a",), "c": ("b",)}

"""Deterministic ADVI: exact on Gaussians, honest about its error, right about its curvature."""

from __future__ import annotations

import re
import subprocess
import sys

import autograd.numpy as np
import numpy as onp
import pytest
from autograd.extend import defvjp, primitive
from scipy import optimize, stats

from vi_lib import _dadvi, densities, oracles
from vi_lib._check import NonFiniteError, ShapeError
from vi_lib._dadvi import (
    Curvature,
    Frozen,
    arrange,
    curvature,
    curvature_agrees,
    parameter_error,
)
from vi_lib._trust import KHAT_DRAWS
from vi_lib.dadvi import DadviResult, dadvi
from vi_lib.families import FullRank, LowRank, MeanField
from vi_lib.model import Model, Param
from vi_lib.result import Result, Status, fresh_stream

FACTOR = onp.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [-0.5, 0.3, 2.0]])
TARGET = oracles.CorrelatedGaussian(onp.array([3.0, -20.0, 0.5]), FACTOR @ FACTOR.T)
PRECISION = onp.linalg.inv(TARGET.cov)


def rng(seed=0):
    return onp.random.default_rng(seed)


def normal_model(x):
    return Model(
        {"mu": Param(), "sd": Param((), "positive")},
        lambda t: densities.normal(t["mu"]) + densities.half_normal(t["sd"]),
        lambda t, x: densities.normal(x, t["mu"][:, None], t["sd"][:, None]),
        x,
    )


X = rng(5).standard_normal(12) * 1.5 + 0.7
MODEL = normal_model(X)


# Gaussians


@pytest.mark.parametrize("design", ["antithetic", "matched", "whitened"])
def test_pairs_make_means_and_linear_response_of_a_gaussian_exact(design):
    r = dadvi(TARGET.log_joint, MeanField(3), design=design, num_draws=6, rng=rng())
    onp.testing.assert_allclose(r.mean, TARGET.mean, atol=1e-6)
    onp.testing.assert_allclose(r.lr_cov, TARGET.cov, atol=1e-6)
    onp.testing.assert_allclose(r.lr_sd, TARGET.sd, atol=1e-6)
    assert r.mean_error.max() < 1e-6
    assert r.num_draws == 6  # nothing to gain from more


@pytest.mark.parametrize("family", [MeanField(3), FullRank(3)], ids=["mean field", "full rank"])
def test_whitened_draws_make_everything_about_a_gaussian_exact(family):
    r = dadvi(TARGET.log_joint, family, design="whitened", num_draws=6, rng=rng())
    cov = TARGET.cov if isinstance(family, FullRank) else onp.diag(1.0 / onp.diag(PRECISION))
    onp.testing.assert_allclose(r.result.cov, cov, atol=1e-5)
    onp.testing.assert_allclose(r.lr_cov, TARGET.cov, atol=1e-5)


def test_plain_draws_find_the_stationary_point_of_their_own_moments():
    """With draws of mean e and second moment S: mu + D e = m and (Lambda o C) s = 1 / s.

    D = diag(s), C the draws' covariance (Opper and Archambeau's conditions at finite M).
    """
    eps = rng().standard_normal((50, 3))
    f = Frozen(TARGET.log_joint, MeanField(3), eps)
    r = dadvi(TARGET.log_joint, MeanField(3), design="plain", num_draws=50, tol=10.0, rng=rng())
    onp.testing.assert_array_equal(r.eps, f.eps)
    C = onp.cov(eps.T, bias=True)
    onp.testing.assert_allclose(r.mean + r.sd * eps.mean(axis=0), TARGET.mean, atol=1e-6)
    onp.testing.assert_allclose(r.sd * ((PRECISION * C) @ r.sd), 1.0, atol=1e-6)


def test_the_path_does_not_depend_on_the_scales_and_a_thousand_coordinates_take_few_products():
    sd, mean = onp.logspace(-2, 2, 1000), 3.0 * rng(2).standard_normal(1000)
    products = []
    gradient = Frozen.gradient

    def counted(self, lam):
        g, product = gradient(self, lam)
        return g, lambda v: (products.append(1), product(v))[1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Frozen, "gradient", counted)
        r = dadvi(lambda z: np.sum(densities.normal(z, mean, sd), axis=-1), MeanField(1000),
                  rng=rng())  # fmt: skip
    onp.testing.assert_allclose((r.mean - mean) / sd, 0.0, atol=1e-6)
    onp.testing.assert_allclose(r.sd / sd, 1.0, rtol=1e-6)
    assert r.result.status is Status.CONVERGED
    assert r.lr_index == ()
    assert len(products) < 500  # scipy's trust-ncg takes 36 000


# The error of the means


@pytest.mark.slow
def test_errors_are_honest():
    """The true error of a mean over the stated one, on plain draws of 200 seeds.

    At the Gaussian's exact means, z is close to t with 63 degrees of freedom, whose square has mean
    1.033 and sd 1.52; the mean of 200 of them lies within 4.5 of its standard errors but for a rate
    of 7e-6 a coordinate. Halved or doubled errors would give 4 or .25.
    """
    q = MeanField(3)
    near = q.init(TARGET.mean, 1.0 / onp.sqrt(onp.diag(PRECISION)))
    z = onp.array([
        (r.mean - TARGET.mean) / r.mean_error
        for r in (
            dadvi(TARGET.log_joint, q, design="plain", num_draws=64, tol=9.0, lam=near,
                  rng=rng(seed))
            for seed in range(200)
        )
    ])  # fmt: skip
    assert onp.abs((z**2).mean(axis=0) - 1.033).max() < 4.5 * 1.52 / onp.sqrt(200)


@pytest.mark.slow
@pytest.mark.parametrize(("design", "most"), [("plain", 1.7), ("antithetic", 2.6)])
def test_errors_are_honest_where_nothing_is_gaussian(design, most):
    """All parameters of q, against the maximum on 2^15 whitened draws.

    Over seeds 1000 to 1199 the mean of z² was .91 to 1.03 for plain draws and .98 to 1.51 for
    pairs, whose error comes from fewer units with heavier tails; a factor 2 would make it 4 or .25.
    """
    best = dadvi(MODEL, num_draws=2**15, max_draws=2**15, rng=rng(99)).lam
    z = []
    for seed in range(200):
        r = dadvi(MODEL, design=design, num_draws=256, tol=9.0, lam=best, rng=rng(seed))
        f = Frozen(MODEL.log_p, MeanField(2), r.eps, 1 if design == "plain" else 2)
        z.append((r.lam - best) / parameter_error(f, r.lam, curvature(f, r.lam)))
    ratio = (onp.array(z) ** 2).mean(axis=0)
    assert onp.all((ratio > 0.5) & (ratio < most)), ratio


def test_logistic_regression_is_where_quadrature_finds_the_best_q():
    """One coefficient; the ELBO by Gauss-Hermite quadrature has its maximum within the error."""
    x = rng(3).standard_normal(40)
    y = (rng(4).random(40) < 1 / (1 + onp.exp(-1.5 * x))).astype(float)

    def log_p(z):
        a = z * x
        return np.sum(y * a - np.logaddexp(0.0, a), axis=-1) + densities.normal(z[..., 0], 0.0, 3.0)

    nodes, weights = onp.polynomial.hermite_e.hermegauss(60)

    def minus_elbo(lam):
        values = log_p((lam[0] + onp.exp(lam[1]) * nodes)[:, None])
        return -(weights @ values / onp.sqrt(2 * onp.pi) + lam[1])

    best = optimize.minimize(minus_elbo, [0.0, 0.0], tol=1e-12, method="Nelder-Mead").x
    r = dadvi(log_p, MeanField(1), design="plain", num_draws=256, tol=9.0, rng=rng())
    assert abs(r.mean[0] - best[0]) < 5 * r.mean_error[0]  # false alarm 6e-7
    exact = dadvi(log_p, MeanField(1), num_draws=4096, max_draws=4096, rng=rng())
    assert abs(exact.mean[0] - best[0]) < 5e-3 * exact.sd[0]
    # The posterior's own sd, which a single coordinate's q has as well, by quadrature on a grid.
    grid = onp.linspace(-3.0, 8.0, 2001)
    p = onp.exp(log_p(grid[:, None]) - log_p(grid[:, None]).max())
    sd = onp.sqrt(p @ grid**2 / p.sum() - (p @ grid / p.sum()) ** 2)
    assert abs(exact.lr_sd[0] / sd - 1.0) < 0.03  # the skewness of 40 data


@pytest.mark.parametrize("design", ["plain", "matched"])
@pytest.mark.slow
def test_draws_are_doubled_until_the_error_is_as_asked_and_no_longer(design):
    for seed in range(5):
        r = dadvi(MODEL, design=design, num_draws=8, tol=0.04, max_draws=4096, rng=rng(seed))
        draws, errors = zip(*r.rounds, strict=True)
        assert draws == tuple(8 * 2**k for k in range(len(draws)))
        assert errors[-1] <= 0.04 < min(errors[:-1], default=1.0)
        assert r.num_draws == draws[-1]
        worst = (r.mean_error / r.lr_sd).max()
        assert worst == pytest.approx(errors[-1])
    assert len(draws) > 2


def test_the_elbo_is_a_mean_over_fresh_draws_with_its_standard_error():
    r = dadvi(MODEL, tol=9.0, rng=rng())
    q, lam = r.result.family, r.lam
    z = q.transport(lam, q.noise(fresh_stream(r.result.rng_state), KHAT_DRAWS))
    log_w = MODEL.log_p(z) - q.log_prob(lam, z)
    assert r.result.elbo == pytest.approx(log_w.mean(), rel=1e-12)
    assert r.result.elbo_se == pytest.approx(stats.sem(log_w), rel=1e-12)


def test_more_draws_keep_those_they_had():
    first = dadvi(MODEL, design="plain", num_draws=8, tol=9.0, rng=rng())
    more = dadvi(MODEL, design="plain", num_draws=8, tol=0.1, rng=rng())
    onp.testing.assert_array_equal(more.eps[:8], first.eps)
    alone = Frozen(MODEL.log_p, MeanField(2), more.eps)
    g, _ = alone.gradient(more.lam)
    assert onp.abs(g * alone.scale(more.lam)).max() < 1e-4


def test_too_few_draws_are_said():
    r = dadvi(MODEL, design="plain", num_draws=8, max_draws=16, tol=0.01, rng=rng())
    assert (r.result.status, r.num_draws) == (Status.MAX_DRAWS, 16)
    assert r.trust.level == "caution"
    assert "on 16 draws the error of a mean is" in r.summary()


# Curvature


def test_linear_response_is_the_inverse_hessian_of_the_objective():
    """Central differences of the mean with respect to a tilt t'z of the log density: d m / d t."""
    r = dadvi(MODEL, num_draws=64, tol=9.0, rng=rng())
    h = 1e-3
    moved = []
    for sign in (1.0, -1.0):
        tilt = onp.array([0.0, sign * h])
        tilted = dadvi(lambda z, t=tilt: MODEL.log_p(z) + np.dot(z, t), MeanField(2), lam=r.lam,
                       num_draws=64, tol=9.0, rng=rng(), design="whitened")  # fmt: skip
        moved.append(tilted.mean)
    onp.testing.assert_allclose((moved[0] - moved[1]) / (2 * h), r.lr_cov[1], atol=1e-4)


def test_large_problems_take_conjugate_gradients_to_the_same_answer(monkeypatch):
    dense = dadvi(MODEL, tol=9.0, rng=rng())
    monkeypatch.setattr(_dadvi, "MAX_DENSE", 1)
    free = dadvi(MODEL, tol=9.0, rng=rng(), lr_for=["sd", 0])
    onp.testing.assert_array_equal(free.lam, dense.lam)
    onp.testing.assert_allclose(free.mean_error, dense.mean_error, rtol=1e-4)
    assert free.lr_index == (1, 0)
    onp.testing.assert_allclose(free.lr_cov, dense.lr_cov[::-1, ::-1], rtol=1e-6, atol=1e-9)


def test_the_units_are_those_of_the_parameters():
    sd = onp.array([0.5, 3.0])
    f = Frozen(TARGET.log_joint, MeanField(2), rng().standard_normal((4, 2)))
    onp.testing.assert_allclose(f.scale(f.q.init(0.0, sd)), [0.5, 3.0, 0.5**0.5, 0.5**0.5])
    q = FullRank(2)
    f = Frozen(TARGET.log_joint, q, rng().standard_normal((4, 2)))
    lam = q.pack(onp.zeros(2), onp.array([[0.5, 0.0], [1.8, 2.4]]))  # row lengths .5 and 3
    onp.testing.assert_allclose(f.scale(lam), [0.5, 3.0, 0.5**0.5, 3.0, 0.5**0.5])


@pytest.mark.parametrize("unit", [1, 2])
def test_the_error_of_two_units_is_half_their_distance(unit):
    """The standard error of a mean of two numbers is |a - b| / 2."""
    eps = arrange(rng().standard_normal((unit, 3)), "antithetic")
    f = Frozen(TARGET.log_joint, MeanField(3), eps, unit)
    lam = f.q.init(TARGET.mean + 1.0, 1.0)
    g = f.unit_gradients(lam)
    assert g.shape == (2, 6)
    error = parameter_error(f, lam, Curvature(lambda b: 3.0 * b, True))
    onp.testing.assert_allclose(error, 1.5 * onp.abs(g[0] - g[1]), rtol=1e-12, atol=1e-12)


@primitive
def quartic(z):
    return -onp.sum(z**4, axis=-1)


defvjp(quartic, lambda ans, z: lambda g: g[..., None] * onp.array(-4.0 * onp.asarray(z) ** 3))


@primitive
def cube(z):
    return 4.0 * z**3


defvjp(cube, lambda ans, z: lambda g: 0.0 * g)  # says that 4 z³ is constant


@primitive
def lying_quartic(z):
    return -onp.sum(z**4, axis=-1)


defvjp(lying_quartic, lambda ans, z: lambda g: -g[..., None] * cube(z))


@pytest.mark.parametrize("part", [quartic, lying_quartic])
def test_a_log_density_without_a_true_second_derivative(part):
    """Differences of the gradient stand in where autograd fails or, silently, is wrong."""

    def log_p(z):
        return part(z) - 0.5 * np.sum((z - 1.0) ** 2, axis=-1)

    def smooth(z):
        return -np.sum(z**4, axis=-1) - 0.5 * np.sum((z - 1.0) ** 2, axis=-1)

    r = dadvi(log_p, MeanField(2), tol=9.0, rng=rng())
    exact = dadvi(smooth, MeanField(2), tol=9.0, rng=rng())
    onp.testing.assert_allclose(r.lam, exact.lam, atol=1e-5)
    onp.testing.assert_allclose(r.lr_cov, exact.lr_cov, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("log_p", "agrees"),
    [(TARGET.log_joint, True), (MODEL.log_p, True), (quartic, False), (lying_quartic, False)],
)
def test_whether_the_second_derivative_is_to_be_trusted(log_p, agrees):
    q = MeanField(2 if log_p == MODEL.log_p else 3)
    f = Frozen(log_p, q, rng().standard_normal((6, q.dim)))
    assert curvature_agrees(f, q.init(0.3, 0.5)) is agrees


# Draws


@pytest.mark.parametrize("design", ["antithetic", "matched", "whitened"])
def test_designs_have_the_moments_they_say(design):
    eps = arrange(rng().standard_normal((10, 4)), design)
    assert eps.shape == (20, 4)
    onp.testing.assert_array_equal(eps[::2], -eps[1::2])
    if design != "antithetic":
        onp.testing.assert_allclose(eps.var(axis=0), 1.0, rtol=1e-12)
    if design == "whitened":
        onp.testing.assert_allclose(eps.T @ eps / 20, onp.eye(4), atol=1e-12)


@pytest.mark.parametrize(("design", "num_draws"), [("plain", 3), ("antithetic", 4)])
def test_a_full_rank_objective_on_few_draws_is_unbounded(design, num_draws):
    """The refusal's reason: lengthening a row of L that is constant over the draws is free."""
    raw = rng().standard_normal((num_draws if design == "plain" else num_draws // 2, 3))
    eps = arrange(raw, design)
    q = FullRank(3)
    f = Frozen(TARGET.log_joint, q, eps)
    row = onp.linalg.lstsq(eps, onp.ones(len(eps)) * (design == "plain"), rcond=None)[0]
    if design != "plain":
        row = onp.linalg.svd(eps)[2][-1]
    row = row * onp.sign(row[-1])
    values = []
    for length in (1.0, 1e3, 1e6):
        L = onp.eye(3)
        L[2] = length * row
        values.append(f.value(q.pack(-length * eps[0] @ row * onp.eye(3)[2], L)))
    assert onp.all(onp.diff(values) > 6.0)
    with pytest.raises(ValueError, match="the objective is unbounded"):
        dadvi(TARGET.log_joint, q, num_draws=num_draws, design=design, rng=rng())


# What can go wrong


def test_a_start_at_which_log_p_fails_names_the_coordinate():
    bad = Model(
        {"a": Param(), "b": Param()},
        lambda t: densities.normal(t["a"]) + np.sqrt(-np.exp(t["b"])),
        lambda t, x: densities.normal(x, t["a"][:, None]),
        X,
    )
    with pytest.raises(NonFiniteError, match="for b at draw 0") as caught:
        dadvi(bad, rng=rng())
    assert caught.value.coordinate == "b"


def test_narrower_starts_are_tried_and_refused_steps_counted():
    """Newton's step from 50 for 9 log z - 3 z, which has its maximum at 3, leads to -700."""

    def log_p(z):
        return np.sum(9.0 * np.log(z) - 3.0 * z, axis=-1)

    r = dadvi(log_p, MeanField(1), lam=MeanField(1).init(50.0, 1.0), rng=rng())
    assert r.result.status is Status.CONVERGED
    assert re.search(r"; [1-9]\d* steps to where log p is not finite were ref", r.result.reason)
    assert r.mean[0] == pytest.approx(3.0, abs=0.5)

    def exploding(z):
        return -np.sum(np.exp(400.0 * z), axis=-1) + np.sum(z, axis=-1)

    assert dadvi(exploding, MeanField(1), rng=rng()).result.status is Status.CONVERGED


def test_ctrl_c_gives_the_point_reached():
    calls = []

    def log_p(z):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return TARGET.log_joint(z)

    r = dadvi(log_p, MeanField(3), rng=rng())
    assert r.result.status is Status.INTERRUPTED
    assert onp.isnan(r.mean_error).all()
    assert onp.isnan(r.lr_cov).all()
    assert len(r.result.history) > 0
    end = dadvi(log_p, MeanField(3), lam=r.lam, rng=rng())
    onp.testing.assert_allclose(end.mean, TARGET.mean, atol=1e-6)


def test_an_improper_posterior_is_not_called_converged():
    r = dadvi(lambda z: -0.5 * z[..., 0] ** 2, MeanField(2), rng=rng(), max_steps=60)
    assert r.result.status is Status.MAX_ITERS
    assert "still promised" in r.result.reason


def test_too_few_steps_are_said():
    enough = dadvi(MODEL, num_draws=8, tol=0.04, rng=rng())
    first = len(dadvi(MODEL, num_draws=8, tol=9.0, rng=rng()).result.history)
    assert len(enough.rounds) > 1
    for max_steps, says in ((first - 1, "still promised"), (first, "left none")):
        r = dadvi(MODEL, num_draws=8, tol=0.04, max_steps=max_steps, rng=rng())
        assert r.status is Status.MAX_ITERS
        assert says in r.result.reason
        assert len(r.result.history) == max_steps


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: dadvi(MODEL, "low_rank"), ValueError, "must be 'mean_field', 'full_rank' or"),
        (lambda: dadvi(MODEL, LowRank(2, 1)), ValueError, "fits MeanField and FullRank"),
        (lambda: dadvi(MODEL, MeanField(3)), ShapeError, "has 2 coordinates, MeanField"),
        (lambda: dadvi(TARGET.log_joint), ValueError, "bare log density has no dimension"),
        (lambda: dadvi(MODEL, num_draws=7), ValueError, "even and at least 2, got 7"),
        (lambda: dadvi(MODEL, num_draws=1, design="plain"), ValueError, "at least 2, got 1"),
        (lambda: dadvi(MODEL, max_draws=32), ValueError, "at least num_draws = 64, got 32"),
        (lambda: dadvi(MODEL, tol=0.0), ValueError, "tol must be positive, got 0.0"),
        (lambda: dadvi(MODEL, design="sobol"), ValueError, "plain, antithetic, .*got 'sobol'"),
        (lambda: dadvi(MODEL, lr_for=["mean"]), ValueError, "the coordinates are mu, sd"),
        (lambda: dadvi(MODEL, lr_for=[2]), ValueError, r"0\.\.1, got 2"),
        (lambda: dadvi(MODEL, start={"sigma": 1.0}), ShapeError, "start names sigma"),
        (lambda: dadvi(MODEL, start={"sd": 1.0}, lam=onp.zeros(4)), ValueError, "leave one out"),
        (lambda: dadvi(MODEL, lam=onp.zeros(3)), ShapeError, r"lam must have shape \(4,\)"),
        (
            lambda: dadvi(TARGET.log_joint, MeanField(3), start={"a": 1.0}),
            ValueError,
            "parameters of a model",
        ),
        (
            lambda: dadvi(TARGET.log_joint, MeanField(3), num_draws=4, design="whitened"),
            ShapeError,
            "at least 2 D = 6 draws, got 4",
        ),
        (lambda: dadvi(lambda z: z, MeanField(3)), ShapeError, r"must map draws \(M, D\)"),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()


# The result


def test_a_start_by_name_ends_where_the_default_does():
    far = dadvi(MODEL, start={"mu": 30.0, "sd": 20.0}, rng=rng())
    onp.testing.assert_allclose(far.lam, dadvi(MODEL, rng=rng()).lam, atol=1e-4)


def test_linear_response_draws_have_the_exact_moments_of_a_gaussian():
    """Sample moments of 40 000 draws; 9 comparisons of covariances at a rate of 1e-6 each."""
    n = 40_000
    r = dadvi(TARGET.log_joint, MeanField(3), lr_for=[2, 0, 1], rng=rng())
    draws = r.sample_lr(rng(1), n)["z"]
    se = onp.sqrt((onp.outer(TARGET.sd**2, TARGET.sd**2) + TARGET.cov**2) / n)
    assert onp.abs((onp.cov(draws.T) - TARGET.cov) / se).max() < 4.9
    assert onp.abs((draws.mean(axis=0) - TARGET.mean) / TARGET.sd * onp.sqrt(n)).max() < 4.9
    few = dadvi(TARGET.log_joint, MeanField(3), lr_for=[0], rng=rng())
    with pytest.raises(ValueError, match="covers 1 of 3 coordinates"):
        few.sample_lr(rng(), 1)
    flat = dadvi(lambda z: -0.5 * z[..., 0] ** 2, MeanField(2), rng=rng(), max_steps=9)
    with pytest.raises(ValueError, match="there is no linear response: after 9 steps"):
        flat.sample_lr(rng(), 1)


def test_summary_has_both_tables():
    r = dadvi(MODEL, rng=rng())
    lines = r.summary().splitlines()
    assert lines[0] == r.trust.sentence
    i = next(k for k, line in enumerate(lines) if line.startswith("unconstrained"))
    assert lines[i].split()[1:] == ["mean", "draw_error", "sd_q", "sd_lr"]
    numbers = onp.array([[float(cell) for cell in line.split()[1:]] for line in lines[i + 1 :]])
    expected = onp.column_stack([r.mean, r.mean_error, r.sd, r.lr_sd])
    onp.testing.assert_allclose(numbers, expected, rtol=1e-3)
    assert r.sample(rng(), 7)["sd"].shape == (7,)


def test_a_file_brings_everything_back_bit_for_bit(tmp_path):
    before = dadvi(MODEL, rng=rng())
    before.save(tmp_path / "fit.npz")
    after = DadviResult.load(tmp_path / "fit.npz")
    for name in ("mean_error", "lr_cov", "eps", "lam"):
        onp.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert (after.rounds, after.lr_index) == (before.rounds, before.lr_index)
    assert after.summary() == before.summary()
    with pytest.raises(ValueError, match=r"fit.npz is not a saved Result"):
        Result.load(tmp_path / "fit.npz")
    before.result.save(tmp_path / "inner.npz")
    with pytest.raises(ValueError, match=r"inner.npz is not a saved DadviResult"):
        DadviResult.load(tmp_path / "inner.npz")


def test_the_same_seed_in_a_new_process_gives_the_same_bits():
    code = (
        "import numpy as np\n"
        "from vi_lib.dadvi import dadvi\n"
        "from vi_lib.families import MeanField\n"
        "from vi_lib import oracles\n"
        "t = oracles.CorrelatedGaussian(np.array([1.0, 2.0]), np.array([[2.0, 0.5], [0.5, 1.0]]))\n"
        "r = dadvi(t.log_joint, MeanField(2), design='plain', rng=np.random.default_rng(3))\n"
        "print(r.lam.tobytes().hex(), r.result.elbo.hex())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1

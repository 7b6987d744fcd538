"""The loop: it finds known posteriors, repeats itself bit for bit, and says where it failed."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import autograd.numpy as np
import numpy as onp
import pytest

from vi_lib import densities, oracles
from vi_lib._check import NonFiniteError, ShapeError
from vi_lib.estimators import reparam_entropy, score, stl
from vi_lib.families import FullRank, MeanField
from vi_lib.fit import MAX_SKIPPED, fit, fresh_elbo
from vi_lib.layout import Layout, Param
from vi_lib.optimizers import adam, advi_step, sgd
from vi_lib.result import Result, Status

CORRELATED = oracles.CorrelatedGaussian(onp.array([1.0, -2.0]), onp.array([[1.0, 0.8], [0.8, 1.0]]))
LINE = onp.column_stack([onp.ones(20), onp.linspace(-1, 1, 20)])
REGRESSION = oracles.LinearRegression(
    LINE, LINE @ onp.array([1.0, -2.0]) + onp.cos(onp.arange(20.0)), 0.5, 1.0
)


def rng(seed=0):
    return onp.random.default_rng(seed)


def gaussian(z):
    return np.sum(densities.normal(z, 3.0, 0.5), axis=-1)


def same(a, b):
    """Whether two results are equal bit for bit."""
    assert (a.status, a.reason, a.skipped) == (b.status, b.reason, b.skipped)
    assert (a.elbo, a.elbo_se) == (b.elbo, b.elbo_se)
    assert a.rng_state == b.rng_state
    onp.testing.assert_array_equal(a.lam, b.lam)
    onp.testing.assert_array_equal(a.history, b.history)
    return True


# It finds what is known


oracle_cases = pytest.mark.parametrize("oracle", [CORRELATED, REGRESSION], ids=["pair", "line"])


@oracle_cases
@pytest.mark.slow
def test_full_rank_lands_on_a_gaussian_posterior(oracle):
    """Where q = p the path derivative of every draw vanishes, so nothing is left to wobble."""
    r = fit(oracle.log_joint, FullRank(2), estimator=stl, optimizer=adam(0.05), stop=None,
            max_iters=1500, num_draws=5, rng=rng())  # fmt: skip
    onp.testing.assert_allclose(r.mean, oracle.mean, atol=1e-4)
    onp.testing.assert_allclose(r.cov, oracle.cov, atol=1e-4)
    assert r.elbo == pytest.approx(oracle.log_evidence, abs=1e-6)
    assert r.elbo_se < 1e-3


@pytest.mark.slow
@oracle_cases
def test_mean_field_finds_the_best_factorised_gaussian(oracle):
    """The error over seeds is Monte Carlo error: no bias, and no more than its measured size.

    With 12 seeds |t| > 10.5 has a false-alarm rate of 5e-7 a number (Student, 11 degrees of
    freedom), 2e-6 for the four of each case. The ELBO's own standard error gives the z-test.
    """
    mean, sd, kl = oracle.mean_field()
    fits = [
        fit(oracle.log_joint, MeanField(2), estimator=reparam_entropy, stop=None, max_iters=400,
            num_draws=60, optimizer=adam(lambda t: 0.2 / (1 + t / 20)), rng=rng(seed))
        for seed in range(12)
    ]  # fmt: skip
    error = onp.array([[(r.mean - mean) / sd, onp.log(r.sd / sd)] for r in fits])
    standard_error = error.std(axis=0, ddof=1) / onp.sqrt(len(fits))
    assert standard_error.max() < 0.02
    assert onp.all(onp.abs(error.mean(axis=0)) < 10.5 * standard_error)
    for r in fits:
        gap = oracle.log_evidence - kl - r.elbo  # of q, at most 0.5 sum of squared errors here
        assert -6 * r.elbo_se < gap < 6 * r.elbo_se + 0.01


@pytest.mark.slow
def test_default_settings_converge_on_a_target_whose_elbo_is_zero():
    r = fit(CORRELATED.log_joint, FullRank(2), rng=rng())
    assert r.status is Status.CONVERGED
    assert "nats (standard error)" in r.reason
    assert abs(r.elbo) < 0.01  # log evidence 0: a relative rule would never fire
    assert r.iterations < 4000


def test_a_target_without_gradient_is_fitted_by_the_score_function():
    def log_p(z):  # a box: no derivative tells where it ends
        return onp.where(onp.abs(z[:, 0]) < 1.0, 0.0, -50.0)

    r = fit(log_p, MeanField(1), estimator=score, num_draws=50, stop=None, max_iters=300,
            optimizer=adam(0.05), rng=rng())  # fmt: skip
    assert r.sd[0] < 0.5


def test_an_estimator_of_ones_own_plugs_in():
    def mine(lam, log_p, q, eps):
        z = q.transport(lam, eps)
        return log_p(z) + q.entropy(lam)

    ours = fit(gaussian, MeanField(1), estimator=mine, max_iters=50, rng=rng())
    same(ours, fit(gaussian, MeanField(1), estimator=reparam_entropy, max_iters=50, rng=rng()))


# It repeats itself


def test_same_seed_same_bits_and_no_global_state():
    before = onp.random.get_state()[1].copy()  # noqa: NPY002  it must stay untouched
    same(
        fit(gaussian, MeanField(2), max_iters=60, rng=rng(5)),
        fit(gaussian, MeanField(2), max_iters=60, rng=rng(5)),
    )
    onp.testing.assert_array_equal(onp.random.get_state()[1], before)  # noqa: NPY002


def test_without_a_generator_two_fits_differ():
    a, b = (fit(gaussian, MeanField(2), max_iters=2) for _ in range(2))
    assert onp.any(a.lam != b.lam)


def test_the_caller_s_arrays_stay_as_they_are():
    lam = MeanField(2).init()
    fit(gaussian, MeanField(2), lam, max_iters=3, rng=rng())
    onp.testing.assert_array_equal(lam, MeanField(2).init())


@pytest.mark.parametrize("optimizer", [None, advi_step(), adam(0.1), sgd(0.01)])
def test_resumed_equals_uninterrupted(tmp_path, optimizer):
    options = {"optimizer": optimizer, "num_draws": 3}
    whole = fit(gaussian, FullRank(2), max_iters=50, rng=rng(2), stop=None, **options)
    part = fit(gaussian, FullRank(2), max_iters=20, rng=rng(2), stop=None, **options)
    part.save(tmp_path / "part.npz")
    for first in (part, Result.load(tmp_path / "part.npz")):
        rest = fit(gaussian, FullRank(2), max_iters=30, resume=first, stop=None, **options)
        assert rest.iterations == 50
        onp.testing.assert_array_equal(rest.lam, whole.lam)
        onp.testing.assert_array_equal(rest.history, whole.history)
        assert rest.rng_state == whole.rng_state
        assert (rest.elbo, rest.elbo_se) == (whole.elbo, whole.elbo_se)


@pytest.mark.slow
def test_a_resumed_fit_stops_where_an_uninterrupted_one_does():
    whole = fit(gaussian, MeanField(1), rng=rng(3))
    part = fit(gaussian, MeanField(1), rng=rng(3), max_iters=whole.iterations - 130)
    assert part.status is Status.MAX_ITERS
    same(fit(gaussian, MeanField(1), resume=part), whole)


def test_an_interrupt_returns_what_there_is_and_can_be_resumed():
    def interrupt(record):
        if record.iteration == 17:
            raise KeyboardInterrupt

    whole = fit(gaussian, MeanField(2), rng=rng(), max_iters=40, stop=None)
    part = fit(gaussian, MeanField(2), rng=rng(), max_iters=40, stop=None, callbacks=[interrupt])
    assert part.status is Status.INTERRUPTED
    assert part.iterations == 17
    rest = fit(gaussian, MeanField(2), resume=part, max_iters=23, stop=None)
    onp.testing.assert_array_equal(rest.lam, whole.lam)


def test_an_interrupt_inside_an_iteration_leaves_no_half_step():
    calls = []

    def log_p(z):
        calls.append(1)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return gaussian(z)

    part = fit(log_p, MeanField(2), rng=rng(), max_iters=40, stop=None)
    assert part.status is Status.INTERRUPTED
    rest = fit(gaussian, MeanField(2), resume=part, max_iters=40 - part.iterations, stop=None)
    whole = fit(gaussian, MeanField(2), rng=rng(), max_iters=40, stop=None)
    onp.testing.assert_array_equal(rest.lam, whole.lam)
    onp.testing.assert_array_equal(rest.history, whole.history)


# It says what happened


def test_callbacks_see_each_step():
    records = []
    r = fit(gaussian, MeanField(2), rng=rng(), max_iters=5, callbacks=[records.append])
    assert [record.iteration for record in records] == [1, 2, 3, 4, 5]
    onp.testing.assert_array_equal(records[-1].lam, r.lam)
    onp.testing.assert_array_equal([(x.elbo, x.elbo_se) for x in records], r.history)
    assert all(record.gradient.shape == (4,) for record in records)


def test_history_is_mean_and_standard_error_of_the_draws():
    r = fit(gaussian, MeanField(1), rng=rng(1), max_iters=1, num_draws=7)
    z = rng(1).standard_normal((7, 1))
    values = gaussian(z) - densities.normal(z)[:, 0]
    expected = [values.mean(), values.std(ddof=1) / onp.sqrt(7)]
    onp.testing.assert_allclose(r.history[0], expected, rtol=1e-12)


def test_one_draw_has_no_standard_error():
    r = fit(gaussian, MeanField(1), rng=rng(), max_iters=3, num_draws=1)
    assert onp.all(onp.isnan(r.history[:, 1]))
    assert onp.isfinite(r.elbo_se)


def test_final_elbo_is_that_of_the_final_parameters():
    r = fit(gaussian, MeanField(1), rng=rng(), max_iters=30)
    m, s = r.mean[0], r.sd[0]
    exact = -onp.log(0.5) - ((m - 3) ** 2 + s**2) / (2 * 0.5**2) + 0.5 + onp.log(s)
    assert abs(r.elbo - exact) < 5 * r.elbo_se  # false alarm 6e-7
    again = fresh_elbo(gaussian, MeanField(1), r.lam, rng(9), 4000)
    assert abs(again[0] - exact) < 5 * again[1]


@pytest.mark.parametrize(
    "stop", [lambda history: len(history) == 4, lambda h: "four" * (len(h) == 4)]
)
def test_a_rule_may_say_true_or_a_reason(stop):
    r = fit(gaussian, MeanField(1), rng=rng(), stop=stop, max_iters=9)
    assert (r.status, r.iterations) == (Status.CONVERGED, 4)
    assert r.reason in ("four", "the stopping rule was met")


def test_status_without_a_rule_and_without_time():
    assert fit(gaussian, MeanField(1), max_iters=2, stop=None).status is Status.COMPLETED
    assert fit(gaussian, MeanField(1), max_iters=2).status is Status.MAX_ITERS
    nothing = fit(gaussian, MeanField(1), max_iters=0)
    assert nothing.history.shape == (0, 2)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "progress", "shown"),
    [
        (Terminal, None, True),
        (io.StringIO, None, False),
        (io.StringIO, True, True),
        (Terminal, False, False),
    ],
)
def test_progress_is_for_terminals(monkeypatch, stream, progress, shown):
    monkeypatch.setattr(sys, "stderr", stream())
    fit(gaussian, MeanField(1), rng=rng(), max_iters=3, progress=progress)
    assert ("3/3" in sys.stderr.getvalue()) is shown


def test_minibatches_come_from_the_same_generator():
    def minibatch(generator):
        shift = generator.standard_normal()
        return lambda z: gaussian(z + shift)

    options = {"minibatch": minibatch, "stop": None}
    whole = fit(gaussian, MeanField(2), max_iters=20, rng=rng(), **options)
    part = fit(gaussian, MeanField(2), max_iters=8, rng=rng(), **options)
    rest = fit(gaussian, MeanField(2), max_iters=12, resume=part, **options)
    onp.testing.assert_array_equal(rest.lam, whole.lam)


# It says where a NaN came from

NAMED = Layout({"beta": Param((2,)), "sd": Param((), "positive")})


def breaks(iteration, inside):
    """A log density for `fit` that turns bad in one iteration; two calls come before the first."""
    calls = []

    def log_p(z):
        calls.append(1)
        bad = len(calls) >= iteration + 2
        return gaussian(z) + (inside(z) if bad else 0.0)

    return log_p


def nan_gradient(z):
    """The root at 0, whose gradient is 0 times infinity, in one coordinate of one draw."""
    picked = onp.zeros(np.shape(z), dtype=bool)
    picked[1, 2] = True
    return np.sum(np.sqrt(np.where(picked, 0.0 * z, 1.0)), axis=-1)


def nan_value(z):
    value = onp.zeros(np.shape(z)[0])
    value[3] = onp.nan
    return value


@pytest.mark.parametrize(
    ("inside", "coordinate", "draw", "text"),
    [
        (
            nan_gradient,
            "sd",
            1,
            "its gradient is nan for sd at draw 1, where .* beta\\[0\\] =",
        ),
        (nan_value, None, 3, "log_p is nan at draw 3"),
    ],
)
@pytest.mark.parametrize("iteration", [1, 7])
def test_error_names_iteration_coordinate_and_draw(inside, coordinate, draw, text, iteration):
    with pytest.raises(NonFiniteError, match=f"^iteration {iteration}: .*{text}") as caught:
        fit(breaks(iteration, inside), MeanField(3), rng=rng(), layout=NAMED)
    assert caught.value.iteration == iteration
    assert caught.value.coordinate == coordinate
    assert caught.value.draw == draw


def test_an_exploding_step_is_named_too():
    with pytest.raises(NonFiniteError, match=r"iteration 1: .* the step is not"):
        fit(gaussian, MeanField(1), rng=rng(), optimizer=lambda g, s: (g * onp.inf, s))


def test_a_singular_factor_is_a_value_that_is_not_finite():
    """A diagonal that underflows to 0 makes log q fail; the fit ends as for any bad step."""
    lam = FullRank(2).init()
    lam[2] = -800.0
    with pytest.raises(NonFiniteError, match="iteration 1"):
        fit(gaussian, FullRank(2), lam, max_iters=3, rng=rng())
    stopped = fit(gaussian, FullRank(2), lam, max_iters=3, rng=rng(), on_nonfinite="stop")
    assert stopped.status is Status.NON_FINITE


def test_a_singular_matrix_in_log_p_is_named_or_skipped():
    def log_p(z):
        if np.any(z > 2.5):
            raise onp.linalg.LinAlgError("Matrix is not positive definite")
        return gaussian(z)

    with pytest.raises(NonFiniteError, match=r"log_p fails: Matrix is not positive definite"):
        fit(log_p, MeanField(1), rng=rng(), max_iters=200, stop=None)
    r = fit(log_p, MeanField(1), rng=rng(), max_iters=200, stop=None, on_nonfinite="skip")
    assert 0 < len(r.skipped) < 200


def test_draws_that_overflow_are_named():
    lam = MeanField(2).init()
    lam[3] = 800.0
    with pytest.raises(NonFiniteError, match=r"a draw is -?inf for z\[1\] at draw 0"):
        fit(gaussian, MeanField(2), lam, rng=rng())


def outlier(z):
    """Not defined below -1.5, as a badly written log density is now and then."""
    return gaussian(z) + np.where(z[:, 0] < -1.5, onp.nan, 0.0)


def test_skip_counts_and_reports():
    r = fit(outlier, MeanField(1), rng=rng(), max_iters=60, stop=None, on_nonfinite="skip")
    assert 0 < len(r.skipped) < 60
    assert r.iterations == 60
    assert len(r.history) == 60 - len(r.skipped)
    assert f"{len(r.skipped)} of them skipped" in r.summary()
    assert onp.all(onp.isfinite(r.lam))


def test_skip_gives_up_when_nothing_else_happens():
    r = fit(lambda z: gaussian(z) * onp.nan, MeanField(1), rng=rng(), on_nonfinite="skip")
    assert r.status is Status.NON_FINITE
    assert len(r.skipped) == MAX_SKIPPED
    assert "log_p is nan" in r.reason


def test_stop_returns_the_parameters_before():
    first_bad = fit(outlier, MeanField(1), rng=rng(), max_iters=60, on_nonfinite="skip").skipped[0]
    r = fit(outlier, MeanField(1), rng=rng(), max_iters=60, on_nonfinite="stop")
    assert r.status is Status.NON_FINITE
    assert f"iteration {first_bad}: log_p is nan" in r.reason
    before = fit(gaussian, MeanField(1), rng=rng(), max_iters=first_bad - 1, stop=None)
    onp.testing.assert_array_equal(r.lam, before.lam)


def test_resuming_after_a_bad_iteration_equals_skipping_it():
    options = {"stop": None, "on_nonfinite": "skip"}
    whole = fit(outlier, MeanField(1), rng=rng(), max_iters=60, **options)
    part = fit(outlier, MeanField(1), rng=rng(), max_iters=60, on_nonfinite="stop")
    rest = fit(outlier, MeanField(1), resume=part, max_iters=60 - part.iterations, **options)
    same(rest, replace(whole, reason=rest.reason))


# It refuses what cannot work

DONE = fit(gaussian, MeanField(2), max_iters=2, rng=rng(), optimizer=sgd(0.1))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: fit(REGRESSION.log_joint, MeanField(3)),
            ShapeError,
            r"log_p fails on draws of shape \(2, 3\) from MeanField\(dim=3\): theta must have",
        ),
        (
            lambda: fit(lambda z: np.sum(z), MeanField(2)),
            ShapeError,
            r"gave shape \(\), expected \(3,\)",
        ),
        (lambda: fit(lambda z: z, MeanField(2)), ShapeError, r"gave shape \(3, 2\)"),
        (
            lambda: fit(lambda z: np.dot(z, onp.ones(5)), MeanField(2)),
            ShapeError,
            "Does the family have the number of coordinates",
        ),
        (
            lambda: fit(lambda z: onp.array([float(v) for v in z[:, 0]]), MeanField(1)),
            TypeError,
            "must be written with autograd.numpy",
        ),
        (
            lambda: fit(gaussian, MeanField(2), onp.zeros(3)),
            ShapeError,
            r"lam must have shape \(4,\)",
        ),
        (lambda: fit(gaussian, MeanField(2), layout=NAMED), ShapeError, "model has 3 coordinates"),
        (lambda: fit(gaussian, MeanField(1), num_draws=0), ValueError, "at least 1, got 0"),
        (lambda: fit(gaussian, MeanField(1), max_iters=-1), ValueError, "at least 0, got -1"),
        (lambda: fit(gaussian, MeanField(1), on_nonfinite="warn"), ValueError, "got 'warn'"),
        (lambda: fit(gaussian, MeanField(2), resume=DONE, rng=rng()), ValueError, "leave both out"),
        (
            lambda: fit(gaussian, FullRank(2), resume=DONE),
            ValueError,
            r"resume is a fit of MeanField\(dim=2\), got the family FullRank",
        ),
        (
            lambda: fit(gaussian, MeanField(2), resume=DONE, optimizer=adam()),
            ValueError,
            "optimizer misses 'm' in its state, which has k: resume with",
        ),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

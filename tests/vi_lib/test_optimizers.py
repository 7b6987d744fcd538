"""Step rules: trajectories by hand, purity, and the fixed point under skewed noise."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from scipy import stats

from vi_lib._check import ShapeError, SupportError
from vi_lib.optimizers import (
    adam,
    advi_step,
    advi_step_size,
    is_robbins_monro,
    polynomial_average,
    rmsprop,
    robbins_monro,
    sgd,
)

ROOT2, ROOT3 = math.sqrt(2.0), math.sqrt(3.0)

# The gradients 1, 2, -1; increments worked out on paper from each rule's formula.
TRAJECTORIES = {
    "sgd": (sgd(0.5), [0.5, 1.0, -0.5]),
    "sgd with a schedule": (sgd(robbins_monro(1.0, 1.0, 1.0)), [1 / 2, 2 / 3, -1 / 4]),
    # s: 1, 5/2, 7/4
    "rmsprop": (rmsprop(1.0, decay=0.5, eps=0.0), [1.0, 2 / math.sqrt(2.5), -1 / math.sqrt(1.75)]),
    # m: .1, .29, .161 over .1, .19, .271; v: .001, .004999, .005994001 over .001, .001999,
    # .002997001
    "adam": (
        adam(0.1, eps=0.0),
        [
            0.1,
            0.1 * (0.29 / 0.19) / math.sqrt(0.004999 / 0.001999),
            -0.1 * -(0.161 / 0.271) / math.sqrt(0.005994001 / 0.002997001),
        ],
    ),
    # s: 1, 5/2, 7/4; divided by 1 + sqrt(s_k)
    "advi as printed": (
        advi_step(1.0, alpha=0.5, corrected=False),
        [1 / 2, 2 / ROOT2 / (1 + math.sqrt(2.5)), -1 / ROOT3 / (1 + math.sqrt(1.75))],
    ),
    # divided by 1 + sqrt(s_{k-1}), s_0 = g_1²
    "advi corrected": (
        advi_step(1.0, alpha=0.5),
        [1 / 2, 2 / ROOT2 / 2, -1 / ROOT3 / (1 + math.sqrt(2.5))],
    ),
}


def walk(step, gradients, state=None):
    increments = []
    for g in gradients:
        increment, state = step(np.array([g]), state)
        increments.append(increment[0])
    return increments, state


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_three_steps_by_hand(name):
    step, want = TRAJECTORIES[name]
    increments, state = walk(step, [1.0, 2.0, -1.0])
    np.testing.assert_allclose(increments, want, rtol=1e-12)
    assert state["k"] == 3


def test_eps_is_added_to_the_root():
    """Also where the gradient is zero and nothing else is in the denominator."""
    np.testing.assert_allclose(
        walk(rmsprop(1.0, decay=0.5, eps=0.5), [1.0, 2.0])[0],
        [1 / 1.5, 2 / (math.sqrt(2.5) + 0.5)],
        rtol=1e-14,
    )
    np.testing.assert_allclose(
        walk(adam(0.1, eps=0.5), [1.0, 2.0])[0],
        [0.1 / 1.5, 0.1 * (0.29 / 0.19) / (math.sqrt(0.004999 / 0.001999) + 0.5)],
        rtol=1e-12,
    )
    for rule in (rmsprop(), adam()):
        assert walk(rule, [0.0, 0.0])[0] == [0.0, 0.0]


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_arguments_are_never_changed(name):
    step, _ = TRAJECTORIES[name]
    state = None
    for g in np.random.default_rng(0).standard_normal((4, 3)):
        g_before, state_before = g.copy(), copy.deepcopy(state)
        _, new = step(g, state)
        np.testing.assert_array_equal(g, g_before)
        for key in () if state is None else state:
            np.testing.assert_array_equal(state[key], state_before[key])
        state = new


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_state_is_all_the_memory_there_is(name):
    """A stored state continues the run bit for bit, whatever became of gradients and increments."""
    step, _ = TRAJECTORIES[name]
    gradients = np.random.default_rng(0).standard_normal((6, 3))
    state, want = None, []
    for g in gradients:
        increment, state = step(g, state)
        want.append(increment)
    stored = None
    for g, increment in zip(gradients, want, strict=True):
        g = g.copy()
        got, stored = step(g, copy.deepcopy(stored))
        np.testing.assert_array_equal(got, increment)
        g[:], got[:] = np.nan, np.nan  # neither may be part of the state
        step(np.ones(5), None)  # nor may another run with the same rule disturb it


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_coordinates_do_not_mix(name):
    step, _ = TRAJECTORIES[name]
    gradients = np.random.default_rng(1).standard_normal((5, 3))
    state, rows = None, []
    for g in gradients:
        increment, state = step(g, state)
        rows.append(increment)
    for d in range(3):
        np.testing.assert_allclose(walk(step, gradients[:, d])[0], np.array(rows)[:, d], rtol=1e-14)


@pytest.mark.parametrize("name", [n for n in TRAJECTORIES if not n.startswith("sgd")])
def test_state_of_another_problem_is_refused(name):
    step, _ = TRAJECTORIES[name]
    _, state = step(np.ones(3), None)
    with pytest.raises(ShapeError, match=r"has shape \(3,\), the gradient \(2,\)"):
        step(np.ones(2), state)


def test_advi_step_size_table():
    rho, s = advi_step_size(1, np.array([2.0, -3.0]), None, 0.1)
    np.testing.assert_array_equal(s, [4.0, 9.0])
    np.testing.assert_allclose(rho, [0.1 / 3.0, 0.1 / 4.0], rtol=1e-15)
    ignored = advi_step_size(1, np.array([2.0, -3.0]), np.array([1e9, 1e9]), 0.1)
    np.testing.assert_array_equal(ignored[1], s)
    rho, s = advi_step_size(4, np.array([2.0, 0.0]), np.array([1.0, 4.0]), 0.1, tau=0.5, alpha=0.25)
    np.testing.assert_allclose(s, [1.75, 3.0], rtol=1e-15)
    want = 0.1 * 0.5 / (0.5 + np.sqrt([1.75, 3.0]))
    np.testing.assert_allclose(rho, want, rtol=1e-14)
    # eps is added to the exponent -1/2
    with_eps, _ = advi_step_size(4, np.array([2.0]), np.array([1.0]), 0.1, eps=0.5)
    assert with_eps[0] == pytest.approx(0.1 / (1 + math.sqrt(0.1 * 4 + 0.9)), rel=1e-14)


def test_printed_rule_is_advi_step_size():
    step, state, s = advi_step(0.3, tau=0.7, alpha=0.2, corrected=False), None, None
    for k, g in enumerate(np.random.default_rng(3).standard_normal((5, 2)), start=1):
        increment, state = step(g, state)
        rho, s = advi_step_size(k, g, s, 0.3, 0.7, 0.2)
        np.testing.assert_array_equal(increment, rho * g)


def test_the_cap_holds_a_sudden_gradient():
    step = advi_step(0.5)
    _, state = step(np.array([1.0, 1.0]), None)
    increment, _ = step(np.array([1e6, -1e6]), state)
    np.testing.assert_allclose(increment, [0.5 * 10 / ROOT2, -0.5 * 10 / ROOT2], rtol=1e-14)


def conjugate_sd_bias(step, *, num_draws=1, chains=400, num_iter=4000, seed=0):
    """Return the relative error of the posterior sd, and its standard error over the chains.

    theta ~ N(0, 1), ten observations with sd 1: the exact sd is 1/sqrt(11). Every chain is one
    coordinate of a vector; log sd is averaged over the second half of its iterations. The gradient
    of the log sd, 1 - 11 sd² eps² + ..., has strongly skewed noise.
    """
    rng, precision, mean = np.random.default_rng(seed), 11.0, 0.7
    mu, omega, state = np.zeros(chains), np.zeros(chains), None
    total, count = np.zeros(chains), 0
    for k in range(num_iter):
        eps = rng.standard_normal((num_draws, chains))
        sd = np.exp(omega)
        pull = -precision * (mu + sd * eps - mean)
        gradient = np.concatenate([pull.mean(0), (pull * eps).mean(0) * sd + 1.0])
        increment, state = step(gradient, state)
        mu, omega = mu + increment[:chains], omega + increment[chains:]
        if k >= num_iter // 2:
            total, count = total + omega, count + 1
    relative = np.exp(total / count) * math.sqrt(precision) - 1.0
    return relative.mean(), relative.std(ddof=1) / math.sqrt(chains)


@pytest.mark.parametrize(
    "step",
    [advi_step(0.1), advi_step(1.0), adam(0.01), sgd(robbins_monro(0.05, 0.6, 10.0))],
    ids=["advi .1", "advi 1", "adam", "sgd"],
)
@pytest.mark.slow
def test_skewed_noise_does_not_move_the_fixed_point(step):
    """|bias| < 1 %, by 5 standard errors over the chains (one-sided rate 3e-7)."""
    bias, se = conjugate_sd_bias(step, num_iter=12_000, chains=200)
    assert se < 0.001
    assert abs(bias) < 0.01 - 5 * se


@pytest.mark.parametrize(
    ("step", "want"),
    [(advi_step(0.1, corrected=False), 0.041), (rmsprop(0.01), 0.066)],
    ids=["advi as printed", "rmsprop"],
)
def test_self_normalised_rules_inflate_the_sd_with_one_draw(step, want):
    """The stated bias, within 5 standard errors (6e-7) and half a point for its digits."""
    bias, se = conjugate_sd_bias(step)
    assert abs(bias - want) < 0.005 + 5 * se
    assert bias > 30 * se


def test_ten_draws_nearly_cure_the_printed_rule():
    bias, se = conjugate_sd_bias(advi_step(0.1, corrected=False), num_draws=10)
    assert abs(bias - 0.003) < 0.001 + 5 * se


@pytest.mark.parametrize("power", [0.0, 1.0, 3.0])
def test_average_weighs_iterates_by_a_polynomial(power):
    """Unrolled, x_i weighs w_i Π_{j > i} (1 - w_j); power 0 is the plain mean, 1 weighs by i."""
    x = np.random.default_rng(0).standard_normal((6, 2))
    w = (power + 1) / (np.arange(1, 7) + power)
    weights = np.array([w[i] * np.prod(1 - w[i + 1 :]) for i in range(6)])
    assert weights.sum() == pytest.approx(1.0, rel=1e-14)
    if power < 2:
        np.testing.assert_allclose(
            weights, np.arange(1, 7) ** power / sum(np.arange(1, 7) ** power)
        )
    average, state = polynomial_average(power), None
    for k in range(6):
        before, mine = copy.deepcopy(state), x[k].copy()
        mean, new = average(mine, state)
        if state is not None:
            np.testing.assert_array_equal(state["mean"], before["mean"])
        mine[:] = np.nan  # no part of the state, nor is the answer:
        want, mean[:] = mean.copy(), np.nan
        state = new
    np.testing.assert_allclose(want, weights @ x, rtol=1e-13)
    assert state["k"] == 6


def test_averaging_calms_a_constant_rate():
    """sgd(c) on N(0, 1) with noise of sd 1: the iterates' variance is c / (2 - c), the mean's 1/n.

    400 chains of 2000 steps after 200: chi-square with 400 degrees of freedom, false alarm 1e-5.
    """
    step, average, rng, c = sgd(0.2), polynomial_average(), np.random.default_rng(1), 0.2
    x, state, mean = np.zeros(400), None, None
    for k in range(2200):
        increment, _ = step(rng.standard_normal(400) - x, None)
        x = x + increment
        if k >= 200:
            mean, state = average(x, state)
    for got, variance in ((x, c / (2 - c)), (mean, 1 / 2000)):
        low, high = stats.chi2(400).ppf(5e-6), stats.chi2(400).isf(5e-6)
        assert low < np.sum(got**2) / variance < high


def test_robbins_monro():
    rho = robbins_monro(2.0, 0.7, 3.0)
    assert rho(1) == pytest.approx(2.0 * 4.0**-0.7, rel=1e-15)
    assert rho(5) == pytest.approx(2.0 * 8.0**-0.7, rel=1e-15)
    assert [is_robbins_monro(k) for k in (0.4, 0.5, 0.51, 0.75, 1.0, 1.01)] == [
        False,
        False,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sgd(0.0), SupportError, "rate must be positive"),
        (lambda: sgd(math.nan), SupportError, "rate must be positive and finite, got nan"),
        (lambda: robbins_monro(-1.0, 0.7), SupportError, "rho0 must be positive"),
        (lambda: robbins_monro(1.0, 0.7, -1.0), ValueError, "delay must not be negative"),
        (lambda: robbins_monro(1.0, 0.7)(0), ValueError, "t is counted from 1, got 0"),
        (lambda: adam(beta2=1.0), ValueError, r"beta2 must be in \[0, 1\), got 1.0"),
        (lambda: rmsprop(decay=-0.1), ValueError, "decay must be"),
        (lambda: advi_step(eta=-1.0), SupportError, "eta must be positive"),
        (lambda: advi_step(tau=0.0), SupportError, "tau must be positive"),
        (lambda: advi_step(alpha=0.0), ValueError, r"alpha must be in \(0, 1\], got 0.0"),
        (lambda: polynomial_average(-1.0), ValueError, "power must not be negative, got -1.0"),
        (lambda: advi_step_size(0, np.ones(2), None, 0.1), ValueError, "k is counted from 1"),
        (lambda: advi_step_size(2, np.ones(2), None, 0.1), ValueError, "s_prev is needed"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

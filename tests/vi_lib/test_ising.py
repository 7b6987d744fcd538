"""Mean field for the Ising model: bounds, fixed points, the grid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vi_lib import _ising, cavi
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib._discrete import Ising


def random_model(seed, n, strength):
    rng = np.random.default_rng(seed)
    J = strength * np.triu(rng.normal(size=(n, n)), 1)
    return J + J.T, rng.normal(size=n)


def product_probabilities(m):
    """The 2^n states and their probabilities under independent signs with means m."""
    z = np.array(list(itertools.product([-1.0, 1.0], repeat=len(m))))
    return z, np.prod(0.5 * (1.0 + z * m), axis=1)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_elbo_is_log_z_minus_kl_over_all_states(n):
    J, h = random_model(n, n, 0.7)
    m = np.random.default_rng(1).uniform(-1, 1, n)
    z, q = product_probabilities(m)
    log_p = np.array([0.5 * s @ J @ s + h @ s for s in z])
    elbo = q @ (log_p - np.log(q))
    assert cavi.elbo_ising(J, h, m) == pytest.approx(elbo, rel=1e-12)
    log_z = np.log(np.sum(np.exp(log_p)))
    kl = q @ (np.log(q) - (log_p - log_z))
    assert elbo + kl == pytest.approx(log_z, rel=1e-12)


def test_certain_signs_have_no_entropy():
    J, h = random_model(0, 3, 1.0)
    z = np.array([1.0, -1.0, -1.0])
    assert cavi.elbo_ising(J, h, z) == pytest.approx(0.5 * z @ J @ z + h @ z, rel=1e-13)


def test_without_couplings_mean_field_is_exact():
    h = np.array([0.3, -2.0, 0.0, 400.0])
    q = cavi.cavi_ising(np.zeros((4, 4)), h)
    np.testing.assert_allclose(q["m"], np.tanh(h), rtol=1e-15)
    assert q["elbo"][-1] == pytest.approx(np.sum(np.logaddexp(h, -h)), rel=1e-14)


def test_one_sweep_goes_from_site_to_site():
    J, h = random_model(3, 4, 1.0)  # every pair is coupled, so no two are updated together
    m = np.array([0.1, -0.2, 0.3, 0.4])
    start = m.copy()
    for i in range(4):
        m[i] = np.tanh(J[i] @ m + h[i])
    np.testing.assert_allclose(cavi.cavi_ising(J, h, start, max_iter=1)["m"], m, rtol=1e-14)
    np.testing.assert_array_equal(start, [0.1, -0.2, 0.3, 0.4])


def test_the_answer_is_a_fixed_point_and_a_maximum():
    J, h = random_model(4, 8, 0.5)
    q = cavi.cavi_ising(J, h, rel_tol=0.0)
    np.testing.assert_allclose(q["m"], np.tanh(J @ q["m"] + h), atol=1e-7)
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = np.tanh(np.arctanh(q["m"]) + 0.05 * rng.normal(size=8))
        assert cavi.elbo_ising(J, h, other) < q["elbo"][-1]


def test_the_bound_tightens_as_the_couplings_weaken():
    """With h fixed and J scaled by t, the gap falls at least as t² for small t."""
    J, h = random_model(5, 7, 1.0)
    gaps = []
    for t in (0.02, 0.01):
        gaps.append(Ising(t * J, h).log_evidence - cavi.cavi_ising(t * J, h)["elbo"][-1])
    assert gaps[0] / gaps[1] == pytest.approx(4.0, rel=0.05)


def test_the_curie_weiss_magnet():
    """All pairs coupled by c/n, no field: m solves m = tanh(c (n-1)/n m), nonzero for c > 1."""
    n, c = 12, 2.0
    J = c / n * (np.ones((n, n)) - np.eye(n))
    h = np.zeros(n)
    at_zero = cavi.cavi_ising(J, h)
    np.testing.assert_array_equal(at_zero["m"], 0.0)  # a fixed point, but a poor one
    up = cavi.cavi_ising(J, h, np.full(n, 0.5), rel_tol=0.0)
    down = cavi.cavi_ising(J, h, np.full(n, -0.5), rel_tol=0.0)
    m = 0.5
    for _ in range(500):
        m = np.tanh(c * (n - 1) / n * m)
    np.testing.assert_allclose(up["m"], m, rtol=1e-6)
    np.testing.assert_allclose(down["m"], -m, rtol=1e-6)
    assert up["elbo"][-1] == pytest.approx(down["elbo"][-1], rel=1e-12)
    assert at_zero["elbo"][-1] < up["elbo"][-1] < Ising(J, h).log_evidence


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 9), st.floats(-5, 3), st.floats(0, 1))
def test_no_sweep_lowers_the_elbo_and_log_z_is_above_it(seed, n, log_strength, density):
    J, h = random_model(seed, n, np.exp(log_strength))
    rng = np.random.default_rng(seed + 1)
    kept = np.triu(rng.random((n, n)) < density, 1)
    J = J * (kept + kept.T)
    q = cavi.cavi_ising(J, h, rng.uniform(-1, 1, n), max_iter=60, rel_tol=-np.inf)
    trace = q["elbo"]
    assert np.all(np.diff(trace) >= -1e-12 * (1.0 + np.abs(trace[:-1])))
    assert trace[-1] <= Ising(J, h).log_evidence + 1e-12 * (1.0 + abs(trace[-1]))


@pytest.mark.parametrize("factor", [-1.0, 0.5])
def test_a_wrong_update_is_reported(monkeypatch, factor):
    """A wrong sign, and J counted half, as if each pair stood in z'J z once."""
    right = _ising._best_means
    monkeypatch.setattr(
        _ising, "_best_means", lambda couplings, field, m: right(factor * couplings, field, m)
    )
    J, h = random_model(4, 6, 1.0)
    with pytest.raises(ArithmeticError, match=r"the ELBO fell from .* in sweep \d+"):
        cavi.cavi_ising(J, h)


# The grid


def test_grid_couplings_by_hand():
    J = cavi.grid_couplings(2, 3, 0.7)
    pairs = {(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)}
    expected = np.zeros((6, 6))
    for i, j in pairs:
        expected[i, j] = expected[j, i] = 0.7
    np.testing.assert_array_equal(J, expected)


def test_a_grid_is_updated_in_two_groups_like_a_chessboard():
    groups = _ising._uncoupled_groups(cavi.grid_couplings(5, 4, 1.0))
    colour = np.add.outer(np.arange(5), np.arange(4)).ravel() % 2
    assert [g.tolist() for g in groups] == [np.flatnonzero(colour == c).tolist() for c in (0, 1)]


def test_groups_have_no_coupling_inside():
    J, _ = random_model(6, 12, 1.0)
    J[np.abs(J) < 1.0] = 0.0
    groups = _ising._uncoupled_groups(J)
    assert sorted(np.concatenate(groups).tolist()) == list(range(12))
    for g in groups:
        assert not J[np.ix_(g, g)].any()


def test_the_field_of_a_noisy_image_is_bayes_rule():
    image = np.array([[1, -1, -1]])
    h = cavi.noisy_image_field(image, 0.2)
    for pixel, field in zip(image.ravel(), h, strict=True):
        likelihood = np.where(pixel == np.array([-1, 1]), 0.8, 0.2)
        tilt = np.exp(field * np.array([-1, 1]))
        np.testing.assert_allclose(tilt / tilt.sum(), likelihood / likelihood.sum(), rtol=1e-14)


def test_denoising_repairs_most_of_the_turned_pixels():
    clean = -np.ones((20, 20))
    clean[5:15, 5:15] = 1.0
    flip = np.random.default_rng(0).random((20, 20)) < 0.1
    noisy = np.where(flip, -clean, clean)
    J, h = cavi.grid_couplings(20, 20, 0.6), cavi.noisy_image_field(noisy, 0.1)
    q = cavi.cavi_ising(J, h)
    wrong = np.sum(np.sign(q["m"].reshape(20, 20)) != clean)
    assert flip.sum() > 30
    assert wrong <= 8  # the square's corners, and turned pixels side by side


OFF = np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: cavi.cavi_ising(np.eye(2), np.zeros(2)), SupportError, "zero diagonal, got 1.0"),
        (
            lambda: cavi.cavi_ising(np.triu(OFF), np.zeros(2)),
            SupportError,
            r"J must be symmetric, got J\[0, 1\] = 1.0, but 0.0 back",
        ),
        (lambda: cavi.cavi_ising(OFF, np.zeros(3)), ShapeError, r"J must have shape \(3, 3\), got"),
        (lambda: cavi.cavi_ising(OFF, 0.0), ShapeError, r"h must have shape \(n,\)"),
        (
            lambda: cavi.cavi_ising([[0, np.inf], [np.inf, 0]], [0, 0]),
            NonFiniteError,
            "J must be finite",
        ),
        (lambda: cavi.cavi_ising(OFF, [0, 0], [0, 2]), SupportError, r"in \[-1, 1\], got 2.0"),
        (lambda: cavi.elbo_ising(OFF, [0, 0], [0]), ShapeError, r"m must have shape \(2,\)"),
        (lambda: cavi.grid_couplings(0, 3, 1.0), ValueError, "at least 1, got 0 and 3"),
        (lambda: cavi.noisy_image_field(np.zeros((2, 2)), 0.1), SupportError, "-1 and 1"),
        (lambda: cavi.noisy_image_field(np.ones(3), 0.1), ShapeError, "image must have shape"),
        (lambda: cavi.noisy_image_field(np.ones((2, 2)), 1.0), SupportError, "less than 1, got"),
        (lambda: cavi.noisy_image_field(np.ones((2, 2)), 0.0), SupportError, "must be positive"),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()

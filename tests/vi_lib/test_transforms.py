"""Transforms: one table of constructors, generic laws for all."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad, jacobian
from scipy import integrate

from vi_lib import densities
from vi_lib._check import SupportError
from vi_lib.transforms import (
    Identity,
    Log,
    Logit,
    Ordered,
    Simplex,
    Softplus,
    for_support,
    inverse_softplus,
    log_sigmoid,
    softplus,
)

TRANSFORMS = [Identity(), Log(), Softplus(), Logit(0.0, 1.0), Logit(-2.0, 3.0), Logit(1e3, 1e3 + 1)]
EPS = np.finfo(float).eps
TAILS = np.array([-800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0])


def ids(transform):
    return repr(transform)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=ids)
def test_round_trip(transform):
    """The error is at most a few roundings of theta, carried to zeta by |d zeta / d theta|."""
    zeta = np.concatenate([np.linspace(-8.0, 8.0, 33), [-40.0, 40.0]]).reshape(5, 7)
    if isinstance(transform, Logit):
        zeta = zeta[np.abs(zeta) <= 8.0]  # further out theta rounds to an end of the interval
    theta = transform.inverse(zeta)
    slope = np.exp(-np.array([transform.log_abs_det_jacobian(v) for v in zeta.ravel()]))
    bound = 8 * EPS * (np.abs(zeta) + slope.reshape(zeta.shape) * (np.abs(theta) + 1.0) + 1.0)
    assert np.all(np.abs(transform.forward(theta) - zeta) <= bound)
    np.testing.assert_allclose(transform.inverse(transform.forward(theta)), theta, rtol=1e-13)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=ids)
@pytest.mark.parametrize("zeta", [[0.3], [-40.0, 40.0], [-3.0, 0.0, 2.5]])
def test_log_det_is_that_of_the_inverse(transform, zeta):
    zeta = np.array(zeta)
    J = jacobian(transform.inverse)(zeta)
    assert np.array_equal(J, np.diag(np.diagonal(J)))
    want = np.sum(np.log(np.diagonal(J)))
    np.testing.assert_allclose(transform.log_abs_det_jacobian(zeta), want, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=ids)
def test_log_det_sums_the_last_axis_only(transform):
    zeta = np.random.default_rng(0).standard_normal((4, 2, 3))
    got = transform.log_abs_det_jacobian(zeta)
    assert got.shape == (4, 2)
    one_by_one = np.array([transform.log_abs_det_jacobian(v) for v in zeta.ravel()])
    np.testing.assert_allclose(got, one_by_one.reshape(4, 2, 3).sum(-1), rtol=1e-14, atol=1e-15)
    assert np.shape(transform.log_abs_det_jacobian(0.3)) == ()


@pytest.mark.parametrize("transform", TRANSFORMS, ids=ids)
def test_log_det_is_finite_and_differentiable_in_the_tails(transform):
    for zeta in TAILS:
        assert np.isfinite(transform.log_abs_det_jacobian(zeta))
        slope = grad(transform.log_abs_det_jacobian)(zeta)
        assert np.isfinite(slope)
        assert abs(slope) <= 1.0


@pytest.mark.parametrize("transform", [Identity(), Softplus(), Logit(-2.0, 3.0)], ids=ids)
def test_inverse_is_finite_in_the_tails(transform):
    theta = transform.inverse(TAILS)
    assert np.all(np.isfinite(theta))
    assert np.all(np.isfinite(elementwise_grad(transform.inverse)(TAILS)))
    assert np.all(np.diff(theta) >= 0.0)


def test_exp_overflows_with_a_warning():
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert Log().inverse(np.array(800.0)) == np.inf
    assert Log().inverse(np.array(-800.0)) == 0.0
    assert Log().log_abs_det_jacobian(800.0) == 800.0


@pytest.mark.parametrize(
    ("transform", "log_density"),
    [
        (Log(), lambda theta: densities.gamma(theta, 2.0, 3.0)),
        (Softplus(), lambda theta: densities.gamma(theta, 2.0, 3.0)),
        (Identity(), lambda theta: densities.normal(theta, 1.0, 2.0)),
        (Logit(-2.0, 3.0), lambda theta: 0.0 * theta - np.log(5.0)),
    ],
    ids=lambda value: repr(value) if not callable(value) else "",
)
def test_a_transformed_density_integrates_to_one(transform, log_density):
    def density(zeta):
        return np.exp(log_density(transform.inverse(zeta)) + transform.log_abs_det_jacobian(zeta))

    mass, _ = integrate.quad(density, -60.0, 60.0, points=[-5.0, 0.0, 5.0], epsabs=1e-12)
    assert mass == pytest.approx(1.0, abs=1e-9)


def test_softplus_values_and_gradients():
    np.testing.assert_allclose(
        softplus(TAILS),
        [0.0, np.exp(-40.0), np.log1p(np.exp(-1.0)), np.log(2.0), np.log1p(np.e), 40.0, 800.0],
        rtol=1e-15,
        atol=1e-300,
    )
    np.testing.assert_array_equal(log_sigmoid(TAILS), -softplus(-TAILS))
    for f in (softplus, log_sigmoid):
        slope = elementwise_grad(f)(TAILS)
        assert np.all((slope >= 0.0) & (slope <= 1.0))
    np.testing.assert_allclose(elementwise_grad(softplus)(TAILS), np.exp(log_sigmoid(TAILS)))


def test_inverse_softplus():
    y = np.array([1e-300, 1e-17, 1e-5, 0.5, 40.0, 800.0])
    np.testing.assert_allclose(
        inverse_softplus(y)[[0, 1, 4, 5]], [np.log(1e-300), np.log(1e-17), 40.0, 800.0], rtol=1e-15
    )
    np.testing.assert_allclose(softplus(inverse_softplus(y)), y, rtol=1e-13)
    assert inverse_softplus(np.array(0.0)) == -np.inf
    np.testing.assert_allclose(
        elementwise_grad(inverse_softplus)(y), 1.0 / -np.expm1(-y), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("support", "want"),
    [
        ("real", Identity()),
        ("positive", Log()),
        ("unit", Logit(0.0, 1.0)),
        ((-2, 3), Logit(-2.0, 3.0)),
        ("simplex", Simplex()),
        ("ordered", Ordered()),
    ],
)
def test_for_support(support, want):
    assert for_support(support) == want


def test_ends_of_the_supports_are_infinite():
    for transform, ends in ((Log(), [0.0]), (Softplus(), [0.0]), (Logit(-2.0, 3.0), [-2.0, 3.0])):
        got = transform.forward(np.array(ends))
        np.testing.assert_array_equal(got, [-np.inf, np.inf][: len(ends)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Log().forward(np.array([1.0, -0.5])), r"theta must be in \[0.0, inf\], got -0.5"),
        (lambda: Softplus().forward(-1.0), r"must be in \[0.0, inf\], got -1.0"),
        (lambda: inverse_softplus(np.nan), "got nan"),
        (lambda: Logit(0, 1).forward(1.5), r"theta must be in \[0, 1\], got 1.5"),
        (lambda: Logit(2.0, 2.0), r"finite a < b, got a=2.0, b=2.0"),
        (lambda: Logit(0.0, np.inf), r"finite a < b, got a=0.0, b=inf"),
        (lambda: for_support("circle"), "support must be .*, got 'circle'"),
        (lambda: for_support((0.0, 1.0, 2.0)), "support must be"),
    ],
)
def test_errors(call, message):
    with pytest.raises(SupportError, match=message):
        call()


def test_gradients_flow_through_every_method():
    for transform in TRANSFORMS:
        theta = transform.inverse(np.array([0.2, -0.4]))

        def f(theta, transform=transform):
            zeta = transform.forward(theta)
            return anp.sum(transform.inverse(zeta)) + transform.log_abs_det_jacobian(zeta)

        step = 1e-6 * (theta - theta.round() + 0.1)
        for d in range(2):
            e = np.eye(2)[d] * step[d]
            difference = (f(theta + e) - f(theta - e)) / (2 * step[d])
            assert grad(f)(theta)[d] == pytest.approx(difference, rel=1e-4, abs=1e-4)

"""The checks of arguments: what passes, and what each error says."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad

from vi_lib._check import (
    NonFiniteError,
    ShapeError,
    SupportError,
    plain,
    require_finite,
    require_positive,
    require_shape,
)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), ()),
        ((3,), (3,)),
        ((4, 3), ("M", 3)),
        ((3,), (..., 3)),
        ((5, 4, 3), (..., 3)),
        ((5, 4, 3), (..., "M", 3)),
    ],
)
def test_shapes_that_fit(shape, expected):
    require_shape("x", np.zeros(shape), expected)


@pytest.mark.parametrize(
    ("shape", "expected", "message"),
    [
        ((), (3,), r"x must have shape \(3,\), got \(\)"),
        ((4,), (3,), r"x must have shape \(3,\), got \(4,\)"),
        ((4, 3), (3,), r"x must have shape \(3,\), got \(4, 3\)"),
        ((4, 2), ("M", 3), r"x must have shape \(M, 3\), got \(4, 2\)"),
        ((), (..., 3), r"x must have shape \(\.\.\., 3\), got \(\)"),
        ((3,), (..., "M", 3), r"x must have shape \(\.\.\., M, 3\), got \(3,\)"),
    ],
)
def test_shapes_that_do_not_fit(shape, expected, message):
    with pytest.raises(ShapeError, match=message):
        require_shape("x", np.zeros(shape), expected)


def test_non_finite_error_says_where():
    x = np.zeros((4, 3))
    x[2, 1] = np.nan
    x[3, 0] = np.inf
    message = r"gradient must be finite, got nan at index \(2, 1\) in iteration 7 \(2 of 12"
    with pytest.raises(NonFiniteError, match=message) as caught:
        require_finite("gradient", x, iteration=7)
    assert (caught.value.iteration, caught.value.draw, caught.value.coordinate) == (7, 2, 1)


def test_non_finite_scalar_and_vector():
    with pytest.raises(NonFiniteError, match=r"elbo must be finite, got -inf \(1 of 1") as caught:
        require_finite("elbo", -np.inf)
    assert (caught.value.iteration, caught.value.draw, caught.value.coordinate) == (None,) * 3
    with pytest.raises(NonFiniteError) as caught:
        require_finite("lam", np.array([0.0, np.nan]))
    assert (caught.value.draw, caught.value.coordinate) == (None, 1)
    require_finite("lam", np.array([0.0, 1.0]))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_positive(bad):
    require_positive("sd", [0.5, 1.0])
    with pytest.raises(SupportError, match=f"sd must be positive and finite, got {bad}"):
        require_positive("sd", [0.5, bad])


def test_checks_see_through_automatic_differentiation():
    def f(x):
        require_shape("x", x, (2,))
        require_finite("x", x)
        require_positive("x", x)
        assert isinstance(plain(x), np.ndarray)
        return anp.sum(x**3)

    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(elementwise_grad(lambda x: grad(f)(x))(x), 6.0 * x, rtol=1e-14)

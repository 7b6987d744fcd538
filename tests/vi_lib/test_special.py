"""The gamma function's logarithm: values of scipy, derivatives through autograd."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from autograd import elementwise_grad
from scipy import special

from vi_lib._special import digamma, gammaln

X = onp.array([1e-3, 0.5, 1.0, 2.5, 40.0, 1e6])


def test_values():
    onp.testing.assert_array_equal(gammaln(X), special.gammaln(X))
    onp.testing.assert_array_equal(digamma(X), special.digamma(X))
    assert gammaln(5.0) == pytest.approx(onp.log(24.0), rel=1e-14)


def test_derivatives():
    onp.testing.assert_allclose(elementwise_grad(gammaln)(X), special.digamma(X), rtol=1e-14)
    second = elementwise_grad(elementwise_grad(gammaln))(X)
    onp.testing.assert_allclose(second, special.polygamma(1, X), rtol=1e-14)


def test_derivatives_pass_through_broadcasting():
    def total(a):
        return np.sum(gammaln(a * onp.ones((3, 1))))

    onp.testing.assert_allclose(elementwise_grad(total)(X), 3 * special.digamma(X), rtol=1e-14)

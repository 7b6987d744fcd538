"""The gamma function's logarithm: values of scipy, derivatives through autograd."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from autograd import elementwise_grad
from scipy import special

from vi_lib._special import betaln, digamma, gammaln

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


def test_betaln():
    a, b = X[:, None], X
    onp.testing.assert_array_equal(betaln(a, b), special.betaln(a, b))
    # B(a, b) = Γ(b) a^-b (1 - b (b - 1) / (2 a) + ...): three large logarithms would lose it
    want = special.gammaln(2.5) - 2.5 * onp.log(1e12) - onp.log1p(2.5 * 1.5 / 2e12)
    assert betaln(1e12, 2.5) == pytest.approx(want, rel=1e-14)
    got = elementwise_grad(lambda b: np.sum(betaln(a, b)))(X)
    want = onp.sum(special.digamma(X) - special.digamma(a + b), axis=0)
    onp.testing.assert_allclose(got, want, rtol=1e-13)
    got = elementwise_grad(lambda a: np.sum(betaln(a, b)))(a)
    assert got.shape == a.shape
    onp.testing.assert_allclose(got[:, 0], want, rtol=1e-13)

r"""The exponential families of Gaussian vectors: with a known and an unknown precision matrix.

Part of `vi_lib.expfam`, which exports both. A matrix in eta takes D² entries, row by row; only its
symmetric part matters, because the statistics that it multiplies are symmetric.

Source: Bishop (2006), section 10.2.1 and appendix B, for the Gaussian-Wishart distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, SupportError, plain, require_positive, require_shape
from vi_lib._special import LOG_2PI, multidigamma, multigammaln


@dataclass(frozen=True)
class MultivariateGaussian:
    """N(mean, cov): eta = (cov⁻¹ mean, -½ cov⁻¹), T = (x, x x'), h = (2π)^(-D/2)."""

    dim: int

    @property
    def num_params(self) -> int:
        """D + D²."""
        return self.dim + self.dim**2

    @property
    def log_base_measure(self) -> float:
        """-D/2 log 2π."""
        return -0.5 * self.dim * LOG_2PI

    def natural(self, mean: Array, cov: Array) -> Array:
        """Return eta (..., D + D²) of mean (..., D) and covariance (..., D, D)."""
        require_shape("mean", mean, (..., self.dim))
        require_shape("cov", cov, (..., self.dim, self.dim))
        cholesky("cov", cov)
        prec = _symmetric(np.linalg.inv(cov))
        return _join(_times(prec, mean), _flat(-0.5 * prec))

    def standard(self, eta: Array) -> tuple[Array, Array]:
        """Return mean (..., D) and covariance (..., D, D).

        Raises:
            SupportError: unless the matrix in eta is negative definite.
        """
        cov = _symmetric(np.linalg.inv(self._prec(eta)))
        return _times(cov, eta[..., : self.dim]), cov

    def sufficient_statistics(self, x: Array) -> Array:
        """Return (x, x x'), (..., D) -> (..., D + D²)."""
        require_shape("x", x, (..., self.dim))
        return _join(x, _flat(x[..., :, None] * x[..., None, :]))

    def log_partition(self, eta: Array) -> Array:
        """Return ½ mean' cov⁻¹ mean + ½ log det cov, (..., P) -> (...)."""
        L = cholesky("-2 times the matrix in eta, cov⁻¹,", self._prec(eta))
        u = np.linalg.solve(L, eta[..., : self.dim, None])[..., 0]
        return 0.5 * np.sum(u**2, axis=-1) - 0.5 * log_det(L)

    def mean_parameters(self, eta: Array) -> Array:
        """Return (mean, cov + mean mean') in one vector, (..., P) -> (..., P)."""
        mean, cov = self.standard(eta)
        return _join(mean, _flat(cov + mean[..., :, None] * mean[..., None, :]))

    def log_prob(self, eta: Array, x: Array) -> Array:
        """Return log p(x; eta) for x (..., D)."""
        inner = np.sum(eta * self.sufficient_statistics(x), axis=-1)
        return self.log_base_measure + inner - self.log_partition(eta)

    def _prec(self, eta: Array) -> Array:
        require_shape("eta", eta, (..., self.num_params))
        prec = -2.0 * _matrix(eta[..., self.dim :], self.dim)
        cholesky("-2 times the matrix in eta, cov⁻¹,", prec)
        return prec


@dataclass(frozen=True)
class NormalWishart:
    """A Gaussian's mean mu (D,) and precision matrix Lambda: the conjugate prior of both.

        Lambda ~ Wishart(W, nu),  mu | Lambda ~ N(m, prec = kappa Lambda)

    With E[Lambda] = nu W; nu > D - 1. A draw x is the pair (mu, Lambda).
    T = (Lambda mu, mu' Lambda mu, Lambda, log det Lambda), h = (2π)^(-D/2),
    eta = (kappa m, -kappa / 2, -½ (W⁻¹ + kappa m m'), (nu - D) / 2).
    """

    dim: int

    @property
    def num_params(self) -> int:
        """D + D² + 2."""
        return self.dim + self.dim**2 + 2

    @property
    def log_base_measure(self) -> float:
        """-D/2 log 2π."""
        return -0.5 * self.dim * LOG_2PI

    def natural(self, m: Array, kappa: Any, W: Array, nu: Any) -> Array:
        """Return eta (..., P).

        Args:
            m: mean of mu (..., D).
            kappa: how many observations the prior of mu is worth, (...).
            W: scale matrix (..., D, D).
            nu: degrees of freedom (...).
        """
        require_shape("m", m, (..., self.dim))
        require_shape("W", W, (..., self.dim, self.dim))
        require_positive("kappa", kappa)
        self._require_nu("nu", nu)
        cholesky("W", W)
        kappa, nu = (np.reshape(number, (*np.shape(number), 1)) for number in (kappa, nu))
        outer = (kappa * m)[..., :, None] * m[..., None, :]
        matrix = -0.5 * (_symmetric(np.linalg.inv(W)) + outer)
        return _join(kappa * m, -0.5 * kappa, _flat(matrix), 0.5 * (nu - self.dim))

    def standard(self, eta: Array) -> tuple[Array, Array, Array, Array]:
        """Return m (..., D), kappa (...), W (..., D, D) and nu (...).

        Raises:
            SupportError: unless kappa > 0, nu > D - 1 and W is positive definite.
        """
        m, kappa, inverse_W, nu = self._parts(eta)
        return m, kappa, _symmetric(np.linalg.inv(inverse_W)), nu

    def sufficient_statistics(self, x: tuple[Array, Array]) -> Array:
        """Return T of the pair mu (..., D), Lambda (..., D, D)."""
        mu, prec = x
        require_shape("mu", mu, (..., self.dim))
        require_shape("Lambda", prec, (..., self.dim, self.dim))
        L = cholesky("Lambda", prec)
        weighted = _times(prec, mu)
        square = np.sum(mu * weighted, axis=-1)[..., None]
        return _join(weighted, square, _flat(prec), log_det(L)[..., None])

    def log_partition(self, eta: Array) -> Array:
        """Return -D/2 log kappa + nu/2 log det W + nu D/2 log 2 + log Γ_D(nu / 2)."""
        _, kappa, inverse_W, nu = self._parts(eta)
        log_det_W = -log_det(cholesky("W⁻¹", inverse_W))
        scale = 0.5 * nu * (log_det_W + self.dim * math.log(2.0))
        return scale + multigammaln(0.5 * nu, self.dim) - 0.5 * self.dim * np.log(kappa)

    def mean_parameters(self, eta: Array) -> Array:
        """Return E[T] = (nu W m, D / kappa + nu m' W m, nu W, E[log det Lambda]).

        E[log det Lambda] = Σ_i ψ((nu + 1 - i) / 2) + D log 2 + log det W.
        """
        m, kappa, W, nu = self.standard(eta)
        prec = nu[..., None, None] * W
        weighted = _times(prec, m)
        square = self.dim / kappa + np.sum(m * weighted, axis=-1)
        log_det_W = log_det(cholesky("W", W))
        expected = multidigamma(0.5 * nu, self.dim) + self.dim * math.log(2.0) + log_det_W
        return _join(weighted, square[..., None], _flat(prec), expected[..., None])

    def log_prob(self, eta: Array, x: tuple[Array, Array]) -> Array:
        """Return log p(mu, Lambda; eta) for the pair x, a density of mu and Lambda's triangle."""
        inner = np.sum(eta * self.sufficient_statistics(x), axis=-1)
        return self.log_base_measure + inner - self.log_partition(eta)

    def _parts(self, eta: Array) -> tuple[Array, Array, Array, Array]:
        """m, kappa, W⁻¹ and nu."""
        require_shape("eta", eta, (..., self.num_params))
        D = self.dim
        kappa, nu = -2.0 * eta[..., D], 2.0 * eta[..., -1] + D
        require_positive(f"kappa = -2 eta[..., {D}]", kappa)
        self._require_nu("nu = 2 eta[..., -1] + D", nu)
        m = eta[..., :D] / kappa[..., None]
        outer = eta[..., :D, None] * m[..., None, :]
        inverse_W = -2.0 * _matrix(eta[..., D + 1 : -1], D) - outer
        cholesky("W⁻¹ = -2 (matrix in eta) - kappa m m'", inverse_W)
        return m, kappa, inverse_W, nu

    def _require_nu(self, name: str, nu: Any) -> None:
        value = onp.asarray(plain(nu), dtype=float)
        good = onp.isfinite(value) & (value > self.dim - 1)
        if not good.all():
            raise SupportError(f"{name} must be above D - 1 = {self.dim - 1}, got {value[~good]}")


def cholesky(name: str, S: Array) -> Array:
    """Return the lower triangular factor of S (..., D, D).

    Raises:
        SupportError: unless S is symmetric and positive definite.
    """
    value = onp.asarray(plain(S), dtype=float)
    gap = onp.max(onp.abs(value - onp.swapaxes(value, -1, -2)), initial=0.0)
    if not gap <= 1e-10 * onp.max(onp.abs(value), initial=0.0):
        raise SupportError(f"{name} must be symmetric, got entries that differ by {gap}")
    try:
        return np.linalg.cholesky(S)
    except onp.linalg.LinAlgError:
        lowest = onp.min(onp.linalg.eigvalsh(value))
        raise SupportError(
            f"{name} must be positive definite, got the smallest eigenvalue {lowest}"
        ) from None


def log_det(L: Array) -> Array:
    """Return log det(L L') of a triangular factor, (..., D, D) -> (...)."""
    return 2.0 * np.sum(np.log(np.diagonal(L, 0, -1, -2)), axis=-1)


def _times(matrix: Array, vector: Array) -> Array:
    return np.sum(matrix * vector[..., None, :], axis=-1)


def _symmetric(matrix: Array) -> Array:
    return 0.5 * (matrix + np.swapaxes(matrix, -1, -2))


def _matrix(flat: Array, dim: int) -> Array:
    return _symmetric(np.reshape(flat, (*np.shape(flat)[:-1], dim, dim)))


def _flat(matrix: Array) -> Array:
    return np.reshape(matrix, (*np.shape(matrix)[:-2], -1))


def _join(*parts: Array) -> Array:
    """Broadcast the leading axes of (..., n_1), (..., n_2)... and join the last ones."""
    leading = onp.broadcast_shapes(*(np.shape(part)[:-1] for part in parts))
    return np.concatenate([part + onp.zeros((*leading, 1)) for part in parts], axis=-1)

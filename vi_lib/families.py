"""Variational families with one flat parameter vector `lam`.

A draw is a deterministic function of the parameters and of noise, z = transport(lam, eps) with
eps ~ N(0, I). Every method broadcasts `lam` (..., P) against `z` (..., D) or `eps` (..., E) over
the leading axes, so the same code serves ADVI (lam (P,)), per-draw gradients (lam (M, P)) and an
encoder of a variational autoencoder (lam (B, P)).

    family         density of a draw                                 P             E
    MeanField      independent Gaussians                             2 D           D
    FullRank       any Gaussian                                      D + D(D+1)/2  D
    LowRank        Gaussian, covariance diagonal + rank R            2 D + D R     D + R
    Mixture        K diagonal Gaussians with weights                 K + 2 K D     D
    CouplingFlow   a Gaussian bent by small neural networks          2 D + nets    D

The first three have a closed entropy. MeanField and FullRank are defined here, the others
re-exported.

Sources: Kucukelbir et al. (JMLR 2017), section 2.4, eqs. (5) mean-field and (6) full-rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, require_shape
from vi_lib._family import Family, mean_and_sd, require_count, require_lam
from vi_lib._flow import CouplingFlow
from vi_lib._low_rank import LowRank
from vi_lib._matrices import dot, pack_tril, packed_log_det, solve, transpose, unpack_tril
from vi_lib._mixture import Mixture

__all__ = ["CouplingFlow", "Family", "FullRank", "LowRank", "MeanField", "Mixture"]


@dataclass(frozen=True)
class MeanField:
    """Independent Gaussians: lam = (mu, omega), omega = log sd, P = 2 D (eq. (5)).

    Raises:
        ShapeError: unless dim is a whole number of at least 1.
    """

    dim: int

    def __post_init__(self) -> None:
        require_count("dim", self.dim)

    @property
    def noise_dim(self) -> int:
        """D."""
        return self.dim

    @property
    def num_params(self) -> int:
        """2 D."""
        return 2 * self.dim

    def init(self, mean: Any = 0.0, sd: Any = 1.0) -> Array:
        """Return the lam (P,) with this mean and sd, numbers or (D,)."""
        mean, sd = mean_and_sd(mean, sd, self.dim)
        return self.pack(mean, onp.log(sd))

    def pack(self, mu: Array, omega: Array) -> Array:
        """Join mu (..., D) and omega (..., D) to lam (..., P)."""
        require_shape("mu", mu, (..., self.dim))
        require_shape("omega", omega, (..., self.dim))
        return np.concatenate([mu, omega], axis=-1)

    def unpack(self, lam: Array) -> tuple[Array, Array]:
        """Split lam (..., P) into mu (..., D) and omega = log sd (..., D)."""
        require_lam(self, lam)
        return lam[..., : self.dim], lam[..., self.dim :]

    def noise(self, rng: onp.random.Generator, num_draws: int) -> Array:
        """Draw eps (num_draws, D), standard normal."""
        return rng.standard_normal((num_draws, self.dim))

    def transport(self, lam: Array, eps: Array) -> Array:
        """Return z = mu + exp(omega) eps, (..., D)."""
        require_shape("eps", eps, (..., self.dim))
        mu, omega = self.unpack(lam)
        return mu + np.exp(omega) * eps

    def log_prob(self, lam: Array, z: Array) -> Array:
        """Return Σ_d log N(z_d; mu_d, exp(omega_d)), (...), nats."""
        require_shape("z", z, (..., self.dim))
        mu, omega = self.unpack(lam)
        # omega itself, not log(exp(omega)): the log sd is a parameter.
        standard = (z - mu) * np.exp(-omega)
        return -0.5 * self.dim * densities.LOG_2PI - np.sum(omega + 0.5 * standard**2, axis=-1)

    def entropy(self, lam: Array) -> Array:
        """Return D/2 (1 + log 2π) + Σ omega, (...), nats."""
        return 0.5 * self.dim * (1.0 + densities.LOG_2PI) + np.sum(self.unpack(lam)[1], axis=-1)

    def mean(self, lam: Array) -> Array:
        """Return mu, (..., D)."""
        return self.unpack(lam)[0]

    def sd(self, lam: Array) -> Array:
        """Return exp(omega), (..., D)."""
        return np.exp(self.unpack(lam)[1])

    def cov(self, lam: Array) -> Array:
        """Return diag(exp(2 omega)), (..., D, D)."""
        return np.exp(2.0 * self.unpack(lam)[1])[..., None] * onp.eye(self.dim)


@dataclass(frozen=True)
class FullRank:
    """N(mu, L L') with L lower triangular and a positive diagonal, P = D + D (D + 1) / 2 (eq. (6)).

    lam holds mu, then the lower triangle of L row by row with the logarithm of each diagonal entry:
    every lam is a valid Gaussian and every Gaussian has exactly one lam.

    Raises:
        ShapeError: unless dim is a whole number of at least 1.
    """

    dim: int

    def __post_init__(self) -> None:
        require_count("dim", self.dim)

    @property
    def noise_dim(self) -> int:
        """D."""
        return self.dim

    @property
    def num_params(self) -> int:
        """D + D (D + 1) / 2."""
        return self.dim + self.dim * (self.dim + 1) // 2

    def init(self, mean: Any = 0.0, sd: Any = 1.0) -> Array:
        """Return the lam (P,) with this mean and sd, numbers or (D,), and no correlation."""
        mean, sd = mean_and_sd(mean, sd, self.dim)
        return self.pack(mean, onp.diag(sd))

    def pack(self, mu: Array, L: Array) -> Array:
        """Join mu (..., D) and L (..., D, D) to lam (..., P).

        Raises:
            ShapeError: if a shape is wrong.
            SupportError: unless L is lower triangular with a positive diagonal.
        """
        require_shape("mu", mu, (..., self.dim))
        require_shape("L", L, (..., self.dim, self.dim))
        return np.concatenate([mu, pack_tril(L)], axis=-1)

    def unpack(self, lam: Array) -> tuple[Array, Array]:
        """Split lam (..., P) into mu (..., D) and L (..., D, D)."""
        require_lam(self, lam)
        return lam[..., : self.dim], unpack_tril(lam[..., self.dim :], self.dim)

    def noise(self, rng: onp.random.Generator, num_draws: int) -> Array:
        """Draw eps (num_draws, D), standard normal."""
        return rng.standard_normal((num_draws, self.dim))

    def transport(self, lam: Array, eps: Array) -> Array:
        """Return z = mu + L eps, (..., D)."""
        require_shape("eps", eps, (..., self.dim))
        mu, L = self.unpack(lam)
        return mu + dot(eps, transpose(L))

    def log_prob(self, lam: Array, z: Array) -> Array:
        """Return -D/2 log 2π - Σ log L_ii - ½ |L⁻¹ (z - mu)|², (...), nats."""
        require_shape("z", z, (..., self.dim))
        mu, L = self.unpack(lam)
        u = solve(L, z - mu)
        return (
            -0.5 * self.dim * densities.LOG_2PI - self._log_det(lam) - 0.5 * np.sum(u**2, axis=-1)
        )

    def entropy(self, lam: Array) -> Array:
        """Return D/2 (1 + log 2π) + Σ log L_ii, (...), nats."""
        return 0.5 * self.dim * (1.0 + densities.LOG_2PI) + self._log_det(lam)

    def mean(self, lam: Array) -> Array:
        """Return mu, (..., D)."""
        return self.unpack(lam)[0]

    def sd(self, lam: Array) -> Array:
        """Return the root of the diagonal of L L', (..., D)."""
        return np.sqrt(np.sum(self.unpack(lam)[1] ** 2, axis=-1))

    def cov(self, lam: Array) -> Array:
        """Return L L', (..., D, D)."""
        L = self.unpack(lam)[1]
        return np.matmul(L, transpose(L))

    def _log_det(self, lam: Array) -> Array:
        require_lam(self, lam)
        return packed_log_det(lam[..., self.dim :], self.dim)

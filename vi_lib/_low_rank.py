"""A Gaussian whose covariance is a diagonal plus a few directions.

Sources: Ong, Nott and Smith, Gaussian Variational Approximation With a Factor Covariance Structure
(Journal of Computational and Graphical Statistics 2018); the matrix identities are in Petersen and
Pedersen, The Matrix Cookbook, under "Woodbury identity" and "determinants".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, ShapeError, require_shape
from vi_lib._family import mean_and_sd, require_count, require_lam
from vi_lib._matrices import dot, solve, transpose

#: Size of W in `init`, relative to the sds.
START = 0.1


@dataclass(frozen=True)
class LowRank:
    """N(mu, diag(exp(2 omega)) + W W') with W (D, R), P = 2 D + D R.

    lam holds mu, then omega, the log sds of the diagonal part, then W row by row. A draw takes
    D + R standard normals,

        z = mu + exp(omega) eps_1 + W eps_2,

    R common causes and one private cause a coordinate. Density, entropy and draws cost O(D R²) a
    lam and O(D R) a point and never form a D x D matrix; `cov` does.

    W is identified up to a rotation of its columns only: W and W Q with Q orthogonal are the same
    Gaussian.

    Raises:
        ShapeError: unless 1 <= rank <= dim. Rank 0 is `MeanField`, and ranks near dim cost more
            than `FullRank`.
    """

    dim: int
    rank: int

    def __post_init__(self) -> None:
        require_count("dim", self.dim)
        if not isinstance(self.rank, bool) and self.rank == 0:
            raise ShapeError("rank must be at least 1, got 0: without common factors use MeanField")
        require_count("rank", self.rank)
        if self.rank > self.dim:
            raise ShapeError(
                f"rank must be at most dim = {self.dim}, got {self.rank}: FullRank already has"
                " every covariance"
            )

    @property
    def noise_dim(self) -> int:
        """D + R."""
        return self.dim + self.rank

    @property
    def num_params(self) -> int:
        """2 D + D R."""
        return 2 * self.dim + self.dim * self.rank

    def init(self, mean: Any = 0.0, sd: Any = 1.0) -> Array:
        """Return a lam (P,) with exactly this mean and these marginal sds, numbers or (D,).

        W is small but not zero. The ELBO depends on W through W W', so at W = 0 its gradient with
        respect to W vanishes, whatever the target, and no gradient step would ever change W: a
        saddle. Columns that are equal would stay equal for a similar reason. So W_dr is
        0.1 sd_d / √R times a cosine that differs from entry to entry, the same at every call, and
        omega makes up the rest of the variance. Correlations are below 0.01.
        """
        mean, sd = mean_and_sd(mean, sd, self.dim)
        rows, columns = onp.ogrid[1 : self.dim + 1, 1 : self.rank + 1]
        relative = START / onp.sqrt(self.rank) * onp.cos(rows * columns)
        omega = onp.log(sd) + 0.5 * onp.log1p(-onp.sum(relative**2, axis=1))
        return self.pack(mean, omega, sd[:, None] * relative)

    def pack(self, mu: Array, omega: Array, W: Array) -> Array:
        """Join mu (..., D), omega (..., D) and W (..., D, R) to lam (..., P)."""
        require_shape("mu", mu, (..., self.dim))
        require_shape("omega", omega, (..., self.dim))
        require_shape("W", W, (..., self.dim, self.rank))
        flat = np.reshape(W, (*np.shape(W)[:-2], self.dim * self.rank))
        return np.concatenate([mu, omega, flat], axis=-1)

    def unpack(self, lam: Array) -> tuple[Array, Array, Array]:
        """Split lam (..., P) into mu (..., D), omega (..., D) and W (..., D, R)."""
        require_lam(self, lam)
        D, leading = self.dim, np.shape(lam)[:-1]
        W = np.reshape(lam[..., 2 * D :], (*leading, D, self.rank))
        return lam[..., :D], lam[..., D : 2 * D], W

    def noise(self, rng: onp.random.Generator, num_draws: int) -> Array:
        """Draw eps (num_draws, D + R), standard normal."""
        return rng.standard_normal((num_draws, self.noise_dim))

    def transport(self, lam: Array, eps: Array) -> Array:
        """Return z = mu + exp(omega) eps_1 + W eps_2, (..., D), for eps = (eps_1, eps_2)."""
        require_shape("eps", eps, (..., self.noise_dim))
        mu, omega, W = self.unpack(lam)
        return mu + np.exp(omega) * eps[..., : self.dim] + dot(eps[..., self.dim :], transpose(W))

    def log_prob(self, lam: Array, z: Array) -> Array:
        """Return log N(z; mu, cov), (...), nats.

        With r = exp(-omega) (z - mu), V = exp(-omega) W and C = I + V'V (R x R):

            log det cov = 2 Σ omega + log det C         (determinant lemma)
            (z - mu)' cov⁻¹ (z - mu) = |r - V m|² + |m|²,   m = C⁻¹ V' r

        The quadratic form is Woodbury's, r'r - r'V C⁻¹ V'r, written as a sum of squares: the
        difference would lose its digits where W is much larger than exp(omega). m is the posterior
        mean of the factors eps_2 given z.
        """
        require_shape("z", z, (..., self.dim))
        mu, omega, W = self.unpack(lam)
        V, C = self._factors(omega, W)
        r = (z - mu) * np.exp(-omega)
        m = solve(C, dot(r, V))
        rest = r - dot(m, transpose(V))
        quadratic = np.sum(rest**2, axis=-1) + np.sum(m**2, axis=-1)
        return -0.5 * self.dim * densities.LOG_2PI - _half_log_det(omega, C) - 0.5 * quadratic

    def entropy(self, lam: Array) -> Array:
        """Return D/2 (1 + log 2π) + Σ omega + ½ log det C, (...), nats; C as in `log_prob`."""
        _, omega, W = self.unpack(lam)
        _, C = self._factors(omega, W)
        return 0.5 * self.dim * (1.0 + densities.LOG_2PI) + _half_log_det(omega, C)

    def mean(self, lam: Array) -> Array:
        """Return mu, (..., D)."""
        return self.unpack(lam)[0]

    def sd(self, lam: Array) -> Array:
        """Return the root of exp(2 omega_d) + Σ_r W_dr², (..., D)."""
        _, omega, W = self.unpack(lam)
        return np.sqrt(np.exp(2.0 * omega) + np.sum(W**2, axis=-1))

    def cov(self, lam: Array) -> Array:
        """Return diag(exp(2 omega)) + W W', (..., D, D)."""
        _, omega, W = self.unpack(lam)
        return np.exp(2.0 * omega)[..., None] * onp.eye(self.dim) + np.matmul(W, transpose(W))

    def _factors(self, omega: Array, W: Array) -> tuple[Array, Array]:
        """Return V = exp(-omega) W (..., D, R) and C = I + V'V (..., R, R)."""
        V = np.exp(-omega)[..., None] * W
        return V, onp.eye(self.rank) + np.matmul(transpose(V), V)


def _half_log_det(omega: Array, C: Array) -> Array:
    """Return half the log determinant of the covariance, Σ omega + ½ log det C."""
    return np.sum(omega, axis=-1) + 0.5 * np.linalg.slogdet(C)[1]

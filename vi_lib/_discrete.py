"""Oracles with a discrete latent variable, exact because every configuration is visited.

`Ising` sums over the 2^n sign vectors, `SmallMixture` over the K^N assignments of observations to
components, given which the posterior is Gaussian. Both stop at about a million configurations,
which are visited in blocks. Public names of this module are re-exported by `vi_lib.oracles`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, ShapeError, require_finite, require_positive, require_shape
from vi_lib._ising import require_couplings

#: Largest number of configurations that an oracle visits; 2^20 takes a few seconds.
MAX_CONFIGURATIONS = 2**20

_BLOCK = 2**13


@dataclass(frozen=True, eq=False)
class Ising:
    """The distribution p(z) = exp(z'J z / 2 + h'z) / Z of signs z in {-1, 1}^n, n <= 20.

    Its "joint" is the unnormalised density, so the evidence is Z.

    Args:
        J: couplings (n, n), symmetric with a zero diagonal.
        h: fields (n,).

    Raises:
        ShapeError, NonFiniteError, SupportError: naming the argument.
        ValueError: if n is larger than 20.
    """

    J: Array
    h: Array

    def __post_init__(self) -> None:
        require_couplings(self.J, self.h)
        _require_few("signs", 2, self.dim)

    @property
    def dim(self) -> int:
        """The number of signs, n."""
        return len(self.h)

    def log_joint(self, z: Array) -> Array:
        """Return z'J z / 2 + h'z, (..., n) -> (...), nats, for signs z; other z are not refused."""
        require_shape("z", z, (..., self.dim))
        J, h = onp.asarray(self.J), onp.asarray(self.h)
        return 0.5 * np.sum(np.dot(z, J) * z, axis=-1) + np.dot(z, h)

    @cached_property
    def _moments(self) -> tuple[float, Array, Array]:
        def block(code: Array) -> tuple[Array, Array]:
            z = 2.0 * _digits(code, 2, self.dim) - 1.0
            return self.log_joint(z), z

        return _sum_over(2**self.dim, block)

    @property
    def log_evidence(self) -> float:
        """Log Z, nats."""
        return self._moments[0]

    @property
    def mean(self) -> Array:
        """E[z] (n,)."""
        return self._moments[1]

    @property
    def cov(self) -> Array:
        """Cov[z] (n, n)."""
        return self._moments[2] - onp.outer(self.mean, self.mean)

    @property
    def sd(self) -> Array:
        """Standard deviations (n,), sqrt(1 - mean²)."""
        # A square root of 1 - mean² that round-off made negative would be NaN.
        return onp.sqrt(onp.maximum(onp.diagonal(self.cov), 0.0))


@dataclass(frozen=True, eq=False)
class SmallMixture:
    """A mixture of K unit-variance Gaussians with equal weights, and few observations.

    mu_k ~ N(0, sd=prior_sd), c_i ~ Categorical(1/K, ..., 1/K), x_i | c_i = k, mu ~ N(mu_k, 1).
    theta = mu (K,); the labels c are summed out of the joint. As the model does not know an order
    of the labels, all K posterior means are equal: `same_component` has what does not depend on it.

    Args:
        x: observations (N,), with K^N at most 2^20.
        K: number of components.
        prior_sd: prior standard deviation of the component means.

    Raises:
        ShapeError, NonFiniteError, SupportError: naming the argument.
        ValueError: if K is less than 1, or K^N is too large.
    """

    x: Array
    K: int
    prior_sd: float

    def __post_init__(self) -> None:
        require_shape("x", self.x, ("N",))
        require_finite("x", self.x)
        require_positive("prior_sd", self.prior_sd)
        if len(self.x) == 0:
            raise ShapeError("x must have shape (N,) with N >= 1, got (0,)")
        if self.K < 1:
            raise ValueError(f"K must be at least 1, got {self.K}")
        _require_few("assignments", self.K, len(self.x))

    @property
    def dim(self) -> int:
        """K."""
        return self.K

    def log_joint(self, theta: Array) -> Array:
        """Return log p(x | theta) + log p(theta), (..., K) -> (...), nats.

        log p(x | theta) = sum_i log(1/K sum_k N(x_i; theta_k, 1)).
        """
        require_shape("theta", theta, (..., self.K))
        each = densities.normal(onp.asarray(self.x)[:, None], theta[..., None, :], 1.0)
        peak = np.max(each, axis=-1, keepdims=True)
        mixed = np.log(np.mean(np.exp(each - peak), axis=-1)) + peak[..., 0]
        log_prior = densities.normal(theta, 0.0, self.prior_sd)
        return np.sum(mixed, axis=-1) + np.sum(log_prior, axis=-1)

    @cached_property
    def _moments(self) -> tuple[float, Array, Array]:
        """Log evidence and moments of (E[mu | c], Var[mu | c], indicators of c)."""
        x, var = onp.asarray(self.x, dtype=float), self.prior_sd**2
        constant = -len(x) * (math.log(self.K) + 0.5 * densities.LOG_2PI) - 0.5 * x @ x

        def block(code: Array) -> tuple[Array, Array]:
            labels = _digits(code, self.K, len(x))
            chosen = (labels[:, :, None] == onp.arange(self.K)).astype(float)
            # Given c, a component with n observations has posterior precision 1/var + n.
            shrink = 1.0 + var * chosen.sum(axis=1)
            total = onp.einsum("bnk,n->bk", chosen, x)
            log_w = 0.5 * onp.sum(var * total**2 / shrink - onp.log(shrink), axis=1)
            rows = [var * total / shrink, var / shrink, chosen.reshape(len(code), -1)]
            return constant + log_w, onp.concatenate(rows, axis=1)

        return _sum_over(self.K ** len(x), block)

    @property
    def log_evidence(self) -> float:
        """Log p(x), nats."""
        return self._moments[0]

    @property
    def mean(self) -> Array:
        """Posterior mean (K,); its entries are equal."""
        return self._moments[1][: self.K]

    @property
    def cov(self) -> Array:
        """Posterior covariance (K, K), by the law of total covariance over the assignments."""
        _, first, second = self._moments
        K = self.K
        between = second[:K, :K] - onp.outer(first[:K], first[:K])
        return between + onp.diag(first[K : 2 * K])

    @property
    def sd(self) -> Array:
        """Posterior standard deviations (K,)."""
        return onp.sqrt(onp.diagonal(self.cov))

    @property
    def same_component(self) -> Array:
        """P(c_i = c_j | x) (N, N), which does not depend on the order of the labels."""
        num_rows, K = len(self.x), self.K
        second = self._moments[2][2 * K :, 2 * K :].reshape(num_rows, K, num_rows, K)
        return onp.einsum("ikjk->ij", second)


def _require_few(what: str, base: int, length: int) -> None:
    if length * math.log2(base) > math.log2(MAX_CONFIGURATIONS):
        raise ValueError(
            f"at most {MAX_CONFIGURATIONS} configurations can be visited, got {base}^{length}"
            f" for {length} {what}"
        )


def _digits(code: Array, base: int, length: int) -> Array:
    """The digits (B, length) of whole numbers (B,), each from 0 to base - 1."""
    return code[:, None] // base ** onp.arange(length) % base


def _sum_over(
    count: int, block: Callable[[Array], tuple[Array, Array]]
) -> tuple[float, Array, Array]:
    """Log total weight, and first and second moments of the rows under the normalised weights.

    `block` maps configuration numbers (B,) to log weights (B,) and rows (B, S).
    """
    peak, mass, first, second = -math.inf, 0.0, onp.zeros(()), onp.zeros(())
    for start in range(0, count, _BLOCK):
        log_w, rows = block(onp.arange(start, min(start + _BLOCK, count)))
        new_peak = max(peak, float(log_w.max()))
        scale, w = math.exp(peak - new_peak), onp.exp(log_w - new_peak)
        peak, mass = new_peak, scale * mass + w.sum()
        first, second = scale * first + w @ rows, scale * second + (w[:, None] * rows).T @ rows
    return peak + math.log(mass), first / mass, second / mass

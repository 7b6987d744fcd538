"""Transforms of whole vectors: probabilities that sum to one, and increasing numbers.

Part of `vi_lib.transforms`, which exports both. The last axis is one vector, so the
log-determinants map (..., number of unconstrained coordinates) to (...).

Sources: Stan Reference Manual, constraint transforms, sections "Unit simplex" (the stick-breaking
map) and "Ordered vector".
"""

from __future__ import annotations

from dataclasses import dataclass

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, ShapeError, SupportError, plain

#: How far the sum of a simplex may be from 1: printed probabilities pass, a forgotten one does not.
SUM_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Simplex:
    """K positive numbers that sum to 1 <-> K - 1 real numbers, by breaking a stick.

    From what is left of a stick of length 1, piece k takes the fraction z_k, and the last piece is
    the rest:

        z_k = sigmoid(zeta_k - log(K - k)),  theta_k = z_k prod_{j<k} (1 - z_j),   k = 1..K-1.

    zeta = 0 is the uniform point theta_k = 1/K. The Jacobian of the first K - 1 entries with
    respect to zeta is triangular, and its determinant is the product of *all* K entries:
    log|J| = sum_k log theta_k. A density of theta is one with respect to the first K - 1 entries,
    as the Dirichlet's is always written.
    """

    def zeta_size(self, theta_size: int) -> int:
        """Return K - 1 for K = theta_size.

        Raises:
            ShapeError: if K < 2; the only simplex of length 1 is the constant 1.
        """
        if theta_size < 2:
            raise ShapeError(f"a simplex has at least 2 entries, got {theta_size}")
        return theta_size - 1

    def forward(self, theta: Array) -> Array:
        """Map theta (..., K) to zeta (..., K - 1).

        zeta_k = log theta_k - log(theta_{k+1} + ... + theta_K) + log(K - k). The rest of the stick
        is added up from its end, which keeps the digits of the smallest pieces.

        Raises:
            ShapeError: if theta is a number or K < 2.
            SupportError: unless the entries are positive and sum to 1 within 1e-8.
        """
        _require_axis("theta", theta)
        size = self.zeta_size(np.shape(theta)[-1])
        value = onp.asarray(plain(theta), dtype=float)
        good = onp.isfinite(value) & (value > 0.0)
        if not good.all():
            raise SupportError(f"a simplex's entries must be positive, got {value[~good].flat[0]}")
        excess = onp.sum(value, axis=-1) - 1.0
        if onp.any(onp.abs(excess) > SUM_TOLERANCE):
            worst = 1.0 + excess.flat[onp.argmax(onp.abs(excess))]
            raise SupportError(f"a simplex's entries must sum to 1, got the sum {worst}")
        rest = np.cumsum(theta[..., ::-1], axis=-1)[..., -2::-1]
        return np.log(theta[..., :-1]) - np.log(rest) + _log_pieces(size)

    def inverse(self, zeta: Array) -> Array:
        """Map zeta (..., K - 1) to theta (..., K), computed as exp of its logarithm.

        An entry below 1e-308 underflows; `log_inverse` does not.
        """
        return np.exp(self.log_inverse(zeta))

    def log_inverse(self, zeta: Array) -> Array:
        """Return log theta (..., K), exact where theta underflows.

        log theta_k = log z_k + sum_{j<k} log(1 - z_j).
        """
        _require_axis("zeta", zeta)
        logits = zeta - _log_pieces(np.shape(zeta)[-1])
        log_taken = -np.logaddexp(0.0, -logits)  # log z_k
        log_left = np.cumsum(-np.logaddexp(0.0, logits), axis=-1)  # sum_{j<=k} log(1 - z_j)
        before = np.concatenate([np.zeros_like(log_left[..., :1]), log_left[..., :-1]], axis=-1)
        return np.concatenate([log_taken + before, log_left[..., -1:]], axis=-1)

    def log_abs_det_jacobian(self, zeta: Array) -> Array:
        """Return the sum of log theta_k over all K entries, (..., K - 1) -> (...)."""
        return np.sum(self.log_inverse(zeta), axis=-1)


@dataclass(frozen=True)
class Ordered:
    """Increasing vectors: zeta_1 = theta_1, zeta_k = log(theta_k - theta_{k-1}) for k > 1.

    log|J| = zeta_2 + ... + zeta_K. exp overflows to inf above zeta = 709.78, with NumPy's
    warning. A gap smaller than a rounding of theta_k is lost, as in every sum.
    """

    def zeta_size(self, theta_size: int) -> int:
        """Return theta_size: as many coordinates as entries."""
        return theta_size

    def forward(self, theta: Array) -> Array:
        """Map theta (..., K) to zeta (..., K); -inf where two neighbours are equal.

        Raises:
            ShapeError: if theta is a number.
            SupportError: if an entry is smaller than the one before it, or NaN.
        """
        _require_axis("theta", theta)
        first, gaps = theta[..., :1], theta[..., 1:] - theta[..., :-1]
        value, steps = onp.asarray(plain(theta), dtype=float), onp.asarray(plain(gaps))
        if onp.isnan(value).any():
            raise SupportError("an ordered vector's entries must be numbers, got nan")
        if onp.any(steps < 0.0):
            before = value[..., :-1][steps < 0.0].flat[0]
            after = value[..., 1:][steps < 0.0].flat[0]
            raise SupportError(f"an ordered vector must increase, got {before} before {after}")
        with onp.errstate(divide="ignore"):
            return np.concatenate([first, np.log(gaps)], axis=-1)

    def inverse(self, zeta: Array) -> Array:
        """Map zeta (..., K) to theta_k = zeta_1 + exp(zeta_2) + ... + exp(zeta_k), (..., K)."""
        _require_axis("zeta", zeta)
        return np.cumsum(np.concatenate([zeta[..., :1], np.exp(zeta[..., 1:])], axis=-1), axis=-1)

    def log_abs_det_jacobian(self, zeta: Array) -> Array:
        """Return zeta_2 + ... + zeta_K, (..., K) -> (...)."""
        _require_axis("zeta", zeta)
        return np.sum(zeta[..., 1:], axis=-1)


def _log_pieces(size: int) -> Array:
    """Return log(K - k) for k = 1..K-1: how many further pieces share the rest equally."""
    return onp.log(onp.arange(size, 0, -1.0))


def _require_axis(name: str, x: Array) -> None:
    if not np.shape(x):
        raise ShapeError(f"{name} must be a vector on its last axis, got a number")

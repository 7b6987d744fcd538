"""Bayesian linear regression with its noise scale integrated out by quadrature.

y ~ N(X beta, v I), beta ~ N(0, prior_sd²). Given the variance v all is closed (Bishop 2006, section
3.3); with the singular values s_i of Z = X prior_sd = U S V', the coefficients c = U'y and the
residual r = y - U c,

    log p(y | v) = -½ [N log 2π + (N - D) log v + Σ log(v + s_i²) + r'r / v + Σ c_i² / (v + s_i²)].

The remaining integral over t = log g, v = g^power, is one-dimensional: g is the sd (power 2) or the
precision (power -1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vi_lib import densities
from vi_lib._check import Array, require_finite, require_positive, require_shape

# The trapezoidal rule converges faster than any power of the step on a smooth integrand that
# vanishes at both ends; exp(-46) = 1e-20 of the peak counts as vanished.
_NODES = 4001
_DEPTH = 46.0
_REACH = 150.0
_EPS = np.finfo(float).eps


def require_regression(X: Array, y: Array, prior_sd: Any) -> None:
    """Raise unless X is (N, D), y (N,) and prior_sd a number or (D,), finite and positive."""
    require_shape("X", X, ("N", "D"))
    require_shape("y", y, (X.shape[0],))
    require_finite("X", X)
    require_finite("y", y)
    require_positive("prior_sd", prior_sd)
    if np.ndim(prior_sd):
        require_shape("prior_sd", prior_sd, (X.shape[1],))


@dataclass(frozen=True, eq=False)
class ScaleMixture:
    """The posterior of (beta, g). X (N, D), y (N,), prior_sd a number or (D,).

    `log_prior` is the log density of t = log g, elementwise; it may be left out where only
    `given` is needed.
    """

    X: Array
    y: Array
    prior_sd: Any
    log_prior: Callable[[Array], Array] | None = None
    power: int = 2

    @cached_property
    def _svd(self) -> tuple[Array, Array, float, Array]:
        """Singular values (D,), c (D,), r'r, and W = prior_sd V (D, D)."""
        num_rows, dim = self.X.shape
        scale = np.full(dim, self.prior_sd, dtype=float)
        # Rows of zeros complete V where N < D; they add nothing to U'y or to r'r.
        rows = max(dim - num_rows, 0)
        Z = np.vstack([self.X * scale, np.zeros((rows, dim))])
        y = np.concatenate([self.y, np.zeros(rows)])
        U, s, Vt = np.linalg.svd(Z, full_matrices=False)
        c = U.T @ y
        r = y - U @ c
        # An exact fit must leave exactly nothing: rounding would pass for a noise of its size.
        rr = float(r @ r) if r @ r > len(y) * (8 * _EPS) ** 2 * (y @ y) else 0.0
        return s, c, rr, scale[:, None] * Vt.T

    def log_marginal(self, v: Array) -> Array:
        """Return log p(y | v) (G,), nats, for noise variances v (G,)."""
        num_rows, dim = self.X.shape
        s, c, rr, _ = self._svd
        total = v[:, None] + s**2
        quadratic = rr / v + np.sum(c**2 / total, axis=-1)
        log_det = (num_rows - dim) * np.log(v) + np.sum(np.log(total), axis=-1)
        return -0.5 * (num_rows * densities.LOG_2PI + log_det + quadratic)

    def given(self, v: Array) -> tuple[Array, Array, Array]:
        """Return log p(y | v) (G,), E[beta | y, v] (G, D) and Cov[beta | y, v] (G, D, D)."""
        s, c, _, W = self._svd
        total = v[:, None] + s**2
        mean = (s * c / total) @ W.T
        cov = (W * (v[:, None] / total)[:, None, :]) @ W.T
        return self.log_marginal(v), mean, cov

    def _log_integrand(self, t: Array) -> Array:
        """Return log p(y, t) (G,)."""
        assert self.log_prior is not None
        return self.log_marginal(np.exp(self.power * t)) + self.log_prior(t)

    @cached_property
    def _nodes(self) -> tuple[Array, Array, float]:
        """Nodes t (G,), their posterior weights (G,), which sum to 1, and the log evidence."""
        from scipy import optimize  # its import takes longer than that of all of vi_lib

        def f(t: float) -> float:
            return float(self._log_integrand(np.array([t]))[0])

        grid = np.linspace(-60.0, 60.0, 481)
        start = grid[np.argmax(self._log_integrand(grid))]
        found = optimize.minimize_scalar(
            lambda t: -f(t), bounds=(start - 0.25, start + 0.25), method="bounded"
        )
        mode = float(found.x)
        low, high = (self._edge(f, mode, sign) for sign in (-1.0, 1.0))
        t = np.linspace(low, high, _NODES)
        log_f = self._log_integrand(t)
        peak = log_f.max()
        mass = np.exp(log_f - peak)
        total = mass.sum()
        return t, mass / total, float(peak + np.log(total * (t[1] - t[0])))

    @staticmethod
    def _edge(f: Callable[[float], float], mode: float, sign: float) -> float:
        """Return a point beyond the mode at which the integrand has vanished.

        Raises:
            ValueError: if it does not vanish: the posterior is improper.
        """
        peak, width = f(mode), 1e-3
        while f(mode + sign * width) > peak - _DEPTH:
            width *= 1.25
            if width > _REACH:
                raise ValueError(
                    "the evidence is infinite: more rows than columns are fitted without a"
                    " residual, so the noise scale has no proper posterior"
                )
        return mode + sign * width

    @property
    def log_evidence(self) -> float:
        """Log p(y), nats."""
        return self._nodes[2]

    @cached_property
    def mean(self) -> Array:
        """E[(beta, g) | y], (D + 1,)."""
        t, weight, _ = self._nodes
        _, beta, _ = self.given(np.exp(self.power * t))
        return np.append(weight @ beta, weight @ np.exp(t))

    @cached_property
    def cov(self) -> Array:
        """Cov[(beta, g) | y], (D + 1, D + 1), by the law of total covariance."""
        t, weight, _ = self._nodes
        _, beta, cov = self.given(np.exp(self.power * t))
        deviation = np.column_stack([beta, np.exp(t)]) - self.mean
        between = (deviation * weight[:, None]).T @ deviation
        between[:-1, :-1] += np.tensordot(weight, cov, axes=1)
        return between

    def marginal(self, coordinate: int, values: Array) -> Array:
        """Return the posterior density of one coordinate of (beta, g) at values (V,).

        g's is the integrand itself; beta_j's is a mixture of Gaussians over the nodes.

        Raises:
            IndexError: if there is no such coordinate.
        """
        values = np.asarray(values, dtype=float)
        dim = self.X.shape[1]
        if not 0 <= coordinate <= dim:
            raise IndexError(f"coordinate must be in 0..{dim}, got {coordinate}")
        t, weight, log_evidence = self._nodes
        if coordinate == dim:
            inside = values > 0.0
            log_g = np.log(np.where(inside, values, 1.0))
            return np.where(inside, np.exp(self._log_integrand(log_g) - log_evidence - log_g), 0.0)
        _, beta, cov = self.given(np.exp(self.power * t))
        sd = np.sqrt(cov[:, coordinate, coordinate])
        return np.exp(densities.normal(values[:, None], beta[:, coordinate], sd)) @ weight

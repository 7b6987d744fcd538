"""The ELBO on frozen draws: its curvature, the error of its maximum, linear response.

With the noise eps_1, ..., eps_M chosen once,

    f(lam) = 1/M sum_m log p(t(lam, eps_m)) + H[q]

is an ordinary function. At its maximum lam^, with H = its Hessian there,

    Cov(lam^) ~ H^-1 Cov(g_u) H^-1 / U        the error that the choice of noise leaves,
    LR = J (-H)^-1 J'                         linear response, J = d E_q z / d lam,

g_u the gradients of U independent units: single draws, or pairs +eps, -eps.

Sources: Giordano, Ingram and Broderick, Black Box Variational Inference with a Deterministic
Objective (JMLR 2024), for f and the error; Giordano, Broderick and Jordan, Covariances, Robustness,
and Variational Bayes (JMLR 2018), for linear response.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import autograd.numpy as np
import numpy as onp
from autograd import make_vjp

from vi_lib._check import Array, ShapeError
from vi_lib._newton import HessianProduct, solve
from vi_lib._replay import Replay, ReplayLinear
from vi_lib.estimators import LogDensity, per_draw_gradients, reparam_entropy
from vi_lib.families import Family, FullRank, MeanField

Design = Literal["plain", "antithetic", "matched", "whitened"]
DESIGNS = ("plain", "antithetic", "matched", "whitened")

#: Up to so many parameters P the Hessian is formed: P products and P^3 / 3 operations.
MAX_DENSE = 600
#: Step of central differences, in units of each coordinate.
DIFFERENCE = 1e-5
#: A Hessian product may differ from differences of the gradient by this share of its size.
AGREEMENT = 1e-3


def arrange(raw: Array, design: Design) -> Array:
    """Return noise (M, D) from independent standard normal rows.

    Args:
        raw: (M, D) for `"plain"`, (M / 2, D) for the others, which add each row's negative, so the
            mean is exactly 0.
        design: `"matched"` divides each coordinate so that its variance is exactly 1; `"whitened"`
            makes the covariance exactly I, for which M / 2 >= D is needed.

    Raises:
        ShapeError: If there are too few rows to whiten.
    """
    if design == "plain":
        return raw
    if design == "matched":
        raw = raw / onp.sqrt(onp.mean(raw**2, axis=0))
    if design == "whitened":
        if len(raw) < raw.shape[1]:
            raise ShapeError(
                f"whitened noise needs at least 2 D = {2 * raw.shape[1]} draws, got {2 * len(raw)}"
            )
        factor = onp.linalg.cholesky(raw.T @ raw / len(raw))
        raw = onp.linalg.solve(factor, raw.T).T
    return onp.stack([raw, -raw], axis=1).reshape(-1, raw.shape[1])  # pairs side by side


@dataclass(frozen=True, eq=False)
class Frozen:
    """f(lam), the ELBO at fixed noise, in nats.

    Attributes:
        log_p: Log density (M, D) -> (M,), in nats.
        q: Mean-field or full-rank Gaussian.
        eps: The noise (M, D).
        unit: Rows of eps that belong together: 1, or 2 for pairs.
        exact_curvature: Whether H v comes from autograd, or from differences of gradients.
    """

    log_p: LogDensity
    q: Family
    eps: Array
    unit: int = 1
    exact_curvature: bool = True

    def value(self, lam: Array) -> float:
        """Return f(lam); not finite where log p is not."""
        with onp.errstate(all="ignore"):
            return float(self._value(lam))

    def slope(self, lam: Array) -> Array:
        """Return the gradient (P,) alone."""
        return self._slope(lam)

    def gradient(self, lam: Array) -> tuple[Array, HessianProduct]:
        """Return the gradient (P,) and v -> H v."""
        with onp.errstate(all="ignore"):
            if not self.exact_curvature:
                return self.slope(lam), self.differences(lam)
            g, apply = self._curved(lam)

        def product(v: Array) -> Array:
            with onp.errstate(all="ignore"):
                return apply(v)  # v' H, and H is symmetric

        return g, product

    def differences(self, lam: Array) -> HessianProduct:
        """Return v -> H v by central differences of the gradient."""

        def product(v: Array) -> Array:
            size = float(onp.linalg.norm(v / self.scale(lam)))
            h = DIFFERENCE / size if size > 0.0 else 1.0
            with onp.errstate(all="ignore"):
                return (self.slope(lam + h * v) - self.slope(lam - h * v)) / (2.0 * h)

        return product

    def scale(self, lam: Array) -> Array:
        """Return the length (P,) over which each parameter changes q.

        It is the inverse root of Fisher's information, sd for a mean and 1 / sqrt 2 for a log sd;
        for an entry of L, the sd of its row.
        """
        with onp.errstate(over="ignore"):
            sd = self.q.sd(lam)
        if isinstance(self.q, FullRank):
            rows, columns = onp.tril_indices(self.q.dim)
            return onp.concatenate([sd, onp.where(rows == columns, math.sqrt(0.5), sd[rows])])
        return onp.concatenate([sd, onp.full(self.q.dim, math.sqrt(0.5))])

    def unit_gradients(self, lam: Array) -> Array:
        """Return the gradients (U, P) of the independent units, whose mean is that of f."""
        rows = per_draw_gradients(reparam_entropy, lam, self.log_p, self.q, self.eps)
        return rows.reshape(-1, self.unit, rows.shape[1]).mean(axis=1)

    @cached_property
    def _value(self) -> Replay:
        return Replay(self._mean)

    @cached_property
    def _slope(self) -> Replay:
        return Replay(self._plain_slope)

    @cached_property
    def _curved(self) -> ReplayLinear:
        def curved(lam: Array) -> tuple[Array, HessianProduct]:
            back, g = make_vjp(self._plain_slope)(lam)
            return g, back

        return ReplayLinear(curved)

    def _plain_slope(self, lam: Array) -> Array:
        back, value = make_vjp(self._mean)(lam)
        return back(np.ones_like(value))

    def _mean(self, lam: Array) -> Array:
        return np.mean(reparam_entropy(lam, self.log_p, self.q, self.eps))


def curvature_agrees(f: Frozen, lam: Array) -> bool:
    """Whether autograd's H v is that of differences, for one v across all coordinates.

    A log density with a derivative of its own may have no second one, or, worse, a wrong one.
    """
    v = f.scale(lam) * onp.random.default_rng(0).standard_normal(len(lam))
    try:
        got = f.gradient(lam)[1](v) * f.scale(lam)
    except (TypeError, ValueError, NotImplementedError):
        return False
    wanted = f.differences(lam)(v) * f.scale(lam)
    gap = float(onp.linalg.norm(got - wanted))
    return gap <= AGREEMENT * max(1.0, float(onp.linalg.norm(wanted)))


@dataclass(frozen=True, eq=False)
class Curvature:
    """-H at a maximum, ready to be divided by: dense, or by conjugate gradients.

    Attributes:
        divide: (K, P) -> (K, P), the rows of B (-H)^-1.
        dense: Whether it was formed.
    """

    divide: Callable[[Array], Array]
    dense: bool


def curvature(f: Frozen, lam: Array) -> Curvature:
    """Return -H at lam, in its units scaled so that rounding does not hurt.

    Raises:
        ArithmeticError: If -H is not positive definite, here or when it is divided by.
    """
    _, product = f.gradient(lam)
    unit = f.scale(lam)
    if len(lam) > MAX_DENSE:
        return Curvature(lambda b: onp.array([solve(product, row, unit) for row in b]), False)
    dense = -onp.array([unit * product(unit * e) for e in onp.eye(len(lam))])
    try:
        factor = onp.linalg.cholesky(0.5 * (dense + dense.T))
    except onp.linalg.LinAlgError:
        raise ArithmeticError("the Hessian is not negative definite at the maximum") from None
    inverse = onp.linalg.inv(factor)
    scaled = unit[:, None] * (inverse.T @ inverse) * unit
    return Curvature(lambda b: b @ scaled, True)


def parameter_error(f: Frozen, lam: Array, c: Curvature) -> Array:
    """Return the standard error (P,) of each parameter that the choice of noise leaves.

    The sandwich H^-1 Cov(g_u) H^-1 / U from as many divisions as there are units, not parameters.
    """
    g = f.unit_gradients(lam)
    if len(g) < 2:
        return onp.full(len(lam), onp.inf)
    moved = c.divide(g - g.mean(axis=0))
    return onp.sqrt(onp.sum(moved**2, axis=0) / (len(g) * (len(g) - 1.0)))


def linear_response(q: Family, c: Curvature, index: Sequence[int]) -> Array:
    """Return the covariance (K, K) of the coordinates `index`: the mean block of (-H)^-1."""
    rows = onp.zeros((len(index), q.num_params))
    rows[onp.arange(len(index)), list(index)] = 1.0  # the means are lam's first D entries
    block = c.divide(rows)[:, list(index)] if len(index) else rows[:, :0]
    return 0.5 * (block + block.T)


def require_bounded(q: Family, num_draws: int, design: Design) -> None:
    """Refuse draws on which the objective of a full-rank q has no maximum.

    A row l of L and a shift of its mean leave every draw where it is if l'eps_m is the same for all
    m; such an l exists for M <= D draws, and then the entropy grows without any price. Pairs count
    once and take the shift away: they need M / 2 >= D.

    Raises:
        ValueError: If there are too few draws, or q is of another class.
    """
    if isinstance(q, MeanField):
        return
    if not isinstance(q, FullRank):
        raise ValueError(f"dadvi fits MeanField and FullRank families, got {q!r}")
    needed = q.dim + 1 if design == "plain" else 2 * q.dim
    if num_draws < needed:
        raise ValueError(
            f"a full-rank q of {q.dim} coordinates needs at least {needed} frozen draws"
            f" ({design}), got {num_draws}: with fewer, the objective is unbounded. Take more draws"
            ' or family="mean_field", whose linear response gives correlations as well'
        )

"""Smooth one-to-one maps from the support of a parameter to the real line and back.

`theta` lives on its support, `zeta` on the real line. With zeta = T(theta), the log density of zeta
is

    log p(zeta) = log p(theta) + log|det d theta / d zeta|,    theta = T⁻¹(zeta),

so the Jacobian that matters is that of the *inverse*: `log_abs_det_jacobian(zeta)`. The last axis
is the event: log-determinants are summed over it. `Identity`, `Log`, `Softplus` and `Logit` act
coordinate by coordinate, and a single number counts as one coordinate; `Simplex` and `Ordered` map
a whole vector, which may have fewer coordinates than entries.

Source: Kucukelbir et al., Automatic Differentiation Variational Inference (JMLR 2017), section 2.3,
eq. (4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import autograd.numpy as np

from vi_lib._check import Array, SupportError, plain
from vi_lib._simplex import Ordered, Simplex

__all__ = [
    "Identity",
    "Log",
    "Logit",
    "Ordered",
    "Simplex",
    "Softplus",
    "Transform",
    "VectorTransform",
    "for_support",
    "inverse_softplus",
    "log_sigmoid",
    "softplus",
]


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), elementwise; exact and with a finite gradient on all floats."""
    return np.logaddexp(0.0, x)


def log_sigmoid(x: Array) -> Array:
    """Return log(1 / (1 + exp(-x))) = -softplus(-x), elementwise; log of softplus's derivative."""
    return -np.logaddexp(0.0, -x)


def inverse_softplus(y: Array) -> Array:
    """Return the x with softplus(x) = y, log(exp(y) - 1) = y + log(1 - exp(-y)), elementwise.

    expm1 keeps the digits of a tiny y; exp(-y) cannot overflow for a large one. At 0 it is -inf.

    Raises:
        SupportError: if an entry of y is negative or NaN.
    """
    _require_between("inverse_softplus's argument", y, 0.0, math.inf)
    with np.errstate(divide="ignore"):  # -inf at 0 is the right value
        return y + np.log(-np.expm1(-y))


class Transform(Protocol):
    """What all transforms have in common; one with nothing more acts on each entry by itself."""

    def forward(self, theta: Array) -> Array:
        """Map theta to zeta, elementwise or along the last axis."""

    def inverse(self, zeta: Array) -> Array:
        """Map zeta to theta, elementwise or along the last axis."""

    def log_abs_det_jacobian(self, zeta: Array) -> Array:
        """Return log|det d theta / d zeta|, (..., D) -> (...)."""


@runtime_checkable
class VectorTransform(Transform, Protocol):
    """A transform whose event is a whole vector, the last axis: `Simplex`, `Ordered`."""

    def zeta_size(self, theta_size: int) -> int:
        """Return the number of unconstrained coordinates of a vector of theta_size entries."""


@dataclass(frozen=True)
class Identity:
    """Real line to real line: zeta = theta. For parameters that need no transform."""

    def forward(self, theta: Array) -> Array:
        """Return theta, elementwise the identity."""
        return theta

    def inverse(self, zeta: Array) -> Array:
        """Return zeta, elementwise the identity."""
        return zeta

    def log_abs_det_jacobian(self, zeta: Array) -> Array:
        """Return 0, (..., D) -> (...)."""
        return _sum_event(0.0 * zeta)


@dataclass(frozen=True)
class Log:
    """Positive half-line: zeta = log theta, theta = exp(zeta), log|J| = zeta.

    exp overflows to inf above zeta = 709.78, with NumPy's warning; the log-determinant stays exact.
    """

    def forward(self, theta: Array) -> Array:
        """Return log theta, elementwise; -inf at 0.

        Raises:
            SupportError: if an entry is negative or NaN.
        """
        _require_between("theta", theta, 0.0, math.inf)
        with np.errstate(divide="ignore"):
            return np.log(theta)

    def inverse(self, zeta: Array) -> Array:
        """Return exp(zeta), elementwise."""
        return np.exp(zeta)

    def log_abs_det_jacobian(self, zeta: Array) -> Array:
        """Return the sum of zeta, (..., D) -> (...)."""
        return _sum_event(zeta)


@dataclass(frozen=True)
class Softplus:
    """Positive half-line: theta = log(1 + exp(zeta)), log|J| = log sigmoid(zeta)."""

    def forward(self, theta: Array) -> Array:
        """Return log(exp(theta) - 1), elementwise; -inf at 0.

        Raises:
            SupportError: if an entry is negative or NaN.
        """
        return inverse_softplus(theta)

    def inverse(self, zeta: Array) -> Array:
        """Return softplus(zeta), elementwise."""
        return softplus(zeta)

    def log_abs_det_jacobian(self, zeta: Array) -> Array:
        """Return the sum of log sigmoid(zeta), (..., D) -> (...)."""
        return _sum_event(log_sigmoid(zeta))


@dataclass(frozen=True)
class Logit:
    """Interval (a, b): zeta = log((theta - a) / (b - theta)), theta = a + (b - a) sigmoid(zeta).

    log|J| = log(b - a) + log sigmoid(zeta) + log sigmoid(-zeta). Above zeta = 37 the nearest float
    to theta is b itself; the log-determinant stays exact.

    Raises:
        SupportError: unless a < b, both finite.
    """

    a: float = 0.0
    b: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.a) and math.isfinite(self.b) and self.a < self.b):
            raise SupportError(f"Logit(a, b) needs finite a < b, got a={self.a}, b={self.b}")

    def forward(self, theta: Array) -> Array:
        """Return log(theta - a) - log(b - theta), elementwise; ±inf at the ends.

        Raises:
            SupportError: if an entry is outside [a, b] or NaN.
        """
        _require_between("theta", theta, self.a, self.b)
        with np.errstate(divide="ignore"):
            return np.log(theta - self.a) - np.log(self.b - theta)

    def inverse(self, zeta: Array) -> Array:
        """Return a + (b - a) sigmoid(zeta), elementwise."""
        return self.a + (self.b - self.a) * np.exp(log_sigmoid(zeta))

    def log_abs_det_jacobian(self, zeta: Array) -> Array:
        """Return Σ log(b - a) + log sigmoid(zeta) + log sigmoid(-zeta), (..., D) -> (...)."""
        return _sum_event(math.log(self.b - self.a) + log_sigmoid(zeta) + log_sigmoid(-zeta))


def for_support(support: str | tuple[float, float]) -> Transform:
    """Return the default transform of a support.

    Args:
        support: "real", "positive" (the log, as in the ADVI paper), "unit" for (0, 1), a pair
            (a, b), or for whole vectors "simplex" or "ordered".

    Raises:
        SupportError: naming the supports that exist.
    """
    if isinstance(support, tuple) and len(support) == 2:
        return Logit(float(support[0]), float(support[1]))
    if support == "real":
        return Identity()
    if support == "positive":
        return Log()
    if support == "unit":
        return Logit(0.0, 1.0)
    if support == "simplex":
        return Simplex()
    if support == "ordered":
        return Ordered()
    raise SupportError(
        'support must be "real", "positive", "unit", "simplex", "ordered" or a pair (a, b) of'
        f" numbers, got {support!r}"
    )


def _sum_event(log_jacobian: Array) -> Array:
    return np.sum(log_jacobian, axis=-1) if np.ndim(log_jacobian) else log_jacobian


def _require_between(name: str, x: Array, low: float, high: float) -> None:
    value = np.asarray(plain(x), dtype=float)
    inside = (value >= low) & (value <= high)
    if not inside.all():
        raise SupportError(f"{name} must be in [{low}, {high}], got {value[~inside].flat[0]}")

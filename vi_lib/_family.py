"""What every variational family offers, and the checks of arguments that families share.

A draw is a deterministic function of the parameters and of noise, z = transport(lam, eps) with
eps ~ N(0, I). Every method broadcasts `lam` (..., P) against `z` (..., D) or `eps` (..., E) over
the leading axes, so the same code serves ADVI (lam (P,)), per-draw gradients (lam (M, P)) and an
encoder of a variational autoencoder (lam (B, P)).

`Family` is re-exported by `vi_lib.families`.
"""

from __future__ import annotations

from typing import Any, Protocol

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, ShapeError, require_positive


class Family(Protocol):
    """What an estimator, a fit and a diagnostic need of a variational family."""

    @property
    def dim(self) -> int:
        """Number of coordinates D of a draw."""

    @property
    def noise_dim(self) -> int:
        """Number of standard normals E that one draw takes; D unless the family says otherwise."""

    @property
    def num_params(self) -> int:
        """Length P of lam."""

    def init(self, mean: Any = 0.0, sd: Any = 1.0) -> Array:
        """Return a lam (P,) with this mean and these marginal sds, numbers or (D,)."""

    def unpack(self, lam: Array) -> tuple[Array, ...]:
        """Split lam (..., P) into its parts; which, and how many, differs between families."""

    def noise(self, rng: onp.random.Generator, num_draws: int) -> Array:
        """Draw eps (num_draws, E), standard normal."""

    def transport(self, lam: Array, eps: Array) -> Array:
        """Return the draws z (..., D) that belong to the noise eps (..., E)."""

    def log_prob(self, lam: Array, z: Array) -> Array:
        """Return log q(z; lam), (...), nats."""

    def entropy(self, lam: Array) -> Array:
        """Return H[q] = -E_q log q, (...), nats; a family without a closed form raises."""

    def mean(self, lam: Array) -> Array:
        """Return E_q z, (..., D)."""

    def sd(self, lam: Array) -> Array:
        """Return the marginal standard deviations, (..., D)."""

    def cov(self, lam: Array) -> Array:
        """Return Cov_q z, (..., D, D)."""


def require_count(name: str, value: Any, least: int = 1) -> None:
    """Raise ShapeError unless `value` is a whole number of at least `least`."""
    whole = isinstance(value, (int, onp.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        raise ShapeError(f"{name} must be a whole number of at least {least}, got {value!r}")


def require_lam(family: Family, lam: Array) -> None:
    """Raise ShapeError unless lam has the shape (..., P) that the family takes."""
    shape = np.shape(lam)
    if not shape or shape[-1] != family.num_params:
        raise ShapeError(f"{family!r} takes lam (..., {family.num_params}), got {shape}")


def mean_and_sd(mean: Any, sd: Any, dim: int) -> tuple[Array, Array]:
    """Return the arguments of `init` as two new arrays (D,).

    Raises:
        ShapeError: if one is neither a number nor (D,).
        SupportError: unless sd is positive and finite.
    """
    for name, value in (("mean", mean), ("sd", sd)):
        if onp.shape(value) not in ((), (dim,)):
            raise ShapeError(f"{name} must be a number or ({dim},), got {onp.shape(value)}")
    require_positive("sd", sd)
    return onp.full(dim, mean, dtype=float), onp.full(dim, sd, dtype=float)


def no_closed_entropy(family: Family) -> NotImplementedError:
    """Return the error of a family whose entropy has no closed form."""
    return NotImplementedError(
        f"the entropy of {family!r} has no closed form: use an estimator that evaluates log q at"
        " the draws (reparam, stl, score, score_cv) instead of reparam_entropy, or the mean of"
        " -log_prob over draws"
    )

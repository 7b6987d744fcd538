"""How wrong can the means and standard deviations be? Bounds from the ELBO and an upper bound.

Let r = p / q be the ratio of the normalised densities. The Rényi divergence of order 2,

    D_2(p || q) = log E_q[r²],    so    E_q[(r - 1)²] = exp(D_2) - 1 =: chi²,

is at most 2 (CUBO - ELBO), with CUBO = ½ log E_q[(p̃ / q)²] >= log evidence >= ELBO. From it:

    |E_p f - E_q f| = |E_q[(r - 1)(f - E_q f)]| <= sd_q(f) chi
    W_1(p, q) <= (E_q|z - z0|²)^½ chi
    W_2(p, q)² <= 2 (E_q|z - z0|⁴)^½ chi

The first line is the inequality of Cauchy and Schwarz, the others are it applied to Villani,
Optimal Transport (2009), theorem 6.15, W_p^p <= 2^(p-1) ∫ |z - z0|^p d|p - q|. A coordinate's mean
moves by at most W_1 and its standard deviation by at most W_2.

The bounds hold for exact expectations. Here they are estimated from draws of q, which see nothing
where q never goes: trust them only where k-hat is below 0.5, so that E_q[r²] exists.

Sources: Dieng, Tran, Ranganath, Paisley and Blei (NeurIPS 2017) for the CUBO; Huggins, Kasprzak,
Campbell and Broderick (AISTATS 2020) for bounds of this kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vi_lib._check import Array, require_finite, require_shape
from vi_lib.diagnostics.psis import khat


@dataclass(frozen=True, eq=False)
class ErrorBounds:
    """What `error_bounds` found.

    Attributes:
        elbo: mean log weight, nats.
        cubo: the upper bound of order 2, nats.
        d2: bound on the Rényi divergence of order 2, nats.
        chi: sqrt(exp(d2) - 1); inf where that overflows.
        mean_error: bounds on |E_p z - E_q z| for each coordinate (D,).
        w1: bound on the 1-Wasserstein distance.
        w2: bound on the 2-Wasserstein distance, and so on every standard deviation's error.
        khat: of the weights; above 0.5 the bounds are not to be trusted.
    """

    elbo: float
    cubo: float
    d2: float
    chi: float
    mean_error: Array
    w1: float
    w2: float
    khat: float


def cubo(log_w: Array, order: float = 2.0) -> float:
    """Return log E_q[w^n] / n, an upper bound of the log evidence for n >= 1, nats.

    Estimated from log weights (S,). The estimate is biased downwards, much so for heavy weights.

    Raises:
        ShapeError: unless log_w is (S,).
        ValueError: unless order >= 1.
    """
    require_shape("log_w", log_w, ("S",))
    if order < 1.0:
        raise ValueError(f"order must be at least 1, got {order}")
    top = float(np.max(log_w))
    return top + math.log(float(np.mean(np.exp(order * (log_w - top))))) / order


def error_bounds(log_w: Array, z: Array, log_evidence: float | None = None) -> ErrorBounds:
    """Bound the errors of q's moments from its draws and their log weights.

    Args:
        log_w: log p(z) - log q(z) of each draw (S,), p up to a constant, nats.
        z: draws of q (S, D).
        log_evidence: if it is known, it replaces the ELBO in D_2 <= 2 (CUBO - log evidence), which
            is then an equality.

    Raises:
        ShapeError: if the shapes do not fit or there are fewer than 25 draws.
        NonFiniteError: if a value is not finite.
    """
    require_shape("z", z, ("S", "D"))
    require_shape("log_w", log_w, (len(z),))
    require_finite("z", z)
    require_finite("log_w", log_w)
    elbo, upper = float(np.mean(log_w)), cubo(log_w)
    d2 = max(2.0 * (upper - (elbo if log_evidence is None else log_evidence)), 0.0)
    chi = math.sqrt(math.expm1(d2)) if d2 < 700.0 else math.inf
    centred = z - z.mean(axis=0)
    square = np.sum(centred**2, axis=1)
    return ErrorBounds(
        elbo=elbo,
        cubo=upper,
        d2=d2,
        chi=chi,
        mean_error=centred.std(axis=0) * chi,
        w1=math.sqrt(float(np.mean(square))) * chi,
        w2=math.sqrt(2.0 * math.sqrt(float(np.mean(square**2))) * chi),
        khat=khat(log_w),
    )

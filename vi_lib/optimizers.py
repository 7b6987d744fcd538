"""Step rules for stochastic gradient ascent.

A rule maps (gradient, state) to (increment, state), and the caller adds the increment: we maximise.
State is data: a dict of arrays and numbers, None before the first step, never changed in place, so
it can be stored and an interrupted run continued. The caller's gradient is never changed.

A rule that divides by a norm which contains the present gradient is biased: where the noise of the
gradient is skewed (that of a log sd is, like 1 - eps²), the large draws are shrunk more than the
small ones and the fixed point moves. With one draw a step, on a conjugate Gaussian, the ADVI rule
as printed reports a posterior sd about 4 % too large, RMSprop (decay .9) about 7 %; with 10 draws
the former errs by 0.3 %. Adam does not show it, nor does the corrected ADVI rule, which is the
default here.

The iterates of a rule with a constant rate wobble about the optimum; their average does not.
`polynomial_average` forms it while the rule runs, with the same kind of state.

Sources: Robbins and Monro (1951); Kingma and Ba, Adam (2015), algorithm 1; Tieleman and Hinton
(2012) for RMSprop; Kucukelbir et al. (JMLR 2017), eqs. (10)-(11), for ADVI; Shamir and Zhang (ICML
2013) for polynomial-decay averaging.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from vi_lib._check import Array, ShapeError, require_positive

State: TypeAlias = dict[str, Any]
"""Entries are arrays (P,) and whole numbers."""

Step: TypeAlias = Callable[[Array, State | None], tuple[Array, State]]
Schedule: TypeAlias = Callable[[int], float]
Average: TypeAlias = Callable[[Array, State | None], tuple[Array, State]]
"""(iterate (P,), state) -> (average (P,), state)."""

ADVI_CAP = 10.0
"""Largest |g| / (tau + sqrt(s)) that the corrected ADVI rule lets pass."""


def robbins_monro(rho0: float, kappa: float, delay: float = 0.0) -> Schedule:
    """Return the schedule t -> rho0 (t + delay)^-kappa, with t counted from 1.

    Raises:
        SupportError: unless rho0 > 0.
        ValueError: if delay < 0, or, when it is called, if t < 1.
    """
    require_positive("rho0", rho0)
    if delay < 0.0:
        raise ValueError(f"delay must not be negative, got {delay}")

    def schedule(t: int) -> float:
        if t < 1:
            raise ValueError(f"t is counted from 1, got {t}")
        return rho0 * float(t + delay) ** -kappa  # NumPy refuses 2 ** -1 in whole numbers

    return schedule


def is_robbins_monro(kappa: float) -> bool:
    """Return whether rho_t ~ t^-kappa has Σ rho_t = ∞ and Σ rho_t² < ∞, that is ½ < kappa <= 1."""
    return bool(0.5 < kappa <= 1.0)


def sgd(rate: float | Schedule) -> Step:
    """Return plain stochastic gradient ascent: the increment is rate(t) g, or rate g.

    Raises:
        SupportError: unless a constant rate is positive.
    """
    rate_at = _schedule(rate)

    def step(gradient: Array, state: State | None) -> tuple[Array, State]:
        k = _count(state)
        return rate_at(k) * np.asarray(gradient), {"k": k}

    return step


def rmsprop(rate: float | Schedule = 0.01, decay: float = 0.9, eps: float = 1e-8) -> Step:
    """Return RMSprop: s <- decay s + (1 - decay) g², increment rate g / (sqrt(s) + eps).

    s starts at g², so no bias correction is needed. See the module's text for its bias with few
    draws.

    Raises:
        SupportError: unless a constant rate is positive.
        ValueError: unless 0 <= decay < 1.
    """
    rate_at = _schedule(rate)
    _require_decay("decay", decay)

    def step(gradient: Array, state: State | None) -> tuple[Array, State]:
        g, k = np.asarray(gradient), _count(state)
        s = g**2 if state is None else decay * _stored(state, "s", g) + (1.0 - decay) * g**2
        return rate_at(k) * g / (np.sqrt(s) + eps), {"k": k, "s": s}

    return step


def adam(
    rate: float | Schedule = 0.01, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> Step:
    """Return Adam (Kingma and Ba 2015, algorithm 1), ascending.

    m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g², both divided by 1 - beta^k; the
    increment is rate m / (sqrt(v) + eps).

    Raises:
        SupportError: unless a constant rate is positive.
        ValueError: unless 0 <= beta1, beta2 < 1.
    """
    rate_at = _schedule(rate)
    _require_decay("beta1", beta1)
    _require_decay("beta2", beta2)

    def step(gradient: Array, state: State | None) -> tuple[Array, State]:
        g, k = np.asarray(gradient), _count(state)
        m = (1.0 - beta1) * g + (0.0 if state is None else beta1 * _stored(state, "m", g))
        v = (1.0 - beta2) * g**2 + (0.0 if state is None else beta2 * _stored(state, "v", g))
        m_hat, v_hat = m / (1.0 - beta1**k), v / (1.0 - beta2**k)
        return rate_at(k) * m_hat / (np.sqrt(v_hat) + eps), {"k": k, "m": m, "v": v}

    return step


def advi_step_size(
    k: int,
    g: Array,
    s_prev: Array | None,
    rate: float,
    tau: float = 1.0,
    alpha: float = 0.1,
    eps: float = 1e-16,
) -> tuple[Array, Array]:
    """Return the step sizes of ADVI as printed, eqs. (10)-(11), one a coordinate.

    s_k = alpha g² + (1 - alpha) s_{k-1}, with s_1 = g²; rho_k = rate k^(-1/2 + eps) / (tau +
    sqrt(s_k)).

    Args:
        k: the iteration, from 1.
        g: the gradient (P,).
        s_prev: s_{k-1} (P,); not used, and may be None, for k = 1.
        rate: the step scale, eta in the paper.
        tau: keeps the denominator away from 0.
        alpha: weight of the newest gradient; .1 remembers about ten.
        eps: added to the exponent, as printed. The squares of the steps still sum to infinity, so
            the second condition of Robbins and Monro is not met.

    Returns:
        (rho_k (P,), s_k (P,)); the increment is rho_k g.

    Raises:
        ValueError: if k < 1, or if k > 1 comes without s_prev.
    """
    if k < 1:
        raise ValueError(f"k is counted from 1, got {k}")
    if k > 1 and s_prev is None:
        raise ValueError(f"s_prev is needed from k = 2 on, got None at k = {k}")
    s = g**2 if k == 1 or s_prev is None else alpha * g**2 + (1.0 - alpha) * s_prev
    return rate * k ** (-0.5 + eps) / (tau + np.sqrt(s)), s


def advi_step(
    eta: float = 0.1, tau: float = 1.0, alpha: float = 0.1, corrected: bool = True
) -> Step:
    """Return the step rule of ADVI.

    As printed (corrected=False) the increment is rho_k g with rho_k of `advi_step_size`; g stands
    in its own norm, which biases the posterior sd (see the module's text). Corrected, the norm is
    that of the steps before, and the ratio is capped, because a first large gradient has nothing to
    hold it:

        increment = eta k^(-1/2) clip(g / (tau + sqrt(s_{k-1})), -10, 10),    s_0 := g_1².

    Raises:
        SupportError: unless eta and tau are positive.
        ValueError: unless 0 < alpha <= 1.
    """
    require_positive("eta", eta)
    require_positive("tau", tau)
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha must be in (0, 1], got {alpha}")

    def step(gradient: Array, state: State | None) -> tuple[Array, State]:
        g, k = np.asarray(gradient), _count(state)
        s_prev = None if state is None else _stored(state, "s", g)
        rho, s = advi_step_size(k, g, s_prev, eta, tau, alpha)
        if not corrected:
            return rho * g, {"k": k, "s": s}
        ratio = g / (tau + np.sqrt(s if s_prev is None else s_prev))
        return eta / math.sqrt(k) * np.clip(ratio, -ADVI_CAP, ADVI_CAP), {"k": k, "s": s}

    return step


def polynomial_average(power: float = 0.0) -> Average:
    """Return the polynomial-decay average of the iterates (Shamir and Zhang 2013).

        mean_t = (1 - w_t) mean_{t-1} + w_t x_t,    w_t = (power + 1) / (t + power),    t >= 1,

    so that x_i weighs about i^power: power = 0 is the mean of all iterates, and a larger one
    forgets the way to the optimum. The price: of independent iterates, the average has (power + 1)²
    / (2 power + 1) times the variance of the plain mean.

    Raises:
        ValueError: unless power >= 0.
    """
    if not 0.0 <= power < math.inf:
        raise ValueError(f"power must not be negative, got {power}")

    def average(x: Array, state: State | None) -> tuple[Array, State]:
        x, k = np.asarray(x, dtype=float), _count(state)
        w = (power + 1.0) / (k + power)
        mean = x.copy() if state is None else (1.0 - w) * _stored(state, "mean", x) + w * x
        return mean.copy(), {"k": k, "mean": mean}

    return average


def _schedule(rate: float | Schedule) -> Schedule:
    if callable(rate):
        return rate
    require_positive("rate", rate)
    constant = float(rate)
    return lambda t: constant


def _count(state: State | None) -> int:
    """Return the number of the present step, from 1."""
    return 1 if state is None else int(state["k"]) + 1


def _stored(state: State, name: str, gradient: Array) -> Array:
    """Return an entry of the state; it must belong to a gradient of this shape."""
    value = state[name]
    if np.shape(value) != np.shape(gradient):
        raise ShapeError(
            f"the state's {name} has shape {np.shape(value)}, the gradient {np.shape(gradient)}:"
            " start another problem with state None"
        )
    return value


def _require_decay(name: str, value: float) -> None:
    if not 0.0 <= value < 1.0:
        raise ValueError(f"{name} must be in [0, 1), got {value}")

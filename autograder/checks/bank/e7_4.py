"""Typical answers to E7.4: the step size (10)-(11) of ADVI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.protocol import Right, Wrong

Function = Callable[..., Any]


def _memory(k: Any, g: Any, s_prev: Any, alpha: float) -> Any:
    return g**2 if k == 1 else alpha * g**2 + (1.0 - alpha) * s_prev


def _decay(k: Any, eps: float) -> Any:
    return float(k) ** (-0.5 + eps)


def _damped(s: Any, tau: float) -> Any:
    return tau + np.sqrt(s)


def _pair(rho: Any, s: Any, g: Any) -> Any:
    return rho, s


def _answer(
    memory: Function = _memory,
    decay: Function = _decay,
    damped: Function = _damped,
    result: Function = _pair,
) -> dict[str, Function]:
    """The rule, with some of its pieces replaced."""

    def advi_step_size(
        k: Any,
        g: Any,
        s_prev: Any,
        rate: Any,
        tau: float = 1.0,
        alpha: float = 0.1,
        eps: float = 1e-16,
    ) -> Any:
        g = np.asarray(g, dtype=float)
        s = memory(k, g, s_prev, alpha)
        return result(rate * decay(k, eps) / damped(s, tau), s, g)

    return {"advi_step_size": advi_step_size}


def _from_zero(k: Any, g: Any, s_prev: Any, alpha: float) -> Any:
    return alpha * g**2 + (1.0 - alpha) * (0.0 if k == 1 else s_prev)


def _never_assigned(k: Any, g: Any, s_prev: Any, alpha: float) -> Any:
    s = np.full(np.shape(g), -1.0) if s_prev is None else s_prev
    if k == 1:
        s == g**2  # noqa: B015  (the mistake: a comparison where an assignment was meant)
        return s
    return alpha * g**2 + (1.0 - alpha) * s


def _previous_norm(
    k: Any,
    g: Any,
    s_prev: Any,
    rate: Any,
    tau: float = 1.0,
    alpha: float = 0.1,
    eps: float = 1e-16,
) -> Any:
    s = _memory(k, np.asarray(g, dtype=float), s_prev, alpha)
    used = s if k == 1 else s_prev
    return rate * _decay(k, eps) / (tau + np.sqrt(used)), s


WRONG = (
    Wrong(
        "alpha-swapped",
        _answer(
            lambda k, g, s, alpha: g**2 if k == 1 else (1.0 - alpha) * g**2 + alpha * s,
        ),
        "alpha = .1 is the weight of the newest squared gradient. Your memory keeps 10 % of the "
        "past; a long memory keeps 90 %.",
    ),
    Wrong(
        "compares-instead-of-assigning",
        _answer(_never_assigned),
        "At k = 1 your s is not g squared. Is there an `==` where an `=` was meant?",
        also=(_answer(lambda k, g, s, a: s if k == 1 else a * g**2 + (1.0 - a) * s),),
    ),
    Wrong(
        "k-from-zero",
        _answer(decay=lambda k, eps: np.power(float(k) - 1.0, -0.5 + eps)),
        "The first step is k = 1. Your power is taken at k - 1 = 0 there: what is 0 to the power "
        "-1/2?",
        also=(_answer(decay=lambda k, eps: (k - 1) ** (-0.5 + eps)),),  # Python's own 0 ** -0.5
    ),
    Wrong(
        "k-plus-one",
        _answer(decay=lambda k, eps: float(k + 1) ** (-0.5 + eps)),
        "k counts from 1, so the first factor is 1. Do not shift k.",
    ),
    Wrong(
        "root-of-the-sum",
        _answer(damped=lambda s, tau: np.sqrt(tau + s)),
        "The root covers s alone: tau + sqrt(s), not sqrt(tau + s).",
    ),
    Wrong(
        "tau-forgotten",
        _answer(damped=lambda s, tau: np.sqrt(s)),
        "Without tau a coordinate whose gradient happens to be near 0 would take an enormous step.",
    ),
    Wrong(
        "root-forgotten",
        _answer(damped=lambda s, tau: tau + s),
        "s is made of squares. Which function brings it back to the units of a gradient?",
    ),
    Wrong(
        "one-s-for-all",
        _answer(lambda k, g, s, alpha: _memory(k, np.sqrt(np.mean(g**2)), s, alpha)),
        "Each coordinate has a scale of its own: s has the shape of g.",
    ),
    Wrong(
        "eps-outside-the-power",
        _answer(decay=lambda k, eps: float(k) ** -0.5 + eps),
        "eps belongs to the exponent: k is raised to the power -1/2 + eps. Outside, it would keep "
        "the steps from ever becoming small.",
    ),
    Wrong(
        "eps-sign",
        _answer(decay=lambda k, eps: float(k) ** -(0.5 + eps)),
        "-1/2 + eps is not -(1/2 + eps). Mind the brackets.",
    ),
    Wrong(
        "options-ignored",
        _answer(
            lambda k, g, s, alpha: _memory(k, g, s, 0.1),
            lambda k, eps: _decay(k, 1e-16),
            lambda s, tau: _damped(s, 1.0),
        ),
        "Your numbers are right for the default tau, alpha and eps only. Use the arguments.",
    ),
    Wrong(
        "no-first-step",
        _answer(lambda k, g, s, alpha: alpha * g**2 + (1.0 - alpha) * s),
        "At k = 1 there is no past: `s_prev` is None, and s is simply g squared.",
    ),
    Wrong(
        "exponent-sign",
        _answer(decay=lambda k, eps: float(k) ** (0.5 + eps)),
        "Do your steps shrink with k? The exponent is -1/2 + eps.",
    ),
    Wrong(
        "no-decay",
        _answer(decay=lambda k, eps: 1.0),
        "Your step sizes do not shrink with k, so the noise of the gradients never dies out. "
        "Where is k^(-1/2 + eps)?",
    ),
    Wrong(
        "gradient-not-squared",
        _answer(lambda k, g, s, alpha: np.abs(_memory(k, np.sqrt(np.abs(g)), s, alpha))),
        "s averages the squares of the gradients. Is the root of s a gradient again?",
    ),
    Wrong(
        "memory-from-zero",
        _answer(_from_zero),
        "s starts at the first squared gradient, s_1 = g_1^2, not at alpha g_1^2: from 0 the first "
        "steps would be about three times too long.",
    ),
    Wrong(
        "always-g-squared",
        _answer(lambda k, g, s, alpha: g**2),
        "Your s forgets the past at every step. From k = 2 on it is a weighted mean of g^2 and "
        "s_prev.",
    ),
    Wrong(
        "weights-do-not-add-to-one",
        _answer(lambda k, g, s, alpha: g**2 if k == 1 else g**2 + (1.0 - alpha) * s),
        "If all gradients were equal, s should stay at g^2. Do your two weights add to 1?",
    ),
    Wrong(
        "previous-s-in-the-step",
        {"advi_step_size": _previous_norm},
        "You divide by s_{k-1}. That is the good idea of the next section; the rule as printed "
        "uses the newest s_k.",
    ),
    Wrong(
        "returns-the-increment",
        _answer(result=lambda rho, s, g: (rho * g, s)),
        "You return rho times g. Asked is the step size rho alone; it is multiplied later.",
    ),
    Wrong(
        "order-swapped",
        _answer(result=lambda rho, s, g: (s, rho)),
        "Look at the order of the two results: first rho, then s.",
    ),
)


@dataclass(frozen=True)
class _State:
    rho: Any
    s: Any


def _by_loop(
    k: Any,
    g: Any,
    s_prev: Any,
    rate: Any,
    tau: float = 1.0,
    alpha: float = 0.1,
    eps: float = 1e-16,
) -> list[list[float]]:
    rhos, memory = [], []
    for i in range(len(g)):
        s = float(g[i]) ** 2
        if s_prev is not None:
            s = alpha * s + (1.0 - alpha) * float(s_prev[i])
        memory.append(s)
        rhos.append(rate * k**eps / k**0.5 / (tau + s**0.5))
    return [rhos, memory]


RIGHT = (
    Right(
        "both-cases-computed",
        _answer(lambda k, g, s, a: np.where(k == 1, g**2, a * g**2 + (1.0 - a) * s)),
    ),
    Right("loop-over-coordinates", {"advi_step_size": _by_loop}),
    Right("dataclass", _answer(result=lambda rho, s, g: _State(rho, s))),
    Right("array-of-rows", _answer(result=lambda rho, s, g: np.stack([rho, s]))),
    Right(
        "starts-when-there-is-no-past",
        _answer(
            lambda k, g, s, alpha: np.square(g) if s is None else s + alpha * (np.square(g) - s)
        ),
    ),
)

"""Transforms made from formulas, from which the typical answers to E7.1 are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as np

Function = Callable[..., Any]


def sum_last(log_slope: Any) -> Any:
    return np.sum(log_slope, axis=-1)


def build_class(
    forward: Function, inverse: Function, log_slope: Function, reduce: Function = sum_last
) -> type:
    """A transform from its formulas; the constructor's bounds follow the first argument."""

    class Transform:
        def __init__(self, *bounds: float) -> None:
            self.bounds = bounds

        def forward(self, theta: Any) -> Any:
            return forward(theta, *self.bounds)

        def inverse(self, zeta: Any) -> Any:
            return inverse(zeta, *self.bounds)

        def log_abs_det_jacobian(self, zeta: Any) -> Any:
            return reduce(log_slope(zeta, *self.bounds))

    return Transform


def softplus(x: Any) -> Any:
    return np.logaddexp(0.0, x)


def log_sigmoid(x: Any) -> Any:
    return -np.logaddexp(0.0, -x)


def sigmoid(x: Any) -> Any:
    return np.exp(log_sigmoid(x))


def inverse_softplus(y: Any) -> Any:
    return y + np.log(-np.expm1(-y))


def logit(theta: Any, a: float, b: float) -> Any:
    return np.log(theta - a) - np.log(b - theta)


def interval(zeta: Any, a: float, b: float) -> Any:
    return a + (b - a) * sigmoid(zeta)


def interval_slope(zeta: Any, a: float, b: float) -> Any:
    return np.log(b - a) + log_sigmoid(zeta) + log_sigmoid(-zeta)


def same(x: Any) -> Any:
    return x


def flat(zeta: Any) -> Any:
    return 0.0 * zeta


FORMULAS: dict[str, tuple[Function, Function, Function]] = {
    "Identity": (same, same, flat),
    "Log": (np.log, np.exp, same),
    "Softplus": (inverse_softplus, softplus, log_sigmoid),
    "Logit": (logit, interval, interval_slope),
}


def answer(reduce: Function = sum_last, **changed: tuple[Function, ...]) -> dict[str, type]:
    """The four classes; `changed` replaces the three formulas of some, `reduce` the sum of all."""
    formulas = {**FORMULAS, **changed}
    return {name: build_class(f, g, h, reduce) for name, (f, g, h) in formulas.items()}


def with_slopes(change: Callable[[Function], Function]) -> dict[str, type]:
    return answer(sum_last, **{name: (f, g, change(h)) for name, (f, g, h) in FORMULAS.items()})

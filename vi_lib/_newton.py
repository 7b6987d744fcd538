"""Truncated Newton ascent in a trust region, for functions whose curvature comes as H v.

Each step maximises the quadratic model g's + ½ s'H s by conjugate gradients, stopped at the border
of a ball or along a direction of positive curvature (Steihaug, SIAM Journal on Numerical Analysis
1983; Nocedal and Wright, Numerical Optimization, 2006, algorithms 4.1 and 7.2). Lengths are
measured in units `scale(x)` of each coordinate, taken anew at every step. For a variational
objective these are posterior standard deviations, so steps are steps in the distribution q, however
the coordinates are scaled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vi_lib._check import Array

HessianProduct = Callable[[Array], Array]

#: A step that promises less than this, in nats, is the last one; the gap after it is its square.
SMALL_GAIN = 1e-9
#: The same relative to the size of the objective, which rounding limits.
RELATIVE_GAIN = 1e-14
FIRST_RADIUS = 1.0
LARGEST_RADIUS = 1e6
#: A step is taken if it brings this share of what the model promised.
ENOUGH = 0.1
#: Below this radius no step is worth taking.
SMALLEST_RADIUS = 1e-12


class Objective(Protocol):
    """A twice differentiable function to maximise."""

    def value(self, x: Array) -> float:
        """Return f(x), not finite where f is not defined."""

    def gradient(self, x: Array) -> tuple[Array, HessianProduct]:
        """Return the gradient (P,) and the function v -> H v at x."""

    def scale(self, x: Array) -> Array:
        """Return the unit of each coordinate (P,) at x."""


@dataclass(frozen=True, eq=False)
class Point:
    """Where the ascent stands.

    Attributes:
        x: The point (P,).
        value: f(x).
        gain: What the last model promised of the next step, NaN before the first.
        steps: Steps tried.
        refused: Of these, the ones at whose end f was not finite.
        settled: Whether the promised gain was as small as rounding allows, or `SMALL_GAIN`.
    """

    x: Array
    value: float
    gain: float = math.nan
    steps: int = 0
    refused: int = 0
    settled: bool = False


def ascend(
    f: Objective,
    x: Array,
    *,
    max_steps: int,
    tell: Callable[[Point], None] = lambda point: None,
) -> Point:
    """Maximise f from x, where f must be finite.

    Args:
        f: The function.
        x: Start (P,).
        max_steps: Largest number of steps tried.
        tell: Called with the point after each step, also a refused one.

    Returns:
        The last point; `settled` says whether it is a maximum.
    """
    point, radius = Point(x, f.value(x)), FIRST_RADIUS
    g, product = f.gradient(x)
    while point.steps < max_steps and not point.settled and radius > SMALLEST_RADIUS:
        unit = f.scale(point.x)
        if not np.all(np.isfinite(unit)):  # a maximum at infinity
            break
        step, gain, inside = model_step(unit * g, product, unit, radius)
        there = point.x + unit * step
        value = f.value(there)
        finite = math.isfinite(value)
        small = max(SMALL_GAIN, RELATIVE_GAIN * abs(point.value))
        last = inside and gain <= small
        # Of so small a gain, the difference of two values is mostly rounding.
        good = finite and (last or value - point.value >= ENOUGH * gain)
        share = (value - point.value) / gain if finite and gain > 0.0 else 0.0
        if not finite or share < 0.25:
            radius = 0.25 * min(radius, float(np.linalg.norm(step)))
        elif share > 0.75 and not inside:
            radius = min(2.0 * radius, LARGEST_RADIUS)
        point = Point(
            there if good else point.x,
            value if good else point.value,
            gain,
            point.steps + 1,
            point.refused + (not finite),
            settled=last and finite,
        )
        tell(point)
        if good and not point.settled:
            g, product = f.gradient(point.x)
    return point


def model_step(
    g: Array, product: HessianProduct, unit: Array, radius: float
) -> tuple[Array, float, bool]:
    """Maximise g's + ½ s'H s over s no longer than radius, roughly, with H in the given units.

    The residual is reduced by the least of ½ and the root of g's length, so that Newton's steps
    converge faster than linearly.

    Returns:
        The step (P,), the gain that the model promises, and whether the step lies inside the ball.
    """
    size = float(np.linalg.norm(g))
    if size == 0.0:
        return np.zeros_like(g), 0.0, True
    goal = size * min(0.5, math.sqrt(size))
    s, r, d = np.zeros_like(g), g, g
    hs = np.zeros_like(g)
    for _ in range(2 * len(g)):
        hd = unit * product(unit * d)
        curvature = -float(d @ hd)
        ahead = float(r @ r) / curvature if curvature > 0.0 else math.inf
        if not np.linalg.norm(s + ahead * d if math.isfinite(ahead) else d * math.inf) < radius:
            ahead = _to_border(s, d, radius)
            s, hs = s + ahead * d, hs + ahead * hd
            return s, float(g @ s + 0.5 * s @ hs), False
        s, hs = s + ahead * d, hs + ahead * hd
        r_next = g + hs
        if np.linalg.norm(r_next) <= goal:
            break
        d = r_next + float(r_next @ r_next) / float(r @ r) * d
        r = r_next
    return s, float(g @ s + 0.5 * s @ hs), True


def _to_border(s: Array, d: Array, radius: float) -> float:
    """The positive t at which s + t d has the length radius."""
    a, b, c = float(d @ d), float(s @ d), float(s @ s) - radius**2
    return (-b + math.sqrt(b * b - a * c)) / a


def solve(
    product: HessianProduct,
    b: Array,
    unit: Array,
    *,
    tol: float = 1e-8,
    max_steps: int | None = None,
) -> Array:
    """Solve -H x = b for a negative definite H by conjugate gradients in the given units.

    Raises:
        ArithmeticError: If H has a direction of positive curvature or the residual stays large.
    """
    r = unit * b
    goal = tol * float(np.linalg.norm(r))
    x, d = np.zeros_like(r), r
    for _ in range(10 * len(b) if max_steps is None else max_steps):
        if np.linalg.norm(r) <= goal:
            return unit * x
        hd = -unit * product(unit * d)
        curvature = float(d @ hd)
        if not curvature > 0.0:
            raise ArithmeticError(f"the objective curves upwards here: d'Hd = {-curvature:.3g}")
        ahead = float(r @ r) / curvature
        x, r_next = x + ahead * d, r - ahead * hd
        d, r = r_next + float(r_next @ r_next) / float(r @ r) * d, r_next
    if np.linalg.norm(r) <= goal:
        return unit * x
    raise ArithmeticError(f"conjugate gradients did not reach a residual of {goal:.3g}")

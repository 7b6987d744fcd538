"""Densities of one coordinate, for `plots`: from draws, or from a formula."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes

from vi_lib._check import Array, SupportError

LogDensity = Callable[[Array], Array]

SUPPORTS = {"real": (-np.inf, np.inf), "positive": (0.0, np.inf), "unit": (0.0, 1.0)}


def marginal(
    ax: Axes,
    draws: Array,
    support: str | tuple[float, float] = "real",
    *,
    label: str | None = None,
    color: str | None = None,
    fill: bool = True,
) -> Axes:
    """Density estimate of draws that puts no mass outside the support.

    Gaussian kernels of Silverman's width (1986, eq. 3.31), reflected at the ends of the support:
    what would spill over an end is folded back, so a density that is positive there stays so.

    Args:
        ax: Where to draw.
        draws: Draws (S,).
        support: `"real"`, `"positive"`, `"unit"` or a pair `(a, b)`.
        label: Name in the legend.
        color: Colour of line and filling.
        fill: Whether to fill the area.

    Raises:
        SupportError: If a draw lies outside the support.
    """
    draws = np.asarray(draws, dtype=float).ravel()
    a, b = SUPPORTS[support] if isinstance(support, str) else support
    if np.min(draws) < a or np.max(draws) > b:
        raise SupportError(
            f"draws must lie in the support [{a}, {b}], got {np.min(draws)} to {np.max(draws)}"
        )
    iqr = float(np.diff(np.quantile(draws, [0.25, 0.75]))[0])
    width = 0.9 * (min(np.std(draws), iqr / 1.34) or np.std(draws)) * len(draws) ** -0.2
    grid = np.linspace(max(a, draws.min() - 3 * width), min(b, draws.max() + 3 * width), 400)
    density = np.zeros_like(grid)
    for centres in (draws, 2.0 * a - draws, 2.0 * b - draws):
        if np.isfinite(centres[0]):
            density += np.exp(-0.5 * ((grid[:, None] - centres) / width) ** 2).mean(axis=1)
    return _area(ax, grid, density / (width * np.sqrt(2.0 * np.pi)), label, color, fill)


def density(
    ax: Axes,
    log_density: LogDensity,
    low: float,
    high: float,
    *,
    label: str | None = None,
    color: str | None = None,
    fill: bool = False,
    normalise: bool = False,
    num: int = 400,
) -> Axes:
    """A one-dimensional density on [low, high]; the caller keeps the range inside the support.

    Args:
        ax: Where to draw.
        log_density: (G,) -> (G,), in nats.
        low: Left end.
        high: Right end.
        label: Name in the legend.
        color: Colour of line and filling.
        fill: Whether to fill the area.
        normalise: Whether to divide by the area on [low, high], for an unnormalised density.
        num: Points of the grid.
    """
    grid = np.linspace(low, high, num)
    log_p = np.asarray(log_density(grid), dtype=float)
    if normalise:
        log_p = log_p - np.max(log_p)
        log_p = log_p - np.log(np.trapezoid(np.exp(log_p), grid))
    return _area(ax, grid, np.exp(log_p), label, color, fill)


def _area(ax: Axes, x: Array, p: Array, label: str | None, color: str | None, fill: bool) -> Axes:
    (line,) = ax.plot(x, p, label=label, color=color)
    if fill:
        ax.fill_between(x, p, color=line.get_color(), alpha=0.2, linewidth=0)
    # Another density may have set the range: hold both.
    top = 0.0 if ax.get_autoscaley_on() else ax.get_ylim()[1]
    ax.set_ylim(0.0, max(top, 1.08 * float(np.max(p))))
    ax.set_ylabel("density")
    return ax

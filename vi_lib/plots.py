"""What the lessons draw: ELBO traces, contours, ellipses, marginals, gradients as arrows.

Every function draws on a given `Axes` and returns it, so a lesson composes panels as it likes, and
`show` ends a cell with the picture and its alternative text. This module imports matplotlib, so
`import vi_lib` does not load it.
"""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse

from vi_lib._check import Array, require_shape
from vi_lib._marginals import density, marginal
from vi_lib.figure import (
    BLACK,
    BLUE,
    CYCLE,
    DPI,
    FIGSIZE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    Picture,
    show,
    use_style,
)

__all__ = [
    "BLACK",
    "BLUE",
    "CYCLE",
    "DPI",
    "FIGSIZE",
    "GREEN",
    "ORANGE",
    "PURPLE",
    "SKY",
    "VERMILLION",
    "YELLOW",
    "Picture",
    "contours",
    "density",
    "elbo_trace",
    "ellipse",
    "gradient_arrows",
    "marginal",
    "show",
    "use_style",
]

LogDensity = Callable[[Array], Array]


def elbo_trace(
    ax: Axes,
    elbo: Array,
    se: Array | None = None,
    *,
    window: int = 1,
    label: str | None = None,
    color: str | None = None,
    log_evidence: float | None = None,
    view_from: int = 0,
) -> Axes:
    """ELBO against the iteration with a band of two standard errors.

    Args:
        ax: Where to draw.
        elbo: Estimates (K,), in nats.
        se: Their standard errors (K,), or None for an exact trace, which gets no band.
        window: Draw the mean of this many successive estimates; the band shrinks with it.
        label: Name in the legend.
        color: Colour of line and band.
        log_evidence: The bound log p(x), drawn as a dashed line.
        view_from: First iteration that the vertical range must hold, as the first ELBOs can be
            thousands of nats below the last.

    Raises:
        ValueError: If `window` is not between 1 and the number of iterations.
    """
    elbo = np.asarray(elbo, dtype=float)
    if not 1 <= window <= len(elbo):
        raise ValueError(f"window must lie between 1 and the {len(elbo)} iterations, got {window}")
    kernel = np.full(window, 1.0 / window)
    iterations = np.arange(window, len(elbo) + 1)
    mean = np.convolve(elbo, kernel, mode="valid")
    (line,) = ax.plot(iterations, mean, label=label, color=color)
    low = high = mean
    if se is not None:
        variance = np.convolve(np.asarray(se, dtype=float) ** 2, kernel**2, mode="valid")
        low, high = mean - 2.0 * np.sqrt(variance), mean + 2.0 * np.sqrt(variance)
        ax.fill_between(iterations, low, high, color=line.get_color(), alpha=0.25, linewidth=0)
    if log_evidence is not None:
        ax.axhline(log_evidence, color=BLACK, linestyle="--", linewidth=1.5, label="log p(x)")
    if view_from:
        seen = iterations >= view_from
        bottom, top = np.min(low[seen]), np.max(high[seen])
        top = top if log_evidence is None else max(top, log_evidence)
        margin = 0.05 * (top - bottom) or 1.0
        bottom, top = bottom - margin, top + margin
        if not ax.get_autoscaley_on():  # another trace has set the range; hold both
            bottom, top = min(bottom, ax.get_ylim()[0]), max(top, ax.get_ylim()[1])
        ax.set_ylim(bottom, top)
    ax.set_xlabel("iteration")
    ax.set_ylabel("ELBO (nats)")
    return ax


def contours(
    ax: Axes,
    log_density: LogDensity,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    *,
    mass: tuple[float, ...] = (0.5, 0.8, 0.95),
    num: int = 121,
    color: str = BLACK,
    fill: bool = True,
    label: str | None = None,
) -> Axes:
    """Regions of highest density of a two-dimensional target, which may be unnormalised.

    Args:
        ax: Where to draw.
        log_density: (G, 2) -> (G,), in nats.
        xlim: Range of the first coordinate.
        ylim: Range of the second coordinate.
        mass: Each contour encloses this fraction of the mass inside the range.
        num: Points of the grid along each axis.
        color: Colour of the lines; the filling is a lighter shade of it.
        fill: Whether to fill the regions.
        label: Name in the legend.

    Raises:
        ValueError: If the log density has another shape or is finite nowhere on the grid.
    """
    x, y = np.linspace(*xlim, num), np.linspace(*ylim, num)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    log_p = np.asarray(log_density(grid), dtype=float)
    require_shape("log_density's value", log_p, (len(grid),))
    if not np.any(np.isfinite(log_p)):
        raise ValueError("log_density is not finite anywhere on the grid; check xlim and ylim")
    p = np.exp(np.where(np.isnan(log_p), -np.inf, log_p) - np.nanmax(log_p))
    descending = np.sort(p)[::-1]
    enclosed = np.cumsum(descending) / np.sum(descending)
    levels = [descending[np.searchsorted(enclosed, m)] for m in sorted(mass, reverse=True)]
    image = p.reshape(num, num)
    if fill:
        shades = [(*mpl.colors.to_rgb(color), a) for a in np.linspace(0.08, 0.3, len(levels))]
        ax.contourf(x, y, image, levels=[*levels, 1.1], colors=shades)
    ax.contour(x, y, image, levels=levels, colors=[color], linewidths=1.2)
    if label is not None:
        ax.plot([], [], color=color, linewidth=1.2, label=label)
    ax.set(xlim=xlim, ylim=ylim)
    return ax


def ellipse(
    ax: Axes,
    mean: Array,
    cov: Array,
    *,
    mass: float = 0.95,
    color: str = VERMILLION,
    label: str | None = None,
    linestyle: str = "-",
) -> Axes:
    """The ellipse that holds the fraction `mass` of a two-dimensional Gaussian, and its mean.

    The squared radius in units of the standard deviation is -2 log(1 - mass), the chi-square
    quantile with two degrees of freedom; so it is comparable with the lines of `contours`.

    Args:
        ax: Where to draw.
        mean: Mean (2,).
        cov: Covariance (2, 2).
        mass: Fraction of the mass inside.
        color: Colour of the line.
        label: Name in the legend.
        linestyle: Matplotlib's line style.
    """
    values, vectors = np.linalg.eigh(np.asarray(cov, dtype=float))
    width, height = 2.0 * np.sqrt(-2.0 * np.log1p(-mass) * values)
    angle = np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0]))
    outline = Ellipse((mean[0], mean[1]), width, height, angle=angle, fill=False)
    outline.set(edgecolor=color, linewidth=2.0, linestyle=linestyle)
    ax.add_patch(outline)
    ax.plot(mean[0], mean[1], marker="o", color=color, markersize=5)
    ax.plot([], [], color=color, linestyle=linestyle, label=label)
    return ax


def gradient_arrows(
    ax: Axes,
    theta: Array,
    gradients: Array,
    weights: Array,
    centre: Array,
    *,
    scale: float | None = None,
) -> Axes:
    """Per-draw gradients as arrows from their draws, and their mean as one from the centre of q.

    A score-function gradient is a score times a scalar weight, and only the sign of the weight
    decides whether the arrow points away from the centre or towards it. So the sign is shown
    twice, by colour and by marker: blue + where the weight is positive, vermillion - where not.

    Args:
        ax: Where to draw.
        theta: Draws (M, 2).
        gradients: One gradient per draw (M, 2), the weight included.
        weights: The scalar weights (M,).
        centre: Mean of q (2,).
        scale: Length on the axes of a gradient of length 1. By default the longest arrow, that
            of the mean included, is a quarter of the horizontal range, so set the limits first.

    Raises:
        ShapeError: If the shapes do not fit.
    """
    theta, gradients = np.asarray(theta, dtype=float), np.asarray(gradients, dtype=float)
    weights = np.asarray(weights, dtype=float)
    require_shape("theta", theta, ("M", 2))
    require_shape("gradients", gradients, theta.shape)
    require_shape("weights", weights, theta.shape[:1])
    mean = np.mean(gradients, axis=0)
    if scale is None:
        longest = np.max(np.hypot(*np.vstack([gradients, mean]).T))
        scale = 0.25 * abs(np.diff(ax.get_xlim())[0]) / (longest or 1.0)
    signs = (
        (weights >= 0.0, BLUE, "+", "weight > 0 (+)"),
        (weights < 0.0, VERMILLION, "_", "weight < 0 (−)"),
    )
    for rows, color, marker, label in signs:
        # A sign that no draw has still gets its line in the legend.
        x, y = theta[rows].T
        ax.scatter(x, y, c=color, s=110, label=label)
        ax.scatter(x, y, c="white", marker=marker, s=45, linewidths=2.0, zorder=4)
        _arrows(ax, theta[rows], scale * gradients[rows], color, 0.008)
    _arrows(ax, np.asarray(centre, dtype=float)[None], scale * mean[None], BLACK, 0.014)
    ax.plot([], [], color=BLACK, linewidth=4, label="mean gradient")
    return ax


def _arrows(ax: Axes, start: Array, step: Array, color: str, width: float) -> None:
    ax.quiver(
        *start.T,
        *step.T,
        color=color,
        width=width,
        angles="xy",
        scale_units="xy",
        scale=1.0,
        zorder=3,
    )

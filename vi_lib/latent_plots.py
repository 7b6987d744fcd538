"""What a variational autoencoder has learnt, as pictures: codes, the latent plane, reconstructions.

Each function draws on given `Axes` and returns them, as those of `vi_lib.plots` do. Images are rows
of pixels; grey runs from white, 0, to black, 1, like ink. Importing this loads matplotlib, so
`import vi_lib` does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection

from vi_lib._check import Array, ShapeError, require_shape
from vi_lib.figure import BLACK, BLUE, CYCLE, ORANGE

Decode = Callable[[Array], Array]
"""Latent points (G, 2) -> images (G, X) with entries in [0, 1]."""

#: Between the images: neither ink nor paper.
SEAM = "#C9DFF0"
#: Ten classes need more than the seven colours: the marker changes as well.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def latent_scatter(
    ax: Axes,
    mean: Array,
    labels: Array,
    *,
    sd: Array | None = None,
    names: tuple[str, ...] | None = None,
    size: float = 22.0,
) -> Axes:
    """Means of q(z) of many observations in the latent plane, by class.

    Classes differ in colour *and* marker, so neither is needed alone.

    Args:
        ax: Where to draw.
        mean: Means (N, 2).
        labels: Class of each observation (N,).
        sd: Standard deviations (N, 2), drawn as pale ellipses of one sd; None draws none.
        names: What the classes are called in the legend, in the order of their labels.
        size: Area of a marker, in points squared.

    Raises:
        ShapeError: If the shapes do not fit.
    """
    require_shape("mean", mean, ("N", 2))
    require_shape("labels", labels, (len(mean),))
    classes = np.unique(labels)
    names = tuple(f"{label:g}" for label in classes) if names is None else names
    if len(names) != len(classes):
        raise ShapeError(f"names must hold {len(classes)} names, one a class, got {len(names)}")
    for k, (label, name) in enumerate(zip(classes, names, strict=True)):
        color, marker = CYCLE[k % len(CYCLE)], MARKERS[k % len(MARKERS)]
        rows = np.asarray(labels) == label
        if sd is not None:
            require_shape("sd", sd, np.shape(mean))
            width, height = 2.0 * np.asarray(sd)[rows].T
            ellipses = EllipseCollection(
                width, height, np.zeros(len(width)), units="xy", offsets=mean[rows],
                offset_transform=ax.transData, facecolor=color, alpha=0.12, linewidth=0,
            )  # fmt: skip
            ax.add_collection(ellipses)
        # A white rim keeps neighbours apart where the plane is crowded.
        area = 1.8 * size if marker == "*" else size  # a star fills little of its square
        ax.scatter(
            mean[rows, 0], mean[rows, 1], s=area, c=color, marker=marker, label=name,
            edgecolors="white", linewidths=0.4,
        )  # fmt: skip
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    ax.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.2, markerscale=1.4,
        borderaxespad=0.2, ncols=1 + (len(classes) > 12),
    )  # fmt: skip
    return ax


def latent_grid(
    ax: Axes,
    decode: Decode,
    num: int = 12,
    *,
    shape: tuple[int, int] | None = None,
    tail: float = 0.02,
) -> Axes:
    """Decoded images on a grid of Gaussian quantiles in the latent plane.

    Both coordinates run through the quantiles of N(0, 1) at `num` levels from `tail` to 1 - `tail`,
    equally spaced in probability: each image stands for as much of the prior as any other. z_1
    grows to the right, z_2 upwards.

    Args:
        ax: Where to draw.
        decode: (num², 2) -> images (num², X) with entries in [0, 1].
        num: Images along each side.
        shape: Rows and columns of an image, by default a square.
        tail: Probability below the first and above the last level, in (0, ½).

    Raises:
        ShapeError: If the images do not have `shape`.
        ValueError: If tail is out of range.
    """
    if not 0.0 < tail < 0.5:
        raise ValueError(f"tail must be in (0, 0.5), got {tail}")
    from scipy.special import ndtri

    levels = np.linspace(tail, 1.0 - tail, num)
    quantiles = ndtri(levels)
    z1, z2 = np.meshgrid(quantiles, quantiles[::-1])  # the first row of tiles is the uppermost
    images = np.asarray(decode(np.stack([z1.ravel(), z2.ravel()], axis=1)), dtype=float)
    height, width = _image_shape(images, num**2, shape)
    rows, columns = _tile(ax, images.reshape(num, num, height, width))
    marks = np.unique(np.round(np.linspace(0, num - 1, 4)).astype(int))
    ticks = [f"{quantiles[k]:.1f}".replace("-", "−") for k in marks]
    ax.set_xticks(columns[marks], ticks)
    ax.set_yticks(rows[::-1][marks], ticks)
    ax.set(xlabel="$z_1$, a quantile of N(0, 1)", ylabel="$z_2$")
    return ax


def reconstruction_strip(
    ax: Axes,
    originals: Array,
    reconstructions: Array,
    *,
    shape: tuple[int, int] | None = None,
    captions: tuple[str, str] = ("image", "decoded"),
) -> Axes:
    """Images above what encoder and decoder make of them.

    Args:
        ax: Where to draw.
        originals: Images (N, X) with entries in [0, 1].
        reconstructions: As many (N, X), for instance the pixels' probabilities; or (M, N, X) for M
            rows of them, one a draw of z.
        shape: Rows and columns of an image, by default a square.
        captions: Names of the first row and of the others.

    Raises:
        ShapeError: If the images do not fit each other or `shape`.
    """
    originals = np.asarray(originals, dtype=float)
    rows = np.asarray(reconstructions, dtype=float)
    rows = rows[None] if rows.ndim == 2 else rows
    require_shape("originals", originals, ("N", "X"))
    require_shape("reconstructions", rows, ("M", *originals.shape))
    num = len(originals)
    height, width = _image_shape(originals, num, shape)
    tiles = np.stack([originals, *rows]).reshape(-1, num, height, width)
    centres, _ = _tile(ax, tiles)
    ax.set_yticks(centres, [captions[0], *[captions[1]] * len(rows)])
    ax.set_xticks([])
    ax.tick_params(length=0)
    return ax


def kl_per_coordinate(ax: Axes, kl: Array, *, active: float = 0.1) -> Axes:
    """How much each latent coordinate knows: the mean over the data of its KL to the prior, bars.

    A coordinate near 0 has collapsed: its q is the prior, and the decoder ignores it.

    Args:
        ax: Where to draw.
        kl: KL of each observation and coordinate (N, D), or its mean (D,), nats.
        active: Where the line stands below which a coordinate counts as collapsed, nats.

    Raises:
        ShapeError: If kl has neither shape.
    """
    kl = np.asarray(kl, dtype=float)
    mean = np.mean(kl, axis=0) if kl.ndim == 2 else kl
    require_shape("kl", mean, ("D",))
    positions = np.arange(1, len(mean) + 1)
    collapsed = mean < active
    bars = ax.bar(positions, mean, color=[ORANGE if c else BLUE for c in collapsed])
    for bar, c in zip(bars, collapsed, strict=True):
        bar.set_hatch("//" if c else "")
    ax.axhline(active, color=BLACK, linestyle="--", linewidth=1.5)
    ax.set_xticks(positions)
    ax.set(xlabel="latent coordinate", ylabel="KL to the prior (nats)")
    return ax


def _tile(ax: Axes, images: Array) -> tuple[Array, Array]:
    """Draw images (R, C, height, width) in rows and columns; return the centres of both."""
    num_rows, num_columns, height, width = images.shape
    canvas = np.full((num_rows * (height + 1) - 1, num_columns * (width + 1) - 1), np.nan)
    tops, lefts = np.arange(num_rows) * (height + 1), np.arange(num_columns) * (width + 1)
    for row, top in zip(images, tops, strict=True):
        for image, left in zip(row, lefts, strict=True):
            canvas[top : top + height, left : left + width] = image
    ax.imshow(canvas, cmap="gray_r", vmin=0.0, vmax=1.0, interpolation="nearest")
    ax.set_facecolor(SEAM)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return tops + 0.5 * (height - 1), lefts + 0.5 * (width - 1)


def _image_shape(images: Array, num: int, shape: tuple[int, int] | None) -> tuple[int, int]:
    require_shape("images", images, (num, "X"))
    pixels = images.shape[1]
    side = math.isqrt(pixels)
    height, width = (side, side) if shape is None else shape
    if height * width != pixels:
        raise ShapeError(f"an image of {height} x {width} pixels cannot hold {pixels} of them")
    return height, width

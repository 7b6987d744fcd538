"""How the figures of the lessons look and how a cell shows them.

Colours that the colour-blind can tell apart (Okabe and Ito 2008), letters that a phone can show, an
alternative text for those who hear the page, and bytes that do not change between two builds.
"""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.figure import Figure

#: Okabe and Ito's palette. Yellow is left out of the cycle: it is too pale for a line on white.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
CYCLE = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK)

#: 600 pixels wide: on a 360-pixel phone the 13-point letters are still 11 pixels high.
FIGSIZE, DPI = (6.0, 3.6), 100


def use_style() -> None:
    """Set matplotlib's defaults for a lesson: palette, size, white faces, letters of 13 points."""
    mpl.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=CYCLE),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 14,
            "figure.constrained_layout.use": True,
            "figure.dpi": DPI,
            "figure.facecolor": "white",
            "figure.figsize": FIGSIZE,
            "font.size": 13,
            "legend.fontsize": 12,
            "legend.frameon": False,
            "lines.linewidth": 2.0,
            "savefig.dpi": DPI,
            "savefig.facecolor": "white",
        }
    )


@dataclass(frozen=True)
class Picture:
    """A finished figure as a notebook shows it.

    Attributes:
        png: The image; the same figure gives the same bytes.
        alt: What a reader who cannot see it needs to know, one or two sentences.
    """

    png: bytes
    alt: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # JupyterLab gives an image/png output an empty alternative text, whatever its metadata say.
        picture = base64.b64encode(self.png).decode("ascii")
        style = "max-width: 100%; height: auto"
        source = f"data:image/png;base64,{picture}"
        return {
            "text/html": f'<img alt="{html.escape(self.alt)}" style="{style}" src="{source}">',
            "text/plain": f"Figure: {self.alt}",
        }


def show(fig: Figure, alt: str) -> Picture:
    """Render and close a figure; as the last line of a cell it is the cell's output.

    Args:
        fig: The figure. It is closed, so that no front end shows it a second time.
        alt: Alternative text: what the figure shows, in a sentence or two.

    Raises:
        ValueError: If the alternative text is empty.
    """
    if not alt.strip():
        raise ValueError("show needs an alternative text: say what the figure shows")
    # Without "Software" the bytes would change with each release of matplotlib for no reason.
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", metadata={"Software": None})
    plt.close(fig)
    return Picture(buffer.getvalue(), alt)

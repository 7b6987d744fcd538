"""Figures that move: pre-rendered frames behind a slider, in plain HTML.

All frames are pasted into one PNG with a small palette. The slider moves that picture as the
background of a box, so no kernel, no library and no network is needed: it works in JupyterLab, on a
static page and with the keyboard, and the same frames give the same bytes. Where scripts are not
trusted, the first picture and its alternative text remain.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

#: Browsers decode pictures up to about this width without trouble, phones included.
MAX_SPRITE_WIDTH = 4096

# The padding keeps the box's shape where JupyterLab, for an untrusted notebook, drops newer styles.
# Everything is found from the slider itself, so one flipbook may stand twice on a page.
# data-lm-suppress-shortcuts keeps JupyterLab from taking the arrow keys to change cells.
TEMPLATE = """\
<figure id="{id}" style="margin: 0.5em 0; max-width: {width}px">
<div role="img" aria-label="{alt}" style="width: 100%; height: 0; padding-bottom: {ratio}%; \
background: white url(data:image/png;base64,{png}) {position} / {size} no-repeat"></div>
<div style="display: flex; align-items: center; gap: 0.8em; margin-top: 0.3em">
<input type="range" min="0" max="{last}" step="1" value="{start}" aria-label="{name}" \
aria-valuetext="{caption}" data-captions="{captions}" data-lm-suppress-shortcuts="true" \
style="flex: 1; min-width: 6em" \
oninput="var i = +this.value, c = {columns}, r = {rows}, f = this.closest('figure'), \
t = JSON.parse(this.dataset.captions)[i]; \
f.querySelector('[role=img]').style.backgroundPosition = \
(c &gt; 1 ? 100 * (i % c) / (c - 1) : 0) + '% ' + \
(r &gt; 1 ? 100 * Math.floor(i / c) / (r - 1) : 0) + '%'; \
f.querySelector('output').textContent = t; this.setAttribute('aria-valuetext', t)">
<output style="white-space: nowrap; font-variant-numeric: tabular-nums; min-width: {chars}ch">\
{caption}</output>
</div>
</figure>"""


@dataclass(frozen=True)
class Flipbook:
    """Frames behind a slider, as a notebook shows them.

    Attributes:
        png: All frames in one picture, row by row.
        grid: Rows and columns of the picture.
        frame_size: Width and height of one frame in pixels.
        captions: Text beside the slider, one for each frame.
        name: What the slider sets, for those who hear the page.
        alt: What the frames show and how they change, one or two sentences.
        start: The frame that is shown first.
    """

    png: bytes
    grid: tuple[int, int]
    frame_size: tuple[int, int]
    captions: tuple[str, ...]
    name: str
    alt: str
    start: int = 0

    def html(self) -> str:
        """The slider and its picture as one `<figure>`."""
        rows, columns = self.grid
        width, height = self.frame_size
        row, column = divmod(self.start, columns)
        escape = html.escape
        return TEMPLATE.format(
            id="flip-" + hashlib.sha256(self.png).hexdigest()[:12],
            width=width,
            ratio=f"{100 * height / width:.4f}".rstrip("0").rstrip("."),
            alt=escape(self.alt),
            png=base64.b64encode(self.png).decode(),
            position=f"{_percent(column, columns)} {_percent(row, rows)}",
            size=f"{100 * columns}% {100 * rows}%",
            last=len(self.captions) - 1,
            start=self.start,
            name=escape(self.name),
            caption=escape(self.captions[self.start]),
            captions=escape(json.dumps(self.captions, ensure_ascii=False)),
            columns=columns,
            rows=rows,
            chars=max(map(len, self.captions)),
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": f"Flipbook: {self.alt}"}


def flipbook(
    draw: Callable[[Figure, Any], None],
    values: Sequence[Any],
    *,
    label: str,
    alt: str,
    figsize: tuple[float, float] = (6.0, 3.6),
    dpi: int = 72,
    colors: int = 128,
    start: int = 0,
) -> Flipbook:
    """Draw one frame per value and bind them into a flipbook.

    Args:
        draw: `draw(fig, value)` fills an empty figure, `ax = fig.subplots()` first. Set the limits
            of the axes in it: the eye compares frames only if they share their scales.
        values: What the slider runs through.
        label: Name of the slider, or a format such as `"correlation = {:.1f}"`; the text beside the
            slider is the format filled with the value, or "name = value".
        alt: Alternative text: what the frames show and how they change.
        figsize: Width and height of a frame in inches.
        dpi: Pixels per inch.
        colors: Size of the palette, 2 to 256.
        start: Index of the frame that is shown first.

    Raises:
        ValueError: If there are no values, no alternative text, or `start` is not among the frames.
    """
    if len(values) == 0:
        raise ValueError("flipbook needs at least one value, got none")
    if not alt.strip():
        raise ValueError("flipbook needs an alternative text: say what the frames show")
    if not 0 <= start < len(values):
        raise ValueError(f"start must lie between 0 and {len(values) - 1}, got {start}")
    frames = [_render(draw, value, figsize, dpi) for value in values]
    width, height = frames[0].size
    columns = max(1, min(len(frames), MAX_SPRITE_WIDTH // width))
    rows = -(-len(frames) // columns)
    sprite = Image.new("RGB", (columns * width, rows * height), "white")
    for index, frame in enumerate(frames):
        row, column = divmod(index, columns)
        sprite.paste(frame, (column * width, row * height))
    buffer = io.BytesIO()
    _quantise(sprite, colors).save(buffer, format="PNG", optimize=True)
    text = label if "{" in label else label + " = {}"
    return Flipbook(
        png=buffer.getvalue(),
        grid=(rows, columns),
        frame_size=(width, height),
        captions=tuple(text.format(value) for value in values),
        name=text.split("{")[0].rstrip(" =:") or label,
        alt=alt,
        start=start,
    )


def _render(
    draw: Callable[[Figure, Any], None], value: Any, figsize: tuple[float, float], dpi: int
) -> Image.Image:
    # A figure of its own, unknown to pyplot: no front end shows it a second time.
    fig = Figure(figsize=figsize, dpi=dpi, facecolor="white")
    canvas = FigureCanvasAgg(fig)
    draw(fig, value)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _quantise(sprite: Image.Image, colors: int) -> Image.Image:
    """The picture with a palette of its own; without dithering, which would double its size."""
    return sprite.quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _percent(index: int, count: int) -> str:
    """Background position that shows cell `index` of `count` equal cells."""
    return f"{100.0 * index / (count - 1):.6g}%" if count > 1 else "0%"

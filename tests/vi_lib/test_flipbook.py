"""Flipbooks: every frame is in its place, bytes are stable, the HTML says what it shows."""

from __future__ import annotations

import html.parser
import io
import json

import numpy as np
import pytest
from PIL import Image

from vi_lib import flipbook as module
from vi_lib.flipbook import flipbook


def fill(fig, value):
    """A frame of one grey level, so that a frame in the wrong place is seen."""
    fig.patch.set_facecolor(str(value))


class Elements(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.setdefault(tag, []).append(dict(attrs))


def book(values=(0.0, 0.25, 0.5, 0.75, 1.0), **changes):
    arguments = {"label": "grey = {:.2f}", "alt": 'From "black" to white & back.',
                 "figsize": (1.0, 0.5), **changes}  # fmt: skip
    return flipbook(fill, values, **arguments)


def frame_at(flip, index):
    """The colour a browser shows: background-position p moves by p of (picture - box)."""
    columns = flip.grid[1]
    width, height = flip.frame_size
    sprite = np.asarray(Image.open(io.BytesIO(flip.png)).convert("RGB"))
    row, column = divmod(index, columns)
    return sprite[row * height : (row + 1) * height, column * width : (column + 1) * width]


@pytest.mark.parametrize("max_width", [4096, 144, 72])
def test_every_frame_is_in_its_place(monkeypatch, max_width):
    monkeypatch.setattr(module, "MAX_SPRITE_WIDTH", max_width)
    flip = book()
    assert flip.frame_size == (72, 36)
    assert flip.grid == {4096: (1, 5), 144: (3, 2), 72: (5, 1)}[max_width]
    for index, grey in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        np.testing.assert_allclose(frame_at(flip, index), 255 * grey, atol=1)


def test_html_is_labelled_and_its_captions_are_there():
    flip = book(start=2)
    elements = Elements(flip.html()).found
    box, slider, figure = elements["div"][0], elements["input"][0], elements["figure"][0]
    assert box["role"] == "img"
    assert box["aria-label"] == 'From "black" to white & back.'
    assert "/ 500% 100% no-repeat" in box["style"]
    assert "50% 0% /" in box["style"]  # the third of five
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "4", "2")
    assert slider["aria-label"] == "grey"
    assert slider["aria-valuetext"] == "grey = 0.50"
    # On the slider itself: on its parent it would not keep JupyterLab from the arrow keys.
    assert "data-lm-suppress-shortcuts" in slider
    assert json.loads(slider["data-captions"])[4] == "grey = 1.00"
    assert "white-space: nowrap" in elements["output"][0]["style"]
    assert figure["id"].startswith("flip-")


def test_bytes_and_id_depend_on_the_frames_only():
    assert book() == book()
    assert book().html() == book().html()
    assert book().html() != book(values=(0.0, 1.0)).html()


def test_a_notebook_gets_html_and_text():
    bundle = book()._repr_mimebundle_()
    assert bundle["text/html"] == book().html()
    assert bundle["text/plain"] == 'Flipbook: From "black" to white & back.'


@pytest.mark.parametrize(
    ("label", "name", "caption"),
    [("M", "M", "M = 0.5"), ("step {}", "step", "step 0.5"), ("{:.1f} nats", "{:.1f} nats", None)],
)
def test_label_is_a_name_or_a_format(label, name, caption):
    flip = book(values=(0.5,), label=label)
    assert flip.name == name
    assert flip.captions == (caption or "0.5 nats",)


def test_frames_are_drawn_on_white_with_at_least_64_colours_of_palette():
    def draw(fig, value):
        ax = fig.subplots()
        ax.imshow(np.linspace(0, 1, 100).reshape(10, 10) + value, vmin=0, vmax=2)

    flip = flipbook(draw, (0, 1), label="shift", alt="A ramp.", figsize=(3, 3))
    image = Image.open(io.BytesIO(flip.png))
    assert image.mode == "P"
    assert len(image.getcolors()) >= 64
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"values": ()}, "at least one value"),
        ({"alt": " "}, "alternative text"),
        ({"start": 5}, "between 0 and 4, got 5"),
    ],
)
def test_errors_say_what_came(changes, match):
    with pytest.raises(ValueError, match=match):
        book(**changes)

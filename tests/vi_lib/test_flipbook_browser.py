"""A flipbook in a browser: the slider and the keys turn the pages, a phone sees all of it."""

from __future__ import annotations

import pytest

from vi_lib.flipbook import flipbook

pytestmark = pytest.mark.browser
GREYS = (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    flip = flipbook(
        lambda fig, value: fig.patch.set_facecolor(str(value)),
        GREYS,
        label="grey = {:.2f}",
        alt="From black to white.",
    )
    path = tmp_path_factory.mktemp("page") / "page.html"
    head = "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    path.write_text(f"{head}<body>{flip.html()}</body>", encoding="utf-8")
    page = chromium.new_page(viewport={"width": 800, "height": 600})
    page.goto(path.as_uri())
    yield page
    page.close()


def grey_seen(page):
    """The grey of the middle of the picture, as the browser paints it."""
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(page.locator("[role=img]").screenshot())).convert("L")
    return image.getpixel((image.width // 2, image.height // 2)) / 255


def test_keys_turn_the_pages(page):
    slider = page.locator("input[type=range]")
    slider.focus()
    page.keyboard.press("Home")
    for index, grey in enumerate(GREYS):
        assert grey_seen(page) == pytest.approx(grey, abs=0.01)
        caption = f"grey = {grey:.2f}"
        assert page.locator("output").inner_text() == caption
        assert slider.get_attribute("aria-valuetext") == caption
        assert slider.input_value() == str(index)
        page.keyboard.press("ArrowRight")


def test_the_mouse_turns_the_pages(page):
    box = page.locator("input[type=range]").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    assert grey_seen(page) == pytest.approx(1.0, abs=0.01)
    page.mouse.click(box["x"] + 3, box["y"] + box["height"] / 2)
    assert grey_seen(page) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("width", [320, 800])
def test_it_fits_the_screen_and_keeps_its_shape(page, width):
    page.set_viewport_size({"width": width, "height": 600})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("[role=img]").bounding_box()
    assert box["width"] == pytest.approx(min(432, width - 16), abs=1)
    assert box["height"] == pytest.approx(box["width"] * 0.6, abs=1.5)
    page.locator("input[type=range]").focus()
    page.keyboard.press("End")
    assert grey_seen(page) == pytest.approx(1.0, abs=0.01)

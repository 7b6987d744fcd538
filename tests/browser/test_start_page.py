"""JupyterLab opens with the list of lessons; right answers show there; both themes are legible."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from lab_page import RIGHT, SHOWN, WRONG, Lesson, foreign, wait_for_kernel
from lab_server import lab_server
from test_lab import LESSON

from autograder.facts import facts_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FACTS = facts_of(LESSON)
LINK = f"{FACTS.number} · {FACTS.title}"
LOOP = "def score_gaussian(theta, mu, sd):\n    while sd is sd:\n        pass\n"
SLIP = WRONG.replace("sd):", "sd)", 1)
CURRENT = "window.jupyterapp?.shell.currentWidget?.context?.path"
#: The least contrast of the texts in a box with what lies behind them (WCAG), and that text.
CONTRAST = """box => {
    const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const parse = text => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) =>
        0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const colour = parse(getComputedStyle(e).backgroundColor);
            if (colour.length < 4 || colour[3] > 0.5) return colour;
        }
        return [255, 255, 255];
    };
    const texts = [...box.querySelectorAll('*')].filter(e =>
        [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
    return texts.map(e => {
        const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort();
        return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.textContent.slice(0, 40)];
    }).sort((a, b) => a[0] - b[0])[0];
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab of its own: in that of the other tests, lessons are open and answered."""
    with lab_server(tmp_path_factory.mktemp("fresh")) as found:
        yield found


@pytest.fixture
def opened(chromium: Any, address: str) -> Iterator[Any]:
    """The page to which JupyterLab's own address leads; in the end, no other host was asked."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    page.set_default_timeout(90_000)
    page.goto(f"{address}/")
    page.wait_for_function(f"{CURRENT} === 'start.ipynb'", timeout=120_000)
    yield page
    context.close()
    assert len(requests) > 10
    assert foreign(requests, address) == []


def shot(page: Any, name: str) -> None:
    if os.environ.get("SHOTS"):
        page.screenshot(path=f"{os.environ['SHOTS']}/{name}.png")


def test_a_right_answer_is_counted_on_the_page_with_which_jupyterlab_opens(opened: Any) -> None:
    table = opened.locator(f"{SHOWN} .jp-Notebook table").first
    table.get_by_role("link", name=LINK).wait_for(timeout=60_000)  # no kernel has run
    assert table.locator("tbody tr").count() == 13
    shot(opened, "start")
    table.get_by_role("link", name=LINK).click()
    opened.wait_for_function(f"{CURRENT} === '{LESSON}/{LESSON}.ipynb'", timeout=60_000)
    wait_for_kernel(opened)
    lesson = Lesson(opened)
    lesson.run_first()

    lesson.write("E5-1", RIGHT)
    assert ": correct" in lesson.said("E5-1")
    _show_theme(opened, "JupyterLab Dark")
    for code, words in (
        (WRONG, "Hint."),
        (SLIP, "Python cannot read the cell that defines score_gaussian"),
        (LOOP, "did not come to an end within 10 s and was stopped"),
    ):
        lesson.write("E5-1", code)
        said = " ".join(lesson.said("E5-1").split())
        assert words in said
        assert "Traceback" not in said
        shot(opened, f"dark-{words[:4]}")
        _is_legible(lesson.cell("E5-1-check").locator(".jp-OutputArea-output").first)
    lesson.write("E5-1", RIGHT)
    lesson.save()

    opened.evaluate(
        "() => void window.jupyterapp.commands.execute('docmanager:open', {path: 'start.ipynb'})"
    )
    opened.wait_for_function(f"{CURRENT} === 'start.ipynb'")
    wait_for_kernel(opened)
    output = Lesson(opened).run("progress")
    output.get_by_role("cell", name="1 of 5", exact=True).wait_for(timeout=120_000)
    row = output.locator("tr", has_text=LINK)
    assert "4 of 25 + 5" in row.inner_text().replace("\u00a0", " ")
    shot(opened, "start-dark")
    _is_legible(output.last)
    _show_theme(opened, "JupyterLab Light")
    _is_legible(output.last)
    shot(opened, "start-light")


def _is_legible(box: Any) -> None:
    contrast, text = box.evaluate(CONTRAST)
    assert contrast >= 4.5, text


def _show_theme(page: Any, name: str) -> None:
    page.evaluate(
        "theme => void window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name
    )
    wanted = "false" if "Dark" in name else "true"
    page.wait_for_function(f"document.body.dataset.jpThemeLight === '{wanted}'")

"""The web site, opened from the disk: sound, accessible, fit for a phone, and offline."""

from __future__ import annotations

import html.parser
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
LESSONS = sorted(path.stem for path in ROOT.glob("solutions/*.py"))
#: Pages that axe looks at: all lessons and guides, some pages of the reference.
LOOKED_AT = [
    "index",
    *(f"lessons/{name}" for name in LESSONS),
    *("api/index", "api/advi", "graders", "authoring", "lms"),
]

#: Those that it looks at in dark colours as well, which are the same on all pages of a kind.
DARK = ("index", "lessons/01_elbo", "lessons/10_bayesian_nets", "api/advi", "graders")
#: Formulas whose beginning is left of the page, where nobody can scroll to.
CUT_OFF = """() => [...document.querySelectorAll(".bd-article mjx-container")].filter(formula =>
    [...formula.querySelectorAll("use, rect")].some(part => {
        const place = part.getBoundingClientRect();
        return place.width > 0 && place.left < -1 && !part.closest("mjx-assistive-mml");
    })
).map(formula => formula.parentElement.textContent.slice(0, 80))"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, built as `make site` builds them: a warning is an error."""
    top = tmp_path_factory.mktemp("site")
    pages, built = top / "pages", top / "site"
    assemble = [sys.executable, str(ROOT / "docs" / "site" / "assemble.py"), str(pages)]
    assemble += ["--repository", "https://github.com/someone/course"]
    subprocess.run(assemble, check=True)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    command += ["-c", str(ROOT / "docs" / "site"), str(pages), str(built)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return built


@pytest.fixture(scope="module")
def window(chromium: Any) -> Iterator[Any]:
    """One browser window for all pages; in the end, nothing was asked of a host."""
    asked: list[str] = []
    context = chromium.new_context(viewport=DESK, color_scheme="light")
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert [url for url in asked if urlsplit(url).scheme not in ("file", "data")] == []


@pytest.fixture
def open_page(window: Any, site: Path) -> Any:
    """Opens a page at its top, wide and light, with its formulas drawn."""

    def opened(name: str) -> Any:
        window.set_viewport_size(DESK)
        window.emulate_media(color_scheme="light")
        window.goto((site / f"{name}.html").as_uri())
        window.wait_for_function("!window.MathJax || MathJax.startup?.promise !== undefined")
        window.evaluate("window.MathJax ? MathJax.startup.promise : null")
        return window

    return opened


def violations(page: Any, *rules: str) -> list[tuple[str, str]]:
    """What axe finds, by all of its rules or by these; MathJax looks after its formulas itself."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"runOnly": list(rules)} if rules else {}
    found = Axe().run(page, context={"exclude": [["mjx-container"]]}, options=options)
    return [
        (v["id"], node["html"][:200])
        for v in found.response["violations"]
        for node in v["nodes"][:2]
    ]


def thinned(page: Any) -> None:
    """Leave axe one word of each colour: it takes 25 s for the 10,000 coloured words of a lesson.

    What pictures and formulas consist of goes as well; both are looked at as wholes.
    """
    page.add_style_tag(content="* { transition: none !important }")
    page.evaluate(
        """() => {
            for (const part of document.querySelectorAll("svg > *, mjx-container > *"))
                part.remove();
            const seen = new Set(), again = [];
            for (const word of document.querySelectorAll(".highlight pre span")) {
                const kind = [word.className, getComputedStyle(word).color,
                              word.closest(".cell_input, .cell_output")?.className].join();
                if (seen.has(kind) && !word.querySelector("span")) again.push(word);
                seen.add(kind);
            }
            for (const word of again) word.replaceWith(word.textContent);
        }"""
    )


class Anchors(html.parser.HTMLParser):
    """The ids of a page, where its links lead, and pictures without a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.mute: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids |= {value for key in ("id", "name") if (value := found.get(key))}
        self.links += [v for key in ("href", "src") if (v := found.get(key))]
        if tag == "img" and not found.get("alt"):
            self.mute.append((found.get("src") or "")[:60])


def test_no_link_is_dead_and_no_picture_without_a_text(site: Path) -> None:
    paths = [path for path in site.rglob("*.html") if "_static" not in path.parts]  # templates
    pages = {path: Anchors(path.read_text(encoding="utf-8")) for path in paths}
    assert len(pages) > 60
    dead = []
    for path, page in pages.items():
        assert page.mute == [], path
        for link in page.links:
            if urlsplit(link).scheme:
                continue
            target, anchor = urldefrag(link)
            file = path.parent / unquote(urlsplit(target).path) if target else path
            file = Path(file).resolve()
            if not file.exists() or (file in pages and anchor and anchor not in pages[file].ids):
                dead.append((str(path.relative_to(site)), link))
    assert dead == []


def test_each_lesson_can_be_opened_at_colab_and_binder(site: Path) -> None:
    for name in LESSONS:
        links = Anchors((site / "lessons" / f"{name}.html").read_text(encoding="utf-8")).links
        found = [link for link in links if "/someone/course/" in link]
        assert [urlsplit(link).netloc.split(".")[-2] for link in found] == ["google", "mybinder"]
        for link in found:
            path = link.partition("/blob/main/")[2] or link.partition("urlpath=lab/tree/")[2]
            assert path.endswith(f"{name}.ipynb")
            assert (ROOT / path).exists()


def test_no_hidden_input_and_no_marker_is_published(site: Path) -> None:
    for path in (*site.glob("lessons/*.html"), site / "searchindex.js"):
        text = path.read_text(encoding="utf-8")
        for marker in ("HIDDEN TESTS", "BEGIN SOLUTION", "END SOLUTION"):
            assert marker not in text, path


@pytest.mark.browser
@pytest.mark.parametrize("name", LOOKED_AT)
def test_pages_are_accessible_fit_a_phone_and_move(open_page: Any, name: str) -> None:
    page = open_page(name)
    for viewport in (PHONE, DESK):
        page.set_viewport_size(viewport)
        page.evaluate("() => new Promise(requestAnimationFrame)")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], "the page scrolls sideways"
        assert page.evaluate(CUT_OFF) == []
    if name.startswith("lessons/"):
        _formulas_are_drawn_and_flipbooks_move(page)
    thinned(page)
    assert violations(page) == []
    if name not in DARK:
        return
    page.emulate_media(color_scheme="dark")  # of the rules, only contrast knows of colours
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert violations(page, "color-contrast") == []


def _formulas_are_drawn_and_flipbooks_move(page: Any) -> None:
    assert page.locator("mjx-container").count() > 3
    assert page.locator("mjx-merror").count() == 0
    moved = page.evaluate(
        """() => [...document.querySelectorAll("input[type=range]")].map((slider) => {
            const figure = slider.closest("figure"), before = figure.outerHTML;
            slider.value = slider.value === slider.max ? slider.min : slider.max;
            slider.oninput();
            return figure.outerHTML !== before;
        })"""
    )
    assert moved
    assert all(moved)


@pytest.mark.browser
def test_a_solution_is_folded_until_one_asks_for_it(open_page: Any) -> None:
    page = open_page("lessons/05_bbvi")
    stub = page.get_by_text("raise NotImplementedError").first
    assert stub.is_visible()
    solution = page.locator("details.hide").first
    assert not solution.locator("pre").first.is_visible()
    solution.locator("summary").click()
    assert solution.locator("pre").first.is_visible()


@pytest.mark.browser
def test_search_finds_a_page_without_a_server(open_page: Any, site: Path) -> None:
    page = open_page("index")
    page.goto((site / "search.html").as_uri() + "?q=funnel")
    page.locator("#search-results li a").first.wait_for()
    assert page.locator("#search-results li a").count() >= 1

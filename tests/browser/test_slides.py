"""The slides: every lesson's, without code that does not fit; in the browser nothing overflows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import slides as module  # noqa: E402

LESSONS = sorted(path.stem for path in ROOT.glob("solutions/*.py"))

FRAME = "s.closest('figure').outerHTML"
#: Height and width of each slide's contents, whether it is shown or not.
MEASURE = """() => {
  const style = document.createElement("style");
  style.textContent = ".slides section { display: block !important }";
  document.head.append(style);
  return [...document.querySelectorAll(".slides section:not(.stack)")].map((slide) => ({
    title: slide.querySelector("h1, h2").textContent,
    height: slide.scrollHeight, width: slide.scrollWidth,
    zoom: Math.min(...[...slide.querySelectorAll(".block")].map((b) => +b.style.zoom || 1)),
    cut: [...slide.querySelectorAll(".block")].some((b) => b.scrollWidth > b.clientWidth + 1),
  }));
}"""


def notebook(*cells: Any) -> Any:
    return new_notebook(cells=list(cells))


def made(*cells: Any) -> list[Any]:
    return module.lesson_slides(notebook(*cells), notebook(*cells))


def test_headings_start_slides_and_text_before_one_stays_on_the_last() -> None:
    first, second = made(
        new_markdown_cell("# Title\n\nIntroduction.\n\n## Part\n\nText $a<b$."),
        new_markdown_cell("More.\n\n$$c\\tag{1}$$"),
    )
    assert (first.level, first.heading, len(first.blocks)) == (1, "Title", 1)
    assert (second.level, second.heading, len(second.blocks)) == (2, "Part", 3)
    assert "\\(a&lt;b\\)" in second.blocks[0]
    assert "\\[c\\tag{1}\\]" in second.blocks[2]


def test_a_list_may_be_dealt_out_and_a_folded_answer_stays_whole() -> None:
    (slide,) = made(new_markdown_cell("## List\n\n3. three\n4. four\n\n- a\n- b"))
    assert [block.count("<li>") for block in slide.blocks] == [1, 1, 1, 1]
    assert '<ol start="4">' in slide.blocks[1]
    text = "## Q\n\n> <details><summary>S</summary>\n>\n> One.\n>\n> Two.\n> </details>\n\nAfter."
    (slide,) = made(new_markdown_cell(text))
    assert len(slide.blocks) == 2
    (slide,) = made(new_markdown_cell(text.replace("> ", "").replace(">\n", "\n")))
    assert len(slide.blocks) == 2
    assert "Two" in slide.blocks[0]


def test_each_piece_of_a_long_table_has_the_head() -> None:
    rows = "\n".join(f"| {i} | {i} |" for i in range(13))
    (slide,) = made(new_markdown_cell(f"## T\n\n| a | b |\n|---|---|\n{rows}"))
    assert [block.count("<tr>") for block in slide.blocks] == [11, 4]


@pytest.mark.parametrize(
    ("source", "outputs", "shown"),
    [
        ("print(1)", ["1"], ["print", "1"]),
        ("import os\nx = 1", [], []),
        ("\n".join(["x = 1"] * 30), ["1"], ["1"]),
        ("x = '" + "y" * 100 + "'", [], []),
        ("draw()", ["<img src='data:'>"], ["<img"]),
        ("f()", ["\n".join(map(str, range(90)))], ["…"]),
    ],
)
def test_code_that_does_not_fit_is_left_out(
    source: str, outputs: list[str], shown: list[str]
) -> None:
    found = [
        new_output("display_data", {"text/html" if "<" in text else "text/plain": text})
        for text in outputs
    ]
    blocks = "".join(module.code_blocks(new_code_cell(source, outputs=found), ""))
    assert all(text in blocks for text in shown)
    assert bool(blocks) == bool(shown)
    assert ("x = " in blocks) is False
    assert ("draw" in blocks) is False


def test_stubs_are_shown_and_checks_are_not() -> None:
    graded = {"nbgrader": {"grade": True, "solution": False}}
    answer = {"nbgrader": {"grade": False, "solution": True}}
    assert module.code_blocks(new_code_cell("check()", metadata=graded), "check()") == ()
    (block,) = module.code_blocks(new_code_cell("return_secret", metadata=answer), "stub_only")
    assert "stub_only" in block
    assert "secret" not in block


@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_has_slides_without_answers_or_checks(name: str) -> None:
    read = [
        nbformat.read(ROOT / top / name / f"{name}.ipynb", as_version=4)
        for top in ("solutions", "lessons")
    ]
    found = module.lesson_slides(*read)
    text = "".join(block for slide in found for block in slide.blocks)
    assert found[0].level == 1
    assert len(found) > 8
    for word in ("SOLUTION", "HIDDEN", "globals", "nbgrader"):
        assert word not in text
    images = [piece for piece in text.split("<img")[1:]]
    assert all("alt=" in piece[: piece.index(">")] for piece in images)


def test_an_unknown_lesson_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such lesson: 99_none; expected names like"):
        module.write(tmp_path, ["99_none"])


@pytest.mark.slow
@pytest.mark.browser
def test_no_slide_overflows_formulas_are_drawn_and_nothing_is_asked_of_a_host(
    chromium: Any, tmp_path: Path
) -> None:
    pages = module.write(tmp_path)
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    for path in pages:
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready]")
        assert page.locator("mjx-container").count() > 3
        assert page.locator("mjx-merror").count() == 0
        sliders = page.locator("input[type=range]")
        assert sliders.count() >= (path.stem != "00_start")
        if sliders.count():
            before = sliders.first.evaluate(f"s => {FRAME}")
            moved = "s.value = s.value === s.max ? s.min : s.max; s.oninput()"
            assert sliders.first.evaluate(f"s => {{ {moved}; return {FRAME} }}") != before
        page.keyboard.press("Space")
        assert page.evaluate("Reveal.getProgress()") > 0
        measured = page.evaluate(MEASURE)
        assert len(measured) == page.evaluate("Reveal.getTotalSlides()") > 20
        bad = [s for s in measured if s["height"] > 720 or s["width"] > 1280 or s["cut"]]
        assert bad == []
        assert [s for s in measured if s["zoom"] < 0.5] == [], "too small to read in class"
    context.close()
    assert errors == []
    assert [url for url in asked if urlsplit(url).scheme not in ("file", "data")] == []


def test_the_guide_states_the_limits() -> None:
    text = (ROOT / "docs" / "web_site.md").read_text(encoding="utf-8")
    assert f"at most {module.MAX_LINES} lines of at most {module.MAX_COLUMNS} columns" in text

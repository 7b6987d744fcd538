"""Slides of the lessons, for teaching in class.

`python docs/slides.py FOLDER` writes one page a lesson, and an index; `make slides` does it for
build/slides. They are made of the solved notebooks' outputs and the students' stubs:

- every heading starts a slide; a script in the page deals out what does not fit on one to further
  slides, after the formulas are drawn, and shrinks a single block that is too tall;
- a cell that draws shows its figure alone; other code is shown if it fits on a slide;
- imports, checks, solutions and model answers are left out.

The pages need no network: reveal.js and MathJax are copied beside them.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any

import nbformat
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

ROOT = Path(__file__).resolve().parents[1]
PARTS = ROOT / "docs" / "slide_parts"
MATHJAX = ROOT / "docs" / "site" / "_static" / "tex-svg.js"
#: More lines or columns of code than these would have to be too small to be read in class.
MAX_LINES, MAX_COLUMNS = 20, 88
#: A longer table is dealt out.
MAX_ROWS = 10
#: Code and its output stand on one slide up to so many lines.
MAX_TOGETHER = 26
#: Of a longer output the first lines are shown.
MAX_OUTPUT = 26

_ANSWER = re.compile(r"<!-- BEGIN SOLUTION -->.*?<!-- END SOLUTION -->", re.S)
_LESSON_LINK = re.compile(r"\]\(\.\./(\w+)/\1\.ipynb(#[^)]*)?\)")
_FIGURE = re.compile(r"<(?:img|figure|svg)\b")
_FORMAT = HtmlFormatter(style="friendly", cssclass="code", wrapcode=True)


@dataclass(frozen=True)
class Slide:
    """What stands under one heading, in blocks that may go to several slides.

    Attributes:
        level: 1 for the lesson's title, 2 for a section, 3 below it.
        heading: HTML of the heading.
        blocks: HTML of paragraphs, formulas, list items, tables, figures, code and outputs.
    """

    level: int
    heading: str
    blocks: tuple[str, ...] = ()


def _markdown() -> MarkdownIt:
    found = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found.use(dollarmath_plugin, allow_digits=False, double_inline=True).use(amsmath_plugin)
    rules: dict[str, Any] = found.renderer.rules
    rules["math_inline"] = _formula("\\({}\\)")
    for name in ("math_inline_double", "math_block"):
        rules[name] = _formula('<div class="formula">\\[{}\\]</div>')
    rules["math_block_label"] = rules["math_block"]
    rules["amsmath"] = _formula('<div class="formula">{}</div>')
    return found


def _formula(pattern: str) -> Any:
    def render(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        return pattern.format(html.escape(tokens[index].content.strip()))

    return render


MARKDOWN = _markdown()


def _groups(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Tokens that belong together: a paragraph, a table, a `<details>` with all it contains."""
    group: list[Token] = []
    depth = folded = 0
    for token in tokens:
        group.append(token)
        depth += token.nesting
        if token.type == "html_block":
            folded += token.content.count("<details") - token.content.count("</details")
        if depth == 0 and folded <= 0:
            yield group
            group = []
    if group:
        yield group


def _rendered(tokens: Sequence[Token]) -> str:
    return MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})


def _items(group: Sequence[Token]) -> Iterator[str]:
    """The items of a list, each as a list of its own, so that a long one can be dealt out."""
    first, last = group[0], group[-1]
    start = int(first.attrGet("start") or 1)
    for number, item in enumerate(_groups(group[1:-1]), start):
        if first.type == "ordered_list_open":
            first.attrSet("start", str(number))
        yield _rendered([first, *item, last])


def _rows(group: Sequence[Token]) -> Iterator[str]:
    """A table in pieces of a few rows, each below the table's head."""
    body = next((i for i, token in enumerate(group) if token.type == "tbody_open"), len(group))
    rows = list(_groups(group[body + 1 : -2]))
    for start in range(0, len(rows), MAX_ROWS):
        piece = [token for row in rows[start : start + MAX_ROWS] for token in row]
        yield _rendered([*group[: body + 1], *piece, *group[-2:]])


_SPLIT = {"bullet_list_open": _items, "ordered_list_open": _items, "table_open": _rows}


def text_slides(source: str) -> list[Slide]:
    """The slides of a cell of prose; what comes before its first heading has the level 0."""
    source = _LESSON_LINK.sub(r"](\1.html\2)", _ANSWER.sub("", source))
    found = [Slide(0, "")]
    for group in _groups(MARKDOWN.parse(source)):
        if group[0].type == "heading_open" and group[0].tag in ("h1", "h2", "h3"):
            found.append(Slide(int(group[0].tag[1]), _rendered(group[1:-1])))
            continue
        split = _SPLIT.get(group[0].type)
        pieces = split(group) if split else (_rendered(group),)
        blocks = tuple(block for block in pieces if block.strip())
        found[-1] = replace(found[-1], blocks=found[-1].blocks + blocks)
    return found if found[0].blocks else found[1:]


def code_fits(source: str) -> bool:
    """Whether code can be read on one slide."""
    lines = source.strip().split("\n")
    return len(lines) <= MAX_LINES and max(map(len, lines)) <= MAX_COLUMNS


def output_blocks(outputs: Sequence[Any]) -> tuple[str, ...]:
    """Outputs as a class should see them: figures, tables, and text that is not too long."""
    return tuple(block for output in outputs if (block := _output(output)))


def _output(output: Any) -> str:
    data = output.get("data", {})
    if "text/html" in data:
        return str(data["text/html"])
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{data["image/png"].strip()}">'
    text = str(data.get("text/plain", output.get("text", ""))).rstrip()
    lines = text.split("\n")
    if len(lines) > MAX_OUTPUT:
        text = "\n".join([*lines[: MAX_OUTPUT - 1], "…"])
    return f'<pre class="output">{html.escape(text)}</pre>' if text else ""


def code_blocks(cell: NotebookNode, stub: str) -> tuple[str, ...]:
    """What is shown of a cell of code: itself, its outputs, both or nothing."""
    about = cell.metadata.get("nbgrader", {})
    if about.get("grade") or "-check" in cell["id"]:
        return ()
    source = stub if about.get("solution") else cell.source
    shown = output_blocks(cell.get("outputs", []))
    imports = re.match(r"(?:from|import) ", source) and not shown
    if imports or any(_FIGURE.search(block) for block in shown) or not code_fits(source):
        return shown
    code = highlight(source.strip(), PythonLexer(), _FORMAT)
    lines = source.count("\n") + sum(block.count("\n") + 2 for block in shown)
    return (code + "".join(shown),) if lines <= MAX_TOGETHER else (code, *shown)


def lesson_slides(solved: NotebookNode, released: NotebookNode) -> list[Slide]:
    """All slides of a lesson, before they are dealt out."""
    stubs = {cell["id"]: cell.source for cell in released.cells}
    found: list[Slide] = []
    for cell in solved.cells:
        if cell.cell_type == "markdown":
            new = text_slides(cell.source)
        else:
            new = [Slide(0, "", code_blocks(cell, stubs.get(cell["id"], "")))]
        for slide in new:
            if slide.level or not found:
                found.append(slide)
            else:
                found[-1] = replace(found[-1], blocks=found[-1].blocks + slide.blocks)
    return [slide for slide in found if slide.blocks or slide.level < 3]


def page(slides: Sequence[Slide]) -> str:
    """A lesson's slides as a page; its script makes a section of each."""
    parts = []
    for slide in slides:
        tag = "h1" if slide.level == 1 else "h2"
        blocks = "\n".join(f'<div class="block">{block}</div>' for block in slide.blocks)
        parts.append(
            f'<div class="sheet" data-level="{slide.level}">\n'
            f"<{tag}>{slide.heading}</{tag}>\n{blocks}\n</div>"
        )
    template = Template((PARTS / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=re.sub("<[^>]*>", "", slides[0].heading),
        code_colours=_FORMAT.get_style_defs(".code"),
        sheets="\n".join(parts),
    )


def index(titles: dict[str, str]) -> str:
    """A list of all lessons' slides."""
    links = "\n".join(
        f'<li><a href="{name}.html">{title}</a></li>' for name, title in titles.items()
    )
    template = Template((PARTS / "index.html").read_text(encoding="utf-8"))
    return template.substitute(links=links)


def write(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Write the slides of these lessons, or of all, and what the pages need."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (MATHJAX, MATHJAX.with_suffix(".LICENSE"), *PARTS.iterdir()):
        if path.suffix != ".html":
            shutil.copy(path, folder)
    titles, written = {}, []
    for path in sorted(ROOT.glob("solutions/*/*.ipynb")):
        if names and path.stem not in names:
            continue
        solved = nbformat.read(path, as_version=4)
        released = nbformat.read(ROOT / "lessons" / path.stem / path.name, as_version=4)
        slides = lesson_slides(solved, released)
        titles[path.stem] = slides[0].heading
        written.append(folder / f"{path.stem}.html")
        written[-1].write_text(page(slides), encoding="utf-8")
    missing = sorted(set(names) - set(titles))
    if missing:
        raise SystemExit(f"no such lesson: {', '.join(missing)}; expected names like 05_bbvi")
    (folder / "index.html").write_text(index(titles), encoding="utf-8")
    return written


def main() -> None:
    """Write the slides."""
    parser = argparse.ArgumentParser(description="Write the slides of the lessons.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("names", nargs="*", metavar="LESSON", help="such as 05_bbvi; else all")
    found = parser.parse_args()
    write(found.folder, found.names)
    print(f"Open {found.folder / 'index.html'}")


if __name__ == "__main__":
    main()

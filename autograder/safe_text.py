"""A student's Markdown as HTML that holds nothing active, and code with its words coloured.

Raw HTML is text, links are text followed by their address, pictures are those that were attached
and checked; formulas stay TeX. So a page made from it loads nothing and runs nothing.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from autograder.pictures import Picture

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from pygments.lexer import Lexer

MAX_MARKDOWN = 10_000
"""Characters that are set as Markdown; what is longer is shown as it was written."""
_NOWHERE = Markup('<span class="quiet">[a picture that is not in the notebook]</span>')
_ATTACHED = "attachment:"


@dataclass
class Outline:
    """The headings that the next may stand below, by their number of #; none skips a level."""

    above: list[int] = field(default_factory=list)

    def place(self, marks: int) -> None:
        """Take in a heading."""
        while self.above and self.above[-1] >= marks:
            self.above.pop()
        self.above.append(marks)

    @property
    def level(self) -> int:
        """The level of the latest heading on the page, whose own headings go down to <h2>."""
        return min(2 + len(self.above), 6)


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    found = MarkdownIt("js-default", {"html": False, "linkify": False, "typographer": False})
    found.use(dollarmath_plugin, allow_digits=False, double_inline=True).use(amsmath_plugin)
    # Links are only shown, so that none goes unseen.
    found.validateLink = lambda url: True  # type: ignore[method-assign]
    for name, rule in _RULES.items():
        found.add_render_rule(name, rule)
    return found


def markdown(
    text: str, pictures: Mapping[str, Picture] | None = None, outline: Outline | None = None
) -> Markup:
    """Markdown as HTML of headings, lists, tables, emphasis, code, and nothing that acts.

    Texts that stand on one page share an outline, so that their headings follow one another.
    """
    if len(text) > MAX_MARKDOWN:
        return Markup('<div class="prewrap">{}</div>').format(text)
    env = {"pictures": pictures or {}, "outline": outline or Outline()}
    # The result is made of the parser's own tags and escaped text: html is off.
    return Markup(_parser().render(text, env))


def _link_open(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    return ""


def _link_close(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    """The address of the link that ends here, unless it is what was just shown."""
    level = tokens[index].level
    start = next(
        i
        for i in range(index, -1, -1)
        if tokens[i].type == "link_open" and tokens[i].level == level
    )
    shown = "".join(token.content for token in tokens[start:index])
    address = str(tokens[start].attrs.get("href", ""))
    if address in (shown, f"mailto:{shown}"):
        return ""
    return str(Markup(' <span class="quiet">({})</span>').format(address))


def _image(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    address = str(tokens[index].attrs.get("src", ""))
    found = env["pictures"].get(address.removeprefix(_ATTACHED))
    if found is None or not address.startswith(_ATTACHED):
        return str(_NOWHERE)
    alt = tokens[index].content or "A picture of the student's"
    return str(Markup('<img src="{}" alt="{}">').format(found.source, alt))


def _formula(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    return str(Markup('<code class="tex">${}$</code>').format(tokens[index].content))


def _display(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    return str(Markup('<code class="tex display">$${}$$</code>\n').format(tokens[index].content))


def _environment(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    return str(Markup('<code class="tex display">{}</code>\n').format(tokens[index].content))


def _heading(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    """Headings of a notebook stand below those of the page that shows it; none skips a level."""
    outline = env["outline"]
    if tokens[index].nesting != 1:
        return f"</h{outline.level}>\n"
    outline.place(int(tokens[index].tag[1]))
    return f"<h{outline.level}>"


def _code(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    return str(Markup("<pre>{}</pre>\n").format(tokens[index].content))


_RULES = {
    "link_open": _link_open,
    "link_close": _link_close,
    "image": _image,
    "math_inline": _formula,
    "math_inline_double": _display,
    "math_block": _display,
    "math_block_label": _display,
    "amsmath": _environment,
    "heading_open": _heading,
    "heading_close": _heading,
    "fence": _code,
    "code_block": _code,
}


@functools.cache
def _python() -> Lexer:
    from pygments.lexers.python import PythonLexer

    return PythonLexer(stripnl=False, ensurenl=False)


@functools.lru_cache(maxsize=4096)
def python(source: str) -> Markup:
    """Python code with keywords, strings, comments and numbers marked by class."""
    pieces = []
    for kind, text in _python().get_tokens(source):
        name = _class(kind)
        shown = html.escape(text)
        pieces.append(f'<span class="{name}">{shown}</span>' if name else shown)
    return Markup("".join(pieces))


@functools.cache
def _class(kind: Any) -> str:
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    if kind in Operator.Word:
        return "k"
    classes = ((Comment, "c"), (String, "s"), (Number, "n"), (Keyword, "k"), (Name.Function, "f"))
    return next((name for family, name in (*classes, (Name.Class, "f")) if kind in family), "")

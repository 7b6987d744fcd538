r"""A student's Markdown such that nbgrader's pages show it, and nothing in it acts.

formgrader turns Markdown into HTML in the instructor's browser, next to a Jupyter server that runs
code for whoever asks; it passes HTML, links and diagrams through. Here no parser's idea of Markdown
is relied on. A tag begins with "<" and a letter, "/", "!" or "?": a space goes in between, which
formulas and sentences do not mind. A link needs "](" or "]:": likewise. Macros of TeX that make
links or styles lose their backslash. Pictures remain if they are attached and were checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from autograder.pictures import Picture

MAX_MARKDOWN = 10_000
"""Characters that are left as Markdown; what is longer becomes one block of plain text."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LINK = re.compile(r"\](?=[(:])")
_MACRO = re.compile(
    r"\\(?=(?:href|url|require|style|class|cssId|data|html[A-Za-z]*|mmlToken|texttip|toggle)"
    r"(?![A-Za-z]))"
)
_PICTURE = re.compile(r"!\[([^\[\]]{0,500})\]\(attachment:([^()\s]{1,200})\)")
_FENCE = "~" * 12


def defused(text: str, pictures: Mapping[str, Picture]) -> tuple[str, dict[str, Picture]]:
    """The Markdown, and its pictures under names that occur in it."""
    if len(text) > MAX_MARKDOWN:
        return f"{_FENCE}\n{_plain(text).replace(_FENCE, '~' * 11)}\n{_FENCE}", {}
    pieces, kept, at = [], dict[str, Picture](), 0
    for match in _PICTURE.finditer(text):
        picture = pictures.get(match[2])
        if picture is None:
            continue
        name = f"picture-{len(kept) + 1}.{picture.kind.removeprefix('image/')}"
        kept[name] = picture
        alt = " ".join(re.findall(r"\w+", match[1]))
        pieces += [_plain(text[at : match.start()]), f"![{alt}](attachment:{name})"]
        at = match.end()
    return "".join([*pieces, _plain(text[at:])]), kept


def _plain(text: str) -> str:
    text = _LINK.sub("] ", _TAG.sub("< ", text))
    return _MACRO.sub("", text).replace("mermaid", "Mermaid")

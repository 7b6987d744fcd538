"""Sentences on a terminal: broken between words, and set in where they go on."""

from __future__ import annotations

import shutil
import sys
import textwrap

_NARROWEST = 40


def fitted(text: str, width: int | None = None, margin: int | None = None) -> str:
    """The text with lines no longer than `width`; as it is where nobody reads it on a terminal.

    Words, and so numbers and paths, are never cut. What follows the first line of a sentence is set
    in by `margin` columns, or two more than its beginning. Without a width it is the terminal's.
    """
    if width is None:
        if not sys.stdout.isatty():
            return text
        width = shutil.get_terminal_size().columns
    return "\n".join(_fitted(line, max(width, _NARROWEST), margin) for line in text.split("\n"))


def _fitted(line: str, width: int, margin: int | None) -> str:
    if len(line) <= width:
        return line
    start = len(line) - len(line.lstrip())
    pieces = textwrap.wrap(
        line.lstrip(),
        width,
        initial_indent=" " * start,
        subsequent_indent=" " * (start + 2 if margin is None else margin),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(pieces)

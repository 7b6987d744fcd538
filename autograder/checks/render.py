"""A verdict as plain text, and as a small HTML table that suits a light and a dark theme."""

from __future__ import annotations

import re
from html import escape

from autograder.checks.protocol import PartResult, Verdict

EMPHASIS = re.compile(r"(?<![\w*])\*(\w+)\*(?![\w*])")
"""A *word*, and not a product such as 2*x*3."""
_COMPARED = re.compile(r"((?:[^:`]|`[^`]+`)+): expected (.+), got (.+?)\.?$", re.DOTALL)
"""The message of a part that compared two values: what, the expected one, and what came."""
_CELL = 'style="text-align:left;padding:.15em .8em .15em 0;vertical-align:top;white-space:normal"'
_SIGNS = {True: "✓", False: "·"}
_COLOURS = {
    "correct": "#009E73",
    "partly correct": "#E69F00",
    "not yet correct": "#D55E00",
    "not started": "#888888",
    "not defined": "#888888",
    "not checked here": "#888888",
}
_UNTRIED = ("not started", "not defined", "not checked here")


def number(value: float) -> str:
    """4.0 as "4", 2.5 as "2.5"."""
    return f"{value:g}"


def headline(verdict: Verdict) -> str:
    """One line: exercise, status, points."""
    if verdict.status == "not checked here":
        return f"{verdict.exercise}: not checked here"
    points = f"{number(verdict.score)} of {number(verdict.max_score)} points"
    return f"{verdict.exercise} {verdict.title}: {verdict.status}, {points}"


def as_text(verdict: Verdict) -> str:
    """Headline, one line per part, then the hints."""
    lines = [headline(verdict)]
    if verdict.status in _UNTRIED:
        return "\n".join([*lines, *(f"  {hint}" for hint in verdict.hints)])
    messages: set[str] = set()
    for part in verdict.parts:
        lines.append(
            f"  {_SIGNS[_passed(part)]} {part.name} ({number(part.earned)}/{number(part.points)})"
        )
        if part.message:
            lines.append(f"      {'The same.' if part.message in messages else part.message}")
        messages.add(part.message)
    lines += [f"  Hint: {hint}" for hint in verdict.hints if hint not in messages]
    return "\n".join(lines)


def as_html(verdict: Verdict) -> str:
    """The hint, then a table: sub-check, points, what was expected and what came."""
    colour = _COLOURS[verdict.status]
    messages = {part.message for part in verdict.parts}
    hints = "".join(
        f'<p style="margin:.4em 0"><strong>Hint.</strong> {inline(hint)}</p>'
        for hint in verdict.hints
        if hint not in messages
    )
    if verdict.status in _UNTRIED:
        body = "".join(f'<p style="margin:.4em 0">{inline(hint)}</p>' for hint in verdict.hints)
    else:
        body = hints + _table(verdict.parts)
    return (
        f'<div role="status" style="border-left:4px solid {colour};'
        'padding:.2em .8em;margin:.3em 0;max-width:50em">'
        f'<p style="margin:.2em 0"><strong>{escape(headline(verdict))}</strong></p>{body}</div>'
    )


def _table(parts: tuple[PartResult, ...]) -> str:
    rows = "".join(
        f"<tr><td {_CELL}>{_SIGNS[_passed(part)]} {escape(part.name)}</td>"
        f"<td {_CELL}>{number(part.earned)}/{number(part.points)}</td>{_result(part)}</tr>"
        for part in parts
    )
    titles = ["Sub-check", "Points", "Result"]
    if any(_COMPARED.match(part.message) for part in parts):
        titles[2:] = ["Compared", "Expected", "Came"]
    else:
        rows = rows.replace(' colspan="3"', "")
    head = "".join(f'<th scope="col" {_CELL}>{title}</th>' for title in titles)
    return (
        f'<table style="margin:.3em 0"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _result(part: PartResult) -> str:
    """One cell, or three where the message compares what came with what was expected."""
    compared = _COMPARED.match(part.message)
    if compared:
        return "".join(f"<td {_CELL}>{inline(text)}</td>" for text in compared.groups())
    return f'<td colspan="3" {_CELL}>{inline(part.message) if part.message else "fine"}</td>'


def inline(text: str) -> str:
    """Escaped text with `code` in backquotes set as code and a *word* emphasised."""
    pieces = escape(text).split("`")
    return "".join(
        f"<code>{piece}</code>"
        if index % 2 and index < len(pieces) - 1
        else EMPHASIS.sub(r"<em>\1</em>", piece)
        for index, piece in enumerate(pieces)
    )


def _passed(part: PartResult) -> bool:
    return part.earned == part.points

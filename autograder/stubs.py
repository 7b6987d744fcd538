"""A lesson's empty answers, read from its solutions: what nbgrader writes for students.

The students' notebook does not tell: somebody may have worked in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_BEGIN, _END = "BEGIN SOLUTION", "END SOLUTION"
_STUBS = {
    "code": ("# Your answer replaces this line.", "raise NotImplementedError"),
    "markdown": ("*Your answer replaces this line.*",),
}
"""As in nbgrader_config.py, with which lessons are released; a test compares them."""


def stubs_of(cells: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The empty answers by grade id, of the cells of a solution notebook that mark a solution."""
    from autograder.lesson import text_of

    found = {}
    for cell in cells:
        about = cell["metadata"].get("nbgrader", {})
        source = text_of(cell["source"])
        if about.get("solution") and _BEGIN in source:
            found[about["grade_id"]] = emptied(source, _STUBS[cell["cell_type"]])
    return found


def emptied(source: str, stub: Iterable[str]) -> str:
    """A text with its marked solutions replaced by the lines of a stub, as deep as the mark."""
    lines: list[str] = []
    inside = False
    for line in source.split("\n"):
        if _BEGIN in line:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + text for text in stub]
            inside = True
        elif _END in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)

"""What is to be run of a notebook, and which cell defines what."""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autograder.sandbox.cells import Code

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS)


@dataclass(frozen=True)
class Program:
    """What to run of a notebook.

    `labels` call a cell by a name that its author knows; `answers` say which cell was released for
    which name. `demos` are numbers of cells that are left
    out unless something needs one of `demo_names`, which only they define. `files` are the
    student's own helper files, by plain name, for the folder in which the cells run.
    """

    cells: tuple[Code, ...]
    labels: Mapping[int, str] = field(default_factory=dict)
    demos: frozenset[int] = frozenset()
    demo_names: frozenset[str] = frozenset()
    files: Mapping[str, bytes] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)

    def label(self, number: int) -> str:
        """How to call a cell in a sentence."""
        return self.labels.get(number, f"cell {number}")

    def defining(self, name: str) -> int | None:
        """The last cell that seems to bind a name at its top level, else the one meant for it."""
        found = (cell.number for cell in reversed(self.cells) if binds(cell.source, name))
        return next(found, self.answers.get(name))

    def line(self, number: int, line: int) -> str:
        """A line of a cell; "" if there is none."""
        source = next((c.source for c in self.cells if c.number == number), "")
        lines = source.splitlines()
        return lines[line - 1] if 0 < line <= len(lines) else ""


def binds(source: str, name: str) -> bool:
    """Whether a cell binds a name at its top level: defines, assigns or imports it.

    Of code that cannot be parsed, the lines are looked at one by one.
    """
    if name not in source:
        return False
    names = _bound(source)
    if names is not None:
        return name in names
    word = re.escape(name)
    pattern = rf"^(?:def|class)\s+{word}\b|^{word}\s*[:=]|^(?:import|from)\b.*\b{word}\b"
    return re.search(pattern, source, re.MULTILINE) is not None


@functools.lru_cache(maxsize=4096)
def _bound(source: str) -> frozenset[str] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        return frozenset(_names(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    if not isinstance(node, _OWN_SCOPE):
        for child in ast.iter_child_nodes(node):
            yield from _names(child)

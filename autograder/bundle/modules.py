"""Which modules of the grader a student's copy needs: those that its own commands import.

Imports are read, not carried out, those within functions too, so that nothing is missing later.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "autograder"
ROOTS = ("autograder.cli_student", "autograder.cli_progress", "autograder.start_page")
"""Where a student's commands begin, as far as they are there."""
WHOLE = ("autograder/checks", "autograder/sandbox", "autograder/starting")
"""Folders whose modules are also found by name, while a command runs."""
NOT_FOR_STUDENTS = frozenset({"autograder.notebooks"})
"""What builds notebooks from solutions. Students get a module of this name that knows places."""


def students_modules(root: Path) -> list[Path]:
    """The files of the package that go to students, in order."""
    whole = [path for folder in WHOLE for path in (root / folder).rglob("*.py")]
    roots = [path for name in ROOTS if (path := _file(root, name)) is not None]
    found: set[Path] = set()
    waiting = [*roots, *whole]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting += [p for name in _imports(path) if (p := _file(root, name)) is not None]
        waiting += [p for folder in path.parents if (p := folder / "__init__.py").is_file()]
    return sorted(found)


def _file(root: Path, module: str) -> Path | None:
    """The file of one of the package's modules; None for anything else."""
    if module in NOT_FOR_STUDENTS or module.split(".")[0] != PACKAGE:
        return None
    place = root.joinpath(*module.split("."))
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)


def _imports(path: Path) -> Iterator[str]:
    """The modules that a file imports when it runs, what a type checker alone reads left out."""
    for node in _that_run(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _that_run(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not for_types:
            yield node
            yield from _that_run(ast.iter_child_nodes(node))

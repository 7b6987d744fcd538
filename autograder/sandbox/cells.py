"""Running a notebook's code cells without a notebook: one namespace, statement by statement.

This module is loaded by the zygote and runs in the child, next to the student's code.
"""

from __future__ import annotations

import ast
import builtins
import codeop
import linecache
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Progress = Callable[[int, int, int], None]
"""Told the cell's number, the statement's number and its line before each statement runs."""


@dataclass(frozen=True)
class Code:
    """A code cell: its number in the notebook, its source, and the first statement to leave out."""

    number: int
    source: str
    stop: int | None = None


@dataclass(frozen=True)
class CellError:
    """The exception that ended a cell."""

    number: int
    error_type: str
    message: str
    line: int


def new_namespace() -> dict[str, Any]:
    """The names of a fresh `__main__` module, as in a notebook."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    return module.__dict__


def run_cells(
    cells: list[Code], namespace: dict[str, Any], progress: Progress
) -> tuple[CellError, ...]:
    """Run the cells in order; a cell ends at its first error, and the next one runs all the same.

    A `MemoryError` is passed on: what fills the memory would spoil everything after it.
    """
    compiler = codeop.Compile()  # remembers `from __future__ import`, as IPython does
    errors = []
    for cell in cells:
        try:
            error = _run_cell(cell, namespace, compiler, progress)
        except RecursionError as found:  # while parsing
            error = CellError(cell.number, "RecursionError", str(found), 0)
        if error is not None:
            errors.append(error)
    return tuple(errors)


def _run_cell(
    cell: Code, namespace: dict[str, Any], compiler: codeop.Compile, progress: Progress
) -> CellError | None:
    name = f"<cell {cell.number}>"
    progress(cell.number, 0, 0)
    line = 0
    try:
        source = plain_python(cell.source)
        lines = source.splitlines(keepends=True)
        linecache.cache[name] = (len(source), None, lines, name)
        for index, node in enumerate(ast.parse(source, name).body):
            if cell.stop is not None and index >= cell.stop:
                return None
            line = node.lineno
            progress(cell.number, index, line)
            module: Any = ast.Module([node], type_ignores=[])
            exec(compiler(module, name, "exec"), namespace)
    except MemoryError:
        raise
    except BaseException as error:  # an exit or an interrupt ends the cell, not the notebook
        if isinstance(error, SyntaxError):
            line = error.lineno or line
        return CellError(cell.number, type(error).__name__, _text_of(error), line)
    return None


def _text_of(error: BaseException) -> str:
    try:
        return str(error.msg if isinstance(error, SyntaxError) else error)[:300]
    except BaseException:  # str(...) of a student's own exception may do anything
        return ""


def plain_python(source: str) -> str:
    """The source without magics: `%...`, `!...` and `...?` become calls of a shell that is none."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        from IPython.core.inputtransformer2 import TransformerManager

        return TransformerManager().transform_cell(source)
    return source


class Shell:
    """What `get_ipython()` returns: does nothing, but runs the code after a timing magic."""

    def __init__(self, namespace: dict[str, Any]):
        self.user_ns = namespace

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """Run the body of `%%time`, `%%timeit`, `%%capture` and `%%prun`; ignore other cells."""
        if name in ("time", "timeit", "capture", "prun"):
            exec(compile(plain_python(cell), f"<%%{name}>", "exec"), self.user_ns)

    def run_line_magic(self, name: str, line: str, *_: Any) -> None:
        """Run the statement after `%time`, `%timeit` and `%prun`; ignore other lines."""
        if name in ("time", "timeit", "prun"):
            exec(compile(line, f"<%{name}>", "exec"), self.user_ns)

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        """The lines of output of `!command`, which is not run."""
        return []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None


def furnish(namespace: dict[str, Any]) -> None:
    """Give the notebook what Jupyter would, `display` and `get_ipython`, and silent checks."""
    import matplotlib

    import autograder.checks
    import autograder.checks.grading

    def nothing(*_: Any, **__: Any) -> None:
        """Do nothing: nobody is looking."""

    shell = Shell(namespace)
    builtins.display = nothing  # type: ignore[attr-defined]
    builtins.get_ipython = lambda: shell  # type: ignore[attr-defined]
    matplotlib.use = nothing  # there are no windows here
    for module in (autograder.checks, autograder.checks.grading):
        module.check = nothing  # type: ignore[attr-defined]
        module.grade = nothing  # type: ignore[attr-defined]

"""Running a notebook's code cells without a notebook: one namespace, statement by statement.

This module is loaded by the zygote and runs in the child, next to the student's code.
"""

from __future__ import annotations

import ast
import builtins
import codeop
import contextlib
import linecache
import signal
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from autograder.sandbox.shell import furnish, plain_python

__all__ = ["CUT", "CellError", "Code", "furnish", "new_namespace", "plain_python", "run_cells"]

Progress = Callable[[int, int, int], None]
"""Told the cell's number, the statement's number and its line before each statement runs."""
CUT = -1
"""Instead of a line: the statement took too long and was interrupted, and its cell is over."""


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


@dataclass
class _Turn:
    """Whether the student's code runs, and whether the grader has interrupted it."""

    on: bool = False
    interrupted: bool = False


_turn = _Turn()


@contextlib.contextmanager
def students_turn() -> Iterator[_Turn]:
    """While the student's code runs, SIGINT from the grader raises `KeyboardInterrupt` in it.

    Afterwards no timer of its own goes off: that would hit the grader's code.
    """
    _turn.interrupted = False
    signal.signal(signal.SIGINT, _interrupt)
    _turn.on = True
    try:
        yield _turn
    finally:
        _turn.on = False
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)


def _interrupt(*_: Any) -> None:
    if _turn.on:
        _turn.on, _turn.interrupted = False, True
        raise KeyboardInterrupt


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
    index = line = 0
    turn = _Turn()
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
            statement = compiler(module, name, "exec")
            with students_turn() as turn:
                exec(statement, namespace)
    except MemoryError:
        raise
    except BaseException as error:  # an exit or an interrupt ends the cell, not the notebook
        if turn.interrupted:
            progress(cell.number, index, CUT)
        if isinstance(error, SyntaxError):
            line = error.lineno or line
        return CellError(cell.number, type(error).__name__, _text_of(error), line)
    return None


def _text_of(error: BaseException) -> str:
    try:
        return str(error.msg if isinstance(error, SyntaxError) else error)[:300]
    except BaseException:  # str(...) of a student's own exception may do anything
        return ""

"""What Jupyter gives a notebook besides Python: magics, `display`, and windows that nobody sees."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_OPTIONS = re.compile(r"^\s*-(?:[nrp]\s*\d+|[qoctsa])(?=\s|$)")
_TIMING = ("time", "timeit", "prun")


def plain_python(source: str) -> str:
    """The source without magics: `%...`, `!...` and `...?` become calls of the shell below."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        from IPython.core.inputtransformer2 import TransformerManager

        return TransformerManager().transform_cell(source)
    return source


class Nothing:
    """Anything may be asked of it, and it does nothing."""

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Nothing:  # noqa: D102
        return self

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __repr__(self) -> str:
        return ""


class Shell(Nothing):
    """What `get_ipython()` returns: no shell, but what magics do to the notebook's own names.

    The code after a timing magic is run once, `%%writefile` writes to the notebook's own folder,
    and `%run` runs a file from there. Everything else does nothing.
    """

    def __init__(self, namespace: dict[str, Any]):
        self.user_ns = namespace
        self.config: dict[str, Any] = {}

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """Run or write the body of a cell that starts with a magic, or ignore it."""
        line = str(line).strip()
        if name in _TIMING and (setup := _without_options(line)):
            self._run(setup, name)
        if name == "capture" and line.split()[:1] and line.split()[0].isidentifier():
            self.user_ns[line.split()[0]] = Nothing()
        if name in (*_TIMING, "capture"):
            self._run(cell, name)
        if name in ("writefile", "file"):
            self._write(line, cell)

    def run_line_magic(self, name: str, line: str, *_: Any, **__: Any) -> None:
        """Run the statement after a timing magic, the file after `%run`, or nothing."""
        line = str(line).strip()
        if name in _TIMING:
            self._run(_without_options(line), name)
        elif name == "pylab":
            self._run("from pylab import *\nimport numpy as np\nfrom matplotlib import mlab", name)
        elif name == "run":
            found = runpy.run_path(_file(line), run_name="__main__")
            names = {key: value for key, value in found.items() if not key.startswith("__")}
            self.user_ns.update(names)

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        """The lines of output of `!command`, which is not run."""
        return []

    def _run(self, source: str, magic: str) -> None:
        exec(compile(plain_python(source), f"<%{magic}>", "exec"), self.user_ns)

    def _write(self, line: str, text: str) -> None:
        with Path(_file(line)).open("a" if re.match(r"(-a|--append)\s", line) else "w") as file:
            file.write(text)
        importlib.invalidate_caches()  # the notebook may import the file right away


def _without_options(line: str) -> str:
    while _OPTIONS.match(line):
        line = _OPTIONS.sub("", line, count=1)
    return line.strip()


def _file(line: str) -> str:
    """The name of the file in the line of a magic."""
    words = [word for word in line.split() if not word.startswith("-")]
    if not words:
        raise ValueError("expected the name of a file after the magic")
    name = words[0].strip("'\"")
    return name if Path(name).suffix or Path(name).exists() else f"{name}.py"


def furnish(namespace: dict[str, Any]) -> None:
    """Give the notebook what Jupyter would, `display` and `get_ipython`, and silent checks."""
    import IPython
    import IPython.core.getipython
    import matplotlib
    import matplotlib.pyplot as plt

    import autograder.checks
    import autograder.checks.grading

    def nothing(*_: Any, **__: Any) -> None:
        """Do nothing: nobody is looking."""

    shell = Shell(namespace)
    builtins.display = nothing  # type: ignore[attr-defined]
    for module in (builtins, IPython, IPython.core.getipython):
        module.get_ipython = lambda: shell  # type: ignore[attr-defined]
    plt.switch_backend("agg")
    matplotlib.use = plt.switch_backend = nothing  # there are no windows here
    plt.show = plt.pause = nothing
    for module in (autograder.checks, autograder.checks.grading):
        module.check = nothing  # type: ignore[attr-defined]
        module.grade = nothing  # type: ignore[attr-defined]

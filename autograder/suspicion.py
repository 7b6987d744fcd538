"""Code that a person should look at: a reading of a student's cells, which costs no points.

Nothing is run. What is found is a reason to look, not a proof; and who wants to hide something from
this reading can. The sandbox protects the grader, whatever the code looks like.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from autograder import suspicion_rules as rules
from autograder.sandbox.session import Program
from autograder.suspicion_code import Finding, in_code, shown

MAX_FINDINGS = 20
MAX_CELL = 100_000
"""Characters of a cell that are parsed; a longer one is only searched."""
_USUAL = {"np": "numpy", "plt": "matplotlib.pyplot"}
_FAILURES = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


def look(sources: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What a person should look at in cells, given as (label, source). Never raises.

    The sentences start with the label, such as "the cell of E5.1, line 3, imports ctypes".
    """
    trees = [_parsed(source) for _, source in sources]
    names = dict(_USUAL)
    for tree in trees:
        names |= _imported(tree)
    found: list[str] = []
    for (label, source), tree in zip(sources, trees, strict=True):
        findings = [*_in_text(source), *in_code(source, tree, names)]
        phrases: dict[str, int] = {}
        for line, phrase in sorted(findings):
            phrases.setdefault(phrase, line)
        found += [f"{label}, line {line}, {phrase}" for phrase, line in phrases.items()]
    return _bounded(found)


def look_at_program(program: Program, released: Collection[str]) -> tuple[str, ...]:
    """What a person should look at in what a student has written: cells and helper files.

    Cells that stand so in the released notebook are left out.
    """
    cells = [(program.label(c.number), c.source) for c in program.cells if c.source not in released]
    files = [
        (f"the file {shown(name)}", data[:MAX_CELL].decode("utf-8", "replace"))
        for name, data in program.files.items()
        if name.endswith(".py")
    ]
    return look([*cells, *files])


def look_at_text(sources: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The same for texts that are not code, such as the answer to an open question."""
    found = [
        f"{label}, line {line}, {phrase}"
        for label, source in sources
        for line, phrase in dict.fromkeys(_in_text(source))
    ]
    return _bounded(found)


def _bounded(found: list[str]) -> tuple[str, ...]:
    rest = len(found) - MAX_FINDINGS
    more = (f"and {rest} more of this kind",) if rest > 0 else ()
    return (*found[:MAX_FINDINGS], *more)


def _parsed(source: str) -> ast.Module | None:
    """The code of a cell, without its magics; None if it cannot be parsed."""
    if len(source) > MAX_CELL:
        return None
    lines = [_without_magic(line) for line in source.splitlines()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse("\n".join(lines))
    except _FAILURES:
        return None


def _without_magic(line: str) -> str:
    start = line.lstrip()
    magic = start.startswith(("%", "!")) and not start.startswith("!=")
    return line[: -len(start)] + "pass" if magic else line


def _imported(tree: ast.Module | None) -> dict[str, str]:
    """The names that the imports of a cell bind, and what they stand for."""
    names = {}
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _in_text(source: str) -> Iterator[Finding]:
    """What can be seen without parsing: texts, packed code, hidden characters, commands."""
    patterns = [pattern for pattern in _PHRASES if pattern.search(source)]
    for number, line in enumerate(source.splitlines() if patterns else (), 1):
        for pattern in patterns:
            if match := pattern.search(line):
                yield number, _PHRASES[pattern](match)


_PHRASES: Mapping[re.Pattern[str], Callable[[re.Match[str]], str]] = {
    rules.TO_THE_GRADER: lambda m: f'seems to address whoever grades: "{shown(m[0])}"',
    rules.PACKED: lambda m: f"holds a text of {len(m[0])} characters without spaces",
    rules.HIDDEN: lambda m: f"holds a character that cannot be seen (U+{ord(m[0]):04X})",
    rules.COMMAND: lambda m: f"would run a command of the system: {shown(m['line'] or m['magic'])}",
}

"""Taking the right answers out of the misconception banks.

The checks need the wrong answers, to tell a student which mistake was made. The right ones beside
them are there to test the checks, and no student's copy needs them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping

_KEPT = ("WRONG", "RIGHT", "__all__")
_BOUND = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)


def trimmed(banks: Mapping[str, str], others: Iterable[str]) -> dict[str, str]:
    """The banks' sources, by module, with no right answers, nor what only those are made of.

    `others` are the sources of all modules that may use something of a bank.
    """
    known = set(banks)
    asked = [_asked_for(ast.parse(source), known) for source in others]
    found = {name: _without_right(source) for name, source in banks.items()}
    changed = known
    trees: dict[str, ast.Module] = {}
    by_banks: dict[str, set[tuple[str, str]]] = {}
    while changed:
        trees |= {name: ast.parse(found[name]) for name in changed}
        by_banks |= {name: _asked_for(trees[name], known) for name in changed}
        wanted: set[tuple[str, str]] = set().union(*asked, *by_banks.values())
        swept = {name: _swept(found[name], trees[name], wanted, name) for name in found}
        changed = {name for name in found if swept[name] != found[name]}
        found = swept
    return found


def _without_right(source: str) -> str:
    """With `RIGHT` empty."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and "RIGHT" in _names(node):
            lines = source.splitlines(keepends=True)
            lines[node.lineno - 1 : node.end_lineno] = ["RIGHT = ()\n"]
            return "".join(lines)
    return source


def _asked_for(tree: ast.Module, banks: set[str]) -> set[tuple[str, str]]:
    """What a module takes of the banks, imported from them or as their attribute."""
    asked: set[tuple[str, str]] = set()
    modules: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            asked |= {(node.module, alias.name) for alias in node.names if node.module in banks}
            named = {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            modules |= {name: module for name, module in named.items() if module in banks}
    if modules:
        for found in ast.walk(tree):
            if isinstance(found, ast.Attribute) and isinstance(found.value, ast.Name):
                asked.add((modules.get(found.value.id, ""), found.attr))
    return asked


def _swept(source: str, tree: ast.Module, asked: set[tuple[str, str]], module: str) -> str:
    """Without the definitions that nothing in the module, and nothing outside, uses."""
    wanted = {*_KEPT, *(name for place, name in asked if place == module)}
    definitions = [node for node in tree.body if isinstance(node, _BOUND)]
    waiting: list[ast.AST] = [node for node in tree.body if node not in definitions]
    waiting += [node for node in definitions if _names(node) & wanted or _is_future(node)]
    kept = set(waiting)
    while waiting:
        used = {n.id for n in ast.walk(waiting.pop()) if isinstance(n, ast.Name)}
        more = [node for node in definitions if node not in kept and _names(node) & used]
        kept.update(more)
        waiting += more
    lines = source.splitlines(keepends=True)
    for node in reversed(definitions):
        if node not in kept:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            del lines[first - 1 : node.end_lineno]
    return re.sub(r"\n{4,}", "\n\n\n", "".join(lines))


def _names(node: ast.AST) -> set[str]:
    """What a statement binds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _is_future(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"

"""Taking the right answers out of the misconception banks.

The checks need the wrong answers, to tell a student which mistake was made. The right ones beside
them are there to test the checks, and no student's copy needs them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

_KEPT = ("WRONG", "RIGHT", "__all__")
_BOUND = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)


def trimmed(banks: Mapping[str, str], others: Iterable[str]) -> dict[str, str]:
    """The banks' sources, by module, with no right answers, nor what only those are made of.

    `others` are the sources of all modules that may use something of a bank.
    """
    trees = {name: ast.parse(source) for name, source in banks.items()}
    emptied = {name: _without_right(source, trees[name]) for name, source in banks.items()}
    users = [ast.parse(source) for source in others]
    while True:
        trees = {name: ast.parse(source) for name, source in emptied.items()}
        asked = _asked_for([*users, *trees.values()])
        swept = {name: _swept(emptied[name], trees[name], asked.get(name, set())) for name in trees}
        if swept == emptied:
            return swept
        emptied = swept


def _without_right(source: str, tree: ast.Module) -> str:
    """With `RIGHT` empty."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _names(node) == {"RIGHT"}:
            lines = source.splitlines(keepends=True)
            lines[node.lineno - 1 : node.end_lineno] = ["RIGHT = ()\n"]
            return "".join(lines)
    return source


def _asked_for(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """What is taken from each module by others: imported from it, or as its attribute."""
    asked: dict[str, set[str]] = {}
    for tree in trees:
        modules: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                asked.setdefault(node.module, set()).update(a.name for a in node.names)
                modules |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = modules.get(node.value.id, "")
                asked.setdefault(module, set()).add(node.attr)
    return asked


def _swept(source: str, tree: ast.Module, asked: set[str]) -> str:
    """Without the definitions that nothing in the module, and nothing outside, uses."""
    wanted = {*_KEPT, *asked}
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
    return "".join(lines)


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

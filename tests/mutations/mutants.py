"""Mutants of the library: each is one module with one mistake of the kind people make.

    sign       a + b for a - b and the other way round, x for -x
    square     sd for variance: x for x², or x for its root
    jacobian   the log-determinant of a transform forgotten
    entropy    the entropy, or log q, forgotten
    scale      the factor N / B of a minibatch forgotten

Places where such a change is none of a formula (indices, shapes, conditions, messages) are left
alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Calls whose arguments are shapes, counts or words.
NO_FORMULA = {
    "arange", "broadcast_shapes", "empty", "eye", "field", "getattr", "isinstance", "join",
    "leggauss", "len", "linspace", "ndindex", "ones", "range", "slice", "tril_indices", "zeros",
}  # fmt: skip
#: Calls of which only the first argument can be a formula.
FIRST_ONLY = {"broadcast_to", "reshape", "split", "swapaxes", "tile", "transpose", "tril", "triu"}
JACOBIANS = {"log_abs_det_jacobian", "log_det_jacobian"}
ENTROPIES = {"entropy", "log_prob"}
SCALES = {"scale", "num_batches"}


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes:
        kind: sign, square, jacobian, entropy or scale.
        line: of the original source.
        before: the original expression.
        after: the mutated expression.
        source: the whole mutated module.
    """

    kind: str
    line: int
    before: str
    after: str
    source: str

    @property
    def label(self) -> str:
        """Kind and change in one line."""
        return f"{self.kind}: {self.before}  ->  {self.after}"


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _formulas(tree):
        for kind, changed in _changes(node):
            before, after = ast.unparse(node), ast.unparse(changed)
            if before != after:
                yield Mutant(kind, node.lineno, before, after, _replaced(tree, node, changed))


def _formulas(node: ast.AST) -> Iterator[ast.expr]:
    """Every expression that may be part of a formula."""
    for child in _children(node):
        if isinstance(child, ast.expr):
            yield child
        yield from _formulas(child)


def _children(node: ast.AST) -> list[ast.AST]:
    """The parts of a node in which a formula may stand."""
    if isinstance(node, (ast.JoinedStr, ast.Raise, ast.Assert, ast.Compare, ast.ImportFrom)):
        return []
    if isinstance(node, ast.Subscript):
        return [node.value]
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return list(node.body)
    if isinstance(node, (ast.If, ast.While)):
        return [*node.body, *node.orelse]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.AnnAssign):
        return [node.value] if node.value is not None else []
    if isinstance(node, ast.Call):
        name = _name(node.func)
        if name in NO_FORMULA or name.startswith(("require_", "_require", "_check")):
            return []
        if name in FIRST_ONLY:
            return [node.func, *node.args[:1]]
        return [node.func, *node.args, *[k.value for k in node.keywords if k.arg != "axis"]]
    return list(ast.iter_child_nodes(node))


def _changes(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.BinOp):
        left, right = node.left, node.right
        words = any(isinstance(part, (ast.JoinedStr, ast.List, ast.Tuple)) or
                    (isinstance(part, ast.Constant) and isinstance(part.value, (str, int)))
                    for part in (left, right))  # fmt: skip
        if isinstance(node.op, (ast.Add, ast.Sub)) and not words and not _is_zeros(right):
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield "sign", ast.BinOp(left, other, right)
            if _calls(right, JACOBIANS):
                yield "jacobian", left
            if _calls(left, JACOBIANS):
                yield "jacobian", right
            if _calls(right, ENTROPIES):
                yield "entropy", left
        power = right.value if isinstance(right, ast.Constant) else None
        if isinstance(node.op, ast.Pow) and power in (2, 0.5):
            yield "square", left
        if isinstance(node.op, ast.Mult) and _names(left, SCALES):
            yield "scale", right
        if isinstance(node.op, (ast.Mult, ast.Div)) and _names(right, SCALES):
            yield "scale", left
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        if not isinstance(node.operand, ast.Constant) or isinstance(node.operand.value, float):
            yield "sign", node.operand
    elif isinstance(node, ast.Call) and _name(node.func) == "sqrt" and len(node.args) == 1:
        yield "square", node.args[0]


def _is_zeros(node: ast.expr) -> bool:
    """Whether a term only lends its shape: zeros, by name or as a call."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return _name(node.func if isinstance(node, ast.Call) else node) in {"zeros", "more"}


def _calls(node: ast.expr, names: set[str]) -> bool:
    return any(isinstance(n, ast.Call) and _name(n.func) in names for n in ast.walk(node))


def _names(node: ast.expr, names: set[str]) -> bool:
    """Whether the node itself is one of these names, or an attribute so called."""
    return _name(node) in names


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _replaced(tree: ast.Module, old: ast.expr, new: ast.expr) -> str:
    """The module with one expression replaced."""
    position = next(i for i, node in enumerate(ast.walk(tree)) if node is old)
    twin = copy.deepcopy(tree)
    target = next(node for i, node in enumerate(ast.walk(twin)) if i == position)

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return copy.deepcopy(new) if node is target else super().generic_visit(node)

    return ast.unparse(ast.fix_missing_locations(Swap().visit(twin)))

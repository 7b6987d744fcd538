"""What stands in one cell's code that a person should look at, node by node; see `suspicion`."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping

from autograder import suspicion_rules as rules

_SHOWN = 60
_MAX_LINE = 2000
_MAX_TEXT = 100_000

Finding = tuple[int, str]
"""A line, and what stands there."""


def in_code(source: str, tree: ast.Module | None, names: Mapping[str, str]) -> Iterator[Finding]:
    """Findings in a cell; `names` says what imported names stand for. No tree: not parsable."""
    if tree is None:
        yield from _in_tokens(source)
        return
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if id(node) not in docstrings:
            line = getattr(node, "lineno", 0)
            for phrase in _in_node(node, names):
                yield line, phrase


def _in_node(node: ast.AST, names: Mapping[str, str]) -> Iterator[str]:
    match node:
        case ast.Import():
            for alias in node.names:
                yield from _imports(alias.name)
        case ast.ImportFrom():
            for alias in node.names:
                yield from _imports(f"{node.module or '.'}.{alias.name}")
        case ast.Attribute():
            yield from _attribute(node, names)
        case ast.Name(id="__builtins__" | "__loader__" | "__spec__"):
            yield f"uses {node.id}"
        case ast.Call():
            yield from _call(node, names)
        case ast.FunctionDef() if node.name in rules.METHODS:
            yield f"defines {node.name}"
        case ast.FunctionDef(name="__eq__", body=[ast.Return(value=ast.Constant(value=True))]):
            yield "defines an __eq__ that always says True"
        case ast.Subscript(ctx=ast.Store() | ast.Del()):
            if (base := _inner(node.value, names)) and _is_foreign(base):
                yield f"changes {shown(base)}, which belongs to a library"
        case ast.Constant(value=str(text)) if rules.PATH.match(text):
            yield f"names the path {shown(text)}"
        case ast.Constant(value=bytes(text)) if rules.PATH.match(text.decode("latin-1")):
            yield f"names the path {shown(text.decode('latin-1'))}"


def _imports(name: str) -> Iterator[str]:
    """What to say of `import name`, or of `from m import n` with the name `m.n`."""
    parts = name.split(".")
    starts = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    module = min(starts & rules.MODULES, default="")
    if module:
        yield f"imports {module}"
    elif _is_reserved(name):
        yield f"imports {shown(name)}"


def _is_reserved(name: str) -> bool:
    if name in rules.OPEN_TO_ALL or name == "autograder.checks":
        return False
    return name in rules.DOTTED or name.startswith(rules.STARTS)


def _attribute(node: ast.Attribute, names: Mapping[str, str]) -> Iterator[str]:
    dotted = _dotted(node, names)
    if dotted and _is_reserved(dotted):
        yield f"uses {shown(dotted)}"
    elif node.attr in rules.ATTRIBUTES:
        yield f"uses {node.attr}"
    elif node.attr in rules.SHELL and _is_call_of(node.value, "get_ipython"):
        yield f"uses get_ipython().{node.attr}"
    if isinstance(node.ctx, ast.Load):
        return
    if dotted and _is_foreign(dotted):
        yield f"assigns to {shown(dotted)}, which belongs to a library"
    elif node.attr in ("__class__", "__dict__"):
        yield f"assigns to {node.attr}"


def _is_foreign(dotted: str) -> bool:
    return dotted.partition(".")[0] in rules.LIBRARIES and not dotted.endswith(
        ("rcParams", "environ")
    )


def _call(node: ast.Call, names: Mapping[str, str]) -> Iterator[str]:
    called = _dotted(node.func, names)
    first = node.args[0] if node.args else None
    second = node.args[1] if len(node.args) > 1 else None
    if called in rules.RUNS_TEXT:
        yield f"calls {called}, which runs a text as code"
    elif called in ("getattr", "setattr", "delattr") and second is not None:
        if isinstance(second, ast.Constant) and second.value in rules.ATTRIBUTES:
            yield f"uses {second.value}"
        elif isinstance(second, ast.BinOp | ast.JoinedStr | ast.Call | ast.Subscript):
            yield f"calls {called} with a name that is put together"
        if called != "getattr" and first is not None and _is_foreign(_dotted(first, names)):
            owner = shown(_dotted(first, names))
            yield f"calls {called} on {owner}, which belongs to a library"
    elif called == "open":
        mode = next((k.value for k in node.keywords if k.arg == "mode"), second)
        if mode is not None and not _only_reads(mode):
            yield "opens a file for writing"
    elif isinstance(node.func, ast.Attribute) and node.func.attr in rules.WRITES:
        yield f"calls {node.func.attr}, which changes files"


def _only_reads(mode: ast.expr) -> bool:
    return isinstance(mode, ast.Constant) and not set("wax+") & set(str(mode.value))


def _is_call_of(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _inner(node: ast.expr, names: Mapping[str, str]) -> str:
    """The library that `vars(library)` or `library.__dict__` opens, or the dotted name itself."""
    if _is_call_of(node, "vars") and isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    return _dotted(node, names)


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    """`np.testing.f` as "numpy.testing.f"; "" for what is not a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def _in_tokens(source: str) -> Iterator[Finding]:
    """What can be said of code that cannot be parsed, line by line."""
    for number, line in enumerate(source[:_MAX_TEXT].splitlines(), 1):
        tokens = _tokens(line[:_MAX_LINE])
        for index, token in enumerate(tokens):
            before = tokens[index - 1] if index else ""
            after = tokens[index + 1] if index + 1 < len(tokens) else ""
            if before in ("import", "from") and (phrase := next(_imports(token), "")):
                yield number, phrase
            elif token in rules.ATTRIBUTES:
                yield number, f"uses {token}"
            elif before == "." and index > 1 and _is_reserved(f"{tokens[index - 2]}.{token}"):
                yield number, f"uses {tokens[index - 2]}.{token}"
            elif token in rules.RUNS_TEXT and after == "(" and before != ".":
                yield number, f"calls {token}, which runs a text as code"
            elif token[-1:] in ("'", '"') and rules.PATH.match(token.strip("rbfRBF'\"")):
                yield number, f"names the path {shown(token)}"


def _tokens(line: str) -> list[str]:
    found: list[str] = []
    try:
        found += [t.string for t in tokenize.generate_tokens(io.StringIO(line.strip()).readline)]
    except (tokenize.TokenError, SyntaxError):
        found += line.split()
    return found


def shown(text: str) -> str:
    """A text of the student's, short and without anything that could act where it is shown."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    plain = plain.encode("utf-8", "replace").decode()
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"

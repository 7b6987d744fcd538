"""Imports point one way: notebooks, then autograder.checks, then vi_lib; and never upward."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = ("autograder", "vi_lib", "tests", "docs", "benchmarks")

#: What the files of a folder may import of the project; an inner folder has a line of its own.
ALLOWED = {
    "solutions": ("autograder.checks", "vi_lib"),
    "autograder/checks": ("autograder.checks", "vi_lib"),
    "autograder/sandbox": ("autograder.checks", "autograder.sandbox", "vi_lib"),
    "autograder": ("autograder", "vi_lib"),
    "vi_lib": ("vi_lib",),
}


def files(folder: str) -> list[Path]:
    inner = [other for other in ALLOWED if other.startswith(f"{folder}/")]
    found = sorted((ROOT / folder).rglob("*.py"))
    return [path for path in found if not any(path.is_relative_to(ROOT / i) for i in inner)]


def imports(path: Path) -> set[str]:
    """The modules of the project that a file imports, anywhere in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import"
            modules.add(str(node.module))
    return {module for module in modules if module.split(".")[0] in PROJECT}


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_point_downward(folder: str) -> None:
    assert files(folder)
    for path in files(folder):
        for module in imports(path):
            allowed = any(module == a or module.startswith(f"{a}.") for a in ALLOWED[folder])
            assert allowed, f"{path.relative_to(ROOT)} imports {module}"


def test_the_sandbox_knows_no_exercise() -> None:
    known = {module for path in files("autograder/sandbox") for module in imports(path)}
    assert not [m for m in known if "lesson" in m or ".bank" in m or m.endswith(".registry")]


def test_importing_the_checks_loads_no_exercise() -> None:
    import subprocess
    import sys

    code = "import sys, autograder.checks; print([m for m in sys.modules if 'checks.lesson' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

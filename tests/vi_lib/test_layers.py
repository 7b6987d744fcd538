"""The library's architecture: imports go downward, start-up is light, modules are one idea."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vi_lib

FOLDER = Path(vi_lib.__file__).parent

#: Bottom up. A module may import from the layers below its own, and a name with an underscore,
#: which is a part of the module that it was cut from, from its own layer as well.
LAYERS = (
    ("_check",),
    ("_special", "datasets"),
    ("densities", "transforms"),
    ("families", "layout", "gaussian_gamma"),
    ("_gradients", "_certify", "estimators", "optimizers", "stopping", "storage"),
    ("_fit_checks", "result"),
    ("bbvi", "cavi", "fit"),
    ("model",),
    ("advi",),
    ("_scale_mixture", "_unknown_scale", "oracles", "_marginals", "figure", "flipbook", "plots"),
)
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
#: Helpers that modules of the same layer share.
SHARED = {"figure"}
MODULES = sorted(path for path in FOLDER.glob("*.py") if path.stem != "__init__")
modules = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)

THIRD_PARTY = {"autograd", "numpy", "scipy", "tqdm"}
FIGURES = {"cycler", "matplotlib", "PIL"}
FIGURE_MODULES = {"_marginals", "figure", "flipbook", "plots"}


def imports(path):
    """(module, names, whether at the top) of each import statement."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, (), node in tree.body
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: write imports in full"
            yield node.module, tuple(alias.name for alias in node.names), node in tree.body


def own_imports(path):
    for module, names, _ in imports(path):
        if module == "vi_lib":
            yield from names
        elif module.startswith("vi_lib."):
            yield module.removeprefix("vi_lib.")


def test_every_module_has_a_layer():
    assert {path.stem for path in MODULES} == set(LEVEL)


@modules
def test_imports_go_downward_only(path):
    for name in own_imports(path):
        below = LEVEL[name] < LEVEL[path.stem]
        same = LEVEL[name] == LEVEL[path.stem] and (name.startswith("_") or name in SHARED)
        assert below or same, f"{path.stem} imports {name}, which is not below it"


def test_no_module_imports_itself_in_a_circle():
    graph = {path.stem: set(own_imports(path)) for path in MODULES}
    done: set[str] = set()
    while ready := {name for name, needs in graph.items() if name not in done and needs <= done}:
        done |= ready
    assert done == set(graph), f"in a circle: {sorted(set(graph) - done)}"


@modules
def test_nothing_of_the_project_outside_and_no_new_dependency(path):
    allowed = THIRD_PARTY | (FIGURES if path.stem in FIGURE_MODULES else set())
    for module, _, _ in imports(path):
        top = module.split(".")[0]
        assert top == "vi_lib" or top in allowed or top in sys.stdlib_module_names, module


@modules
def test_slow_parts_are_imported_where_they_are_used(path):
    """autograd.scipy loads all of scipy; scipy itself takes longer than the rest of vi_lib."""
    for module, names, at_the_top in imports(path):
        assert not module.startswith("autograd.scipy")
        if at_the_top:
            assert module.split(".")[0] not in ("scipy", "tqdm"), (module, names)


def test_import_loads_no_figures_and_no_scipy():
    code = "import sys, vi_lib; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"PIL", "matplotlib", "pandas", "scipy", "seaborn", "tqdm"}


@modules
def test_a_module_is_one_idea(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    # Docstrings state formula, shapes and errors, so a module of many functions grows with them.
    assert lines <= 280, f"{path.stem} has {lines} lines: cut it in two"


@modules
def test_no_global_random_numbers(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "random"
    }
    assert used <= {"Generator", "default_rng"}


@modules
def test_every_function_has_hints_and_every_public_one_a_docstring(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            unhinted = [a.arg for a in arguments if a.annotation is None and a.arg != "self"]
            assert node.returns is not None, f"{path.stem}.{node.name} returns what?"
            assert set(unhinted) <= {"cls"}, f"{path.stem}.{node.name}: {unhinted}"
    public = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    for node in public:
        if not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.stem}.{node.name} has no docstring"


def test_public_names_exist():
    assert sorted(vi_lib.__all__) == list(vi_lib.__all__)
    for name in vi_lib.__all__:
        assert getattr(vi_lib, name) is not None

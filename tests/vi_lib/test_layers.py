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
#: which is a part of the module that it was cut from, from its own layer as well. The modules of a
#: package share its layer and import one another as they like, though not in a circle.
LAYERS = (
    ("_check",),
    ("_tape_program", "_tape_gradients", "_tape", "_replay"),
    ("_special", "datasets"),
    ("densities", "transforms", "_simplex", "sampling", "_implicit", "expfam", "_wishart"),
    (
        "_family",
        "_matrices",
        "_low_rank",
        "_quantile",
        "_mixture",
        "_flow",
        "families",
        "full_rank",
        "_projection",
        "divergences",
        "layout",
        "gaussian_gamma",
    ),
    (
        "_gradients",
        "_certify",
        "_importance",
        "_control",
        "estimators",
        "optimizers",
        "stopping",
        "storage",
    ),
    ("diagnostics",),
    ("_fit_checks", "_trust", "result"),
    (
        "bbvi",
        "pathwise",
        "_conjugate",
        "_regression",
        "_gaussian_mixture",
        "_bayesian_mixture",
        "_ising",
        "_stochastic",
        "cavi",
        "svi",
        "_progress",
        "_anneal",
        "_step_gradient",
        "fit",
    ),
    ("eta",),
    ("model",),
    (
        "advi",
        "_newton",
        "_dadvi",
        "_dadvi_plan",
        "_dadvi_result",
        "dadvi",
        "predictive",
    ),
    ("inference_data",),
    ("amortised", "ppl"),
    (
        "_scale_mixture",
        "_unknown_scale",
        "_toy_targets",
        "_linear_gaussian",
        "_discrete",
        "_quadrature",
        "oracles",
        "_clinic_cases",
        "clinic",
        "_marginals",
        "figure",
        "flipbook",
        "latent_plots",
        "plots",
    ),
)
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
#: Helpers that modules of the same layer share.
SHARED = {"figure"}
PATHS = sorted(path for path in FOLDER.rglob("*.py") if path != FOLDER / "__init__.py")


def name_of(path):
    """`fit` for vi_lib/fit.py, `ppl` for vi_lib/ppl/__init__.py, `ppl.trace` for its module."""
    return ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__")


def top(name):
    return name.split(".")[0]


MODULES = {name_of(path): path for path in PATHS}
modules = pytest.mark.parametrize("path", PATHS, ids=name_of)

THIRD_PARTY = {"autograd", "numpy", "scipy", "tqdm"}
FIGURES = {"cycler", "matplotlib", "PIL"}
FIGURE_MODULES = {"_marginals", "figure", "flipbook", "latent_plots", "plots"}
#: Imported in the one function that needs it, with an error that says how to install it.
OPTIONAL = {"inference_data": {"arviz", "xarray"}}


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
    """Modules of the library that this one imports; a package's own by their full name."""
    for module, names, _ in imports(path):
        if module == "vi_lib":
            yield from names
        elif module.startswith("vi_lib."):
            module = module.removeprefix("vi_lib.")
            parts = [f"{module}.{name}" for name in names if f"{module}.{name}" in MODULES]
            yield from parts or [module]


def test_every_module_has_a_layer():
    assert {top(name) for name in MODULES} <= set(LEVEL)


@modules
def test_imports_go_downward_only(path):
    own = name_of(path)
    for name in own_imports(path):
        below = LEVEL[top(name)] < LEVEL[top(own)]
        same = LEVEL[top(name)] == LEVEL[top(own)]
        part = same and (name.startswith("_") or name in SHARED or top(name) == top(own))
        assert below or part, f"{own} imports {name}, which is not below it"


def test_no_module_imports_itself_in_a_circle():
    graph = {name: set(own_imports(path)) for name, path in MODULES.items()}
    done: set[str] = set()
    while ready := {name for name, needs in graph.items() if name not in done and needs <= done}:
        done |= ready
    assert done == set(graph), f"in a circle: {sorted(set(graph) - done)}"


@modules
def test_nothing_of_the_project_outside_and_no_new_dependency(path):
    own = name_of(path)
    allowed = THIRD_PARTY | (FIGURES if own in FIGURE_MODULES else set())
    allowed |= OPTIONAL.get(own, set())
    for module, _, _ in imports(path):
        package = top(module)
        known = {"vi_lib"} | allowed | set(sys.stdlib_module_names)
        assert package in known, module


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

"""The reference: a page for every public module, a docstring for everything on it, with shapes."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/api"
sys.path.append(str(ROOT / "docs"))

import api  # noqa: E402

#: A shape as the docstrings write it: (M, D), (P,), (..., D), (M, *shape), (D + R,); or the words.
AXIS = r"(?:\.\.\.|\d+|n|height|width|num_\w+|\*[\w.]+|[A-Z]\w*'?(?:[-+*/^() \w]*[\w)])?)"
SHAPE = re.compile(rf"\({AXIS}(?:,|(?:, {AXIS})+)\)|\((?:\.\.\.|\*\w+)\)")
WORDS = re.compile(r"\b(elementwise|any shape)\b")


def members(module: Any) -> Iterator[tuple[str, Any, str]]:
    """(name, function or class, what its classes say of it) of all that a module's page shows."""
    exported = getattr(module, "__all__", None)
    for name, thing in vars(module).items():
        if not (inspect.isfunction(thing) or inspect.isclass(thing)):
            continue
        own = name in exported if exported is not None else thing.__module__ == module.__name__
        if not own or name.startswith("_") or not thing.__module__.startswith("vi_lib"):
            continue
        yield name, thing, ""
        for key, value in vars(thing).items() if inspect.isclass(thing) else ():
            value = value.fget if isinstance(value, property) else value
            value = getattr(value, "func", getattr(value, "__func__", value))
            if inspect.isfunction(value) and not key.startswith("_"):
                bases = [vars(base).get(key) for base in thing.__mro__[1:]]
                inherited = [base.__doc__ for base in bases if base]
                yield f"{name}.{key}", value, f"{thing.__doc__} {inherited}"


def everything() -> Iterator[tuple[str, Any, str]]:
    for module in api.public_modules():
        for name, thing, about in members(importlib.import_module(f"vi_lib.{module}")):
            yield f"{module}.{name}", thing, about


def on_pages(pattern: str) -> set[str]:
    return {name for path in PAGES.glob("*.md") for name in re.findall(pattern, path.read_text())}


def test_every_public_module_is_on_a_page_and_every_page_is_of_a_module() -> None:
    assert on_pages(r"automodule:: vi_lib\.(\S+)") == set(api.public_modules())
    top = {name for name in api.public_modules() if "." not in name}
    assert {path.stem for path in PAGES.glob("*.md")} == top | {"index", "vi_lib"}


def test_the_index_lists_every_page() -> None:
    index = (PAGES / "index.md").read_text()
    linked, below = set(re.findall(r"\]\((\w+)\.md\)", index)), index.split("{toctree}")[1]
    pages = {path.stem for path in PAGES.glob("*.md")} - {"index"}
    assert linked == set(re.findall(r"^\w+$", below, flags=re.M)) == pages


def test_the_pages_are_as_written_by_the_script() -> None:
    for name, text in api.pages().items():
        assert (PAGES / name).read_text() == text, "run: python docs/api.py"


def test_everything_public_has_a_docstring() -> None:
    bare = [name for name, thing, _ in everything() if not thing.__doc__]
    assert not bare


def test_every_public_function_that_takes_arrays_states_their_shapes() -> None:
    silent = []
    for name, thing, about in everything():
        if inspect.isfunction(thing):
            text = f"{inspect.getdoc(thing)} {about}"
            hints = [str(hint) for key, hint in thing.__annotations__.items() if key != "return"]
            takes = any(re.search(r"(?<!\w)(Array|np\.ndarray)$", hint) for hint in hints)
            if takes and not SHAPE.search(text) and not WORDS.search(text):
                silent.append(name)
    assert not silent, f"no shape like (M, D) in the docstring of {', '.join(silent)}"


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("the largest |z| of `lam`", r"the largest \|z\| of ``lam``"),
        (
            "theta (M, *shape), not *all* of `param`s",
            r"theta (M, \*shape), not *all* of ``param``\ s",
        ),
        ("``a | b`` as it is", "``a | b`` as it is"),
    ],
)
def test_signs_are_typeset_as_they_are_meant(line: str, written: str) -> None:
    assert api.typeset(line) == written


def test_indented_formulas_become_literal_blocks() -> None:
    text = ["Return the sum:", "", "    a + |b|", "    c", "", "Args:", "    x: |x|", "", "End"]
    assert api.as_restructured_text(text) == [
        *("Return the sum:", "", ".. code-block:: text", "", "    a + |b|", "    c", ""),
        *("Args:", r"    x: \|x\|", "", "End"),
    ]

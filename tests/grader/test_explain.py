"""What an error means to its author; which cell binds what; what magics do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from autograder.sandbox.cells import Code
from autograder.sandbox.explain import advice, alike, unknown_name
from autograder.sandbox.program import Program, binds
from autograder.sandbox.shell import Nothing, Shell, plain_python


def syntax_error(source: str) -> tuple[str, str, str]:
    """The kind and the message of the error that Python reports, and its line."""
    with pytest.raises(SyntaxError) as caught:
        compile(source, "<cell>", "exec")
    line = source.splitlines()[(caught.value.lineno or 1) - 1]
    return type(caught.value).__name__, str(caught.value.msg), line


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = “a”", 'type " instead (its name is left double quotation mark)'),
        ("x = ‘a’", "type ' instead"),
        ("x = 3 − 2", "type - instead"),
        ("x = 3 × 2", "type * instead"),
        ("x\u00a0= 3", "delete it and type a space"),
        ("x\u2009= 3", "delete it and type a space"),
        ("x\u200b = 3", "invisible"),
        ("x = 3 €", "no part of Python (its name is euro sign)"),
        ("print 'x'", "This is Python 2"),
        ("<<<<<<< HEAD\nx = 1", "marks of a merge conflict"),
    ],
)
def test_what_python_cannot_read_is_explained(source: str, words: str) -> None:
    assert words in advice(*syntax_error(source))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python knows it")
@pytest.mark.parametrize(
    "source", ["def f[T](x): pass", "class A[T]: pass", "type A = int", 'f"{d["a"]}"']
)
def test_newer_python_is_told_as_such(source: str) -> None:
    assert "graded with Python 3.11" in advice(*syntax_error(source))


@pytest.mark.parametrize("source", ["x = (1", "def f(x)\n    pass", "x = 'a", "1 +"])
def test_what_python_says_well_is_left_as_it_is(source: str) -> None:
    assert advice(*syntax_error(source)) == ""


@pytest.mark.parametrize(
    ("error", "message", "words"),
    [
        ("ModuleNotFoundError", "No module named 'torch.nn'", "torch is none of them"),
        ("ModuleNotFoundError", "No module named 'google.colab'", "in Colab only"),
        ("FileNotFoundError", "[Errno 2] ...: 'x.csv'", "handed in beside the notebook"),
        ("EOFError", "EOF when reading a line", "Nobody is there to type"),
        ("URLError", "<urlopen error>", "no network"),
        ("gaierror", "[Errno -2]", "no network"),
        ("ValueError", "no", ""),
        ("ImportError", "cannot import name 'x'", ""),
    ],
)
def test_what_is_not_there_is_told(error: str, message: str, words: str) -> None:
    found = advice(error, message)
    assert words in found if words else found == ""


def test_an_unknown_name_is_told_from_other_errors() -> None:
    assert unknown_name("NameError", "name 'np' is not defined. Did you mean") == "np"
    assert unknown_name("NameError", "cannot access free variable") is None
    assert unknown_name("ValueError", "name 'np' is not defined") is None


def test_a_name_that_is_nearly_right_is_found() -> None:
    assert "`Elbo`" in alike("elbo", ["np", "Elbo"])
    assert "`fitadvi`" in alike("fit_advi", ["fitadvi", "fit"])
    assert alike("elbo", ["elbo", "kl", "np"]) == ""
    assert alike("elbo", []) == ""


@pytest.mark.parametrize(
    ("source", "binds_f"),
    [
        ("def f(x): pass", True),
        ("f = 3", True),
        ("f: int = 3", True),
        ("a, (f, b) = 1, (2, 3)", True),
        ("import f", True),
        ("from a import b as f", True),
        ("for f in (): pass", True),
        ("if True:\n    class f: pass", True),
        ("def g():\n    f = 3", False),
        ("class A:\n    def f(self): pass", False),
        ("g = lambda: (f := 3)", False),
        ("g = [f for f in ()]", False),
        ("f.x = 3", False),
        ("f(3)", False),
        ("'def f(x): pass'", False),
        ("def f(x:\n", True),
        ("%time f = 3\nf = 4 +", True),
        ("# f\n(", False),
    ],
)
def test_a_cell_binds_what_it_defines_at_its_top_level(source: str, binds_f: bool) -> None:
    assert binds(source, "f") == binds_f


@pytest.mark.parametrize(
    "source", ["f" + "+f" * 50_000, "-" * 50_000 + "f", "(" * 5_000 + "f", "f\0", "f = '\ud800'"]
)
def test_hostile_code_is_looked_at_without_harm(source: str) -> None:
    assert binds(source, "g") is False
    binds(source, "f")


def test_the_last_cell_that_defines_a_name_counts_else_the_one_meant_for_it() -> None:
    cells = (Code(1, "def f(): pass"), Code(3, "f = 1"), Code(5, "g("))
    program = Program(cells, {5: "the cell of E5.2"}, answers={"g": 5, "f": 1})
    assert (program.defining("f"), program.defining("g"), program.defining("h")) == (3, 5, None)
    assert (program.label(5), program.label(1)) == ("the cell of E5.2", "cell 1")
    assert (program.line(1, 1), program.line(1, 2), program.line(9, 1)) == ("def f(): pass", "", "")


# Magics.


def run(source: str, names: dict[str, Any]) -> dict[str, Any]:
    shell = Shell(names)
    names["get_ipython"] = lambda: shell
    exec(plain_python(source), names)
    return names


@pytest.mark.parametrize(
    "source",
    [
        "%%time\nx = 3",
        "%time x = 3",
        "%%timeit -n 3 -r2 -q y = 1\nx = 3",
        "%timeit -o -n3 x = 3",
        "%%capture\nx = 3",
        "%%capture out\nx = 3\nassert not list(out)",
        "%%prun\nx = 3",
        "!false\nx = 3",
        "x = 3\nx?",
        "%no_such_thing\nx = 3",
    ],
)
def test_a_magic_leaves_the_notebook_its_names(source: str) -> None:
    assert run(source, {})["x"] == 3


def test_files_are_written_appended_and_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("%%writefile a.py\nx = 1", {})
    run("%%writefile -a a.py\nx += 1", {})
    run("%%file b.py\ny = 5", {})
    names = run("%run a.py\n%run -i b", {})
    assert (names["x"], names["y"]) == (2, 5)
    with pytest.raises(FileNotFoundError):
        run("%run nowhere.py", {})
    with pytest.raises(ValueError, match="the name of a file"):
        run("%run", {})


def test_nothing_does_nothing() -> None:
    nothing = Nothing()
    assert not nothing.anything.at(all=1)
    assert list(nothing) == []
    assert repr(nothing) == ""
    with pytest.raises(AttributeError):
        _ = nothing.__array__

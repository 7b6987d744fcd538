"""What is printed: fits a narrow terminal, and is left alone where a program reads it."""

from __future__ import annotations

import sys

import pytest

from autograder.checks.protocol import PartResult, Verdict
from autograder.checks.render import as_text
from autograder.terminal import fitted

LONG = "      `f` raised NameError: name 'y' is not defined (line 9 of your cell: return 1 + y)"


def test_lines_are_broken_between_words_and_set_in() -> None:
    assert fitted(LONG, 60).split("\n") == [
        "      `f` raised NameError: name 'y' is not defined (line 9",
        "        of your cell: return 1 + y)",
    ]
    assert fitted(f"   ok  {'word ' * 20}".rstrip(), 80, margin=7).split("\n")[1][:8] == "       w"
    assert fitted("short\n\n  lines", 80) == "short\n\n  lines"


def test_numbers_and_paths_stay_whole_however_narrow_the_terminal() -> None:
    path = "/a/very/long/path-with-hyphens/" + "x" * 60
    text = fitted(f"Expected a notebook at {path} and found none.", 10)
    assert path in text
    assert max(map(len, text.replace(path, "").split("\n"))) <= 40


def test_what_is_no_terminal_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fitted(LONG * 3) == LONG * 3
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "50")
    assert max(map(len, fitted(LONG).split("\n"))) <= 50


def test_the_same_reason_is_told_once() -> None:
    reason = "`f` did not finish within 2 s."
    parts = tuple(PartResult(name, 1.0, 0.0, reason) for name in ("value", "shapes", "zeros"))
    verdict = Verdict(
        exercise="E2.1",
        title="A mean",
        status="not yet correct",
        score=0.0,
        max_score=3.0,
        hints=(reason,),
        misconception=None,
        parts=parts,
    )
    text = as_text(verdict)
    assert text.count(reason) == 1
    assert text.count("The same.") == 2

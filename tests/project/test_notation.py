"""Lesson 0 holds the notation of all lessons, and no lesson's own table contradicts it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.notebooks import all_names, solution_text

ROOT = Path(__file__).parents[2]
HEADING = "| symbol | in code | meaning |"


@dataclass(frozen=True)
class Row:
    """A row of a table of symbols: the symbols, and the names that code has for them."""

    symbols: frozenset[str]
    names: frozenset[str]
    text: str

    @property
    def around(self) -> frozenset[str]:
        """The symbols, also without an index or an argument: m_i is an m, q(θ; λ) a q."""
        plain = {re.sub(r"_\{.*?\}|_\\?\w|\(.*\)$", "", symbol) for symbol in self.symbols}
        return self.symbols | plain


def split(formula: str) -> set[str]:
    """The symbols of a formula, which stand apart by commas and equal signs outside brackets."""
    plain = re.sub(r"\\[,;! ]|\s", "", formula)
    depth, found = 0, [""]
    for sign in plain:
        depth += (sign in "([{") - (sign in ")]}")
        if sign in ",=" and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return {symbol.removeprefix("(").removesuffix(")") for symbol in found if symbol}


def table(lesson: str) -> list[Row]:
    text = solution_text(lesson, ROOT).read_text(encoding="utf-8").replace("\n# ", "\n")
    if HEADING not in text:
        return []
    lines = text.split(HEADING, 1)[1].split("\n")[2:]
    rows = []
    for line in lines[: next(i for i, line in enumerate(lines) if not line.startswith("|"))]:
        first, second, *_ = line.replace(r"\|", "").strip("|").split(" | ")
        formulas = re.findall(r"\$(.+?)\$", first)
        # (μ, σ) in brackets are two symbols, too.
        inner = [part for f in formulas for part in re.findall(r"=\s*\((.+)\)$", f)]
        symbols = set().union(*map(split, [*formulas, *inner]))
        names = set(re.findall(r"`([A-Za-z]\w*)`", second))
        rows.append(Row(frozenset(symbols), frozenset(names), line))
    return rows


NOTATION = table("00_start")


def contradictions(row: Row) -> list[str]:
    """In what a row of a lesson differs from the notation of all."""
    found = []
    ours = [known for known in NOTATION if row.names & known.names]
    if ours and not any(row.around & known.around for known in ours):
        found.append(f"the name is that of something else: {ours[0].text}")
    ours = [known for known in NOTATION if row.symbols & known.symbols and known.names]
    if row.names and ours and not any(row.names & known.names for known in ours):
        found.append(f"the symbol has another name: {ours[0].text}")
    return found


def test_the_notation_is_one_page_and_names_each_thing_once() -> None:
    assert 20 <= len(NOTATION) <= 32
    symbols = [symbol for row in NOTATION for symbol in row.symbols]
    assert len(set(symbols)) == len(symbols)
    for row in NOTATION:
        assert contradictions(row) == []


@pytest.mark.parametrize("lesson", [name for name in all_names(ROOT) if name != "00_start"])
def test_a_lessons_symbols_agree_with_the_notation(lesson: str) -> None:
    found = [f"{row.text}\n  {said}" for row in table(lesson) for said in contradictions(row)]
    assert found == [], "\n".join(["rename, or mend the table of lesson 0:", *found])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Row(frozenset({"\\lambda"}), frozenset({"phi"}), ""), "the symbol has another name"),
        (Row(frozenset({"\\phi"}), frozenset({"lam"}), ""), "the name is that of something else"),
    ],
)
def test_a_contradiction_is_named(row: Row, said: str) -> None:
    assert contradictions(row)[0].startswith(said)

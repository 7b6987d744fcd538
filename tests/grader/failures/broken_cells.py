"""Cells that were deleted, edited, split, merged, moved, doubled; answers in unusual places."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import toy
from broken import ALL, NO_SQUARE, Case, edited, file, place, right, square

RIGHT = toy.RIGHT
POWER = "def square(x):\n    return x**two"
STUB = toy.STUB.format(name="square")
WRONG = "def square(x):\n    return x"
Change = Callable[[list[Any]], Any]


def without(*grade_ids: str) -> bytes:
    """A right notebook without some of its cells."""
    cells = right()
    for grade_id in grade_ids:
        del cells[place(cells, grade_id)]
    return file(cells)


def with_new(position: int, source: str, **answers: str) -> bytes:
    """A notebook with a new cell at a position; -1 is the end."""
    cells = right(**answers)
    cells.insert(position if position >= 0 else len(cells), toy.code(source))
    return file(cells)


def moved(grade_id: str, position: int) -> bytes:
    cells = right()
    cell = cells.pop(place(cells, grade_id))
    cells.insert(position if position >= 0 else len(cells), cell)
    return file(cells)


def doubled(grade_id: str, source: str | None = None, after: int = 1, **answers: str) -> bytes:
    """A cell stands twice, the second time with this source."""
    cells = right(**answers)
    at = place(cells, grade_id)
    twin = copy.deepcopy(cells[at])
    twin["source"] = twin["source"] if source is None else source
    cells.insert(at + after, twin)
    return file(cells)


def split(grade_id: str, first: str, second: str) -> bytes:
    """A cell in two, as JupyterLab does it: the second half is a new cell."""
    cells = right()
    at = place(cells, grade_id)
    cells[at]["source"] = first
    cells.insert(at + 1, toy.code(second))
    return file(cells)


def merged(first: str, second: str, kept: str) -> bytes:
    """Two cells in one, with the metadata of one of them."""
    cells = right()
    source = "\n".join(cells[place(cells, grade_id)]["source"] for grade_id in (first, second))
    cells[place(cells, kept)]["source"] = source
    del cells[place(cells, second if kept == first else first)]
    return file(cells)


def text_of(grade_id: str, source: str, **answers: str) -> bytes:
    return edited(lambda cells: cells[place(cells, grade_id)].update(source=source), **answers)


def _without_square() -> list[Any]:
    return [cell for cell in right() if "square" not in cell["source"]]


def _two() -> str:
    return f"{RIGHT['double']}\n{RIGHT['square']}"


def _answers_reversed(cells: list[Any]) -> None:
    cells[2:] = cells[:1:-1]


DELETED = [
    Case("answer deleted", without("E5-2"), scores=NO_SQUARE, says="`square` is not defined"),
    Case("check deleted", without("E5-2-check")),
    Case("all checks deleted", without("E5-1-check", "E5-2-check", "E5-3-check")),
    Case("open question deleted", without("O5"), note="open question O5 is missing"),
    Case(
        "imports deleted",
        edited(lambda cells: cells.pop(1)),
        scores={"E5.1": 0.0, "E5.2": 3.0, "E5.3": 0.0},
        says="name 'np' is not defined",
    ),
    Case("title deleted", edited(lambda cells: cells.pop(0))),
    Case(
        "answers deleted",
        without("E5-1", "E5-2", "E5-3"),
        scores=dict.fromkeys(ALL, 0.0),
        says="`double` is not defined",
    ),
]
EDITED = [
    Case("check edited to pass", text_of("E5-2-check", "pass")),
    Case(
        "check edited, answer wrong", text_of("E5-2-check", "pass", square=WRONG), scores=NO_SQUARE
    ),
    Case("check replaced by prose", text_of("E5-2-check", "I checked it myself.")),
    Case("text edited", edited(lambda cells: cells[0].update(source="# My own title"))),
    Case(
        "graded check pasted into a cell",
        text_of("E5-2-check", 'grade("E5.2", globals(), seed=5102)'),
        note="holds a graded check",
    ),
    Case("docstring deleted", file(right(square="def square(x): return x * x"))),
    Case("released notebook, untouched", file(toy.cells()), scores=dict.fromkeys(ALL, 0.0)),
    Case(
        "one exercise only",
        file(toy.cells(square=RIGHT["square"])),
        scores={"E5.1": 0.0, "E5.2": 3.0, "E5.3": 0.0},
        says="not started",
    ),
    Case(
        "answers and nothing else",
        file([toy.code(source) for source in RIGHT.values()]),
        scores={"E5.1": 0.0, "E5.2": 3.0, "E5.3": 0.0},
        says="name 'np' is not defined",
    ),
]
DOUBLED = [
    Case("answer doubled", doubled("E5-2"), note="E5.2 stands 2 times"),
    Case("stub below the answer", doubled("E5-2", STUB), note="the last one that was filled in"),
    Case(
        "answer below the stub",
        doubled("E5-2", RIGHT["square"], square=STUB),
        note="the last one that was filled in",
    ),
    Case("right below wrong", doubled("E5-2", RIGHT["square"], square=WRONG)),
    Case("wrong below right", doubled("E5-2", WRONG), scores=NO_SQUARE),
    Case("check doubled", doubled("E5-2-check")),
    Case("open question doubled", doubled("O5", "Because."), note="O5 stands 2 times"),
    Case("the whole notebook twice", file([*right(), *right()]), note="E5.3 stands 2 times"),
    Case("the released one below", file([*right(), *toy.cells()]), note="E5.3 stands 2 times"),
    Case("the released one above", file([*toy.cells(), *right()]), note="E5.3 stands 2 times"),
]
MOVED = [
    Case("answer moved to the end", moved("E5-2", -1)),
    Case("answer moved to the top", moved("E5-2", 0)),
    Case("check moved to the top", moved("E5-2-check", 0)),
    Case("answers in reverse", edited(_answers_reversed)),
    Case(
        "everything in reverse",
        file(right()[::-1]),
        says="points",
    ),
]
SPLIT = [
    Case("split between statements", split("E5-2", "two = 2", POWER)),
    Case(
        "split in a function",
        split("E5-2", "def square(x):", "    return x**2"),
        scores=NO_SQUARE,
        says="its cell stopped in line 1 with",
    ),
    Case("answer merged with its check", merged("E5-2", "E5-2-check", "E5-2")),
    Case(
        "answer merged into its check",
        merged("E5-2", "E5-2-check", "E5-2-check"),
        note="The answer to E5.2 stands in the cell of a check",
    ),
    Case("two answers merged", merged("E5-1", "E5-2", "E5-1")),
    Case("answer merged into the next check", merged("E5-2", "E5-3-check", "E5-3-check")),
    Case("all in one cell", file([toy.code("\n\n".join(["import numpy as np", *RIGHT.values()]))])),
]
ELSEWHERE = [
    Case("answer in a new cell below", with_new(-1, RIGHT["square"], square=STUB)),
    Case("answer in a new cell above the stub", with_new(2, RIGHT["square"], square=STUB)),
    Case("answer in a new cell at the top", with_new(0, RIGHT["square"], square=STUB)),
    Case("new cell, stub emptied", with_new(2, RIGHT["square"], square="")),
    Case("new cell, stub deleted", file([*_without_square(), toy.code(RIGHT["square"])])),
    Case(
        "answer in the check's cell",
        text_of("E5-2-check", RIGHT["square"], square=STUB),
        note="The answer to E5.2 stands in the cell of a check",
    ),
    Case("answer in another answer's cell", file(right(double=_two(), square=STUB))),
    Case("assigned in a new cell above", with_new(2, "square = lambda x: x**2", square=STUB)),
    Case(
        "answer in a text cell",
        file([*right(square=STUB), toy.text(f"```python\n{RIGHT['square']}\n```")]),
        scores=NO_SQUARE,
        says="not started",
    ),
    Case("wrong in a new cell below", with_new(-1, WRONG), scores=NO_SQUARE),
]
NAMES = [
    square("renamed", "def Square(x):", "    return x**2", says="defines `Square`: is that it?"),
    square("misspelt", "def sqaure(x):", "    return x**2", says="defines `sqaure`: is that it?"),
    square(
        "renamed beyond guessing", "def f(x):", "    return x**2", says="`square` is not defined"
    ),
    square("defined twice, right last", WRONG, RIGHT["square"], score=3.0),
    square("defined twice, wrong last", RIGHT["square"], WRONG),
    square("under if False", "if False:", "    def square(x):", "        return x**2"),
    square("under if True", "if True:", "    def square(x):", "        return x**2", score=3.0),
    square(
        "under the main guard",
        "if __name__ == '__main__':",
        "    def square(x):",
        "        return x**2",
        score=3.0,
    ),
    square("in a try", "try:", "    def square(x): return x**2", "except: pass", score=3.0),
    square("in a function", "def outer():", "    def square(x):", "        return x**2"),
    square("in a class", "class A:", "    def square(x):", "        return x**2"),
    square("deleted again", RIGHT["square"], "del square", says="`square` is not defined"),
    square("overwritten by a number", RIGHT["square"], "square = 4", says="cannot be called"),
    square("overwritten by its own value", RIGHT["square"], "square = square(2)"),
    square("only a comment", "# I did not have the time", says="`square` is not defined"),
    square("empty", "", says="`square` is not defined"),
    square("pass", "def square(x):", "    pass"),
    square("prose", "My answer is x squared.", says="SyntaxError"),
    square("prose above", "My answer is:", RIGHT["square"], says="SyntaxError"),
    square("quoted", '"""', RIGHT["square"], '"""', says="`square` is not defined"),
    Case(
        "function overwritten by a loop's variable",
        with_new(-1, "for square in range(3): pass"),
        scores=NO_SQUARE,
        says="cannot be called",
    ),
]
STATE = [
    Case("names of another cell", with_new(2, "two = 2", square=POWER)),
    Case("names of a cell below", with_new(-1, "two = 2", square=POWER)),
    square("names of a deleted cell", "def square(x):", "    return x**two", says="name 'two'"),
    Case(
        "names of a cell that fails",
        with_new(2, "1 / 0\ntwo = 2", square=POWER),
        scores=NO_SQUARE,
        says="That is so because code cell 2 stopped in line 1 with ZeroDivisionError",
    ),
    Case(
        "an answer that another one needs fails",
        file(right(double="def double(x:\n    return 2")),
        scores={"E5.1": 0.0, "E5.2": 3.0, "E5.3": 0.0},
        says="because the cell of E5.1 stopped in line 1 with SyntaxError",
    ),
    Case("all names deleted at the end", with_new(-1, "%reset -f")),
    Case("globals cleared at the top", with_new(0, "globals().clear()")),
    Case("built-ins shadowed", with_new(2, "sum = max = list = len = abs = print = 3")),
    Case("demonstration edited", edited(lambda cells: cells[-2].update(source="1 / 0"))),
    Case("open answer", file(right(open="Because it is convex."))),
    square(
        "uses a demonstration's name", "def square(x):", "    return x**2 + 0 * shown", score=3.0
    ),
]
CASES = [*DELETED, *EDITED, *DOUBLED, *MOVED, *SPLIT, *ELSEWHERE, *NAMES, *STATE]

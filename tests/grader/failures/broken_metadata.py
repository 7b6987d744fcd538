"""Right answers in notebooks whose metadata are damaged: ids, flags, types, versions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import toy
from broken import ALL, MISSING, Case, edited, file, place, right


def every(key: str, value: Any) -> Callable[[list[Any]], None]:
    """Set an entry of every cell."""

    def change(cells: list[Any]) -> None:
        for cell in cells:
            if value is MISSING:
                cell.pop(key, None)
            else:
                cell[key] = value

    return change


def nbgrader(**entries: Any) -> Callable[[list[Any]], None]:
    """Set entries of the nbgrader metadata of every cell that has them."""

    def change(cells: list[Any]) -> None:
        for cell in cells:
            meta = cell["metadata"].get("nbgrader")
            if meta is not None:
                meta.update(entries)
                for key in [key for key, value in entries.items() if value is MISSING]:
                    del meta[key]

    return change


def of(grade_id: str, **entries: Any) -> Callable[[list[Any]], None]:
    """Set entries of the nbgrader metadata of one cell."""
    return lambda cells: cells[place(cells, grade_id)]["metadata"]["nbgrader"].update(entries)


def instead_of_nbgrader(value: Any) -> Callable[[list[Any]], None]:
    def change(cells: list[Any]) -> None:
        for cell in cells:
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"] = value

    return change


def kind(grade_id: str, cell_type: Any) -> Callable[[list[Any]], None]:
    return lambda cells: cells[place(cells, grade_id)].update(cell_type=cell_type)


def version_3() -> bytes:
    cells = [
        {("input" if key == "source" else key): value for key, value in cell.items()}
        if cell["cell_type"] == "code"
        else cell
        for cell in right()
    ]
    sheets = [None, {"cells": None}, {"cells": cells, "metadata": {}}]
    return json.dumps({"nbformat": 3, "metadata": {}, "worksheets": sheets}).encode()


def _by_lines(cell: Any) -> None:
    cell["source"] = cell["source"].splitlines(keepends=True)


def _odd_lines(cell: Any) -> None:
    cell["source"] = [None, 3, cell["source"], {"x": 1}, [2]]


def _null_source(cells: list[Any]) -> None:
    cells[place(cells, "E5-2")]["source"] = None


LOST = "lost their ids"
CELL_METADATA = [
    Case("cell metadata null", edited(every("metadata", None)), note=LOST),
    Case("cell metadata a list", edited(every("metadata", [1])), note=LOST),
    Case("cell metadata a text", edited(every("metadata", "x")), note=LOST),
    Case("cell metadata missing", edited(every("metadata", MISSING)), note=LOST),
    Case("nbgrader null", edited(instead_of_nbgrader(None)), note=LOST),
    Case("nbgrader a list", edited(instead_of_nbgrader(["E5-1"])), note=LOST),
    Case("nbgrader a number", edited(instead_of_nbgrader(1)), note=LOST),
    Case("nbgrader empty", edited(instead_of_nbgrader({})), note=LOST),
    Case("grade_id missing", edited(nbgrader(grade_id=MISSING)), note=LOST),
    Case("grade_id null", edited(nbgrader(grade_id=None)), note=LOST),
    Case("grade_id a number", edited(nbgrader(grade_id=51)), note=LOST),
    Case("grade_id a list", edited(nbgrader(grade_id=["E5-1"])), note=LOST),
    Case("grade_id empty", edited(nbgrader(grade_id="")), note=LOST),
    Case("grade_id huge", edited(nbgrader(grade_id="E" * 100_000)), note=LOST),
    Case("grade_id of every script", edited(nbgrader(grade_id="Ελβο 变分 🙂\ud800")), note=LOST),
    Case("grade_id a path", edited(nbgrader(grade_id="../../etc/passwd")), note=LOST),
    Case("all cells with one id", edited(nbgrader(grade_id="E5-1")), note="stands"),
    *[
        Case(f"schema_version {version!r}", edited(nbgrader(schema_version=version)))
        for version in (0, 1, 2, 99, "3", None, 3.5, -1)
    ],
    *[
        Case(f"points {points!r}", edited(nbgrader(points=points)))
        for points in (100, -3, float("nan"), float("inf"), "100", None, [5])
    ],
    Case("locked flipped", edited(nbgrader(locked=True))),
    Case("task flag set", edited(nbgrader(task=True))),
    Case("flags of the wrong type", edited(of("E5-2", grade="no", solution=[1]))),
    Case("answer marked as a check", edited(of("E5-2", grade=True, solution=False))),
    Case("answer marked as both", edited(of("E5-2", grade=True, solution=True))),
    Case("answer marked as neither", edited(of("E5-2", grade=False, solution=False))),
    Case("check marked as an answer", edited(of("E5-2-check", grade=False, solution=True))),
    Case("check without marks", edited(of("E5-2-check", grade=None, solution=None))),
]
TYPES = [
    Case("answer as Markdown", edited(kind("E5-2", "markdown")), note="it was run as one"),
    Case("answer as raw text", edited(kind("E5-2", "raw")), note="it was run as one"),
    Case("answer as a heading", edited(kind("E5-2", "heading")), note="it was run as one"),
    Case("check as Markdown", edited(kind("E5-2-check", "markdown"))),
    Case("cell type a number", edited(kind("E5-2-check", 3)), note="1 damaged cells"),
    Case("cell type missing", edited(kind("E5-2-check", None)), note="1 damaged cells"),
    Case("open answer as code", edited(kind("O5", "code"))),
    Case("sources as lists", edited(lambda cells: [_by_lines(cell) for cell in cells])),
    Case("lists with other things", edited(lambda cells: [_odd_lines(cell) for cell in cells])),
    Case("source null", edited(lambda cells: cells[0].update(source=None))),
    Case("source missing", edited(lambda cells: cells[0].pop("source"))),
    Case("source a dict", edited(lambda cells: cells[0].update(source={"a": 1}))),
    Case("source of an answer null", edited(_null_source), scores=ALL | {"E5.2": 0.0}),
    Case("execution counts lie", edited(every("execution_count", "last Tuesday"))),
    Case("execution counts negative", edited(every("execution_count", -(10**12)))),
    Case("outputs a text", edited(every("outputs", "42"))),
    Case("outputs null", edited(every("outputs", None))),
    Case("outputs of no known kind", edited(every("outputs", [None, 3, {"output_type": "x"}]))),
    Case("ids alike", edited(every("id", "same"))),
    Case("ids missing", edited(every("id", MISSING))),
    Case("ids null", edited(every("id", None))),
    Case("attachments of no known kind", edited(every("attachments", [1]))),
    Case("cells that are none", file([None, 3, "x", [], {}, *right()]), note="5 damaged cells"),
    Case("three thousand cells more", file([*right(), *[toy.code("x = 1")] * 3000])),
]
NOTEBOOK = [
    *[
        Case(f"nbformat {version!r}", file(right(), nbformat=version))
        for version in (2, 3, 4, 5, 99, "4", None, [4], 4.5)
    ],
    Case("nbformat missing", file(right(), nbformat=MISSING, nbformat_minor=MISSING)),
    Case("nbformat_minor 0", file(right(), nbformat_minor=0)),
    Case("nbformat_minor a text", file(right(), nbformat_minor="five")),
    Case("format 3 with sheets", version_3(), note="old format 3"),
    Case("no metadata", file(right(), metadata=MISSING), note="no metadata"),
    Case("metadata null", file(right(), metadata=None), note="no metadata"),
    Case("metadata a list", file(right(), metadata=[]), note="no metadata"),
    Case("unknown kernel", file(right(), metadata={"kernelspec": {"name": "my-env"}})),
    Case("kernel a text", file(right(), metadata={"kernelspec": "python3"})),
    Case("kernel of Pyodide", file(right(), metadata={"kernelspec": {"name": "pyodide"}})),
    Case("newer Python", file(right(), metadata={"language_info": {"version": "4.0"}})),
    Case(
        "kernel of R", file(right(), metadata={"kernelspec": {"name": "ir"}}), note="written in R"
    ),
    Case(
        "kernel of Julia",
        file(right(), metadata={"kernelspec": {"name": "julia-1.10"}}),
        note="written in Julia; it was run as Python",
    ),
    Case(
        "another language",
        file(right(), metadata={"language_info": {"name": "C++"}}),
        note="written in C++",
    ),
    Case(
        "a language that is none",
        file(right(), metadata={"language_info": {"name": "<script>" * 1000}}),
    ),
]


CASES = [*CELL_METADATA, *TYPES, *NOTEBOOK]

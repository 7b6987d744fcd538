"""Hand-ins in every state: read, mended and reported, or refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
import toy

from autograder.lesson import Lesson
from autograder.submission import MAX_CODE, Unreadable, read_submission

RIGHT = toy.RIGHT


def content(**changes: Any) -> bytes:
    """A right notebook with some of its top-level entries replaced."""
    found = json.loads(toy.notebook(toy.cells(**RIGHT)))
    return json.dumps({**found, **changes}).encode()


WHOLE = toy.notebook(toy.cells(**RIGHT))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (WHOLE[:-200], "line 1"),
        (WHOLE[: len(WHOLE) // 2], "breaks off"),
        (b"{not json}", "damaged"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"[1, 2]", "a list"),
        (b"3", "a single value"),
        (b"null", "nothing"),
        (b"{}", "no cells"),
        (b'{"cells": 3}', "no cells"),
        (b"[" * 100_000, "readable notebook"),
        (b"%PDF-1.7 \x00\xff", "a PDF document"),
        (b"PK\x03\x04" + bytes(100), "a zip archive"),
        (b'{"a": ' + b"1" * 5000 + b"}", "readable notebook"),
    ],
    ids=lambda item: repr(item[:12]),
)
def test_what_is_no_notebook_is_said_so(data: bytes, words: str, lesson: Lesson) -> None:
    with pytest.raises(Unreadable, match=words) as error:
        read_submission(data, lesson)
    assert error.value.status == "not a notebook"


def test_a_notebook_of_another_lesson_is_recognised(lesson: Lesson) -> None:
    other = [toy.code("def f(): pass", "E7-1"), toy.code("check", "E7-1-check", check=True)]
    with pytest.raises(Unreadable, match="found the notebook of lesson 7") as error:
        read_submission(toy.notebook(other), lesson)
    assert error.value.status == "wrong lesson"
    with pytest.raises(Unreadable, match="none of its exercises"):
        read_submission(toy.notebook([toy.code("print('holiday')")]), lesson)
    with pytest.raises(Unreadable, match="none of its exercises"):
        read_submission(toy.notebook([]), lesson)


def test_more_code_than_anybody_writes_is_refused(lesson: Lesson) -> None:
    cells = [*toy.cells(), toy.code("#" * MAX_CODE)]
    with pytest.raises(Unreadable, match="characters of code") as error:
        read_submission(toy.notebook(cells), lesson)
    assert error.value.status == "refused"


def version_3() -> bytes:
    cells = [
        {("input" if key == "source" else key): value for key, value in cell.items()}
        if cell["cell_type"] == "code"
        else cell
        for cell in toy.cells(**RIGHT)
    ]
    return json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}).encode()


def by_lines() -> bytes:
    cells = toy.cells(**RIGHT)
    for cell in cells:
        cell["source"] = cell["source"].splitlines(keepends=True)
    return toy.notebook(cells)


def without_ids() -> bytes:
    cells = toy.cells(**RIGHT)
    for cell in cells:
        cell["metadata"] = None
    return toy.notebook(cells)


def damaged_cells() -> bytes:
    odd = [None, 3, {}, {"cell_type": 3}, {"cell_type": "code"}, {"cell_type": "code", "source": 3}]
    odd += [{"cell_type": "code", "source": [3, None], "metadata": {"nbgrader": {"grade_id": 3}}}]
    return toy.notebook([*odd, *toy.cells(**RIGHT)])


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (WHOLE, ""),
        (b"\xef\xbb\xbf" + WHOLE, ""),
        (WHOLE.decode().encode("utf-16"), ""),
        (content(metadata={"kernelspec": {"name": "julia-1.9"}}), "written in Julia"),
        (content(nbformat=99), ""),
        (content(metadata=None), "no metadata"),
        (version_3(), "old format 3"),
        (by_lines(), ""),
        (without_ids(), "lost their ids"),
        (damaged_cells(), "4 damaged cells"),
    ],
    ids=[
        *("whole", "byte order mark", "utf-16", "other kernel", "nbformat 99", "no metadata"),
        *("version 3", "lines", "no ids", "damaged cells"),
    ],
)
def test_a_damaged_notebook_is_mended(data: bytes, note: str, lesson: Lesson) -> None:
    found = read_submission(data, lesson)
    sources = {cell.source for cell in found.program.cells}
    assert set(RIGHT.values()) <= sources
    assert not any("check(" in source for source in sources)
    assert any(note in text for text in found.notes) if note else not found.notes


def test_of_copies_of_a_cell_the_untouched_ones_are_left_out(lesson: Lesson) -> None:
    cells = toy.cells(**RIGHT)
    stub = toy.cells()[2]
    for order in ([*cells, stub], [stub, *cells]):
        found = read_submission(toy.notebook(order), lesson)
        sources = [cell.source for cell in found.program.cells]
        assert sources.count(RIGHT["double"]) == 1
        assert stub["source"] not in sources
        assert "E5.1 stands 2 times: the last one that was filled in counts" in found.notes[0]


def test_two_filled_copies_run_in_order_and_untouched_ones_are_kept_if_alone(
    lesson: Lesson,
) -> None:
    again = toy.code("def double(x):\n    return x + x", "E5-1")
    found = read_submission(toy.notebook([*toy.cells(**RIGHT), again]), lesson)
    sources = [cell.source for cell in found.program.cells]
    assert sources.index(RIGHT["double"]) < sources.index(again["source"])
    stub = toy.cells()[2]
    found = read_submission(toy.notebook([*toy.cells(), stub]), lesson)
    assert [cell.source for cell in found.program.cells].count(stub["source"]) == 2
    assert "an untouched one counts" in found.notes[0]


def test_demonstrations_are_found_by_their_released_source(lesson: Lesson) -> None:
    cells = [*toy.cells(**RIGHT), toy.code("mine = 1", demo=True)]
    program = read_submission(toy.notebook(cells), lesson).program
    skipped = [cell.source for cell in program.cells if cell.number in program.demos]
    assert skipped == ["shown = double_demo = 3"]
    assert program.demo_names == {"shown", "double_demo"}


def test_line_ends_make_no_difference(lesson: Lesson) -> None:
    cells = toy.cells()
    for cell in cells:
        cell["source"] = cell["source"].replace("\n", "\r\n")
    found = read_submission(toy.notebook([*cells, *toy.cells(**RIGHT)]), lesson)
    assert found.program.demos
    assert not any("\r" in cell.source for cell in found.program.cells)
    assert "the last one that was filled in counts" in found.notes[0]
    assert read_submission(toy.notebook(cells), lesson).fingerprint == ""


def test_cells_are_called_by_their_exercise(lesson: Lesson) -> None:
    program = read_submission(toy.notebook(toy.cells(**RIGHT)), lesson).program
    assert program.label(1) == "code cell 1"
    assert program.label(2) == "the cell of E5.1"
    assert program.defining("square") == 4


def test_open_answers_are_kept_unless_untouched(lesson: Lesson) -> None:
    assert read_submission(toy.notebook(toy.cells()), lesson).open_answers == {}
    found = read_submission(toy.notebook(toy.cells(open="  Because.\ud800 ")), lesson)
    assert found.open_answers == {"O5": "Because.?"}


def test_a_fingerprint_ignores_layout_and_tells_answers_apart(lesson: Lesson) -> None:
    def fingerprint(**answers: str) -> str:
        return read_submission(toy.notebook(toy.cells(**answers)), lesson).fingerprint

    assert fingerprint() == ""
    ours = fingerprint(double="def double(x):\n    return 2 * x")
    assert ours
    assert fingerprint(double="def double( x ):  # mine\n\n      return 2*x\n") == ours
    assert fingerprint(double="def double(x):\n    return x + x") != ours
    assert fingerprint(double="def double(x:\n  'unfinished") not in ("", ours)

"""From the bytes of a file to the cells of a notebook, in any state that can be mended.

A file that is no notebook raises `Unreadable` with a sentence for its author, who shall see what to
hand in instead. Nothing is guessed: half a notebook, or two in one file, is none.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from autograder.lesson import text_of
from autograder.records import Status

MAX_CELLS = 10_000
"""Cells of one notebook."""
_SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive, or a document of an office program"),
    (b"\xd0\xcf\x11\xe0", "a document of an office program"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
    (b"SQLite format 3", "a database"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_SCRIPT = re.compile(r"^(?:import \w|from [\w.]+ import |def \w+\(|# %%|# In\[)", re.MULTILINE)
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)
_KERNELS = {"ir": "R", "irkernel": "R", "julia": "Julia", "octave": "Octave", "matlab": "MATLAB"}
_AGAIN = "Open it in JupyterLab, save it again, and hand that in."


class Unreadable(ValueError):
    """There is nothing to grade in a file; carries the status and a sentence for its author."""

    def __init__(self, status: Status, sentence: str):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True)
class Cell:
    """A cell of a hand-in: its kind, its text, and what its metadata say of it."""

    kind: str
    source: str
    grade_id: str = ""
    graded: bool = False
    solution: bool = False


def read_cells(data: bytes) -> tuple[list[Cell], list[str]]:
    """The cells of a notebook, and what was mended."""
    notebook, notes = _parse(data)
    found = notebook.get("cells")
    if not isinstance(found, list) and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        lists = [sheet.get("cells") for sheet in sheets]
        found = [cell for cells in lists if isinstance(cells, list) for cell in cells]
        notes.append("The notebook is in the old format 3; it was converted.")
    if not isinstance(found, list):
        raise Unreadable("not a notebook", "The file is JSON, but not a notebook: it has no cells.")
    if len(found) > MAX_CELLS:
        sentence = f"The notebook has {len(found)} cells; expected at most {MAX_CELLS}."
        raise Unreadable("refused", sentence)
    notes += _about_metadata(notebook.get("metadata"))
    cells = [cell for item in found if (cell := _cell(item)) is not None]
    if len(cells) < len(found):
        notes.append(f"{len(found) - len(cells)} damaged cells were left out.")
    return cells, notes


def _cell(item: Any) -> Cell | None:
    """A cell, whatever its metadata are; None for what is none."""
    kind = item.get("cell_type") if isinstance(item, dict) else None
    if not isinstance(kind, str):
        return None
    source = text_of(item.get("source", item.get("input", "")))
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    metadata = item.get("metadata")
    meta = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("grade_id"), str):
        return Cell(kind, source)
    return Cell(kind, source, meta["grade_id"], bool(meta.get("grade")), bool(meta.get("solution")))


def _about_metadata(metadata: Any) -> list[str]:
    if not isinstance(metadata, dict):
        return ["The notebook has no metadata; it was read without."]
    language = _language(metadata)
    if not language or re.match(r"i?python", language, re.IGNORECASE):
        return []
    return [f"The notebook says that it is written in {language}; it was run as Python."]


def _language(metadata: dict[str, Any]) -> str:
    """The language that a notebook says it is written in; "" if it does not say."""
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        part = metadata.get(key)
        found = part.get(name) if isinstance(part, dict) else None
        if isinstance(found, str) and re.fullmatch(r"[\w+#. -]{1,30}", found):
            return found
    kernel = metadata.get("kernelspec")
    label = kernel.get("name") if isinstance(kernel, dict) else None
    return _KERNELS.get(re.split(r"[-_ .]", str(label).casefold())[0], "")


def _parse(data: bytes) -> tuple[dict[str, Any], list[str]]:
    text, notes = _decode(data)
    if not text:
        raise Unreadable("not a notebook", "The file is empty.")
    try:
        found, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        raise Unreadable("not a notebook", _why_no_json(text, error)) from None
    except (RecursionError, ValueError):
        sentence = "The file is not a readable notebook: no program writes JSON like that."
        raise Unreadable("not a notebook", sentence) from None
    if not isinstance(found, dict):
        kind = {"list": "a list", "str": "a text", "NoneType": "nothing"}
        what = kind.get(type(found).__name__, "a single value")
        raise Unreadable("not a notebook", f"The file is JSON, but not a notebook: {what}.")
    if text[end:].strip():
        notes.append(_about_rest(text[end:].strip()))
    return found, notes


def _about_rest(rest: str) -> str:
    """The note on what follows a notebook in the same file; `Unreadable` if it is another one."""
    if rest.startswith("{") and '"cells"' in rest:
        sentence = "The file holds two notebooks, one after the other: hand in the one that counts."
        raise Unreadable("not a notebook", sentence)
    return "The notebook's file goes on after its end; the rest was left out."


def _decode(data: bytes) -> tuple[str, list[str]]:
    """The text of a file without marks at its ends; `Unreadable` if it is of a well-known kind."""
    kind = next((kind for start, kind in _SIGNATURES if data.startswith(start)), None)
    if kind is not None:
        sentence = f"The file is {kind}, not a notebook: hand in the .ipynb file itself."
        raise Unreadable("not a notebook", sentence)
    if data and not data.strip(b"\0"):
        sentence = "The file holds nothing but zeros: the upload went wrong. Hand it in again."
        raise Unreadable("not a notebook", sentence)
    notes = []
    encoding: str = json.detect_encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252" if encoding.startswith("utf-8") else encoding
        text = data.decode(encoding, "replace")
        notes.append(f"The file is not in UTF-8; it was read as {encoding}.")
    return text.strip("\ufeff \t\r\n\0"), notes


def _why_no_json(text: str, error: json.JSONDecodeError) -> str:
    if _CONFLICT.search(text) and text.startswith(("{", "<<<<<<<")):
        return (
            "The file holds the marks of a merge conflict (<<<<<<< and >>>>>>>): "
            "settle the conflict, open the notebook in JupyterLab to see that it is whole, "
            "and hand that in."
        )
    if text.startswith("<"):
        return (
            "The file is a web page, not a notebook: download the notebook itself "
            "(File, Download), and hand in the .ipynb file."
        )
    if not text.startswith("{"):
        script = _SCRIPT.search(text)
        what = "a Python script" if script else "a text"
        return f"The file is {what}, not a notebook: hand in the .ipynb file itself."
    at_end = error.pos >= len(text) - 1 and not text.endswith("}")
    if at_end or error.msg.startswith("Unterminated"):
        return (
            f"The file is not a readable notebook: it breaks off at line {error.lineno}, "
            "as after a cut upload or download. Hand in the whole file."
        )
    return f"The file is not a readable notebook: it is damaged at line {error.lineno}. {_AGAIN}"

"""Files that are no notebook of the lesson, or one in an unusual coat."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from typing import Any

import toy
from broken import MISSING, NOTHING, WHOLE, Case, file, right

from autograder.notebook_file import MAX_CELLS
from autograder.submission import MAX_CODE

INDENTED = json.dumps(json.loads(WHOLE), indent=1, ensure_ascii=False).encode()


def not_one(name: str, data: bytes, says: str) -> Case:
    return Case(name, data, "not a notebook", NOTHING, says)


def of_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("05_toy.ipynb", WHOLE)
    return buffer.getvalue()


def of_array() -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


PERCENT = "\n".join(["# ---", "# jupyter:", "# ---", "", "# %%", *toy.RIGHT.values()])
CONVERTED = "\n\n\n".join(["#!/usr/bin/env python", "# In[1]:", *toy.RIGHT.values()])
CONFLICT = INDENTED.replace(
    b' "nbformat": 4',
    b'<<<<<<< HEAD\n "nbformat": 4,\n=======\n "nbformat": 3,\n>>>>>>> b\n "x": 1',
)
PAGE = b"<!DOCTYPE html>\n<html><head><title>%s</title></head><body>{}</body></html>"

EMPTY = [
    not_one("empty", b"", "is empty"),
    not_one("white space", b" \n\t \r\n", "is empty"),
    not_one("byte order mark only", b"\xef\xbb\xbf", "is empty"),
    not_one("zeros only", bytes(5000), "nothing but zeros"),
]
OTHER_KINDS = [
    not_one("page of JupyterLab", PAGE % b"JupyterLab", "a web page"),
    not_one("page of Colab", b"\n  " + PAGE % b"Colab", "File, Download"),
    not_one("page of GitHub", b"\xef\xbb\xbf" + PAGE % b"GitHub", "a web page"),
    not_one("XML", b'<?xml version="1.0"?><a/>', "a web page"),
    not_one("PDF", b"%PDF-1.7\n\xe2\xe3\xcf\xd3", "a PDF document"),
    not_one("zip", of_zip(), "a zip archive"),
    not_one("office document", b"PK\x03\x04" + bytes(200), "an office program"),
    not_one("old office document", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office program"),
    not_one("RTF", rb"{\rtf1\ansi x}", "RTF"),
    not_one("picture", b"\x89PNG\r\n\x1a\n", "a picture"),
    not_one("photo", b"\xff\xd8\xff\xe0", "a picture"),
    not_one("gzip", gzip.compress(WHOLE), "a compressed archive"),
    not_one("database", b"SQLite format 3\x00", "a database"),
    not_one("pickle", pickle.dumps({"cells": []}), "a Python pickle"),
    not_one("NumPy array", of_array(), "a NumPy array"),
    not_one("random bytes", bytes(range(256)) * 4, "not a notebook"),
    not_one("script by jupytext", PERCENT.encode(), "a Python script"),
    not_one("script by nbconvert", CONVERTED.encode(), "a Python script"),
    not_one("R script", b"double <- function(x) 2 * x\n", "a text"),
    not_one("Markdown", b"# Lesson 5\n\nMy answers\n", "a text"),
    not_one("pointer of git LFS", b"version https://git-lfs.github.com/spec/v1\n", "a text"),
    not_one("shortcut", b"[InternetShortcut]\r\nURL=https://x\r\n", "a text"),
    not_one("pointer of a cloud drive", b'{"url": "https://x", "doc_id": "1"}', "no cells"),
]
JSON_BUT_NONE = [
    not_one("a list", b"[1, 2]", "a list"),
    not_one("a text in quotes", b'"cells"', "a text"),
    not_one("a number", b"3", "a single value"),
    not_one("null", b"null", "nothing"),
    not_one("an empty dict", b"{}", "no cells"),
    not_one("cells are a number", b'{"cells": 3}', "no cells"),
    not_one("cells are a dict", b'{"cells": {"0": {}}}', "no cells"),
    not_one("cells are null", file(None), "no cells"),
    not_one("cells are missing", file(MISSING), "no cells"),
    not_one("nested too deeply", b'{"cells": ' + b"[" * 100_000, "not a readable notebook"),
    not_one("a huge integer", b'{"a": ' + b"1" * 5000 + b"}", "not a readable notebook"),
]
DAMAGED = [
    *[
        not_one(f"broken off at {part:.0%}", INDENTED[: int(len(INDENTED) * part)], "breaks off")
        for part in (0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99)
    ],
    not_one("the last brace is missing", INDENTED[:-1], "breaks off"),
    not_one("merge conflict", CONFLICT, "marks of a merge conflict"),
    not_one("merge conflict at the top", b"<<<<<<< HEAD\n" + INDENTED, "marks of a merge conflict"),
    not_one("a comma too many", INDENTED.replace(b"4,\n", b"4,,\n", 1), "damaged at line"),
    not_one("comma after the last", WHOLE[:-1] + b",}", "damaged at line 1"),
    not_one("quoted as Python does", str(json.loads(WHOLE)).encode(), "damaged at line 1"),
    not_one("two notebooks", WHOLE + WHOLE, "two notebooks"),
    not_one("two notebooks with a line between", INDENTED + b"\n\n" + INDENTED, "two notebooks"),
    not_one("a bracket in the middle", INDENTED.replace(b'"source"', b"]", 1), "damaged at line"),
]
COATS = [
    Case("as it should be", WHOLE),
    Case("with line breaks", INDENTED),
    Case("byte order mark", b"\xef\xbb\xbf" + WHOLE),
    Case("UTF-16 with mark", WHOLE.decode().encode("utf-16")),
    Case("UTF-16 without mark, little end first", WHOLE.decode().encode("utf-16-le")),
    Case("UTF-16 without mark, big end first", WHOLE.decode().encode("utf-16-be")),
    Case("UTF-32", WHOLE.decode().encode("utf-32")),
    Case("CRLF", INDENTED.replace(b"\n", b"\r\n")),
    Case("CR", INDENTED.replace(b"\n", b"\r")),
    Case("zeros after the end", WHOLE + bytes(4096)),
    Case("more text after the end", WHOLE + b"\n]}", note="goes on after its end"),
    Case("NaN among the metadata", file(right(), metadata={"x": float("nan")})),
    Case("Infinity among the metadata", file(right(), metadata={"x": float("inf")})),
    Case("a key twice", b'{"cells": [], ' + WHOLE[1:]),
    Case(
        "Latin-1",
        json.dumps(json.loads(file(right(open="Weil es größer ist"))), ensure_ascii=False).encode(
            "latin-1"
        ),
        note="not in UTF-8",
    ),
]


def other(number: int) -> list[Any]:
    """The cells of another lesson."""
    return [
        toy.text(f"# {number}"),
        toy.code("def kl(p, q):\n    return 0.0", f"E{number}-1"),
        toy.code(f'check("E{number}.1", globals())', f"E{number}-1-check", check=True),
    ]


WRONG_LESSON = [
    Case("another lesson", file(other(7)), "wrong lesson", NOTHING, "the notebook of lesson 7"),
    Case(
        "another course", file([toy.code("import torch")]), "wrong lesson", NOTHING, "none of its"
    ),
    Case("no cells at all", file([]), "wrong lesson", NOTHING, "none of its exercises"),
    Case("text only", file([toy.text("# Notes")]), "wrong lesson", NOTHING, "none of its"),
]
TOO_MUCH = [
    Case(
        "more cells than anybody writes",
        file([*right(), *[toy.code("1")] * MAX_CELLS]),
        "refused",
        NOTHING,
        f"expected at most {MAX_CELLS}",
    ),
    Case(
        "a hundred thousand cells",
        file([toy.text("")] * 100_000),
        "refused",
        NOTHING,
        "The notebook has 100000 cells",
    ),
    Case(
        "more code than anybody writes",
        file([*right(), toy.code("#" * MAX_CODE)]),
        "refused",
        NOTHING,
        "characters of code",
    ),
]
NOT_RUN = [*EMPTY, *OTHER_KINDS, *JSON_BUT_NONE, *DAMAGED, *WRONG_LESSON, *TOO_MUCH]
CASES = [*NOT_RUN, *COATS]

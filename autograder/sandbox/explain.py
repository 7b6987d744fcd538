"""What an error means to its author, where Python's own words do not tell.

All of this is said about texts that come from the child; nothing here believes or runs them.
"""

from __future__ import annotations

import difflib
import re
import sys
import unicodedata
from collections.abc import Iterable

LIBRARIES = "NumPy, SciPy, autograd, Matplotlib and vi_lib"
_DOUBLE_QUOTES = "“”„‟«»″＂"
_SINGLE_QUOTES = "‘’‚‛′＇`´"
_DASHES = "‐‑‒–—―−"
_INSTEAD = {
    **dict.fromkeys(_DOUBLE_QUOTES, 'a quotation mark as word processors set it: type " instead'),
    **dict.fromkeys(_SINGLE_QUOTES, "a quotation mark as word processors set it: type ' instead"),
    **dict.fromkeys(_DASHES, "a dash as word processors set it: type - instead"),
    **{"×": "a sign for times: type * instead", "÷": "a sign for division: type / instead"},
    **{"·": "a sign for times: type * instead", "⋅": "a sign for times: type * instead"},
    **{"≤": "type <= instead", "≥": "type >= instead", "≠": "type != instead"},
    **{"²": "type **2 instead", "³": "type **3 instead", "…": "type ... instead"},
    **{"\u00a0": "a space that Python does not take for one: delete it and type a space"},
}
_CODE_POINT = re.compile(r"\(?U\+([0-9A-F]{4,6})\)?")
_NAME = re.compile(r"name '(\w+)' is not defined")
_MODULE = re.compile(r"No module named '([\w.]+)'")
_NO_NETWORK = ("URLError", "gaierror", "HTTPError", "ConnectionError", "ConnectionRefusedError")
_NEWER = (
    re.compile(r"^\s*(?:async\s+)?(?:def|class)\s+\w+\s*\["),
    re.compile(r"""\bf(["'])[^"'{]*\{[^}"']*\1"""),
    re.compile(r"^\s*type\s+\w+(?:\[.*\])?\s*=[^=]"),
)
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?:\s|$)")


def unknown_name(error_type: str, message: str) -> str | None:
    """The name that a `NameError` is about."""
    found = _NAME.search(message) if error_type == "NameError" else None
    return found[1] if found else None


def advice(error_type: str, message: str, line: str = "") -> str:
    """A sentence that says more than the error, or ""; `line` is the line of code it is about."""
    if error_type in ("SyntaxError", "IndentationError", "TabError"):
        return _about_syntax(message, line)
    module = _MODULE.search(message)
    if error_type == "ModuleNotFoundError" and module:
        return _about_module(module[1])
    if error_type == "FileNotFoundError":
        return "Only files handed in beside the notebook are there when it is graded."
    if error_type == "EOFError" or "reading from stdin" in message:
        return "Nobody is there to type when a notebook is graded: do without `input()`."
    if error_type in _NO_NETWORK:
        return "There is no network when a notebook is graded."
    return ""


def alike(name: str, defined: Iterable[str]) -> str:
    """A sentence on what the notebook defines instead of a name, or ""."""
    plain = {other.casefold().replace("_", ""): other for other in defined if other != name}
    close = difflib.get_close_matches(name.casefold().replace("_", ""), plain, 1, cutoff=0.8)
    return f"The notebook defines `{plain[close[0]]}`: is that it?" if close else ""


def _about_syntax(message: str, line: str) -> str:
    if _CONFLICT.match(line):
        return "These are marks of a merge conflict: settle it, and delete the marks."
    if "call to 'print'" in message or "call to 'exec'" in message:
        return "This is Python 2; the course uses Python 3."
    point = _CODE_POINT.search(message)
    if point and message.startswith(("invalid character", "invalid non-printable")):
        return _about_character(chr(int(point[1], 16)))
    newer = any(pattern.search(line) for pattern in _NEWER) or message.startswith("f-string")
    if newer and sys.version_info < (3, 12):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"A newer Python may know this; the notebook is graded with Python {version}."
    return ""


def _about_character(character: str) -> str:
    name = unicodedata.name(character, "a character without a name").lower()
    kind = unicodedata.category(character)
    if character in _INSTEAD:
        meant = _INSTEAD[character]
    elif kind == "Zs":
        meant = _INSTEAD["\u00a0"]
    elif kind in ("Cf", "Cc", "Co", "Cn"):
        meant = "invisible: delete it, or type the line again"
    else:
        meant = "no part of Python"
    return f"The character is {meant} (its name is {name})."


def _about_module(name: str) -> str:
    top = name.partition(".")[0]
    if top == "google":
        return "That exists in Colab only: leave the line out."
    return (
        f"When a notebook is graded there are {LIBRARIES}, what comes with Python, and files "
        f"handed in beside the notebook; {top} is none of them."
    )

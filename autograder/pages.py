"""What the feedback pages and the report share: templates, safe file names, code in sentences."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from autograder.checks.render import EMPHASIS, number

_PLAIN_NAME = re.compile(r"[^\W_][\w.-]{0,55}")  # letters and digits of any script
_HASHED_NAME = re.compile(r".*-[0-9a-f]{12}")
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{kind}{i}" for kind in ("com", "lpt") for i in range(1, 10))]
)
_ABSOLUTE_PATH = re.compile(
    r"(?<![\w)\]}.:/\\])(?:[A-Za-z]:\\|/)(?:[^\s'\"`<>:,;/\\]+[/\\])+(?=[^\s'\"`<>:,;/\\])"
)


@functools.cache
def environment() -> Environment:
    """The templates of this package: everything is escaped, a missing variable is an error."""
    found = Environment(
        loader=PackageLoader("autograder"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters.update(points=number, percent=percent, inline=inline)
    return found


def write_page(path: Path, template: str, **values: object) -> Path:
    """Write one page, whole or not at all, and only if it differs from what is there."""
    text = environment().get_template(template).render(**values)
    # Names from a file system and messages from students' code may hold half a surrogate pair.
    return replace_file(path, text.encode("utf-8", "replace"))


def replace_file(path: Path, data: bytes) -> Path:
    """Write a file, whole or not at all, and only if it differs from what is there."""
    if path.is_file() and path.read_bytes() == data:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".part")
    scratch.write_bytes(data)
    scratch.replace(path)
    return path


def percent(share: float) -> str:
    """0.625 as "62%", with "0%" and "100%" only for exactly nothing and all."""
    rounded = round(100 * share)
    if 0 < share < 1:
        rounded = min(max(rounded, 1), 99)
    return f"{rounded}%"


def inline(text: str) -> Markup:
    """Escaped text, `code` in backquotes set as code, a *word* emphasised; one backquote stays."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece)
        if index % 2 and index < len(pieces) - 1
        else (escape("`") if index % 2 else Markup("")) + _emphasised(piece)
        for index, piece in enumerate(pieces)
    )


def _emphasised(text: str) -> Markup:
    """Escaped text; every second piece of the split is a word that stood between asterisks."""
    return Markup("").join(
        Markup("<em>{}</em>").format(piece) if index % 2 else escape(piece)
        for index, piece in enumerate(EMPHASIS.split(text))
    )


def without_paths(text: str) -> str:
    """The text with absolute paths cut to their last part: "/home/ada/x.csv" becomes "x.csv".

    Messages quote exceptions of students' code, which may name folders of the grading machine.
    """
    return _ABSOLUTE_PATH.sub("", text)


def file_names(labels: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """One file name per label, readable, safe on every system, and never the same for two labels.

    A label of letters, digits, ".", "_" and "-" stays as it is. Other labels, labels that differ
    from one another only in upper and lower case, and those in `taken` get such a form and 12
    digits of their SHA-256.
    """
    wanted = dict.fromkeys(labels)
    twins = Counter(unicodedata.normalize("NFKC", name).casefold() for name in (*wanted, *taken))
    return {
        label: label
        if _is_plain(label) and twins[unicodedata.normalize("NFKC", label).casefold()] == 1
        else _hashed(label)
        for label in wanted
    }


def _is_plain(label: str) -> bool:
    return (
        _PLAIN_NAME.fullmatch(label) is not None
        and unicodedata.is_normalized("NFC", label)
        and not label.endswith(".")
        and label.split(".")[0].casefold() not in _DEVICES
        and _HASHED_NAME.fullmatch(label.casefold()) is None
    )


def _hashed(label: str) -> str:
    letters = unicodedata.normalize("NFC", label).lower()
    slug = re.sub(r"[\W_]+", "-", letters).strip("-")[:40].strip("-")
    digest = hashlib.sha256(label.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{slug or 'name'}-{digest}"

"""Names of students that can be used as the name of a folder on any system.

A name is kept as it is wherever possible. One that is not possible is mended, and a short hash of
the original follows, so that two different names never become one.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping

MAX_LENGTH = 100
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\[\]]')
_JOINERS = "\u200c\u200d"  # they are part of how some names are spelt
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def mended(name: str) -> str:
    """The name itself, or one like it that is possible everywhere."""
    whole = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    seen = "".join(c for c in whole if _is_seen(c))
    plain = _FORBIDDEN.sub("_", seen).strip().rstrip(". ")
    plain = f"_{plain}" if _RESERVED.fullmatch(plain) else plain
    if plain == whole and 0 < len(plain) <= MAX_LENGTH:
        return plain
    return f"{plain[: MAX_LENGTH - 7].rstrip('. ') or 'unnamed'}-{_short(whole)}"


def told_apart(names: Iterable[str]) -> Mapping[str, str]:
    """A name of its own for each name, where some differ in nothing but capitals.

    Of such names the one without capitals stays. A folder on some systems is the same for both.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[name.casefold()].add(name)
    return {
        name: name if len(group) == 1 or name == folded else f"{name}-{_short(name)}"
        for folded, group in groups.items()
        for name in group
    }


def is_plain(name: str) -> bool:
    """Whether a file's name can be written as it is in a student's folder."""
    return mended(name) == name and not name.startswith((".", "-"))


def _is_seen(c: str) -> bool:
    return unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or c in _JOINERS


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]

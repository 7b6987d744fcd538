"""A student's part of the lock: what the course itself needs, with versions, markers and hashes.

The full lock names for each pin who asked for it (`# via`), on every system. Whatever somebody asks
for who is already in the student's part belongs to it, too. So nothing has to be resolved again,
and a student has exactly the versions that the course is tested with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HEAD = """\
# What a student needs, as pip reads it: exact versions, with the checksums of their files.
"""


class BadLock(ValueError):
    """The lock does not have what the course needs."""


@dataclass(frozen=True)
class Pin:
    """One version of a package, for some systems: its lines, and who asked for the package."""

    name: str
    lines: str
    via: frozenset[str]


def normal(name: str) -> str:
    """The name of a package in the one form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> list[Pin]:
    """The pins of a lock; a package may have several, each for other versions of Python."""
    starts = [match.start() for match in _PIN.finditer(lock)]
    blocks = [lock[a:b] for a, b in zip(starts, [*starts[1:], len(lock)], strict=True)]
    return [_pin(block) for block in blocks]


def _name(text: str) -> str:
    match = _NAME.match(text)
    if match is None:
        raise BadLock(f"expected the name of a package, got {text!r}")
    return normal(match[0])


def _pin(block: str) -> Pin:
    lines = block.splitlines()
    comments = [line.strip().lstrip("#").strip() for line in lines if line.lstrip().startswith("#")]
    words = " ".join(comments).removeprefix("via").split()
    code = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    via = frozenset(normal(word) for word in words if _NAME.fullmatch(word))
    return Pin(_name(block), "\n".join(code) + "\n", via)


def needed(found: Iterable[Pin], roots: Iterable[str]) -> set[str]:
    """The packages that some packages need, these included; `BadLock` if one is not there."""
    via: dict[str, set[str]] = {}
    for pin in found:
        via.setdefault(pin.name, set()).update(pin.via)
    wanted = set(map(_name, roots))
    if missing := sorted(wanted - via.keys()):
        raise BadLock(f"expected {', '.join(missing)} in the lock: run `make lock`")
    while True:
        more = {name for name, askers in via.items() if askers & wanted} - wanted
        if not more:
            return wanted
        wanted |= more


def students_lock(lock: str, dependencies: Iterable[str]) -> str:
    """The part of a lock that the course's own dependencies need, in the lock's order."""
    found = pins(lock)
    wanted = needed(found, dependencies)
    return _HEAD + "".join(pin.lines for pin in found if pin.name in wanted)

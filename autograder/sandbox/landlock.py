"""Tier B: Landlock. A process gives up all files but some, and TCP and signals where it can."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from autograder.sandbox import linux
from autograder.sandbox.visible import DEVICES, Visible, inside

_WRITE, _READ, _LIST = 1 << 1, 1 << 2, 1 << 3
_REMOVE, _MAKE_DIR, _MAKE_FILE = 0b11 << 4, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_OLDEST = (1 << 13) - 1
_NEWER = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL}
"""Rights of the file system that later versions know as well."""
_TCP, _SCOPES = 0b11, 0b11
_VERSION, _PATH_BENEATH = 1, 1
_OWN = _WRITE | _READ | _LIST | _REMOVE | _MAKE_DIR | _MAKE_FILE | _REFER | _TRUNCATE


def version() -> int:
    """The version of Landlock that the kernel offers; `OSError` if it offers none."""
    return linux.syscall("landlock_create_ruleset", None, 0, _VERSION)


def rules(seen: Visible, folder: str) -> int:
    """A descriptor of rules: read what is visible, use the devices, write in the folder only."""
    abi = version()
    known = _OLDEST | sum(right for since, right in _NEWER.items() if abi >= since)
    attributes = known.to_bytes(8, "little")
    if abi >= 4:
        attributes += _TCP.to_bytes(8, "little")
    if abi >= 6:
        attributes += _SCOPES.to_bytes(8, "little")
    ruleset = linux.syscall("landlock_create_ruleset", attributes, len(attributes), 0)
    for path, rights in _granted(seen, folder):
        _grant(ruleset, path, rights & known)
    return ruleset


def restrict(ruleset: int) -> None:
    """Hold this process to the rules for ever; it must have given up new privileges before."""
    linux.syscall("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _granted(seen: Visible, folder: str) -> Iterator[tuple[str, int]]:
    for path in seen.folders:
        if inside(seen.masked, path):
            yield from _around(path, seen.masked)
        else:
            yield path, _READ | _LIST
    for path in seen.modules:
        yield path, _READ
    for path in DEVICES:
        yield path, _READ | _WRITE
    yield folder, _OWN


def _around(folder: str, masked: str) -> Iterator[tuple[str, int]]:
    """All that is in a folder, except in the masked one, of which only names can be seen."""
    yield folder, _LIST
    while folder != masked:
        onwards = ""
        for entry in os.scandir(folder):
            if inside(masked, entry.path):
                onwards = entry.path
            else:
                yield entry.path, _READ | _LIST
        if not onwards:
            return
        folder = onwards


def _grant(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW)
        try:
            if not os.path.isdir(path):
                rights &= _READ | _WRITE | _TRUNCATE
            rule = rights.to_bytes(8, "little") + descriptor.to_bytes(4, "little")
            linux.syscall("landlock_add_rule", ruleset, _PATH_BENEATH, rule, 0)
        finally:
            os.close(descriptor)

"""Records of an earlier run that still hold: nothing is graded twice.

A record holds as long as everything it was made from is the same: the hand-in, the lesson, the
checks, the library, the limits and the interpreter. All of that goes into one hash, its basis.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.collect import HandIn, read_notebook
from autograder.outputs import record_path
from autograder.records import Record, load
from autograder.sandbox.limits import Limits


@dataclass(frozen=True)
class Earlier:
    """What an earlier run left in `out`, for hand-ins in `source`, under the present rules."""

    source: Path
    out: Path
    rules: str

    def basis(self, hand_in: HandIn) -> str:
        """The hash of what this hand-in's record depends on; "" if it is not graded anyway."""
        if hand_in.status is not None:
            return ""
        try:
            data = read_notebook(self.source, hand_in)
        except ValueError:
            return ""
        told = "\0".join([self.rules, hand_in.student, hand_in.lesson, *hand_in.notes])
        return hashlib.sha256(told.encode() + data).hexdigest()

    def record(self, hand_in: HandIn, basis: str) -> Record | None:
        """The record of the earlier run, if there is one and it still holds."""
        path = record_path(self.out, hand_in.student, hand_in.lesson)
        try:
            record = load(path)
        except (OSError, ValueError):  # missing or cut short: graded again, and then overwritten
            return None
        return record if basis and record.basis == basis else None


def rules(root: Path, limits: Limits) -> str:
    """The hash of all that the record of any hand-in depends on."""
    digest = hashlib.sha256(f"{sys.version}\0{limits}".encode())
    for path in _sources(root):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    import vi_lib

    for folder in (Path(__file__).parent, Path(vi_lib.__file__).parent):
        yield from sorted(folder.rglob("*.py"))
        yield from sorted(folder.rglob("*.csv"))
    yield from sorted((root / "solutions").glob("*/*.ipynb"))
    yield from sorted((root / "lessons").glob("*/*.ipynb"))

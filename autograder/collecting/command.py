"""What the command `autograder collect` does."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from autograder.collect import HandIn, NoHandIns, collect
from autograder.collecting.writing import Written, dated, newest, write, write_table
from autograder.rosters import BadRoster, Roster, read_roster

MISUSE = 2
_FINE = ("new", "unchanged", "replaced", "kept", "practice")


def collect_into(
    sources: Sequence[Path], into: Path, lessons: Sequence[str], *, file_dates: bool = False
) -> int:
    """Collect downloads into nbgrader's folder of hand-ins; return the exit code.

    0: every hand-in was written. 1: some were refused; the table says which and why. 2: there was
    nothing to collect.
    """
    try:
        written = _collect(sources, into, lessons, file_dates)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return MISUSE
    return 0 if all(one.outcome in _FINE for one in written) else 1


def _collect(
    sources: Sequence[Path], into: Path, lessons: Sequence[str], file_dates: bool
) -> list[Written]:
    tables = [path for path in sources if path.suffix.casefold() == ".csv"]
    rosters: list[Roster] = []
    for path in tables:
        rosters.append(read_roster(path))
        if rosters[-1].kind == "table":
            raise BadRoster(
                f"Expected Moodle's grading worksheet or Canvas' gradebook in {path.name}."
            )
    found: list[tuple[Path, HandIn]] = []
    for source in sources:
        if source in tables:
            continue
        if into.resolve().is_relative_to(source.resolve()):
            raise ValueError(f"Expected --into to lie outside of {str(source)!r}.")
        collection = collect(source, lessons, rosters)
        print(f"{source}: {', '.join(collection.recognised)}")
        for remark in collection.remarks:
            print(f"  {remark}", file=sys.stderr)
        found += [(source, dated(h) if file_dates else h) for h in collection.hand_ins]
    if not found:
        raise NoHandIns("Expected a download or a folder of hand-ins beside the list of the class.")
    written = [write(source, hand_in, into) for source, hand_in in newest(found)]
    for one in written:
        if one.outcome not in ("new", "unchanged"):
            print(f"{one.hand_in.student}, {one.hand_in.lesson}: {_said(one)}")
    path = write_table(written, into)
    counts = Counter(one.outcome for one in written)
    print(", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())) + ".")
    print(f"hand-ins: {into}\ntable: {path}")
    return written


def _said(one: Written) -> str:
    if one.outcome == "replaced":
        return "replaced by a newer hand-in."
    if one.outcome == "kept":
        return "kept, for it is newer than the one in the source."
    return f"{one.outcome}: {one.remarks[0] if one.remarks else ''}"

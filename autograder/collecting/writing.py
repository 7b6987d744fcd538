"""Writing hand-ins as nbgrader wants them: submitted/<student>/<lesson>/<lesson>.ipynb.

A file that is there with the same bytes is left alone, an older hand-in is replaced, a newer one is
kept, and nothing else is touched. Whatever a name holds, nothing is written outside of the folder.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from autograder.collect import HandIn, read_files, read_notebook
from autograder.collecting import times
from autograder.collecting.entries import TIMESTAMP
from autograder.collecting.ids import mended
from autograder.tables import csv_text, defused, write_whole

TABLE = "collected.csv"
COLUMNS = (
    *("student", "lesson", "outcome", "submitted", "time_from", "attempt", "file", "helper_files"),
    *("email", "platform_id", "remarks"),
)
FILE_DATE = "the date of the file"
NO_TIME = "unknown (the file's date, {}, is not used)"


@dataclass(frozen=True)
class Written:
    """What became of a hand-in: "new", "unchanged", "replaced", "kept", or its status."""

    hand_in: HandIn
    outcome: str
    remarks: tuple[str, ...] = ()


def dated(hand_in: HandIn) -> HandIn:
    """With the date of the file as the time of the hand-in, if nothing better is known."""
    if hand_in.submitted or not hand_in.modified:
        return hand_in
    time = times.iso(datetime.fromtimestamp(hand_in.modified, UTC))
    return replace(hand_in, submitted=time, time_from=FILE_DATE)


def newest(found: Sequence[tuple[Path, HandIn]]) -> list[tuple[Path, HandIn]]:
    """One hand-in per student and lesson of several sources: the last one, or the last named."""
    best: dict[tuple[str, str], tuple[Path, HandIn]] = {}
    for source, hand_in in found:
        place = hand_in.student, hand_in.lesson
        rank = hand_in.status is None, hand_in.submitted
        if place not in best or rank >= (best[place][1].status is None, best[place][1].submitted):
            best[place] = source, hand_in
    return [best[place] for place in sorted(best)]


def write(source: Path, hand_in: HandIn, into: Path) -> Written:
    """Write one hand-in; what cannot be read or written has the reason in its remarks."""
    if hand_in.status is not None:
        return Written(hand_in, hand_in.status, (hand_in.sentence, *hand_in.notes))
    try:
        files = {f"{hand_in.lesson}.ipynb": read_notebook(source, hand_in)}
        files |= read_files(source, hand_in)
        if hand_in.submitted:
            files[TIMESTAMP] = _timestamp(hand_in.submitted).encode()
        return Written(hand_in, _put(files, hand_in, into), hand_in.notes)
    except (ValueError, OSError) as error:
        return Written(hand_in, "refused", (str(error), *hand_in.notes))


def _put(files: dict[str, bytes], hand_in: HandIn, into: Path) -> str:
    folder = into
    for name in (hand_in.student, hand_in.lesson):
        if mended(name) != name:
            raise ValueError(f"{name!r} cannot be the name of a folder.")
        folder = folder / name
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise ValueError(f"{folder} is not a folder of hand-ins.")
    there = {name: _content(folder / name) for name in files}
    changed = {name: data for name, data in files.items() if there[name] != data}
    if not changed:
        return "unchanged"
    before = times.parse((_content(folder / TIMESTAMP) or b"").decode("utf-8", "replace"))
    now = times.from_iso(hand_in.submitted)
    is_new = there[f"{hand_in.lesson}.ipynb"] is None
    if not is_new and before and now and now < before:
        return "kept"
    for name, data in changed.items():
        write_whole(folder / name, data)
    return "new" if is_new else "replaced"


def _content(path: Path) -> bytes | None:
    if path.is_symlink() or path.is_dir():
        raise ValueError(f"{path} is not a file.")
    return path.read_bytes() if path.exists() else None


def _timestamp(submitted: str) -> str:
    """A time as nbgrader writes it."""
    time = times.from_iso(submitted)
    return f"{time:%Y-%m-%d %H:%M:%S.%f} UTC" if time else submitted


def write_table(written: Sequence[Written], into: Path) -> Path:
    """Write collected.csv; rows of earlier runs stay, unless the same hand-in came again."""
    path = into / TABLE
    rows: dict[tuple[str, str], list[str]] = {}
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                cells = [row.get(column) or "" for column in COLUMNS]
                rows[cells[0], cells[1]] = cells
    for one in written:
        cells = [defused(cell) for cell in _row(one)]
        rows[cells[0], cells[1]] = cells
    table = [COLUMNS, *(rows[place] for place in sorted(rows))]
    return write_whole(path, csv_text(table).encode())


def _row(one: Written) -> list[str]:
    hand_in = one.hand_in
    origin = hand_in.time_from
    if not hand_in.submitted and hand_in.modified:
        origin = NO_TIME.format(times.iso(datetime.fromtimestamp(hand_in.modified, UTC)))
    return [
        *(hand_in.student, hand_in.lesson, one.outcome, hand_in.submitted, origin),
        *(str(hand_in.attempt or ""), hand_in.name.replace("\0", "/")),
        *(" ".join(hand_in.file_names), hand_in.email, hand_in.platform_id),
        " ".join(one.remarks),
    ]

"""Looking whether hand-ins that `autograder submit` made are still as they were.

What is not is a remark for the instructor, and never a reason to refuse anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.collecting.entries import WITHIN, Entry, readable
from autograder.course import course_version
from autograder.handing_in import manifest as manifests
from autograder.handing_in.manifest import MANIFEST, Manifest, NoManifest

if TYPE_CHECKING:
    from autograder.collect import HandIn


def compared(
    source: Path, listed: Iterable[Entry], hand_ins: Sequence[HandIn]
) -> tuple[HandIn, ...]:
    """The hand-ins, with a remark on each file that is not the one in its own list."""
    known = _manifests(source, listed)
    return tuple(
        replace(one, notes=(*one.notes, *_remarks(source, one, known))) if one.name else one
        for one in hand_ins
    )


def _manifests(source: Path, listed: Iterable[Entry]) -> dict[str, Manifest]:
    """The lists by where they lie: what stands before their name."""
    from autograder.collect import read

    found = {}
    for entry in listed:
        is_list = entry.parts[-1] == MANIFEST and entry.name.endswith(MANIFEST)
        if not is_list or entry.is_folder or entry.refusal:
            continue
        try:
            made = manifests.read(read(source, entry.name, manifests.MAX_BYTES))
        except (NoManifest, ValueError):  # some other file of that name
            continue
        found[entry.name.removesuffix(MANIFEST)] = made
    return found


def _remarks(source: Path, hand_in: HandIn, known: dict[str, Manifest]) -> list[str]:
    from autograder.collect import read_files, read_notebook

    place = next((p for p in sorted(known, key=len, reverse=True) if _is_under(hand_in, p)), None)
    if place is None:
        return []
    manifest = known[place]
    try:
        files = {hand_in.name: read_notebook(source, hand_in)}
        contents = read_files(source, hand_in)
    except ValueError:  # said where the hand-in is read to be graded
        return []
    names = dict(zip(hand_in.file_names, hand_in.files, strict=True))
    files |= {names[name]: data for name, data in contents.items()}
    if hand_in.name.removeprefix(place) not in {entry.name for entry in manifest.files}:
        return []  # the list of another hand-in, which happens to lie in a folder above
    inside = {name.removeprefix(place): data for name, data in files.items()}
    remarks = [readable(remark) for remark in manifests.differences(manifest, inside)]
    folder = next(iter(inside)).rpartition("/")[0]
    beside = [e.name for e in manifest.files if e.name.rpartition("/")[0] == folder]
    remarks += [
        f"{readable(name)} is in the list of what was handed in, and is not there."
        for name in beside
        if name not in inside
    ]
    if manifest.version != course_version():
        remarks.append(
            f"It was made with version {readable(manifest.version)} of the course, "
            f"and this is {course_version()}."
        )
    return remarks


def _is_under(hand_in: HandIn, place: str) -> bool:
    """Whether the hand-in's notebook lies in the folder, or in the zip, that a list lies in."""
    rest = hand_in.name.removeprefix(place)
    return hand_in.name.startswith(place) and WITHIN not in rest

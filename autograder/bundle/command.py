"""What the command `autograder bundle` does."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.bundle.contents import NotReady, contents
from autograder.bundle.lock import BadLock
from autograder.course import all_names, course_root, course_version
from autograder.files import write_whole
from autograder.handing_in.manifest import digest

MISUSE = 2
CODE = Path(__file__).resolve().parents[2]
"""The repository."""
_DATE = (2020, 1, 1, 0, 0, 0)
"""Of every file: a zip of the same course has the same bytes whenever it is made."""


def bundle(wanted: Sequence[str], out: Path | None, own_checks: bool = False) -> int:
    """Make the zip that students get; return the exit code.

    With `own_checks`, the checks of an instructor's own course are in it.
    """
    try:
        root = course_root()
        known = all_names(root)
        if unknown := [name for name in wanted if name not in known]:
            raise NotReady(f"Expected lessons of {', '.join(known)}, got {', '.join(unknown)}.")
        lessons = [name for name in known if not wanted or name in wanted]
        if own_checks and not (root / "checks").is_dir():
            raise NotReady(f"Expected checks of your own in {root / 'checks'}, found none.")
        folder = f"vi-course-{course_version(CODE)}"
        packed = pack(contents(lessons, root, CODE, own_checks), folder)
        target = out or root / "build" / f"{folder}.zip"
        if target.is_dir():
            target = target / f"{folder}.zip"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, packed)
    except (NotReady, BadLock, OSError) as error:
        print(error, file=sys.stderr)
        return MISUSE
    print(f"{len(lessons)} lessons: {target} ({len(packed) / 2**20:.1f} MB)")
    print(f"SHA-256: {digest(packed)}")
    if any((root / "checks").glob("*.py")) and not own_checks:
        print("Without the checks of your own: exercises of yours are judged after handing in.")
    return 0


def pack(files: Mapping[str, bytes], folder: str) -> bytes:
    """A zip with everything in one folder: the same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(f"{folder}/{name}", _DATE)
            info.create_system = 3  # else it says which system it was made on
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name], zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()

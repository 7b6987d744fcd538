"""What the command `autograder submit` does."""

from __future__ import annotations

import io
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from autograder.collecting import times
from autograder.collecting.ids import mended
from autograder.course import all_names, course_root, course_version, is_practice
from autograder.files import write_whole
from autograder.handing_in import manifest as manifests
from autograder.handing_in.looking import in_jupyter, warnings_of
from autograder.handing_in.manifest import MANIFEST, Manifest
from autograder.handing_in.work import NothingToHandIn, Work, chosen

MISUSE = 2


def submit(wanted: Sequence[str], out: Path | None, student: str) -> int:
    """Make one zip of a student's notebooks; return the exit code.

    0: the zip is there, whatever there is to say about it. 2: it could not be made.
    """
    try:
        root = course_root()
        lessons = all_names(root)
        works = chosen(wanted, lessons, root)
        target = out or Path(_name_of_zip(works, student))
        if target.is_dir() or target.suffix.casefold() != ".zip":
            target = target / _name_of_zip(works, student)
        files = {name: data for work in works for name, data in work.contents.items()}
        now = datetime.now(UTC)
        manifest = Manifest(times.iso(now), course_version(), student, manifests.listed(files))
        packed = pack({MANIFEST: manifests.written(manifest), **files}, now)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, packed)
    except (NothingToHandIn, OSError) as error:
        print(error, file=sys.stderr)
        return MISUSE
    print(f"Made {target} ({_size(len(packed))}):\n")
    for entry in manifest.files:
        print(f"  {entry.name:<44} {_size(entry.size):>9}  {entry.sha256[:12]}")
    print(f"\nSHA-256 of the zip: {manifests.digest(packed)}")
    _warn(works, lessons, root)
    print("\nUpload this one file. Nothing has been sent anywhere.")
    return 0


def pack(files: Mapping[str, bytes], now: datetime) -> bytes:
    """A zip of some files: the same files at the same time give the same bytes."""
    packed = io.BytesIO()
    here = now.astimezone()
    local = (here.year, here.month, here.day, here.hour, here.minute, here.second)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, local)
            info.external_attr = 0o644 << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _name_of_zip(works: Sequence[Work], student: str) -> str:
    """Such as `ada lovelace_05_bbvi.zip`; a folder of such zips is a class."""
    who = mended(student) if student else "hand-in"
    return f"{who}_{works[0].lesson}.zip" if len(works) == 1 else f"{who}.zip"


def _warn(works: Sequence[Work], lessons: Sequence[str], root: Path) -> None:
    from jupyter_core.paths import jupyter_runtime_dir

    runtime = Path(jupyter_runtime_dir())
    for work in works:
        print(f"\n{work.lesson}: saved {_ago(time.time() - work.path.stat().st_mtime)}.")
        if in_jupyter(work.path, runtime):
            print("  - JupyterLab seems to be open: what you have not saved there is not in.")
        if is_practice(work.lesson):
            print("  - This lesson is for practice: it need not be handed in.")
        for warning in warnings_of(work, lessons, root):
            print(f"  - {warning}")
    if len(works) > 1:
        print(f"\nTo hand in one lesson only: autograder submit {works[0].lesson}")


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' * (number != 1)} ago"
    return "less than a minute ago"


def _size(number: int) -> str:
    if number < 1024:
        return f"{number} bytes"
    return f"{number / 1024:.1f} KB" if number < 2**20 else f"{number / 2**20:.1f} MB"

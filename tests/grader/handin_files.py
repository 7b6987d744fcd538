"""Folders and archives of made-up hand-ins."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from autograder.collect import Collection, HandIn, collect

LESSONS = ("02_cavi", "05_bbvi")


def zipped(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def folder(top: Path, files: Mapping[str, bytes]) -> Path:
    top.mkdir(exist_ok=True)
    for name, data in files.items():
        written(top / name, data)
    return top


def found(source: Path) -> Collection:
    return collect(source, LESSONS)


def places(source: Path) -> list[tuple[str, str]]:
    return [(hand_in.student, hand_in.lesson) for hand_in in found(source).hand_ins]


def one(source: Path) -> HandIn:
    (hand_in,) = found(source).hand_ins
    return hand_in

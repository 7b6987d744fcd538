"""An instructor's own course: a folder outside of the repository, with a file course.toml.

What is different there stands in one file: which lessons there are, what exercises are worth, a
secret from which the hidden inputs are made, the late policy. The folder has what the repository
has, `solutions/` and `lessons/`, made by `autograder build`; texts of its own in `solutions/`, and
checks of its own in `checks/`, stand beside those of the repository.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.checks.own import VARIABLE

SETTINGS = "course.toml"
REPOSITORY = Path(__file__).resolve().parents[1]
_LABEL = re.compile(r"E\d{1,2}\.\d{1,2}|O\d{1,2}")
_TEXTS = "[0-9][0-9]_*.py"
_KEYS = {"lessons": list, "secret": str, "late": str, "points": dict}


class BadCourse(ValueError):
    """course.toml, or the folder of an own course, is not as it has to be."""


@dataclass(frozen=True)
class OwnCourse:
    """What an own course does differently; `texts` are those of its lessons by name."""

    root: Path
    texts: Mapping[str, Path]
    points: Mapping[str, float] = field(default_factory=dict)
    secret: str = ""
    late: Path | None = None

    def seed(self, exercise: str, stated: int) -> int:
        """The seed of the hidden inputs: `stated` is that of the text, which is public."""
        if not self.secret:
            return stated
        digest = hashlib.sha256(f"{self.secret}\0{exercise}".encode()).digest()
        return 1 + int.from_bytes(digest[:8], "big") % (2**31 - 1)


def named_course() -> Path | None:
    """The folder of the course that AUTOGRADER_COURSE names, None if it names none."""
    found = os.environ.get(VARIABLE)
    if not found:
        return None
    folder = Path(found).resolve()
    if not (folder / SETTINGS).is_file():
        raise BadCourse(
            f"expected {SETTINGS} in {folder}, which {VARIABLE} or --course names: "
            f"`autograder new-course {found}` writes one"
        )
    return folder


def choose_course(named: str | None) -> None:
    """Have this process, and those that it starts, work on the course with this folder.

    Without a name, on the own course that the current folder lies in, if it does.
    """
    if named is not None:
        os.environ[VARIABLE] = str(Path(named).resolve())
        named_course()  # is there one?
    elif not os.environ.get(VARIABLE):
        here = Path.cwd().resolve()
        found = next((f for f in (here, *here.parents) if (f / SETTINGS).is_file()), None)
        if found is not None:
            os.environ[VARIABLE] = str(found)


def late_policy() -> Path | None:
    """The late policy that the chosen course states."""
    folder = named_course()
    own = own_course(folder) if folder is not None else None
    return own.late if own is not None else None


def own_course(root: Path) -> OwnCourse | None:
    """The own course in a folder; None if it is not one."""
    path = root / SETTINGS
    if not path.is_file():
        return None
    if root.resolve() == REPOSITORY:
        raise BadCourse(f"expected {SETTINGS} in a folder of its own, got it in {REPOSITORY}")
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadCourse(f"{path}: {error}") from None
    for key, value in found.items():
        if key not in _KEYS:
            raise BadCourse(f"{path}: expected {', '.join(_KEYS)}, got {key!r}")
        if not isinstance(value, _KEYS[key]):
            raise BadCourse(f"{path}: expected a {_KEYS[key].__name__} for {key}, got {value!r}")
    late = found.get("late")
    if late and not (root / late).is_file():
        raise BadCourse(f"{path}: expected the late policy in {root / late}, and there is no file")
    return OwnCourse(
        root,
        _texts(root, found.get("lessons"), path),
        {label: _points(label, value, path) for label, value in found.get("points", {}).items()},
        found.get("secret", ""),
        root / late if late else None,
    )


def _texts(root: Path, wanted: list[Any] | None, path: Path) -> dict[str, Path]:
    """The texts of the course's lessons: its own, and those of the repository."""
    folders = (REPOSITORY / "solutions", root / "solutions")
    known = {text.stem: text for folder in folders for text in sorted(folder.glob(_TEXTS))}
    names = sorted(known) if wanted is None else wanted
    if unknown := [name for name in names if name not in known]:
        raise BadCourse(
            f"{path}: expected lessons among {', '.join(sorted(known))}, got {unknown[0]!r}"
        )
    for name in names:
        if others := [other for other in names if other[:2] == name[:2] and other != name]:
            raise BadCourse(
                f"{path}: {name} and {others[0]} have the same number; leave one out in `lessons`"
            )
    return {name: known[name] for name in sorted(names)}


def _points(label: str, value: Any, path: Path) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not _LABEL.fullmatch(label) or not number or not 0 <= value < 1e6:
        raise BadCourse(
            f'{path}: expected points such as "E5.1" = 6 or "O5" = 10, got "{label}" = {value!r}'
        )
    return float(value)

"""Where things are in an environment of Python, on each system."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path, PurePath


@dataclass(frozen=True)
class Places:
    """The environment of a course's folder; `system` is `os.name`: "posix" or "nt"."""

    root: Path
    system: str = os.name
    version: tuple[int, int] = (sys.version_info[0], sys.version_info[1])

    @property
    def environment(self) -> Path:
        """The environment's folder."""
        return self.root / ".venv"

    @property
    def programs(self) -> Path:
        """The folder of its programs."""
        return self.environment / ("Scripts" if self.system == "nt" else "bin")

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / ("python.exe" if self.system == "nt" else "python")

    @property
    def packages(self) -> Path:
        """The folder of its packages: that of the Python which made it, if it is there."""
        if self.system == "nt":
            return self.environment / "Lib" / "site-packages"
        there = sorted(self.environment.glob("lib/python3.*/site-packages"))
        named = f"python{self.version[0]}.{self.version[1]}"
        return there[0] if there else self.environment / "lib" / named / "site-packages"

    @property
    def ready(self) -> Path:
        """A file that says what has been installed completely."""
        return self.environment / ".ready"

    @property
    def log(self) -> Path:
        """What pip said the last time."""
        return self.environment / "install.log"

    @property
    def path_file(self) -> Path:
        """A file that makes the course's own packages known to the environment."""
        return self.packages / "vi_course.pth"


def path_line(places: Places) -> str:
    """What stands in that file: a way upwards, which holds wherever the folder is moved."""
    depth = len(PurePath(places.packages).relative_to(places.root).parts)
    return "/".join([".."] * depth) + "\n"


def launcher(places: Places) -> tuple[Path, str]:
    """The command `autograder` of the environment, as a file that works where it lies."""
    if places.system == "nt":
        text = '@"%~dp0python.exe" -m autograder %*\r\n'
        return places.programs / "autograder.cmd", text
    text = '#!/bin/sh\nexec "$(dirname -- "$0")/python" -m autograder "$@"\n'
    return places.programs / "autograder", text

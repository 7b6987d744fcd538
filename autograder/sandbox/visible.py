"""Which files students' code may read: the interpreter, its libraries, and nothing of the course.

Of the grader's own package only modules that a child has loaded anyway are visible: the checks of
the lessons, their typical mistakes and everything else in the repository are not.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_SYSTEM = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib"),
    *("/usr/local/lib64", "/nix/store", "/gnu/store", "/etc/alternatives", "/etc/ld.so.cache"),
    *("/usr/share/fonts", "/usr/share/zoneinfo", "/etc/localtime"),
)
_SITES = ("site-packages", "dist-packages")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class Visible:
    """Absolute paths. Of what lies in `masked`, only `modules` are visible.

    `folders` (some may be files) are without symbolic links, and none lies in another. `links` are
    names under which they are known as well: pairs of a path and where it leads.
    """

    folders: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    masked: str
    modules: tuple[str, ...]


def visible() -> Visible:
    """What a process forked from this one, now that its libraries are loaded, may read."""
    masked = os.path.realpath(Path(__file__).parents[1])
    wanted = [path for path in (*_SYSTEM, *_libraries()) if os.path.exists(path)]
    folders = _topmost(os.path.realpath(path) for path in wanted)
    folders = _topmost([*folders, *_packages(folders, masked)])
    links = {path: real for path in wanted if (real := os.path.realpath(path)) != path}
    modules = (os.path.realpath(file) for name, file in _loaded() if _top(name) == "autograder")
    return Visible(folders, tuple(links.items()), masked, tuple(sorted(set(modules))))


def inside(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or of something in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _libraries() -> Iterator[str]:
    """Only `lib` of a prefix: a virtual environment may be the course's folder itself."""
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        for name in ("lib", "lib64"):
            yield os.path.join(prefix, name)
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield sysconfig.get_path(name)


def _packages(folders: Iterable[str], masked: str) -> Iterator[str]:
    """Folders of loaded packages that lie elsewhere: the user's, or editable installations."""
    for name, file in _loaded():
        real = os.path.realpath(file)
        if not any(inside(real, folder) for folder in (*folders, masked)):
            levels = name.count(".") + (os.path.basename(file) == "__init__.py")
            package = Path(real).parents[max(levels - 1, 0)]
            if package.parent.name in _SITES:  # what its packages need lies beside them
                yield str(package.parent)
            else:
                yield str(package) if package.name == _top(name) else real


def _loaded() -> Iterator[tuple[str, str]]:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name != "__main__" and os.path.exists(file):
            yield name, os.path.abspath(file)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _topmost(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths that lie in no other."""
    found: list[str] = []
    for path in sorted(set(paths)):
        if not any(inside(path, other) for other in found):
            found.append(path)
    return tuple(found)

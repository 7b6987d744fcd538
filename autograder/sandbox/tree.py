"""A file tree of its own for a process: read-only, with the visible files and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from autograder.sandbox import linux
from autograder.sandbox.visible import DEVICES, Visible, inside

_SCRATCH = ("/tmp", "/folder")
"""Where a child's own folder is mounted, if nothing that is to be seen lies there."""
_BASES = ("/tmp", "/mnt", "/var", "/usr")
_OLD = "/.old"
_LIBRARY = linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV
_DEVICE = linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NOEXEC


def change_into(seen: Visible) -> None:
    """Make a tree of what is visible the root of this process's mount namespace, which is its own.

    Nothing of it changes the file tree of other processes; all of it vanishes with the namespace.
    """
    linux.mount("", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    base = next(path for path in _BASES if os.path.isdir(path))
    linux.mount("tmpfs", base, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=4m,mode=0755")
    os.mkdir(base + _OLD, 0o700)
    linux.change_root(base, base + _OLD)
    for path in seen.folders:
        _show(path, _LIBRARY)
    mask = any(inside(seen.masked, path) for path in seen.folders)
    if mask:
        linux.mount("tmpfs", seen.masked, "tmpfs", 0, "size=4m,mode=0755")
    for path in seen.modules:
        _show(path, _LIBRARY)
    if mask:
        linux.harden(seen.masked, _LIBRARY)
    for path in DEVICES:
        _show(path, _DEVICE)
    for path, target in seen.links:
        if not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(target, path)
    os.makedirs(scratch(seen), exist_ok=True)
    linux.unmount(_OLD)
    os.rmdir(_OLD)
    linux.harden("/", _LIBRARY | linux.MOUNT_ATTR_NOEXEC)


def _show(path: str, attributes: int) -> None:
    """Let a file or folder of the old tree be seen at the same place."""
    if not os.path.exists(_OLD + path):
        return
    if os.path.isdir(_OLD + path):
        os.makedirs(path, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).touch()
    linux.mount(_OLD + path, path, flags=linux.MS_BIND | linux.MS_REC)
    linux.harden(path, attributes, recursive=True)


def scratch(seen: Visible) -> str:
    """Where in the tree a child's own folder is."""
    paths = (*seen.folders, *seen.modules, *(path for path, _ in seen.links))
    for folder in _SCRATCH:
        if not any(inside(path, folder) for path in paths):
            return folder
    raise OSError(f"there are libraries in both {' and '.join(_SCRATCH)}")


def add_scratch(folder: str, size: int, files: int) -> None:
    """Mount an empty folder in memory, of bounded size, in this process's mount namespace."""
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("tmpfs", folder, "tmpfs", flags, f"size={size},nr_inodes={files},mode=0700")
    os.chdir(folder)

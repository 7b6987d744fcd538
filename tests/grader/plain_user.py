"""Run a Python script as an ordinary user, also where the tests run as root.

`python plain_user.py HOME [OPTION] SCRIPT ARGUMENTS...`. Root becomes nobody, in a mount namespace
in which the interpreter can be reached by everybody and HOME, a folder, is its own.

With `--without-namespaces` it is a user of a machine that lets nobody make user namespaces; with
`--few-rights` it stays root, but without the right to mount, as in a container.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from autograder.sandbox import linux
from autograder.sandbox.namespaces import leave_root

ROOT = Path(__file__).resolve().parents[2]


def main(home: str, *arguments: str) -> None:
    """Become an ordinary user and run the script."""
    if os.geteuid() == 0:
        fonts = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "matplotlib"
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount("", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
        linux.mount("tmpfs", home, "tmpfs", 0, "mode=0755,uid=65534,gid=65534")
        if fonts.is_dir():  # listing the fonts anew takes long
            copy = Path(home) / "matplotlib"
            shutil.copytree(fonts, copy, copy_function=shutil.copyfile)
            copy.chmod(0o777)
        for path in (ROOT, sys.prefix, sys.base_prefix, home):
            open_the_way(Path(path).resolve())
        if arguments[0] == "--few-rights":
            arguments = arguments[1:]
            give_up_mounting()
        else:
            leave_root()
            linux.prctl(linux.PR_SET_DUMPABLE, 1)
    if arguments[0] == "--without-namespaces":
        arguments = arguments[1:]
        forbid_namespaces()
    os.environ.pop("XDG_CACHE_HOME", None)
    os.environ.update(HOME=home, MPLCONFIGDIR=f"{home}/matplotlib", TMPDIR=home)
    os.execv(sys.executable, [sys.executable, *arguments])


def open_the_way(path: Path) -> None:
    """Where a parent of a folder is closed to others, put an open one with only it in its place."""
    for parent in reversed(path.parents):
        if not parent.stat().st_mode & 0o001:
            held = os.open(path, os.O_PATH)
            linux.mount("tmpfs", str(parent), "tmpfs", 0, "mode=0755")
            path.mkdir(parents=True)
            linux.mount(f"/proc/self/fd/{held}", str(path), flags=linux.MS_BIND | linux.MS_REC)
            os.close(held)
            return


def give_up_mounting() -> None:
    """Drop CAP_SYS_ADMIN from what the next program may have."""
    linux.prctl(linux.PR_CAPBSET_DROP, linux.CAP_SYS_ADMIN.bit_length() - 1)


def forbid_namespaces() -> None:
    """Enter a user namespace in which the number of further ones is limited to 0."""
    user, group = os.geteuid(), os.getegid()
    linux.unshare(linux.CLONE_NEWUSER)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1")):
        Path(f"/proc/self/{name}").write_text(line)
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


if __name__ == "__main__":
    main(*sys.argv[1:])

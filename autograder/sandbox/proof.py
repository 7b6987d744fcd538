"""What a child can tell of its own confinement, by trying; each tier needs some of these facts.

All is tried before any of the student's code runs, so that the answers can be trusted.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sysconfig
from collections.abc import Callable

from autograder.sandbox import linux
from autograder.sandbox.tiers import Tier

NEEDED: dict[Tier, frozenset[str]] = {
    "A": frozenset(
        {
            "is not root",
            "has no capabilities",
            "cannot get capabilities",
            "gets no new privileges",
            "is filtered",
            "makes no sockets",
            "runs no programs",
            "is alone",
            "has a network of its own",
            "has a file tree of its own",
            "cannot change its libraries",
            "can write to its folder",
            "can read its libraries",
        }
    ),
    "B": frozenset(
        {
            "has no capabilities",
            "gets no new privileges",
            "is filtered",
            "makes no sockets",
            "runs no programs",
            "cannot list the files",
            "can write to its folder",
            "can read its libraries",
        }
    ),
    "C": frozenset(),
}

_LIBRARIES = [
    path
    for path in (os.__file__, linux.__file__, *map(sysconfig.get_path, ("purelib", "platlib")))
    if os.path.exists(path)
]
"""Some of what must be readable also by the user that a child is, whoever installed it."""


def missing(tier: Tier, found: list[str]) -> str:
    """The facts that a tier needs and a child did not find, as part of a sentence."""
    return ", ".join(sorted(NEEDED[tier] - set(found)))


def network_facts() -> tuple[str, ...]:
    """What is to be seen of the network; asked before sockets are refused."""
    alone = [name for _, name in socket.if_nameindex()] == ["lo"]
    return ("has a network of its own",) if alone else ()


def facts(folder: str) -> tuple[str, ...]:
    """What holds for this process, which may write to the folder."""
    found = {
        "is not root": 0 not in (*os.getresuid(), *os.getresgid(), *os.getgroups()),
        "has no capabilities": linux.capabilities() == 0,
        "cannot get capabilities": linux.bounding_capabilities() == 0,
        "gets no new privileges": linux.prctl(linux.PR_GET_NO_NEW_PRIVS) == 1,
        "is filtered": linux.prctl(linux.PR_GET_SECCOMP) == 2,
        "makes no sockets": _refused(socket.socket),
        "runs no programs": _refused(lambda: os.execv("/nothing", ["nothing"])),
        "is alone": os.getpid() == 1 and os.getppid() == 0,
        "has a file tree of its own": not os.path.exists("/proc/self") and _cannot_write("/"),
        "cannot change its libraries": all(map(_read_only, ("/", *_LIBRARIES))),
        "cannot list the files": _refused(lambda: os.listdir("/")),
        "can read its libraries": all(os.access(path, os.R_OK) for path in _LIBRARIES),
        "can write to its folder": not _cannot_write(folder),
    }
    return tuple(fact for fact, holds in found.items() if holds)


def _refused(action: Callable[[], object]) -> bool:
    """Whether the kernel forbids an action; one that fails for another reason is not forbidden."""
    try:
        action()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _read_only(path: str) -> bool:
    """Whether a file system is mounted such that nobody may change it, whoever owns it."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _cannot_write(folder: str) -> bool:
    path = os.path.join(folder, ".written")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except OSError:
        return True
    with contextlib.suppress(OSError):
        os.unlink(path)
    return False

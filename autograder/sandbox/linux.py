"""Calls of the Linux kernel that Python 3.11 has no function for.

Each function raises `OSError`, whose text names the call, when the kernel refuses. Importing this
module works everywhere; calling works on Linux on the machines in `syscalls.MACHINES`.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os

from autograder.sandbox.syscalls import number

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC = 1, 2, 4, 8
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_GET_SECCOMP = 1, 4, 21
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 39, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION = 0x20080522
CAP_SYS_ADMIN = 1 << 21
_LAST_CAPABILITY = 63


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def load() -> None:
    """Find the functions now: later there may be no library to find them in."""
    for name in ("unshare", "setns", "mount", "umount2", "prctl", "syscall"):
        getattr(_libc(), name)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def syscall(name: str, *arguments: int | bytes | ctypes.Array | None) -> int:
    """Make a system call by its name."""
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc().syscall(ctypes.c_long(number(name)), *passed), name)


def unshare(flags: int) -> None:
    """Give this process namespaces of its own (for `CLONE_NEWPID`: its next child)."""
    _checked(_libc().unshare(ctypes.c_int(flags)), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Enter a namespace."""
    _checked(_libc().setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount something."""
    texts = [text.encode() if text else None for text in (source, target, kind)]
    result = _libc().mount(*texts, ctypes.c_ulong(flags), options.encode() or None)
    _checked(result, f"mount {target}")


def harden(target: str, attributes: int, *, recursive: bool = False) -> None:
    """Add attributes such as `MOUNT_ATTR_RDONLY` to a mount, and to those below (Linux 5.12)."""
    settings = b"".join(value.to_bytes(8, "little") for value in (attributes, 0, 0, 0))
    flags = _AT_RECURSIVE if recursive else 0
    path = target.encode()
    syscall("mount_setattr", _AT_FDCWD, path, flags, settings, len(settings))


def change_root(root: str, old: str) -> None:
    """Make `root` the root of this mount namespace; what was the root appears at `old`."""
    syscall("pivot_root", root.encode(), old.encode())
    os.chdir("/")


def unmount(target: str) -> None:
    """Take a mount, and all below, out of this namespace."""
    _checked(_libc().umount2(target.encode(), ctypes.c_int(MNT_DETACH)), f"umount {target}")


def prctl(option: int, value: int = 0, other: int = 0) -> int:
    """`prctl(2)`."""
    longs = (ctypes.c_ulong(v) for v in (value, other, 0, 0))
    return _checked(_libc().prctl(ctypes.c_int(option), *longs), f"prctl {option}")


def drop_capabilities() -> None:
    """Give up every capability, also those that a program could get back by being run."""
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # no right to, or there are no more of them; `capabilities` tells
            break
    with contextlib.suppress(OSError):
        prctl(PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    syscall("capset", *_capability_header(), bytes(24))


def capabilities() -> int:
    """The capabilities that this process has or could acquire, as bits."""
    sets = ctypes.create_string_buffer(24)
    syscall("capget", *_capability_header(), sets)
    words = [int.from_bytes(sets.raw[i : i + 4], "little") for i in range(0, 24, 4)]
    effective, permitted, inheritable = (words[i] | words[i + 3] << 32 for i in range(3))
    return effective | permitted | inheritable


def bounding_capabilities() -> int:
    """The capabilities that a privileged program could still give to this process, as bits."""
    found = 0
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            found |= prctl(PR_CAPBSET_READ, capability) << capability
        except OSError:
            break
    return found


def _capability_header() -> tuple[bytes]:
    return (_CAPABILITY_VERSION.to_bytes(4, "little") + bytes(4),)

"""Tier A: namespaces. The zygote moves into a small file tree; each child gets the rest.

The zygote, as root or as an ordinary user, leaves the user's file tree for one with the libraries
only (`tree`), gives up uid 0, and becomes the first process of a user and a pid namespace of its
own: when it dies, everything in there dies. Each child is the first process of a further pid
namespace and has its own user, mount, network, IPC, host name and cgroup namespaces.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from autograder.sandbox import linux, tree
from autograder.sandbox.visible import Visible

NOBODY = 65534
"""The user and group that root's children run as."""
_OF_A_CHILD = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWNS
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWCGROUP
)


@dataclass(frozen=True)
class Nest:
    """Open folders that a zygote in its own tree still needs: the system's /proc, its pids."""

    proc: int
    pids: int


def leave_root() -> None:
    """Become nobody for good."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def enter(seen: Visible, before: Callable[[], None]) -> Nest:
    """Become a zygote in namespaces of its own; returns in a new process, with pid 1.

    The calling process waits for it, and ends as it ends; before that it calls `before`, to close
    what only the new process should hold. `OSError` if the kernel refuses.
    """
    os.umask(0o022)
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    if os.geteuid() == 0 and linux.capabilities() & linux.CAP_SYS_ADMIN:
        linux.unshare(linux.CLONE_NEWNS)  # now, for nobody may not get to what root can show it
        tree.change_into(seen)
        leave_root()
        _new_user(proc, linux.CLONE_NEWPID)
    else:
        if os.geteuid() == 0:  # as in a container
            leave_root()
        _new_user(proc, linux.CLONE_NEWPID | linux.CLONE_NEWNS)
        tree.change_into(seen)
    pid = os.fork()
    if pid:
        before()
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    return Nest(proc, os.open("self/ns/pid", os.O_RDONLY, dir_fd=proc))


def fork(nest: Nest) -> int:
    """Fork a child that is the first process of a new pid namespace; 0 in the child."""
    linux.unshare(linux.CLONE_NEWPID)
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            linux.setns(nest.pids, linux.CLONE_NEWPID)
    return pid


def settle(nest: Nest, folder: str, size: int, files: int) -> int:
    """Give a child the rest of its namespaces, and an empty folder; return its pid outside."""
    pid = int(os.readlink("self", dir_fd=nest.proc))
    _new_user(nest.proc, _OF_A_CHILD)
    tree.add_scratch(folder, size, files)
    socket.sethostname("grader")
    os.close(nest.proc)
    os.close(nest.pids)
    return pid


def _new_user(proc: int, others: int) -> None:
    """Enter a new user namespace, in which the user keeps its number, and other new ones."""
    user, group = os.geteuid(), os.getegid()
    linux.unshare(linux.CLONE_NEWUSER | others)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)  # or the files in /proc/self would belong to root
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        descriptor = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)  # no other process of this user may look inside

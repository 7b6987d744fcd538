"""Holding students' code to a tier: what the zygote does once, and what each child does.

Tier A is namespaces, a filter of system calls and limits; tier B Landlock, the filter and limits;
tier C a session, an empty folder and limits. Nothing here falls back to another tier: what cannot
be done is an `OSError`, and the child does not run.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox import landlock, linux, namespaces, proof, seccomp
from autograder.sandbox.limits import Limits, hold
from autograder.sandbox.syscalls import this_machine
from autograder.sandbox.tiers import Tier
from autograder.sandbox.tree import scratch
from autograder.sandbox.visible import Visible, visible


@dataclass(frozen=True)
class Cage:
    """What a zygote has prepared for its children."""

    tier: Tier
    seen: Visible
    filter: bytes = b""
    nest: namespaces.Nest | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Open files that a child needs until it is confined."""
        return (self.nest.proc, self.nest.pids) if self.nest else ()


@dataclass(frozen=True)
class Confined:
    """A child that is held to a tier: where it may write, its pid outside, what it has verified."""

    folder: str
    pid: int
    facts: tuple[str, ...]


def prepare(tier: Tier, before: Callable[[], None]) -> Cage:
    """Prepare the zygote; in tier A it goes on in a new process, while the old one waits.

    The old process calls `before`, to close what only the new one should hold.
    """
    if tier == "C":
        return Cage(tier, Visible((), (), "", ()))
    if not this_machine():
        raise OSError(f"tier {tier} needs Linux on x86_64 or aarch64, 64 bits")
    linux.load()
    seen = visible()
    if tier == "A":
        calls = seccomp.program(seccomp.Policy(first=True, alone=True))
        return Cage(tier, seen, calls, namespaces.enter(seen, before))
    landlock.version()
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    return Cage(tier, seen, seccomp.program(seccomp.Policy(first=False, alone=False)))


def fork(cage: Cage) -> int:
    """Fork a child; 0 in the child."""
    return namespaces.fork(cage.nest) if cage.nest else os.fork()


def confine(cage: Cage, folder: str, limits: Limits) -> Confined:
    """Hold this process, a child that runs nothing of the student's yet, to the cage's tier."""
    pid = os.getpid()
    if cage.nest is not None:
        folder = scratch(cage.seen)
        pid = namespaces.settle(cage.nest, folder, limits.scratch, limits.scratch_files)
        network = proof.network_facts()
        hold(limits, threads_only=True, others=False)
        _give_up_rights()
    elif cage.tier == "B":
        network = ()
        rules = landlock.rules(cage.seen, folder)
        if os.geteuid() == 0 and _open_to_all(cage.seen.folders, folder):
            os.chown(folder, namespaces.NOBODY, namespaces.NOBODY)
            namespaces.leave_root()
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)  # it is lost with uid 0
        os.chdir(folder)
        hold(limits, threads_only=True)
        _give_up_rights()
        landlock.restrict(rules)
    else:
        os.chdir(folder)
        hold(limits)
        return Confined(folder, pid, ())
    seccomp.install(seccomp.for_process(cage.filter, os.getpid()))
    return Confined(folder, pid, (*network, *proof.facts(folder)))


def _give_up_rights() -> None:
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)


def _open_to_all(folders: Iterable[str], own: str) -> bool:
    """Whether any user may read these folders, and get to the own one."""
    ways = {str(parent) for path in (*folders, own) for parent in Path(path).parents}
    return all(os.stat(path).st_mode & 0o001 for path in ways) and all(
        os.stat(path).st_mode & 0o004 for path in folders
    )


def die_with(parent: int) -> None:
    """Be killed when the zygote dies; of a pid namespace's first process, the kernel sees to it."""
    if sys.platform == "linux":
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() not in (parent, 0):  # 0: the parent is in another pid namespace
        os._exit(70)

"""What keeps this machine from a better tier, and what its owner can do about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from autograder.sandbox.syscalls import MACHINES, this_machine
from autograder.sandbox.tiers import Tier

_CONTAINER = (
    "inside a container, its own seccomp profile or AppArmor stands in the way; start it with "
    "`docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined ...`, "
    "or the same options of podman"
)
_ELSEWHERE = (
    "in a Linux container there is tier A: `docker run --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined ...`, or the same options of podman"
)


def advice(tier: Tier) -> list[str]:
    """What may help, for a tier that this machine does not have; the likeliest comes first."""
    if sys.platform != "linux":
        return [_ELSEWHERE]
    if not this_machine():
        return [f"tiers A and B need a 64-bit Python on {' or '.join(MACHINES)}"]
    found = list(_about_namespaces() if tier == "A" else _about_landlock())
    if _in_container():
        found.append(_CONTAINER)
    return found


def _about_namespaces() -> Iterator[str]:
    if _kernel() < (5, 12):
        yield f"tier A needs Linux 5.12, and this is {os.uname().release}"
    for name, refusing, remedy in (
        ("user/max_user_namespaces", "0", "15000"),
        ("kernel/unprivileged_userns_clone", "0", "1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ):
        if _text(f"/proc/sys/{name}") == refusing:
            key = name.replace("/", ".")
            yield f"{key} is {refusing}; the owner of the machine may `sudo sysctl {key}={remedy}`"


def _about_landlock() -> Iterator[str]:
    modules = _text("/sys/kernel/security/lsm")
    if _kernel() < (5, 13):
        yield f"tier B needs Linux 5.13, and this is {os.uname().release}"
    elif modules and "landlock" not in modules.split(","):
        yield f"Landlock is not switched on; start the kernel with `lsm=landlock,{modules}`"


def _in_container() -> bool:
    marks = ("/.dockerenv", "/run/.containerenv")
    return "container" in os.environ or any(Path(mark).exists() for mark in marks)


def _kernel() -> tuple[int, int]:
    major, minor, *_ = (*os.uname().release.split("."), "0")
    digits = "".join(c for c in minor if c.isdigit())
    return int(major), int(digits or 0)


def _text(path: str) -> str:
    """The content of a file, "" if there is none."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""

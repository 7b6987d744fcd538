"""The tiers of isolation, and which of them this machine has.

A: namespaces, a filter of system calls, limits. B: Landlock, the filter, limits, where namespaces
are refused. C: limits, a session and an empty folder; students' code can read the user's files.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal, get_args

Tier = Literal["A", "B", "C"]
VARIABLE = "AUTOGRADER_TIER"
_PROBE_SECONDS = 60.0


class NoTier(ValueError):
    """A tier was asked for that does not exist, or that this machine does not have."""


def best_tier() -> Tier:
    """The best tier that this machine has, found by trying; the same answer for the whole run."""
    return next(tier for tier in get_args(Tier) if not why_not(tier))


def chosen_tier() -> Tier:
    """The tier that `AUTOGRADER_TIER` asks for, else the best; `NoTier` if it cannot be had."""
    wanted = os.environ.get(VARIABLE, "")
    return require(wanted) if wanted else best_tier()


def require(name: str) -> Tier:
    """The tier of this name; `NoTier`, saying why, if this machine does not have it."""
    for tier in get_args(Tier):
        if tier == name:
            if reason := why_not(tier):
                raise NoTier(f"Tier {tier} is not available on this machine: {reason}.")
            return tier
    raise NoTier(f"Expected a tier A, B or C, got {name!r}.")


def why_not(tier: Tier) -> str:
    """Why this machine does not have a tier; "" if it has."""
    return "" if tier == "C" else _probed(tier)


@functools.cache
def _probed(tier: Tier) -> str:
    """Try in a process that is thrown away: a zygote without libraries, and one child."""
    if sys.platform != "linux":
        return f"it needs Linux, and this is {sys.platform}"
    command = [sys.executable, "-P", "-m", "autograder.sandbox.probe", tier]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    try:
        found = subprocess.run(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
        if not found.stdout:
            said = found.stderr.decode("utf-8", "replace").strip().splitlines()
            return f"the attempt ended Python ({said[-1] if said else 'without a word'})"
        return str(json.loads(found.stdout))
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return f"the attempt failed: {error}"


def folder_for_child(tier: Tier) -> str:
    """A fresh folder for a child; "" in tier A, where it gets one in memory that only it sees."""
    return "" if tier == "A" else tempfile.mkdtemp(prefix="handin-")

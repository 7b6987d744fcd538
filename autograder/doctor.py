"""What the command `autograder doctor` tells: whether this machine can grade, and how safely."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from autograder.sandbox.advice import advice
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.tiers import VARIABLE, NoTier, Tier, chosen_tier, why_not
from autograder.terminal import fitted

DISTRIBUTION = "variational-inference-course"
_TIERS = {
    "A": "namespaces, a filter of system calls, limits",
    "B": "Landlock, a filter of system calls, limits",
    "C": "limits only: students' code can read your files",
}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_GIB = 1024 * MIB
_SHOWN = 5
_MARGIN = 7  # columns before a finding's text

Mark = Literal["ok", "note", "fault"]


@dataclass(frozen=True)
class Finding:
    """One line: "fault" if grading does not work because of it, "note" if it could be better."""

    mark: Mark
    text: str


def doctor() -> int:
    """Print what is found; return 0 if this machine can grade, 1 if not."""
    works = True
    for finding in examine():
        print(fitted(f"{finding.mark:>5}  {finding.text}", margin=_MARGIN), flush=True)
        works &= finding.mark != "fault"
    print("Grading works on this machine." if works else "Grading does not work on this machine.")
    return 0 if works else 1


def examine() -> Iterator[Finding]:
    """Look at everything that grading needs; the trial run comes last."""
    yield python()
    yield from packages()
    yield from machine()
    yield browser()
    yield from isolation()


def python() -> Finding:
    """Whether the interpreter is one that the course is made for."""
    wanted = _metadata("Requires-Python")
    here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    fits = SpecifierSet(wanted).contains(platform.python_version())
    return Finding("ok", here) if fits else Finding("fault", f"{here}; expected {wanted}")


def packages() -> Iterator[Finding]:
    """Whether what is needed is installed, and in the versions of the lock."""
    needed = importlib.metadata.requires(DISTRIBUTION) or []
    faults = [fault for line in needed if (fault := _unmet(Requirement(line)))]
    yield from (Finding("fault", f"Package {fault}") for fault in faults)
    lock = Path(__file__).resolve().parents[1] / "requirements.lock.txt"
    if not lock.is_file():
        yield Finding("ok" if not faults else "note", "Packages: there is no lock to compare with")
        return
    locked = list(_requirements(lock))
    others = [text for requirement in locked if (text := _unmet(requirement))]
    if not others:
        yield Finding("ok", f"Packages: all {len(locked)} as in {lock.name}")
        return
    more = f", and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    told = "; ".join(others[:_SHOWN])
    yield Finding("note", f"Packages other than in {lock.name}: {told}{more}; see `make setup`")


def _requirements(lock: Path) -> Iterator[Requirement]:
    """The lines of a lock that apply to this machine."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        try:
            requirement = Requirement(line.rstrip(" \\"))
        except InvalidRequirement:  # a hash or a comment
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement


def _unmet(requirement: Requirement) -> str:
    """What is wrong with an installed package; "" if nothing, or if it is not asked for here."""
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return ""
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        version = "none"
    if version != "none" and requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name}: expected {requirement.specifier}, got {version}"


def machine() -> Iterator[Finding]:
    """Processor, memory and disks."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    yield Finding("ok", f"Cores: {cores}, so many hand-ins at the same time")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = cores * Limits().memory
    told = f"Memory: {memory / _GIB:.0f} GiB; hand-ins may use {most / _GIB:.0f} GiB at most"
    yield Finding("ok" if memory > most else "note", told)
    for name, folder in (("here", os.getcwd()), ("temporary files", tempfile.gettempdir())):
        free = shutil.disk_usage(folder).free
        mark: Mark = "ok" if free > _GIB else "note" if free > 50 * MIB else "fault"
        yield Finding(mark, f"Free disk, {name}: {free / _GIB:.1f} GiB")


def browser() -> Finding:
    """Whether the tests that need a browser can run; grading does without."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found:
        return Finding("ok", f"Chromium: {found}")
    return Finding("note", "Chromium: none; only the tests in a browser need it")


def isolation() -> Iterator[Finding]:
    """Which tier there is, why not a better one, and whether a hand-in can be run in it."""
    try:
        chosen = chosen_tier()
    except NoTier as error:
        yield Finding("fault", f"Isolation: {VARIABLE} is set. {error}")
        return
    yield Finding("note" if chosen == "C" else "ok", f"Isolation: tier {chosen} ({_TIERS[chosen]})")
    for tier in get_args(Tier):
        reason = why_not(tier) if tier < chosen else ""
        if reason:
            yield Finding("note", f"Not tier {tier}: {reason}")
            yield from (Finding("note", f"For tier {tier}: {text}") for text in advice(tier))
        elif tier < chosen:
            yield Finding("note", f"Tier {tier} is available, but {VARIABLE} asks for {chosen}")
    yield trial(chosen)


def trial(tier: Tier) -> Finding:
    """Run a hand-in of one cell."""
    try:
        return _trial(tier)
    except ImportError as error:
        return Finding("fault", f"Trial run: {error}")


def _trial(tier: Tier) -> Finding:
    from autograder.checks.answer import Call
    from autograder.sandbox.cells import Code
    from autograder.sandbox.client import CannotStart, Zygote
    from autograder.sandbox.program import Program
    from autograder.sandbox.remote import RemoteAnswer
    from autograder.sandbox.session import Session

    zygote, started = Zygote(tier), time.perf_counter()
    cell = "import numpy as np\ndef total(x):\n    return np.sum(x)"
    session = Session(zygote, Program((Code(1, cell),)), Limits())
    try:
        outcome = RemoteAnswer(session).perform(Call("total", ([1.0, 2.0],)))
    except CannotStart as error:
        return Finding("fault", f"Trial run: {error}")
    finally:
        session.drop()
        zygote.close()
    if outcome.fault is not None or float(outcome.value) != 3.0:
        told = outcome.fault.message if outcome.fault else f"expected 3, got {outcome.value}"
        return Finding("fault", f"Trial run: {told}")
    return Finding("ok", f"Trial run: {time.perf_counter() - started:.1f} s, most of it to start")


def _metadata(name: str) -> str:
    return str(importlib.metadata.metadata(DISTRIBUTION)[name])

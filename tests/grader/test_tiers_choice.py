"""Which tier is chosen, that it is never weakened in silence, and that nothing outlives a run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import caged
import pytest

from autograder.sandbox import landlock, proof, seccomp, syscalls
from autograder.sandbox.client import CannotStart, Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.tiers import (
    VARIABLE,
    NoTier,
    Tier,
    best_tier,
    chosen_tier,
    require,
    why_not,
)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def test_the_best_tier_is_one_that_is_available() -> None:
    best = best_tier()
    assert why_not(best) == ""
    assert all(why_not(better) for better in "ABC"[: "ABC".index(best)])  # type: ignore[arg-type]


@linux_only
def test_what_the_kernel_offers_is_used() -> None:
    if not syscalls.this_machine():
        pytest.skip("there are no tiers A and B for this machine")
    everything = ["--user", "--mount", "--pid", "--fork", "--net", "--ipc", "--uts", "--cgroup"]
    command = shutil.which("unshare")
    if command and subprocess.run([command, *everything, "true"], check=False).returncode == 0:
        assert why_not("A") == ""
    try:
        landlock.version()
    except OSError as error:
        pytest.skip(f"the kernel has no Landlock: {error}")
    assert why_not("B") == ""


def test_the_variable_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "C")
    assert chosen_tier() == "C"
    monkeypatch.setenv(VARIABLE, "")
    assert chosen_tier() == best_tier()
    monkeypatch.setenv(VARIABLE, "D")
    with pytest.raises(NoTier, match="Expected a tier A, B or C, got 'D'"):
        chosen_tier()


def test_a_tier_that_is_not_to_be_had_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.sandbox.tiers.why_not", lambda tier: "it is Friday")
    with pytest.raises(NoTier, match=r"Tier A is not available on this machine: it is Friday\."):
        require("A")
    monkeypatch.setenv(VARIABLE, "B")
    zygote = Zygote()
    with pytest.raises(NoTier, match="Tier B is not available"):
        zygote.start()
    zygote.close()


@linux_only
def test_elsewhere_there_is_tier_c(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder.sandbox import tiers

    monkeypatch.setattr("sys.platform", "darwin")
    assert "this is darwin" in tiers._probed.__wrapped__("A")
    monkeypatch.undo()
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert syscalls.this_machine() == ""


@pytest.mark.parametrize("tier", caged.each("AB"))
def test_a_child_that_cannot_prove_its_confinement_is_not_used(
    tier: Tier, monkeypatch: pytest.MonkeyPatch
) -> None:
    zygote = caged.zygote_of(tier)
    try:
        child = zygote.fork(Limits())
        zygote.end(child)
        lacking = {**proof.NEEDED, tier: proof.NEEDED[tier] | {"is on the moon"}}
        monkeypatch.setattr(proof, "NEEDED", lacking)
        with pytest.raises(CannotStart, match=r"Refused .* tier . .* that it is on the moon"):
            zygote.fork(Limits())
        assert zygote.tier == tier
    finally:
        zygote.close()


@pytest.mark.parametrize("tier", caged.each("AB"))
def test_a_child_that_cannot_confine_itself_says_why(tier: Tier) -> None:
    zygote = caged.zygote_of(tier)
    try:
        with pytest.raises(CannotStart, match=r"Refused to run students' code unconfined: tier ."):
            zygote.fork(Limits(open_files=1))  # too few to look at anything
        zygote.end(zygote.fork(Limits()))  # the next one is none the worse
    finally:
        zygote.close()


@linux_only
def test_the_filter_is_the_same_for_every_process_but_for_its_number() -> None:
    if not syscalls.this_machine():
        pytest.skip("there is no filter for this machine")
    for policy in (seccomp.Policy(True, True), seccomp.Policy(False, False)):
        for machine in syscalls.MACHINES:
            general = seccomp.program(policy, machine)
            one = seccomp.for_process(general, 77)
            assert len(one) == len(general) < 8 * 4096
            differences = [i for i in range(0, len(one), 8) if one[i : i + 8] != general[i : i + 8]]
            assert len(differences) == 6  # 4 ways to send a signal, 2 calls with a pid
            assert all(one[i + 4 : i + 8] == (77).to_bytes(4, "little") for i in differences)


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_kernel(machine: str) -> None:
    path = HEADERS[machine]
    if not path.exists():
        pytest.skip(f"needs the kernel's headers: {path}")
    words = (line.split() for line in path.read_text().splitlines())
    defined = {w[1]: w[2] for w in words if len(w) >= 3 and w[0] == "#define"}
    groups = ("FILES", "WAITING", "MEMORY", "SIGNALS", "ITSELF", "SOCKETS", "ATTRIBUTES")
    compared = 0
    for group in (*groups, "CHECKED", "ABSENT", "USED"):
        for name, number in syscalls.numbers(getattr(syscalls, group), machine).items():
            other = {"fadvise64": "3264_fadvise64", "newfstatat": "3264_fstatat"}.get(name, name)
            found = defined.get(f"__NR_{name}")
            if found is None or not found.isdigit():
                found = defined.get(f"__NR3264_{name}", defined.get(f"__NR{other}"))
            if found is not None and found.isdigit():
                compared += 1
                assert int(found) == number, name
    assert compared > 120


CHANGE = """
import json, os, sys
from dataclasses import replace
from autograder.sandbox import confinement, landlock
from autograder.sandbox.limits import Limits

library, own, oldest = sys.argv[1:]
if oldest:
    landlock.version = lambda: 1
path = library + "/module.py"
attempts = {
    "truncate": lambda: os.truncate(path, 0),
    "empty": lambda: os.open(path, os.O_RDONLY | os.O_TRUNC),
    "write": lambda: os.open(path, os.O_WRONLY),
    "chmod": lambda: os.chmod(path, 0o777),
    "fchmod": lambda: os.fchmod(os.open(path, os.O_RDONLY), 0o777),
    "chown": lambda: os.chown(path, os.getuid(), os.getgid()),
    "utime": lambda: os.utime(path),
    "unlink": lambda: os.unlink(path),
    "rename": lambda: os.rename(path, own + "/stolen"),
    "link": lambda: os.link(path, own + "/linked"),
    "setxattr": lambda: os.setxattr(path, "user.x", b"1"),
    "mkfifo": lambda: os.mkfifo(own + "/pipe"),
}
cage = confinement.prepare("B", lambda: None)
cage = replace(cage, seen=replace(cage.seen, folders=(*cage.seen.folders, library)))
confinement.confine(cage, own, Limits())
found = {}
for name, attempt in attempts.items():
    try:
        attempt()
        found[name] = "done"
    except OSError as error:
        found[name] = type(error).__name__
print(json.dumps([open(path).read(), found]))
"""


@linux_only
@pytest.mark.parametrize("landlock", ["", "oldest"])
def test_what_may_be_read_cannot_be_changed_in_tier_b(tmp_path: Path, landlock: str) -> None:
    if reason := why_not("B"):
        pytest.skip(f"tier B is not available here: {reason}")
    library, own = tmp_path / "library", tmp_path / "own"
    library.mkdir()
    own.mkdir()
    (library / "module.py").write_text("x = 1")
    done = subprocess.run(
        [sys.executable, "-c", CHANGE, str(library), str(own), landlock],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    content, found = json.loads(done.stdout)
    assert content == "x = 1"
    assert set(found.values()) <= {"PermissionError", "OSError"}, found  # OSError: another device


GRADER = """
import json, sys, time
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
zygote = Zygote(sys.argv[1])
child = zygote.fork(Limits())
print(json.dumps([zygote.process.pid, child.pid, child.folder]), flush=True)
time.sleep(600)
"""


@linux_only
@pytest.mark.parametrize("victim", ["the grader", "the zygote"])
@pytest.mark.parametrize("tier", caged.each("ABC"))
def test_nothing_outlives_what_is_killed(tier: Tier, victim: str) -> None:
    if reason := why_not(tier):
        pytest.skip(f"tier {tier} is not available here: {reason}")
    mounts = Path("/proc/self/mountinfo").read_text()
    grader = subprocess.Popen(
        [sys.executable, "-c", GRADER, tier], stdout=subprocess.PIPE, cwd=tempfile.gettempdir()
    )
    try:
        assert grader.stdout is not None
        zygote, child, folder = json.loads(grader.stdout.readline())
        assert _alive(zygote)
        assert _alive(child)
        family = _descendants(zygote) | {zygote, child}
        os.kill(grader.pid if victim == "the grader" else zygote, signal.SIGKILL)
        assert _soon(lambda: not any(map(_alive, family))), family
        if victim == "the grader":
            assert _soon(lambda: not (folder and Path(folder).exists()))
    finally:
        grader.kill()
        grader.wait()
        grader.stdout.close()  # type: ignore[union-attr]
    assert Path("/proc/self/mountinfo").read_text() == mounts


def _descendants(pid: int) -> set[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        direct = {int(word) for word in path.read_text().split()}
    except OSError:  # a kernel that does not tell
        return set()
    return direct.union(*map(_descendants, direct))


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10.0
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

"""`autograder doctor`: what it finds, and what its exit code says."""

from __future__ import annotations

import importlib.metadata
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from autograder import doctor
from autograder.cli import main
from autograder.doctor import Finding
from autograder.sandbox import advice
from autograder.sandbox.tiers import VARIABLE, Tier, best_tier

Usage = namedtuple("Usage", ["total", "used", "free"])


def marks(findings: Iterator[Finding]) -> set[str]:
    return {finding.mark for finding in findings}


def test_this_machine_can_grade(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert f"Isolation: tier {best_tier()} (" in told
    assert "Trial run: " in told
    assert told.endswith("Grading works on this machine.\n")


def test_a_machine_that_cannot_grade_is_told_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    monkeypatch.setattr(doctor, "why_not", lambda tier: "")  # it would remember what it finds now
    monkeypatch.setenv(VARIABLE, "C")
    assert main(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "fault  Trial run: The process that runs students' code does not start" in told
    assert told.endswith("Grading does not work on this machine.\n")


def test_a_tier_asked_for_and_not_to_be_had_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "Z")
    (found,) = doctor.isolation()
    assert found.mark == "fault"
    assert "Expected a tier A, B or C, got 'Z'." in found.text


def test_a_lower_tier_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def why_not(tier: Tier) -> str:
        return "" if tier == "C" else f"no {tier} today"

    monkeypatch.setattr(doctor, "chosen_tier", lambda: "C")
    monkeypatch.setattr(doctor, "why_not", why_not)
    monkeypatch.setattr(doctor, "advice", lambda tier: [f"do this for {tier}"])
    monkeypatch.setattr(doctor, "trial", lambda tier: Finding("ok", "ran"))
    assert [finding.text for finding in doctor.isolation()][1:] == [
        "Not tier A: no A today",
        "For tier A: do this for A",
        "Not tier B: no B today",
        "For tier B: do this for B",
        "ran",
    ]


def test_advice_names_the_setting_that_stands_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(advice, "this_machine", lambda: "x86_64")
    monkeypatch.setattr(advice, "_in_container", lambda: False)
    monkeypatch.setattr(advice, "_kernel", lambda: (6, 8))
    monkeypatch.setattr(advice, "_text", lambda path: settings.get(path, ""))
    (told,) = advice.advice("A")
    assert "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0" in told
    assert advice.advice("B") == []
    settings["/sys/kernel/security/lsm"] = "capability,apparmor"
    assert "lsm=landlock,capability,apparmor" in advice.advice("B")[0]
    monkeypatch.setattr(advice, "_in_container", lambda: True)
    assert "--security-opt seccomp=unconfined" in advice.advice("A")[-1]
    monkeypatch.setattr(advice, "_kernel", lambda: (5, 10))
    assert "needs Linux 5.12" in advice.advice("A")[0]
    assert "needs Linux 5.13" in advice.advice("B")[0]
    monkeypatch.setattr(advice, "this_machine", lambda: "")
    assert "64-bit Python on x86_64 or aarch64" in advice.advice("A")[0]
    monkeypatch.setattr("sys.platform", "darwin")
    assert "in a Linux container" in advice.advice("B")[0]


def test_packages_are_compared_with_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "autograder" / "doctor.py"))
    assert marks(doctor.packages()) == {"ok"}
    lock = tmp_path / "requirements.lock.txt"
    here = f"numpy=={importlib.metadata.version('numpy')} \\\n    --hash=sha256:0\n    # via x\n"
    lock.write_text(here + "winonly==1 ; sys_platform == 'none'\n")
    (found,) = doctor.packages()
    assert found == Finding("ok", "Packages: all 1 as in requirements.lock.txt")
    lock.write_text("numpy==0.0.1 \\\n")
    (found,) = doctor.packages()
    assert found.mark == "note"
    assert "numpy: expected ==0.0.1, got " in found.text


def test_a_package_that_is_needed_and_missing_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["numpy", "no-such-package>=2", "another ; extra == 'dev'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: needed)
    first, *_ = doctor.packages()
    assert first == Finding("fault", "Package no-such-package: expected >=2, got none")
    assert doctor._unmet(Requirement("another ; extra == 'dev'")) == ""


def test_an_old_python_and_a_full_disk_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.10.1")
    assert doctor.python().mark == "fault"
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(10**12, 10**12, 1000))
    assert "fault" in marks(doctor.machine())


def test_a_missing_browser_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert doctor.browser().mark == "note"

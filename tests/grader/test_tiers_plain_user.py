"""Tiers A and B for an ordinary user, and where user namespaces are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import plain_user
import pytest

from autograder.sandbox.tiers import why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux"),
]
SCRIPT = Path(plain_user.__file__)
TRY = "from autograder.sandbox.tiers import best_tier, why_not; print(best_tier(), why_not('A'))"


def run(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(home), *arguments],
        env={**os.environ, "PYTHONPATH": str(plain_user.ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def the_other_tests(home: Path, *options: str) -> str:
    """Run the tests of the tiers."""
    path = str(Path(__file__).with_name("test_tiers.py"))
    pytest_options = ["-p", "no:cacheprovider", "-p", "no:xdist", "-c", _settings(), path]
    return run(home, *options, "-m", "pytest", *pytest_options)


def _settings() -> str:
    return str(plain_user.ROOT / "pyproject.toml")


@pytest.mark.skipif(os.geteuid() != 0, reason="all tests run as an ordinary user already")
def test_root_can_try_what_an_ordinary_user_has(tmp_path: Path) -> None:
    if reason := why_not("A"):
        pytest.skip(f"tier A is not available here: {reason}")
    told = the_other_tests(tmp_path)
    assert "passed" in told
    assert "skipped" not in told, told


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to take rights away from it")
def test_root_in_a_container_has_tier_a_if_users_have(tmp_path: Path) -> None:
    if reason := why_not("A"):
        pytest.skip(f"tier A is not available here: {reason}")
    assert run(tmp_path, "--few-rights", "-c", TRY).split() == ["A"]
    told = the_other_tests(tmp_path, "--few-rights")
    assert "passed" in told
    assert "skipped" not in told, told


def test_without_user_namespaces_there_is_tier_b(tmp_path: Path) -> None:
    if reason := why_not("A") or why_not("B"):
        pytest.skip(f"there is nothing to take away here: {reason}")
    best, _, reason = run(tmp_path, "--without-namespaces", "-c", TRY).strip().partition(" ")
    assert best == "B"
    assert reason.startswith("unshare: ")
    told = the_other_tests(tmp_path, "--without-namespaces")
    assert "passed" in told
    assert "tier A is not available here: unshare: " in told

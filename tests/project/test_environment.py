"""environment.yml, pyproject.toml and the locks say the same."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
LOCKS = {
    "main": (ROOT / "requirements.lock.txt").read_text(),
    "peers": (ROOT / "tests/peers/requirements.lock.txt").read_text(),
}
#: Libraries to compare with, which neither the course nor its development needs.
PEERS = {"jax", "numpyro", "pymc"}


def declared(environment: str = "main") -> dict[str, Requirement]:
    """Requirements of pyproject.toml with their bounds, but for the distribution itself."""
    extras = PROJECT["optional-dependencies"]
    mine = {"peers"} if environment == "peers" else set(extras) - {"peers"}
    lines = [*PROJECT["dependencies"], *itertools.chain.from_iterable(extras[e] for e in mine)]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in found if r.name != PROJECT["name"]}


DECLARED = [(lock, name) for lock in LOCKS for name in sorted(declared(lock))]


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", LOCKS[lock], flags=re.M))


def test_conda_environment_equals_pyproject() -> None:
    *conda, by_pip = CONDA["dependencies"]
    conda = [Requirement(line) for line in (*conda, *by_pip["pip"][:-1])]
    bounds = {canonicalize_name(r.name): str(r.specifier) for r in conda}
    assert bounds.pop("python") == PROJECT["requires-python"]
    assert bounds.pop("pip") == ""
    assert bounds == {name: str(r.specifier) for name, r in declared().items()}


def test_conda_environment_installs_the_project_itself() -> None:
    """Conda hands these lines to pip as a requirements file, in which few options may stand."""
    (extra,) = (line for line in CONDA["dependencies"] if isinstance(line, dict))
    assert extra["pip"][-1] == "--editable ."


def test_conda_environment_leaves_the_peers_out() -> None:
    names = {canonicalize_name(line) for line in CONDA["dependencies"] if isinstance(line, str)}
    assert not any(name.startswith(peer) for name in names for peer in PEERS)


@pytest.mark.parametrize(("lock", "name"), DECLARED)
def test_lock_satisfies_the_bounds(lock: str, name: str) -> None:
    pins, requirement = pinned(lock), declared(lock)[name]
    assert name in pins, f"{name} is not in the lock: run `make lock`"
    assert requirement.specifier.contains(pins[name]), "run `make lock`"


def test_only_the_peers_lock_has_the_peers() -> None:
    assert pinned("peers").keys() >= PEERS
    assert not pinned("main").keys() & PEERS


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_the_lock_has_hashes(lock: str) -> None:
    blocks = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", LOCKS[lock], flags=re.M)[1:]
    assert len(blocks) > len(declared(lock))
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host(lock: str) -> None:
    assert "://" not in LOCKS[lock]

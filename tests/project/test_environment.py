"""environment.yml, pyproject.toml and the lock say the same."""

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
LOCK = (ROOT / "requirements.lock.txt").read_text()


def declared() -> dict[str, Requirement]:
    """All requirements of pyproject.toml with their bounds, but for the distribution itself."""
    extras = PROJECT["optional-dependencies"].values()
    lines = [*PROJECT["dependencies"], *itertools.chain.from_iterable(extras)]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in found if r.name != PROJECT["name"]}


def pinned() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", LOCK, flags=re.M))


def test_conda_environment_equals_pyproject() -> None:
    conda = [Requirement(line) for line in CONDA["dependencies"] if isinstance(line, str)]
    bounds = {canonicalize_name(r.name): str(r.specifier) for r in conda}
    assert bounds.pop("python") == PROJECT["requires-python"]
    assert bounds.pop("pip") == ""
    assert bounds == {name: str(r.specifier) for name, r in declared().items()}


def test_conda_environment_installs_the_project_itself() -> None:
    extra = [line for line in CONDA["dependencies"] if isinstance(line, dict)]
    assert extra == [{"pip": ["--no-deps --editable ."]}]


@pytest.mark.parametrize("name", sorted(declared()))
def test_lock_satisfies_the_bounds(name: str) -> None:
    assert name in pinned(), f"{name} is not in the lock: run `make lock`"
    assert declared()[name].specifier.contains(pinned()[name]), "run `make lock`"


def test_every_pin_of_the_lock_has_hashes() -> None:
    blocks = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", LOCK, flags=re.M)[1:]
    assert len(blocks) > len(declared())
    assert all("--hash=sha256:" in block for block in blocks)


def test_lock_names_no_host() -> None:
    assert "://" not in LOCK

"""Which files a child may see, for installations of different kinds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograder
import vi_lib
from autograder.sandbox import visible
from autograder.sandbox.tiers import Tier, why_not

ROOT = Path(autograder.__file__).resolve().parents[1]
INSTALLED = """
import json, sys
import autograder
from autograder.checks.answer import Call
from autograder.sandbox.cells import Code
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.program import Program
from autograder.sandbox.remote import RemoteAnswer
from autograder.sandbox.session import Session

CELL = '''
import os
def f(path):
    try: return str(len(open(path).read()))
    except OSError as error: return type(error).__name__
def g(path):
    try: return sorted(os.listdir(path))
    except OSError as error: return type(error).__name__
'''
zygote = Zygote(sys.argv[1])
session = Session(zygote, Program((Code(1, CELL),)), Limits())
answer = RemoteAnswer(session)
found = {path: answer.perform(Call("f", (path,))).value for path in sys.argv[2:]}
found["folder"] = answer.perform(Call("g", (autograder.__path__[0] + "/checks",))).value
session.drop()
zygote.close()
print(json.dumps([autograder.__file__, found]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("tier", ["A", "B"])
def test_an_installed_grader_hides_its_checks_among_visible_packages(
    tier: Tier, tmp_path: Path
) -> None:
    if reason := why_not(tier):
        pytest.skip(f"tier {tier} is not available here: {reason}")
    site = tmp_path / "lib" / "site-packages"
    ignored = shutil.ignore_patterns("__pycache__")
    for package in (autograder, vi_lib):
        source = Path(str(package.__file__)).parent
        shutil.copytree(source, site / source.name, ignore=ignored)
    (site / "neighbour.py").write_text("x = 1")
    checks = site / "autograder/checks"
    hidden = [checks / "lesson02.py", checks / "bank/e2_1.py", site / "autograder/gradebook.py"]
    seen = [site / "neighbour.py", site / "vi_lib/__init__.py", checks / "answer.py"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", INSTALLED, tier, *map(str, (*hidden, *seen))],
        env={**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    origin, found = json.loads(done.stdout)
    assert Path(origin).is_relative_to(site)
    for path in hidden:
        assert found[str(path)] in ("FileNotFoundError", "PermissionError"), path
    for path in seen:
        assert found[str(path)].isdigit(), (path, found[str(path)])
    if tier == "A":
        assert "answer.py" in found["folder"]
        assert "lesson02.py" not in found["folder"]


def test_of_a_prefix_only_its_libraries_are_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "solutions").mkdir()
    monkeypatch.setattr("sys.prefix", str(tmp_path))  # a virtual environment in the course's folder
    folders = visible.visible().folders
    assert str(tmp_path / "lib") in folders
    assert not any(visible.inside(str(tmp_path / "solutions"), folder) for folder in folders)
    assert not any(visible.inside(str(ROOT / "solutions"), folder) for folder in folders)


def test_a_package_of_the_user_brings_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    for folder, text in ((site / "mine_a.libs", ""), (site / "mine_a", "")):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(text)
    other = tmp_path / "work" / "mine_b"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    monkeypatch.setattr("sys.path", [str(site), str(other.parent), *sys.path])
    __import__("mine_a")
    __import__("mine_b")
    try:
        folders = visible.visible().folders
    finally:
        del sys.modules["mine_a"], sys.modules["mine_b"]
    assert str(site) in folders
    assert str(other) in folders
    assert str(other.parent) not in folders


def test_links_lead_to_what_is_visible() -> None:
    seen = visible.visible()
    for path, real in seen.links:
        assert os.path.realpath(path) == real
        assert any(visible.inside(real, folder) for folder in seen.folders)
    assert not [f for f in seen.folders for g in seen.folders if f != g and visible.inside(f, g)]

"""The zip for students: what is in it, what is not, and that it works by itself."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.bundle import command
from autograder.bundle.contents import NotReady, _require_untouched, contents
from autograder.bundle.lock import BadLock, needed, pins, students_lock
from autograder.bundle.trim import trimmed
from autograder.checks.registry import all_exercises
from autograder.course import all_names
from autograder.starting.environment import wanted
from autograder.starting.places import Places, launcher, path_line

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock.txt").read_text(encoding="utf-8")
DEPENDENCIES = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==", re.MULTILINE)
#: As on Windows: what the project's own modules find is missing, from here on.
NO_UNIX = """\
import sys
import os, signal, socket
import autograd.scipy.stats, matplotlib.pyplot, scipy.stats, IPython, jupyter_core.paths
for name in ("fcntl", "resource", "termios", "pwd", "grp", "_posixsubprocess"):
    sys.modules[name] = None
for module, names in {
    os: ("fork", "getuid", "killpg", "setsid", "pidfd_open", "sched_getaffinity", "WIFSIGNALED"),
    signal: ("SIGKILL", "SIGALRM", "SIGCHLD", "setitimer", "pidfd_send_signal"),
    socket: ("AF_UNIX", "send_fds", "recv_fds"),
}.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
from autograder.checks import check, grade
from autograder.checks.registry import all_exercises
assert len(all_exercises()) > 50
assert grade("E0.1", {}).status == "not defined"
from autograder.cli_student import main
assert main(["check", sys.argv[1]]) == 2
assert main(["submit", sys.argv[1], "--out", sys.argv[2]]) == 0
"""


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return contents(all_names(ROOT), ROOT)


def test_everything_that_a_student_needs_is_there(files: dict[str, bytes]) -> None:
    for lesson in all_names(ROOT):
        data = (ROOT / "lessons" / lesson / f"{lesson}.ipynb").read_bytes()
        assert files[f"lessons/{lesson}/{lesson}.ipynb"] == data
        assert files[f"originals/{lesson}/{lesson}.ipynb"] == data
    for path in (ROOT / "vi_lib").rglob("*"):
        if path.suffix in (".py", ".csv", ".gz"):
            assert files[path.relative_to(ROOT).as_posix()] == path.read_bytes()
    assert {"start.py", "README.md", "LICENSE", "requirements.txt", "VERSION"} <= set(files)
    assert ".jupyter/labconfig/page_config.json" in files


def test_nothing_that_is_not_for_students_is_there(files: dict[str, bytes]) -> None:
    tops = {name.split("/")[0] for name in files if "/" in name}
    assert tops == {".jupyter", "autograder", "lessons", "originals", "vi_lib"}
    for name, data in files.items():
        assert not re.search(r"example_|suspicion|autograder/(run|grade)\.py", name)
        assert str(ROOT).encode() not in data
        for mark in (b"### BEGIN HIDDEN TESTS", b"### BEGIN SOLUTION", b"### END SOLUTION"):
            assert mark not in data, name


def test_no_hidden_seed_is_there(files: dict[str, bytes]) -> None:
    text = "\n".join(path.read_text() for path in ROOT.glob("solutions/*.py"))
    seeds = set(re.findall(r'check="E[\d.]+".*\bseed=(\d+)', text))
    assert len(seeds) > 50
    whole = "\n".join(data.decode() for name, data in files.items() if name.endswith(".ipynb"))
    assert not {seed for seed in seeds if re.search(rf"\bseed\W{{0,3}}{seed}\b", whole)}
    code = "\n".join(data.decode() for name, data in files.items() if name.endswith(".py"))
    assert not {seed for seed in seeds if re.search(rf"(?<![\w.]){seed}(?![\w.])", code)}


def test_the_banks_hold_no_right_answers(files: dict[str, bytes]) -> None:
    banks = [name for name in files if re.fullmatch(r"autograder/checks/bank/e\d+_\d\.py", name)]
    assert len(banks) == len(all_exercises())
    for name in banks:
        text = files[name].decode()
        assert "\nRIGHT = ()\n" in text
        assert not re.search(r"^ +Right\(", text, re.MULTILINE), name
        ast.parse(text)


def test_trimming_keeps_what_a_wrong_answer_or_another_module_uses() -> None:
    bank = (
        "import a\nimport b\n\ndef f(): return a.x\n\ndef g(): return b.x\n\ndef h(): return g()\n"
    )
    bank += "\ndef h(): return g()\n\nWRONG = (f,)\nRIGHT = (\n    h,\n)\n"
    found = trimmed({"m": bank}, ["from m import g\n"])["m"]
    assert "def g()" in found
    assert "import b" in found
    assert "def h()" not in found
    assert trimmed({"m": bank}, [])["m"].count("def ") == 1


def test_a_zip_of_the_same_files_has_the_same_bytes(files: dict[str, bytes]) -> None:
    few = dict(list(files.items())[:20])
    again = dict(reversed(few.items()))
    assert command.pack(few, "x") == command.pack(again, "x")


def test_an_unknown_lesson_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.bundle(["13_none"], None) == 2
    assert "Expected lessons of 00_start, " in capsys.readouterr().err


@pytest.mark.parametrize("change", ["answer", "output"])
def test_a_notebook_that_somebody_has_worked_in_is_refused(change: str) -> None:
    notebook = json.loads((ROOT / "lessons/05_bbvi/05_bbvi.ipynb").read_text())
    _require_untouched("05_bbvi", notebook)
    cells = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("solution")]
    if change == "answer":
        cells[0]["source"] = "def score_gaussian(theta, mu, sd):\n    return 1, 2"
    else:
        cells[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "secret"}]
    with pytest.raises(NotReady, match="somebody has worked in it"):
        _require_untouched("05_bbvi", notebook)


def test_the_students_lock_is_a_part_of_the_full_one() -> None:
    part = students_lock(LOCK, DEPENDENCIES)
    lines = LOCK.splitlines()
    assert all(line in lines for line in part.splitlines()[1:])
    names = PIN.findall(part)
    assert names.count("numpy") == PIN.findall(LOCK).count("numpy") == 2
    assert {"jupyterlab", "nbgrader", "pywinpty", "appnope", "colorama"} <= set(names)
    assert not {"sphinx", "mypy", "pytest", "ruff", "playwright", "distributed", "jupytext"} & {
        *names
    }
    blocks = re.split(PIN.pattern, part, flags=re.MULTILINE)[2::2]
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_students_lock_leaves_out_nothing_that_is_needed() -> None:
    """As the installed packages themselves say, not the lock."""
    names = set(PIN.findall(students_lock(LOCK, DEPENDENCIES)))
    waiting = [Requirement(text) for text in DEPENDENCIES]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        assert name in names, name
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            here = {**default_environment(), "extra": extra}
            found = [Requirement(text) for text in importlib.metadata.requires(name) or ()]
            waiting += [r for r in found if r.marker is None or r.marker.evaluate(here)]


def test_a_dependency_that_is_not_in_the_lock_is_said() -> None:
    with pytest.raises(BadLock, match="expected no-such in the lock"):
        needed(pins(LOCK), ["No_Such>=1"])


def test_a_student_s_commands_do_without_what_windows_lacks(tmp_path: Path) -> None:
    notebook = ROOT / "lessons" / "05_bbvi" / "05_bbvi.ipynb"
    done = subprocess.run(
        [sys.executable, "-c", NO_UNIX, str(notebook), str(tmp_path / "a.zip")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "`autograder check` needs Linux or macOS" in done.stderr
    assert (tmp_path / "a.zip").is_file()


@pytest.mark.slow
def test_the_zip_works_by_itself(tmp_path: Path) -> None:
    """Unpacked, in an environment of nothing but the students' packages, without a network."""
    target = tmp_path / "vi.zip"
    assert command.bundle([], target) == 0
    before = target.read_bytes()
    assert command.bundle([], target) == 0
    assert target.read_bytes() == before
    with zipfile.ZipFile(target) as archive:
        assert len({info.date_time for info in archive.infolist()}) == 1
        archive.extractall(tmp_path / "a path with späces")
    (root,) = (tmp_path / "a path with späces").iterdir()
    places = installed(root)

    def start(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(root / "start.py"), *words],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    looked = start("--check")
    assert looked.returncode == 0, looked.stderr
    assert "13 lessons: everything is there." in looked.stdout
    assert "Installing" not in looked.stdout

    path = root / "lessons" / "05_bbvi" / "05_bbvi.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "E5-1":
            cell["source"] = (
                "def score_gaussian(theta, mu, sd):\n"
                "    return (theta - mu) / sd, (theta - mu) ** 2 / sd**3 - 1 / sd"
            )
    path.write_text(json.dumps(notebook))
    checked = start("check", str(path))
    assert checked.returncode == 1, checked.stderr
    assert "E5.1 The score of a Gaussian: partly correct" in checked.stdout
    assert "E5.2 The score-function gradient: not started" in checked.stdout

    handed = start("submit", "--name", "ada")
    assert handed.returncode == 0, handed.stderr
    assert "Not answered yet: E5.2, E5.3, E5.4, E5.5." in handed.stdout
    assert (tmp_path / "ada_05_bbvi.zip").is_file()

    same_hints(places)


def same_hints(places: Places) -> None:
    """The trimmed banks know the same mistakes."""
    code = (
        "import json, autograder; from autograder.checks.registry import all_exercises as a; "
        "print(json.dumps([autograder.__file__, {e.id: [[w.name, w.hint] for w in e.wrong] "
        "for e in a()}]))"
    )
    command = [str(places.python), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=places.root)
    file, hints = json.loads(done.stdout)
    assert Path(file).is_relative_to(places.root)
    assert hints == {e.id: [[w.name, w.hint] for w in e.wrong] for e in all_exercises()}


def installed(root: Path) -> Places:
    """What `start.py` makes of the folder, with links to packages that are installed here."""
    places = Places(root, "posix")
    venv.create(places.environment, with_pip=False, symlinks=True)
    (places.packages / "pip").mkdir()
    for name in sorted(set(PIN.findall((root / "requirements.txt").read_text()))):
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}:
            link = places.packages / top
            if top != "__pycache__" and not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    (places.packages / "vi_course.pth").write_text(path_line(places))
    path, text = launcher(places)
    path.write_text(text)
    path.chmod(0o755)
    places.ready.write_text(wanted(places), encoding="utf-8")
    return places

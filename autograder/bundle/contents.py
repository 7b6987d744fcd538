"""What is in the zip for students, file by file, and a last look that nothing hidden is.

Everything is listed here by what it is for; nothing comes along because it happens to lie in a
folder.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.bundle.lock import students_lock
from autograder.bundle.modules import students_modules
from autograder.bundle.trim import trimmed
from autograder.course import ORIGINALS, VERSION, course_version, solution_text
from autograder.handing_in.work import STUBS
from autograder.lesson import text_of

FILES = Path(__file__).parent / "files"
START_PAGE = "start.ipynb"
SECRETS = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS", "BEGIN SOLUTION", "END SOLUTION")
_SEED = re.compile(r'^# %%.*\bcheck="[^"]*".*\bseed=(\d+)', re.MULTILINE)
_MAIN = b'''"""`python -m autograder` is the same as the command `autograder`."""

import sys

from autograder.cli_student import main

sys.exit(main())
'''


class NotReady(ValueError):
    """The course is not in a state that students should get."""


def contents(
    lessons: Sequence[str], root: Path, code: Path | None = None, own_checks: bool = False
) -> dict[str, bytes]:
    """The files of the zip by their paths in it; `NotReady` if something is not as it should be.

    The lessons are those of `root`, which may be an instructor's own course, with its checks if
    `own_checks`; all else comes from the repository, `code`.
    """
    code = code or root
    files = {
        "README.md": (FILES / "README.md").read_bytes(),
        "start.py": (FILES / "start.py").read_bytes(),
        "LICENSE": (code / "LICENSE").read_bytes(),
        "nbgrader_config.py": (code / "nbgrader_config.py").read_bytes(),
        "requirements.txt": _requirements(code).encode(),
        VERSION: f"{course_version(code)}\n".encode(),
    }
    for lesson in lessons:
        files |= _lesson(lesson, root)
    if (page := root / "lessons" / START_PAGE).is_file():
        files[f"lessons/{START_PAGE}"] = page.read_bytes()
    files |= _below(code / ".jupyter", code, "*.json", "*.css", "*.js", "*.py")
    files |= _below(code / "vi_lib", code, "*.py", "*.csv", "*.csv.gz")
    files |= _grader(code)
    if own_checks:
        files |= _below(root / "checks", root, "*.py")
    _require_nothing_hidden(files, lessons, root)
    return files


def _requirements(root: Path) -> str:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (root / "requirements.lock.txt").read_text(encoding="utf-8")
    return students_lock(lock, project["dependencies"])


def _lesson(name: str, root: Path) -> dict[str, bytes]:
    """A lesson's notebook, to work on and as it is, and the files that were released with it."""
    folder = root / "lessons" / name
    released = folder / f"{name}.ipynb"
    if not released.is_file():
        raise NotReady(f"Expected {released}: run `autograder build {name}`.")
    data = released.read_bytes()
    _require_untouched(name, json.loads(data))
    files = {f"{wing}/{name}/{name}.ipynb": data for wing in ("lessons", ORIGINALS)}
    for path in sorted((root / "solutions" / name).glob("*")):
        beside = folder / path.name
        # What nbgrader copied from there; whatever else lies in lessons/ is somebody's own.
        if path.suffix != ".ipynb" and path.is_file() and beside.is_file():
            files[f"lessons/{name}/{path.name}"] = path.read_bytes()
    return files


def _require_untouched(name: str, notebook: dict[str, Any]) -> None:
    """A released notebook that somebody has worked in is not for others."""
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        is_answered = about.get("solution") and not any(
            stub in text_of(cell["source"]) for stub in STUBS
        )
        if is_answered or cell.get("outputs") or cell.get("execution_count"):
            raise NotReady(
                f"lessons/{name}/{name}.ipynb holds answers or outputs: somebody has worked in it. "
                f"Keep a copy if it is wanted, and run `autograder build --force {name}`."
            )


def _below(folder: Path, root: Path, *patterns: str) -> dict[str, bytes]:
    paths = sorted({path for pattern in patterns for path in folder.rglob(pattern)})
    names = {path: path.relative_to(root) for path in paths}
    kept = [p for p in paths if not {"__pycache__", ".ipynb_checkpoints"} & {*names[p].parts}]
    return {names[path].as_posix(): path.read_bytes() for path in kept}


def _grader(root: Path) -> dict[str, bytes]:
    """The checks, and what students' own commands need of the rest."""
    modules = {path.relative_to(root): path for path in students_modules(root)}
    texts = {str(name): path.read_text(encoding="utf-8") for name, path in modules.items()}
    checks = {_module(name): text for name, text in texts.items() if "/checks/" in f"/{name}"}
    banks = {name: text for name, text in checks.items() if ".checks.bank." in name}
    emptied = trimmed(banks, [text for name, text in checks.items() if name not in banks])
    files = {
        name: emptied.get(_module(name), text).encode() for name, text in sorted(texts.items())
    }
    return {**files, "autograder/__main__.py": _MAIN}


def _module(path: str) -> str:
    return path.replace("\\", "/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _require_nothing_hidden(files: dict[str, bytes], lessons: Sequence[str], root: Path) -> None:
    """`NotReady` if a file holds a solution's mark, or a lesson the seed of a hidden check."""
    for name, data in files.items():
        text = "" if name.endswith(".gz") else data.decode()
        found = next((mark for mark in SECRETS if f"### {mark}" in text), None)
        if found:
            raise NotReady(f"{name} holds {found!r}, which is not for students.")
    for lesson in lessons:
        seeds = _SEED.findall(solution_text(lesson, root).read_text(encoding="utf-8"))
        text = files[f"lessons/{lesson}/{lesson}.ipynb"].decode()
        if leaked := [seed for seed in seeds if re.search(rf"\bseed={seed}\b", text)]:
            raise NotReady(f"lessons/{lesson} holds the seed {leaked[0]} of a hidden check.")

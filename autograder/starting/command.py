"""What `python start.py` does: set up if need be, then open JupyterLab or run a command."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.starting.environment import require, variables
from autograder.starting.places import Places
from autograder.starting.troubles import Trouble

USAGE = """\
python start.py                  open the lessons in JupyterLab
python start.py --no-browser     the same, and only say the address
python start.py --check          only look whether everything is there
python start.py check NOTEBOOK   what the visible checks say about a notebook
python start.py submit [LESSON]  make one zip to hand in
python start.py COMMAND --help   what else there is\
"""
LOOK = """\
import sys, jupyterlab, nbgrader, vi_lib
from autograder.checks import grade
from autograder.course import all_names, course_version
verdict = grade("E0.1", {})
print(f"Python {sys.version.split()[0]}, JupyterLab {jupyterlab.__version__}, ", end="")
print(f"course {course_version()} with {len(all_names())} lessons: everything is there.")
"""
MISUSE = 2


def main(arguments: Sequence[str], folder: str) -> int:
    """Start the course in a folder; return the exit code."""
    root = Path(folder)
    if arguments and arguments[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    try:
        places = Places(root)
        require(places)
        if _opens_lab(arguments):
            _renew_start_page(places)
        command = [str(places.python), *program(arguments, root, is_root=_is_root())]
        here = root if _opens_lab(arguments) else None
        with _left_to_the_program():
            return subprocess.run(command, cwd=here, env=variables(root), check=False).returncode
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130


@contextlib.contextmanager
def _left_to_the_program() -> Iterator[None]:
    """Let what is started decide what Ctrl-C means: JupyterLab asks before it ends."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def program(arguments: Sequence[str], root: Path, *, is_root: bool) -> list[str]:
    """What the environment's Python is to run."""
    if list(arguments) == ["--check"]:
        return ["-c", LOOK]
    if not _opens_lab(arguments):
        return ["-m", "autograder", *arguments]
    rights = ["--allow-root"] if is_root else []  # for containers, where there is no other user
    return ["-m", "jupyterlab", f"--notebook-dir={root / 'lessons'}", *rights, *arguments]


def _renew_start_page(places: Places) -> None:
    """Bring the page that JupyterLab opens with up to date; without it, it opens all the same."""
    if (places.root / "lessons" / "start.ipynb").is_file():
        command = [str(places.python), "-m", "autograder", "progress", "lessons", "--page"]
        quiet = subprocess.DEVNULL
        subprocess.run(
            command, cwd=places.root, env=variables(places.root), stderr=quiet, check=False
        )


def _opens_lab(arguments: Sequence[str]) -> bool:
    """Without a command; options such as --no-browser are JupyterLab's."""
    return list(arguments) != ["--check"] and all(word.startswith("-") for word in arguments[:1])


def _is_root() -> bool:
    return hasattr(os, "getuid") and os.getuid() == 0

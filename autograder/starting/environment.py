"""The environment of a course's folder: made once, found complete at every later start."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from autograder.starting.places import Places, launcher, path_line
from autograder.starting.troubles import Trouble, look_around, need_venv, why_not_installed

_COLLECTING = re.compile(r"^\s*Collecting (\S+?)==")


def require(places: Places) -> bool:
    """Have the environment; whether it had to be made. `Trouble` if it cannot be had."""
    if is_ready(places):
        return False
    look_around(places.root)
    if not places.python.exists() or not (places.packages / "pip").is_dir():
        _make(places)
    _install(places)
    _add_course(places)
    places.ready.write_text(wanted(places), encoding="utf-8")
    return True


def wanted(places: Places) -> str:
    """What is written down when everything is installed: which packages these are."""
    return hashlib.sha256((places.root / "requirements.txt").read_bytes()).hexdigest() + "\n"


def is_ready(places: Places) -> bool:
    """Whether everything was installed, with a Python that is still there."""
    try:
        return places.ready.read_text(encoding="utf-8") == wanted(places) and places.python.exists()
    except OSError:
        return False


def _make(places: Places) -> None:
    need_venv()
    print("Making an environment for the course, in .venv ...", flush=True)
    command = [sys.executable, "-m", "venv", "--clear", str(places.environment)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"The environment cannot be made: {(done.stderr or done.stdout).strip()}")


def _install(places: Places) -> None:
    """Have pip install the packages, each with the checksum that the lock has for it."""
    lock = places.root / "requirements.txt"
    total = len(re.findall(r"^[A-Za-z0-9]\S*==", lock.read_text(encoding="utf-8"), re.MULTILINE))
    print(f"Installing {total} packages; the first time takes some minutes ...", flush=True)
    command = [str(places.python), "-m", "pip", "install", "--require-hashes", "--no-deps"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command += ["--retries", "2", "-r", lock.name]
    said: list[str] = []
    with (
        places.log.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            cwd=places.root,
            env={**os.environ, "PYTHONUTF8": "1", "PIP_REQUIRE_VIRTUALENV": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as pip,
    ):
        number = 0
        for line in pip.stdout or ():
            log.write(line)
            said.append(line)
            if match := _COLLECTING.match(line):
                number += 1
                _show(f"{number} of {total}: {match[1]}")
            elif line.startswith("Installing collected"):
                _show("unpacking")
    _show("")
    if pip.returncode:
        reason = why_not_installed("".join(said))
        raise Trouble(f"{reason}\n(All that pip said is in {places.log}.)")


def _show(text: str) -> None:
    """One line that replaces the one before, where somebody looks on."""
    if sys.stdout.isatty():
        print(f"\r{text:<60}\r{text}", end="", flush=True)


def _add_course(places: Places) -> None:
    """Make `vi_lib` and `autograder` known: nothing is copied, so you can read what you use."""
    packages = places.packages
    if not packages.is_dir():
        raise Trouble(f"Expected {packages} in the environment: remove .venv, and start again.")
    places.path_file.write_text(path_line(places), encoding="ascii")
    path, text = launcher(places)
    path.write_text(text, encoding="ascii", newline="")
    path.chmod(0o755)


def variables(root: Path) -> dict[str, str]:
    """The environment variables of everything that the course starts."""
    return {
        **os.environ,
        "JUPYTER_CONFIG_PATH": str(root / ".jupyter"),
        # The lessons' arrays are small: more threads than one only get in each other's way.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }

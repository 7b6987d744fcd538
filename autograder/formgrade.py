"""`autograder formgrade`: nbgrader's formgrader on the graded notebooks, for the open questions."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from autograder.graded_notebooks import FOLDER, write_config
from autograder.notebooks import course_root

PAGE = "/formgrader/gradebook"
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",  # nbgrader's pages have both
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "frame-ancestors": "'self'",
}
"""What the pages may load: nothing from another host, whatever stands in a hand-in."""
TEMPLATES = Path(__file__).resolve().parent / "jupyter"
"""Searched for templates by nbconvert, before nbgrader's: formulas need no network."""
_SEARCHED = ("JUPYTER_CONFIG_PATH", "JUPYTERLAB_SETTINGS_DIR")


def formgrade(out: Path, port: int | None = None, browser: bool = True) -> int:
    """Start a Jupyter server on the folder of results, and stay until it is stopped (Ctrl-C).

    The server listens on this machine only and asks for its token, as always. Return the exit code:
    0, or 2 if there is nothing to grade.
    """
    if not (out / "gradebook.db").is_file() or not (out / FOLDER).is_dir():
        print(
            f"Expected the results of `autograder grade` in {str(out)!r}, "
            f"but there is no gradebook.db with {FOLDER}/ beside it.",
            file=sys.stderr,
        )
        return 2
    write_config(out, lessons_in(out))
    print("In the browser: the lesson, its notebook, then one hand-in after the other.")
    print("Afterwards run `autograder grade` again: the points go into the feedback.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):  # the server is told, too
        subprocess.run(command(port, browser), cwd=out, env=_environment(), check=False)
    return 0


def lessons_in(out: Path) -> list[str]:
    """The lessons of which there are graded notebooks."""
    return sorted({path.name for path in (out / FOLDER).glob("*/*") if path.is_dir()})


def command(port: int | None = None, browser: bool = True) -> list[str]:
    """The command that starts the server in the folder of results."""
    found = [sys.executable, "-m", "jupyterlab", "--ServerApp.root_dir=."]
    found += [f"--LabApp.default_url={PAGE}", "--ServerApp.ip=localhost"]
    found += ["--ServerApp.answer_yes=True", f"--ServerApp.tornado_settings={_headers()}"]
    found += [f"--ServerApp.extra_static_paths={_mathjax()}"]
    found += [] if port is None else [f"--ServerApp.port={port}"]
    found += [] if browser else ["--no-browser"]
    return found + (["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])


def _headers() -> dict[str, dict[str, str]]:
    policy = "; ".join(f"{kind} {sources}" for kind, sources in POLICY.items())
    return {"headers": {"Content-Security-Policy": policy}}


def _mathjax() -> str:
    """The folder of the web site's tex-svg.js."""
    return str(course_root(Path(__file__)) / "docs" / "site" / "_static")


def _environment() -> dict[str, str]:
    """This process's environment, but for what switches formgrader off for students."""
    kept = {name: value for name, value in os.environ.items() if name not in _SEARCHED}
    places = [str(TEMPLATES), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    return {**kept, "JUPYTER_PATH": os.pathsep.join(places)}

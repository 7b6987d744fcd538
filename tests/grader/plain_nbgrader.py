"""Plain nbgrader, as a command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def nbgrader(folder: Path, *command: str) -> str:
    """Run it and return what it prints; it must succeed."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for alembic
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command],
        cwd=folder,
        env={**os.environ, "PATH": tools, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr

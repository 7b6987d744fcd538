"""A JupyterLab server, as `make lab` starts it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_page import Lesson, foreign, open_notebook

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def lab(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab on a copy of the lessons, and the copy."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "lessons", folder / "lessons")
    log = folder / "server.log"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=0", "--allow-root"]
    command += ["--ServerApp.token=", "--expose-app-in-browser", "--notebook-dir=lessons"]
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_PATH": str(ROOT / ".jupyter"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=folder, stderr=out, stdout=out, env=environment)
    try:
        yield _address(server, log), folder / "lessons"
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture
def open_lesson(chromium: Any, lab: tuple[str, Path]) -> Iterator[Callable[[str], Lesson]]:
    """Opens a lesson of the copy; in the end, nothing was asked of another host."""
    address, _ = lab
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    yield lambda name: open_notebook(page, address, name)
    context.close()
    assert len(requests) > 10
    assert foreign(requests, address) == []


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        found = re.search(r"http://(?:localhost|127\.0\.0\.1):(\d+)/lab", log.read_text())
        if found:
            return f"http://127.0.0.1:{found[1]}"
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start in a minute:\n{log.read_text()}")

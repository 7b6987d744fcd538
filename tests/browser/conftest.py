"""A JupyterLab server, as `make lab` starts it, and a browser that opens lessons there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_page import Lesson, foreign, open_notebook
from lab_server import lab_server


@pytest.fixture(scope="session")
def lab(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab on a copy of the lessons, and the copy."""
    folder = tmp_path_factory.mktemp("lab")
    with lab_server(folder) as address:
        yield address, folder / "lessons"


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

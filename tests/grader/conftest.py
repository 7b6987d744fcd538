"""A zygote for the tests of one file, and a tiny course on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import mini
import pytest
import toy

from autograder.lesson import Lesson
from autograder.sandbox.client import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    found = Zygote()
    found.start()
    yield found
    found.close()


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with a short path: sockets are made in folders that lie in it."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture(scope="session")
def lesson() -> Lesson:
    return toy.lesson()


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of one lesson, 05_mini, with the exercises E5.1 and E5.4 and one open question."""
    root = tmp_path_factory.mktemp("course")
    (root / "nbgrader_config.py").touch()
    for wing, cells in (("solutions", mini.solution()), ("lessons", mini.cells())):
        folder = root / wing / mini.NAME
        folder.mkdir(parents=True)
        content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (folder / f"{mini.NAME}.ipynb").write_text(json.dumps(content))
    (root / "solutions" / f"{mini.NAME}.py").touch()
    return root

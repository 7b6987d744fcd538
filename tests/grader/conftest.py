"""A zygote, a tiny course on disk, and the example class, graded once for all workers."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

import mini
import pytest
import toy

from autograder.collect import HandIn, collect
from autograder.example_class import write_example_class
from autograder.lesson import Lesson
from autograder.notebooks import lesson_names
from autograder.pool import grade_all
from autograder.records import Record, load, save
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits


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


ExampleRun = tuple[Path, tuple[HandIn, ...], list[Record]]


@pytest.fixture(scope="session")
def example_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> ExampleRun:
    """The folder of the example class, its hand-ins and their records.

    Grading takes a minute, so whichever worker comes first does it and the others read the records.
    """
    top = tmp_path_factory.getbasetemp()
    top = top if worker_id == "master" else top.parent
    folder = top / "example-class"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        source = write_example_class(folder / "class")
        hand_ins = tuple(collect(source, lesson_names()).hand_ins)
        if not (folder / "graded").exists():
            for k, record in enumerate(grade_all(source, hand_ins, Limits(), workers=2)):
                save(record, folder / f"{k:03}.json")
            (folder / "graded").touch()
    return source, hand_ins, [load(path) for path in sorted(folder.glob("*.json"))]

"""A cluster of processes: a scheduler and two workers, one of which is killed on the way."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import mini
import pytest
import toy
from crashing import LIGHT, Tree, count, light_class, start, until

from autograder import cluster
from autograder.records import load
from autograder.schedule import ExecutorLost

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="dask.distributed is not installed"
)
ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
NAP = "import time\ntime.sleep(0.5)"


def test_without_dask_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ExecutorLost, match=r'pip install "distributed>=2024\.1"'),
        cluster.on_cluster("tcp://127.0.0.1:1"),
    ):
        pass


def test_dask_is_imported_only_when_asked_for() -> None:
    code = "import autograder.run, autograder.cluster, sys; print('distributed' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "False\n"


def dask(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    with (folder / f"{len(list(folder.iterdir()))}.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
            cwd=folder,
            env={**os.environ, **LIGHT, **variables},
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )


def worker(folder: Path, address: str, name: str, **variables: str) -> subprocess.Popen[str]:
    options = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--name", name)
    return dask(folder, "dask_worker", address, *options, **variables)


def address_in(file: Path) -> str:
    """The address in a scheduler's file; "" as long as it is not written."""
    try:
        return str(json.loads(file.read_text())["address"])
    except (OSError, ValueError):
        return ""


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """A scheduler on a free port of this machine; its address."""
    file = folder / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
    process = dask(folder / "logs", "dask_scheduler", *options, "--scheduler-file", str(file))
    try:
        assert until(lambda: bool(address_in(file)), process, PATIENCE)
        yield address_in(file)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def end(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(PATIENCE)


@pytest.mark.slow
@needs_dask
def test_a_killed_worker_of_a_cluster_costs_no_hand_in(course: Path, tmp_path: Path) -> None:
    source, out = light_class(tmp_path / "class", 12), tmp_path / "out"
    nap = toy.notebook([toy.code(NAP), *mini.cells(mini.SCORE, mini.CONTROL, "Because.")])
    for student in ("n1", "n2", "n3", "n4"):
        path = source / student / mini.NAME / f"{mini.NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(nap)
    with scheduler(tmp_path) as address:
        first = worker(tmp_path / "logs", address, "first")
        second = worker(tmp_path / "logs", address, "second")
        trees = [Tree(first.pid), Tree(second.pid)]
        run = start(course, "grade", source, "--out", out, "--dask", address)
        assert until(lambda: count(out) >= 4, run, PATIENCE)
        assert until(lambda: len(trees[0].look()["zygote"]) > 0, run, PATIENCE)
        trees[1].look()
        first.kill()
        printed, err = run.communicate(timeout=PATIENCE)
        assert (run.returncode, err) == (0, "")
        first.wait(PATIENCE)
        trees[1].look()
        assert trees[0].relics() == []
        end(second)
    assert trees[1].relics() == []
    assert "16 hand-ins: all graded." in printed
    local = start(course, "grade", source, "--out", tmp_path / "local", "--workers", 2)
    local.communicate(timeout=PATIENCE)
    names = sorted(path.name for path in (tmp_path / "local" / "records").iterdir())
    assert sorted(path.name for path in (out / "records").iterdir()) == names
    for name in names:
        here, there = (load(top / "records" / name) for top in (tmp_path / "local", out))
        assert replace(there, seconds=0.0) == replace(here, seconds=0.0)
    tables = [(top / "grades.csv").read_bytes() for top in (tmp_path / "local", out)]
    assert tables[0] == tables[1]


@pytest.mark.slow
@needs_dask
def test_a_worker_with_another_version_of_the_course_grades_nothing(
    course: Path, tmp_path: Path
) -> None:
    source, out = light_class(tmp_path / "class", 2), tmp_path / "out"
    for name in ("autograder", "vi_lib"):
        skip = shutil.ignore_patterns("__pycache__", "example_answers")
        shutil.copytree(ROOT / name, tmp_path / "other" / name, ignore=skip)
    check = tmp_path / "other" / "autograder" / "checks" / "lesson05_control.py"
    check.write_text(check.read_text() + "\n")
    with scheduler(tmp_path) as address:
        other = worker(tmp_path / "logs", address, "other", PYTHONPATH=str(tmp_path / "other"))
        run = start(course, "grade", source, "--out", out, "--dask", address)
        printed, err = run.communicate(timeout=PATIENCE)
        end(other)
    assert (run.returncode, printed) == (2, "")
    assert "has another version of the course than this one" in err
    assert count(out) == 0


@pytest.mark.slow
@needs_dask
def test_a_cluster_that_is_not_there_is_one_sentence(course: Path, tmp_path: Path) -> None:
    source = light_class(tmp_path / "class", 1)
    nowhere = start(course, "grade", source, "--out", tmp_path / "out", "--dask", "tcp://[")
    _, err = nowhere.communicate(timeout=PATIENCE)
    assert nowhere.returncode == 2
    assert err.startswith("Expected a dask scheduler at 'tcp://['")
    words = "Expected a dask scheduler at 'tcp://127.0.0.1:9'"
    with pytest.raises(ExecutorLost, match=words), cluster.on_cluster("tcp://127.0.0.1:9", 2.0):
        pass
    words = "has no workers: start one with `dask worker tcp"
    with (
        scheduler(tmp_path) as address,
        pytest.raises(ExecutorLost, match=words),
        cluster.on_cluster(address, 2.0),
    ):
        pass

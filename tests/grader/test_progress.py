"""What a run shows while it goes on, and how it ends when somebody presses Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mini
import pytest
import toy
from crashing import RIGHT, Tree, count, light_class, marks, rewritten, start, until

from autograder import progress as watching
from autograder.collect import HandIn
from autograder.records import Record

LOOP = "def score_gaussian(theta, mu, sd):\n    while True:\n        pass"
PATIENCE = 120.0


def record(number: int, status: Any = "graded") -> Record:
    return Record(f"s{number}", mini.NAME, status, "", 9.0)


def test_without_a_terminal_a_large_class_gets_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = watching.Lines(250)
    for number in range(250):
        watch.look([HandIn(f"s{number}", mini.NAME)])
        watch.done(record(number, "crashed" if number == 7 else "graded"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("100 of 250 hand-ins are done, 1 of them not graded or not wholly; ")
    assert lines[1].startswith("200 of 250 hand-ins are done, ")
    assert lines[1].endswith(" left.")


def test_without_a_terminal_a_small_class_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with watching.progress(100) as watch:
        for number in range(100):
            watch.done(record(number))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.4, "3 s"), (89.0, "89 s"), (150.0, "2 min"), (7200.0, "2.0 h")]
)
def test_time_spans_are_short(seconds: float, words: str) -> None:
    assert watching.duration(seconds) == words


class Terminal:
    """The other side of a terminal on which a command runs."""

    def __init__(self, descriptor: int, run: subprocess.Popen[str]):
        self.descriptor, self.run, self.shown = descriptor, run, ""

    def read(self) -> None:
        """Take what has been shown since."""
        while select.select([self.descriptor], [], [], 0.02)[0]:
            try:
                data = os.read(self.descriptor, 65536)
            except OSError:  # nobody has the terminal open any more
                return
            self.shown += data.decode("utf-8", "replace")

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""

        def so() -> bool:
            self.read()
            return condition()

        assert until(so, self.run, PATIENCE), self.shown

    def end(self) -> int:
        """Wait until the command has ended; its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.run.poll() is None:
            assert time.monotonic() < deadline, self.shown
            self.read()
        self.read()
        return self.run.returncode


@contextmanager
def terminal(course: Path, *arguments: Any) -> Iterator[Terminal]:
    """A command in the foreground of a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    run = start(
        course,
        *arguments,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={"TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    try:
        yield Terminal(ours, run)
    finally:
        run.kill()
        run.wait()
        os.close(ours)


def slow_one(top: Path, student: str) -> None:
    path = top / student / mini.NAME / f"{mini.NAME}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(toy.notebook(mini.cells(LOOP, mini.CONTROL)))


@pytest.mark.slow
def test_a_terminal_shows_what_is_running_and_what_was_not_graded(
    course: Path, tmp_path: Path
) -> None:
    light_class(tmp_path / "class", 6)
    slow_one(tmp_path / "class", "loop")
    arguments = ("grade", tmp_path / "class", "--out", tmp_path / "out", "--timeout", 20)
    with terminal(course, *arguments, "--workers", 2) as shown:
        shown.wait(lambda: "/7" in shown.shown)
        shown.wait(lambda: f"now · loop {mini.NAME}" in shown.shown)
        assert shown.end() == 1
    assert "Grading" in shown.shown
    assert f"loop, {mini.NAME}: partly graded" in shown.shown
    assert "7 hand-ins: 6 graded, 1 not, or not wholly." in shown.shown


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_graded_and_leaves_nothing_running(
    course: Path, tmp_path: Path
) -> None:
    source, out = light_class(tmp_path / "class", 3), tmp_path / "out"
    for name in ("t-loop", "u-loop", "v-loop"):
        slow_one(source, name)
    arguments = ("grade", source, "--out", out, "--workers", 2, "--timeout", 3000)
    with terminal(course, *arguments) as shown:
        tree = Tree(shown.run.pid)
        shown.wait(lambda: count(out) == 3 and len(tree.look()["child"]) >= 2)
        before, pressed = marks(out), time.monotonic()
        os.write(shown.descriptor, b"\x03")
        assert shown.end() == 130
        assert time.monotonic() - pressed < 30
    assert "Traceback" not in shown.shown
    assert "run the same command again to go on" in " ".join(shown.shown.split())
    assert tree.relics() == []
    for name in ("t-loop", "u-loop", "v-loop"):
        (source / name / mini.NAME / f"{mini.NAME}.ipynb").write_bytes(RIGHT)
    run = start(course, *arguments)
    printed, err = run.communicate(timeout=PATIENCE)
    assert (run.returncode, err) == (0, "")
    assert "3 hand-ins were graded before" in printed
    assert rewritten(before, marks(out)) == []


@pytest.mark.slow
def test_a_second_run_into_the_same_folder_is_refused(course: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "class", tmp_path / "out"
    slow_one(source, "loop")
    arguments = ("grade", source, "--out", out, "--timeout", 3000)
    first = start(course, *arguments)
    try:
        assert until(lambda: (out / "run.json").exists(), first, PATIENCE)
        second = start(course, *arguments)
        printed, err = second.communicate(timeout=PATIENCE)
        assert (second.returncode, printed) == (2, "")
        assert f"Another run writes into {str(out)!r} at the moment (process {first.pid})" in err
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=PATIENCE)
    assert first.returncode == 130

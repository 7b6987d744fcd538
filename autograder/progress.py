"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from autograder.table import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from autograder.collect import HandIn
    from autograder.records import Record

EVERY = 100
_MOST_SHOWN = 4


class Watch(Protocol):
    """Who is told how a run goes on."""

    def look(self, running: Sequence[HandIn]) -> None:
        """These hand-ins are being graded at the moment."""

    def done(self, record: Record) -> None:
        """This one is done."""


@dataclass
class Lines:
    """A line for every hundred hand-ins; nothing for small classes."""

    total: int
    started: float = field(default_factory=time.monotonic)
    count: int = 0
    failed: int = 0

    def look(self, running: Sequence[HandIn]) -> None:
        """Nothing to say."""

    def done(self, record: Record) -> None:
        """Say how far the run is."""
        self.count += 1
        self.failed += not record.graded
        if self.count % EVERY == 0 and self.count < self.total:
            left = (time.monotonic() - self.started) / self.count * (self.total - self.count)
            print(
                f"{self.count} of {self.total} hand-ins are done, {self.failed} of them not "
                f"graded or not wholly; about {duration(left)} left.",
                file=sys.stderr,
                flush=True,
            )


class Bar:
    """A bar with what is running, and since when; what was not graded is listed above it."""

    def __init__(self, total: int, console: Console):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._bar = Progress(
            TextColumn("Grading"),
            BarColumn(),
            MofNCompleteColumn(),
            Remaining(compact=True),
            TextColumn("{task.fields[failed]}"),
            console=console,
        )
        self._task = self._bar.add_task("grading", total=total, failed="")
        self._console, self._failed = console, 0
        self._since: dict[tuple[str, str], float] = {}

    def look(self, running: Sequence[HandIn]) -> None:
        """Keep since when each of these is running."""
        now = time.monotonic()
        keys = [(hand_in.student, hand_in.lesson) for hand_in in running]
        self._since = {key: self._since.get(key, now) for key in keys}

    def done(self, record: Record) -> None:
        """One more; what was not graded is said at once."""
        if not record.graded:
            self._failed += 1
            line = printable(f"{record.student}, {record.lesson}: {record.status}")
            self._console.print(line, markup=False, highlight=False)
        failed = f"{self._failed} not graded or not wholly" if self._failed else ""
        self._bar.update(self._task, advance=1, failed=failed)

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        now = time.monotonic()
        shown = [
            printable(f"{student} {lesson} {now - since:.0f} s")
            for (student, lesson), since in list(self._since.items())
        ]
        more = [f"and {len(shown) - _MOST_SHOWN} more"] if len(shown) > _MOST_SHOWN else []
        line = Text(" · ".join(["  now", *shown[:_MOST_SHOWN], *more]) if shown else "  starting")
        line.truncate(self._console.width - 1, overflow="ellipsis")
        return Group(self._bar.get_renderable(), line)


@contextlib.contextmanager
def progress(total: int) -> Iterator[Watch]:
    """A watch for a run of so many hand-ins."""
    if not sys.stderr.isatty():
        yield Lines(total)
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    bar = Bar(total, console)
    with Live(bar, console=console, refresh_per_second=4, transient=True):
        yield bar


def duration(seconds: float) -> str:
    """A time span in words, such as "40 s", "3 min" or "1.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

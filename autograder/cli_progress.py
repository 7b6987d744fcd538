"""The command `autograder progress`: how far a student is, lesson by lesson."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


def add_progress(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to the command line."""
    progress = commands.add_parser(
        "progress", help="points and exercises of all lessons, by the visible checks"
    )
    progress.add_argument(
        "lessons",
        nargs="?",
        type=Path,
        metavar="LESSONS_DIR",
        help="the folder with 01_elbo/01_elbo.ipynb and so on (default: the course's lessons)",
    )
    progress.add_argument(
        "--page",
        action="store_true",
        help="only bring start.ipynb up to what is known; no notebook runs",
    )
    progress.set_defaults(run=_progress)


def _progress(arguments: argparse.Namespace) -> int:
    from autograder.course import all_names, course_root

    try:
        names = all_names()
        folder = arguments.lessons or course_root() / "lessons"
        if not any((folder / name).is_dir() for name in names):
            wanted = f"{names[0]}/{names[0]}.ipynb and so on"
            raise ValueError(f"Expected a folder with {wanted}, got {str(folder)!r}.")
        return _renew(folder, names) if arguments.page else _show(folder, names)
    except (ValueError, OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 2


def _renew(folder: Path, names: tuple[str, ...]) -> int:
    from autograder.start_page import renew

    renew(names, folder)
    return 0


def _show(folder: Path, names: tuple[str, ...]) -> int:
    """Print the table. 0: all notebooks could be looked at. 1: some could not."""
    from autograder.standing import judging, standings
    from autograder.start_page import table_text

    with judging() as judge, _watching() as watch:
        found = standings(folder, names, judge, watch)
    print(table_text(found))
    return int(any(standing.note for standing in found))


@contextlib.contextmanager
def _watching() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal, while notebooks run; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda name, at, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("Running {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)

        def watch(name: str, at: int, total: int) -> None:
            bar.update(task, description=name, completed=at, total=total, visible=True)

        yield watch

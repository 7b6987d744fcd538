"""The commands that bring a class in and its grades out: `collect`, `late`, `export`."""

from __future__ import annotations

import argparse
from pathlib import Path

Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add them to the command line."""
    _add_collect(commands)


def _add_collect(commands: Commands[argparse.ArgumentParser]) -> None:
    collect = commands.add_parser(
        "collect", help="bring downloads of a learning platform into nbgrader's folders"
    )
    collect.add_argument(
        "sources",
        type=Path,
        nargs="+",
        metavar="SOURCE",
        help="a zip or folder from Moodle, Canvas, Gradescope or nbgrader's exchange; also "
        "Moodle's grading worksheet, for the times, or Canvas' gradebook",
    )
    collect.add_argument(
        "--into",
        type=Path,
        default=Path("submitted"),
        metavar="DIR",
        help="for <student>/<lesson>/<lesson>.ipynb (default: %(default)s)",
    )
    collect.add_argument(
        "--file-dates",
        action="store_true",
        help="take the date of a file for the time of the hand-in where nothing else tells it",
    )
    collect.set_defaults(run=_collect)


def _collect(arguments: argparse.Namespace) -> int:
    from autograder.collecting.command import collect_into
    from autograder.notebooks import lesson_names

    return collect_into(
        arguments.sources, arguments.into, lesson_names(), file_dates=arguments.file_dates
    )

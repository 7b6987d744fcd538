"""The commands that bring a class in and its grades out: `collect`, `late`, `export`."""

from __future__ import annotations

import argparse
from pathlib import Path

Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add them to the command line."""
    _add_collect(commands)
    _add_late(commands)
    _add_export(commands)


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
    from autograder.notebooks import all_names

    return collect_into(
        arguments.sources, arguments.into, all_names(), file_dates=arguments.file_dates
    )


def _add_late(commands: Commands[argparse.ArgumentParser]) -> None:
    late = commands.add_parser("late", help="say a late policy in words, and whom it touches")
    late.add_argument("policy", type=Path, metavar="LATE.csv")
    late.add_argument(
        "--out", type=Path, metavar="DIR", help="results of `autograder grade`, to be judged by it"
    )
    late.set_defaults(run=_late)


def _late(arguments: argparse.Namespace) -> int:
    from autograder.late import explain
    from autograder.notebooks import lesson_names

    return explain(arguments.policy, lesson_names(), arguments.out)


def _add_export(commands: Commands[argparse.ArgumentParser]) -> None:
    export = commands.add_parser("export", help="write the grades for Canvas, Moodle and others")
    export.add_argument(
        "--out",
        type=Path,
        default=Path("out"),
        metavar="DIR",
        help="results of `autograder grade` (default: %(default)s); files go to DIR/export",
    )
    export.add_argument(
        "--late", type=Path, metavar="LATE.csv", help="late policy (default: that of the last run)"
    )
    export.add_argument(
        "--format",
        choices=("table", "canvas", "moodle", "nbgrader", "all"),
        default="all",
        help="default: %(default)s",
    )
    export.add_argument(
        "--roster",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="the gradebook that Canvas, or a grading worksheet that Moodle exports, to be filled "
        "in; may be given several times",
    )
    export.set_defaults(run=_export)


def _export(arguments: argparse.Namespace) -> int:
    from autograder.exporting.command import export
    from autograder.notebooks import lesson_names

    return export(
        arguments.out,
        lesson_names(),
        late=arguments.late,
        form=arguments.format,
        rosters=arguments.roster,
    )

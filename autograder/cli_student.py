"""The commands that students use: `autograder check`, `progress` and `submit`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.cli_progress import add_progress

Commands = argparse._SubParsersAction  # argparse has no public name for it


def main(argv: Sequence[str] | None = None) -> int:
    """The command line of a student's copy of the course, which has no other commands."""
    parser = argparse.ArgumentParser(prog="autograder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_student_commands(commands)
    arguments = parser.parse_args(argv)
    return int(arguments.run(arguments))


def add_student_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add them to a command line."""
    _add_check(commands)
    add_progress(commands)
    _add_submit(commands)


def add_timeout(command: argparse.ArgumentParser) -> None:
    """Add the option that bounds the time of a notebook's own code."""
    command.add_argument(
        "--timeout",
        type=_seconds,
        default=60.0,
        metavar="S",
        help="seconds for a hand-in's own code (default: %(default)g); of that, "
        "a tenth per call and a quarter per statement",
    )


def _add_check(commands: Commands[argparse.ArgumentParser]) -> None:
    check = commands.add_parser("check", help="what the visible checks say about a notebook")
    check.add_argument("notebook", type=Path, metavar="LESSON.ipynb")
    add_timeout(check)
    check.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    from autograder.commands import check

    return check(arguments.notebook, arguments.timeout)


def _add_submit(commands: Commands[argparse.ArgumentParser]) -> None:
    submit = commands.add_parser("submit", help="make one zip of your notebooks, to hand in")
    submit.add_argument(
        "notebooks",
        nargs="*",
        metavar="LESSON",
        help="notebooks, or lessons such as 05_bbvi (default: all that you have begun)",
    )
    submit.add_argument("--name", default="", metavar="NAME", help="your name, for the list inside")
    submit.add_argument(
        "--out", type=Path, metavar="FILE", help="the zip, or the folder for it (default: here)"
    )
    submit.set_defaults(run=_submit)


def _submit(arguments: argparse.Namespace) -> int:
    from autograder.handing_in.command import submit

    return submit(arguments.notebooks, arguments.out, " ".join(arguments.name.split()))


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError(f"expected seconds, more than 0, got {text!r}")
    return value


if __name__ == "__main__":
    sys.exit(main())

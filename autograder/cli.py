"""The command line: `autograder build`, `grade`, `check`, `example-class`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog="autograder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="build the notebooks that are out of date")
    build.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="such as 05_bbvi (default: all)"
    )
    build.add_argument("--check", action="store_true", help="only say what is out of date")
    build.add_argument("--force", action="store_true", help="build even what is up to date")
    build.set_defaults(run=_build)
    arguments = parser.parse_args(argv)
    return int(arguments.run(arguments))


def _build(arguments: argparse.Namespace) -> int:
    from autograder.build import build

    return build(arguments.lessons, check=arguments.check, force=arguments.force)


if __name__ == "__main__":
    sys.exit(main())

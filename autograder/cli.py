"""The command line: `autograder build`, `bundle`, `grade`, `check`, `submit` and others."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.cli_class import add_commands
from autograder.cli_student import add_student_commands, add_timeout
from autograder.own_course import BadCourse, choose_course


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog="autograder", description=__doc__)
    parser.add_argument(
        "--course",
        metavar="DIR",
        help="an own course (default: the one that this folder is in)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_build(commands)
    _add_grade(commands)
    add_student_commands(commands)
    _add_bundle(commands)
    _add_example_class(commands)
    add_commands(commands)
    _add_new_course(commands)
    _add_formgrade(commands)
    _add_doctor(commands)
    arguments = parser.parse_args(argv)
    try:
        choose_course(arguments.course)
        return int(arguments.run(arguments))
    except BadCourse as error:
        print(error, file=sys.stderr)
        return 2


def _add_build(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    build = commands.add_parser("build", help="build the notebooks that are out of date")
    build.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="such as 05_bbvi (default: all)"
    )
    build.add_argument("--check", action="store_true", help="only say what is out of date")
    build.add_argument("--force", action="store_true", help="build even what is up to date")
    build.set_defaults(run=_build)


def _build(arguments: argparse.Namespace) -> int:
    from autograder.build import build

    return build(arguments.lessons, check=arguments.check, force=arguments.force)


def _add_grade(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    grade = commands.add_parser("grade", help="grade a class of hand-ins")
    grade.add_argument(
        "handins",
        type=Path,
        metavar="HANDINS",
        help="a folder student/lesson/lesson.ipynb, or a download from Moodle, Canvas, Gradescope "
        "or nbgrader's exchange",
    )
    grade.add_argument(
        "--out", type=Path, default=Path("out"), metavar="DIR", help="for the results: %(default)s"
    )
    grade.add_argument(
        "--workers",
        type=_count,
        default=_cores(),
        metavar="N",
        help="hand-ins at the same time (default: %(default)s, one per core)",
    )
    add_timeout(grade)
    grade.add_argument(
        "--example",
        action="store_true",
        help="HANDINS is the example class: exit code 0 if each status and score is as expected",
    )
    grade.add_argument(
        "--again", action="store_true", help="grade anew what an earlier run has graded already"
    )
    grade.add_argument(
        "--tier",
        choices=["A", "B", "C"],
        default="",
        help="how students' code is isolated (default: the best that this machine has)",
    )
    grade.add_argument(
        "--dask",
        default="",
        metavar="ADDRESS",
        help="grade on a dask.distributed cluster, such as tcp://10.0.0.1:8786",
    )
    grade.add_argument(
        "--late",
        type=Path,
        metavar="FILE",
        help="a table of due times and penalties; kept in DIR for later runs",
    )
    grade.set_defaults(run=_grade)


def _grade(arguments: argparse.Namespace) -> int:
    from autograder.own_course import late_policy
    from autograder.run import Order, grade
    from autograder.sandbox.limits import Limits

    return grade(
        Order(
            arguments.handins,
            arguments.out,
            arguments.workers,
            Limits(seconds=arguments.timeout),
            again=arguments.again,
            example=arguments.example,
            tier=arguments.tier,
            dask=arguments.dask,
            late=arguments.late or late_policy(),
        )
    )


def _add_bundle(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    bundle = commands.add_parser("bundle", help="make the zip that students get")
    bundle.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="such as 05_bbvi (default: all)"
    )
    bundle.add_argument(
        "--out", type=Path, metavar="FILE", help="the zip (default: build/vi-course-VERSION.zip)"
    )
    bundle.add_argument(
        "--with-checks", action="store_true", help="with the checks of your own course (--course)"
    )
    bundle.set_defaults(run=_bundle)


def _bundle(arguments: argparse.Namespace) -> int:
    from autograder.bundle.command import bundle

    return bundle(arguments.lessons, arguments.out, arguments.with_checks)


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "whether this machine can grade, and how well students' code is isolated"
    commands.add_parser("doctor", help=text).set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from autograder.doctor import doctor

    return doctor()


def _add_example_class(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    example = commands.add_parser("example-class", help="write a made-up class of hand-ins")
    example.add_argument("directory", type=Path, metavar="DIR")
    example.add_argument(
        "--as",
        dest="kind",
        choices=("moodle", "canvas", "gradescope", "exchange"),
        help="also as such a download, in a folder of that name",
    )
    example.set_defaults(run=_example_class)


def _example_class(arguments: argparse.Namespace) -> int:
    from autograder.example_class import write_example_class

    try:
        folder = write_example_class(arguments.directory)
        if arguments.kind:
            from autograder.collecting.examples import write_downloads

            folder = write_downloads(folder, arguments.kind, arguments.directory / arguments.kind)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"hand-ins: {folder}\nexpected: {folder.parent / 'expected.csv'}")
    return 0


def _add_new_course(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = commands.add_parser("new-course", help="write a folder for a course of your own")
    new.add_argument("directory", type=Path, metavar="DIR")
    new.set_defaults(run=_new_course)


def _new_course(arguments: argparse.Namespace) -> int:
    from autograder.new_course import new_course

    return new_course(arguments.directory)


def _add_formgrade(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    formgrade = commands.add_parser(
        "formgrade", help="give points for open questions, in formgrader"
    )
    formgrade.add_argument(
        "--out",
        type=Path,
        default=Path("out"),
        metavar="DIR",
        help="the results of `autograder grade`: %(default)s",
    )
    formgrade.add_argument("--port", type=_count, metavar="N", help="for the server (default: any)")
    formgrade.add_argument("--no-browser", action="store_true", help="only say the address")
    formgrade.set_defaults(run=_formgrade)


def _formgrade(arguments: argparse.Namespace) -> int:
    from autograder.formgrade import formgrade

    return formgrade(arguments.out, arguments.port, browser=not arguments.no_browser)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())

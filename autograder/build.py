"""`autograder build`: bring the notebooks of all lessons, or of some, up to date."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from autograder.checks.own import BadChecks
from autograder.course import all_names, course_root, released_notebook
from autograder.notebooks import SourceError, execute, outdated, release
from autograder.own_course import SETTINGS, OwnCourse, own_course


def build(lessons: Sequence[str] = (), *, check: bool = False, force: bool = False) -> int:
    """Build what is out of date, or with `check` only report it; return the exit code.

    Exit code 0: all notebooks are up to date (now). 1: with `check`, some are not. 2: a lesson is
    unknown or cannot be built; the sentence on stderr says which and why.
    """
    known = all_names()
    unknown = sorted(set(lessons) - set(known))
    if unknown:
        print(f"Unknown lesson {', '.join(unknown)}: expected {', '.join(known)}.", file=sys.stderr)
        return 2
    if labels := _unknown_points(own_course(course_root())):
        print(f"{SETTINGS}: no lesson of the course has {', '.join(labels)}.", file=sys.stderr)
        return 2
    code = 0
    for name in lessons or known:
        try:
            code = max(code, _build_one(name, check, force))
        except (SourceError, BadChecks) as error:
            print(error, file=sys.stderr)
            return 2
        except KeyError as error:
            print(f"{name}: {error.args[0]}", file=sys.stderr)
            return 2
    return max(code, _build_page(known, check, force))


def _unknown_points(own: OwnCourse | None) -> list[str]:
    """Labels in the points of an own course that no lesson of the course has."""
    if own is None:
        return []
    texts = [path.read_text(encoding="utf-8") for path in own.texts.values()]
    return [
        label
        for label in own.points
        if not any(re.search(rf'(check|open)="{re.escape(label)}"', text) for text in texts)
    ]


def _build_one(name: str, check: bool, force: bool) -> int:
    old = ("solutions", "lessons") if force else outdated(name)
    if not old:
        print(f"{name}: up to date")
        return 0
    if check:
        print(f"{name}: out of date in {' and '.join(old)}")
        return 1
    if "solutions" in old:
        print(f"{name}: executing the solutions", flush=True)
        execute(name)
    print(f"{name}: writing the students' notebook", flush=True)
    release([name])
    return 0


def _build_page(names: Sequence[str], check: bool, force: bool) -> int:
    """The page of all lessons, which says what they say of themselves."""
    from autograder.start_page import NAME, is_outdated, write_page

    folder = course_root() / "lessons"
    names = [name for name in names if released_notebook(name).is_file()]  # of an own course, some
    try:
        if not (force or is_outdated(names, folder)):
            return 0
        print(f"{NAME}: {'out of date' if check else 'writing the list of lessons'}")
        if not check:
            write_page(names, folder)
    except ValueError as error:  # a first page without a title, say
        print(error, file=sys.stderr)
        return 2
    return int(check)

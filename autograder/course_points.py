"""Other points in a lesson's prose: where it says what an exercise is worth, it says so truly.

A lesson says it in three places: in the line with **Points**, in the table of exercises, and in the
headings. A test holds the lessons to these forms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from autograder.checks.render import number

_HEADING = re.compile(r"^(#+ .*)\(\d+ points?\)$", re.M)
_EXERCISE = re.compile(r"(?:Exercise|E)\s?(\d{1,2}\.\d{1,2})\b")
_QUESTION = re.compile(r"Open question|Capstone")
_ROW = re.compile(r"^(\| (E\d{1,2}\.\d{1,2}) \|.*\| )([\d.]+)( \|)$", re.M)
_TOTAL = re.compile(r"(\*\*Points\*\* )([\d.]+)( for [^,]*,\s)([\d.]+)( for the)")


def repriced(prose: str, lesson: int, old: Mapping[str, float], new: Mapping[str, float]) -> str:
    """A cell of prose with the points of `new` in place of those of `old`, both by label."""
    if old == new:
        return prose
    prose = _HEADING.sub(_heading(lesson, new), prose)
    prose = _ROW.sub(lambda m: m[1] + _worth(new, m[2], m[3]) + m[4], prose)
    return _TOTAL.sub(_total(new), prose)


def _heading(lesson: int, new: Mapping[str, float]) -> Callable[[re.Match[str]], str]:
    def written(found: re.Match[str]) -> str:
        exercise = _EXERCISE.search(found[1])
        label = f"E{exercise[1]}" if exercise else f"O{lesson}"
        if label not in new or not (exercise or _QUESTION.search(found[1])):
            return found[0]
        worth = new[label]
        said = f"{number(worth)} point{'' if worth == 1 else 's'}" if worth else "for practice"
        return f"{found[1]}({said})"

    return written


def _worth(new: Mapping[str, float], label: str, stated: str) -> str:
    return number(new[label]) if label in new else stated


def _total(new: Mapping[str, float]) -> Callable[[re.Match[str]], str]:
    def written(found: re.Match[str]) -> str:
        sums = {
            kind: number(sum(points for label, points in new.items() if label.startswith(kind)))
            for kind in "EO"
        }
        return f"{found[1]}{sums['E']}{found[3]}{sums['O']}{found[5]}"

    return written

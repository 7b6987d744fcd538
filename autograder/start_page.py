"""The page with which JupyterLab opens, `lessons/start.ipynb`: all lessons, and how far one is.

It is a notebook of two cells. The list of lessons is the output of the second one and is stored in
the file, so it is there without a kernel; running the cell looks at the notebooks again. `make lab`
renews the output from what is known. The page is no lesson: it has no number, no exercise and no
points, and no list of lessons has it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from autograder.checks.render import inline, number
from autograder.standing import Standing, standings
from autograder.tables import write_whole

NAME = "start.ipynb"
_TABLE_ID = "progress"
_TEXT = """\
# Variational inference, from the KL divergence to the VAE

Click on a lesson to open it. Begin with lesson 0: it looks whether everything is there, and shows
how an exercise is checked. Save a lesson (Ctrl+S), come back, and run the cell below (click into
it, then Shift+Enter): it runs what you have changed, as *Validate* does, and counts what is right.

● done · ◐ begun · ○ untouched. Points after a + are for the question that a person reads."""
_CODE = "from autograder.start_page import show\n\nshow()"
_LOCKED = {"deletable": False, "editable": False}
_CELL = 'style="text-align:left;padding:.3em 1em .3em 0;vertical-align:top;white-space:normal"'
_SIGNS = {"done": "●", "begun": "◐", "untouched": "○"}


def page(names: Sequence[str]) -> dict[str, Any]:
    """The page as it is released: nothing is answered yet."""
    from autograder.course import DIGEST
    from autograder.facts import facts_of

    notebook = {
        "cells": [
            {"cell_type": "markdown", "id": "about", "metadata": _LOCKED, "source": _TEXT},
            {
                "cell_type": "code",
                "execution_count": None,
                "id": _TABLE_ID,
                "metadata": _LOCKED,
                "outputs": [_output([Standing(facts_of(name), {}) for name in names])],
                "source": _CODE,
            },
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    digest = hashlib.sha256(json.dumps(notebook, sort_keys=True).encode()).hexdigest()[:16]
    notebook["metadata"][DIGEST] = digest  # type: ignore[index]
    return notebook


def is_outdated(names: Sequence[str], folder: Path) -> bool:
    """Whether the page in the folder does not stem from the lessons as they are."""
    from autograder.course import DIGEST

    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))["metadata"].get(DIGEST)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True
    return bool(found != page(names)["metadata"][DIGEST])


def write_page(names: Sequence[str], folder: Path) -> None:
    """Write the page as it is released."""
    _write(folder / NAME, page(names))


def renew(names: Sequence[str], folder: Path) -> None:
    """Bring the table in the file up to what is known; no notebook runs.

    A page that has lost its table, or cannot be read, is written anew; cells that somebody has
    added to it stay. Where nothing has changed, nothing is written.
    """
    if is_outdated(names, folder):
        write_page(names, folder)
    path = folder / NAME
    notebook = json.loads(path.read_text(encoding="utf-8"))
    wanted = [_output(standings(folder, names))]
    for cell in notebook["cells"]:
        if cell.get("id") == _TABLE_ID and cell.get("outputs") != wanted:
            cell["outputs"], cell["execution_count"] = wanted, None
            _write(path, notebook)


def _write(path: Path, notebook: dict[str, Any]) -> None:
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
    write_whole(path, f"{text}\n".encode())


def _output(found: Sequence[Standing]) -> dict[str, Any]:
    data = {"text/html": table_html(found), "text/plain": table_text(found)}
    return {"data": data, "metadata": {}, "output_type": "display_data"}


def show() -> None:
    """What the page's cell does: look at what has changed, then show the table."""
    from IPython.display import display

    from autograder.course import all_names

    folder, names = Path.cwd(), all_names()
    changed = [found.facts.name for found in standings(folder, names) if found.stale]
    if changed:
        print(f"Running what has changed: {', '.join(changed)} …", flush=True)
        command = [sys.executable, "-m", "autograder", "progress", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):  # no fault of a lesson's
            print(done.stderr.strip().rpartition("\n")[2])
    output = _output(standings(folder, names))
    with contextlib.suppress(OSError):  # a folder that cannot be written: shown all the same
        display(output["data"], raw=True)


def table_text(found: Sequence[Standing]) -> str:
    """The table in a terminal, then what could not be read."""
    rows = [["lesson", "points", "done", "begun", "untouched"]]
    for each in found:
        counts = [str(each.count(state)) for state in _SIGNS]
        rows.append([f"{each.facts.number:02d} {each.facts.title}", points_of(each), *counts])
    totals = [str(sum(each.count(state) for each in found)) for state in _SIGNS]
    rows.append(["total", _total(found), *totals])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            item.rjust(width) if at else item.ljust(width)
            for at, (item, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    notes = [f"{each.facts.name}: {each.note}" for each in found if each.note]
    return "\n".join([*lines[:-1], "-" * len(lines[-1]), lines[-1], *notes])


def points_of(standing: Standing) -> str:
    """Such as "8 of 25"; a lesson for practice has none."""
    if not standing.possible:
        return "practice"
    reached = "?" if standing.note else number(standing.points)
    return f"{reached} of {number(standing.possible)}"


def _total(found: Sequence[Standing]) -> str:
    reached, possible = sum(f.points for f in found), sum(f.possible for f in found)
    return f"{number(reached)} of {number(possible)}"


def table_html(found: Sequence[Standing]) -> str:
    """The table as HTML: no colours of its own, so that it suits a light and a dark theme."""
    titles = ("Lesson", "You write", "Minutes", "Points", "Progress")
    head = "".join(f'<th scope="col" {_CELL}>{title}</th>' for title in titles)
    open_points = sum(each.facts.open_points for each in found)
    done = sum(each.count("done") for each in found)
    of = sum(len(each.states) for each in found)
    minutes = sum(each.facts.minutes for each in found)
    total = ["Total", "", str(minutes), _whole(f"{_total(found)} + {number(open_points)}")]
    total.append(_whole(f"{done} of {of}"))
    foot = "".join(f"<td {_CELL}><strong>{text}</strong></td>" for text in total)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, found))}</tbody>"
        f"<tfoot><tr>{foot}</tr></tfoot></table>"
    )


def _row(standing: Standing) -> str:
    facts = standing.facts
    link = f'<a href="{facts.name}/{facts.name}.ipynb">{facts.number} · {escape(facts.title)}</a>'
    builds = inline("; ".join(facts.builds.values()))
    extra = f" + {number(facts.open_points)}" if facts.open_points else ""
    dots = " ".join(_SIGNS[state] for state in standing.states)
    counted = f"{standing.count('done')} of {len(standing.states)}"
    told = f"<br>{escape(standing.note)}" if standing.note else ""
    texts = (link, builds, str(facts.minutes), _whole(points_of(standing) + extra))
    cells = "".join(f"<td {_CELL}>{text}</td>" for text in texts)
    how_far = f'<span aria-hidden="true">{_whole(dots + " ")}</span>{_whole(counted)}{told}'
    return f"<tr>{cells}<td {_CELL}>{how_far}</td></tr>"


def _whole(text: str) -> str:
    """A text that is not broken into lines."""
    return text.replace(" ", "\u00a0")

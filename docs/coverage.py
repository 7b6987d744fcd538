"""Write docs/coverage.md: which cell of which lesson teaches what the course's sources contain.

Run as `python docs/coverage.py` after a lesson has changed. A cell says what it teaches by a tag in
the lesson's text, `# %% [markdown] tags=["covers: A04 F03"]`, together with other tags if it has
any. The rows stand in coverage_rows.csv: id, the lessons that owe it, what it is. An erratum of the
sources, X01 to X52, is tagged in the same way where it is taught right.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder import notebooks

HERE = Path(__file__).parent
ROOT = HERE.parent
PREFIX = "covers:"
ERRATA = frozenset(f"X{number:02d}" for number in range(1, 53))

HEAD = """\
# Where the sources' ideas are taught

Written by `python docs/coverage.py` from tags in the lessons. A row is an idea, a figure, a data
set or a task of one of the course's sources: A, B, C and F are articles, D slides, N notebooks.

"""


@dataclass(frozen=True)
class Row:
    """One row of the sources: its id, the numbers of the lessons that owe it, and what it is."""

    id: str
    lessons: tuple[str, ...]
    what: str


@dataclass(frozen=True)
class Place:
    """A tagged cell: the lesson, the heading above it, and the cell's id in the notebook."""

    lesson: str
    heading: str
    cell: str


def rows() -> tuple[Row, ...]:
    """All rows, in the sources' order."""
    with (HERE / "coverage_rows.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Row(line["id"], tuple(line["lessons"].split()), line["what"])
            for line in csv.DictReader(file)
        )


def tagged(lesson: str) -> Iterator[tuple[str, Place]]:
    """The ids that a lesson's cells are tagged with, and where."""
    heading = ""
    for cell in notebooks.from_text(notebooks.solution_text(lesson, ROOT)).cells:
        headings = re.findall(r"^#+ (.+)$", cell.source, flags=re.M)
        if cell.cell_type != "markdown":
            headings = []
        place = Place(lesson, headings[0] if headings else heading, str(cell["id"]))
        for tag in cell.metadata.get("tags", []):
            if tag.startswith(PREFIX):
                for name in tag.removeprefix(PREFIX).split():
                    yield name, place
        heading = headings[-1] if headings else heading


def places() -> dict[str, list[Place]]:
    """All tagged cells, by id, in the order of the lessons."""
    found: dict[str, list[Place]] = {}
    for lesson in notebooks.all_names(ROOT):
        for name, place in tagged(lesson):
            found.setdefault(name, []).append(place)
    return found


def owed(row: Row, found: dict[str, list[Place]]) -> tuple[str, ...]:
    """The lessons that should teach a row and do not, the missing ones included."""
    taught = {place.lesson[:2] for place in found.get(row.id, [])}
    return tuple(lesson for lesson in row.lessons if lesson not in taught)


def listing(cells: list[Place]) -> str:
    """Lesson, as a link, and heading, followed by the ids of the cells under it."""
    under: dict[tuple[str, str], list[str]] = {}
    for place in cells:
        under.setdefault((place.lesson, place.heading), []).append(f"`{place.cell}`")
    return "; ".join(
        f"[{lesson[:2]}](../lessons/{lesson}/{lesson}.ipynb) {heading} {' '.join(ids)}"
        for (lesson, heading), ids in under.items()
    )


def summary(found: dict[str, list[Place]]) -> str:
    """For each lesson, how many rows it owes and which of them it has no cell for yet."""
    lines = ["| lesson | rows | taught | not yet |", "|---|---|---|---|"]
    for lesson in sorted({lesson for row in rows() for lesson in row.lessons}):
        own = [row for row in rows() if lesson in row.lessons]
        missing = [row.id for row in own if lesson in owed(row, found)]
        names = ", ".join(missing)
        lines.append(f"| {lesson} | {len(own)} | {len(own) - len(missing)} | {names} |")
    return "\n".join(lines) + "\n"


def table(found: dict[str, list[Place]]) -> str:
    """Every row with its cells."""
    lines = ["| row | what | taught in |", "|---|---|---|"]
    for row in rows():
        where = [listing(found.get(row.id, [])), *(f"**{n} not yet**" for n in owed(row, found))]
        what = row.what.replace("|", "\\|")
        lines.append(f"| {row.id} | {what} | {'; '.join(filter(None, where))} |")
    return "\n".join(lines) + "\n"


def errata(found: dict[str, list[Place]]) -> str:
    """The sources' mistakes that are taught right, each with its cells."""
    lines = ["| erratum | taught right in |", "|---|---|"]
    for name in sorted(ERRATA & found.keys()):
        lines.append(f"| {name} | {listing(found[name])} |")
    missing = ", ".join(sorted(ERRATA - found.keys()))
    rest = f"Not tagged yet: {missing}." if missing else "None is missing."
    return "\n".join(lines) + f"\n\n{rest}\n"


def page() -> str:
    """The whole page."""
    found = places()
    parts = [HEAD + summary(found), "## Row by row\n\n" + table(found)]
    return "\n".join([*parts, "## Errata\n\n" + errata(found)])


if __name__ == "__main__":
    (HERE / "coverage.md").write_text(page(), encoding="utf-8")
    print(summary(places()))

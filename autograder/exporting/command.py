"""What the command `autograder export` does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from autograder.collecting.found import lesson_within
from autograder.exporting import canvas, moodle
from autograder.exporting.grades import Line, lines, of_lesson, read_records
from autograder.exporting.matching import Unmatched
from autograder.exporting.table import table
from autograder.late import keep, penalties, policy_in, read_policy, unknown_times, unused_rows
from autograder.lesson import Lesson, load_lesson
from autograder.notebooks import practice_names
from autograder.records import Record
from autograder.rosters import BadRoster, Roster, read_roster
from autograder.tables import csv_text, defused, write_whole

Format = Literal["table", "canvas", "moodle", "nbgrader", "all"]
FOLDER = "export"
MISUSE = 2


def export(
    out: Path,
    lessons: Sequence[str],
    *,
    late: Path | None = None,
    form: Format = "all",
    rosters: Sequence[Path] = (),
    root: Path | None = None,
) -> int:
    """Write the grades of a folder of results for other programs; return the exit code.

    0: everything was written. 1: the same, but some totals are not known yet, or somebody stands in
    a list or among the hand-ins only. 2: there is nothing to export.
    """
    try:
        whole = {name: load_lesson(name, root) for name in lessons}
        lists = _graded([read_roster(path) for path in rosters], practice_names(root))
        return _export(out, whole, late, form, lists)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return MISUSE


def _graded(rosters: Sequence[Roster], practice: Sequence[str]) -> list[Roster]:
    """Without the worksheets of lessons for practice, which it names."""
    kept = []
    for listed in rosters:
        lesson = lesson_within(listed.source.rsplit(".", 1)[0], practice)
        if listed.kind == "moodle" and lesson is not None:
            print(f"{listed.source}: {lesson} is for practice and has no grades.", file=sys.stderr)
        else:
            kept.append(listed)
    return kept


def _export(
    out: Path, lessons: dict[str, Lesson], late: Path | None, form: Format, rosters: list[Roster]
) -> int:
    records = _timed(read_records(out), rosters, list(lessons))
    if late is not None:
        read_policy(late, list(lessons))  # before it is kept
        keep(late, out)
    policy = policy_in(out, list(lessons))
    costs = penalties(records, policy) if policy else {}
    found = lines(records, lessons, costs, out / "gradebook.db")
    said: list[str] = []
    if policy is not None:
        said += filter(None, [unknown_times(records, policy)])
        said += [
            f"late policy, row {rule.row}: {rule.student} has no hand-in."
            for rule in unused_rows(records, policy)
        ]
    said += [
        f"{line.record.student}, {line.record.lesson}: no total, for there are no points for "
        f"{', '.join(line.missing)}."
        for line in found
        if line.missing
    ]
    files, alone, remarks = _files(out, found, lessons, form, rosters)
    folder = out / FOLDER
    if form in ("canvas", "moodle", "all") and rosters:
        rows = [(one.file, one.side, defused(one.who), one.lesson) for one in alone]
        heading = ("list", "stands only in", "who", "lesson")
        files["unmatched.csv"] = csv_text([heading, *rows]).encode()
    for name, data in sorted(files.items()):
        write_whole(folder / name, data)
    if form in ("nbgrader", "all"):
        write_nbgrader(out / "gradebook.db", folder / "nbgrader.csv")
    for sentence in (*said, *remarks, *(one.sentence for one in alone)):
        print(sentence, file=sys.stderr)
    for path in sorted(folder.iterdir()):
        if path.name in files or path.name == "nbgrader.csv":
            print(path)
    return 1 if alone or any(line.missing for line in found) else 0


def _timed(
    records: list[Record], rosters: Sequence[Roster], lessons: Sequence[str]
) -> list[Record]:
    """With the times and addresses of Moodle's worksheets, where nothing better is known."""
    people = {
        person.platform_id: person
        for listed in rosters
        if listed.kind == "moodle"
        for person in listed.people
        if person.platform_id
    }
    whole = []
    for record in records:
        person = people.get(record.platform_id)
        if person is not None:
            time, email = record.submitted or person.submitted, record.email or person.email
            record = replace(record, submitted=time, email=email)
        whole.append(record)
    return whole


def _files(
    out: Path,
    found: Sequence[Line],
    lessons: dict[str, Lesson],
    form: Format,
    rosters: Sequence[Roster],
) -> tuple[dict[str, bytes], list[Unmatched], list[str]]:
    """The files by name; who stands on one side only; remarks."""
    names = list(lessons)
    texts: dict[str, str] = {}
    alone: list[Unmatched] = []
    remarks: list[str] = []
    files: dict[str, bytes] = {}
    if form in ("table", "all"):
        texts["exercises.csv"] = table(found, lessons)
    if form in ("canvas", "all"):
        lists = [listed for listed in rosters if listed.kind == "canvas"]
        texts["canvas.csv"] = canvas.canvas(found, names)
        for i, listed in enumerate(lists):
            name = f"canvas-{i + 1}.csv" if i else "canvas.csv"
            texts[name], more, said = canvas.canvas_from(listed, found, names)
            alone, remarks = [*alone, *more], [*remarks, *said]
    if form in ("moodle", "all"):
        texts["moodle-gradebook.csv"] = moodle.gradebook(found, names)
        for name in names:
            if of := of_lesson(found, name):
                texts[f"moodle-{name}.csv"] = moodle.worksheet(of)
                if data := moodle.feedback_zip(of, _page(out, found)):
                    files[f"moodle-feedback-{name}.zip"] = data
        for listed in rosters:
            if listed.kind == "table":
                raise BadRoster(
                    f"Expected a gradebook of Canvas or a grading worksheet of Moodle in "
                    f"{listed.source}, got the columns {', '.join(listed.heading)}."
                )
            if listed.kind == "moodle":
                lesson = moodle.lesson_of(listed, found, names)
                of = of_lesson(found, lesson)
                text, more, said = moodle.worksheet_from(listed, of)
                texts[f"moodle-{lesson}.csv"] = text
                alone, remarks = [*alone, *more], [*remarks, *said]
    files |= {name: text.encode() for name, text in texts.items()}
    return files, alone, remarks


def _page(out: Path, found: Sequence[Line]) -> Callable[[Line], bytes | None]:
    """Reads the feedback of a hand-in."""
    from autograder.feedback import page_of

    pages = page_of([line.record for line in found])

    def page(line: Line) -> bytes | None:
        path = out / pages[line.record.student, line.record.lesson]
        return path.read_bytes() if path.is_file() else None

    return page


def write_nbgrader(gradebook: Path, path: Path) -> Path:
    """The table that `nbgrader export` writes, by nbgrader's own code."""
    import nbgrader.plugins.export
    from nbgrader.api import Gradebook

    if not gradebook.is_file():
        raise ValueError(f"Expected a gradebook in {str(gradebook)!r}, and there is none.")
    path.parent.mkdir(parents=True, exist_ok=True)
    plugin = nbgrader.plugins.export.CsvExportPlugin()
    scratch = path.with_name(f".part-{path.name}")
    plugin.to = str(scratch)
    with Gradebook(f"sqlite:///{gradebook.resolve()}") as opened:
        plugin.export(opened)
    scratch.replace(path)
    return path

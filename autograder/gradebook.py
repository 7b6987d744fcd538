"""Grades into nbgrader's gradebook.db, with nbgrader's own tables, in one transaction.

An exercise's points become the `auto_score` of its check cell; the comment on its answer cell lists
the sub-checks and the tier of isolation. What was not judged, and every open question that was
answered, has no `auto_score` and is marked for manual grading. Scores and comments given by hand
are never touched; if the automatic score beneath one changes, it is marked for a new look. Grading
again updates what is there.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sqlite3
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.files import PART, sync
from autograder.gradebook_rows import enter_hand_ins
from autograder.lesson import Lesson
from autograder.records import Record

if TYPE_CHECKING:
    from autograder.late import Late

Place = tuple[str, str, str]
"""Student, lesson, and name of a cell: the id of a question or of a check."""
_BY_HAND = """
SELECT submitted_assignment.student_id, assignment.name, base_cell.name, {columns}
FROM {table}
JOIN base_cell ON base_cell.id = {table}.cell_id
JOIN submitted_notebook ON submitted_notebook.id = {table}.notebook_id
JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
JOIN assignment ON assignment.id = submitted_assignment.assignment_id
WHERE {where}
"""
_REVISION = re.compile(r"^revision\b[^=]*= *['\"](\w+)", re.MULTILINE)
_BELOW = re.compile(r"^down_revision\b[^=]*= *['\"](\w+)", re.MULTILINE)
_SCORE = "coalesce(grade.manual_score, grade.auto_score, 0) + coalesce(grade.extra_credit, 0)"


def write_gradebook(
    records: Sequence[Record],
    lessons: Mapping[str, Lesson],
    path: Path,
    late: Mapping[tuple[str, str], Late] | None = None,
) -> Path:
    """Enter all records of known lessons; the file is made if there is none.

    `late` gives the penalty of hand-ins by student and lesson.

    Raises:
        ValueError: the file is there, and is not a gradebook.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():  # in its place: formgrader may have it open
        _write(records, lessons, path, late or {})
        return path
    scratch = path.with_name(path.name + PART)
    scratch.unlink(missing_ok=True)
    try:
        _write(records, lessons, scratch, late or {})
        sync(scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    sync(path.parent)
    return path


def _write(
    records: Sequence[Record],
    lessons: Mapping[str, Lesson],
    path: Path,
    late: Mapping[tuple[str, str], Late],
) -> None:
    from sqlalchemy.exc import DatabaseError

    from autograder.nbgrader_api import Gradebook

    url = f"sqlite:///{path.resolve()}"
    by_lesson = defaultdict(list)
    for record in records:
        if record.lesson in lessons:
            by_lesson[record.lesson].append(record)
    try:
        _create_tables(url)
        with Gradebook(url) as gradebook, _one_transaction(gradebook):
            for name in sorted(by_lesson):
                _enter_lesson(gradebook, lessons[name])
                gradebook.db.flush()
                enter_hand_ins(gradebook.db, lessons[name], by_lesson[name], late)
    except DatabaseError as error:
        raise ValueError(f"Expected a gradebook in {path}, but: {error.orig}.") from None


def manual_scores(path: Path) -> dict[Place, float]:
    """The points that a person has given, extra credit included; empty if there is no gradebook.

    Where a person has changed only the extra credit, the automatic points are part of the sum.
    """
    where = "grade.manual_score IS NOT NULL OR coalesce(grade.extra_credit, 0) != 0"
    return {place: float(score) for place, score in _by_hand(path, "grade", _SCORE, where)}


def manual_comments(path: Path) -> dict[Place, str]:
    """The comments that a person has written, by the name of the cell with the answer."""
    where = "trim(coalesce(comment.manual_comment, '')) != ''"
    found = _by_hand(path, "comment", "comment.manual_comment", where)
    return {place: str(comment).strip() for place, comment in found}


def _by_hand(path: Path, table: str, columns: str, where: str) -> Iterator[tuple[Place, Any]]:
    """Rows of grades or comments, read without nbgrader, whose import takes longer than this."""
    if not path.is_file():
        return
    query = _BY_HAND.format(table=table, columns=columns, where=where)
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        ) as db:
            for student, lesson, cell, value in db.execute(query):
                yield (student, lesson, cell), value
    except sqlite3.DatabaseError as error:
        raise ValueError(f"Expected a gradebook in {path}, but: {error}.") from None


def _create_tables(url: str) -> None:
    """Make the tables as nbgrader would, which asks a subprocess for the version of the schema."""
    from sqlalchemy import create_engine, inspect, text

    from autograder.nbgrader_api import Base

    engine = create_engine(url)
    try:
        if inspect(engine).get_table_names():
            return
        with engine.begin() as connection:
            Base.metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            connection.execute(
                text("INSERT INTO alembic_version VALUES (:head)"), {"head": _newest()}
            )
    finally:
        engine.dispose()


def _newest() -> str:
    """The version of nbgrader's schema: of its migrations, the one that no other builds on."""
    from autograder.nbgrader_api import PACKAGE

    texts = [path.read_text() for path in (PACKAGE / "alembic" / "versions").glob("*.py")]
    found = {match[1] for text in texts if (match := _REVISION.search(text))}
    below = {match[1] for text in texts if (match := _BELOW.search(text))}
    (newest,) = found - below
    return newest


@contextlib.contextmanager
def _one_transaction(gradebook: Any) -> Iterator[None]:
    """Commit once at the end: the API commits, and waits for the disk, at every single call."""
    commit = gradebook.db.commit
    gradebook.db.commit = gradebook.db.flush
    try:
        with warnings.catch_warnings(), _unlogged():
            # Objects under construction are flushed a little earlier than the API is used to.
            warnings.filterwarnings("ignore", message="Object of type .* not in session")
            yield
        commit()
    finally:
        gradebook.db.commit = commit


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Without the API's own report of an error, which is raised as well."""
    logger = logging.getLogger("tornado.application")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _enter_lesson(gradebook: Any, lesson: Lesson) -> None:
    """The lesson as an assignment with one notebook, its check cells and its answer cells."""
    name = lesson.name
    gradebook.update_or_create_assignment(name)
    gradebook.update_or_create_notebook(name, name)
    graded = {task.check_id: (task.exercise.points, "code") for task in lesson.tasks}
    graded |= {question: (points, "markdown") for question, points in lesson.questions.items()}
    for cell, (points, kind) in graded.items():
        gradebook.update_or_create_grade_cell(cell, name, name, max_score=points, cell_type=kind)
    for cell in (*(task.answer_id for task in lesson.tasks), *lesson.questions):
        gradebook.update_or_create_solution_cell(cell, name, name)

"""The rows of a lesson's hand-ins in nbgrader's tables: compared with what is there, then written.

Rows go in and are changed in bulk: through nbgrader's functions, one hand-in at a time, a thousand
hand-ins take ten times as long.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from autograder.checks.render import number
from autograder.lesson import Lesson, Task
from autograder.records import Record

if TYPE_CHECKING:
    from autograder.late import Late

NO_RESPONSE = "No response."
"""nbgrader's own comment on an open question that was left as it was."""


def enter_hand_ins(
    session: Any,
    lesson: Lesson,
    records: Sequence[Record],
    late: Mapping[tuple[str, str], Late],
) -> None:
    """Enter the records of one lesson, whose assignment and cells are in the gradebook already."""
    from autograder import nbgrader_api as tables

    _enter_students(session, records)
    notebooks = _enter_submissions(session, lesson, records, late)
    wanted_grades: dict[tuple[str, str], float | None] = {}
    wanted_comments: dict[tuple[str, str], str | None] = {}
    for record in records:
        notebook = notebooks[record.student]
        wanted_grades |= {(notebook, cell): s for cell, s in scores(record, lesson).items()}
        wanted_comments |= {(notebook, cell): c for cell, c in comments(record, lesson).items()}
    _enter_grades(session, _cells(session, lesson, tables.GradeCell), wanted_grades)
    _enter_comments(session, _cells(session, lesson, tables.SolutionCell), wanted_comments)


def scores(record: Record, lesson: Lesson) -> dict[str, float | None]:
    """The automatic score of each graded cell; None is for a person to decide."""
    found: dict[str, float | None] = {}
    for task in lesson.tasks:
        verdict = record.verdicts.get(task.exercise.id)
        found[task.check_id] = verdict.score if verdict else None
    for question in lesson.questions:
        untouched = record.score is not None and question not in record.open_answers
        found[question] = 0.0 if untouched else None
    return found


def comments(record: Record, lesson: Lesson) -> dict[str, str | None]:
    """The automatic comment on each answer: its sub-checks, and the tier of isolation."""
    tier = f"Run in isolation tier {record.tier}." if record.tier else "Not run."
    found: dict[str, str | None] = {
        task.answer_id: f"{_outcome(record, task)} {tier}" for task in lesson.tasks
    }
    for question, score in scores(record, lesson).items():
        if question in lesson.questions:
            found[question] = NO_RESPONSE if score == 0.0 else None
    return found


def _outcome(record: Record, task: Task) -> str:
    """Such as "values 2/2, slope 0/1." or why there is no verdict."""
    verdict = record.verdicts.get(task.exercise.id)
    if verdict is None:
        return f"Not judged: {record.unjudged.get(task.exercise.id, record.message)}"
    if not verdict.parts:
        return f"{verdict.status.capitalize()}."
    parts = [f"{p.name} {number(p.earned)}/{number(p.points)}" for p in verdict.parts]
    return f"{', '.join(parts)}."


def _cells(session: Any, lesson: Lesson, kind: Any) -> dict[str, str]:
    """The ids of a lesson's graded or answered cells by name."""
    cells = session.query(kind).filter(kind.notebook.has(name=lesson.name))
    return {c.name: c.id for c in cells if c.notebook.assignment.name == lesson.name}


def _enter_students(session: Any, records: Sequence[Record]) -> None:
    from sqlalchemy import select

    from autograder.nbgrader_api import Student

    known = {
        row.id: row
        for row in session.execute(select(Student.id, Student.email, Student.lms_user_id))
    }
    new, changed = [], []
    for record in {record.student: record for record in records}.values():
        row = known.get(record.student)
        email = record.email or (row.email if row else None)
        platform_id = record.platform_id or (row.lms_user_id if row else None)
        if row is None:
            new.append({"id": record.student, "email": email, "lms_user_id": platform_id})
        elif (row.email, row.lms_user_id) != (email, platform_id):
            changed.append({"key": row.id, "email": email, "lms_user_id": platform_id})
    _write(session, Student, new, changed)


def _enter_submissions(
    session: Any,
    lesson: Lesson,
    records: Sequence[Record],
    late: Mapping[tuple[str, str], Late],
) -> dict[str, str]:
    """Enter who handed in what when; return the id of the notebook by student."""
    from sqlalchemy import select

    from autograder.nbgrader_api import SubmittedAssignment, SubmittedNotebook, api

    assignment = session.query(api.Assignment).filter_by(name=lesson.name).one().id
    notebook = (
        session.query(api.Notebook).filter_by(name=lesson.name, assignment_id=assignment).one().id
    )
    found = {
        row.student_id: row
        for row in session.execute(
            select(
                SubmittedAssignment.id,
                SubmittedAssignment.student_id,
                SubmittedAssignment.timestamp,
                SubmittedNotebook.id.label("notebook"),
                SubmittedNotebook.late_submission_penalty.label("penalty"),
            )
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .where(SubmittedNotebook.notebook_id == notebook)
        )
    }
    new: tuple[list[dict[str, Any]], list[dict[str, Any]]] = [], []
    changed: tuple[list[dict[str, Any]], list[dict[str, Any]]] = [], []
    ids = {}
    for record in records:
        row = found.get(record.student)
        entry = late.get((record.student, lesson.name))
        time, penalty = when(record), entry.penalty if entry and entry.penalty else None
        if row is None:
            outer, inner = uuid4().hex, uuid4().hex
            submitted = {"id": outer, "assignment_id": assignment, "student_id": record.student}
            new[0].append(submitted | {"timestamp": time})
            own = {"id": inner, "assignment_id": outer, "notebook_id": notebook}
            new[1].append(own | {"late_submission_penalty": penalty})
        else:
            inner = row.notebook
            if time is not None and row.timestamp != time:
                changed[0].append({"key": row.id, "timestamp": time})
            if row.penalty != penalty:
                changed[1].append({"key": inner, "late_submission_penalty": penalty})
        ids[record.student] = inner
    _write(session, SubmittedAssignment, new[0], changed[0])
    _write(session, SubmittedNotebook, new[1], changed[1])
    return ids


def when(record: Record) -> datetime.datetime | None:
    """The time of a hand-in as nbgrader keeps it: in UTC, without saying so."""
    try:
        time = datetime.datetime.fromisoformat(record.submitted)
    except ValueError:
        return None
    return time.astimezone(datetime.UTC).replace(tzinfo=None) if time.tzinfo else time


def _enter_grades(
    session: Any, cells: Mapping[str, str], wanted: Mapping[tuple[str, str], float | None]
) -> None:
    from sqlalchemy import select

    from autograder.nbgrader_api import Grade

    columns = (Grade.id, Grade.notebook_id, Grade.cell_id, Grade.auto_score, Grade.manual_score)
    query = select(*columns, Grade.needs_manual_grade).where(Grade.cell_id.in_(cells.values()))
    found = {(row.notebook_id, row.cell_id): row for row in session.execute(query)}
    new, changed = [], []
    for (notebook, name), score in wanted.items():
        row = found.get((notebook, cells[name]))
        if row is None:
            grade = {"id": uuid4().hex, "notebook_id": notebook, "cell_id": cells[name]}
            new.append(grade | {"auto_score": score, "needs_manual_grade": score is None})
            continue
        waits = score is None
        if row.manual_score is not None:
            waits = row.needs_manual_grade or row.auto_score != score
        if (row.auto_score, row.needs_manual_grade) != (score, waits):
            changed.append({"key": row.id, "auto_score": score, "needs_manual_grade": waits})
    _write(session, Grade, new, changed)


def _enter_comments(
    session: Any, cells: Mapping[str, str], wanted: Mapping[tuple[str, str], str | None]
) -> None:
    from sqlalchemy import select

    from autograder.nbgrader_api import Comment

    columns = (Comment.id, Comment.notebook_id, Comment.cell_id, Comment.auto_comment)
    query = select(*columns).where(Comment.cell_id.in_(cells.values()))
    found = {(row.notebook_id, row.cell_id): row for row in session.execute(query)}
    new, changed = [], []
    for (notebook, name), comment in wanted.items():
        row = found.get((notebook, cells[name]))
        if row is None:
            place = {"notebook_id": notebook, "cell_id": cells[name]}
            new.append({"id": uuid4().hex, **place, "auto_comment": comment})
        elif row.auto_comment != comment:
            changed.append({"key": row.id, "auto_comment": comment})
    _write(session, Comment, new, changed)


def _write(
    session: Any, table: Any, new: Sequence[dict[str, Any]], changed: Sequence[dict[str, Any]]
) -> None:
    """Insert rows, and change others by their id, given as "key"; all changes set the same."""
    from sqlalchemy import bindparam, insert, update

    if new:
        session.execute(insert(table.__table__), list(new))
    if changed:
        own = table.__table__
        columns = [name for name in changed[0] if name != "key"]
        statement = update(own).where(own.c.id == bindparam("key"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
        rows = [
            {"key": row["key"], **{f"new_{name}": row[name] for name in columns}} for row in changed
        ]
        session.connection().execute(statement.values(values), rows)

"""Grades into nbgrader's gradebook.db, through nbgrader's own API, in one transaction.

An exercise's points become the `auto_score` of its check cell. What was not judged, and every open
question that was answered, has no `auto_score` and is marked for manual grading. Scores given by
hand are never touched; if the automatic score beneath one changes, it is marked for a new look.
Grading again updates what is there.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autograder.lesson import Lesson
from autograder.records import Record


def write_gradebook(records: Sequence[Record], lessons: Mapping[str, Lesson], path: Path) -> Path:
    """Enter all records of known lessons; the file is made if there is none.

    Raises:
        ValueError: the file is there, and is not a gradebook.
    """
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import DatabaseError

    path.parent.mkdir(parents=True, exist_ok=True)
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
                _enter_records(gradebook, lessons[name], by_lesson[name])
    except DatabaseError as error:
        raise ValueError(f"Expected a gradebook in {path}, but: {error.orig}.") from None
    return path


def _create_tables(url: str) -> None:
    """Make the tables as nbgrader would, which asks a subprocess for the version of the schema."""
    import nbgrader
    from alembic.script import ScriptDirectory
    from nbgrader.api import Base
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(url)
    try:
        if inspect(engine).get_table_names():
            return
        migrations = Path(nbgrader.__file__).parent / "alembic"
        head = ScriptDirectory(str(migrations)).get_current_head()
        with engine.begin() as connection:
            Base.metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head})
    finally:
        engine.dispose()


@contextlib.contextmanager
def _one_transaction(gradebook: Any) -> Iterator[None]:
    """Commit once at the end: the API commits, and waits for the disk, at every single call."""
    commit = gradebook.db.commit
    gradebook.db.commit = gradebook.db.flush
    try:
        with warnings.catch_warnings():
            # Objects under construction are flushed a little earlier than the API is used to.
            warnings.filterwarnings("ignore", message="Object of type .* not in session")
            yield
        commit()
    finally:
        gradebook.db.commit = commit


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


def _enter_records(gradebook: Any, lesson: Lesson, records: Sequence[Record]) -> None:
    from nbgrader.api import Grade

    submissions = {s.student_id: s for s in gradebook.assignment_submissions(lesson.name)}
    students = {student.id for student in gradebook.students}
    for record in records:
        if record.student not in students:
            gradebook.add_student(record.student)
            students.add(record.student)
        submission = submissions.get(record.student)
        if submission is None:
            submission = gradebook.add_submission(lesson.name, record.student)
        scores = _scores(record, lesson)
        for notebook in submission.notebooks:
            found = {grade.cell.name: grade for grade in notebook.grades}
            for cell, score in scores.items():
                grade = found.get(cell)
                if grade is None:  # the cell came into the lesson after the first grading
                    source = gradebook.find_grade_cell(cell, lesson.name, lesson.name)
                    grade = Grade(cell_id=source.id, notebook_id=notebook.id)
                    gradebook.db.add(grade)
                _enter(grade, score)


def _scores(record: Record, lesson: Lesson) -> dict[str, float | None]:
    """The automatic score of each graded cell; None is for a person to decide."""
    scores: dict[str, float | None] = {}
    for task in lesson.tasks:
        verdict = record.verdicts.get(task.exercise.id)
        scores[task.check_id] = verdict.score if verdict else None
    for question in lesson.questions:
        untouched = record.score is not None and question not in record.open_answers
        scores[question] = 0.0 if untouched else None
    return scores


def _enter(grade: Any, score: float | None) -> None:
    if grade.manual_score is None:
        grade.needs_manual_grade = score is None
    elif grade.auto_score != score:
        grade.needs_manual_grade = True
    grade.auto_score = score

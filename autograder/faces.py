"""What a run shows people: the gradebook, the feedback, the report, notebooks to grade by hand.

Each hand-in's notebook is read once, for its feedback page, for formgrader and for the comparison
of answers, and then forgotten: a thousand of them need no more memory than one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.attention import compared
from autograder.feedback import Extras, write_feedback
from autograder.gradebook import manual_comments, manual_scores, write_gradebook
from autograder.graded_notebooks import write_config, write_graded
from autograder.lesson import Lesson
from autograder.own_cells import OwnCell, own_cells
from autograder.records import Record
from autograder.report import write_report
from autograder.views import ByHand

if TYPE_CHECKING:
    from autograder.late import Late

Key = tuple[str, str]
"""Student and lesson."""
NotebookOf = Callable[[Record], bytes | None]
"""The bytes of a hand-in, None if they cannot be had."""
_NOT_OF_THE_LESSON = ("not a notebook", "wrong lesson", "refused", "practice")


@dataclass
class _Reader:
    """Reads each hand-in once, writes its notebook for formgrader, and keeps its answers."""

    notebook: NotebookOf
    lessons: Mapping[str, Lesson]
    out: Path
    answers: dict[str, dict[str, dict[str, str]]] = field(default_factory=lambda: defaultdict(dict))

    def cells(self, record: Record) -> Sequence[OwnCell]:
        lesson = self.lessons.get(record.lesson)
        if lesson is None or record.status in _NOT_OF_THE_LESSON:
            return ()
        cells = own_cells(self.notebook(record), lesson)
        if cells:
            write_graded(record.student, lesson, cells, self.out, record.submitted)
            self.answers[lesson.name][record.student] = _answers(cells, lesson)
        return cells


def _answers(cells: Sequence[OwnCell], lesson: Lesson) -> dict[str, str]:
    """The answers that are not as they were released, by exercise."""
    exercises = {task.answer_id: task.exercise.id for task in lesson.tasks}
    return {
        exercises[cell.grade_id]: cell.source
        for cell in cells
        if cell.role == "answer" and cell.source.strip() != lesson.stubs[cell.grade_id].strip()
    }


def write_faces(
    records: Sequence[Record],
    lessons: Mapping[str, Lesson],
    out: Path,
    notebook: NotebookOf = lambda record: None,
    late: Mapping[Key, Late] | None = None,
    remarks: Sequence[str] = (),
) -> dict[str, Path]:
    """Write gradebook, feedback, graded notebooks and report; return the path of each kind.

    Points and comments that a person has entered in the gradebook before are kept and shown.
    """
    gradebook = write_gradebook(records, lessons, out / "gradebook.db", late)
    reader = _Reader(notebook, lessons, out)
    extras = Extras(reader.cells, given_by_hand(gradebook), late or {}, lessons)
    write_feedback(records, out, extras)
    if reader.answers:
        write_config(out, reader.answers)
    findings = replace(compared(reader.answers, lessons), late=late or {}, remarks=remarks)
    return {
        "gradebook": gradebook,
        "report": write_report(records, out, findings),
        "feedback": out / "feedback",
    }


def given_by_hand(gradebook: Path) -> dict[Key, ByHand]:
    """The points and comments that a person has entered, by student and lesson."""
    scores: dict[Key, dict[str, float]] = defaultdict(dict)
    comments: dict[Key, dict[str, str]] = defaultdict(dict)
    for (student, lesson, cell), score in manual_scores(gradebook).items():
        scores[student, lesson][cell] = score
    for (student, lesson, cell), comment in manual_comments(gradebook).items():
        comments[student, lesson][cell] = comment
    return {key: ByHand(scores[key], comments[key]) for key in {*scores, *comments}}

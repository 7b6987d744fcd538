"""Feedback for students: one page per hand-in, one index per student, readable without a network.

A page shows the points of each exercise, first the hint, then what was expected and what came in
each sub-check, what a person has read and written, and below, folded, the student's own notebook.
It holds nothing of other students, no test and no path of the machine that graded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.lesson import Lesson
from autograder.notebook_view import notebook_view
from autograder.own_cells import OwnCell
from autograder.pages import file_names, without_paths, write_page
from autograder.records import Record
from autograder.views import NOTHING_BY_HAND, ByHand, exercise_views, question_views, total

if TYPE_CHECKING:
    from autograder.late import Late

Key = tuple[str, str]
"""Student and lesson."""


def no_cells(record: Record) -> Sequence[OwnCell]:
    """For pages without notebooks."""
    return ()


@dataclass(frozen=True)
class Extras:
    """What the pages show beyond the records.

    `cells` gives the cells of a hand-in's notebook and is called once for each; `by_hand` is what
    a person has given, `late` what lateness costs, both by student and lesson; `lessons` gives
    titles, sections and the points of open questions.
    """

    cells: Callable[[Record], Sequence[OwnCell]] = no_cells
    by_hand: Mapping[Key, ByHand] = field(default_factory=dict)
    late: Mapping[Key, Late] = field(default_factory=dict)
    lessons: Mapping[str, Lesson] = field(default_factory=dict)

    def given(self, record: Record) -> ByHand:
        """What a person has given in this hand-in."""
        return self.by_hand.get((record.student, record.lesson), NOTHING_BY_HAND)

    def lesson(self, record: Record) -> Lesson:
        """What is known about the hand-in's lesson."""
        return self.lessons.get(record.lesson) or Lesson(record.lesson, ())


NO_EXTRAS = Extras()


def write_feedback(records: Sequence[Record], out: Path, extras: Extras = NO_EXTRAS) -> list[Path]:
    """Write `out/feedback/<student>/<lesson>.html` and an `index.html` per student.

    Odd names become safe file names (`pages.file_names`). Pages that would not change are left
    untouched. Returns the paths of all pages, in the order of students and lessons.

    Raises:
        ValueError: two records for the same student and lesson.
    """
    counts = Counter((record.student, record.lesson) for record in records)
    for (student, lesson), count in counts.items():
        if count > 1:
            raise ValueError(
                f"expected one record for student {student!r} and lesson {lesson!r}, got {count}"
            )
    of_student = defaultdict(list)
    for record in sorted(records, key=lambda record: record.lesson):
        of_student[record.student].append(record)
    folders = file_names(record.student for record in records)
    pages: list[Path] = []
    for student in sorted(folders):
        pages += _write_student(of_student[student], out / "feedback" / folders[student], extras)
    return pages


def page_of(records: Sequence[Record]) -> dict[Key, str]:
    """Where `write_feedback` puts each student's and lesson's page, relative to `out`."""
    folders = file_names(record.student for record in records)
    lessons = defaultdict(list)
    for record in records:
        lessons[record.student].append(record.lesson)
    return {
        (student, lesson): f"feedback/{folder}/{name}.html"
        for student, folder in folders.items()
        for lesson, name in file_names(lessons[student], taken=["index"]).items()
    }


def _write_student(records: Sequence[Record], folder: Path, extras: Extras) -> list[Path]:
    names = file_names((record.lesson for record in records), taken=["index"])
    scores = {record.lesson: total(record, extras.given(record)) for record in records}
    graded = [record for record in records if scores[record.lesson] is not None]
    waiting = sum(
        bool(text.strip()) and question not in extras.given(record).scores
        for record in records
        for question, text in record.open_answers.items()
    )
    index = write_page(
        folder / "index.html",
        "student.html",
        student=records[0].student,
        graded=len(graded),
        score=sum(scores[record.lesson] or 0.0 for record in graded),
        max_score=sum(record.max_score for record in graded),
        open_count=waiting,
        lessons=[
            {
                "href": f"{names[record.lesson]}.html",
                "lesson": record.lesson,
                "title": extras.lesson(record).title,
                "status": record.status,
                "message": without_paths(record.message),
                "score": scores[record.lesson],
                "max_score": record.max_score,
                "share": _share(record, scores[record.lesson]),
                "tone": _tone(_share(record, scores[record.lesson])),
            }
            for record in records
        ],
    )
    return [index, *(_write_lesson(r, folder / f"{names[r.lesson]}.html", extras) for r in records)]


def _write_lesson(record: Record, path: Path, extras: Extras) -> Path:
    by_hand = extras.given(record)
    late = extras.late.get((record.student, record.lesson))
    score = total(record, by_hand)
    share = _share(record, score)
    was_read = record.status not in ("not a notebook", "wrong lesson", "refused", "practice")
    notebook = notebook_view(extras.cells(record) if was_read else ())
    lesson = extras.lesson(record)
    exercises = exercise_views(record, by_hand, notebook.anchors, lesson.sections)
    return write_page(
        path,
        "feedback.html",
        student=record.student,
        lesson=record.lesson,
        title=lesson.title,
        status=record.status,
        score=score,
        max_score=record.max_score,
        share=share,
        tone=_tone(share),
        message=without_paths(record.message),
        remarked=score != record.score,
        late=late.sentence if late else "",
        kind_words=kind_words(record),
        exercises=exercises,
        next_one=next((e for e in exercises if e.status != "correct" and not e.by_hand), None),
        questions=question_views(record, by_hand, lesson.questions if was_read else {}),
        notebook=notebook,
    )


def _share(record: Record, score: float | None) -> float:
    return score / record.max_score if score and record.max_score else 0.0


def _tone(share: float) -> str:
    return "correct" if share == 1 else "partly" if share > 0 else "idle"


def kind_words(record: Record) -> str:
    """A sentence that fits the result and says where to go on."""
    started = [
        v for v in record.verdicts.values() if v.status not in ("not started", "not defined")
    ]
    share = _share(record, record.score)
    if record.status == "practice":
        return "There is nothing to judge here. The lessons that follow have points."
    if record.score is None:
        return (
            "This is not a zero: your work has not been judged. "
            "Mend the file and hand it in again, or ask your teacher."
        )
    if share == 1:
        return "Every point: well done."
    if not started and not record.unjudged:
        return "Nothing is started yet. The first exercise is the gentlest one: begin there."
    if record.unjudged:
        return "What could be judged counts in full; the rest is open, not lost. Why stands below."
    if share >= 0.75:
        return "Most of it stands. What is missing is named below, and it is not much."
    if share >= 0.4:
        return "A good part stands. Take the hints one at a time, from the top."
    return (
        "A start is made. Begin with the first hint below, mend that one answer, and run its "
        "check again: later exercises often use the earlier ones."
    )

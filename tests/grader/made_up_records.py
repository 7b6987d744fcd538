"""Records of a made-up class, for the tests of the feedback pages and the report."""

from __future__ import annotations

from autograder.checks.protocol import PartResult, Verdict
from autograder.records import Record, Status

ODD_NAMES = (
    "Zoë Müller",
    "李雷",
    "o'brien+x@uni.edu",
    "-rf",
    "a b%20c",
    'quo"te',
    "<b>bold</b>",
    "..",
    "CON",
    "ada",
    "Ada",
    "дарья-иванова",
    "x" * 200,
)
HINT = "Each of the `N` observations adds the precision E[γ]: how much do two of them add?"


def verdict(
    exercise: str,
    score: float,
    max_score: float = 4.0,
    *,
    misconception: str | None = None,
    hint: str = HINT,
    message: str = "`tau_q` for 3 observations: expected 6.5, got 2.5.",
) -> Verdict:
    """A verdict with one part that passed and one that did not."""
    lost = max_score - score
    parts = [PartResult("on given data", score, score)] if score else []
    if lost:
        parts.append(PartResult("precision counts the data", lost, 0.0, message))
    status = "correct" if not lost else "partly correct" if score else "not yet correct"
    hints = ((hint,) if misconception else ()) + ((message,) if lost else ())
    return Verdict(
        exercise=exercise,
        title="The update of q(μ)",
        status=status,
        score=score,
        max_score=max_score,
        hints=hints,
        misconception=misconception,
        parts=tuple(parts),
    )


def not_started(exercise: str, max_score: float = 4.0) -> Verdict:
    """The verdict on an untouched stub."""
    message = "`update_q_mu` is not started yet."
    part = PartResult("on given data", max_score, 0.0, message)
    return Verdict(
        exercise, "The update of q(μ)", "not started", 0.0, max_score, (message,), None, (part,)
    )


def record(student: str, lesson: str = "02_cavi", **changes: object) -> Record:
    """A fully graded hand-in of three exercises, with changes."""
    verdicts = {name: verdict(name, 4.0) for name in ("E2.1", "E2.2", "E2.10")}
    values: dict[str, object] = {
        "status": "graded",
        "message": "All 3 exercises were graded.",
        "max_score": 12.0,
        "score": 12.0,
        "verdicts": verdicts,
        "open_answers": {"O2": "A wide prior changes little once N is large."},
        "seconds": 0.8,
        "tier": "A",
    }
    return Record(student=student, lesson=lesson, **{**values, **changes})  # type: ignore[arg-type]


def failed(student: str, status: Status, message: str, lesson: str = "02_cavi") -> Record:
    """A hand-in of which nothing could be judged."""
    return Record(student, lesson, status, message, max_score=12.0, seconds=0.02)


def made_up_class() -> list[Record]:
    """Two lessons, thirty hand-ins, every status, deterministic."""
    names = ("amara", "björn", "chen", "divya", "elif", "farid", "gökçe", "hana", "ivan", "josé")
    found = []
    for index, name in enumerate(names):
        scores = {"E2.1": 4.0, "E2.2": 4.0 - 2 * (index % 3), "E2.10": 4.0 * (index % 4 != 1)}
        verdicts = {
            e: verdict(e, s, misconception="count-forgotten" if 0 < s < 4 else None)
            for e, s in scores.items()
        }
        if index == 4:
            verdicts = {e: not_started(e) for e in scores}
        total = sum(v.score for v in verdicts.values())
        seconds = 0.4 + 0.13 * index
        found.append(record(name, score=total, verdicts=verdicts, seconds=seconds))
        fives = {"E5.1": verdict("E5.1", 4.0 if index % 2 else 0.0, misconception=None)}
        fives["E5.2"] = verdict(
            "E5.2",
            2.0 if index % 2 else 0.0,
            misconception="entropy-forgotten",
            hint="The gradient in `sd` lacks the part that stems from the entropy of q.",
        )
        total = sum(v.score for v in fives.values())
        found.append(
            record(name, "05_bbvi", score=total, max_score=8.0, verdicts=fives, seconds=2.1)
        )
    found += [
        failed("karim", "not a notebook", "The file is not valid JSON: it ends in line 3."),
        failed("lena", "refused", "The hand-in is a symbolic link, which is not followed."),
        failed("mai", "wrong lesson", "This is the notebook of 05_bbvi, not of 02_cavi."),
        record(
            "noor",
            status="partly graded",
            message="2 of 3 exercises were graded; E2.10 ran out of time.",
            score=8.0,
            verdicts={name: verdict(name, 4.0) for name in ("E2.1", "E2.2")},
            unjudged={"E2.10": "`cavi_gaussian_gamma` was still running after 20 s."},
            seconds=20.4,
        ),
        record("olga", notes=("The check cell of E2.1 was missing and has been restored.",)),
        record("peter", tier="C", open_answers={"O2": "  "}),
    ]
    return found

"""The instructor's report: right numbers, whom to look at first, and charts in words too."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import faults, watch
from made_up_records import HINT, failed, made_up_class, not_started, record, verdict
from scipy import stats

from autograder.analysis import (
    MIN_HANDINS,
    discrimination,
    histogram,
    identical,
    lesson_stats,
    misconceptions,
    struggling,
    student_stats,
)
from autograder.attention import Findings
from autograder.feedback import write_feedback
from autograder.report import (
    strip,
    stuck_on,
    tiers,
    time_text,
    write_report,
)
from autograder.similar import Alike


@dataclass(frozen=True)
class Late:
    days: int
    penalty: float
    sentence: str


def page(tmp_path: Path, records: Any) -> str:
    return write_report(records, tmp_path).read_text(encoding="utf-8")


def words(html: str) -> str:
    class Text(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.pieces: list[str] = []
            self.skip = False

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.skip = tag == "style"

        def handle_data(self, data: str) -> None:
            if not self.skip:
                self.pieces.append(data)

    parser = Text()
    parser.feed(html)
    return " ".join(" ".join(parser.pieces).split())


def scored(scores: list[tuple[float, float]]) -> list[Any]:
    """Hand-ins with the given points in E2.1 and E2.2."""
    return [
        record(
            f"s{index:03}",
            score=a + b,
            max_score=8.0,
            verdicts={"E2.1": verdict("E2.1", a), "E2.2": verdict("E2.2", b)},
        )
        for index, (a, b) in enumerate(scores)
    ]


def test_the_page_says_what_was_graded_and_what_was_not(tmp_path: Path) -> None:
    text = words(page(tmp_path, made_up_class()))
    for fact in (
        "26 hand-ins of 16 students",
        "22 graded",
        "1 partly graded",
        "3 not graded (no score, not a zero)",
        "22 open answers for you to read",
    ):
        assert fact in text


def test_a_lesson_for_practice_is_not_among_the_ungraded(tmp_path: Path) -> None:
    practice = record("a", "00_start", status="practice", score=None, verdicts={})
    text = words(page(tmp_path, [record("a"), practice, failed("b", "crashed", "It crashed.")]))
    assert "2 graded" in text
    assert "1 not graded (no score" in text


def test_the_contents_lead_to_every_part(tmp_path: Path) -> None:
    for records in (made_up_class(), [record("a")]):
        html = page(tmp_path, records)
        links = re.findall(r'<li><a href="#([\w-]+)"', html)
        assert links == re.findall(r'<h2 id="([\w-]+)"', html)
        assert len(links) >= 6


def test_reasons_and_remarks_are_on_the_page(tmp_path: Path) -> None:
    text = words(page(tmp_path, made_up_class()))
    assert "ends in line 3" in text
    assert "E2.10: cavi_gaussian_gamma was still running after 20 s." in text
    assert "The check cell of E2.1 was missing" in text


def test_the_histogram_counts_every_hand_in_once() -> None:
    shares = [0.0, 0.05, 0.1, 0.3, 0.7, 0.95, 1.0, 1.0]
    assert histogram(shares) == (2, 1, 0, 1, 0, 0, 0, 1, 0, 3)
    assert histogram([0.1 + 0.2]) == histogram([0.3])
    assert histogram([]) == (0,) * 10


def test_an_exercise_counts_full_part_wrong_untouched_and_unjudged() -> None:
    records = [
        *scored([(4.0, 4.0), (2.0, 4.0), (0.0, 4.0)]),
        record("idle", score=0.0, verdicts={"E2.1": not_started("E2.1")}),
        record("slow", score=0.0, verdicts={}, unjudged={"E2.1": "It ran out of time."}),
        failed("lost", "crashed", "It crashed."),
    ]
    (lesson,) = lesson_stats(records)
    first = lesson.exercises[0]
    counts = (first.full, first.part, first.zero, first.not_started, first.unjudged)
    assert counts == (1, 1, 1, 1, 1)
    assert (first.judged, lesson.found, len(lesson.shares)) == (4, 6, 5)
    assert first.mean_share == (1.0 + 0.5 + 0.0 + 0.0) / 4


def test_discrimination_is_pearsons_with_its_interval() -> None:
    scores = [(4.0, 4.0)] * 5 + [(4.0, 2.0)] * 3 + [(0.0, 2.0)] * 4 + [(2.0, 0.0)] * 3
    found = discrimination("E2.1", ["E2.1", "E2.2"], scored(scores))
    own, rest = np.array(scores).T
    want = stats.pearsonr(own, rest)
    low, high = want.confidence_interval(0.95)
    np.testing.assert_allclose((found.r, found.low, found.high), (want.statistic, low, high), 1e-9)
    assert found.n == len(scores)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (scored([(4.0, 2.0)] * (MIN_HANDINS - 1)), "n = 9, too few"),
        (scored([(4.0, 2.0), (4.0, 0.0)] * 10), "no spread"),
        (
            [record(f"s{i}", verdicts={"E2.1": verdict("E2.1", 2.0)}) for i in range(20)],
            "the only exercise",
        ),
    ],
)
def test_no_correlation_without_enough_or_without_spread(records: list[Any], reason: str) -> None:
    (lesson,) = lesson_stats(records)
    assert lesson.exercises[0].discrimination.r is None
    assert lesson.exercises[0].discrimination.reason == reason


def test_hand_ins_that_were_partly_judged_stay_out_of_the_correlation() -> None:
    partly = record("p", verdicts={"E2.1": verdict("E2.1", 0.0)}, unjudged={"E2.2": "It crashed."})
    records = [*scored([(4.0, 4.0), (0.0, 0.0)] * 6), partly]
    (lesson,) = lesson_stats(records)
    assert lesson.exercises[0].discrimination.n == 12


def test_misconceptions_are_counted_with_their_hint_the_most_frequent_first() -> None:
    rows = misconceptions(made_up_class())
    assert [(r.exercise, r.name, r.count, r.judged) for r in rows] == [
        ("E5.2", "entropy-forgotten", 10, 10),
        ("E2.2", "count-forgotten", 2, 13),
    ]
    assert rows[1].hint == HINT


def test_behaviour_without_a_hint_shows_its_message() -> None:
    message = "`f` changes its argument 1 in place: work on a copy (`a = a + b`, not `a += b`)."
    found = verdict("E2.2", 0.0, misconception="changes-its-input", hint=message, message=message)
    (row,) = misconceptions([record("a", verdicts={"E2.2": found})])
    assert row.hint == message


def test_students_below_half_are_listed_with_what_they_are_stuck_on() -> None:
    rows = struggling(student_stats(made_up_class()))
    assert [(row.student, row.score, row.max_score) for row in rows] == [
        ("elif", 0.0, 20.0),
        ("chen", 8.0, 20.0),
        ("ivan", 8.0, 20.0),
    ]
    assert stuck_on(rows[0]) == [
        "Mistakes: E5.2 entropy-forgotten",
        "Not right yet: E5.1",
        "Not started: E2.1, E2.2, E2.10",
    ]


def test_a_student_without_any_score_is_not_called_weak() -> None:
    records = [failed("lost", "crashed", "It crashed."), record("fine")]
    rows = student_stats(records)
    assert [(row.student, row.share) for row in rows] == [("lost", None), ("fine", 1.0)]
    assert struggling(rows) == []


def test_identical_answers_are_shown_but_not_of_those_without_points(tmp_path: Path) -> None:
    records = [
        record("a", fingerprint="x"),
        record("b", fingerprint="x"),
        record("c", fingerprint="y"),
        record("d", fingerprint="z", score=0.0),
        record("e", fingerprint="z", score=0.0),
        record("f", "05_bbvi", fingerprint="x"),
    ]
    assert identical(records) == [("02_cavi", ("a", "b"))]
    assert "The same code" in words(page(tmp_path, records))
    assert "02_cavi: a, b" in words(page(tmp_path, records))
    assert "Answers that are alike" not in words(page(tmp_path, made_up_class()))


def test_findings_stand_on_the_page(tmp_path: Path) -> None:
    findings = Findings(
        alike={"02_cavi": [Alike("amara", "björn", ("E2.1", "E2.4"), 112, 0.914)]},
        copied={("chen", "02_cavi"): [("E2.2", "vi_lib.cavi.update_q_mu")]},
        late={("divya", "02_cavi"): Late(2, 1.5, "Two days late: 1.5 points off.")},
        remarks=("old/x.ipynb was refused: it is a link.",),
    )
    text = words(write_report(made_up_class(), tmp_path, findings).read_text(encoding="utf-8"))
    for piece in (
        "amara and björn 02_cavi E2.1, E2.4 about 112 91%",
        "Answers like those of björn: E2.1, E2.4.",
        "E2.2: nearly the code of vi_lib.cavi.update_q_mu .",
        "chen, E2.2: vi_lib.cavi.update_q_mu",
        "Late: Two days late: 1.5 points off.",
        "Left out on collecting old/x.ipynb was refused: it is a link.",
    ):
        assert piece in text


def test_the_statuses_are_counted(tmp_path: Path) -> None:
    text = words(page(tmp_path, made_up_class()))
    assert "22 graded, 1 partly graded, 1 wrong lesson, 1 not a notebook, 1 refused" in text


def test_a_thousand_hand_ins_have_a_page_that_a_browser_can_show(tmp_path: Path) -> None:
    long = "The cell of E2.1, line 3, did not finish within 15 s."
    records = [
        record(f"s{i:04}", score=0.0, notes=(long,), suspicions=(f"Line {i} imports ctypes.",))
        for i in range(1000)
    ]
    pairs = [Alike(f"s{i:04}", f"s{i + 1:04}", ("E2.1",), 100, 1.0) for i in range(500)]
    findings = Findings(alike={"02_cavi": pairs}, remarks=[long] * 900)
    html = write_report(records, tmp_path, findings).read_text(encoding="utf-8")
    assert len(html) < 900_000
    assert words(html).count("more are not shown") == 4
    assert "800 more are not shown." in words(html)


def test_time_and_tiers() -> None:
    records = made_up_class()
    total = sum(r.seconds for r in records)
    assert time_text(records).startswith(f"{total:.1f} s in all; the median hand-in took ")
    assert tiers(records) == [
        ("Tier A: namespaces of their own, seccomp and limits", 22),
        ("Tier C: limits only; students' code could read your files", 1),
        ("Nothing was run", 3),
    ]


def test_the_strip_places_times_on_a_logarithmic_axis() -> None:
    chart = strip([record("a", seconds=0.1), record("b", seconds=1.0), record("c", seconds=10.0)])
    xs = [dot["x"] for dot in chart["rows"][0]["dots"]]
    assert xs == [110.0, 355.0, 600.0]
    assert [text for _, text in chart["ticks"]] == ["0.1 s", "1 s", "10 s"]
    assert chart["label"] == "Seconds per hand-in. 02_cavi: median 1.00 s, longest 10.0 s."
    assert strip([record("a", seconds=1e-3)])["rows"][0]["dots"][0]["x"] == 110.0


def test_what_was_not_run_has_no_time(tmp_path: Path) -> None:
    idle = replace(failed("a", "wrong lesson", "Another lesson."), seconds=0.0)
    assert strip([idle])["rows"] == []
    assert time_text([idle]) == "Nothing was run."
    assert "Seconds per hand-in" not in page(tmp_path, [idle])


def test_names_link_to_feedback_that_exists(tmp_path: Path) -> None:
    records = [record("Zoë Müller", notes=("A remark.",)), record("amara", notes=("A remark.",))]
    assert 'href="feedback' not in page(tmp_path, records)
    write_feedback(records, tmp_path)
    links = re.findall(r'href="(feedback[^"]*)"', page(tmp_path, records))
    assert "feedback/amara/02_cavi.html" in links
    assert any(link.startswith("feedback/zo%C3%AB-m%C3%BCller-") for link in links)


def test_every_chart_has_words_and_every_header_a_scope(tmp_path: Path) -> None:
    html = page(tmp_path, made_up_class())
    charts = re.findall(r"<svg[^>]*>", html)
    assert len(charts) == 2 + 5 + 1
    assert all('role="img"' in chart and 'aria-label="' in chart for chart in charts)
    assert "Hand-ins by share of the points in 05_bbvi: 5 from 0 to 10%; 5 from 70 to 80%." in html
    headers = re.findall(r"<th[ >][^>]*>?", html)
    assert headers
    assert all("scope=" in header for header in headers)


def test_the_report_is_self_contained_and_escaped(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script>"
    hostile = verdict("E2.2", 0.0, misconception=attack, hint=attack, message=attack)
    records = [record(attack, verdicts={"E2.2": hostile}, notes=(attack,), tier=attack, score=0.0)]
    html = page(tmp_path, records)
    assert "<script" not in html
    assert "default-src 'none'" in html
    assert "http" not in html.replace("http-equiv", "")


def test_an_empty_batch_and_a_batch_of_failures_have_a_report(tmp_path: Path) -> None:
    assert "No hand-in was found" in words(page(tmp_path, []))
    text = words(page(tmp_path, [failed("a", "crashed", "It crashed.")]))
    assert "none of 1 has a score" in text


def test_the_report_is_deterministic(tmp_path: Path) -> None:
    records = made_up_class()
    assert page(tmp_path / "a", records) == page(tmp_path / "b", records[::-1])


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1100])
def test_in_a_browser_nothing_is_requested_and_the_page_fits_and_is_accessible(
    chromium: Any, tmp_path: Path, width: int
) -> None:
    path = write_report([*made_up_class(), record("x" * 120, "y" * 60)], tmp_path)
    tab = chromium.new_page(viewport={"width": width, "height": 800})
    requests, complaints = watch(tab)
    tab.goto(path.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(tab) == []
    if width > 720:
        tab.set_viewport_size({"width": 720, "height": 800})
        tab.emulate_media(media="print")  # a sheet of A4
        assert tab.evaluate("document.documentElement.scrollWidth") <= 720
    assert [url for url in requests if url != "data:,"] == [path.as_uri()]
    assert complaints == []
    tab.close()

"""The feedback pages: complete, safe, self-contained, and nobody else's business."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browsing import faults, watch
from made_up_records import HINT, ODD_NAMES, failed, made_up_class, not_started, record, verdict

from autograder.feedback import Extras, kind_words, page_of, write_feedback
from autograder.late import Late
from autograder.lesson import Lesson, load_lesson
from autograder.own_cells import OwnCell
from autograder.pages import file_names, inline, percent, without_paths
from autograder.views import ByHand, exercise_views, total

LESSON = Lesson("02_cavi", (), {"O2": 5.0})


def written(tmp_path: Path, *records: Any) -> dict[str, str]:
    """The pages by path below feedback/."""
    paths = write_feedback(records, tmp_path)
    root = tmp_path / "feedback"
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


class Tags(HTMLParser):
    """Notes each tag, each attribute and the visible text, and that every tag is closed."""

    VOID = frozenset({"meta", "link", "br", "hr", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def visible(page: str) -> str:
    return " ".join(" ".join(Tags(page).text).split())


def test_a_page_and_an_index_per_student(tmp_path: Path) -> None:
    pages = written(tmp_path, record("amara"), record("amara", "05_bbvi"), record("chen"))
    assert list(pages) == [
        "amara/index.html",
        "amara/02_cavi.html",
        "amara/05_bbvi.html",
        "chen/index.html",
        "chen/02_cavi.html",
    ]
    assert "24 of 24 points in 2 graded lessons" in visible(pages["amara/index.html"])
    links = [value for tag, name, value in Tags(pages["amara/index.html"]).attributes if tag == "a"]
    assert {"02_cavi.html", "05_bbvi.html"} <= set(links)


def test_the_hint_comes_first_and_then_what_was_expected_and_what_came(tmp_path: Path) -> None:
    wrong = verdict("E2.2", 2.0, misconception="count-forgotten")
    page = written(tmp_path, record("amara", score=10.0, verdicts={"E2.2": wrong}))
    text = visible(page["amara/02_cavi.html"])
    order = ["10 of 12 points", "E2.2", "partly correct", "Hint.", "Each of the N observations"]
    order += ["on given data 2/2", "precision counts the data 0/2", "expected 6.5", "came 2.5"]
    places = [text.index(piece) for piece in order]
    assert places == sorted(places)
    assert text.count("how much do two of them add?") == 1
    assert "count-forgotten" not in text  # the name is for instructors, the hint for students


def test_every_hint_is_shown_once_and_no_message_twice(tmp_path: Path) -> None:
    first = verdict("E2.2", 0.0, misconception="count-forgotten", message="`a`: expected 1, got 2.")
    text = visible(written(tmp_path, record("a", verdicts={"E2.2": first}))["a/02_cavi.html"])
    assert text.count("Hint.") == 1
    assert text.count("expected 1 came 2") == 1


@pytest.mark.parametrize(
    ("message", "what", "expected", "got"),
    [
        ("`f` at x = 3: expected 1.5, got -2.", "`f` at x = 3", "1.5", "-2"),
        ("`f`: expected (1, 2), got [1, 2, 3].", "`f`", "(1, 2)", "[1, 2, 3]"),
        (
            "`f`: expected one number, got an array of shape (2,).",
            "`f`",
            "one number",
            "an array of shape (2,)",
        ),
        ("`f` raised ValueError: bad (line 2 of your cell)",) * 2 + ("", ""),
    ],
)
def test_messages_with_two_sides_are_set_side_by_side(
    message: str, what: str, expected: str, got: str
) -> None:
    found = record("a", verdicts={"E2.2": verdict("E2.2", 0.0, message=message)})
    (view,) = exercise_views(found)
    part = view.parts[-1]
    assert (part.what, part.expected, part.got) == (what, expected, got)


def test_what_a_message_says_after_the_two_sides_is_a_sentence_again(tmp_path: Path) -> None:
    message = "The sds of q: expected [0.2 0.1] ± 15 %, got [1.2 1.]. Is this a log? Yes: of `sd`."
    found = record("a", verdicts={"E2.2": verdict("E2.2", 0.0, message=message)})
    (view,) = exercise_views(found)
    assert (view.parts[-1].got, view.parts[-1].more) == ("[1.2 1.]", "Is this a log? Yes: of `sd`.")
    text = visible(written(tmp_path, found)["a/02_cavi.html"])
    assert "came [1.2 1.] Is this a log? Yes: of sd ." in text


def test_exercises_stand_in_their_natural_order_judged_or_not() -> None:
    found = record(
        "a",
        status="partly graded",
        verdicts={"E2.10": verdict("E2.10", 4.0), "E2.2": verdict("E2.2", 4.0)},
        unjudged={"E2.9": "It was still running after 20 s."},
    )
    views = exercise_views(found)
    assert [view.id for view in views] == ["E2.2", "E2.9", "E2.10"]
    assert (views[1].status, views[1].score) == ("not judged", None)


def test_an_ungraded_hand_in_shows_its_sentence_and_never_a_zero(tmp_path: Path) -> None:
    sentence = "The file is not valid JSON: it ends in line 3."
    pages = written(tmp_path, failed("karim", "not a notebook", sentence))
    for page in pages.values():
        assert sentence in visible(page)
        assert "0 of 12" not in visible(page)
    assert "Not graded yet" in visible(pages["karim/02_cavi.html"])
    assert "not a zero" in visible(pages["karim/02_cavi.html"])


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (record("a"), "well done"),
        (record("a", score=10.0), "Most of it stands"),
        (record("a", score=6.0), "A good part stands"),
        (record("a", score=2.0), "A start is made"),
        (record("a", score=0.0, verdicts={"E2.1": not_started("E2.1")}), "Nothing is started yet"),
        (record("a", score=4.0, unjudged={"E2.2": "It crashed."}), "open, not lost"),
        (failed("a", "crashed", "It crashed."), "not a zero"),
    ],
)
def test_the_words_fit_the_result(found: Any, words: str) -> None:
    assert words in kind_words(found)


def test_open_answers_are_waiting_or_empty(tmp_path: Path) -> None:
    answers = {"O2": "A wide prior\n\nhardly matters.", "O3": " \n"}
    text = visible(written(tmp_path, record("a", open_answers=answers))["a/02_cavi.html"])
    assert "O2 Handed in; the points come later. Your answer A wide prior" in text
    assert "O3 You left this one empty." in text


def with_extras(tmp_path: Path, found: Any, **extras: Any) -> tuple[str, str]:
    """The visible text of the index and of the page of a student's only hand-in."""
    index, page = write_feedback([found], tmp_path, Extras(**extras))
    return visible(index.read_text("utf-8")), visible(page.read_text("utf-8"))


def test_what_lateness_costs_is_said(tmp_path: Path) -> None:
    late = {("a", "02_cavi"): Late(2, 1.2, "Two days late: 1.2 points are taken off.")}
    _, text = with_extras(tmp_path, record("a"), late=late)
    assert "Handed in late. Two days late: 1.2 points are taken off." in text
    assert "Handed in late" not in with_extras(tmp_path, record("b"), late=late)[1]


def test_points_and_comments_of_a_person_are_shown(tmp_path: Path) -> None:
    given = ByHand({"O2": 3.5}, {"O2": "Why so?\n<b>", "E2-1": "Elegant."})
    index, text = with_extras(
        tmp_path, record("a"), by_hand={("a", "02_cavi"): given}, lessons={"02_cavi": LESSON}
    )
    assert "O2 3.5 of 5 From the person who read it. Why so? <b> Your answer" in text
    assert "the points come later" not in text
    assert "Elegant." in text
    assert "12 of 12 points" in text
    assert "read by a person and not counted" not in index
    assert "1 open answer is read by a person" in with_extras(tmp_path, record("b"))[0]


def test_points_that_a_person_gives_for_an_exercise_replace_ours(tmp_path: Path) -> None:
    found = record(
        "a",
        status="partly graded",
        message="8 of 12 points, not counting what could not be judged: E2.10.",
        score=8.0,
        verdicts={name: verdict(name, 4.0) for name in ("E2.1", "E2.2")},
        unjudged={"E2.10": "It ran out of time."},
    )
    given = {("a", "02_cavi"): ByHand({"E2-10-check": 3.0, "E2-1-check": 3.5})}
    index, text = with_extras(tmp_path, found, by_hand=given)
    assert "10.5 of 12 points" in text
    assert "10.5 of 12 points in 1 graded lesson" in index
    assert "A person has changed the points. What the checks said: 8 of 12 points" in text
    assert text.count("given by a person") == 2
    lost = failed("b", "crashed", "It crashed.")
    assert total(lost, ByHand()) is None
    assert total(replace(lost, unjudged={"E2.1": "."}), ByHand({"E2-1-check": 2.0})) == 2.0


def test_a_question_that_was_not_answered_says_so(tmp_path: Path) -> None:
    found = record("a", open_answers={})
    _, text = with_extras(tmp_path, found, lessons={"02_cavi": LESSON})
    assert "O2 You left this one empty." in text


def test_the_notebook_is_folded_below_and_answers_are_linked(tmp_path: Path) -> None:
    cells = [
        OwnCell("def f():\n    return 'mine'", True, "answer", "E2-1"),
        OwnCell("# Lesson", False, "lesson"),
    ]
    write_feedback([record("a")], tmp_path, Extras(lambda found: cells))
    text = (tmp_path / "feedback" / "a" / "02_cavi.html").read_text("utf-8")
    assert text.count('<a href="#E2-1">Your answer to E2.1</a>') == 1
    assert text.count('id="E2-1"') == 1
    assert '<details class="own">' in text
    assert "Lesson" in visible(text)
    for status in ("not a notebook", "wrong lesson", "refused"):
        other = failed("b", status, "A reason.")  # type: ignore[arg-type]
        write_feedback([other], tmp_path, Extras(lambda found: cells))
        page = tmp_path / "feedback" / "b" / "02_cavi.html"
        assert "mine" not in page.read_text("utf-8")


def test_nothing_of_the_instructor_is_on_a_page(tmp_path: Path) -> None:
    wrong = verdict(
        "E2.2", 0.0, message="`f` raised FileNotFoundError: '/home/prof ada/exam 2/x.csv' is gone"
    )
    found = record(
        "amara",
        verdicts={"E2.2": wrong},
        notes=("private remark",),
        message="Read from /srv/course/handins/amara/02_cavi/02_cavi.ipynb.",
        fingerprint="f1ngerprint",
        tier="A",
    )
    for page in written(tmp_path, found, record("chen")).values():
        for secret in ("/home", "/srv", "private remark", "f1ngerprint", str(tmp_path), "seed"):
            assert secret not in page
        assert not ("amara" in page and "chen" in page)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("open('/home/ada/data/x.csv')", "open('x.csv')"),
        (r"C:\Users\ada\x.csv is gone", "x.csv is gone"),
        ("/tmp/a/b.py, line 3", "b.py, line 3"),
        ("a/b/c and alpha / beta / 2 stay", "a/b/c and alpha / beta / 2 stay"),
        ("(x)/y/z and nats/step/draw stay", "(x)/y/z and nats/step/draw stay"),
        ("https://numpy.org/doc/stable stays", "https://numpy.org/doc/stable stays"),
    ],
)
def test_absolute_paths_lose_their_folders_and_nothing_else_does(text: str, clean: str) -> None:
    assert without_paths(text) == clean


def test_whatever_a_student_writes_is_text(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>`<b>`&\"'"
    hostile = verdict("E2.2", 0.0, misconception=attack, hint=attack, message=attack)
    found = record(
        attack, verdicts={"E2.2": hostile}, message=attack, open_answers={attack: attack}
    )
    for page in written(tmp_path, found, failed("b" + attack, "crashed", attack)).values():
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>" not in page
        Tags(page)


def test_the_lesson_has_its_title_and_what_is_not_right_yet_its_section(tmp_path: Path) -> None:
    verdicts = {"E2.1": verdict("E2.1", 4.0), "E2.2": verdict("E2.2", 2.0)}
    lesson = Lesson(
        "02_cavi",
        (),
        title="2 · Mean field and $q$",
        sections={"E2-1": "2 · A posterior", "E2-2": "3 · Numbers like $e^{-9}$"},
    )
    found = record("a", score=6.0, max_score=8.0, verdicts=verdicts)
    index, page = with_extras(tmp_path, found, lessons={"02_cavi": lesson})
    assert "2 · Mean field and q 6 of 8" in index
    assert "2 · Mean field and q Feedback for a on 02_cavi" in page
    assert "Go on with E2.2 · The update of q(μ) ." in page
    assert "To reread: section 3 · Numbers like e^{-9}" in page
    assert "A posterior" not in page  # E2.1 is right: nothing to reread


def test_a_lesson_knows_the_section_of_each_exercise() -> None:
    lesson = load_lesson("05_bbvi")
    assert lesson.title == "5 · Black-box variational inference"
    assert lesson.sections["E5-1"] == "3 · The score"
    assert lesson.sections["E5-1-check"] == "3 · The score"
    assert lesson.sections["E5-2"] == "4 · The score-function gradient"
    assert set(lesson.sections) >= lesson.ids
    assert all(lesson.sections.values())


def test_the_exercises_are_listed_with_links_to_their_results(tmp_path: Path) -> None:
    page = written(tmp_path, made_up_class()[-3])["noor/02_cavi.html"]
    text = visible(page)
    assert "Exercise Result Points E2.1 ✓ correct 4 of 4 E2.2 ✓ correct 4 of 4" in text
    assert "E2.10 ? not judged open" in text
    for place in ("result-E2-1", "result-E2-2", "result-E2-10"):
        assert page.count(f'href="#{place}"') == 1 + (place == "result-E2-10")
        assert page.count(f'id="{place}"') == 1


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("`f` did not finish within 6 s.", "a loop that cannot end"),
        ("the notebook took longer than 60 s", "a loop that cannot end"),
        ("The cell of E5.5, line 4, ended Python (exit code 0).", "such as `exit()`"),
        ("`f` needed more than 4096 MiB of memory", "one axis too many"),
        ("`f` broke the connection to the grader", "If you can see what went wrong"),
    ],
)
def test_who_was_not_judged_is_told_what_to_try(reason: str, words: str) -> None:
    (view,) = exercise_views(record("a", verdicts={}, unjudged={"E2.1": reason}))
    assert view.hints[0] == reason
    assert words in view.hints[1]
    assert view.hints[1].endswith("and hand it in again.")


def test_a_file_that_could_not_be_read_left_no_question_empty(tmp_path: Path) -> None:
    found = failed("a", "not a notebook", "The file is empty.")
    _, text = with_extras(tmp_path, found, lessons={"02_cavi": LESSON})
    assert "You left this one empty" not in text


def test_half_a_surrogate_pair_does_not_stop_the_batch(tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    pages = write_feedback([record(odd, message="it printed \ud800")], tmp_path)
    assert all(path.is_file() for path in pages)


def test_code_in_backquotes_is_set_as_code() -> None:
    assert inline("`a<b` is `c`") == "<code>a&lt;b</code> is <code>c</code>"
    assert inline("the *other*, 2*x*3, `*d*` <") == (
        "the <em>other</em>, 2*x*3, <code>*d*</code> &lt;"
    )
    assert inline("a ` alone") == "a ` alone"
    assert inline("") == ""


def test_percent_rounds_but_never_to_all_or_nothing() -> None:
    shares = (0.0, 0.001, 0.625, 0.999, 1.0)
    assert [percent(share) for share in shares] == ["0%", "1%", "62%", "99%", "100%"]


def test_odd_names_become_safe_file_names_without_collisions(tmp_path: Path) -> None:
    names = file_names(ODD_NAMES)
    folded = {name.casefold() for name in names.values()}
    assert len(folded) == len(ODD_NAMES)
    for name in names.values():
        assert re.fullmatch(r"[^\W_][\w.-]*", name)
        assert len(name.encode()) <= 240
    assert (names["李雷"], names["дарья-иванова"]) == ("李雷", "дарья-иванова")
    pages = written(tmp_path, *(record(name) for name in ODD_NAMES))
    assert len(pages) == 2 * len(ODD_NAMES)
    assert len(list((tmp_path / "feedback").iterdir())) == len(ODD_NAMES)


def test_a_name_that_imitates_a_safe_name_is_kept_apart() -> None:
    odd = "Zoë Müller"
    imitation = file_names([odd])[odd]
    names = file_names([odd, imitation])
    assert names[odd] == imitation
    assert names[imitation] != imitation


def test_a_lesson_called_index_does_not_overwrite_the_index(tmp_path: Path) -> None:
    pages = written(tmp_path, record("a", "index"), record("a", "Index"))
    assert len(pages) == 3
    assert "Feedback for a" in pages["a/index.html"]


def test_a_second_record_for_the_same_hand_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected one record for student 'a' and lesson '02_cavi"):
        write_feedback([record("a"), record("a")], tmp_path)


def test_writing_twice_changes_nothing_and_a_new_verdict_changes_its_page(tmp_path: Path) -> None:
    paths = write_feedback([record("a"), record("b")], tmp_path)
    stamps = [path.stat().st_mtime_ns for path in paths]
    write_feedback([record("a"), record("b", score=8.0)], tmp_path)
    changed = [
        path.relative_to(tmp_path / "feedback").as_posix()
        for path, stamp in zip(paths, stamps, strict=True)
        if path.stat().st_mtime_ns != stamp
    ]
    assert changed == ["b/index.html", "b/02_cavi.html"]
    assert not list(tmp_path.rglob("*.part"))


def test_page_of_says_where_the_pages_are(tmp_path: Path) -> None:
    records = [record(name) for name in ODD_NAMES]
    paths = {path.relative_to(tmp_path).as_posix() for path in write_feedback(records, tmp_path)}
    assert set(page_of(records).values()) < paths


def test_pages_hold_no_script_and_no_address(tmp_path: Path) -> None:
    for page in written(tmp_path, *made_up_class()).values():
        tags = Tags(page)
        assert "default-src 'none'" in page
        for tag, name, value in tags.attributes:
            assert not name.startswith("on")
            assert tag not in ("script", "iframe", "object", "embed", "base", "form")
            if name in ("src", "href"):
                assert value == "data:," or re.fullmatch(r"#[\w-]+|[\w%.-]+\.html", value)
        assert "url(" not in page
        assert "@import" not in page


def test_charts_and_bars_have_a_text_alternative(tmp_path: Path) -> None:
    page = written(tmp_path, record("a", score=6.0))["a/02_cavi.html"]
    for bar in re.findall(r'<div class="bar[^>]*>', page):
        element = ET.fromstring(bar + "</div>")
        assert element.get("role") == "img"
        assert element.get("aria-label") == "50% of the points"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_nothing_is_requested_and_nothing_overflows_a_phone(
    chromium: Any, tmp_path: Path, scheme: str
) -> None:
    long = "`f`: expected " + "[1.234567, " * 20 + "], got " + "9" * 200 + "."
    records = [*made_up_class()[-8:], record("x" * 120, verdicts={"E2.1": verdict("E2.1", 0.0)})]
    records.append(
        record("y", verdicts={"E2.2": verdict("E2.2", 0.0, message=long, hint=HINT * 3)})
    )
    paths = write_feedback(records, tmp_path)
    context = chromium.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    requests, complaints = watch(page)
    for path in paths:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert faults(page) == []
    assert [url for url in requests if url != "data:,"] == [path.as_uri() for path in paths]
    assert complaints == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert dark == (scheme == "dark")
    context.close()

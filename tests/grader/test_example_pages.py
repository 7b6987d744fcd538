"""Every page that a run on the example class writes: whose it is, and what must not be on it."""

from __future__ import annotations

import getpass
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from autograder.collect import read_notebook
from autograder.feedback import page_of
from autograder.graded_notebooks import FOLDER
from autograder.lesson import load_lesson
from autograder.notebooks import course_root, lesson_names
from autograder.outputs import write_outputs
from autograder.pages import file_names
from autograder.records import Record

pytestmark = pytest.mark.slow

LESSONS = {name: load_lesson(name) for name in lesson_names()}
Run = tuple[list[Record], Path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, example_run: Any) -> Run:
    """The records of the example class, and the folder with all that was made of them."""
    source, hand_ins, records = example_run
    found = {(hand_in.student, hand_in.lesson): hand_in for hand_in in hand_ins}

    def notebook(record: Record) -> bytes | None:
        hand_in = found[record.student, record.lesson]
        return read_notebook(source, hand_in) if hand_in.name else None

    out = tmp_path_factory.mktemp("out")
    write_outputs(records, LESSONS, out, notebook)
    return records, out


@pytest.fixture(scope="module")
def pages(run: Run) -> dict[Path, str]:
    """All HTML pages by path below the folder of results."""
    _, out = run
    return {p.relative_to(out): p.read_text(encoding="utf-8") for p in sorted(out.rglob("*.html"))}


def test_there_is_a_page_for_each_hand_in_an_index_for_each_student_and_a_report(
    run: Run, pages: dict[Path, str]
) -> None:
    records, _ = run
    students = {record.student for record in records}
    assert len(pages) == len(records) + len(students) + 1
    assert {Path(path) for path in page_of(records).values()} < set(pages)


def test_no_page_runs_or_fetches_anything(pages: dict[Path, str]) -> None:
    for path, text in pages.items():
        tags = Tags(text)
        assert "default-src 'none'" in text, path
        assert not {"script", "iframe", "object", "embed", "base", "form"} & set(tags.names), path
        assert "@import" not in tags.style, path
        assert "url(" not in tags.style, path
        for name, value in tags.attributes:
            assert not name.startswith("on"), path
            if name in ("src", "href", "srcset", "action", "poster", "data"):
                inside = r"data:,|data:image/(?:png|jpeg);base64,[\w+/=]+|#[\w-]+|[\w%./-]+\.html"
                assert re.fullmatch(inside, value), (path, name, value)


def test_no_page_of_a_student_holds_a_hidden_test(pages: dict[Path, str]) -> None:
    seeds = [task.seed for lesson in LESSONS.values() for task in lesson.tasks]
    for path, text in pages.items():
        shown = html.unescape(re.sub(r"<[^>]+>", "", text))
        for marker in ("HIDDEN TESTS", "BEGIN SOLUTION", "END SOLUTION", 'grade("E', "seed="):
            assert marker not in shown, (path, marker)
        for seed in seeds:
            assert not re.search(rf"(?<![\d.]){seed}(?![\d.])", shown), (path, seed)


def test_no_page_of_a_student_names_another(run: Run, pages: dict[Path, str]) -> None:
    records, _ = run
    folders = file_names(record.student for record in records)
    for path, text in pages.items():
        if path.parts[0] != "feedback":
            continue
        for student, folder in folders.items():
            own = path.parts[1] == folder
            assert (html.escape(student) in text or student in html.unescape(text)) == own, path


def test_no_page_names_a_folder_of_this_machine(run: Run, pages: dict[Path, str]) -> None:
    _, out = run
    places = [course_root(), Path.home(), out, out.parent]
    for path, text in pages.items():
        shown = html.unescape(text)
        for place in (*map(str, places), "site-packages", "/tmp/", f"/{getpass.getuser()}/"):
            assert place not in shown, (path, place)


def test_pages_are_small(pages: dict[Path, str]) -> None:
    for path, text in pages.items():
        assert len(text) < 200_000, path


def test_answers_are_linked_from_their_rows(pages: dict[Path, str]) -> None:
    text = pages[Path("feedback/amara-okafor/05_bbvi.html")]
    for number in range(1, 6):
        assert f'<a href="#E5-{number}">' in text
        assert f'id="E5-{number}"' in text
    assert "Check of E5.1: its result stands above." in text
    assert "score_gaussian" in text


#: Who hands in variants of one text, in the roster: answers to larger exercises, of one author.
ALIKE = {
    ("fatima-el-idrissi", "李雷"): {"02_cavi"},
    ("josé-álvarez", "sipho-dlamini"): {"07_advi"},
    ("josé-álvarez", "zoë-müller"): {"02_cavi"},
    ("sipho-dlamini", "李雷"): {"07_advi"},
    ("josé-álvarez", "李雷"): {"07_advi", "11_vae", "12_diagnostics"},
    ("josé-álvarez", "дарья-иванова"): {"09_ppl", "11_vae"},
    ("дарья-иванова", "李雷"): {"09_ppl", "11_vae"},
}


def test_the_report_names_copies_and_no_one_else(run: Run, pages: dict[Path, str]) -> None:
    shown = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", pages[Path("report.html")])).split())
    _, _, alike = shown.partition("The same code under other names")
    alike = alike.partition("Time and isolation")[0]
    assert "josé-álvarez and 李雷 07_advi E7.1, E7.5" in alike
    found: dict[tuple[str, str], set[str]] = {}
    for one, other, lesson in re.findall(r"([\w-]+) and ([\w-]+) (\d\d_\w+)", alike):
        found.setdefault((one, other), set()).add(lesson)
    assert found == ALIKE


def test_graded_notebooks_hold_no_hidden_test_and_nothing_active(run: Run) -> None:
    records, out = run
    none = ("not a notebook", "wrong lesson", "refused", "practice")
    judged = [r for r in records if r.status not in none]
    paths = sorted((out / FOLDER).rglob("*.ipynb"))
    assert len(paths) == len(judged)
    for path in paths:
        text = path.read_text(encoding="utf-8")
        for marker in ("HIDDEN", "seed", "BEGIN SOLUTION", "text/html", "image/svg", "javascript"):
            assert marker not in text, path
        ids = [
            cell["metadata"]["nbgrader"]["grade_id"]
            for cell in json.loads(text)["cells"]
            if cell["metadata"]
        ]
        assert sorted(ids) == sorted(LESSONS[path.stem].ids)


class Tags(HTMLParser):
    """Names of tags, attributes, and the style sheet."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.style = ""
        self.in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.in_style = tag == "style"

    def handle_data(self, data: str) -> None:
        self.style += data if self.in_style else ""

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False

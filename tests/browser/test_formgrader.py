"""The instructor gives points in formgrader, next to notebooks that would rather run scripts."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile_texts as hostile
import pytest
from command_line import autograder
from lab_page import foreign

from autograder.example_class import write_example_class
from autograder.gradebook import manual_comments, manual_scores

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LESSON = "05_bbvi"
STUDENT, HOSTILE = "amara-okafor", "mallory"
ASKED: list[str] = []
COMMENT = "Nice, but which sign? See *section 4*."


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One honest hand-in of the example class, and one full of traps."""
    top = tmp_path_factory.mktemp("class")
    honest = write_example_class(top / "example") / STUDENT / LESSON / f"{LESSON}.ipynb"
    notebook = json.loads(honest.read_text(encoding="utf-8"))
    for student in (STUDENT, HOSTILE):
        path = top / "handins" / student / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
        notebook["cells"] += [*hostile.text_cells(), *hostile.code_cells()]
        for cell in notebook["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == "O5":
                cell["source"] = "\n\n".join(hostile.TEXTS[:30])
        notebook["metadata"]["title"] = f"</title><script>{hostile.PWNED}</script>"
    return top / "handins"


@pytest.fixture(scope="module")
def results(class_folder: Path) -> Path:
    out = class_folder.parent / "out"
    done = autograder("grade", class_folder, "--out", out)
    assert done.returncode in (0, 1), done.stderr
    return out


@pytest.fixture(scope="module")
def server(chromium: Any, results: Path) -> Iterator[str]:
    """The address of formgrader, as `autograder formgrade` starts it, with its token.

    In the end, no page of it has asked another host for anything.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    log = results.parent / "server.log"
    command = [sys.executable, "-m", "autograder", "formgrade", "--out", str(results)]
    command += ["--port", str(port), "--no-browser"]
    runtime = {"JUPYTER_RUNTIME_DIR": str(results.parent / "runtime")}
    with log.open("w") as said:
        process = subprocess.Popen(
            command,
            stdout=said,
            stderr=said,
            env={**os.environ, **runtime},
            start_new_session=True,
        )
    try:
        address = _address(process, log)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
    assert len(ASKED) > 20
    assert foreign(ASKED, "/".join(address.split("/")[:3])) == []


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        found = re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/\S*token=\w+", log.read_text())
        if found:
            return found[0]
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(f"formgrader did not start in a minute:\n{log.read_text()}")


def opened(chromium: Any, server: str, student: str) -> Any:
    """The page of a student's hand-in, found as an instructor finds it."""
    page = chromium.new_context(viewport={"width": 1200, "height": 900}).new_page()
    page.on("request", lambda request: ASKED.append(request.url))
    page.goto(server)
    page.get_by_role("link", name=LESSON).click()
    page.wait_for_url(f"**/gradebook/{LESSON}")
    page.get_by_role("link", name=LESSON).click()
    page.wait_for_url(f"**/gradebook/{LESSON}/{LESSON}")
    page.get_by_text("Submission #1").wait_for()
    page.get_by_role("button", name="Show All Names").click()
    page.get_by_role("link", name=student).click()
    page.locator("textarea.comment").first.wait_for()
    return page


def test_points_and_a_comment_reach_the_gradebook_and_the_feedback(
    chromium: Any, server: str, class_folder: Path, results: Path
) -> None:
    page = opened(chromium, server, STUDENT)
    page.locator("[id='E5-1-comment'][placeholder*='derivative in mu 1/1']").wait_for()
    page.locator("[id='E5-1-check'][placeholder='4']").wait_for()
    assert "only about the sign and the length" in page.locator("body").inner_text().replace(
        "\n", " "
    )
    cell = page.locator(".nbgrader_cell", has=page.locator("[id='O5']"))
    with page.expect_response(lambda r: "/api/grade/" in r.url and r.request.method == "PUT"):
        cell.locator("input.score").fill("3.5")
        cell.locator("input.score").press("Tab")
    with page.expect_response(lambda r: "/api/comment/" in r.url and r.request.method == "PUT"):
        cell.locator("textarea.comment").fill(COMMENT)
        cell.locator("textarea.comment").blur()
    page.context.close()
    place = (STUDENT, LESSON, "O5")
    again: tuple[str, ...]
    for again in ((), ("--again",)):
        assert manual_scores(results / "gradebook.db") == {place: 3.5}
        assert manual_comments(results / "gradebook.db") == {place: COMMENT}
        autograder("grade", class_folder, "--out", results, *again)
    feedback = (results / "feedback" / STUDENT / f"{LESSON}.html").read_text(encoding="utf-8")
    assert "<span>3.5 of 5</span>" in feedback
    assert COMMENT in feedback


def test_no_script_of_a_student_runs_in_formgrader(chromium: Any, server: str) -> None:
    page = opened(chromium, server, HOSTILE)
    assert len(page.content()) > 50_000  # the traps are there, as text
    assert page.locator("#notebook-container").get_by_text("onerror=").count() > 10
    _touch_everything(page)
    assert page.evaluate("window.pwned") is None
    shown = page.locator("#notebook-container")
    assert shown.locator(":is(script, iframe, object, embed, form, style)").count() == 0
    page.evaluate("MathJax.startup.promise.then(() => true)")
    assert shown.locator("mjx-container").count() > 0
    assert shown.locator("svg:not(mjx-container *)").count() == 0
    assert shown.locator("mjx-container :is(a, [style*=expression])").count() == 0
    page.context.close()


def test_no_script_of_a_student_runs_on_their_feedback_page(chromium: Any, results: Path) -> None:
    page = chromium.new_context(viewport={"width": 1200, "height": 900}).new_page()
    path = results / "feedback" / HOSTILE / f"{LESSON}.html"
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert page.get_by_text("onerror=").count() > 10
    _touch_everything(page)
    assert page.evaluate("window.pwned") is None
    assert [url for url in requests if url != "data:,"] == [path.as_uri()]
    page.context.close()


def test_a_link_opens_the_folded_notebook_at_the_answer(chromium: Any, results: Path) -> None:
    page = chromium.new_context(viewport={"width": 1200, "height": 900}).new_page()
    page.goto((results / "feedback" / STUDENT / f"{LESSON}.html").as_uri())
    answer = page.locator("[id='E5-4']")
    assert not answer.is_visible()
    page.get_by_role("link", name="Your answer to E5.4").click()
    answer.get_by_text("control_variate").first.wait_for()
    assert answer.is_visible()
    page.context.close()


def _touch_everything(page: Any) -> None:
    """Hover over and click on all that a student could have put into the page."""
    page.evaluate(
        """() => {
            const place = document.querySelector('#notebook-container') || document.body;
            for (const element of place.querySelectorAll('*')) {
                for (const kind of ['mouseover', 'mouseenter', 'focus', 'toggle', 'load', 'error'])
                    element.dispatchEvent(new Event(kind));
                const address = element.getAttribute('href') || '#';
                if (!/^(#|https?:|[a-z]+\\.html)/.test(address)) element.click();
            }
        }"""
    )
    page.wait_for_timeout(500)

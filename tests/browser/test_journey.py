"""A student's way: open a lesson, err, read the hint, mend it, hand in, read the feedback.

And the instructor's: grade what was handed in, and read the report. Everything happens on this
machine; after the hand-in, the browser is offline.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from command_line import autograder
from lab_page import RIGHT, WRONG, Lesson, squeezed

from autograder.checks.registry import find

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LESSON, STUDENT = "05_bbvi", "ada"


def test_from_the_first_mistake_to_the_feedback(
    open_lesson: Callable[[str], Lesson], lab: tuple[str, Path], chromium: Any, tmp_path: Path
) -> None:
    lesson = open_lesson(LESSON)
    answer_wrong_then_right(lesson)
    validate(lesson)
    lesson.save()
    out = graded(handed_in(lab[1] / LESSON / f"{LESSON}.ipynb", tmp_path / "handins"), tmp_path)
    context = chromium.new_context(offline=True, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    read_feedback(page, out)
    read_report(page, out)
    context.close()
    assert {urlsplit(url).scheme for url in requests} <= {"file", "data"}


def answer_wrong_then_right(lesson: Lesson) -> None:
    """An untouched stub, the usual mistake, the answer: each is told what fits."""
    exercise = find("E5.1")
    lesson.run_first()
    assert "not started" in lesson.said("E5-1")
    lesson.write("E5-1", WRONG)
    said = lesson.said("E5-1")
    assert "partly correct" in said
    found = [wrong.hint for wrong in exercise.wrong if squeezed(wrong.hint) in squeezed(said)]
    assert len(found) == 1, said
    lesson.write("E5-1", RIGHT)
    points = f"{exercise.points:g}"
    assert f"correct, {points} of {points} points" in lesson.said("E5-1")


def validate(lesson: Lesson) -> None:
    """The dialog names what is not started, in words, and not the exercise that is right."""
    lesson.page.get_by_text("Validate", exact=True).click()
    dialog = lesson.page.locator(".jp-Dialog, .nbgrader-Dialog")
    dialog.get_by_text("not started").first.wait_for(timeout=300_000)
    said = dialog.inner_text()
    assert "Traceback" not in said
    assert "E5.2" in said
    assert "E5.1" not in said
    dialog.get_by_role("button").last.click()
    dialog.wait_for(state="detached")


def handed_in(notebook: Path, folder: Path) -> Path:
    """A folder of hand-ins, with the zip that `autograder submit` makes of this notebook."""
    folder.mkdir()
    said = finished("submit", notebook, "--name", STUDENT, "--out", folder)
    assert "Not answered yet: E5.2, E5.3, E5.4, E5.5." in said
    assert [path.name for path in folder.iterdir()] == [f"{STUDENT}_{LESSON}.zip"]
    return folder


def graded(handins: Path, folder: Path) -> Path:
    """The folder of results of `autograder grade`."""
    out = folder / "out"
    finished("grade", handins, "--out", out)
    return out


def finished(*words: str | Path) -> str:
    """What `autograder` prints; it ends well."""
    done = autograder(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_feedback(page: Any, out: Path) -> None:
    """From the list of lessons to the points, from there to what is next and to the own answer."""
    page.goto((out / "feedback" / STUDENT / "index.html").as_uri())
    page.get_by_role("link", name="Black-box variational inference").click()
    assert page.get_by_role("heading", level=1).inner_text().endswith("variational inference")
    assert "4 of 25 points" in page.locator("section").first.inner_text()
    right = page.locator("#result-E5-1")
    assert "correct" in right.inner_text()
    assert page.locator("#result-E5-2").get_by_text("section 4 ·").is_visible()
    right.get_by_role("link", name="Your answer to E5.1").click()
    answer = page.locator("[id='E5-1'] pre").first
    answer.wait_for()
    assert answer.inner_text().strip() == RIGHT.strip()


def read_report(page: Any, out: Path) -> None:
    """One hand-in, graded, and a link to what its author reads."""
    page.goto((out / "report.html").as_uri())
    assert "1 graded" in " ".join(page.locator(".facts").inner_text().split())
    page.get_by_role("row", name="E5.1 The score of a Gaussian").first.wait_for()
    page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true })")
    page.get_by_role("link", name=STUDENT, exact=True).first.click()
    page.wait_for_url(f"**/feedback/{STUDENT}/{LESSON}.html")

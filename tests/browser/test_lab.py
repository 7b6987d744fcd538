"""A student's first minutes in JupyterLab: read, answer wrong, read the hint, answer right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.checks.registry import find

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LESSON = "05_bbvi"
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"
WRONG = """\
def score_gaussian(theta, mu, sd):
    return (theta - mu) / sd, -1 / sd + (theta - mu) ** 2 / sd**3
"""
RIGHT = WRONG.replace("(theta - mu) / sd,", "(theta - mu) / sd**2,")


class Lesson:
    """One open notebook, worked on with mouse and keyboard."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def cell(self, label: str) -> Any:
        """Bring the cell with this id into view, as scrolling would, and return it."""
        index = self.page.evaluate(
            """label => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                const index = notebook.widgets.findIndex(w => w.model.id === label);
                notebook.activeCellIndex = index;
                notebook.scrollToItem(index);
                return index;
            }""",
            label,
        )
        assert index >= 0, label
        cell = self.page.locator(SHOWN).locator(".jp-Cell.jp-mod-active")
        cell.wait_for()
        return cell

    def write(self, label: str, code: str) -> None:
        editor = self.cell(label).locator(".cm-content")
        editor.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)

    def run(self, label: str) -> Any:
        """Run a cell with Ctrl+Enter and wait for the kernel; return the cell's output area."""
        cell = self.cell(label)
        cell.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(
            """label => {
                const notebook = window.jupyterapp.shell.currentWidget;
                const model = notebook.content.widgets.find(w => w.model.id === label).model;
                return notebook.sessionContext.session?.kernel?.status === 'idle'
                    && model.executionState !== 'running' && model.executionCount !== null;
            }""",
            arg=label,
            timeout=60_000,
        )
        return cell.locator(".jp-OutputArea-output")


@pytest.fixture
def open_lesson(chromium: Any, lab: tuple[str, Path]) -> Iterator[Callable[[str], Lesson]]:
    address, _ = lab
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    foreign: list[str] = []
    page.on("request", lambda request: foreign.append(request.url))

    def opened(name: str) -> Lesson:
        page.goto(f"{address}/lab/tree/{name}/{name}.ipynb")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        page.wait_for_function(
            "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status"
            " === 'idle'",
            timeout=60_000,
        )
        return Lesson(page)

    yield opened
    local = re.compile(
        rf"(?:{re.escape(address)}|{re.escape(address.replace('http', 'ws'))}|data:|blob:)"
    )
    assert [url for url in foreign if not local.match(url)] == []
    context.close()


def test_wrong_answer_is_told_its_hint_and_the_right_one_gets_full_marks(
    open_lesson: Callable[[str], Lesson],
) -> None:
    exercise = find("E5.1")
    lesson = open_lesson(LESSON)
    first_code = lesson.page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets
            .find(w => w.model.type === 'code').model.id"""
    )
    lesson.run(first_code)
    assert "not started" in _ran(lesson, "stub")

    lesson.write("E5-1", WRONG)
    said = _ran(lesson, "wrong")
    (hint,) = [wrong.hint for wrong in exercise.wrong if _squeeze(wrong.hint) in _squeeze(said)]
    assert "not yet correct" in said or "partly correct" in said
    assert hint

    lesson.write("E5-1", RIGHT)
    points = f"{exercise.points:g}"
    assert f"correct, {points} of {points} points" in _ran(lesson, "right")


def _ran(lesson: Lesson, name: str) -> str:
    lesson.run("E5-1")
    output = lesson.run("E5-1-check")
    output.first.wait_for()
    return str(output.first.inner_text())


def _squeeze(text: str) -> str:
    return re.sub(r"\W+", "", text)


def test_check_cells_are_locked_and_only_validate_is_left_of_nbgrader(
    open_lesson: Callable[[str], Lesson],
) -> None:
    lesson = open_lesson(LESSON)
    before = lesson.cell("E5-1-check").inner_text()
    lesson.cell("E5-1-check").locator(".cm-content").click()
    lesson.page.keyboard.type("print(1)")
    assert lesson.cell("E5-1-check").inner_text() == before
    assert lesson.page.get_by_text("Validate", exact=True).is_visible()
    assert lesson.page.get_by_text("Nbgrader", exact=True).count() == 0
    assert lesson.page.get_by_text("Create Assignment").count() == 0


def test_validate_shows_the_verdicts(open_lesson: Callable[[str], Lesson]) -> None:
    lesson = open_lesson(LESSON)
    lesson.page.get_by_text("Validate", exact=True).click()
    dialog = lesson.page.locator(".jp-Dialog, .nbgrader-Dialog")
    dialog.get_by_text("not started").first.wait_for(timeout=120_000)
    assert "Traceback" not in dialog.inner_text()


def test_figures_have_alternative_texts_and_flipbooks_move(
    open_lesson: Callable[[str], Lesson],
) -> None:
    lesson = open_lesson(LESSON)
    lesson.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    lesson.page.wait_for_function(
        """() => {
            const cells = window.jupyterapp.shell.currentWidget.content.widgets
                .filter(w => w.model.type === 'code');
            return cells.every(w => w.model.executionCount > 0
                && w.model.executionState !== 'running');
        }""",
        timeout=180_000,
    )
    flipbook = _cell_with_output(lesson, "flip-")
    box = lesson.cell(flipbook).locator("[role=img]")
    box.wait_for()
    slider = lesson.cell(flipbook).locator("input[type=range]")
    before = box.screenshot()
    slider.focus()
    for _ in range(3):
        lesson.page.keyboard.press("ArrowRight")
    lesson.page.wait_for_timeout(300)
    assert box.screenshot() != before
    figure = _cell_with_output(lesson, "<img alt=")
    alt = lesson.cell(figure).locator(".jp-OutputArea-output img").first.get_attribute("alt")
    assert alt
    assert len(alt) > 20


def _cell_with_output(lesson: Lesson, mark: str) -> str:
    return str(
        lesson.page.evaluate(
            """mark => window.jupyterapp.shell.currentWidget.content.widgets.find(
                w => w.model.type === 'code'
                    && JSON.stringify(w.model.outputs.toJSON()).includes(mark)).model.id""",
            mark,
        )
    )

"""A lesson in JupyterLab: what is locked, what is switched off, and figures that move."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab_page import Lesson

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LESSON = "05_bbvi"


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

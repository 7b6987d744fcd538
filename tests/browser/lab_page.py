"""A lesson in JupyterLab, worked on with mouse and keyboard; whatever it asks for is noted."""

from __future__ import annotations

import re
from typing import Any

WRONG = """\
def score_gaussian(theta, mu, sd):
    return (theta - mu) / sd, -1 / sd + (theta - mu) ** 2 / sd**3
"""
RIGHT = WRONG.replace("(theta - mu) / sd,", "(theta - mu) / sd**2,")
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"
"""The notebook in sight; others may be open behind it."""
_IDLE = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


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
        cell = self.page.locator(f"{SHOWN} .jp-Cell.jp-mod-active")
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

    def run_first(self) -> None:
        """Run the first code cell, with the imports."""
        self.run(
            self.page.evaluate(
                """() => window.jupyterapp.shell.currentWidget.content.widgets
                    .find(w => w.model.type === 'code').model.id"""
            )
        )

    def said(self, answer: str) -> str:
        """What the check says about an answer: both cells are run."""
        self.run(answer)
        output = self.run(f"{answer}-check")
        output.first.wait_for()
        return str(output.first.inner_text())

    def save(self) -> None:
        """Ctrl+S, until it is on the disk."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function(
            "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"
        )


def open_notebook(page: Any, address: str, name: str) -> Lesson:
    """Open a lesson, and wait for its kernel."""
    page.goto(f"{address}/lab/tree/{name}/{name}.ipynb")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    wait_for_kernel(page)
    return Lesson(page)


def wait_for_kernel(page: Any) -> None:
    """Until the kernel of the notebook in sight is idle."""
    page.wait_for_function(_IDLE, timeout=120_000)


def foreign(requests: list[str], address: str) -> list[str]:
    """The requests that are not for the server, nor for data that the page has itself."""
    server = re.escape(address)
    sockets = re.escape(address.replace("http", "ws", 1))
    local = re.compile(rf"(?:{server}|{sockets})(?:[/?#]|$)|data:|blob:")
    return [url for url in requests if not local.match(url)]


def squeezed(text: str) -> str:
    """Letters and digits only: what a page has set in several lines and fonts."""
    return re.sub(r"\W+", "", text)

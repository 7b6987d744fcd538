"""A student's notebook as their feedback page shows it: what they wrote, and what came of it.

The lesson's own text and unchanged code are left out, apart from headings and figures, so that a
page stays small enough to be sent by mail. Whatever is left out is counted and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autograder.own_cells import Output, OwnCell
from autograder.pages import without_paths
from autograder.safe_text import Outline, markdown, python

MAX_PAGE = 1_500_000
"""Characters of the part of a page that shows the notebook, pictures included."""


MAX_SOURCES = 200_000
"""Characters of code and text that are shown of one notebook."""
MAX_MARKDOWN = 40_000
"""Characters of text that are set as Markdown; a hostile text can take 50 µs for each."""


@dataclass(frozen=True)
class CellView:
    """A cell as HTML; `label` names a graded cell, `anchor` is what the exercise's row links to."""

    html: Markup
    label: str = ""
    anchor: str = ""
    kind: str = ""


@dataclass(frozen=True)
class NotebookView:
    """The cells that are shown, and sentences on what is not."""

    cells: tuple[CellView, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def anchors(self) -> dict[str, str]:
        """The anchor of each exercise's answer, by exercise."""
        return {cell.label: cell.anchor for cell in self.cells if cell.anchor}


def notebook_view(cells: Sequence[OwnCell], max_page: int = MAX_PAGE) -> NotebookView:
    """The cells of a notebook, up to a size."""
    shown: list[CellView] = []
    unchanged, room, sources, texts = 0, max_page, 0, 0
    remarks = []
    outline = Outline()
    for index, cell in enumerate(cells):
        if cell.role != "lesson":
            sources += len(cell.source)
            texts += 0 if cell.is_code else len(cell.source)
        too_much = sources > MAX_SOURCES
        view = None if too_much else _view(cell, outline, as_markdown=texts <= MAX_MARKDOWN)
        if view is None and not too_much:
            unchanged += 1
            continue
        room -= len(view.html) if view else 0
        if view is None or room < 0:
            left = len(cells) - index
            remarks.append(f"The last {left} cells are left out: the page would become too large.")
            break
        shown.append(view)
    if unchanged:
        remarks.insert(
            0, f"{unchanged} cells of the lesson's own text and code, unchanged, are left out."
        )
    return NotebookView(tuple(shown), tuple(remarks)) if shown else NotebookView()


def _view(cell: OwnCell, outline: Outline, as_markdown: bool) -> CellView | None:
    label = cell.grade_id.replace("-check", "").replace("-", ".")
    if cell.role == "check":
        return CellView(Markup(""), f"Check of {label}" if label else "Check", "", "check")
    if cell.role == "lesson":
        return _unchanged(cell, outline)
    outputs = _outputs(cell.outputs)
    if cell.is_code:
        html = _code(cell) + outputs
    elif as_markdown:
        html = markdown(cell.source, cell.attachments, outline)
    else:
        html = Markup('<div class="prewrap">{}</div>').format(cell.source)
    if cell.role == "own":
        return CellView(html) if cell.source.strip() or outputs else None
    return CellView(html, label, cell.grade_id, cell.role)


def _unchanged(cell: OwnCell, outline: Outline) -> CellView | None:
    """A released cell: its heading if it is text, what it printed or drew if it is code."""
    if cell.is_code:
        outputs = _outputs(cell.outputs)
        return CellView(outputs, kind="lesson") if outputs else None
    first = cell.source.lstrip().partition("\n")[0]
    if not first.startswith("#"):
        return None
    return CellView(markdown(first, outline=outline), kind="lesson")


def _code(cell: OwnCell) -> Markup:
    more = Markup('<p class="quiet">The rest of this cell is left out: it is too long.</p>')
    shown = Markup('<pre class="code">{}</pre>').format(python(cell.source))
    return shown + more if cell.cut else shown


def _outputs(outputs: Sequence[Output]) -> Markup:
    return Markup("").join(_output(output) for output in outputs)


def _output(output: Output) -> Markup:
    html = Markup("")
    if output.picture:
        alt = output.picture.alt or "A figure that this cell has drawn"
        html += Markup('<img src="{}" alt="{}">').format(output.picture.source, alt)
    if output.text.strip():
        html += Markup('<pre class="came">{}</pre>').format(without_paths(output.text.rstrip()))
    if output.left_out:
        html += Markup('<p class="quiet">[{}]</p>').format(output.left_out)
    return html

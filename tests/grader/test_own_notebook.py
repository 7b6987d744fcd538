"""A student's notebook on the feedback page and in formgrader: theirs, bounded, and harmless."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest
import toy
from PIL import Image

from autograder.defuse import defused
from autograder.graded_notebooks import graded_notebook, is_folder_name, write_graded
from autograder.notebook_view import notebook_view
from autograder.own_cells import MAX_OUTPUT, Output, OwnCell, own_cells
from autograder.pictures import MAX_BYTES, Picture, checked, picture_in
from autograder.safe_text import MAX_MARKDOWN, Outline, markdown, python

LESSON = toy.lesson()
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


def picture(kind: str = "PNG", size: tuple[int, int] = (3, 2)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def drawn(data: dict[str, Any]) -> Any:
    """A code cell with one output."""
    cell = toy.code("draw()")
    cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
    return cell


def page(*cells: Any) -> str:
    view = notebook_view(own_cells(toy.notebook(cells), LESSON))
    return " ".join([*view.remarks, *(f"{cell.label} {cell.html}" for cell in view.cells)])


class Tags(HTMLParser):
    """All tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize(("kind", "mime"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_pictures_are_shown_if_they_are_what_they_say(kind: str, mime: str) -> None:
    data = picture(kind)
    assert checked(mime, data) == Picture(mime, data)
    other = {"image/png": "image/jpeg", "image/jpeg": "image/png"}[mime]
    assert checked(other, data) is None
    assert f'<img src="data:{mime};base64,{data}"' in page(drawn({mime: data}))


@pytest.mark.parametrize(
    ("mime", "data"),
    [
        ("image/png", base64.b64encode(SVG.encode()).decode()),
        ("image/png", 'x" onerror="alert(1)'),
        ("image/png", ""),
        ("image/png", "iVBORw0KGgo="),
        ("image/jpeg", "/9j/"),
        ("image/jpeg", base64.b64encode(b"\xff\xd8\xff" + b"\xff\xe0\x00\x00" * 99).decode()),
        ("image/png", base64.b64encode(b"<script>" + base64.b64decode(picture())[8:]).decode()),
        ("image/png", picture(size=(5000, 10))),
        ("image/png", picture(size=(3000, 3000))),
        ("image/png", base64.b64encode(base64.b64decode(picture()) + bytes(MAX_BYTES)).decode()),
    ],
)
def test_other_bytes_and_pictures_too_large_are_not(mime: str, data: str) -> None:
    assert checked(mime, data) is None
    shown = page(drawn({mime: data}))
    assert "<img" not in shown
    assert "[a picture that cannot be shown here]" in shown


def test_a_figure_of_the_library_is_taken_out_of_its_html() -> None:
    pytest.importorskip("matplotlib")
    from vi_lib.figure import Picture as Figure

    png = base64.b64decode(picture())
    bundle = Figure(png, 'A "red" <box>')._repr_mimebundle_()
    assert picture_in(bundle) == Picture("image/png", picture(), 'A "red" <box>')
    assert 'alt="A &#34;red&#34; &lt;box&gt;"' in page(drawn(dict(bundle)))
    spoiled = bundle["text/html"].replace("<img", "<img onerror=alert(1)")
    assert picture_in({"text/html": spoiled}) is None


@pytest.mark.parametrize(
    "data",
    [
        {"text/html": "<script>alert(1)</script>"},
        {"image/svg+xml": SVG},
        {"application/javascript": "alert(1)"},
        {"text/html": "<b>bold</b>", "text/plain": "<b>bold</b>"},
    ],
)
def test_active_outputs_never_come_through(data: dict[str, str]) -> None:
    shown = page(drawn(data))
    assert {tag for tag, _ in Tags(shown).found} <= {"pre", "p", "span"}
    assert ("&lt;b&gt;bold" in shown) == ("text/plain" in data)


def test_text_outputs_are_escaped_plain_and_short() -> None:
    cell = toy.code("print()")
    text = "\x1b[31m<b>red</b>\x1b[0m\x00 /home/ada/course/x.csv " + "9" * 2 * MAX_OUTPUT
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [text]}]
    shown = page(cell)
    assert "&lt;b&gt;red&lt;/b&gt;� x.csv 999" in shown
    assert "/home" not in shown
    assert "more characters]" in shown
    assert len(shown) < 2 * MAX_OUTPUT


def test_errors_are_told_without_traceback() -> None:
    cell = toy.code("1 / 0")
    error = {"ename": "ZeroDivisionError", "evalue": "by zero", "traceback": ["/srv/secret"]}
    cell["outputs"] = [{"output_type": "error", **error}]
    assert "ZeroDivisionError: by zero" in page(cell)
    assert "secret" not in page(cell)


def test_a_hundred_outputs_are_counted_not_shown() -> None:
    cell = toy.code("x")
    cell["outputs"] = [{"output_type": "stream", "text": "a"}] * 100
    (own,) = own_cells(toy.notebook([cell]), LESSON)
    assert own.outputs[-1] == Output(left_out="80 more outputs")


def test_unchanged_cells_are_left_out_and_answers_have_anchors() -> None:
    view = notebook_view(own_cells(toy.notebook(toy.cells(**toy.RIGHT)), LESSON))
    assert view.anchors == {"E5.1": "E5-1", "E5.2": "E5-2", "E5.3": "E5-3", "O5": "O5"}
    assert view.remarks == ("2 cells of the lesson's own text and code, unchanged, are left out.",)
    checks = [cell for cell in view.cells if cell.kind == "check"]
    assert [cell.label for cell in checks] == ["Check of E5.1", "Check of E5.2", "Check of E5.3"]


def test_what_a_check_cell_printed_is_not_believed() -> None:
    cells = toy.cells()
    for cell in cells:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "E5-1-check":
            cell["outputs"] = [{"output_type": "stream", "text": "all 4 of 4 points"}]
    assert "4 of 4" not in page(*cells)
    assert "4 of 4" not in json.dumps(
        graded_notebook(LESSON, own_cells(toy.notebook(cells), LESSON))
    )


def test_of_copies_the_last_filled_one_counts_and_a_lost_id_is_found_by_name() -> None:
    stub = toy.STUB.format(name="double")
    copies = [toy.code(stub, "E5-1"), toy.code("a = 1", "E5-1"), toy.code(stub, "E5-1")]
    found = own_cells(toy.notebook([*copies, toy.code(toy.RIGHT["square"])]), LESSON)
    assert [(cell.role, cell.grade_id) for cell in found] == [
        ("lesson", ""),
        ("answer", "E5-1"),
        ("lesson", ""),
        ("answer", "E5-2"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"cells": 3}',
        b'{"cells": [3, null, {}, {"cell_type": 3}, {"cell_type": "code", "source": {}}]}',
        b'{"cells": [{"cell_type": "code", "outputs": [null, {"output_type": "display_data"}]}]}',
        b'{"cells": [{"cell_type": "markdown", "attachments": {"a": 3, "b": {"image/png": []}}}]}',
        b'{"cells": [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": []}}}]}',
        b'{"worksheets": [3, {"cells": [{"cell_type": "code", "input": "x = 1"}]}]}',
        b'{"cells": [{"cell_type": "code", "source": "\\ud800"}]}',
    ],
)
def test_any_bytes_can_be_shown(data: bytes | None) -> None:
    cells = own_cells(data, LESSON)
    notebook_view(cells)
    nbformat.validate(nbformat.from_dict(graded_notebook(LESSON, cells)))


def test_a_page_is_bounded_and_says_what_is_cut() -> None:
    cells = [toy.code(f"x = '{index}' + '{'y' * 1000}'") for index in range(50)]
    view = notebook_view(own_cells(toy.notebook(cells), LESSON), max_page=20_000)
    assert sum(len(cell.html) for cell in view.cells) <= 20_000
    left = 50 - len(view.cells)
    assert f"The last {left} cells are left out: the page would become too large." in view.remarks


@pytest.mark.slow
def test_a_notebook_that_would_take_long_to_set_is_cut() -> None:
    texts = [toy.text("[" * MAX_MARKDOWN) for _ in range(200)]
    code = [toy.code("(" * 40_000) for _ in range(200)]
    started = time.process_time()
    for cells in (texts, code):
        view = notebook_view(own_cells(toy.notebook(cells), LESSON))
        assert len(view.cells) < 30
        assert "the page would become too large" in view.remarks[-1]
        graded = graded_notebook(LESSON, own_cells(toy.notebook(cells), LESSON))
        assert len(graded["cells"]) < 40
    assert time.process_time() - started < 20


def test_code_keeps_every_character() -> None:
    source = 'def f(x):\n\n    """Docs."""  # <b>\n    return {1.5: "a&b"}\n\n'
    text = Tags("")
    assert text.found == []
    shown = "".join(_texts(python(source)))
    assert shown == source
    assert '<span class="k">def</span> <span class="f">f</span>(x)' in python(source)


def _texts(html: str) -> list[str]:
    found: list[str] = []

    class Text(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Text().feed(html)
    return found


def test_markdown_keeps_its_form_and_formulas_stay_tex() -> None:
    html = markdown("# A\n\n*b* `c<d` $x_1 < y_2$\n\n$$\na_b\n$$\n\n- e\n\n|f|g|\n|-|-|\n|1|2|")
    for piece in (
        "<h3>A</h3>",
        "<em>b</em>",
        "<code>c&lt;d</code>",
        '<code class="tex">$x_1 &lt; y_2$</code>',
        "$$\na_b\n$$",
        "<li>e</li>",
        "<td>1</td>",
    ):
        assert piece in html


def test_headings_of_all_cells_follow_one_another() -> None:
    outline = Outline()
    cells = ("# A", "### B\n\n### C", "###### D", "# E\n\n> ## F")
    html = "".join(markdown(text, outline=outline) for text in cells)
    assert re.findall(r"<h(\d)>(.)</h\1>", html) == [
        *[("3", "A"), ("4", "B"), ("4", "C"), ("5", "D")],
        *[("3", "E"), ("4", "F")],
    ]


def test_markdown_s_own_html_is_text() -> None:
    html = markdown(
        "<script>alert(1)</script>\n\na <b onclick=x>b</b> <!-- c -->\n\n<div>\nd\n</div>"
    )
    assert {tag for tag, _ in Tags(html).found} == {"p"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_markdown_links_are_text_with_their_address() -> None:
    assert "docs <span" in markdown("[docs](https://example.org/a)")
    html = markdown("[docs](https://example.org/a) and [bait](javascript:alert(1)) <http://b.c>")
    assert "<a" not in html
    assert "(https://example.org/a)" in html
    assert "(javascript:alert(1))" in html


def test_markdown_shows_attached_pictures_only() -> None:
    attached = {"a.png": Picture("image/png", picture())}
    assert "data:image/png" in markdown("![sketch](attachment:a.png)", attached)
    for source in ("attachment:b.png", "a.png", "https://example.org/x.png", "javascript:x"):
        assert "<img" not in markdown(f"![x]({source})", attached)


def test_what_is_too_long_for_markdown_is_shown_as_text() -> None:
    html = markdown("# <b>" + "x" * MAX_MARKDOWN)
    assert html.startswith('<div class="prewrap"># &lt;b&gt;xxx')


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["[", "`a", "*a", "_a_ ", "> ", "$a ", "![a", "[a](", "<a ", "|a", "- "]
)
def test_no_markdown_takes_long(piece: str) -> None:
    text = piece * (MAX_MARKDOWN // len(piece))
    started = time.process_time()
    markdown(text)
    assert time.process_time() - started < 5


def test_defused_text_reads_as_before() -> None:
    source = "If $a<b$ and x < 3, see `f[0]` and **this**:\n\n1. one\n\n```python\nx = y<z\n```\n"
    assert defused(source, {})[0] == source.replace("a<b", "a< b").replace("y<z", "y< z")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<b>", "< b>"),
        ("</b><!-- --><?x", "< /b>< !-- -->< ?x"),
        ("[a](javascript:x)", "[a] (javascript:x)"),
        ("[a]: javascript:x", "[a] : javascript:x"),
        (r"$\href{x}{y} \hrefs \style{z}{}$", r"$href{x}{y} \hrefs style{z}{}$"),
        ("![a](attachment:no.png)", "![a] (attachment:no.png)"),
        ("```mermaid", "```Mermaid"),
    ],
)
def test_defused_text_has_no_tags_links_or_diagrams(text: str, clean: str) -> None:
    assert defused(text, {})[0] == clean


def test_attached_pictures_stay_under_plain_names() -> None:
    attached = {'x"y.png': Picture("image/png", picture())}
    text, kept = defused('<b> ![a" onerror="x](attachment:x"y.png) [z](q)', attached)
    assert text == "< b> ![a onerror x](attachment:picture-1.png) [z] (q)"
    assert list(kept) == ["picture-1.png"]


def test_a_graded_notebook_has_each_graded_cell_once_with_the_lesson_s_metadata() -> None:
    cells = toy.cells(double=toy.RIGHT["double"], open="Because <b>.")
    cells[2]["metadata"]["nbgrader"]["points"] = 1000
    cells.insert(3, cells[2])
    del cells[-1]["metadata"]["nbgrader"]  # the question lost its id
    found = graded_notebook(LESSON, own_cells(toy.notebook(cells), LESSON))
    nbformat.validate(nbformat.from_dict(found))
    by_id = [c["metadata"]["nbgrader"] for c in found["cells"] if c["metadata"]]
    assert sorted(meta["grade_id"] for meta in by_id) == sorted(LESSON.ids)
    points = {meta["grade_id"]: meta["points"] for meta in by_id if meta["grade"]}
    assert points == {"E5-1-check": 4.0, "E5-2-check": 3.0, "E5-3-check": 2.5, "O5": 5.0}
    assert [c["source"] for c in found["cells"]].count("Because < b>.") == 1


def test_the_text_before_an_answer_is_kept_and_other_text_is_not() -> None:
    lesson = toy.lesson()
    cells = own_cells(toy.notebook(toy.cells()), lesson)
    shown = [OwnCell("far", False, "lesson"), OwnCell("off\n# near", False, "lesson"), cells[2]]
    sources = [cell["source"] for cell in graded_notebook(lesson, shown)["cells"]]
    assert "# near" in sources
    assert "far" not in sources


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("ada", True),
        ("Zoë Müller", True),
        ("李雷", True),
        ("-rf", True),
        ("..", False),
        ("a/b", False),
        ("a\\b", False),
        ("a\nb", False),
        ("", False),
        ("x" * 300, False),
    ],
)
def test_only_names_of_folders_become_folders(tmp_path: Any, name: str, good: bool) -> None:
    assert is_folder_name(name) == good
    cells = own_cells(toy.notebook(toy.cells()), LESSON)
    written = write_graded(name, LESSON, cells, tmp_path / "out")
    assert (written is not None) == good
    assert {path.name for path in tmp_path.iterdir()} <= {"out"}

"""Lay out the pages of the web site: lessons with solutions folded, and the documents of docs/.

`python docs/site/assemble.py SOURCE` writes into the folder SOURCE what Sphinx reads with this
folder's conf.py; `make site` does both. The lessons' outputs are those of the solved notebooks.
Hidden inputs of checks never go there. With `--repository https://github.com/OWNER/NAME` the pages
have launch links; without, the address of the clone's origin is taken if it is at GitHub.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

import nbformat
from launch import Repository, origin, repository, with_launch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

SITE = Path(__file__).parent
ROOT = SITE.parents[1]
_SOLUTION = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.M)
_HIDDEN = re.compile(r"\n### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.S)
_MODEL_ANSWER = re.compile(r"<!-- BEGIN SOLUTION -->\n(.*?)<!-- END SOLUTION -->", re.S)
_LESSON_LINK = re.compile(r"\]\((?:\.\./)?(?:lessons/)?(\w+)/\1\.ipynb\)")
_DOCUMENT_LINK = re.compile(r"\]\(docs/([^)]*)\)")


def lesson_page(solved: NotebookNode, released: NotebookNode) -> NotebookNode:
    """A solved notebook as a page: stubs as students get them, the solutions folded below them."""
    stubs = {cell["id"]: cell.source for cell in released.cells}
    cells = []
    for cell in solved.cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and about.get("solution"):
            cells.append(new_code_cell(stubs[cell["id"]], id=f"{cell['id']}-stub"))
            cell.source = _SOLUTION.sub("", cell.source)
            cell.metadata.tags = ["hide-input"]
        elif cell.cell_type == "code" and about.get("grade"):
            cell.source, cell.outputs = _HIDDEN.sub("", cell.source).strip(), []
        elif cell.cell_type == "markdown":
            cell.source = linked(_MODEL_ANSWER.sub(_folded, cell.source))
        cell.metadata = {"tags": [t for t in cell.metadata.get("tags", []) if t == "hide-input"]}
        cells.append(cell)
    solved.cells = cells
    return solved


def _folded(found: re.Match[str]) -> str:
    return f"<details><summary>Show a model answer</summary>\n\n{found[1]}\n</details>\n"


def linked(text: str) -> str:
    """Markdown whose links to lessons and documents of the repository lead to the site's pages."""
    return _DOCUMENT_LINK.sub(r"](/\1)", _LESSON_LINK.sub(r"](/lessons/\1.ipynb)", text))


def assemble(source: Path, where: Repository | None = None) -> None:
    """Write all pages into a fresh folder, with launch links to a repository if there is one."""
    shutil.rmtree(source, ignore_errors=True)
    (source / "lessons").mkdir(parents=True)
    for path in sorted(ROOT.glob("solutions/*/*.ipynb")):
        solved = nbformat.read(path, as_version=4)
        released = nbformat.read(ROOT / "lessons" / path.stem / path.name, as_version=4)
        page = lesson_page(solved, released)
        if where:
            page.cells[0].source = with_launch(page.cells[0].source, where, path.stem)
        nbformat.write(page, source / "lessons" / path.name)
    for path in sorted((*ROOT.glob("docs/*.md"), *ROOT.glob("docs/api/*.md"))):
        target = source / path.relative_to(ROOT / "docs")
        target.parent.mkdir(exist_ok=True)
        target.write_text(linked(path.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.copy(ROOT / "docs" / "cover.png", source)
    for path in SITE.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        (source / path.name).write_text(linked(text), encoding="utf-8")


def main() -> None:
    """Write the pages."""
    parser = argparse.ArgumentParser(description="Lay out the pages of the web site.")
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.add_argument("--repository", metavar="https://github.com/OWNER/NAME")
    parser.add_argument("--branch", default="main", help="whose notebooks are opened (main)")
    given = parser.parse_args()
    try:
        where = repository(given.repository, given.branch) if given.repository else origin(ROOT)
    except ValueError as wrong:
        parser.error(f"--repository: {wrong}")
    assemble(given.source, where)


if __name__ == "__main__":
    main()

"""Every link to a file or a heading, in the guides and the lessons, leads somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!`)\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|(?:src|href)=\"([^\"]+)\"")
FOREIGN = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.I)


def documents() -> list[Path]:
    markdown = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return [*markdown, *(ROOT / "lessons").rglob("*.ipynb"), *(ROOT / "solutions").rglob("*.ipynb")]


def text_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return re.sub(r"```.*?```", "", text, flags=re.S)


def anchors(path: Path) -> set[str]:
    """Heading anchors as GitHub and JupyterLab make them, in lower case."""
    headings = re.findall(r"^#+\s+(.+?)\s*$", text_of(path), flags=re.M)
    cleaned = [re.sub(r"[^\w\- ]", "", heading.replace("`", "")) for heading in headings]
    return {heading.replace(" ", "-").lower() for heading in cleaned}


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for match in LINK.finditer(text_of(path)):
        target = match[1] or match[2]
        if FOREIGN.match(target):
            assert target.startswith(("https://", "mailto:", "data:")), target
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name) if name else path
        assert found.exists(), f"{path.name} links to {target}, which is not there"
        if anchor and found.suffix in (".md", ".ipynb"):
            assert anchor.lower() in anchors(found), f"{path.name}: no heading {target}"


def test_there_are_documents() -> None:
    assert len(documents()) >= 7

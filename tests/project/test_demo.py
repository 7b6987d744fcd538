"""The picture in the README: small, described, and its script's pieces still there."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import autograd.numpy as np
import pytest
from PIL import Image

from autograder.checks.grading import PUBLIC_SEED, grade
from autograder.checks.registry import find

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo() -> Any:
    """docs/demo.py, imported and not run."""
    spec = importlib.util.spec_from_file_location("demo", ROOT / "docs" / "demo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_small_and_the_readme_says_what_it_shows(demo: Any) -> None:
    assert demo.PICTURE.stat().st_size <= demo.MOST_BYTES
    with Image.open(demo.PICTURE) as picture:
        assert (picture.format, picture.mode) == ("PNG", "P")
        assert picture.width == demo.SCALE * (2 * (demo.WIDTH + demo.GAP) + demo.GAP)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (alt,) = re.findall(r"!\[([^]]+)\]\(docs/demo\.png\)", text)
    assert len(alt.split()) > 20


def test_the_answer_in_the_picture_makes_the_mistake_that_its_hint_names(demo: Any) -> None:
    names: dict[str, Any] = {"np": np}
    exec(demo.ANSWER, names)
    verdict = grade(demo.EXERCISE, names, PUBLIC_SEED)
    assert verdict.status == "partly correct"
    assert verdict.hints[0] in {wrong.hint for wrong in find(demo.EXERCISE).wrong}


def test_the_lesson_has_the_cells_that_are_filled_in(demo: Any, tmp_path: Path) -> None:
    notebook = tmp_path / "lesson.ipynb"
    source = ROOT / "lessons" / demo.LESSON / f"{demo.LESSON}.ipynb"
    notebook.write_bytes(source.read_bytes())
    demo.answer_all_but_one(notebook)
    filled = json.loads(notebook.read_text("utf-8"))["cells"]
    sources = {cell["id"]: "".join(cell["source"]) for cell in filled}
    answer = demo.EXERCISE.replace(".", "-")
    assert sources[answer] == demo.ANSWER
    assert f"{answer}-check" in sources
    stubs = [name for name, text in sources.items() if "    raise NotImplementedError" in text]
    assert stubs == []

"""`autograder progress`: what it counts, what it runs again, and what it says of broken files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mini
import pytest

from autograder import start_page
from autograder.checks.registry import exercises
from autograder.cli import main
from autograder.facts import facts_of
from autograder.lesson import load_lesson
from autograder.notebook_file import read_cells
from autograder.notebooks import all_names, is_practice, lesson_names
from autograder.notebooks import released_notebook as released
from autograder.standing import CACHE, Said, is_untouched, standings
from autograder.stubs import stubs_of

ROOT = Path(__file__).parents[2]
NAMES = ("01_elbo", "05_bbvi")
SAID: Said = {"E5.1": ("correct", 4.0), "E5.2": ("partly correct", 2.0), "E5.3": ("not defined", 0)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).mkdir()
        shutil.copy(released(name), tmp_path / name)
    return tmp_path


class Judge:
    """Says the same of each notebook, and counts how often it is asked."""

    def __init__(self, said: Said = SAID):
        self.said, self.asked = said, list[str]()

    def __call__(self, path: Path, data: bytes, name: str) -> Said:
        self.asked.append(name)
        return self.said


def answer(folder: Path, source: str = mini.SCORE, change: Callable[[Any], Any] = id) -> None:
    path = folder / "05_bbvi" / "05_bbvi.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    (cell,) = (c for c in notebook["cells"] if c["id"] == "E5-1")
    cell["source"] = source
    change(notebook)
    path.write_text(json.dumps(notebook), encoding="utf-8")


@pytest.mark.parametrize("name", all_names(ROOT))
def test_facts_and_stubs_are_those_of_the_lesson(name: str) -> None:
    facts = facts_of(name, ROOT)
    found = exercises(facts.number)
    worth = {e.id: 0.0 if is_practice(name) else e.points for e in found}
    assert (sorted(facts.builds), facts.points) == (sorted(e.id for e in found), worth)
    cells, _ = read_cells(released(name, ROOT).read_bytes())
    shown = {c.grade_id: c.source for c in cells if c.solution}
    solved = ROOT / "solutions" / name / f"{name}.ipynb"
    stubs = stubs_of(json.loads(solved.read_text(encoding="utf-8"))["cells"])
    assert {k: v.strip() for k, v in shown.items()} == {k: v.strip() for k, v in stubs.items()}
    assert is_untouched(cells, facts)


def test_an_untouched_lesson_is_not_run(folder: Path) -> None:
    judge = Judge()
    found = standings(folder, NAMES, judge)
    assert (judge.asked, [f.points for f in found]) == ([], [0, 0])
    assert [f.count("untouched") for f in found] == [5, 5]
    assert not (folder / CACHE).exists()


def test_a_changed_lesson_is_run_once(folder: Path) -> None:
    judge = Judge()
    answer(folder)
    assert [f.stale for f in standings(folder, NAMES)] == [False, True]
    (_, found) = standings(folder, NAMES, judge)
    assert (found.points, found.possible) == (6, 25)
    assert found.states == ("done", "begun", "untouched", "untouched", "untouched")
    assert standings(folder, NAMES, judge)[1] == found
    answer(folder, change=lambda book: book["cells"][5].update(outputs=[]))
    standings(folder, NAMES, judge)
    assert judge.asked == ["05_bbvi"]
    (folder / "05_bbvi" / "helper.py").write_text("x = 1\n")
    standings(folder, NAMES, judge)
    answer(folder, mini.SCORE + "\n# more")
    standings(folder, NAMES, judge)
    assert judge.asked == ["05_bbvi"] * 3


@pytest.mark.parametrize("damage", ["", "[]", '{"05_bbvi": 3}', '{"05_bbvi": {"key": 1}}'])
def test_what_is_kept_may_be_damaged(folder: Path, damage: str) -> None:
    answer(folder)
    (folder / CACHE).write_text(damage)
    judge = Judge()
    assert standings(folder, NAMES, judge)[1].points == 6
    assert judge.asked == ["05_bbvi"]


def test_an_answer_in_a_new_cell_counts_as_begun(folder: Path) -> None:
    new = {"cell_type": "code", "metadata": {}, "source": mini.SCORE, "id": "n", "outputs": []}
    stub = facts_of("05_bbvi").stubs["E5-1"]
    answer(folder, stub, lambda book: book["cells"].append(new))
    assert standings(folder, NAMES)[1].stale


def test_the_stub_is_known_although_a_student_works_in_the_released_notebook() -> None:
    assert "NotImplementedError" in load_lesson("05_bbvi").stubs["E5-1"]


def test_broken_files_get_a_sentence_and_the_others_their_row(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "05_bbvi" / "05_bbvi.ipynb").write_text('{"cells": [')
    assert main(["progress", str(folder)]) == 1
    said = capsys.readouterr().out
    assert "05_bbvi: The file is not a readable notebook: it breaks off" in said
    assert "There is no notebook 02_cavi.ipynb." in said
    assert " ? of 25" in said
    assert main(["progress", str(folder / "05_bbvi")]) == 2
    assert "Expected a folder with 00_start/00_start.ipynb" in capsys.readouterr().err


@pytest.mark.slow
def test_progress_and_check_say_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(folder)
    main(["progress", str(folder)])
    assert "4 of 25" in capsys.readouterr().out
    main(["check", str(folder / "05_bbvi" / "05_bbvi.ipynb")])
    assert "4 of 25 points on the visible checks" in capsys.readouterr().out


def test_the_page_is_built_from_the_lessons_and_is_none_of_them() -> None:
    path = ROOT / "lessons" / start_page.NAME
    assert json.loads(path.read_text(encoding="utf-8")) == start_page.page(all_names(ROOT))
    table = path.read_text(encoding="utf-8")
    for name in all_names(ROOT):
        assert f'href=\\"{name}/{name}.ipynb\\"' in table
    assert not [name for name in (*all_names(ROOT), *lesson_names(ROOT)) if "page" in name]


def test_renewing_the_page_writes_what_is_known_and_keeps_what_was_added(folder: Path) -> None:
    names, path = ("05_bbvi",), folder / start_page.NAME
    start_page.renew(names, folder)
    before = path.read_bytes()
    start_page.renew(names, folder)
    assert path.read_bytes() == before
    notebook = json.loads(before)
    notebook["cells"].append({"cell_type": "markdown", "id": "x", "metadata": {}, "source": "Mine"})
    path.write_text(json.dumps(notebook))
    answer(folder)
    standings(folder, NAMES, Judge())
    start_page.renew(names, folder)
    text = path.read_text(encoding="utf-8")
    assert "6 of 25" in text
    assert "Mine" in text
    path.write_text("{")
    start_page.renew(names, folder)
    assert "6 of 25" in path.read_text(encoding="utf-8")

"""Text, executed notebook and released notebook of every lesson are in step, whole and clean."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from autograder import notebooks
from autograder.checks.registry import exercises, lessons

ROOT = Path(__file__).parents[2]
NAMES = notebooks.all_names(ROOT)
each_lesson = pytest.mark.parametrize("name", NAMES)
each_graded = pytest.mark.parametrize("name", notebooks.lesson_names(ROOT))

MAX_BYTES = 1_500_000
LONGEST_LINE = 79
#: The points of what stands in the place of an open question.
CAPSTONES = {"12_diagnostics": 20.0}


def solved(name: str) -> nbformat.NotebookNode:
    return nbformat.read(notebooks.solution_notebook(name, ROOT), as_version=4)


def released(name: str) -> nbformat.NotebookNode:
    return nbformat.read(notebooks.released_notebook(name, ROOT), as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def test_every_lesson_with_checks_has_a_text_and_back() -> None:
    assert {int(name[:2]) for name in NAMES} == set(lessons())


@each_lesson
def test_notebooks_are_built_from_the_text(name: str) -> None:
    assert notebooks.outdated(name, ROOT) == (), f"run `autograder build {name}`"


@each_lesson
def test_executed_notebook_has_the_cells_of_the_text(name: str) -> None:
    text = notebooks.from_text(notebooks.solution_text(name, ROOT))
    assert [c.source for c in solved(name).cells] == [c.source for c in text.cells]
    assert [c.id for c in solved(name).cells] == [c.id for c in text.cells]


@each_lesson
def test_executed_notebook_is_executed_in_order_and_without_noise(name: str) -> None:
    # nbval compares nothing in a notebook without outputs, so this must not be one.
    cells = code_cells(solved(name))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    found = outputs(solved(name))
    assert len(found) >= len(cells) // 3
    assert not [o for o in found if o.output_type == "error" or o.get("name") == "stderr"]


@each_lesson
def test_executed_notebook_is_small_enough(name: str) -> None:
    assert notebooks.solution_notebook(name, ROOT).stat().st_size < MAX_BYTES


@each_graded
def test_every_exercise_of_the_lesson_is_there_with_full_marks(name: str) -> None:
    cells = notebooks.exercises_of(solved(name))
    assert [(c.exercise, c.points) for c in cells] == [
        (exercise.id, exercise.points) for exercise in exercises(int(name[:2]))
    ]
    by_id = {cell.id: cell for cell in solved(name).cells}
    for cell in cells:
        (output,) = by_id[cell.check_id].outputs
        assert output.data["text/plain"] == str(cell.points)
        assert by_id[cell.answer_id].metadata.nbgrader.solution


@pytest.mark.parametrize("name", notebooks.practice_names(ROOT))
def test_a_lesson_for_practice_has_exercises_and_no_points(name: str) -> None:
    by_id = {cell.id: cell for cell in solved(name).cells}
    for exercise in exercises(int(name[:2])):
        answer = by_id[notebooks.identifier(exercise.id)]
        check = by_id[f"{answer.id}-check"]
        assert answer.metadata.nbgrader.solution
        assert check.outputs[0].data["text/plain"] == str(exercise.points)
    graded = [c for c in solved(name).cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert graded == []


@each_graded
def test_hidden_seeds_are_secret_and_differ(name: str) -> None:
    seeds = [cell.seed for cell in notebooks.exercises_of(solved(name))]
    assert len(set(seeds)) == len(seeds)
    assert 0 not in seeds
    text = notebooks.released_notebook(name, ROOT).read_text()
    assert not [seed for seed in seeds if re.search(rf"seed\W{{1,4}}{seed}\b", text)]


@each_graded
def test_lesson_has_one_open_question(name: str) -> None:
    manual = [c for c in solved(name).cells if c.metadata.get("nbgrader", {}).get("solution")]
    manual = [c for c in manual if c.metadata.nbgrader.grade]
    assert [(c.metadata.nbgrader.grade_id, c.metadata.nbgrader.points) for c in manual] == [
        (f"O{int(name[:2])}", CAPSTONES.get(name, 5.0))
    ]


@each_lesson
def test_released_notebook_leaks_nothing(name: str) -> None:
    text = notebooks.released_notebook(name, ROOT).read_text()
    for marker in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "seed="):
        assert marker not in _without_prose(text, marker), marker
    hidden = notebooks.exercises_of(solved(name))
    by_id = {cell.id: cell for cell in released(name).cells}
    for cell in hidden:
        assert by_id[cell.check_id].source == f'check("{cell.exercise}", globals())'
        assert "raise NotImplementedError" in by_id[cell.answer_id].source


def _without_prose(text: str, marker: str) -> str:
    """The notebook; for "seed=" only its graded cells, since demonstrations may use seeds."""
    if marker != "seed=":
        return text
    cells = json.loads(text)["cells"]
    return "".join("".join(c["source"]) for c in cells if "nbgrader" in c["metadata"])


@each_lesson
def test_released_folder_holds_the_notebook_and_nothing_else(name: str) -> None:
    folder = notebooks.released_notebook(name, ROOT).parent
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == [
        f"{name}.ipynb"
    ]
    assert outputs(released(name)) == []


@each_lesson
def test_figures_have_alternative_texts(name: str) -> None:
    for output in outputs(solved(name)):
        assert "image/png" not in output.get("data", {}), "show figures by plots.show(fig, alt=...)"
        html = output.get("data", {}).get("text/html", "")
        if "data:image" in html:
            assert re.search(r"(aria-label|alt)=\"[^\"]{20,}\"", html)


@each_lesson
def test_lesson_has_a_flipbook_three_figures_and_four_folded_answers(name: str) -> None:
    data = [output.get("data", {}) for output in outputs(solved(name))]
    assert sum("flip-" in d.get("text/html", "") for d in data) >= 1
    assert sum(d.get("text/html", "").startswith("<img alt=") for d in data) >= 3
    prose = "".join(c.source for c in solved(name).cells if c.cell_type == "markdown")
    assert prose.count("<details>") == prose.count("</details>") >= 4


@each_lesson
def test_code_fits_the_page(name: str) -> None:
    long = [
        line
        for c in code_cells(solved(name))
        for line in c.source.splitlines()
        if len(line) > LONGEST_LINE
    ]
    assert long == []


@pytest.mark.slow
@each_lesson
def test_release_gives_the_committed_notebook(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "solutions" / name, tmp_path / "solutions" / name)
    notebooks.release([name], tmp_path)
    again = notebooks.released_notebook(name, tmp_path).read_bytes()
    assert again == notebooks.released_notebook(name, ROOT).read_bytes()


def _bound(cell: nbformat.NotebookNode) -> set[str]:
    """The names that the top level of a cell defines."""
    found = set()
    for node in ast.parse(cell.source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and _stores(n)}
    return found


def _stores(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


@each_lesson
def test_no_demonstration_depends_on_an_answer(name: str) -> None:
    cells = code_cells(released(name))
    answers = {c.id for c in cells if c.metadata.get("nbgrader", {}).get("solution")}
    answers |= {c.id.removesuffix("-check") for c in cells if c.id.endswith("-check")}
    asked = set().union(*(_bound(c) for c in cells if c.id in answers))
    assert len(asked) >= len(answers)
    for cell in cells:
        if cell.id not in answers:
            tree = ast.parse(cell.source)
            names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not _stores(n)}
            assert not (names - _bound(cell)) & asked, cell.source


@pytest.mark.slow
@each_lesson
def test_an_untouched_lesson_runs_and_says_that_it_is_not_started(name: str) -> None:
    """Without its demonstrations: they depend on no answer, and run in the solved notebook."""
    import subprocess

    from nbclient import NotebookClient

    notebook = released(name)
    notebook.cells = [c for c in notebook.cells if "demo" not in c.metadata.get("tags", [])]
    resources = {"metadata": {"path": str(notebooks.released_notebook(name, ROOT).parent)}}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources)
    client.execute(stderr=subprocess.DEVNULL)  # raises at the first cell that fails
    checks = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("locked")]
    assert len(checks) == len(notebooks.exercises_of(solved(name)))
    for cell in checks:
        assert "not started" in cell.outputs[0].data["text/html"]
    for cell in notebook.cells:
        if cell.id.endswith("-check"):
            assert "not started" in cell.outputs[0].data["text/html"]

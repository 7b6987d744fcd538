"""Building notebooks from text: errors are said plainly, results are stable."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import notebooks
from autograder.build import build
from autograder.checks.registry import all_exercises

EXERCISE = all_exercises()[0].id

TEXT = f"""\
# %% [markdown]
# # A lesson

# %% exercise="{EXERCISE}"
def f():
    ### BEGIN SOLUTION
    return 1
    ### END SOLUTION

# %% check="{EXERCISE}" seed=7

# %% [markdown] open="O9" points=5
# <!-- BEGIN SOLUTION -->
# Because.
# <!-- END SOLUTION -->
"""


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "09_lesson.py"
    path.write_text(TEXT)
    return path


def test_short_options_become_nbgraders_metadata(text: Path) -> None:
    _, answer, check, question = notebooks.from_text(text).cells
    points = all_exercises()[0].points
    assert answer.metadata.nbgrader.solution
    assert not answer.metadata.nbgrader.grade
    assert check.metadata.nbgrader.points == points
    assert check.metadata.nbgrader.locked
    assert question.metadata.nbgrader.points == 5
    assert "seed" not in check.metadata
    assert [c.id for c in (answer, check, question)] == [
        notebooks.identifier(EXERCISE),
        f"{notebooks.identifier(EXERCISE)}-check",
        "O9",
    ]


def test_check_cells_say_how_they_are_graded(text: Path) -> None:
    (cells,) = notebooks.exercises_of(notebooks.from_text(text))
    assert (cells.exercise, cells.seed) == (EXERCISE, 7)


def test_two_readings_give_the_same_notebook(text: Path) -> None:
    assert notebooks.from_text(text) == notebooks.from_text(text)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    ### BEGIN SOLUTION\n", "", "has no ### BEGIN SOLUTION"),
        (" seed=7", "", "needs a seed other than 0, got None"),
        ("seed=7", "seed=0", "needs a seed other than 0, got 0"),
        ("seed=7\n", "seed=7\nprint(1)\n", "is written by the build"),
        ('open="O9"', f'open="{EXERCISE}"', "stands twice"),
    ],
)
def test_slips_are_named(text: Path, old: str, new: str, words: str) -> None:
    assert old in TEXT
    text.write_text(TEXT.replace(old, new))
    with pytest.raises(notebooks.SourceError, match=words):
        notebooks.from_text(text)


def test_unknown_exercise_is_named(text: Path) -> None:
    text.write_text(TEXT.replace(f'exercise="{EXERCISE}"', 'exercise="E77.1"'))
    with pytest.raises(KeyError, match=r"got 'E77\.1'"):
        notebooks.from_text(text)


def test_unknown_lesson_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert build(["77_nothing"]) == 2
    assert "Unknown lesson 77_nothing: expected" in capsys.readouterr().err


def test_changed_text_makes_notebooks_outdated(tmp_path: Path) -> None:
    name = notebooks.lesson_names()[0]
    (tmp_path / "solutions" / name).mkdir(parents=True)
    changed = notebooks.solution_text(name).read_text() + "\n# %% [markdown]\n# More.\n"
    notebooks.solution_text(name, tmp_path).write_text(changed)
    assert notebooks.outdated(name, tmp_path) == ("solutions", "lessons")

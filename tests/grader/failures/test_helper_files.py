"""A student's own files beside the notebook are there, for `autograder check` as for the grader."""

from __future__ import annotations

from pathlib import Path

import mini
import pytest
import toy

from autograder.commands import check

pytestmark = pytest.mark.slow


def test_the_visible_checks_see_the_files_beside_the_notebook(
    course: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(course)
    cells = mini.cells("from own_score import score_gaussian", mini.CONTROL)
    path = tmp_path / f"{mini.NAME}.ipynb"
    path.write_bytes(toy.notebook(cells))
    assert check(path, 20.0) == 1
    assert "own_score is none of them" in capsys.readouterr().out
    (tmp_path / "own_score.py").write_text(mini.SCORE)
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "large.csv").write_bytes(bytes(11 * 10**6))
    (tmp_path / "folder").mkdir()
    assert check(path, 20.0) == 0
    assert "9 of 9 points" in capsys.readouterr().out

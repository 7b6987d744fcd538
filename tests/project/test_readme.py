"""The README's example runs as it stands, and its table says what the lessons say of themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
ROW = re.compile(
    r"\| \[\d\d [^]]+\]\(lessons/(\w+)/\w+\.ipynb\) \| .+ \| (.+) \| (\d+) \| (\d+) s \|"
)
TIME = re.compile(r"\*\*Time\*\* about (\d+) minutes")


@pytest.mark.slow
def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
    exec(compile(code, str(README), "exec"), {})
    assert capsys.readouterr().out.count("Trust this fit") == 2


def test_the_table_has_every_lessons_points_minutes_and_measured_run_time() -> None:
    times = json.loads((ROOT / "docs" / "lesson_times.json").read_text(encoding="utf-8"))
    rows = {row[0]: row[1:] for row in ROW.findall(README.read_text(encoding="utf-8"))}
    assert sorted(rows) == sorted(path.stem for path in ROOT.glob("solutions/*.py"))
    assert sorted(rows) == sorted(times["lessons"])
    for name, (points, minutes, seconds) in rows.items():
        text = (ROOT / "solutions" / f"{name}.py").read_text(encoding="utf-8")
        assert int(minutes) == int(TIME.search(text)[1])
        stated = re.search(r"\*\*Points\*\* (\d+)", text)
        assert points.split(" + ")[0] == (stated[1] if stated else "none")
        assert int(seconds) == round(times["lessons"][name]["seconds"])


def test_lessons_are_light() -> None:
    """The largest notebook and the slowest cell, as measured by benchmarks/lessons.py."""
    times = json.loads((ROOT / "docs" / "lesson_times.json").read_text(encoding="utf-8"))
    assert max(found["slowest_cell"] for found in times["lessons"].values()) <= 5.0
    for path in ROOT.glob("solutions/*/*.ipynb"):
        assert path.stat().st_size < 1.5e6, path

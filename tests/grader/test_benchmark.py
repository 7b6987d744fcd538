"""The benchmark of the grader: its page says what was measured, and a wrong score voids it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from contestants import PYTHON, TOOLS, Task, nbgrader, ours, require_same
from grader_page import overhead, page, startup
from realistic import LESSON, write_course, write_hand_ins
from timed import Failed, run

WALLS = {
    ("realistic", "ours", 24): 16.0,
    ("realistic", "nbgrader", 24): 56.0,
    ("realistic", "floor", 24): 15.0,
    ("realistic", "otter", 1): 7.0,
    ("light", "ours", 24): 4.5,
    ("light", "nbgrader", 24): 30.0,
    ("light", "floor", 24): 2.0,
    ("growth", "ours", 10): 3.0,
    ("growth", "floor", 10): 1.5,
    ("growth", "ours", 100): 12.0,
    ("growth", "floor", 100): 7.8,
    ("growth", "ours", 1000): 102.0,
    ("growth", "unisolated", 10): 1.6,
    ("growth", "unisolated", 100): 8.8,
}


def measured(**changes: Any) -> dict[str, Any]:
    """Figures as `grader.py` stores them."""
    runs = [
        {"lesson": lesson, "who": who, "hand_ins": count, "wall": wall, "cpu": 2 * wall, "load": 0}
        for (lesson, who, count), wall in WALLS.items()
    ]
    machine = {"cores": 2, "python": "3", "system": "Linux", "nbgrader": "0.9.6", "tier": "A"}
    return {
        "runs": runs,
        "plan": {"copies": 24, "growth": [10, 100, 1000]},
        "seconds": {"realistic": 1.27, "light": 0.13},
        "workers": 2,
        "otter_absent": "",
        "machine": machine,
        **changes,
    }


def row(text: str, start: str) -> list[str]:
    """The cells of the first row of a table that starts so."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_gives_each_grader_its_ratio_to_ours() -> None:
    text = page(measured())
    realistic = text[: text.index("## Light")]
    assert "isolated (tier A)" in row(realistic, "`autograder grade`")[0]
    assert row(realistic, "`autograder grade`")[1:] == ["24", "16.0", "0.67", "1.33", "1.00"]
    assert row(realistic, "`nbgrader autograde`")[-1] == "3.50"
    assert row(realistic, "`otter run`")[1:] == ["1", "7.0", "7.00", "14.00", "10.50"]


def test_the_page_says_which_goals_were_met_and_which_missed() -> None:
    text = page(measured())
    assert row(text, "24 realistic")[1:] == ["16.0 s; nbgrader 56.0 s, 3.5 times as long", "met"]
    assert row(text, "24 light")[1:] == ["4.5 s; nbgrader 30.0 s, 6.7 times as long", "**missed**"]
    assert row(text, "at most 0.05 s")[1:] == ["0.040 s", "met"]
    assert row(text, "cost grows")[1:] == ["1.00 times", "met"]


def test_the_median_of_the_runs_counts() -> None:
    found = measured()
    found["runs"] += [
        {"lesson": "light", "who": "ours", "hand_ins": 24, "wall": wall, "cpu": 9.0, "load": 3.0}
        for wall in (3.5, 3.9)
    ]
    assert row(page(found), "24 light")[1].startswith("3.9 s")
    assert "the load before the runs was 0.0 to 3.0." in page(found)


def test_what_a_hand_in_costs_beyond_its_own_computing_is_the_difference_of_slopes() -> None:
    assert overhead(measured()) == pytest.approx((2 * (9.0 - 7.2) / 90, 2 * (9.0 - 7.2) / 90))
    assert overhead(measured(), "floor") == pytest.approx((2 * 2.7 / 90, 2 * 2.7 / 90))
    assert overhead(measured(workers=4))[0] == pytest.approx(4 * (9.0 - 7.2) / 90)
    assert startup(measured()) == pytest.approx(2.0)


def test_a_quick_measurement_judges_no_goal() -> None:
    assert "## Goals" not in page(measured(plan={"copies": 6, "growth": [10, 100]}))


def test_the_page_says_why_otter_is_not_there() -> None:
    found = measured(otter_absent="no network")
    found["runs"] = [one for one in found["runs"] if one["who"] != "otter"]
    assert "otter-grader could not be installed here: no network." in page(found)


def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('a reason')"]
    with pytest.raises(Failed, match="exit code 1:\na reason"):
        run(command, tmp_path)


def test_the_time_of_processes_that_a_command_leaves_behind_counts(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux hands such processes over")
    work = "import time\nwhile time.process_time() < 0.3: pass"
    leave = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {work!r}])"
    timing = run([sys.executable, "-W", "ignore", "-c", leave], tmp_path)
    assert timing.cpu >= 0.3


@pytest.mark.slow
def test_both_graders_take_the_same_hand_ins_and_give_the_same_points(tmp_path: Path) -> None:
    course = write_course(tmp_path / "course", 2, [*PYTHON, "nbgrader"], TOOLS)
    cells = json.loads(course.released.read_text(encoding="utf-8"))["cells"]
    assert len(cells) == 20
    assert not [cell for cell in cells if "BEGIN SOLUTION" in "".join(cell["source"])]
    task = Task(course, write_hand_ins(course, tmp_path / "handins", 8), 2)
    assert len(task.notebooks) == 8
    assert task.notebooks[0].parts[-2:] == (LESSON, f"{LESSON}.ipynb")
    mine = ours(task)
    totals = [
        sum(s or 0.0 for (who, _), s in mine.scores.items() if who == f"s{n:04d}") for n in (0, 7)
    ]
    assert totals == [21.0, 17.0]
    assert mine.tier in ("A", "B", "C")
    require_same(task, mine.scores, nbgrader(task).scores, "nbgrader")
    wrong = {**mine.scores, ("s0003", "E7.2"): 0.0}
    with pytest.raises(AssertionError, match=r"s0003.*E7\.2.*5\.0, 0\.0"):
        require_same(task, mine.scores, wrong, "nbgrader")

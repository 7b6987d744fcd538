"""The least that hand-ins can cost: their cells, in forks of a warm process, and nothing more.

Run as `python floor.py PROCESSES COURSE NOTEBOOK...`: nothing is isolated, limited or written. With
a COURSE, a folder, the hidden checks of its lesson are carried out as well, in the same process;
with "" nothing is checked.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Check = Callable[[dict[str, Any]], None]
LIBRARIES = (
    "autograd.scipy.stats",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "vi_lib.densities",
)


def main(processes: int, course: str, notebooks: list[str]) -> int:
    """Run the notebooks, so many at a time; the number of those that failed."""
    for name in LIBRARIES:
        importlib.import_module(name)
    check = _checks(Path(course), Path(notebooks[0]).stem) if course else _nothing
    running = failed = 0
    for path in notebooks:
        if running == processes:
            failed += os.wait()[1] != 0
            running -= 1
        if os.fork() == 0:
            _run(path, check)
        running += 1
    for _ in range(running):
        failed += os.wait()[1] != 0
    return failed


def _checks(course: Path, lesson: str) -> Check:
    """Carry out the hidden checks of a lesson."""
    from autograder.checks import grade
    from autograder.lesson import load_lesson

    tasks = load_lesson(lesson, course).tasks

    def check(names: dict[str, Any]) -> None:
        for task in tasks:
            grade(task.exercise, names, task.seed)

    return check


def _nothing(names: dict[str, Any]) -> None:
    """Check nothing."""


def _run(path: str, check: Check) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        for cell in json.loads(Path(path).read_text(encoding="utf-8"))["cells"]:
            meta = cell["metadata"].get("nbgrader", {})
            is_check = meta.get("grade") and not meta.get("solution")
            if cell["cell_type"] == "code" and not is_check:
                exec(compile("".join(cell["source"]), "<cell>", "exec"), names)
        check(names)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))

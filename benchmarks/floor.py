"""The least that running hand-ins can cost: their cells, in forks of a warm process, unchecked.

Run as `python floor.py PROCESSES NOTEBOOK...`: nothing is isolated, limited, judged or written.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

LIBRARIES = (
    "autograd.scipy.stats",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "vi_lib.densities",
)


def main(processes: int, notebooks: list[str]) -> int:
    """Run the notebooks, so many at a time; the number of those that failed."""
    for name in LIBRARIES:
        importlib.import_module(name)
    running = failed = 0
    for path in notebooks:
        if running == processes:
            failed += os.wait()[1] != 0
            running -= 1
        if os.fork() == 0:
            _run(path)
        running += 1
    for _ in range(running):
        failed += os.wait()[1] != 0
    return failed


def _run(path: str) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        for cell in json.loads(Path(path).read_text(encoding="utf-8"))["cells"]:
            meta = cell["metadata"].get("nbgrader", {})
            is_check = meta.get("grade") and not meta.get("solution")
            if cell["cell_type"] == "code" and not is_check:
                exec(compile("".join(cell["source"]), "<cell>", "exec"), names)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))

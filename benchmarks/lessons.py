"""How long each lesson's notebook runs, from a fresh kernel to its last cell, with all answers in.

Run as `python benchmarks/lessons.py` on a quiet machine, about five minutes; it writes
docs/lesson_times.json, from which the README's table is checked. With names of lessons, only those
are measured again. Kept is the time on the clock, the slowest cell's, and the notebook's size.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "docs" / "lesson_times.json"


def measure(path: Path) -> dict[str, float]:
    """Run a notebook; seconds in all and of its slowest cell, and its size in millions of bytes."""
    cells: list[float] = []
    began: list[float] = []
    client = NotebookClient(
        nbformat.read(path, as_version=4),
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=lambda **_: began.append(time.perf_counter()),
        on_cell_executed=lambda **_: cells.append(time.perf_counter() - began[-1]),
    )
    start = time.perf_counter()
    client.execute(stderr=subprocess.DEVNULL)
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "slowest_cell": round(max(cells), 1),
        "megabytes": round(path.stat().st_size / 1e6, 2),
    }


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="the first letters of lessons, such as 07")
    names = tuple(parser.parse_args().names)
    stored: dict[str, Any] = (
        json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {"lessons": {}}
    )
    chosen = [
        path
        for path in sorted(ROOT.glob("solutions/*/*.ipynb"))
        if not names or path.stem.startswith(names)
    ]
    for path in (bar := tqdm(chosen, unit="lesson")):
        bar.set_description(path.stem)
        stored["lessons"][path.stem] = measure(path)
    stored["machine"] = f"{os.cpu_count()} processors ({platform.machine()})"
    STORED.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for name, found in sorted(stored["lessons"].items()):
        print(name.ljust(20), *(f"{key} {value:6.2f}" for key, value in found.items()))


if __name__ == "__main__":
    main()

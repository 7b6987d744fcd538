"""A thousand hand-ins in one run: nothing grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from growth import measure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at processes in /proc"),
]
SIZE = 1000
MIB = 2**20


def test_a_thousand_hand_ins_take_no_more_each_than_the_first(course: Path, tmp_path: Path) -> None:
    found = measure(course, tmp_path, SIZE, 100)
    assert found.code == 0, (tmp_path / "log").read_text()
    assert len(found.seconds) == SIZE
    first, *_, last = found.marks
    for kind in ("main", "worker", "zygote", "nursery", "server"):
        grown = last.memory[kind] - first.memory[kind]
        assert grown < 20 * MIB, (kind, grown)  # 900 hand-ins more: 23 kB for each would be seen
        assert last.files[kind] <= first.files[kind] + 4, kind
    most = max(sum(mark.processes.values()) for mark in found.marks)
    assert most <= 16
    assert found.slowdown() < 2.0

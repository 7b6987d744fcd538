"""The page docs/attacks.md: which tier of isolation stops which attack.

Run `python tests/grader/attacks/attacks_page.py` after adding one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import on_checks
import on_files
import on_kernel
import on_processes
import on_values
import on_wire
from hostile import Attack

GROUPS: Mapping[str, Sequence[Attack]] = {
    "Reading files": on_files.READING,
    "Writing files": on_files.WRITING,
    "The network": on_processes.NETWORK,
    "Processes": on_processes.PROCESSES,
    "The kernel": on_kernel.KERNEL,
    "Using everything up": on_kernel.EXHAUSTION,
    "Patching libraries and checks": on_checks.PATCHES,
    "Looking for what is hidden": on_checks.INSIGHT,
    "Forging messages to the grader": on_wire.WIRE,
    "Values and exceptions": on_values.VALUES,
}
PATH = Path(__file__).parents[3] / "docs" / "attacks.md"
HEAD = """\
# Which attacks are stopped

Each of these {number} attacks is a hand-in in `tests/grader/attacks`. The tests grade it in every
tier of isolation that the machine has. Where it is stopped, it earns exactly what its honest part
earns, the attacker holds nothing afterwards, and nothing has changed, runs, or has been reached.
Where it is *not stopped*, the test makes sure that it succeeds: the table claims no more than is
so. *May succeed* depends on the machine. A dash: not tried there, as it would do harm.

`autograder doctor` says which tier your machine has: A is namespaces, a filter of system calls, and
limits; B is Landlock in place of namespaces; C is limits only. **In tier C a hand-in can read and
change whatever you can**, the results and other hand-ins among it. Grade hand-ins of people whom
you do not trust in tier A or B.

No tier stops these, and the tests say so:

- An answer may copy the source of `vi_lib`, or hide that it calls it: students have the library, so
  this is no secret. A plain call is noticed and earns nothing; of the rest, the report tells you
  which code to look at. Nothing of that kind costs points by itself.
- An answer sees the inputs that it is called with, and may show them in an exception. Choose other
  seeds before you grade the same lesson again.
- A reading of code is easily deceived. It finds what deserves a look, and protects nothing.
"""


def page() -> str:
    """The page as Markdown."""
    blocks = [HEAD.format(number=sum(map(len, GROUPS.values())))]
    for title, attacks in GROUPS.items():
        rows = [
            f"| {a.name} | " + " | ".join(fate(a, tier) for tier in "ABC") + " |" for a in attacks
        ]
        head = f"| {title} | A | B | C |\n|---|---|---|---|"
        blocks.append("\n".join([head, *rows]) + "\n")
    return "\n".join(blocks)


def fate(attack: Attack, tier: str) -> str:
    """What becomes of an attack in a tier."""
    if tier not in attack.tried:
        return "–"
    if tier in attack.stopped:
        return "stopped"
    return "*not stopped*" if attack.sure else "*may succeed*"


if __name__ == "__main__":
    PATH.write_text(page(), encoding="utf-8")

"""Trying a tier: a zygote without libraries forks one child, which confines itself and reports.

Run as `python -m autograder.sandbox.probe TIER`; prints a sentence in JSON, "" if all went well.
"""

from __future__ import annotations

import json
import os
import sys
from typing import get_args

from autograder.sandbox import proof
from autograder.sandbox.confinement import Cage, confine, fork, prepare
from autograder.sandbox.limits import Limits
from autograder.sandbox.removal import remove
from autograder.sandbox.tiers import Tier, folder_for_child


def try_tier(tier: Tier) -> str:
    """Why a child cannot be held to a tier; "" if it can. This process is confined afterwards."""
    reading, writing = os.pipe()
    folder = folder_for_child(tier)
    try:
        cage = prepare(tier, lambda: os.close(writing))
        pid = fork(cage)
        if pid == 0:
            _report(writing, cage, folder)
        os.close(writing)
        with open(reading, encoding="utf-8") as file:
            said = file.read()
        os.waitpid(pid, 0)
        return said and str(json.loads(said))
    except OSError as error:
        return str(error.strerror or error)
    finally:
        remove(folder)


def _report(writing: int, cage: Cage, folder: str) -> None:
    """In the child: say what is missing, and end."""
    try:
        confined = confine(cage, folder, Limits())
        lacking = proof.missing(cage.tier, list(confined.facts))
        said = f"a child did not find that it {lacking}" if lacking else ""
    except OSError as error:
        said = str(error.strerror or error)
    os.write(writing, json.dumps(said).encode())
    os._exit(0)


def main(name: str) -> None:
    """Try one tier and print the outcome."""
    for tier in get_args(Tier):
        if tier == name:
            print(json.dumps(try_tier(tier)))


if __name__ == "__main__":
    main(sys.argv[1])

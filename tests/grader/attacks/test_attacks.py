"""Every attack, in every tier of this machine, earns what its honest part earns, and nothing else.

Afterwards nothing of the instructor's has changed, no process runs and no file is left, nobody has
been reached over a network, and the attacker holds nothing. In a tier that does not stop it, an
attack must succeed: so each is known to be real, and docs/attacks.md tells which tier stops what.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import on_kernel
import pytest
import toy
from attacks_page import GROUPS, PATH, page
from hostile import Attack, prelude
from world import Listeners, World, left_behind, listening, processes, world

from autograder.checks.protocol import Exercise, Part, Recorder
from autograder.collect import HandIn
from autograder.grade import judge_submission
from autograder.lesson import Task, describe
from autograder.records import Record
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.tiers import Tier, why_not
from autograder.submission import read_submission

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the attacks are written for Linux"),
]

ATTACKS = {attack.name: attack for group in GROUPS.values() for attack in group}
OTHERS_TOTAL = "def total(x):\n    return 2 * np.sum(x)"
X86 = on_kernel.KERNEL[:4]


@pytest.fixture(scope="module", params=get_args(Tier))
def jail(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    if reason := why_not(request.param):
        pytest.skip(f"this machine has no tier {request.param}: {reason}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MALLORY_TOKEN", "hush")
        zygote = Zygote(request.param)
        zygote.start()
    yield zygote
    zygote.close()


@pytest.fixture(scope="module")
def listeners() -> Iterator[Listeners]:
    with listening() as found:
        yield found


@pytest.fixture
def instructor() -> Iterator[World]:
    with world() as found:
        yield found


def graded(attack: Attack, zygote: Zygote, settings: dict[str, object]) -> tuple[Record, list[str]]:
    """The record of an attack's hand-in, and what the attacker got hold of."""
    loot: list[str] = []

    def collect(answer: Recorder, _: Any) -> None:
        found = answer.call("loot")
        loot.extend(found if isinstance(found, list) else [])

    treasury = Exercise("E5.9", "Loot", ("loot",), {}, (Part("loot", 0.0, collect),))
    lesson = toy.lesson()
    tasks = (*lesson.tasks, Task(treasury, "E5-9", "E5-9-check", 9))
    cells = toy.cells(double=attack.source, square=toy.RIGHT["square"], total=OTHERS_TOTAL)
    cells.insert(0, toy.code(prelude(**settings)))
    submission = read_submission(toy.notebook(cells), describe("05_toy", tasks, toy.cells()))
    program = replace(submission.program, files=attack.files)
    record = judge_submission(
        HandIn("mallory", "05_toy"),
        replace(submission, program=program),
        describe("05_toy", tasks, toy.cells()),
        zygote,
        Limits(attack.seconds, memory=1280 * MIB),
    )
    return record, loot


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_earns_what_its_honest_part_earns(
    jail: Zygote, instructor: World, listeners: Listeners, name: str
) -> None:
    attack = ATTACKS[name]
    tier = jail.tier
    if tier not in attack.tried:
        pytest.skip(f"in tier {tier} nothing is there to stop this, and it would do harm")
    if attack in X86 and platform.machine() != "x86_64":
        pytest.skip("the numbers of its system calls are those of x86_64")
    before = instructor.digest()
    listeners.contacts()
    settings = {**instructor.settings(), **listeners.settings()}
    record, loot = graded(attack, jail, settings)
    points = {name: None for name in ("E5.1", "E5.2", "E5.3")}
    points |= {name: v.score for name, v in record.verdicts.items() if name != "E5.9"}
    expected = attack.expected(tier)
    assert record.tier == tier
    assert all((points[name] or 0) <= (score or 0) for name, score in expected.items()), points
    if attack.exactly:
        assert points == expected, (record.message, record.unjudged, record.verdicts)
    assert not processes(str(settings["MARK"]), str(settings["SECONDS"]))
    if tier in attack.stopped:
        assert loot == []
        assert instructor.digest() == before
        assert listeners.contacts() == []
        assert left_behind(instructor.mark) == []
        assert instructor.secret not in json.dumps(dataclasses.asdict(record))
        return
    for path in left_behind(instructor.mark):
        path.unlink()
    if attack.sure:
        assert loot != []


def test_there_are_many_attacks_and_each_has_a_name_of_its_own() -> None:
    assert len(ATTACKS) == sum(map(len, GROUPS.values()))
    assert len(ATTACKS) >= 70


def test_the_page_says_which_tier_stops_what() -> None:
    assert PATH.read_text(encoding="utf-8") == page(), "run tests/grader/attacks/attacks_page.py"

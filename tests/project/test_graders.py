"""docs/graders.md has measured figures of every exercise, and says which of them are old."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import sys
from pathlib import Path

import pytest
from scipy import stats

from autograder.checks.registry import all_exercises, find

DOCS = Path(__file__).parents[2] / "docs"
sys.path.append(str(DOCS))

import graders  # noqa: E402

EXERCISES = {exercise.id: exercise for exercise in all_exercises()}


def a_row(**changes: object) -> graders.Row:
    numbers = dict.fromkeys((field.name for field in dataclasses.fields(graders.Row)), 10)
    return graders.Row(**{**numbers, "digest": "0123", "points": 4.0, **changes})


def test_every_exercise_has_figures() -> None:
    missing = graders.ordered(EXERCISES.keys() - graders.load().keys())
    assert not missing, f"run `python docs/graders.py {' '.join(missing)}`"


def test_the_page_shows_the_stored_figures() -> None:
    """Whether a figure is old is left to the script: who mends a bank need not measure at once."""

    def figures(page: str) -> list[str]:
        return [line.rsplit("|", 2)[0] for line in page.splitlines() if line.startswith("| E")]

    written = graders.PAGE.read_text(encoding="utf-8")
    expected = figures(graders.page(graders.load()))
    assert figures(written) == expected, "run `python docs/graders.py --render`"


@pytest.mark.parametrize(("count", "among"), [(0, 1000), (0, 100), (3, 300), (99, 100)])
def test_so_few_alarms_have_probability_5_percent_at_the_bound(count: int, among: int) -> None:
    bound = graders.upper_bound(count, among)
    assert stats.binom.cdf(count, among, bound) == pytest.approx(0.05, rel=1e-9)
    assert graders.upper_bound(among, among) == 1.0


def test_a_rate_is_a_hundred_percent_only_of_all() -> None:
    assert graders.percent(1000, 1000) == "100%"
    assert graders.percent(999, 1000) == "99%"


def test_figures_of_another_version_are_marked() -> None:
    row = a_row(false_alarms=0, repetitions=1000, stated=1e-6)
    assert row.line("E1.1", "0123").endswith("| 0 of 1,000 | 0.30% | 1e-06 | this |")
    assert row.line("E1.1", "4567").endswith("| old |")


def test_a_version_has_its_check_its_bank_and_what_they_import() -> None:
    names = graders.modules(find("E1.4"))
    assert {"autograder.checks.lesson01_normal", "autograder.checks.bank.e1_4"} <= names
    assert "autograder.checks.bank.e1_normal" in names
    assert "autograder.checks.bank.e1_1" not in names
    assert "autograder.checks.compare" not in names


@pytest.mark.parametrize("name", EXERCISES)
def test_every_exercise_has_a_check_and_a_bank_of_its_own(name: str) -> None:
    names = graders.modules(EXERCISES[name])
    assert any(".lesson" in module for module in names)
    assert any(".bank." in module for module in names)


def test_a_change_of_the_bank_changes_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before, other = graders.digest(find("E1.1")), graders.digest(find("E1.5"))
    source = graders.source

    def changed(module: str) -> str:
        return source(module) + "# changed" * (module == "autograder.checks.bank.e1_1")

    monkeypatch.setattr(graders, "source", changed)
    assert graders.digest(find("E1.1")) != before
    assert graders.digest(find("E1.5")) == other


def test_figures_are_kept_in_the_order_of_the_course(tmp_path: Path) -> None:
    store = tmp_path / "graders.json"
    rows = {name: a_row(wrong=index) for index, name in enumerate(("E10.1", "E2.5", "E2.10"))}
    graders.save(rows, store)
    assert list(graders.load(store)) == ["E2.5", "E2.10", "E10.1"]
    assert graders.load(store) == rows
    assert len(store.read_text(encoding="utf-8").splitlines()) == 5


def test_a_measurement_counts_all_gradings() -> None:
    exercise = find("E2.2")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        row = graders.measure(exercise, 6, pool)
    assert row.judged_wrong == 3 * sum(1 + len(entry.also) for entry in exercise.wrong)
    assert row.caught == row.own_hint == row.judged_wrong
    assert row.accepted == row.judged_right == 3 * len(exercise.right)
    assert (row.repetitions, row.false_alarms, row.stated) == (6, 0, 0.0)

"""docs/coverage.md says where each idea of the sources is taught, and no tag is misspelt."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    # By its path: `coverage` is also the name of an installed package.
    spec = importlib.util.spec_from_file_location("course_coverage", DOCS / "coverage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(coverage: ModuleType) -> None:
    written = (DOCS / "coverage.md").read_text(encoding="utf-8")
    assert written == coverage.page(), "run `python docs/coverage.py`"


def test_tags_name_rows_or_errata(coverage: ModuleType) -> None:
    known = {row.id for row in coverage.rows()} | coverage.ERRATA
    assert set(coverage.places()) <= known


def test_rows_have_different_ids_and_at_least_one_lesson(coverage: ModuleType) -> None:
    rows = coverage.rows()
    assert len({row.id for row in rows}) == len(rows) > 100
    assert all(row.lessons for row in rows)


def test_a_lesson_with_tags_teaches_all_of_its_rows(coverage: ModuleType) -> None:
    found = coverage.places()
    begun = {place.lesson[:2] for places in found.values() for place in places}
    assert begun
    missing = {row.id: set(coverage.owed(row, found)) & begun for row in coverage.rows()}
    assert {name: lessons for name, lessons in missing.items() if lessons} == {}


def test_the_page_names_the_errata_that_are_missing(coverage: ModuleType) -> None:
    every = {name: [] for name in coverage.ERRATA}
    assert "None is missing." in coverage.errata(every)
    del every["X46"]
    assert "Not tagged yet: X46." in coverage.errata(every)

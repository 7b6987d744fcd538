"""All models by name."""

from __future__ import annotations

from posteriors import _counts, _curves, _hierarchies, _regressions, _shapes
from posteriors._case import Case

MODULES = (_shapes, _regressions, _counts, _hierarchies, _curves)
CASES: dict[str, Case] = {
    case.name: case for case in (make() for module in MODULES for make in module.CASES)
}

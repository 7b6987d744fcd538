"""What `dadvi` begins with: target, family, draws, and a start at which everything is finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vi_lib._check import Array, ShapeError, require_shape
from vi_lib._dadvi import DESIGNS, MAX_DENSE, Design, Frozen, require_bounded
from vi_lib._fit_checks import diagnose, require_fit
from vi_lib.estimators import LogDensity, reparam_entropy
from vi_lib.families import Family, FullRank, MeanField
from vi_lib.layout import Layout, unnamed
from vi_lib.model import Target

FAMILIES: dict[str, Callable[[int], Family]] = {"mean_field": MeanField, "full_rank": FullRank}
#: Draws to begin with; a full-rank q begins with 4 D if that is more.
NUM_DRAWS = 64
#: Where log p is not finite at draws of the standard normal, narrower ones are tried.
START_SD = (1.0, 0.1, 0.01, 0.001)


def target(
    model: Target | LogDensity, family: str | Family, layout: Layout | None
) -> tuple[LogDensity, Family, Layout]:
    """Return log density, family and names.

    Raises:
        ValueError: If the family is unknown, or a bare log density comes without its dimension.
        ShapeError: If the dimensions differ.
    """
    if isinstance(family, str):
        if family not in FAMILIES:
            known = ", ".join(map(repr, FAMILIES))
            raise ValueError(f"family must be {known} or a family object, got {family!r}")
        if not isinstance(model, Target):
            raise ValueError(
                f"a bare log density has no dimension: give a family object, such as MeanField(3),"
                f" got {family!r}"
            )
        family = FAMILIES[family](model.dim)
    if isinstance(model, Target):
        if layout is not None:
            raise ValueError("a model brings its own layout: leave it out")
        layout = model.layout
    else:
        layout = layout or unnamed(family.dim)
    if layout.dim != family.dim:
        raise ShapeError(f"the model has {layout.dim} coordinates, {family!r} has {family.dim}")
    return model.log_p if isinstance(model, Target) else model, family, layout


def plan(
    q: Family, num_draws: int | None, max_draws: int, tol: float, design: Design | None
) -> tuple[int, int, Design]:
    """Return how many draws to begin with and to end with at most, and their design.

    Raises:
        ValueError: If a number is out of range, or a full-rank objective would have no maximum.
    """
    full_rank = isinstance(q, FullRank)
    if num_draws is None:
        num_draws = NUM_DRAWS
        if full_rank and 4 * q.dim > NUM_DRAWS:
            num_draws, max_draws = 4 * q.dim, max(max_draws, 4 * q.dim)
    if design is None:
        design = "whitened" if full_rank or num_draws >= 4 * q.dim else "matched"
    if design not in DESIGNS:
        raise ValueError(f"design must be one of {', '.join(DESIGNS)}, got {design!r}")
    if num_draws < 2 or (num_draws % 2 and design != "plain"):
        raise ValueError(f"num_draws must be even and at least 2, got {num_draws}")
    if max_draws < num_draws:
        raise ValueError(f"max_draws must be at least num_draws = {num_draws}, got {max_draws}")
    if not tol > 0.0:
        raise ValueError(f"tol must be positive, got {tol}")
    require_bounded(q, num_draws, design)
    return num_draws, max_draws, design


def coordinates(lr_for: Sequence[int | str] | None, layout: Layout, q: Family) -> tuple[int, ...]:
    """Return the numbers of the coordinates whose covariance is wanted.

    Raises:
        ValueError: If one does not exist.
    """
    if lr_for is None:
        return tuple(range(q.dim)) if q.num_params <= MAX_DENSE else ()
    names = list(layout.coordinates)
    index = []
    for which in lr_for:
        if isinstance(which, str) and which not in names:
            raise ValueError(f"lr_for names {which!r}; the coordinates are {', '.join(names[:20])}")
        number = names.index(which) if isinstance(which, str) else int(which)
        if not 0 <= number < q.dim:
            raise ValueError(f"lr_for must lie in 0..{q.dim - 1}, got {which!r}")
        index.append(number)
    return tuple(index)


def first(
    model: Target | LogDensity,
    f: Frozen,
    start: Mapping[str, Any] | None,
    lam: Array | None,
    layout: Layout,
) -> Array:
    """Return parameters to start from, at which objective and gradient are finite.

    Raises:
        NonFiniteError: If there are none, naming draw and coordinate.
        ShapeError: If log p does not suit the family.
        ValueError: If both `start` and `lam` are given.
    """
    if lam is not None:
        if start is not None:
            raise ValueError("start and lam both say where to start: leave one out")
        starts = [np.array(lam, dtype=float)]
        require_shape("lam", starts[0], (f.q.num_params,))
    else:
        if start is not None and not isinstance(model, Target):
            raise ValueError("start names the parameters of a model; give lam for a log density")
        mean = layout.start(start) if start else 0.0
        starts = [f.q.init(mean, sd) for sd in START_SD]
    require_fit(f.log_p, f.q, starts[0], reparam_entropy)
    for candidate in starts:
        with np.errstate(all="ignore"):
            fine = math.isfinite(f.value(candidate)) and np.all(np.isfinite(f.slope(candidate)))
        if fine:
            return candidate
    raise diagnose(0, starts[-1], f.log_p, f.q, f.eps, layout)

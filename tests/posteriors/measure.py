"""Fit a case with one of four methods and compare with the reference."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from posteriors._case import Case
from vi_lib import advi

SEED = 0


@cache
def reference() -> dict[str, Any]:
    """All entries of reference.json by the name of the model."""
    text = Path(__file__).with_name("reference.json").read_text(encoding="utf-8")
    return json.loads(text)["models"]


def moments(case: Case, scale: str = "zeta") -> np.ndarray:
    """Mean, sd and standard error of the mean of each coordinate, (3, D)."""
    entry = reference()[case.name][scale]
    names = case.model.layout.coordinates if scale == "zeta" else case.model.names
    assert tuple(entry) == names
    return np.array(list(entry.values())).T


@dataclass(frozen=True, eq=False)
class Fit:
    """What a method says of one posterior, on the unconstrained scale.

    Attributes:
        case: The posterior.
        method: `"mean_field"`, `"full_rank"`, `"low_rank"` or `"dadvi"`.
        shift: Errors of the means in posterior sds (D,).
        ratio: Its sds divided by those of the posterior (D,).
        khat: Pareto k-hat of the fit.
        level: The verdict of the fit on itself.
        converged: Whether the stopping rule was met.
    """

    case: Case
    method: str
    shift: np.ndarray
    ratio: np.ndarray
    khat: float
    level: str
    converged: bool

    @property
    def worst_shift(self) -> float:
        """The largest error of a mean."""
        return float(np.max(np.abs(self.shift)))


def fit(case: Case, method: str, seed: int = SEED) -> Fit:
    """Fit with the defaults of the library, nothing tuned."""
    rng = np.random.default_rng(seed)
    mean, sd, _ = moments(case)
    if method == "dadvi":
        from vi_lib.dadvi import dadvi

        result: Any = dadvi(case.model, rng=rng)
        estimated = result.lr_sd
    else:
        result = advi(case.model, method, rng=rng)
        estimated = result.sd
    return Fit(
        case,
        method,
        (result.mean - mean) / sd,
        estimated / sd,
        result.khat,
        result.trust.level,
        result.converged,
    )

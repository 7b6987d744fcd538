"""Fit a case with one of the methods and compare with the reference."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from posteriors._case import Case
from posteriors.models import CASES
from vi_lib import advi
from vi_lib.dadvi import dadvi
from vi_lib.families import LowRank
from vi_lib.result import Result

#: A fit is bad if a mean is off by more than so many posterior sds, as the mean of 25 draws may be,
BAD_SHIFT = 0.2
#: or an sd by more than this factor: a 95 % interval then covers less than 81 %.
BAD_RATIO = 1.5


@cache
def reference() -> dict[str, Any]:
    """All entries of reference.json by the name of the model."""
    text = Path(__file__).with_name("reference.json").read_text(encoding="utf-8")
    models: dict[str, Any] = json.loads(text)["models"]
    return models


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
        shift: Errors of the means in posterior sds (D,).
        ratio: Its sds divided by those of the posterior (D,).
        result: The result that judges itself; with linear response, that of q.
    """

    shift: np.ndarray
    ratio: np.ndarray
    result: Result

    @property
    def worst_shift(self) -> float:
        """The largest error of a mean."""
        return float(np.max(np.abs(self.shift)))

    @property
    def bad(self) -> bool:
        """Whether somebody who believes this fit is misled."""
        factor = np.max(np.abs(np.log(self.ratio)))
        return bool(self.worst_shift > BAD_SHIFT or factor > np.log(BAD_RATIO))

    @property
    def level(self) -> str:
        """The fit's verdict on itself."""
        return self.result.trust.level


@cache
def fit(name: str, method: str, seed: int = 0) -> Fit:
    """Fit with the defaults of the library, nothing tuned.

    Args:
        name: Of the model.
        method: `"mean_field"`, `"full_rank"` or `"low_rank"` by stochastic gradients;
            `"linear_response"` or `"frozen_full_rank"` by deterministic ADVI.
        seed: Of the fit.
    """
    case, rng = CASES[name], np.random.default_rng(seed)
    model = case.model
    mean, sd, _ = moments(case)
    if method == "linear_response":
        found = dadvi(model, rng=rng)
        result, estimated = found.result, found.lr_sd
    elif method == "frozen_full_rank":
        result = dadvi(model, "full_rank", rng=rng).result
        estimated = result.sd
    else:
        family = LowRank(model.dim, min(2, model.dim)) if method == "low_rank" else method
        result = advi(model, family, rng=rng)
        estimated = result.sd
    return Fit((result.mean - mean) / sd, estimated / sd, result)

"""The scenes of lesson 9 by name; see `scene_traces` for what a scene is."""

from __future__ import annotations

from autograder.checks.scene_fits import (
    auto_density,
    auto_fit,
    auto_sites,
    gamma_guide,
    gamma_slope,
    svi_fit,
    svi_steps,
)
from autograder.checks.scene_traces import (
    after_an_error,
    inside,
    joint,
    many,
    record,
    refusal,
    replayed,
    replayed_on_new_data,
    slope,
    verdict_on_guide,
)

__all__ = [
    "after_an_error",
    "auto_density",
    "auto_fit",
    "auto_sites",
    "gamma_guide",
    "gamma_slope",
    "inside",
    "joint",
    "many",
    "record",
    "refusal",
    "replayed",
    "replayed_on_new_data",
    "slope",
    "svi_fit",
    "svi_steps",
    "verdict_on_guide",
]

"""What is known of one model before it is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vi_lib import Model


@dataclass(frozen=True, eq=False)
class Case:
    """One posterior.

    Attributes:
        name: Its name, also that of its twin in `twins.py` and its entry in `reference.json`.
        description: What the model is, in a sentence, with the source of published numbers.
        model: The model.
        family: The smallest family that should fit it: `"mean_field"`, `"full_rank"`, or `"none"`
            where no Gaussian will do.
    """

    name: str
    description: str
    model: Model
    family: str


def generator(seed: int) -> np.random.Generator:
    """The source of a model's simulated data; `reference.json` would notice another stream."""
    return np.random.default_rng(seed)

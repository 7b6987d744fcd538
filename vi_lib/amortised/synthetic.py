"""Regression problems whose truth is known, from a generator that the caller brings."""

from __future__ import annotations

import numpy as np

from vi_lib._check import Array


def growing_noise(rng: np.random.Generator, num: int = 150) -> dict[str, Array]:
    """Draw a bent line whose noise grows: y ~ N(x (1 + sin x) / 8 + 5, sd(x)), x in [-20, 60].

    sd(x) = 3 (1/4 + ((x + 20) / 80)²), from .75 to 3.75: a model with one noise sd is wrong here.

    Returns:
        x, y and the truth at x, mean and sd, (num,) each.
    """
    x = rng.uniform(-20.0, 60.0, num)
    mean = 0.125 * x * (1.0 + np.sin(x)) + 5.0
    sd = 3.0 * (0.25 + ((x + 20.0) / 80.0) ** 2)
    return {"x": x, "y": mean + sd * rng.standard_normal(num), "mean": mean, "sd": sd}


def tilted_wave(
    rng: np.random.Generator, num: int = 500, noise_sd: float = 3.0, reach: float = 10.0
) -> dict[str, Array]:
    """Draw y ~ N(7 sin(3 x / 4) + x / 2, noise_sd), x uniform in [-reach, reach].

    Returns:
        x, y and the truth at x, mean and sd, (num,) each.
    """
    x = rng.uniform(-reach, reach, num)
    mean = 7.0 * np.sin(0.75 * x) + 0.5 * x
    sd = np.full(num, float(noise_sd))
    return {"x": x, "y": mean + sd * rng.standard_normal(num), "mean": mean, "sd": sd}

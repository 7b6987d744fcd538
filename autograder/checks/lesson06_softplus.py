"""Checks of E6.1, `softplus(x)` and `inverse_softplus(y)`.

Numbers of different sizes are compared one by one, since an array's largest entry sets the
tolerance for round-off: 4e-18 at x = -40 must be right to nine digits, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import array, close
from autograder.checks.protocol import Part, Recorder
from vi_lib import transforms

Array = Any
Rng = np.random.Generator


def _moderate(name: str, low: float, whole: Array) -> Any:
    def part(answer: Recorder, rng: Rng) -> None:
        exact = getattr(transforms, name)
        x = rng.uniform(low, 3.0, 6)
        close(answer.call(name, x), exact(x), f"`{name}` of 6 numbers between {low:g} and 3")
        close(answer.call(name, whole), exact(whole), f"`{name}` of whole numbers")
        one = float(rng.uniform(0.5, 2.0))
        close(answer.call(name, one), exact(one), f"`{name}` of a single number")

    return part


def _compare(answer: Recorder, name: str, cases: list[Array]) -> None:
    """Call everything before comparing: one end alone does not tell the slips apart."""
    found = [answer.call(name, x) for x in cases]
    for x, got in zip(cases, found, strict=True):
        close(got, getattr(transforms, name)(x), f"`{name}` of {_listed(x)}")


def _softplus_extreme(answer: Recorder, rng: Rng) -> None:
    centres = (10.5, 40.0, 800.0, -40.0, -700.0, -800.0)
    _compare(answer, "softplus", [centre * rng.uniform(0.97, 1.0, 2) for centre in centres])


def _inverse_extreme(answer: Recorder, rng: Rng) -> None:
    """Among them softplus(-40) and softplus(-700), to which the inverse must return."""
    centres = (15.0, 40.0, 800.0, 1e-12, 1e-300)
    ends = [centre * rng.uniform(0.97, 1.0, 2) for centre in centres]
    images = [transforms.softplus(np.array([x, x - 1.0])) for x in (-40.0, -700.0)]
    _compare(answer, "inverse_softplus", [*ends, *images, np.array([0.0, 1.0])])


def _gradients(answer: Recorder, rng: Rng) -> None:
    """Absolute errors of 1e-12 are no error of a derivative that is to be followed."""
    for name, slope, ends in (
        ("softplus", lambda x: np.exp(transforms.log_sigmoid(x)), (800.0, -800.0, 40.0, -40.0)),
        ("inverse_softplus", lambda y: -1.0 / np.expm1(-y), (800.0, 40.0, 1e-12)),
    ):
        for end in ends:
            # So that a slip in the values shows, and what is no number is told so.
            array(answer.call(name, np.array([end])), f"`{name}` of {end:g}")
        some = rng.uniform(0.3, 3.0, 4)
        cases = [some, *(np.array([end]) for end in ends)]
        if name == "softplus":
            cases += [-some, np.array([0.0])]
        for x in cases:
            got = answer.gradient(name, 0, x)
            close(got, slope(x), f"the derivative of `{name}` at {_listed(x)}", atol=1e-12)


def _listed(values: Array) -> str:
    return ", ".join(f"{v:.4g}" for v in values)


SOFTPLUS_PARTS = (
    Part("softplus", 0.5, _moderate("softplus", -3.0, np.array([-2, -1, 0, 1, 3]))),
    Part("softplus from −800 to 800", 1.0, _softplus_extreme),
    Part("inverse", 0.5, _moderate("inverse_softplus", 0.3, np.array([1, 2, 3, 5]))),
    Part("inverse from 1e-300 to 800, and of 0", 1.0, _inverse_extreme),
    Part("gradients", 1.0, _gradients),
)

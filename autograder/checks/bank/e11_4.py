"""Typical answers to E11.4, `kl_annealing(step, warmup_steps)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong


def _named(function: Callable[..., Any]) -> Implementation:
    return {"kl_annealing": function}


def _ramp(fraction: Callable[[float, float], float]) -> Implementation:
    """1 without a warm-up and after it; `fraction(step, warmup_steps)` during it."""
    return _named(
        lambda step, warmup_steps: (
            1.0 if step >= warmup_steps else min(1.0, fraction(step, warmup_steps))
        )
    )


def never_below(low: float) -> Implementation:
    return _ramp(lambda step, warmup: max(low, step / warmup))


WRONG = (
    Wrong(
        "no-warm-up-divides-by-zero",
        _named(lambda step, warmup_steps: min(1.0, step / warmup_steps)),
        "With `warmup_steps = 0` you divide by 0. No warm-up means: the ELBO as it is, from the "
        "first step on. Which beta is that?",
        also=(
            _named(
                lambda step, warmup_steps: float(np.minimum(1.0, np.divide(step, warmup_steps)))
            ),
            _named(lambda step, warmup_steps: min(1.0, step / max(warmup_steps, 1))),
            _named(lambda step, warmup_steps: min(1.0, step / (warmup_steps + 1e-8))),
            _named(
                lambda step, warmup_steps: min(1.0, step / warmup_steps) if warmup_steps else 0.0
            ),
        ),
    ),
    Wrong(
        "not-clamped",
        _named(lambda step, warmup_steps: step / warmup_steps if warmup_steps else 1.0),
        "After the warm-up your beta goes on growing. What is maximised then is no ELBO any more, "
        "and the codes are pressed onto the prior. Where should beta stop?",
        also=(
            _named(lambda step, warmup_steps: step / warmup_steps),
            _named(
                lambda step, warmup_steps: max(1.0, step / warmup_steps) if warmup_steps else 1.0
            ),
            _named(lambda step, warmup_steps: max(1.0, step / warmup_steps)),
            _named(lambda step, warmup_steps: step / max(warmup_steps, 1)),
        ),
    ),
    Wrong(
        "decreasing",
        _named(lambda s, w: max(0.0, 1.0 - s / w) if w else 1.0),
        "Your beta starts at 1 and falls. The idea is the opposite: first learn what a code can "
        "say, then make it pay. Which way should beta go?",
        also=(
            _named(lambda s, w: max(0.0, 1.0 - s / w)),
            _named(lambda s, w: 1.0 - s / w),
            _named(lambda s, w: 0.0 if s >= w else 1.0 - s / w),
        ),
    ),
    Wrong(
        "whole-division",
        _named(lambda s, w: float(min(1, s // w)) if w else 1.0),
        "`//` divides whole numbers and forgets the rest, so beta is 0 until it jumps to 1. A "
        "straight ramp needs `/`.",
        also=(
            _named(lambda s, w: float(min(1, s // w))),
            _named(lambda s, w: 1.0 if s >= w else 0.0),
            _named(lambda s, w: float(int(min(1.0, s / w))) if w else 1.0),
            _named(lambda s, w: 1.0 if s > w else 0.0),
        ),
    ),
    Wrong(
        "one-step-early",
        _ramp(lambda step, warmup: (step + 1) / warmup),
        "At step 0 your beta is not 0. Steps are counted from 0 here, and beta is 0 at the first.",
        also=(
            _named(lambda s, w: min(1.0, (s + 1) / w)),
            _named(lambda s, w: min(1.0, (s + 1) / (w + 1))),
            never_below(1e-3),
            never_below(0.01),
            never_below(0.1),
        ),
    ),
    Wrong(
        "one-step-off-at-the-end",
        _ramp(lambda step, warmup: step / (warmup - 1) if warmup > 1 else 0.0),
        "Beta should be 1 at `step = warmup_steps`, neither a step earlier nor later. What is it "
        "one step before?",
        also=(
            _named(lambda s, w: min(1.0, s / (w + 1))),
            _named(lambda s, w: min(1.0, s / (w - 1)) if w != 1 else 1.0),
            _named(lambda s, w: min(1.0, s / (w - 1))),
        ),
    ),
    Wrong(
        "arguments-swapped",
        _named(lambda s, w: min(1.0, w / s) if s else 1.0),
        "The two arguments have changed places: step comes first, the length of the warm-up "
        "second. (A published program lost its annealing by an argument in another's place.)",
        also=(_named(lambda s, w: min(1.0, w / s)), _named(lambda s, w: min(1.0, w / max(s, 1)))),
    ),
    Wrong(
        "starts-again",
        _named(lambda s, w: (s % w) / w if w else 1.0),
        "After the warm-up your beta falls back to 0 and starts again. There are such cyclic "
        "schedules; here beta stays at 1.",
        also=(_named(lambda s, w: (s % w) / w), _named(lambda s, w: (s % (w + 1)) / w)),
    ),
    Wrong(
        "s-shaped",
        _named(lambda s, w: 1 / (1 + math.exp(-10 * (s / w - 0.5))) if w else 1.0),
        "A smooth step is used, too. Here a straight line is asked for, 0 at step 0 and ½ in the "
        "middle of the warm-up.",
        also=(
            _ramp(lambda s, w: 1 / (1 + math.exp(-10 * (s / w - 0.5)))),
            _ramp(lambda s, w: math.tanh(s / w)),
            _named(lambda s, w: math.tanh(s / w) if w else 1.0),
            _named(lambda s, w: 1 - math.exp(-s / w) if w else 1.0),
            _ramp(lambda s, w: (s / w) ** 2),
            _ramp(lambda s, w: math.sqrt(s / w)),
            _ramp(lambda s, w: 0.5 - 0.5 * math.cos(math.pi * s / w)),
        ),
    ),
    Wrong(
        "always-one",
        _named(lambda step, warmup_steps: 1.0),
        "Your beta does not depend on the step: that is no annealing. What should it be at step 0?",
    ),
)


# Right


def by_cases(step: int, warmup_steps: int) -> Any:
    if warmup_steps == 0:
        return 1
    return np.clip(np.true_divide(step, warmup_steps), 0, 1)


def interpolated(step: int, warmup_steps: int) -> Any:
    return np.interp(step, [0, warmup_steps], [0.0, 1.0]) if warmup_steps > 0 else np.array(1.0)


RIGHT = (
    Right("by cases, clipped", _named(by_cases)),
    Right("np.interp", _named(interpolated)),
    Right(
        "what is left of the warm-up",
        _named(lambda step, warmup_steps: 1 - max(warmup_steps - step, 0) / max(warmup_steps, 1)),
    ),
)

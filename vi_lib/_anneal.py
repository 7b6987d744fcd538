"""Smaller and smaller steps: what the loop remembers, and how it decides that it is done.

A step rule with a constant rate wobbles about the optimum, by an amount that no single rate makes
small enough for all problems. So the loop runs in stages. In each it follows the rule until the
ELBO is flat, then averages the iterates. The next stage starts the rule afresh from that average
with all increments multiplied by a factor; the last is the one whose average gains no more ELBO.
This is in the spirit of Welandawe, Andersen, Vehtari and Huggins, Robust, automated, and accurate
black-box variational inference, who measure the divergence between successive averages instead.

Afresh, because Adam's second moments remember gradients of the larger wobble for thousands of
steps: keeping them left a posterior sd of .002 wrong by a factor 4.

Measured with the defaults, adam(0.05) and 10 draws, on Gaussian targets of 1 to 10 dimensions (sd
.002; correlation .9; sds from .001 to 10, also correlated) and a logistic regression, both
families, 4 to 6 seeds: within .011 nats of the best ELBO, means within .08 posterior sd, log sds
within .07, after 1500 to 17 000 iterations. The same rule stopped at its first plateau was up to
136 nats short. A factor of .1 freezes correlated full-rank fits halfway, .4 nats short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vi_lib._check import Array
from vi_lib.estimators import Estimator, LogDensity
from vi_lib.families import Family
from vi_lib.optimizers import Average, polynomial_average
from vi_lib.stopping import StopRule, either, no_progress, plateau

#: Draws that compare two averages.
CHECK_DRAWS = 400
#: Fewest draws given to log_p at once: more is faster, but a million data times a thousand draws
#: would not fit into memory.
CHUNK = 20


@dataclass(frozen=True)
class Stages:
    """A way to stop: smaller steps at each plateau, until that gains nothing.

    Attributes:
        rule: Ends the search of a stage; it is shown the history of the stage alone. By default
            the ELBO is flat, `plateau`, or wanders without getting better, `no_progress`.
        factor: Increments of a stage relative to those of the one before.
        averaged: Iterates that are averaged at the end of a stage.
        tol: Largest gain of a stage, in nats, that is not worth another. What must be below it is
            the gain plus two standard errors, both from the same draws for the two averages.

    Raises:
        ValueError: Unless 0 < factor < 1, averaged >= 1 and tol > 0.
    """

    rule: StopRule = field(default_factory=lambda: either(plateau(), no_progress()))
    factor: float = 0.3
    averaged: int = 200
    tol: float = 0.01

    def __post_init__(self) -> None:
        if not (0.0 < self.factor < 1.0 and self.averaged >= 1 and self.tol > 0.0):
            raise ValueError(
                "need 0 < factor < 1, averaged >= 1 and tol > 0, got"
                f" factor={self.factor}, averaged={self.averaged}, tol={self.tol}"
            )


@dataclass(frozen=True)
class Memory:
    """What the next iteration depends on; replaced as a whole, so no interrupt can tear it.

    Attributes:
        lam: Last iterate (P,).
        optimizer: State of the step rule.
        rng: State of the bit generator.
        steps: Steps made.
        skipped: Iterations left out.
        judged: Whether the stopping rule has seen the last step.
        scale: Factor on the increments.
        stage: Number of the stage, from 0.
        start: Steps made before this stage.
        flat: Whether the stage has met its plateau and averages.
        average: State of the average, or None.
        best: The last stage's average (P,), or None.
    """

    lam: Array
    optimizer: Any
    rng: Mapping[str, Any]
    steps: int = 0
    skipped: tuple[int, ...] = ()
    judged: bool = True
    scale: float = 1.0
    stage: int = 0
    start: int = 0
    flat: bool = False
    average: Any = None
    best: Array | None = None

    @property
    def iteration(self) -> int:
        """Iterations run, those that were skipped included."""
        return self.steps + len(self.skipped)

    def stored(self) -> dict[str, Any]:
        """Return what a result keeps beside the optimiser, the generator and the history."""
        return {name: getattr(self, name) for name in STORED}


STORED = ("lam", "judged", "scale", "stage", "start", "flat", "average", "best")

Gain = Callable[[Array, Array], tuple[float, float]]
"""(lam, lam before) -> (mean difference of the objective, its standard error), nats."""


def moved(
    memory: Memory, stop: StopRule | Stages | None, average: Average | None, **changes: Any
) -> Memory:
    """Return the memory after a step to `changes["lam"]`, with the average brought up to date."""
    new = replace(memory, steps=memory.steps + 1, judged=False, **changes)
    if isinstance(stop, Stages):
        average = (average or polynomial_average()) if memory.flat else None
    if average is None:
        return replace(new, average=None)
    return replace(new, average=average(new.lam, memory.average)[1])


def judge(
    memory: Memory,
    history: Sequence[tuple[float, float]],
    stop: StopRule | Stages | None,
    gain: Gain,
) -> tuple[Memory, str | None]:
    """Show the stopping rule the last step; return the memory and a reason to stop, or None."""
    memory = replace(memory, judged=True)
    if stop is None:
        return memory, None
    if not isinstance(stop, Stages):
        verdict = stop(history)
        if not verdict:
            return memory, None
        return memory, verdict if isinstance(verdict, str) else "the stopping rule was met"
    if not memory.flat:
        return replace(memory, flat=bool(stop.rule(history[memory.start :]))), None
    if memory.average["k"] < stop.averaged:
        return memory, None
    new = memory.average["mean"]
    best, difference, se = new, np.inf, 0.0
    if memory.best is not None:
        difference, se = gain(new, memory.best)
        if difference + 2.0 * se < 0.0:  # smaller steps must not lose what was reached
            best = memory.best
    reason = None
    if difference + 2.0 * se <= stop.tol:
        reason = (
            f"{memory.stage + 1} stages, each with steps {stop.factor:g} times as large as the one"
            f" before; the last changed the ELBO by {difference:.4f} ± {se:.4f} nats (standard"
            " error)"
        )
    return (
        replace(
            memory,
            lam=best,
            optimizer=None,
            scale=memory.scale * stop.factor,
            stage=memory.stage + 1,
            start=memory.steps,
            flat=False,
            average=None,
            best=best,
        ),
        reason,
    )


def reported(memory: Memory, stop: StopRule | Stages | None, gain: Gain) -> Array:
    """Return the parameters that stand for the run so far: an average, where there is one."""
    now = memory.lam if memory.average is None else memory.average["mean"]
    if not isinstance(stop, Stages) or memory.best is None or memory.start == memory.steps:
        return now
    difference, _ = gain(now, memory.best)
    return now if difference > 0.0 else memory.best


def chunked(
    estimator: Estimator, log_p: LogDensity, q: Family, lam: Array, eps: Array, multiple: int
) -> Array:
    """Return the estimator's values at many draws, a few at a time.

    Args:
        estimator: As for `fit`.
        log_p: Log density.
        q: The family.
        lam: Parameters (P,).
        eps: Noise (S, E).
        multiple: The number of draws at once is a multiple of this, so that groups stay whole.
    """
    size = multiple * -(-CHUNK // multiple)
    with np.errstate(all="ignore"):
        parts = [
            np.asarray(estimator(lam, log_p, q, eps[first : first + size]), dtype=float)
            for first in range(0, len(eps), size)
        ]
    return np.concatenate(parts)


def gain_on(
    estimator: Estimator,
    log_p: LogDensity,
    q: Family,
    rng: np.random.Generator,
    num_draws: int,
) -> Gain:
    """Return the function that compares two lam at the same fresh noise.

    It compares the objective that the fit climbs, which need not be the ELBO; `num_draws` is the
    number of draws of one gradient, of which whole multiples are taken.
    """

    def gain(lam: Array, before: Array) -> tuple[float, float]:
        eps = q.noise(rng, num_draws * max(2, -(-CHECK_DRAWS // num_draws)))
        with np.errstate(all="ignore"):
            difference = chunked(estimator, log_p, q, lam, eps, num_draws) - chunked(
                estimator, log_p, q, before, eps, num_draws
            )
            se = np.std(difference, ddof=1) / np.sqrt(len(difference))
            return float(np.mean(difference)), float(se)

    return gain

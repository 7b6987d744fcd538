"""What a fit shows while it runs: a record for the callbacks, and a bar in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vi_lib._check import Array


@dataclass(frozen=True)
class Record:
    """What a callback is told after a step.

    Attributes:
        iteration: Counted from 1; a skipped iteration has a number but no record.
        lam: Parameters after the step (P,), the iterate itself and not an average.
        elbo: ELBO estimate before the step, in nats.
        elbo_se: Its Monte Carlo standard error; NaN with a single value.
        gradient: Gradient estimate (P,).
        scale: Factor on the increments of the step rule, 1 unless the fit runs in stages.
    """

    iteration: int
    lam: Array
    elbo: float
    elbo_se: float
    gradient: Array
    scale: float = 1.0


@contextmanager
def bar(total: int, progress: bool | None) -> Iterator[Callable[[Record], None]]:
    """A progress bar to advance, or nothing to advance.

    Args:
        total: Number of steps.
        progress: Whether to show it; None for only if standard error is a terminal.
    """
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda record: None
        return
    from tqdm import tqdm  # costs import time, and most runs show no bar

    with tqdm(total=total, unit="step", desc="ELBO") as shown:

        def advance(record: Record) -> None:
            shown.set_description_str(f"ELBO {record.elbo:.3f}", refresh=False)
            shown.update()

        yield advance

"""Checks of E12.2, `has_converged(elbo_trace, window, rel_tol)` and `average_iterates`.

Verdicts are asked for well away from the threshold, so that it does not matter which of two windows
a difference is measured against. Each part has traces of either verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.compare import Mismatch, array, close
from autograder.checks.protocol import Part, Recorder
from vi_lib.diagnostics import average_iterates, has_converged

Array = Any
Rng = np.random.Generator


Cases = list[tuple[Array, int, float, str]]
"""Trace, window, rel_tol and a description."""


def _part(own: Callable[[Rng], Cases]) -> Callable[[Recorder, Rng], None]:
    """Ask about the traces of all parts, so that a mistake shows in full, and judge one's own."""

    def part(answer: Recorder, rng: Rng) -> None:
        for make in (_plateau_and_drift, _sizes_and_signs, _short_traces, _one_spike):
            if make is not own:
                for case in make(rng):
                    answer.call("has_converged", *case[:3])
        _judge(answer, own(rng))

    return part


def _judge(answer: Recorder, cases: Cases) -> None:
    found = [answer.call("has_converged", *case[:3]) for case in cases]
    for got, (trace, window, rel_tol, what) in zip(found, cases, strict=True):
        want = has_converged(trace, window, rel_tol)
        value = array(got, f"`has_converged` of {what}")
        if value.size != 1 or value.reshape(()).astype(float) != float(want):
            shown = np.array2string(value) if value.ndim else f"{value[()]}"
            raise Mismatch(
                f"`has_converged` of {what}: expected {want}, got {shown}.",
                np.asarray(float(want)),
                value.astype(float),
            )


def _noise(rng: Rng, num: int, sd: float) -> Array:
    """Noise whose windows of 20 have mean and median 0, so that no verdict is an accident."""
    half = np.sort(np.abs(rng.standard_normal((num // 20 + 1, 10))), axis=1)
    rows = np.concatenate([half, -half], axis=1)
    return sd * np.concatenate([rng.permutation(row) for row in rows])[:num]


def _rise(num: int, gap: float, speed: float) -> Array:
    return -gap * np.exp(-np.arange(num) / speed)


def _plateau_and_drift(rng: Rng) -> Cases:
    level = float(rng.uniform(80.0, 120.0))
    return [
        (level + _rise(200, 60, 12) + _noise(rng, 200, 2.0), 20, 0.005, "a plateau with noise"),
        (level + _rise(200, 60, 150) + _noise(rng, 200, 2.0), 20, 0.005, "a trace that rises"),
        (level - _rise(200, 60, 150) + _noise(rng, 200, 2.0), 20, 0.005, "a trace that falls"),
        (
            level + np.where(np.arange(200) < 100, -30.0, 0.0) + _noise(rng, 200, 0.5),
            20,
            0.005,
            "a trace that jumped long ago",
        ),
        (
            level + np.where(np.arange(200) < 170, -30.0, 0.0) + _noise(rng, 200, 0.5),
            20,
            0.005,
            "a trace that jumped within the last two windows",
        ),
        (
            level + _rise(200, 60, 12) + _noise(rng, 200, 2.0),
            60,
            0.005,
            "a plateau, by longer windows",
        ),
    ]


def _sizes_and_signs(rng: Rng) -> Cases:
    cases = []
    for scale in (-1e4, 1e4, -0.02, -150.0):
        trace = scale * (1.0 + rng.uniform(0.0, 0.1)) + abs(scale) * _noise(rng, 120, 2e-3)
        rise = trace + abs(scale) * _rise(120, 1.0, 70.0)
        cases += [
            (trace, 20, 0.01, f"a plateau near {scale:g}"),
            (rise, 20, 0.01, f"a rise near {scale:g}"),
        ]
    whole = np.array([-900, -500, -300, -101, -100, -99, -100, -100, -99, -101, -100, -100])
    cases += [
        (whole, 4, 0.01, "whole numbers on a plateau"),
        (whole[:7], 3, 0.01, "rising whole numbers"),
    ]
    return cases


def _short_traces(rng: Rng) -> Cases:
    flat = float(rng.uniform(50.0, 90.0)) + _noise(rng, 60, 1e-3)
    return [
        (flat[:30], 20, 0.01, "30 flat values, windows of 20"),
        (flat[:39], 20, 0.01, "39 flat values, windows of 20"),
        (flat[:40], 20, 0.01, "40 flat values, windows of 20"),
        (flat[:8], 20, 0.01, "8 flat values, windows of 20"),
        (flat, 20, 0.01, "60 flat values, windows of 20"),
    ]


def _one_spike(rng: Rng) -> Cases:
    flat = float(rng.uniform(-90.0, -60.0)) + _noise(rng, 120, 0.2)
    cases = []
    for place, name in ((85, "the earlier window"), (110, "the last window")):
        trace = flat.copy()
        trace[place] -= 4000.0
        cases.append((trace, 20, 0.01, f"a plateau with one spike in {name}"))
    rising = flat + _rise(120, 60.0, 60.0)
    rising[110] -= 4000.0
    cases.append((rising, 20, 0.01, "a rise with one spike"))
    return cases


def _average(answer: Recorder, rng: Rng) -> None:
    for num, size, burn in ((10, 3, 4), (6, 2, 0), (5, 4, 4), (12, 1, 3)):
        params = rng.uniform(0.5, 2.0, size) * (1.0 + rng.uniform(0.3, 1.0, (num, size)))
        what = f"`average_iterates` of {num} iterates with burn={burn}"
        close(answer.call("average_iterates", params, burn), average_iterates(params, burn), what)
    whole = np.array([[7, -3], [1, 2], [2, 4], [4, 3]])
    close(
        answer.call("average_iterates", whole, 1),
        average_iterates(whole, 1),
        "`average_iterates` of whole numbers",
    )


TRACE_PARTS = (
    Part("plateau, drift and jump", 1.0, _part(_plateau_and_drift)),
    Part("large, small and negative ELBOs", 0.5, _part(_sizes_and_signs)),
    Part("short traces", 0.5, _part(_short_traces)),
    Part("one spike", 0.5, _part(_one_spike)),
    Part("average of the iterates", 1.5, _average),
)

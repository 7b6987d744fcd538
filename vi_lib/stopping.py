"""Rules that decide when a stochastic optimisation has converged.

A rule is called with the history, one pair (elbo, standard error) an iteration, and returns a
sentence that says why to stop, or None to go on. It keeps no state of its own, so a continued run
stops where an uninterrupted one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from vi_lib._check import Array, ShapeError, require_positive

StopRule: TypeAlias = Callable[[Sequence[tuple[float, float]]], str | None]
"""history, K pairs or an array (K, 2) -> a reason, or None."""


def plateau(window: int = 100, times: int = 3, z: float = 2.0, tol: float = 1e-8) -> StopRule:
    """Stop when the ELBO no longer changes by more than its Monte Carlo error.

    The mean ELBO of the last h iterations is compared with that of the h before, for h = window and
    h = 2 window: |difference| <= max(z se, tol). Slow progress hides in the noise of a short
    window, so both horizons must agree; noise agrees now and then, so they must do so at `times`
    checks in a row, half a window apart. The squared standard error of a mean over h iterations is
    the larger of the iterations' own Monte Carlo variance and the variance of their values, divided
    by h. A rule relative to |ELBO| fails where the ELBO is near 0, as on a normalised target; this
    one does not.

    Args:
        window: the short horizon, in iterations.
        times: how many checks in a row must find no change.
        z: how many standard errors count as no change.
        tol: the change in nats that never matters, for noise-free runs.

    Returns:
        a rule; it looks only at every half window and cannot fire before 4 windows.

    Raises:
        ValueError: unless window >= 4 and times >= 1.
        SupportError: unless z and tol are positive.
    """
    if window < 4 or times < 1:
        raise ValueError(f"need window >= 4 and times >= 1, got window={window}, times={times}")
    require_positive("z", z)
    require_positive("tol", tol)
    every = window // 2

    def rule(history: Sequence[tuple[float, float]]) -> str | None:
        k = len(history)
        needed = 4 * window + (times - 1) * every
        if k < needed or k % every:
            return None
        recent = _pairs(history[k - needed :])
        for check in range(times):
            seen = recent[: needed - check * every]
            if not all(_flat(seen, horizon, z, tol) for horizon in (window, 2 * window)):
                return None
        return (
            f"the ELBO changed by less than {z:g} standard errors over {window} and over"
            f" {2 * window} iterations, {times} times in a row"
        )

    return rule


def no_progress(window: int = 100, patience: int = 10) -> StopRule:
    """Stop when the best of the means over blocks of `window` iterations is `patience` blocks old.

    A step that is too large makes the ELBO wander up and down more slowly than its Monte Carlo
    error lets `plateau` expect. Such a run is not flat, and it does not get better either.

    Returns:
        a rule; it looks only at every whole block and cannot fire before patience + 1 blocks.

    Raises:
        ValueError: unless window >= 1 and patience >= 1.
    """
    if window < 1 or patience < 1:
        raise ValueError(
            f"need window >= 1 and patience >= 1, got window={window}, patience={patience}"
        )

    def rule(history: Sequence[tuple[float, float]]) -> str | None:
        k = len(history)
        if k % window or k < window * (patience + 1):
            return None
        means = _pairs(history)[:, 0].reshape(-1, window).mean(axis=1)
        if int(np.argmax(means)) >= len(means) - patience:
            return None
        return f"the mean ELBO of {window} iterations was highest more than {patience} such ago"

    return rule


def either(*rules: StopRule) -> StopRule:
    """Return the rule that stops as soon as one of these does, with its reason."""

    def rule(history: Sequence[tuple[float, float]]) -> str | None:
        return next((reason for reason in (rule(history) for rule in rules) if reason), None)

    return rule


def relative_elbo(tol: float = 0.01, window: int = 10) -> StopRule:
    """Stop when the mean or the median relative change of the ELBO falls below `tol`.

    The change of iteration k is |elbo_k - elbo_{k-1}| / |elbo_k|, over the last `window`
    iterations, as in the ADVI paper's software. For comparison only: noise keeps it from firing
    where the ELBO is near 0, and a large constant in log p makes it fire at once.

    Raises:
        SupportError: unless tol is positive.
        ValueError: unless window >= 1.
    """
    require_positive("tol", tol)
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")

    def rule(history: Sequence[tuple[float, float]]) -> str | None:
        if len(history) < window + 1:
            return None
        elbo = _pairs(history[len(history) - window - 1 :])[:, 0]
        difference, size = np.abs(np.diff(elbo)), np.abs(elbo[1:])
        # 0 / 0 is no change; x / 0 is an infinite one.
        change = np.where(difference == 0.0, 0.0, math.inf)
        np.divide(difference, size, out=change, where=size > 0.0)
        if min(np.mean(change), np.median(change)) >= tol:
            return None
        return f"the ELBO's relative change over {window} iterations fell below {tol:g}"

    return rule


def _pairs(history: Sequence[tuple[float, float]]) -> Array:
    pairs = np.asarray(history, dtype=float)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ShapeError(f"history must hold pairs (elbo, standard error), got shape {pairs.shape}")
    return pairs


def _flat(pairs: Array, horizon: int, z: float, tol: float) -> bool:
    """Return whether the means of the last two horizons agree within their error."""
    late, early = pairs[-horizon:], pairs[-2 * horizon : -horizon]
    difference = late[:, 0].mean() - early[:, 0].mean()
    se = math.hypot(_standard_error(late), _standard_error(early))
    return bool(abs(difference) <= max(z * se, tol))


def _standard_error(pairs: Array) -> float:
    """Return the standard error of the mean ELBO of these iterations, nats."""
    spread = pairs[:, 0].var(ddof=1)
    # One draw an iteration has no standard error (NaN): the values' own spread stands in.
    monte_carlo = np.nan_to_num(pairs[:, 1], nan=0.0) ** 2
    return math.sqrt(max(spread, monte_carlo.mean()) / len(pairs))

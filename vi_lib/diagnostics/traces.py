"""Has the optimisation come to rest? Windows of the ELBO trace, and averages of the iterates.

A trace of noisy ELBO estimates is judged by means over windows: single values wobble by their Monte
Carlo error for ever. For a rule that runs inside a fit and knows that error see
`vi_lib.stopping.plateau`; here are the simple rule of lesson 12 and the numbers for a plot.
"""

from __future__ import annotations

import numpy as np

from vi_lib._check import Array, ShapeError, require_finite, require_positive, require_shape


def has_converged(elbo_trace: Array, window: int, rel_tol: float) -> bool:
    """Return whether the last two windows of the trace agree.

    Their means, or their medians, may differ by at most rel_tol times the later one's size. Medians
    count as well, because a single spike must not undo a convergence that both windows show
    otherwise. Like every relative rule it hardly ever fires where the ELBO is near 0.

    Args:
        elbo_trace: ELBO of each iteration (K,), nats; negative values are fine.
        window: iterations in a window.
        rel_tol: the largest relative difference.

    Returns:
        the verdict; a trace shorter than two windows has not converged.

    Raises:
        ShapeError: unless elbo_trace is (K,).
        NonFiniteError: if one of the last values is not finite.
        ValueError: unless window >= 1.
        SupportError: unless rel_tol is positive.
    """
    require_shape("elbo_trace", elbo_trace, ("K",))
    require_positive("rel_tol", rel_tol)
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    trace = np.asarray(elbo_trace, dtype=float)
    if len(trace) < 2 * window:
        return False
    late, early = trace[-window:], trace[-2 * window : -window]
    require_finite("elbo_trace", trace[-2 * window :])
    centres = [(np.mean(late), np.mean(early)), (np.median(late), np.median(early))]
    return any(abs(now - before) <= rel_tol * abs(now) for now, before in centres)


def average_iterates(params: Array, burn: int) -> Array:
    """Return the mean of the iterates after the first `burn`, (K, P) -> (P,).

    Around the optimum the iterates of a constant step size are noise around it; their mean is
    closer to it than any one of them (Polyak and Juditsky 1992).

    Raises:
        ShapeError: unless params is (K, P) and more than `burn` rows are there.
        ValueError: for a negative `burn`.
    """
    require_shape("params", params, ("K", "P"))
    if burn < 0:
        raise ValueError(f"burn must not be negative, got {burn}")
    if burn >= len(params):
        raise ShapeError(f"burn must leave an iterate: got burn={burn} of {len(params)}")
    return np.mean(np.asarray(params, dtype=float)[burn:], axis=0)


def elbo_windows(history: Array, window: int) -> tuple[Array, Array, Array]:
    """Return the middle iteration, the mean ELBO and its standard error for each window.

    The standard error of a mean over `window` iterations comes from the spread of the values in the
    window, which contains the Monte Carlo noise and what is left of the trend.

    Args:
        history: ELBO of each iteration (K,), or with its standard errors (K, 2), nats.
        window: iterations in a window, at least 2; an incomplete window at the start is left out,
            so that the last window ends where the trace ends.

    Returns:
        iteration (W,), mean (W,) and standard error (W,), W = K // window.

    Raises:
        ShapeError: if not even one window is there, or for another shape.
        ValueError: unless window >= 2.
    """
    history = np.asarray(history, dtype=float)
    if history.ndim == 2:
        require_shape("history", history, ("K", 2))
        history = history[:, 0]
    require_shape("history", history, ("K",))
    if window < 2:
        raise ValueError(f"window must be at least 2, got {window}")
    count = len(history) // window
    if count == 0:
        raise ShapeError(f"history must hold at least {window} iterations, got {len(history)}")
    first = len(history) - count * window
    rows = history[first:].reshape(count, window)
    middle = first + window * np.arange(count) + (window + 1) / 2.0
    return middle, rows.mean(axis=1), rows.std(axis=1, ddof=1) / np.sqrt(window)

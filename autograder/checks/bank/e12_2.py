"""Typical answers to E12.2, `has_converged(elbo_trace, window, rel_tol)` and `average_iterates`.

Each wrong answer is wrong in one of the two functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def windows(trace: Array, window: int) -> tuple[Array, Array]:
    return trace[-2 * window : -window], trace[-window:]


def agree(before: Any, now: Any, rel_tol: float) -> bool:
    return bool(abs(now - before) <= rel_tol * abs(now))


def rule(
    *,
    cut: Callable[[Array, int], tuple[Array, Array]] = windows,
    centres: tuple[Callable[[Array], Any], ...] = (np.mean, np.median),
    near: Callable[[Any, Any, float], bool] = agree,
    needed: Callable[[int], int] = lambda window: 2 * window,
    short: bool = False,
    together: Callable[[list[bool]], bool] = any,
) -> Callable[[Array, int, float], Any]:
    def has_converged(elbo_trace: Array, window: int, rel_tol: float) -> Any:
        trace = np.asarray(elbo_trace, float)
        if len(trace) < needed(window):
            return short
        before, now = cut(trace, window)
        return together([near(centre(before), centre(now), rel_tol) for centre in centres])

    return has_converged


def mean_after(params: Array, burn: int) -> Array:
    return np.mean(np.asarray(params, float)[burn:], axis=0)


MEANS_OR_MEDIANS = rule()


def both(
    has_converged: Callable[..., Any] = MEANS_OR_MEDIANS,
    average_iterates: Callable[..., Any] = mean_after,
) -> Implementation:
    return {"has_converged": has_converged, "average_iterates": average_iterates}


def single_step(elbo_trace: Array, window: int, rel_tol: float) -> bool:
    if len(elbo_trace) < 2 * window:
        return False
    return abs(elbo_trace[-1] - elbo_trace[-2]) <= rel_tol * abs(elbo_trace[-1])


def every_step(elbo_trace: Array, window: int, rel_tol: float) -> bool:
    if len(elbo_trace) < 2 * window:
        return False
    late = np.asarray(elbo_trace, float)[-2 * window :]
    return bool(np.all(np.abs(np.diff(late)) <= rel_tol * np.abs(late[1:])))


def small_spread(elbo_trace: Array, window: int, rel_tol: float) -> bool:
    if len(elbo_trace) < 2 * window:
        return False
    late = np.asarray(elbo_trace, float)[-2 * window :]
    return bool(np.std(late) <= rel_tol * abs(np.mean(late)))


def both_must_agree(*args: Any) -> Any:
    return rule(together=all)(*args)


def in_whole_numbers(params: Array, burn: int) -> Array:
    total = np.zeros_like(params[0])
    for row in params[burn:]:
        total = total + row
    mean = np.zeros_like(params[0])
    mean[:] = total / len(params[burn:])
    return mean


def share_left_out(params: Array, burn: float) -> Array:
    params = np.asarray(params)
    kept = params[int(burn * len(params)) :]
    return np.mean(kept, axis=0) if len(kept) else np.full(params.shape[1], np.nan)


WRONG = (
    Wrong(
        "one-spike-undoes-it",
        both(rule(centres=(np.mean,))),
        "One outlier moves the mean of a window a long way, and its median hardly. What do the "
        "medians of both windows say here?",
        also=(both(rule(together=all)),),
    ),
    Wrong(
        "absolute-tolerance",
        both(rule(near=lambda before, now, tol: abs(now - before) <= tol)),
        "Is a change of 0.5 nats large? For an ELBO near 10,000 it is nothing. `rel_tol` is "
        "relative: to the size of the ELBO.",
        also=(
            both(rule(near=lambda before, now, tol: abs(now - before) <= tol, centres=(np.mean,))),
        ),
    ),
    Wrong(
        "signed-size",
        both(rule(near=lambda before, now, tol: abs(now - before) <= tol * now)),
        "ELBOs are usually negative, and `rel_tol` times a negative number is negative: nothing is "
        "as small as that. What is the *size* of an ELBO?",
        also=(
            both(rule(near=lambda before, now, tol: abs(now - before) / now <= tol)),
            both(rule(near=lambda before, now, tol: (now - before) / now <= tol)),
            both(
                rule(
                    centres=(np.mean,),
                    near=lambda before, now, tol: (now - before) / now <= tol,
                )
            ),
        ),
    ),
    Wrong(
        "one-sided",
        both(rule(near=lambda before, now, tol: now - before <= tol * abs(now))),
        "A trace that *falls* has not converged either. Do you look at the size of the change, or "
        "only for a rise?",
    ),
    Wrong(
        "single-step",
        both(single_step),
        "You compare two single values, and each has its Monte Carlo noise. Average over windows "
        "before you compare.",
    ),
    Wrong(
        "spread-within",
        both(small_spread),
        "You ask whether the noise is small. A noisy trace may have converged, a smooth one may be "
        "rising slowly. Compare the centres of the two windows.",
        also=(both(every_step),),
    ),
    Wrong(
        "short-traces-accepted",
        both(rule(needed=lambda window: window)),
        "With fewer than two full windows there is nothing to compare: what does your slice "
        "`[-2 * window:-window]` hold for 30 values and a window of 20?",
        also=(both(rule(needed=lambda window: window + 1)), both(rule(short=True))),
    ),
    Wrong(
        "first-windows",
        both(rule(cut=lambda trace, w: (trace[:w], trace[w : 2 * w]))),
        "You look at the first windows of the trace. Whether it has arrived shows at its end.",
    ),
    Wrong(
        "against-the-start",
        both(rule(cut=lambda trace, w: (trace[:w], trace[-w:]))),
        "You compare the end with the very beginning; every run that has learnt anything differs "
        "there. Compare the last two windows.",
        also=(both(rule(cut=lambda trace, w: (trace[:-w], trace[-w:]))),),
    ),
    Wrong(
        "halves-of-the-trace",
        both(rule(cut=lambda trace, w: (trace[: len(trace) // 2], trace[len(trace) // 2 :]))),
        "You compare two halves of the whole trace, so the way to the plateau counts for ever. "
        "`window` says how far to look back.",
    ),
    Wrong(
        "verdict-reversed",
        both(lambda *args: not rule()(*args)),
        "You return True while the trace still changes. The question is whether it has converged.",
    ),
    Wrong(
        "burn-ignored",
        both(average_iterates=lambda params, burn: np.mean(params, axis=0)),
        "The first `burn` iterates are still on their way. Leave them out of the mean.",
    ),
    Wrong(
        "burn-as-a-share",
        both(average_iterates=share_left_out),
        "You take `burn` for a share of the iterates. It is a count: with burn = 4 the first four "
        "are left out.",
    ),
    Wrong(
        "last-burn",
        both(average_iterates=lambda params, burn: np.mean(np.asarray(params)[-burn:], axis=0)),
        "`burn` says how many to leave out at the start, not how many to keep at the end.",
        also=(
            both(
                average_iterates=lambda params, burn: np.mean(
                    np.asarray(params)[: burn or None], axis=0
                )
            ),
        ),
    ),
    Wrong(
        "miscounted",
        both(average_iterates=lambda params, burn: np.mean(np.asarray(params)[burn + 1 :], axis=0)),
        "Count: with `burn=1` the second iterate is the first to count. With burn = 4 of 5, one "
        "is left.",
        also=(
            both(
                average_iterates=lambda params, burn: np.mean(
                    np.asarray(params)[max(burn - 1, 0) :], axis=0
                )
            ),
        ),
    ),
    Wrong(
        "divided-by-all",
        both(average_iterates=lambda params, burn: np.sum(params[burn:], axis=0) / len(params)),
        "You add up what is left after the burn and divide by the number of all iterates.",
    ),
    Wrong(
        "over-the-parameters",
        both(average_iterates=lambda params, burn: np.mean(np.asarray(params)[burn:], axis=1)),
        "You average over the parameters of each iterate. The mean runs over the iterates: (K, P) "
        "becomes (P,).",
        also=(both(average_iterates=lambda params, burn: np.mean(np.asarray(params)[burn:])),),
    ),
    Wrong(
        "another-scale",
        both(
            average_iterates=lambda params, burn: np.log(
                np.mean(np.exp(np.asarray(params, float)[burn:]), axis=0)
            )
        ),
        "You average on another scale, exp(…), and go back. Average what is optimised: the "
        "parameters as they stand, log sds among them.",
        also=(
            both(
                average_iterates=lambda params, burn: np.exp(
                    np.mean(np.log(np.abs(np.asarray(params, float)[burn:])), axis=0)
                )
            ),
        ),
    ),
    Wrong(
        "median-of-the-iterates",
        both(average_iterates=lambda params, burn: np.median(np.asarray(params)[burn:], axis=0)),
        "That is the median of the iterates. Asked is their mean, whose noise is smaller.",
    ),
    Wrong(
        "whole-numbers-truncated",
        both(average_iterates=in_whole_numbers),
        "When the iterates are whole numbers your mean is cut to whole numbers: an array made by "
        "`zeros_like` inherits the type of its model.",
    ),
)


# Right


def earlier_size(before: Any, now: Any, rel_tol: float) -> bool:
    return bool(abs(now / before - 1.0) < rel_tol)


def running_sum(params: Array, burn: int) -> list[float]:
    kept = [list(row) for row in params[burn:]]
    return [float(sum(column)) / len(kept) for column in zip(*kept, strict=True)]


def by_trimmed_means(elbo_trace: Array, window: int, rel_tol: float) -> int:
    if len(elbo_trace) < 2 * window:
        return 0
    ordered = [sorted(float(v) for v in part) for part in windows(elbo_trace, window)]
    before, now = (sum(part[1:-1]) / len(part[1:-1]) for part in ordered)
    return int(abs(now - before) <= rel_tol * max(abs(now), abs(before)))


def recursive(params: Array, burn: int) -> Array:
    mean = np.array(params[burn], float)
    for k, row in enumerate(params[burn + 1 :], start=2):
        mean = mean + (row - mean) / k
    return mean


RIGHT = (
    Right("medians alone", both(rule(centres=(np.median,)), recursive)),
    Right("relative to the earlier window", both(rule(near=earlier_size), running_sum)),
    Right("trimmed means, 0 and 1", both(by_trimmed_means)),
)

"""Typical answers to E5.4, `control_variate(f, h) -> (f_new, a)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Pair = tuple[Array, Array]


def _named(function: Callable[..., Any]) -> Implementation:
    return {"control_variate": function}


def _moments(f: Array, h: Array) -> tuple[Array, Array]:
    """Covariances of the columns and variances of h, both with the denominator S."""
    gap = h - np.mean(h, axis=0)
    return np.mean((f - np.mean(f, axis=0)) * gap, axis=0), np.mean(gap**2, axis=0)


def _ratio(cov: Array, var: Array) -> Array:
    return np.where(var > 0, cov / np.where(var > 0, var, 1.0), 0.0)


def optimal(f: Array, h: Array) -> Pair:
    a = _ratio(*_moments(f, h))
    return f - a * h, a


def added(f: Array, h: Array) -> Pair:
    a = _ratio(*_moments(f, h))
    return f + a * h, a


def one_for_all(f: Array, h: Array) -> Pair:
    cov, var = _moments(f, h)
    a = np.sum(cov) / np.sum(var)
    return f - a * h, np.full(f.shape[1], a)


def one_number_for_all(f: Array, h: Array) -> Pair:
    f_new, a = one_for_all(f, h)
    return f_new, a[0]


def along_rows_not_centred(f: Array, h: Array) -> Pair:
    a = np.sum(f * h, axis=1) / np.sum(h * h, axis=1)
    return f - a[:, None] * h, a


def denominators_differ(f: Array, h: Array) -> Pair:
    cov, var = _moments(f, h)
    a = _ratio(cov * len(f) / (len(f) - 1), var)
    return f - a * h, a


def unguarded(f: Array, h: Array) -> Pair:
    cov, var = _moments(f, h)
    a = cov / var
    return f - a * h, a


def unguarded_and_not_centred(f: Array, h: Array) -> Pair:
    a = np.mean(f * h, axis=0) / np.mean(h**2, axis=0)
    return f - a * h, a


def covariance_only(f: Array, h: Array) -> Pair:
    a, _ = _moments(f, h)
    return f - a * h, a


def over_variance_of_f(f: Array, h: Array) -> Pair:
    cov, _ = _moments(f, h)
    a = _ratio(cov, np.var(f, axis=0))
    return f - a * h, a


def correlation(f: Array, h: Array) -> Pair:
    cov, var = _moments(f, h)
    a = _ratio(cov, np.sqrt(var * np.var(f, axis=0)))
    return f - a * h, a


def over_sd(f: Array, h: Array) -> Pair:
    cov, var = _moments(f, h)
    a = _ratio(cov, np.sqrt(var))
    return f - a * h, a


def h_centred(f: Array, h: Array) -> Pair:
    a = _ratio(*_moments(f, h))
    return f - a * (h - np.mean(h, axis=0)), a


def f_centred(f: Array, h: Array) -> Pair:
    a = _ratio(*_moments(f, h))
    return f - np.mean(f, axis=0) - a * h, a


def averaged(f: Array, h: Array) -> Pair:
    f_new, a = optimal(f, h)
    return np.mean(f_new, axis=0), a


def along_rows(f: Array, h: Array) -> Pair:
    f_new, a = optimal(f.T, h.T)
    return f_new.T, a


def swapped(f: Array, h: Array) -> Pair:
    f_new, a = optimal(f, h)
    return a, f_new


def nothing_left_of_h(f: Array, h: Array) -> Pair:
    a = _ratio(*_moments(f, h))
    return a * h, a


def baseline_of_f(f: Array, h: Array) -> Pair:
    a = np.mean(f, axis=0)
    return f - a * h, a


def column_dropped(f: Array, h: Array) -> Pair:
    f_new, a = optimal(f, h)
    return np.where(np.var(h, axis=0) > 0, f_new, 0.0), a


def by_loops(f: Array, h: Array) -> tuple[list[list[float]], list[float]]:
    a = []
    for j in range(f.shape[1]):
        table = np.cov(f[:, j], h[:, j])
        a.append(float(table[0, 1] / table[1, 1]) if table[1, 1] > 0 else 0.0)
    f_new = [[float(v - k * c) for v, k, c in zip(*rows, strict=True)] for rows in _rows(f, a, h)]
    return f_new, a


def _rows(f: Array, a: list[float], h: Array) -> list[tuple[Array, list[float], Array]]:
    return [(row, a, control) for row, control in zip(f, h, strict=True)]


@dataclass
class Controlled:
    """The new draws and their coefficients."""

    f_new: Array
    a: Array


def by_regression(f: Array, h: Array) -> Controlled:
    """Slopes of the least-squares lines of f on h; the guard takes the slope 0."""
    a = np.array(
        [
            np.polyfit(h[:, j], f[:, j], 1)[0] if np.ptp(h[:, j]) > 0 else 0.0
            for j in range(f.shape[1])
        ]
    )
    return Controlled(f - h * a, a)


def tiny_ridge(f: Array, h: Array) -> Pair:
    cov, var = _moments(f, h)
    a = cov / (var + 1e-12)
    return f - a * h, a


def leave_one_out(f: Array, h: Array) -> Pair:
    """Each draw's coefficient comes from the other draws, so that the mean stays exact."""
    num = len(f) - 1

    def others(values: Array) -> Array:
        return (np.sum(values, axis=0) - values) / num

    cov = others(f * h) - others(f) * others(h)
    var = others(h**2) - others(h) ** 2
    a = np.where(var > 1e-14, cov / np.where(var > 1e-14, var, 1.0), 0.0)
    return f - a * h, a


def leave_one_out_mean_a(f: Array, h: Array) -> Pair:
    f_new, a = leave_one_out(f, h)
    return f_new, np.mean(a, axis=0)


def split_halves(f: Array, h: Array) -> Pair:
    """Each half of the draws gets the coefficient of the other half."""
    half = len(f) // 2
    first, second = _ratio(*_moments(f[:half], h[:half])), _ratio(*_moments(f[half:], h[half:]))
    f_new = np.concatenate([f[:half] - second * h[:half], f[half:] - first * h[half:]])
    return f_new, 0.5 * (first + second)


def known_mean_of_h(f: Array, h: Array) -> Pair:
    """E[h] = 0 is known, so Cov = E[f h] and Var = E[h²] may be used without centring."""
    a = _ratio(np.mean(f * h, axis=0), np.mean(h**2, axis=0))
    return f - a * h, a


WRONG = (
    Wrong(
        "added-instead-of-subtracted",
        _named(added),
        "When f and h rise together, a is positive: does adding a h or subtracting it "
        "take out what they share?",
    ),
    Wrong(
        "one-coefficient-for-all",
        _named(one_for_all),
        "Each column has its own best a: take covariance and variance column by column.",
        also=(_named(one_number_for_all),),
    ),
    Wrong(
        "denominators-differ",
        _named(denominators_differ),
        "Covariance and variance must have the same denominator. `np.cov` divides by S - 1, "
        "`np.var` by S. Try f = 3 h: is your a exactly 3?",
    ),
    Wrong(
        "zero-variance-unguarded",
        _named(unguarded),
        "A column of h that never varies cannot help, but must not hurt: 0/0 needs a guard, a = 0.",
    ),
    Wrong(
        "variance-of-f",
        _named(over_variance_of_f),
        "You divided by the variance of f. Minimise Var(f - a h) in a: "
        "whose variance stands beside a²?",
    ),
    Wrong(
        "correlation",
        _named(correlation),
        "This is a correlation, a pure number. If f is measured in other units, a must change.",
    ),
    Wrong(
        "sd-of-h",
        _named(over_sd),
        "You divided by the standard deviation of h. Check the units: a h must have those of f.",
    ),
    Wrong(
        "h-centred",
        _named(h_centred),
        "You subtracted h minus its sample mean. Then the average of f has not changed at all: "
        "it is the known deviation of h's average from 0 that corrects it.",
    ),
    Wrong(
        "f-centred",
        _named(f_centred),
        "You also took away the mean of f, and with it the gradient: "
        "f_new must have the same expectation as f.",
    ),
    Wrong(
        "already-averaged",
        _named(averaged),
        "Return one corrected value per draw, (S, P), so that its variance can still be seen.",
    ),
    Wrong(
        "axis-mixed-up",
        _named(along_rows),
        "Draws run down the first axis: the covariance of a column is taken over its rows.",
        also=(_named(along_rows_not_centred),),
    ),
    Wrong(
        "order-swapped",
        _named(swapped),
        "The two results came in the other order: first `f_new`, then `a`.",
    ),
    Wrong(
        "correction-returned",
        _named(nothing_left_of_h),
        "You return the correction a h itself. What remains of f when it is taken away?",
    ),
    Wrong(
        "mean-of-f-as-a",
        _named(baseline_of_f),
        "A mean of f is not the best a: minimise Var(f - a h) = Var f - 2 a Cov(f, h) + a² Var h.",
    ),
    Wrong(
        "column-dropped",
        _named(column_dropped),
        "Where h never varies your f_new is 0. Without a useful h nothing may be taken away: "
        "f_new is f.",
    ),
)

RIGHT = (
    Right("same denominators", _named(optimal)),
    Right("loops and np.cov", _named(by_loops)),
    Right("least-squares lines", _named(by_regression)),
    Right("a tiny number in the denominator", _named(tiny_ridge)),
    Right("leave one out", _named(leave_one_out)),
    Right("leave one out, mean coefficient", _named(leave_one_out_mean_a)),
    Right("split halves", _named(split_halves)),
    Right("using that E[h] = 0", _named(known_mean_of_h)),
)

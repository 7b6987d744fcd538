"""Typical answers to E3.2, `cavi_linreg(X, y, prior_prec, noise_prec, num_sweeps)`.

With A = diag(prior_prec) + noise_prec X'X and b = noise_prec X'y, coordinate ascent is Gauss-Seidel
on A mean = b, and prec = diag A.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from autograder.checks.bank.e3_sweeps import (
    Case,
    case,
    earlier_only,
    nothing_out,
    own_out_twice,
    sweeps,
    with_own,
)
from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def marginal_prec(c: Case) -> Array:
    return 1.0 / np.diag(np.linalg.inv(c.exact_prec))


def own_type(X: Array) -> Any:
    return X.dtype


def only_for(kind: str) -> Implementation:
    """Answers that index `prior_prec`, or put it into one entry, and so take one kind only."""

    def cavi_linreg(X: Array, y: Array, prior_prec: Any, *rest: Any) -> Any:
        if kind == "vector" and not np.ndim(prior_prec):
            raise TypeError("'float' object is not subscriptable")
        if kind == "number" and np.ndim(prior_prec):
            raise ValueError("setting an array element with a sequence.")
        return sweeps()["cavi_linreg"](X, y, prior_prec, *rest)

    return {"cavi_linreg": cavi_linreg}


def solved(*arguments: Any) -> Any:
    c = case(*arguments)
    return np.linalg.solve(c.exact_prec, c.noise * c.X.T @ c.y), c.prec


def until_it_rests(*arguments: Any) -> Any:
    return sweeps(count=lambda n: max(n, 2000))["cavi_linreg"](*arguments)


def whole_sum_squared(c: Case) -> Array:
    return c.prior + c.noise * np.sum(c.X, axis=0) ** 2


def sum_itself(c: Case) -> Array:
    return c.prior + c.noise * np.sum(c.X, axis=0)


def no_prior(c: Case) -> Array:
    return c.noise * c.squares


def noise_as_variance(c: Case) -> Array:
    return c.prior + c.squares / c.noise


def prior_as_variance(c: Case) -> Array:
    return 1.0 / c.prior + c.noise * c.squares


def without_noise(c: Case) -> Array:
    return c.prior + c.squares


WRONG = (
    Wrong(
        "own-coordinate-left-in",
        sweeps(residual=with_own),
        "Your residual y − Xm still has β_j's own part taken off. What q(β_j) has to explain is y "
        "minus the part of the *other* coefficients: add x_j m_j back.",
        also=(sweeps(residual=own_out_twice),),
    ),
    Wrong(
        "old-means-in-the-sweep",
        sweeps(jacobi=True),
        "You update all means from those of the last sweep. Coordinate ascent uses the freshest: "
        "with correlated covariates the other way can run away. What happens to m_2 once m_1 is "
        "new?",
    ),
    Wrong(
        "each-coefficient-alone",
        sweeps(residual=nothing_out),
        "You regress y on each covariate alone. Where do the other coefficients' means enter the "
        "update of m_j?",
    ),
    Wrong(
        "marginal-variances",
        sweeps(prec=marginal_prec),
        "Your precisions are those of the exact marginals, 1/(A⁻¹)_jj. In the update the others "
        "are held fixed: which is the coefficient of −½β_j² then?",
        also=(
            sweeps(prec=lambda c: np.diag(np.linalg.inv(c.exact_prec))),
            sweeps(prec=marginal_prec, divisor=marginal_prec),
        ),
    ),
    Wrong(
        "variances-for-precisions",
        sweeps(prec=lambda c: 1.0 / c.prec),
        "The second result is asked as precisions. With more data, must a precision grow or "
        "shrink?",
        also=(sweeps(prec=lambda c: c.prec**-0.5),),
    ),
    Wrong(
        "whole-numbers-truncated",
        sweeps(dtype=own_type),
        "If X holds whole numbers, an array made like it (`np.zeros_like`, `np.array([[1]])`) "
        "holds whole numbers too and cuts yours off: 601.345 becomes 601. Ask for dtype float.",
    ),
    Wrong(
        "prior-forgotten",
        sweeps(divisor=no_prior, prec=no_prior),
        "Where is `prior_prec`? It adds to the coefficient of −½β_j², like every datum does.",
    ),
    Wrong(
        "prior-forgotten-in-the-mean",
        sweeps(divisor=no_prior),
        "Your means come to rest at least squares: nothing pulls them towards 0. Do you divide by "
        "the whole precision of q(β_j), prior and all? And is m_j set to the new value, or is the "
        "value added to the old one?",
        also=(sweeps(residual=with_own, added=True),),
    ),
    Wrong(
        "prior-forgotten-in-the-precision",
        sweeps(prec=no_prior),
        "Your means know the prior and your precisions do not. Both come from the same quadratic.",
    ),
    Wrong(
        "noise-precision-forgotten-in-the-mean",
        sweeps(weight=lambda c: 1.0),
        "The linear term in β_j is noise_prec Σ x_ij (…): the factor is missing in your mean.",
    ),
    Wrong(
        "noise-precision-forgotten",
        sweeps(weight=lambda c: 1.0, divisor=without_noise, prec=without_noise),
        "Where is `noise_prec`? It multiplies everything that comes from the data.",
        also=(sweeps(divisor=without_noise, prec=without_noise),),
    ),
    Wrong(
        "noise-variance-for-precision",
        sweeps(weight=lambda c: 1.0 / c.noise, divisor=noise_as_variance, prec=noise_as_variance),
        "`noise_prec` is a precision: the data count in proportion to it. You divide by it.",
    ),
    Wrong(
        "prior-variance-for-precision",
        sweeps(divisor=prior_as_variance, prec=prior_as_variance),
        "`prior_prec` is a precision already, 1/variance: you invert it once more.",
    ),
    Wrong(
        "square-of-the-sum",
        sweeps(divisor=whole_sum_squared, prec=whole_sum_squared),
        "Σ x_ij² is the sum of the squares. You square the sum: a centred covariate would tell "
        "nothing at all.",
        also=(sweeps(prec=whole_sum_squared),),
    ),
    Wrong(
        "square-forgotten",
        sweeps(divisor=sum_itself, prec=sum_itself),
        "λ_j holds Σ x_ij², and you add up x_ij: a precision that may be negative?",
        also=(sweeps(prec=sum_itself),),
    ),
    Wrong(
        "only-the-first-coefficient",
        sweeps(order=lambda dim: range(1)),
        "One of your means has moved, and the others are still 0. Does a `return` stand inside the "
        "loop over j?",
    ),
    Wrong(
        "rests-after-one-sweep",
        sweeps(count=lambda n: 1),
        "Nothing moves after your first sweep. Either you make one only, whatever `num_sweeps` "
        "says, or your residual takes off only the coefficients *before* β_j: those after it have "
        "means, too, of the last sweep.",
        also=(sweeps(residual=earlier_only),),
    ),
    Wrong(
        "one-sweep-off",
        sweeps(count=lambda n: n - 1),
        "Count your sweeps: with num_sweeps = 1 each mean is to be updated once.",
        also=(sweeps(count=lambda n: n + 1),),
    ),
    Wrong(
        "solved-at-once",
        {"cavi_linreg": solved},
        "Your means are exact after a single sweep, so they are not found by sweeps: that is the "
        "solution of A m = b. Here we want to see coordinate ascent on its way.",
        also=({"cavi_linreg": until_it_rests},),
    ),
    Wrong(
        "another-start",
        sweeps(start=lambda c: np.ones(len(c.prior))),
        "All means start at 0, the prior's mean. (At rest the start does not matter; after one "
        "sweep it does.)",
        also=(
            sweeps(start=lambda c: c.X.T @ c.y / c.squares),
            sweeps(start=lambda c: np.linalg.lstsq(c.X, c.y, rcond=None)[0]),
        ),
    ),
    Wrong(
        "prior-precision-as-a-vector-only",
        only_for("vector"),
        "`prior_prec` may be a number or a vector (D,): `prior_prec * np.ones(D)` makes a vector "
        "of both.",
    ),
    Wrong(
        "prior-precision-as-a-number-only",
        only_for("number"),
        "`prior_prec` may be a vector with one precision for each coefficient: use its j-th entry "
        "for β_j. (`prior_prec * np.ones(D)` makes a vector of a number, too.)",
    ),
    Wrong(
        "order-of-the-results",
        {"cavi_linreg": lambda *values: sweeps()["cavi_linreg"](*values)[::-1]},
        "First the means, then the precisions.",
    ),
)


# Right


def with_a_running_residual(*arguments: Any) -> Any:
    c = case(*arguments)
    mean, left = np.zeros(len(c.prior)), c.y.copy()
    for _ in range(c.num_sweeps):
        for j in range(len(mean)):
            left += c.X[:, j] * mean[j]
            mean[j] = c.noise * (c.X[:, j] @ left) / c.prec[j]
            left -= c.X[:, j] * mean[j]
    return [mean, c.prec]


def by_triangular_solves(*arguments: Any) -> Any:
    c = case(*arguments)
    mean, b = np.zeros(len(c.prior)), c.noise * c.X.T @ c.y
    for _ in range(c.num_sweeps):
        mean = linalg.solve_triangular(
            np.tril(c.exact_prec), b - np.triu(c.exact_prec, 1) @ mean, lower=True
        )
    return {"prec": np.diag(c.exact_prec), "mean": mean}


def number_by_number(*arguments: Any) -> Any:
    c = case(*arguments)
    num, dim = c.X.shape
    X, y = c.X.tolist(), c.y.tolist()
    mean = [0.0] * dim
    for _ in range(c.num_sweeps):
        for j in range(dim):
            total = 0.0
            for i in range(num):
                others = sum(X[i][k] * mean[k] for k in range(dim) if k != j)
                total += X[i][j] * (y[i] - others)
            mean[j] = float(c.noise * total / c.prec[j])
    return mean, list(c.prec)


RIGHT = (
    Right("backwards", sweeps(order=lambda dim: range(dim)[::-1])),
    Right("a running residual", {"cavi_linreg": with_a_running_residual}),
    Right("triangular solves, a dict", {"cavi_linreg": by_triangular_solves}),
    Right("number by number", {"cavi_linreg": number_by_number}),
)

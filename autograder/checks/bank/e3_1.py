"""Typical answers to E3.1, `exact_posterior_linreg(...) -> (mean, cov, log_evidence)`.

A slip in the system A mean = b shows in all three results, any other in one of them alone. The
check looks up each result by itself, so that two slips at once are both named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

from autograder.checks.bank.e3_1_slips import ALL_SLIPS, SLIPS
from autograder.checks.bank.e3_regression import (
    LOG_2PI,
    At,
    answer,
    log_lik,
    log_prior,
    multivariate,
    right,
)
from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def overflowing(at: At) -> float:
    system = right(at)
    fit = at.noise_prec * np.sum((at.y - at.X @ system.mean) ** 2)
    fit += np.sum(at.prior * system.mean**2)
    constants = at.count * (np.log(at.noise_prec) - LOG_2PI) + np.sum(np.log(at.prior))
    return float(0.5 * (constants - np.log(np.linalg.det(system.A)) - fit))


def underflowing(at: At) -> float:
    X = np.asarray(at.X, float)
    cov = np.eye(at.count) / at.noise_prec + (X / at.prior) @ X.T
    fit = at.y @ np.linalg.solve(cov, at.y)
    return float(-0.5 * (np.log(np.linalg.det(cov)) + at.count * LOG_2PI + fit))


def one_number_only(*arguments: Any) -> Any:
    X, y, prior_prec, noise_prec = arguments
    if np.ndim(prior_prec):
        raise TypeError("only a number will do")
    return answer()["exact_posterior_linreg"](X, y, prior_prec, noise_prec)


def first_of_the_vector(*arguments: Any) -> Any:
    X, y, prior_prec, noise_prec = arguments
    return answer()["exact_posterior_linreg"](X, y, np.ravel(prior_prec)[0], noise_prec)


def vector_only(*arguments: Any) -> Any:
    X, y, prior_prec, noise_prec = arguments
    assert np.diag(prior_prec).shape == (X.shape[1], X.shape[1])  # fails for a number
    return answer()["exact_posterior_linreg"](X, y, prior_prec, noise_prec)


def in_order(*order: int) -> Implementation:
    """All three results, in this order."""

    def exact_posterior_linreg(*arguments: Any) -> Any:
        found = answer()["exact_posterior_linreg"](*arguments)
        return tuple(found[k] for k in order)

    return {"exact_posterior_linreg": exact_posterior_linreg}


def with_noise(change: Callable[[float], float]) -> Implementation:
    """Another precision of the noise, in all three results."""

    def exact_posterior_linreg(X: Array, y: Array, prior_prec: Any, noise_prec: float) -> Any:
        return answer()["exact_posterior_linreg"](X, y, prior_prec, change(noise_prec))

    return {"exact_posterior_linreg": exact_posterior_linreg}


EVERYWHERE = {
    "noise-variance-for-precision": (with_noise(lambda prec: 1.0 / prec),),
    "noise-precision-squared": (with_noise(lambda prec: prec**2),),
}


WRONG = (
    *(
        Wrong(
            slip.name,
            answer(**slip.ways[0]),
            slip.hint,
            also=(*(answer(**way) for way in slip.ways[1:]), *EVERYWHERE.get(slip.name, ())),
        )
        for slip in ALL_SLIPS
    ),
    Wrong(
        "determinant-overflows",
        answer(log_evidence=overflowing),
        "`det` overflows or underflows with many coefficients or data, long before its logarithm "
        "does: `np.linalg.slogdet`, or a Cholesky factor.",
        also=(answer(log_evidence=underflowing),),
    ),
    Wrong(
        "prior-precision-as-a-number-only",
        {"exact_posterior_linreg": one_number_only},
        "`prior_prec` may also be a vector with one precision for each coefficient: "
        "`prior_prec * np.eye(D)` is right for both. Do you know why?",
        also=({"exact_posterior_linreg": first_of_the_vector},),
    ),
    Wrong(
        "prior-precision-as-a-vector-only",
        {"exact_posterior_linreg": vector_only},
        "`prior_prec` may also be a single number, for all coefficients: `np.diag` of a number "
        "fails. Try `prior_prec * np.eye(D)`.",
    ),
    Wrong(
        "order-of-the-results",
        in_order(2, 1, 0),
        "All three results are there, in another order: first the mean, then the covariance, then "
        "log p(y).",
        also=(in_order(1, 0, 2), in_order(0, 2, 1)),
    ),
)


# Right


def by_cholesky(*values: Any) -> Any:
    at = At(*values)
    A = right(at).A
    root = linalg.cho_factor(A, lower=True)
    mean = linalg.cho_solve(root, right(at).b)
    half_log_det = np.sum(np.log(np.diag(root[0])))
    fit = at.noise_prec * at.y @ at.y - mean @ A @ mean
    log_evidence = 0.5 * (
        at.count * np.log(at.noise_prec) - at.count * LOG_2PI + np.sum(np.log(at.prior)) - fit
    )
    return [mean, linalg.cho_solve(root, np.eye(at.dim)), log_evidence - half_log_det]


def by_covariance_of_y(*values: Any) -> Any:
    """Conditioning the joint Gaussian of beta and y (Woodbury)."""
    at = At(*values)
    X, prior_cov = np.asarray(at.X, float), np.diag(1.0 / at.prior)
    cov_y = X @ prior_cov @ X.T + np.eye(at.count) / at.noise_prec
    gain = np.linalg.solve(cov_y, X @ prior_cov).T
    cov = prior_cov - gain @ X @ prior_cov
    return {
        "log_evidence": np.array([multivariate(at, 1.0 / at.noise_prec, 1.0 / at.prior)]),
        "cov": cov,
        "mean": gain @ at.y,
    }


def by_svd(*values: Any) -> Any:
    """In units of the prior's sds A is I + S'S, which singular values make diagonal."""
    at = At(*values)
    scaled = np.sqrt(at.noise_prec) * np.asarray(at.X, float) / np.sqrt(at.prior)
    _, size, turn = np.linalg.svd(scaled, full_matrices=True)
    stretch = 1.0 + np.pad(size, (0, at.dim - len(size))) ** 2
    basis = turn.T / np.sqrt(at.prior)[:, None]
    cov = (basis / stretch) @ basis.T
    mean = cov @ right(at).b
    joint = log_lik(at, mean) + log_prior(at, mean) + 0.5 * at.dim * LOG_2PI
    return mean, cov, joint - 0.5 * float(np.sum(np.log(at.prior)) + np.sum(np.log(stretch)))


def one_observation_after_the_other(*values: Any) -> Any:
    at = At(*values)
    mean, cov, total = np.zeros(at.dim), np.diag(1.0 / at.prior), 0.0
    for row, value in zip(np.asarray(at.X, float), at.y, strict=True):
        var = row @ cov @ row + 1.0 / at.noise_prec
        total += -0.5 * (LOG_2PI + np.log(var) + (value - row @ mean) ** 2 / var)
        gain = cov @ row / var
        mean = mean + gain * (value - row @ mean)
        cov = cov - np.outer(gain, row @ cov)
    return mean, cov, total


__all__ = ["RIGHT", "SLIPS", "WRONG"]

RIGHT = (
    Right("Cholesky", {"exact_posterior_linreg": by_cholesky}),
    Right("covariance of y, a dict", {"exact_posterior_linreg": by_covariance_of_y}),
    Right("singular values", {"exact_posterior_linreg": by_svd}),
    Right("one after the other", {"exact_posterior_linreg": one_observation_after_the_other}),
)

"""The mistakes of E3.1, each with the results that it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.bank.e3_regression import (
    LOG_2PI,
    NAMES,
    At,
    Build,
    System,
    Value,
    evidence,
    from_system,
    half_log_det,
    log_lik,
    log_prior,
    marginals,
    multivariate,
    right,
)

Array = Any


@dataclass(frozen=True)
class Slip:
    """One mistake: its name, its hint, and for each way to it the results that it changes."""

    name: str
    hint: str
    ways: tuple[dict[str, Value], ...]


def _in_system(name: str, hint: str, *builds: Build) -> Slip:
    return Slip(name, hint, tuple(map(from_system, builds)))


def _in(result: str, name: str, hint: str, *values: Value) -> Slip:
    return Slip(name, hint, tuple({result: value} for value in values))


def least_squares(at: At) -> System:
    return System(at.noise_prec * at.squares, at.noise_prec * at.products)


def squares(at: At) -> float:
    return float(at.noise_prec * np.sum((at.y - at.X @ right(at).mean) ** 2))


def penalty(at: At) -> float:
    return float(np.sum(at.prior * right(at).mean ** 2))


ALL_SLIPS = (
    _in_system(
        "noise-variance-for-precision",
        "`noise_prec` is a precision, 1/variance: the more precise the data, the more X'X must "
        "count in A. Yours counts less.",
        lambda at: System(
            np.diag(at.prior) + at.squares / at.noise_prec, at.products / at.noise_prec
        ),
    ),
    _in_system(
        "noise-precision-forgotten",
        "A and b both come from ½ noise_prec Σ (y − x'β)²: where is `noise_prec` in yours?",
        lambda at: System(np.diag(at.prior) + at.squares, at.products),
    ),
    _in_system(
        "noise-precision-in-b-only",
        "The data enter twice, through X'X and through X'y, and both times with the precision of "
        "the noise: it is missing in A.",
        lambda at: System(np.diag(at.prior) + at.squares, at.noise_prec * at.products),
    ),
    _in_system(
        "noise-precision-squared",
        "`noise_prec` is a precision already, not 1/sd: why square it?",
        lambda at: System(
            np.diag(at.prior) + at.noise_prec**2 * at.squares, at.noise_prec**2 * at.products
        ),
    ),
    Slip(
        "prior-forgotten",
        "That is least squares: the data alone. The prior adds `prior_prec` to the diagonal of A, "
        "and pulls the mean towards 0.",
        (from_system(least_squares), {"mean": lambda at: least_squares(at).mean}),
    ),
    _in_system(
        "prior-variance-for-precision",
        "`prior_prec` is a precision: the larger it is, the more firmly the prior holds β at 0. "
        "In your A a large one does little.",
        lambda at: System(
            np.diag(1.0 / at.prior) + at.noise_prec * at.squares, at.noise_prec * at.products
        ),
    ),
    _in_system(
        "prior-added-to-every-entry",
        "`prior_prec + noise_prec * X.T @ X` adds the prior's precision to *every* entry of the "
        "matrix. The prior has no cross terms β₁β₂: to which entries does it belong?",
        lambda at: System(at.prior + at.noise_prec * at.squares, at.noise_prec * at.products),
    ),
    _in(
        "mean",
        "noise-precision-forgotten-in-the-mean",
        "cov X'y lacks a factor: compare the terms that are linear in β. What multiplies X'y "
        "there?",
        lambda at: np.linalg.solve(right(at).A, at.products),
    ),
    _in(
        "mean",
        "noise-variance-in-the-mean",
        "In the mean X'y is divided by `noise_prec`. More precise data must pull the mean harder, "
        "not less.",
        lambda at: np.linalg.solve(right(at).A, at.products / at.noise_prec),
    ),
    _in(
        "mean",
        "natural-parameter-for-the-mean",
        "noise_prec X'y is A times the mean. What must be done with A?",
        lambda at: right(at).b,
        lambda at: right(at).A @ right(at).b,
    ),
    _in(
        "cov",
        "precision-for-covariance",
        "More data must make the covariance smaller. Yours grows: it is the precision matrix A.",
        lambda at: right(at).A,
    ),
    _in(
        "cov",
        "variances-only",
        "The second result is the whole covariance matrix (D, D): the correlations are what mean "
        "field will lose, so we need them.",
        lambda at: np.diag(right(at).cov),
        lambda at: np.sqrt(np.diag(right(at).cov)),
        lambda at: np.diag(np.diag(right(at).cov)),
    ),
    _in(
        "cov",
        "slices-for-the-covariance",
        "1/A_jj is the variance of β_j if all other coefficients are known. Invert the whole "
        "matrix first.",
        lambda at: np.diag(1.0 / np.diag(right(at).A)),
        lambda at: 1.0 / np.diag(right(at).A),
        lambda at: 1.0 / right(at).A,
    ),
    _in(
        "log_evidence",
        "plugged-in",
        "That is the likelihood at one β. log p(y) *averages* the likelihood over the prior: "
        "integrate, do not plug in.",
        lambda at: log_lik(at, right(at).mean),
        lambda at: log_lik(at, np.zeros(at.dim)),
    ),
    _in(
        "log_evidence",
        "joint-at-the-mean",
        "That is log p(y, β) at the posterior mean, the height of the joint. The evidence is the "
        "volume under it: divide by the posterior density at the same β.",
        lambda at: log_lik(at, right(at).mean) + log_prior(at, right(at).mean),
    ),
    _in(
        "log_evidence",
        "product-of-marginals",
        "You multiply the densities of single observations. They share β, so without knowing β "
        "they are correlated.",
        marginals,
    ),
    _in(
        "log_evidence",
        "sign-of-the-log-determinant",
        "Check the sign of your log determinant: log|cov| = −log|A|, and a posterior that is "
        "narrower than the prior must *cost* evidence.",
        lambda at: evidence(at) + 2.0 * half_log_det(at),
    ),
    _in(
        "log_evidence",
        "determinant-without-the-half",
        "A density has the square root of the determinant: ½ log|A|.",
        lambda at: evidence(at) - half_log_det(at),
    ),
    _in(
        "log_evidence",
        "sign-for-the-log-determinant",
        "`np.linalg.slogdet` returns two things, a sign and a logarithm. The sign is 1 for every "
        "A: you want the other.",
        lambda at: evidence(at) + half_log_det(at) - 0.5,
    ),
    _in(
        "log_evidence",
        "determinant-forgotten",
        "Where is the log determinant of A? It is what one pays for narrowing the prior down to "
        "the posterior.",
        lambda at: evidence(at) + half_log_det(at),
    ),
    _in(
        "log_evidence",
        "prior-normaliser-forgotten",
        "The prior has a normaliser: Σ ½ log prior_prec_j. Without it a vaguer prior costs "
        "nothing.",
        lambda at: evidence(at) - 0.5 * float(np.sum(np.log(at.prior))),
    ),
    _in(
        "log_evidence",
        "prior-normaliser-once",
        "There are D coefficients, and each has its own ½ log prior_prec in the prior.",
        lambda at: evidence(at) - 0.5 * float(np.sum(np.log(at.prior)) - np.mean(np.log(at.prior))),
    ),
    _in(
        "log_evidence",
        "noise-normaliser-forgotten",
        "The likelihood has a normaliser: ½ N log noise_prec.",
        lambda at: evidence(at) - 0.5 * at.count * float(np.log(at.noise_prec)),
    ),
    _in(
        "log_evidence",
        "noise-normaliser-once",
        "Each of the N observations has a density with a normaliser of its own, ½ log noise_prec − "
        "½ log 2π.",
        lambda at: evidence(at) - 0.5 * (at.count - 1) * float(np.log(at.noise_prec) - LOG_2PI),
        lambda at: evidence(at) - 0.5 * (at.count - 1) * float(np.log(at.noise_prec)),
    ),
    _in(
        "log_evidence",
        "half-forgotten",
        "A Gaussian log density has −½ prec (distance)². One of your squares has no half.",
        lambda at: evidence(at) - 0.5 * squares(at),
        lambda at: evidence(at) - 0.5 * penalty(at),
        lambda at: evidence(at) - 0.5 * (squares(at) + penalty(at)),
    ),
    _in(
        "log_evidence",
        "penalty-forgotten",
        "log p(y, β) at the mean has two squares: the residuals, and Σ prior_prec_j mean_j² from "
        "the prior. One is missing.",
        lambda at: evidence(at) + 0.5 * penalty(at),
    ),
    _in(
        "log_evidence",
        "power-of-two-pi",
        "Check the power of 2π in log p(y): y has N entries, so it is a density in N dimensions, "
        "whatever D is.",
        lambda at: evidence(at) + 0.5 * at.count * LOG_2PI,
        lambda at: evidence(at) - 0.5 * at.dim * LOG_2PI,
        lambda at: evidence(at) - at.dim * LOG_2PI,
        lambda at: evidence(at) + 0.5 * at.dim * LOG_2PI,
        lambda at: evidence(at) + 0.5 * (at.count - 1) * LOG_2PI,
    ),
    _in(
        "log_evidence",
        "covariance-of-y-from-precisions",
        "Without β the covariance of y is X diag(1/prior_prec) X' + I/noise_prec: variances add, "
        "not precisions.",
        lambda at: multivariate(at, at.noise_prec, at.prior),
        lambda at: multivariate(at, 1.0 / at.noise_prec, at.prior),
        lambda at: multivariate(at, at.noise_prec, 1.0 / at.prior),
    ),
    _in(
        "log_evidence",
        "posterior-for-prior-in-the-evidence",
        "You average the likelihood over the *posterior*. p(y) averages it over the prior, before "
        "the data were seen.",
        lambda at: multivariate_of_posterior(at),
    ),
    _in(
        "log_evidence",
        "not-a-logarithm",
        "Return log p(y). p(y) itself is 0 in double precision as soon as there are many data.",
        lambda at: float(np.exp(evidence(at))),
    ),
)


def multivariate_of_posterior(at: At) -> float:
    """Log N(y; X mean, X cov X' + I / noise_prec)."""
    X, system = np.asarray(at.X, float), right(at)
    cov = X @ system.cov @ X.T + np.eye(at.count) / at.noise_prec
    gap = at.y - X @ system.mean
    return float(
        -0.5 * (np.linalg.slogdet(cov)[1] + at.count * LOG_2PI + gap @ np.linalg.solve(cov, gap))
    )


SLIPS: dict[str, dict[str, tuple[Value, ...]]] = {
    result: {
        slip.name: tuple(way[result] for way in slip.ways if result in way)
        for slip in ALL_SLIPS
        if result in slip.ways[0]
    }
    for result in NAMES
}

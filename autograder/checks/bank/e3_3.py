"""Typical answers to E3.3, `elbo_linreg(X, y, prior_prec, noise_prec, mean, prec) -> elbo`.

A slip changes one of the three terms. The check looks up each term by itself, so that two slips at
once are both named.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from autograder.checks.bank.e3_3_slips import ALL_SLIPS, SLIPS
from autograder.checks.bank.e3_elbo import (
    LOG_2PI,
    RIGHT_TERMS,
    At,
    Term,
    elbo,
    entropy,
)
from autograder.checks.bank.e3_regression import At as Model
from autograder.checks.bank.e3_regression import evidence
from autograder.checks.bank.e3_regression import right as exact
from autograder.checks.protocol import Right, Wrong

Array = Any

__all__ = ["RIGHT", "RIGHT_TERMS", "SLIPS", "WRONG", "Term"]


def evidence_alone(*arguments: Any) -> float:
    return evidence(Model(*arguments[:4]))


def evidence_plus_kl(*arguments: Any) -> float:
    return 2.0 * evidence_alone(*arguments) - float(by_divergence(*arguments))


WRONG = (
    *(
        Wrong(
            slip.name,
            elbo(**{slip.term: slip.values[0]}),
            slip.hint,
            also=tuple(elbo(**{slip.term: value}) for value in slip.values[1:]),
        )
        for slip in ALL_SLIPS
    ),
    Wrong(
        "pi-e-for-two-pi-e",
        elbo(entropy=lambda at: entropy(at) - 0.5 * at.dim * float(np.log(2.0))),
        "The entropy of a Gaussian is ½ log(2πe/prec): a published notebook writes log(1·π·e) "
        "instead. Check the constant under your logarithm.",
    ),
    Wrong(
        "entropy-without-e",
        elbo(entropy=lambda at: entropy(at) - 0.5 * at.dim),
        "The entropy of a Gaussian is ½ log(2πe/prec): the e is worth half a nat for each factor.",
    ),
    Wrong(
        "entropy-constant-once",
        elbo(entropy=lambda at: entropy(at) - 0.5 * (at.dim - 1) * (1.0 + LOG_2PI)),
        "½ log 2πe belongs to each of the D factors.",
    ),
    Wrong(
        "two-pi-dropped",
        elbo(log_lik=lambda at: RIGHT_TERMS["log_lik"](at) + 0.5 * at.count * LOG_2PI),
        "Check your −½ log 2π: one for each observation and one for each coefficient in the prior. "
        "Constants do not move the best q, but without them the ELBO is no bound of log p(y).",
        also=(
            elbo(log_prior=lambda at: RIGHT_TERMS["log_prior"](at) + 0.5 * at.dim * LOG_2PI),
            elbo(
                log_lik=lambda at: RIGHT_TERMS["log_lik"](at) + 0.5 * at.count * LOG_2PI,
                log_prior=lambda at: RIGHT_TERMS["log_prior"](at) + 0.5 * at.dim * LOG_2PI,
            ),
            elbo(
                log_lik=lambda at: RIGHT_TERMS["log_lik"](at) + 0.5 * at.count * LOG_2PI,
                log_prior=lambda at: RIGHT_TERMS["log_prior"](at) + 0.5 * at.dim * LOG_2PI,
                entropy=lambda at: entropy(at) - 0.5 * at.dim * LOG_2PI,
            ),
        ),
    ),
    Wrong(
        "two-pi-once-in-the-prior",
        elbo(log_prior=lambda at: RIGHT_TERMS["log_prior"](at) + 0.5 * (at.dim - 1) * LOG_2PI),
        "The prior is a density in D dimensions: −½ log 2π for each coefficient.",
    ),
    Wrong(
        "evidence-for-the-bound",
        {"elbo_linreg": evidence_alone},
        "Your result does not depend on q: that is log p(y), the ceiling. How far below it is this "
        "q?",
    ),
    Wrong(
        "divergence-added",
        {"elbo_linreg": evidence_plus_kl},
        "That is log p(y) *plus* the KL divergence. Which side of log p(y) is the bound on?",
    ),
)


# Right


def by_divergence(*arguments: Any) -> Any:
    """Log p(y) - KL(q || posterior)."""
    at = At(*arguments)
    model = Model(*arguments[:4])
    system = exact(model)
    gap = np.asarray(at.mean, float) - system.mean
    kl = np.diag(system.A) @ at.var + gap @ system.A @ gap - at.dim
    kl = 0.5 * (kl - np.linalg.slogdet(system.A)[1] + np.sum(np.log(at.prec)))
    return np.array([evidence(model) - kl])


def fit_minus_penalty(*arguments: Any) -> Any:
    at = At(*arguments)
    ratio = at.prior * at.var
    kl = 0.5 * np.sum(ratio - 1 - np.log(ratio) + at.prior * np.asarray(at.mean, float) ** 2)
    return RIGHT_TERMS["log_lik"](at) - kl


def in_a_loop(*arguments: Any) -> Any:
    at = At(*arguments)
    sd, total = np.sqrt(at.var), 0.0
    for row, value in zip(np.asarray(at.X, float), at.y, strict=True):
        total += float(stats.norm.logpdf(value, row @ at.mean, at.noise_prec**-0.5))
        total -= 0.5 * at.noise_prec * float(np.sum((row * sd) ** 2))
    for j in range(at.dim):
        total += float(stats.norm.logpdf(at.mean[j], 0.0, at.prior[j] ** -0.5))
        total += float(stats.norm(at.mean[j], sd[j]).entropy()) - 0.5 * at.prior[j] * at.var[j]
    return total


def by_nodes(*arguments: Any) -> Any:
    """Gauss-Hermite nodes in every direction: exact for quadratics."""
    at = At(*arguments)
    axes = np.meshgrid(*[[-1.0, 1.0]] * at.dim, indexing="ij")
    beta = np.asarray(at.mean, float) + np.stack(axes, -1).reshape(-1, at.dim) * np.sqrt(at.var)
    lik = stats.norm.logpdf(at.y, beta @ np.asarray(at.X, float).T, at.noise_prec**-0.5).sum(1)
    prior = stats.norm.logpdf(beta, 0.0, at.prior**-0.5).sum(1)
    return np.mean(lik + prior) + entropy(at)


RIGHT = (
    Right("evidence minus KL", {"elbo_linreg": by_divergence}),
    Right("fit minus penalty", {"elbo_linreg": fit_minus_penalty}),
    Right("loops", {"elbo_linreg": in_a_loop}),
    Right("averages over two nodes per coefficient", {"elbo_linreg": by_nodes}),
)

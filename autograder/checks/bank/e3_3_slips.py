"""The mistakes of E3.3 that change one of its three terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.bank.e3_elbo import (
    LOG_2PI,
    RIGHT_TERMS,
    At,
    Term,
    entropy,
    log_lik,
    log_prior,
)

Array = Any


@dataclass(frozen=True)
class Slip:
    """One mistake in one term: the term, a name, a hint, and the ways in which it is made."""

    term: str
    name: str
    hint: str
    values: tuple[Term, ...]


def squared_means(at: At) -> Array:
    return np.asarray(at.mean, float) ** 2


def joint_spread(at: At) -> float:
    """Var[x'beta] as if the coefficients moved together: (sum_j x_ij sd_j)^2."""
    return float(np.sum((np.asarray(at.X, float) @ np.sqrt(at.var)) ** 2))


ALL_SLIPS = (
    Slip(
        "log_lik",
        "uncertainty-of-q-forgotten",
        "You put the means into the likelihood. E[(y − x'β)²] is (y − x'm)² plus the variance of "
        "x'β under q: what is the variance of a sum of independent terms x_j β_j?",
        (lambda at: log_lik(at, at.residuals),),
    ),
    Slip(
        "log_lik",
        "covariates-not-squared",
        "The variance of x_j β_j is x_j² times that of β_j: check how x enters your variance of "
        "x'β.",
        (
            lambda at: log_lik(at, at.residuals + float(np.sum(np.asarray(at.X, float) @ at.var))),
            lambda at: log_lik(at, at.residuals + at.count * float(np.sum(at.var))),
            lambda at: log_lik(at, at.residuals + float(np.sum(at.var))),
        ),
    ),
    Slip(
        "log_lik",
        "coefficients-move-together",
        "(Σ_j x_j sd_j)² would be the variance of x'β if all β_j moved together. Under q they are "
        "independent: no cross terms.",
        (lambda at: log_lik(at, at.residuals + joint_spread(at)),),
    ),
    Slip(
        "log_lik",
        "precision-for-variance-in-the-likelihood",
        "The variance of β_j is 1/prec_j: you multiply by `prec` where you should divide.",
        (
            lambda at: log_lik(
                at, at.residuals + float(np.sum(np.asarray(at.X, float) ** 2 @ at.prec))
            ),
        ),
    ),
    Slip(
        "log_lik",
        "uncertainty-once-instead-of-N-times",
        "Each of the N observations brings its own x_i²/prec into the sum.",
        (
            lambda at: log_lik(at, at.residuals + at.spread / at.count),
            lambda at: log_lik(
                at, at.residuals + float(np.mean(np.asarray(at.X, float), axis=0) ** 2 @ at.var)
            ),
        ),
    ),
    Slip(
        "log_lik",
        "log-terms-once-instead-of-N-times",
        "½ log noise_prec − ½ log 2π stands in the log density of each observation: there are N "
        "of them.",
        (
            lambda at: (
                0.5 * (np.log(at.noise_prec) - LOG_2PI - at.noise_prec * (at.residuals + at.spread))
            ),
            lambda at: RIGHT_TERMS["log_lik"](at) / at.count,
        ),
    ),
    Slip(
        "log_lik",
        "noise-normaliser",
        "The log density of one observation holds ½ log noise_prec: plus, and with a half, since "
        "noise_prec is 1/variance.",
        (
            lambda at: log_lik(at, at.residuals + at.spread, 2.0 * float(np.log(at.noise_prec))),
            lambda at: log_lik(at, at.residuals + at.spread, -float(np.log(at.noise_prec))),
            lambda at: log_lik(at, at.residuals + at.spread, 0.0),
        ),
    ),
    Slip(
        "log_lik",
        "noise-variance-for-precision",
        "`noise_prec` multiplies the squares: precise data make a residual expensive. You divide.",
        (
            lambda at: log_lik(at, (at.residuals + at.spread) / at.noise_prec**2),
            lambda at: log_lik(
                at, (at.residuals + at.spread) / at.noise_prec**2, -float(np.log(at.noise_prec))
            ),
        ),
    ),
    Slip(
        "log_lik",
        "noise-precision-before-the-residuals-alone",
        "`noise_prec` multiplies E[(y − x'β)²], and both things in it: the squared residual and "
        "the variance of x'β.",
        (lambda at: log_lik(at, at.residuals + at.spread / at.noise_prec),),
    ),
    Slip(
        "log_lik",
        "half-forgotten-in-the-likelihood",
        "A Gaussian log density has −½ prec (y − x'β)²: where is the half?",
        (lambda at: log_lik(at, 2.0 * (at.residuals + at.spread)),),
    ),
    Slip(
        "log_prior",
        "uncertainty-of-q-forgotten-in-the-prior",
        "E[β_j²] is not m_j²: add the variance of β_j under q.",
        (lambda at: log_prior(at, squared_means(at)),),
    ),
    Slip(
        "log_prior",
        "precision-for-variance-in-the-prior",
        "E[β_j²] = m_j² + the *variance* of β_j, 1/prec_j.",
        (lambda at: log_prior(at, squared_means(at) + np.asarray(at.prec, float)),),
    ),
    Slip(
        "log_prior",
        "prior-forgotten",
        "The ELBO averages the log *joint*: where is E[log p(β)]?",
        (lambda at: 0.0,),
    ),
    Slip(
        "log_prior",
        "prior-normaliser-forgotten",
        "The prior of each coefficient has a normaliser: ½ log prior_prec_j.",
        (
            lambda at: RIGHT_TERMS["log_prior"](at) - 0.5 * float(np.sum(np.log(at.prior))),
            lambda at: (
                RIGHT_TERMS["log_prior"](at)
                - 0.5 * float(np.sum(np.log(at.prior)) - np.mean(np.log(at.prior)))
            ),
        ),
    ),
    Slip(
        "log_prior",
        "prior-normaliser",
        "Check ½ log prior_prec_j in the prior: plus, and with a half, since prior_prec is "
        "1/variance.",
        (
            lambda at: RIGHT_TERMS["log_prior"](at) + 0.5 * float(np.sum(np.log(at.prior))),
            lambda at: RIGHT_TERMS["log_prior"](at) - float(np.sum(np.log(at.prior))),
        ),
    ),
    Slip(
        "log_prior",
        "prior-variance-for-precision",
        "`prior_prec` multiplies E[β_j²]: a firm prior makes a large coefficient expensive. You "
        "divide.",
        (
            lambda at: log_prior(at, (squared_means(at) + at.var) / at.prior**2),
            lambda at: (
                log_prior(at, (squared_means(at) + at.var) / at.prior**2)
                - float(np.sum(np.log(at.prior)))
            ),
        ),
    ),
    Slip(
        "log_prior",
        "half-forgotten-in-the-prior",
        "A Gaussian log density has −½ prior_prec β²: where is the half?",
        (lambda at: log_prior(at, 2.0 * (squared_means(at) + at.var)),),
    ),
    Slip(
        "log_prior",
        "prior-subtracted",
        "You subtract E[log p(β)]. It is a part of the log joint and counts with a plus; it is the "
        "KL divergence from the prior that is subtracted.",
        (lambda at: -RIGHT_TERMS["log_prior"](at),),
    ),
    Slip(
        "entropy",
        "entropy-subtracted",
        "ELBO = E[log p] + H[q]: the entropy rewards a q that stays wide. You subtract it, as a "
        "published notebook does.",
        (lambda at: -entropy(at),),
    ),
    Slip(
        "entropy",
        "entropy-upside-down",
        "A narrower factor has a larger precision and a lower entropy: which sign has ½ log prec?",
        (lambda at: float(0.5 * np.sum(1.0 + LOG_2PI + np.log(at.prec))),),
    ),
    Slip(
        "entropy",
        "entropy-without-the-half",
        "The entropy has log sd, which is −½ log prec: where is the half?",
        (lambda at: float(0.5 * np.sum(1.0 + LOG_2PI) * at.dim - np.sum(np.log(at.prec))),),
    ),
    Slip(
        "entropy",
        "entropy-forgotten",
        "That is E[log p(y, β)] alone. Without the entropy of q nothing keeps the factors from "
        "shrinking to points.",
        (lambda at: 0.0,),
    ),
    Slip(
        "entropy",
        "entropy-averaged",
        "There are D factors, and their entropies add up: a sum, not a mean, and not the first one "
        "alone.",
        (
            lambda at: entropy(at) / at.dim,
            lambda at: 0.5 * (1.0 + LOG_2PI - float(np.log(at.prec[0]))),
        ),
    ),
)

SLIPS: dict[str, dict[str, tuple[Term, ...]]] = {
    term: {slip.name: slip.values for slip in ALL_SLIPS if slip.term == term}
    for term in RIGHT_TERMS
}

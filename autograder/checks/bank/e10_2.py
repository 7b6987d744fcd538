"""Typical answers to E10.2, `latent_regression_elbo(y, m, s, noise_sd)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Term = Callable[[Array, Array, Array, Array], Array]
"""(y, m, s, noise_sd) -> a term, elementwise."""

LOG_2PI = math.log(2.0 * math.pi)


def log_normal(y: Array, mean: Array, var: Array) -> Array:
    return -0.5 * (LOG_2PI + np.log(1.0 * var) + (y - mean) ** 2 / var)


def fit(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    """E_q[log N(y; f, noise_sd²)]."""
    return log_normal(y, m, noise_sd**2) - 0.5 * (s / noise_sd) ** 2


def plugged_in(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    return log_normal(y, m, noise_sd**2)


def prior(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    """E_q[log N(f; 0, 1)]."""
    return -0.5 * (LOG_2PI + m**2 + s**2)


def entropy(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    return 0.5 * (LOG_2PI + 1.0) + np.log(1.0 * s)


def kl(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    return 0.5 * (m**2 + s**2 - 1.0) - np.log(1.0 * s)


def kl_of_variances(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    return 0.5 * (m**2 + s - 1.0 - np.log(1.0 * s))


def kl_from_the_prior(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    return 0.5 * ((1.0 + m**2) / s**2 - 1.0) + np.log(1.0 * s)


def kl_without_the_half(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    return m**2 + s**2 - 1.0 - 2.0 * np.log(1.0 * s)


def evidence(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    return log_normal(y, 0.0, 1.0 + noise_sd**2)


def zero(y: Array, m: Array, s: Array, noise_sd: Array) -> float:
    return 0.0


def _named(function: Callable[..., Any]) -> Implementation:
    return {"latent_regression_elbo": function}


def elbo(first: Term = fit, penalty: Term = kl, reduce: Callable[[Array], Any] | None = None) -> (
    Implementation
):  # fmt: skip
    """The bound with its terms changed: reduce(first - penalty)."""

    def answer(y: Array, m: Array, s: Array, noise_sd: Array) -> Any:
        value = first(y, m, s, noise_sd) - penalty(y, m, s, noise_sd)
        return value if reduce is None else reduce(value)

    return _named(answer)


def in_terms(first: Term = fit, middle: Term = prior, last: Term = entropy) -> Implementation:
    return _named(lambda *case: first(*case) + middle(*case) + last(*case))


def _minus(term: Term) -> Term:
    return lambda *case: -term(*case)


def with_draws(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    rng = np.random.default_rng()
    f = m + s * rng.standard_normal((2000, *np.shape(y)))
    return np.mean(log_normal(y, f, np.asarray(noise_sd) ** 2), axis=0) - kl(y, m, s, noise_sd)


def in_whole_numbers(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    out = np.zeros_like(y)
    out[...] = fit(y, m, s, noise_sd) - kl(y, m, s, noise_sd)
    return out


WRONG = (
    Wrong(
        "likelihood-under-q",
        elbo(lambda y, m, s, noise_sd: log_normal(y, m, s**2)),
        "You evaluate y under q's own mean and variance, so y is the datum and the latent at "
        "once, and `noise_sd` is nowhere. q is a distribution of *f*; given f, y scatters by the "
        "noise. No model has the evidence that this would bound.",
        also=(
            in_terms(lambda y, m, s, noise_sd: log_normal(y, m, s**2)),
            elbo(lambda y, m, s, noise_sd: log_normal(y, m, s)),
            elbo(lambda y, m, s, noise_sd: log_normal(y, m, s**2), reduce=lambda value: -value),
        ),
    ),
    Wrong(
        "uncertainty-of-f-forgotten",
        elbo(plugged_in),
        "You put f = m into the likelihood. What is E[(y − f)²] when f has mean m *and* "
        "variance s²?",
        also=(in_terms(plugged_in),),
    ),
    Wrong(
        "variances-added-inside",
        elbo(lambda y, m, s, noise_sd: log_normal(y, m, s**2 + noise_sd**2)),
        "log N(y; m, s² + noise²) is the log of an average, log E_q[p(y | f)]. In the ELBO the "
        "log stands inside: E_q[log p(y | f)], which is lower.",
        also=(in_terms(lambda y, m, s, noise_sd: log_normal(y, m, s**2 + noise_sd**2)),),
    ),
    Wrong(
        "kl-added",
        elbo(penalty=_minus(kl)),
        "The KL divergence is a penalty: q pays for leaving the prior. With a plus the bound "
        "rises without limit as q moves away.",
    ),
    Wrong(
        "kl-forgotten",
        elbo(penalty=zero),
        "Only the fit to the datum is there. What keeps q near the prior?",
        also=(elbo(plugged_in, zero), elbo(lambda y, m, s, noise_sd: log_normal(y, m, s**2), zero)),
    ),
    Wrong(
        "s-taken-as-variance-in-the-kl",
        elbo(penalty=kl_of_variances),
        "`s` is a standard deviation, so s² and log s² stand in the KL divergence. At s = 1 the "
        "two cannot be told apart; try s = 0.5.",
        also=(
            elbo(
                lambda y, m, s, noise_sd: log_normal(y, m, noise_sd**2) - 0.5 * s / noise_sd**2,
                kl_of_variances,
            ),
            elbo(
                penalty=lambda y, m, s, noise_sd: 0.5 * (m**2 + s**2 - 1.0) - 0.5 * np.log(1.0 * s)
            ),
            elbo(penalty=lambda y, m, s, noise_sd: 0.5 * (m**2 + s - 1.0) - np.log(1.0 * s)),
        ),
    ),
    Wrong(
        "noise-sd-taken-as-variance",
        elbo(lambda y, m, s, noise_sd: fit(y, m, s, np.sqrt(noise_sd))),
        "`noise_sd` is a standard deviation: its square divides the squared residual.",
        also=(
            elbo(
                lambda y, m, s, noise_sd: (
                    log_normal(y, m, 1.0 * noise_sd) - 0.5 * (s / noise_sd) ** 2
                )
            ),
            elbo(
                lambda y, m, s, noise_sd: (
                    -0.5 * (LOG_2PI + np.log(1.0 * noise_sd))
                    - 0.5 * ((y - m) ** 2 + s**2) / noise_sd**2
                )
            ),
            elbo(lambda y, m, s, noise_sd: fit(y, m, s, 1.0 * noise_sd**2)),
        ),
    ),
    Wrong(
        "s-not-measured-in-noise",
        elbo(lambda y, m, s, noise_sd: plugged_in(y, m, s, noise_sd) - 0.5 * s**2),
        "The s² from E[(y − f)²] = (y − m)² + s² is divided by the noise variance like the rest "
        "of the square.",
        also=(
            elbo(lambda y, m, s, noise_sd: plugged_in(y, m, s, noise_sd) - s**2 / noise_sd**2),
            elbo(lambda y, m, s, noise_sd: plugged_in(y, m, s, noise_sd) - s**2),
            elbo(lambda y, m, s, noise_sd: plugged_in(y, m, s, noise_sd) - 0.5 * s / noise_sd),
            elbo(
                lambda y, m, s, noise_sd: plugged_in(y, m, s, noise_sd) + 0.5 * s**2 / noise_sd**2
            ),
        ),
    ),
    Wrong(
        "kl-the-other-way",
        elbo(penalty=kl_from_the_prior),
        "That is KL(prior ‖ q). The ELBO averages under q: KL(q ‖ prior).",
    ),
    Wrong(
        "kl-without-the-half",
        elbo(penalty=kl_without_the_half),
        "Your KL divergence is twice the right one: ½(m² + s² − 1) − log s.",
        also=(elbo(penalty=lambda y, m, s, noise_sd: m**2 + s**2 - 1.0 - np.log(1.0 * s)),),
    ),
    Wrong(
        "entropy-subtracted",
        in_terms(last=_minus(entropy)),
        "The entropy of q is added: a wide q is rewarded by it, and paid for in the other two "
        "terms.",
    ),
    Wrong(
        "entropy-forgotten",
        in_terms(last=zero),
        "E_q[log p(y | f)] and E_q[log p(f)] are there, the entropy of q is not. Without it the "
        "best s is 0.",
        also=(in_terms(plugged_in, last=zero),),
    ),
    Wrong(
        "prior-at-the-mean",
        in_terms(middle=lambda y, m, s, noise_sd: log_normal(m, 0.0, 1.0)),
        "You evaluate the prior at m. It is averaged under q, and E[f²] = m² + s².",
        also=(
            elbo(penalty=lambda y, m, s, noise_sd: 0.5 * (m**2 - 1.0) - np.log(1.0 * s)),
            in_terms(plugged_in, lambda y, m, s, noise_sd: log_normal(m, 0.0, 1.0)),
        ),
    ),
    Wrong(
        "prior-forgotten",
        elbo(penalty=_minus(entropy)),
        "f has a prior, N(0, 1), and it is missing: nothing pulls m towards 0.",
        also=(elbo(plugged_in, _minus(entropy)),),
    ),
    Wrong(
        "constant-dropped",
        elbo(reduce=lambda value: value + 0.5 * LOG_2PI),
        "A constant such as −½ log 2π is missing. The maximum stays where it is, but the value is "
        "no longer a bound on log p(y): compare at the exact posterior.",
        also=(
            elbo(penalty=lambda y, m, s, noise_sd: kl(y, m, s, noise_sd) + 0.5),
            elbo(lambda y, m, s, noise_sd: -0.5 * ((y - m) ** 2 + s**2) / noise_sd**2),
        ),
    ),
    Wrong(
        "evidence-returned",
        _named(lambda y, m, s, noise_sd: evidence(y, m, s, noise_sd) + 0.0 * (m + s)),
        "That is the log evidence: it does not depend on q. The ELBO lies below it by "
        "KL(q ‖ posterior).",
        also=(_named(evidence),),
    ),
    Wrong(
        "negated",
        elbo(reduce=lambda value: -value),
        "That is minus the ELBO, a loss. We maximise the bound itself.",
    ),
    Wrong(
        "summed",
        elbo(reduce=np.sum),
        "Return one value an element. Each observation has its own f, its own q and its own bound.",
        also=(elbo(reduce=np.mean),),
    ),
    Wrong(
        "drawn-at-random",
        _named(with_draws),
        "No draws are needed, and with them the value is different every time: the expectation "
        "of a square under a Gaussian is known.",
    ),
    Wrong(
        "whole-numbers-truncated",
        _named(in_whole_numbers),
        "For whole numbers your result is cut to whole numbers: an array made by `zeros_like` "
        "inherits the type of its model.",
    ),
)


# Right


def below_the_evidence(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    """Log p(y) - KL(q || posterior)."""
    prec = 1 + 1 / np.asarray(noise_sd) ** 2
    mean = y / np.asarray(noise_sd) ** 2 / prec
    gap = 0.5 * (prec * (np.asarray(s) ** 2 + (m - mean) ** 2) - 1 - np.log(prec * s**2))
    return evidence(y, m, s, np.asarray(noise_sd)) - gap


def by_quadrature(y: Array, m: Array, s: Array, noise_sd: Array) -> Array:
    """Gauss and Hermite's rule, exact for polynomials such as the log joint."""
    z, weights = np.polynomial.hermite_e.hermegauss(5)
    total: Any = 0.0
    for node, weight in zip(z, weights / weights.sum(), strict=True):
        f = m + s * node
        log_joint = log_normal(y, f, np.asarray(noise_sd) ** 2) + log_normal(f, 0.0, 1.0)
        total = total + weight * log_joint
    return total + np.log(s) + 0.5 * np.log(2 * np.pi * np.e)


def by_loops(y: Array, m: Array, s: Array, noise_sd: Array) -> Any:
    if np.ndim(y):
        rows = np.broadcast_arrays(y, m, s, noise_sd)
        return [by_loops(*map(float, row)) for row in zip(*rows, strict=True)]
    misfit = ((y - m) ** 2 + s**2) / (2 * noise_sd**2)
    log_lik = -math.log(noise_sd) - math.log(2 * math.pi) / 2 - misfit
    return log_lik - (m**2 + s**2 - 1 - 2 * math.log(s)) / 2


RIGHT = (
    Right("likelihood, prior and entropy", in_terms()),
    Right("evidence minus KL to the posterior", _named(below_the_evidence)),
    Right("quadrature", _named(by_quadrature)),
    Right("loops and lists", _named(by_loops)),
)

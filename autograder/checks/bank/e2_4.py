"""Typical answers to E2.4, `elbo_gaussian_gamma(x, mu0, tau0, alpha0, beta0, nu_q, ...) -> elbo`.

The ELBO is a sum of five expectations. A mistake is a change of one or more of them, so each wrong
answer here names only the terms it changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special, stats

from autograder.checks.bank.e2_terms import (
    LOG_2PI,
    TERMS,
    At,
    elbo,
    log_lik,
    log_prior_gamma,
    log_prior_mu,
)
from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def log_of_the_mean(at: At) -> float:
    return float(np.log(at.e_gamma))


def scale_log(at: At) -> float:
    return float(special.digamma(at.alpha_q) + np.log(at.beta_q))


def monte_carlo(num_draws: int) -> Implementation:
    def estimate(*values: Any) -> float:
        at = At(*values)
        rng = np.random.default_rng(0)
        mu = at.nu_q + rng.standard_normal(num_draws) / np.sqrt(at.tau_q)
        gamma = rng.gamma(at.alpha_q, 1.0 / at.beta_q, num_draws)
        return average(at, mu[:, None], gamma[:, None])

    return {"elbo_gaussian_gamma": estimate}


def average(at: At, mu: Array, gamma: Array) -> float:
    """The mean over draws (S, 1) of log p(x, mu, gamma) - log q(mu, gamma)."""
    prior_gamma = stats.gamma(at.alpha0, scale=1.0 / at.beta0)
    log_p = np.sum(stats.norm.logpdf(at.x, mu, gamma**-0.5), axis=-1, keepdims=True)
    log_p = log_p + stats.norm.logpdf(mu, at.mu0, at.tau0**-0.5) + prior_gamma.logpdf(gamma)
    log_q = stats.norm.logpdf(mu, at.nu_q, at.tau_q**-0.5)
    log_q = log_q + stats.gamma(at.alpha_q, scale=1.0 / at.beta_q).logpdf(gamma)
    return float(np.mean(log_p - log_q))


WRONG = (
    Wrong(
        "log-of-the-mean",
        elbo(
            log_lik=lambda at: log_lik(
                at, at.e_gamma, log_of_the_mean(at), at.gaps + at.count / at.tau_q
            ),
            log_prior_gamma=lambda at: log_prior_gamma(at, at.e_gamma, log_of_the_mean(at)),
        ),
        "E[log γ] is not log E[γ]: for a Gamma(α, rate=β) it is ψ(α) − log β, with the digamma "
        "function ψ. Which of the two is larger, says Jensen?",
    ),
    Wrong(
        "beta-as-a-scale",
        elbo(
            log_lik=lambda at: log_lik(
                at, at.alpha_q * at.beta_q, scale_log(at), at.gaps + at.count / at.tau_q
            ),
            log_prior_gamma=lambda at: float(
                -at.alpha0 * np.log(at.beta0)
                - special.gammaln(at.alpha0)
                + (at.alpha0 - 1.0) * scale_log(at)
                - at.alpha_q * at.beta_q / at.beta0
            ),
            entropy_gamma=lambda at: float(stats.gamma(at.alpha_q, scale=at.beta_q).entropy()),
        ),
        "β is a rate in this course: E[γ] = α/β. You use it as a scale (scipy's argument `scale` "
        "is 1/β).",
    ),
    Wrong(
        "beta-q-as-a-scale",
        elbo(
            log_lik=lambda at: log_lik(
                at, at.alpha_q * at.beta_q, scale_log(at), at.gaps + at.count / at.tau_q
            ),
            log_prior_gamma=lambda at: log_prior_gamma(at, at.alpha_q * at.beta_q, scale_log(at)),
            entropy_gamma=lambda at: float(stats.gamma(at.alpha_q, scale=at.beta_q).entropy()),
        ),
        "Your prior takes β₀ as a rate, your q takes β_q as a scale. Both are rates: E[γ] = "
        "α_q/β_q.",
    ),
    Wrong(
        "uncertainty-of-mu-forgotten",
        elbo(log_lik=lambda at: log_lik(at, at.e_gamma, at.e_log_gamma, at.gaps)),
        "In the likelihood E[(xᵢ − μ)²] = (xᵢ − ν_q)² + 1/τ_q, as in E2.3: the 1/τ_q is missing, "
        "N times.",
    ),
    Wrong(
        "uncertainty-once-instead-of-N-times",
        elbo(log_lik=lambda at: log_lik(at, at.e_gamma, at.e_log_gamma, at.gaps + 1.0 / at.tau_q)),
        "Each of the N observations brings its own 1/τ_q into the likelihood.",
    ),
    Wrong(
        "log-terms-once-instead-of-N-times",
        elbo(
            log_lik=lambda at: (
                0.5 * (at.e_log_gamma - LOG_2PI - at.e_gamma * (at.gaps + at.count / at.tau_q))
            )
        ),
        "½ E[log γ] − ½ log 2π stands in the log density of each observation: there are N of them.",
    ),
    Wrong(
        "likelihood-averaged",
        elbo(log_lik=lambda at: TERMS["log_lik"](at) / at.count),
        "The log-likelihood is a sum over the data: with every datum taken twice it must double. "
        "Do you take a mean somewhere?",
    ),
    Wrong(
        "two-pi-dropped",
        elbo(
            log_lik=lambda at: TERMS["log_lik"](at) + 0.5 * at.count * LOG_2PI,
            log_prior_mu=lambda at: TERMS["log_prior_mu"](at) + 0.5 * LOG_2PI,
            entropy_mu=lambda at: TERMS["entropy_mu"](at) - 0.5 * LOG_2PI,
        ),
        "You drop −½ log 2π from the densities. It does not move the optimum, but without it the "
        "ELBO cannot be compared with log p(x).",
    ),
    Wrong(
        "no-uncertainty-in-the-prior-of-mu",
        elbo(log_prior_mu=lambda at: log_prior_mu(at, (at.nu_q - at.mu0) ** 2)),
        "E[(μ − μ₀)²] is (ν_q − μ₀)² plus the variance of μ under q.",
    ),
    Wrong(
        "tau0-as-a-variance",
        elbo(
            log_prior_mu=lambda at: float(
                -0.5 * (np.log(at.tau0) + LOG_2PI)
                - 0.5 * ((at.nu_q - at.mu0) ** 2 + 1.0 / at.tau_q) / at.tau0
            )
        ),
        "τ₀ is a precision: the log density of the prior has +½ log τ₀ and multiplies the square "
        "by τ₀.",
    ),
    Wrong(
        "prior-of-mu-without-its-normaliser",
        elbo(log_prior_mu=lambda at: TERMS["log_prior_mu"](at) - 0.5 * float(np.log(at.tau0))),
        "The normaliser of the prior of μ holds τ₀ too: where is ½ log τ₀?",
    ),
    Wrong(
        "log-gamma-function-forgotten",
        elbo(
            log_prior_gamma=lambda at: (
                TERMS["log_prior_gamma"](at) + float(special.gammaln(at.alpha0))
            )
        ),
        "The normaliser of the prior of γ has a part you left out, −log Γ(α₀). Without it the "
        "'bound' can stand above log p(x): a published notebook does just this.",
    ),
    Wrong(
        "prior-of-gamma-without-its-normaliser",
        elbo(log_prior_gamma=lambda at: (at.alpha0 - 1.0) * at.e_log_gamma - at.beta0 * at.e_gamma),
        "A Gamma density has a normaliser, β₀^α₀ / Γ(α₀): its logarithm belongs to E[log p(γ)].",
    ),
    Wrong(
        "log-beta0-forgotten",
        elbo(
            log_prior_gamma=lambda at: (
                TERMS["log_prior_gamma"](at) - at.alpha0 * float(np.log(at.beta0))
            )
        ),
        "The normaliser of the prior of γ is β₀^α₀ / Γ(α₀): where is α₀ log β₀?",
    ),
    Wrong(
        "priors-subtracted",
        elbo(
            log_prior_mu=lambda at: -TERMS["log_prior_mu"](at),
            log_prior_gamma=lambda at: -TERMS["log_prior_gamma"](at),
        ),
        "You subtract the expected log priors. In the form E[log lik] − KL it is the KLs that are "
        "subtracted; here the log joint is a sum, and all of it counts with a plus.",
    ),
    Wrong(
        "alpha0-for-alpha0-minus-one",
        elbo(log_prior_gamma=lambda at: TERMS["log_prior_gamma"](at) + at.e_log_gamma),
        "The exponent of γ in the density of a Gamma(α₀, rate=β₀) is α₀ − 1, not α₀.",
    ),
    Wrong(
        "entropy-of-mu-upside-down",
        elbo(entropy_mu=lambda at: float(0.5 * (1.0 + LOG_2PI + np.log(at.tau_q)))),
        "A narrower q(μ) has a larger τ_q and a lower entropy: which sign has ½ log τ_q?",
    ),
    Wrong(
        "entropy-of-gamma-with-a-scale",
        elbo(
            entropy_gamma=lambda at: float(stats.gamma(at.alpha_q, scale=at.beta_q).entropy()),
        ),
        "In the entropy of q(γ) the rate went in as a scale: a larger rate is a narrower Gamma, so "
        "−log β_q.",
    ),
    Wrong(
        "digamma-of-the-entropy-forgotten",
        elbo(
            entropy_gamma=lambda at: (
                TERMS["entropy_gamma"](at) - (1.0 - at.alpha_q) * float(special.digamma(at.alpha_q))
            )
        ),
        "The entropy of a Gamma has four parts: α − log β + log Γ(α) + (1 − α) ψ(α). Count yours.",
    ),
    Wrong(
        "gamma-for-its-logarithm",
        elbo(
            entropy_gamma=lambda at: float(
                TERMS["entropy_gamma"](at) - special.gammaln(at.alpha_q) + special.gamma(at.alpha_q)
            )
        ),
        "In the entropy of q(γ) stands log Γ(α), SciPy's `gammaln`, and not Γ(α) itself, which "
        "overflows from α = 172 on.",
    ),
    Wrong(
        "entropy-of-gamma-forgotten",
        elbo(entropy_gamma=lambda at: 0.0),
        "q has two factors, so the ELBO has two entropies: where is that of q(γ)?",
    ),
    Wrong(
        "entropy-of-mu-forgotten",
        elbo(entropy_mu=lambda at: 0.0),
        "q has two factors, so the ELBO has two entropies: where is that of q(μ)?",
    ),
    Wrong(
        "entropies-subtracted",
        elbo(
            entropy_mu=lambda at: -TERMS["entropy_mu"](at),
            entropy_gamma=lambda at: -TERMS["entropy_gamma"](at),
        ),
        "ELBO = E[log p] + H[q]: entropy is a reward for staying wide, and you subtract it.",
    ),
    Wrong(
        "entropies-left-out",
        elbo(entropy_mu=lambda at: 0.0, entropy_gamma=lambda at: 0.0),
        "That is E[log p(x, μ, γ)] alone. Without −E[log q], the entropy of q, nothing keeps "
        "q from shrinking to a point.",
    ),
    Wrong(
        "pi-e-for-two-pi-e",
        elbo(entropy_mu=lambda at: TERMS["entropy_mu"](at) - 0.5 * float(np.log(2.0))),
        "The entropy of a Gaussian is ½ log(2πe/τ): check the constant under your logarithm.",
    ),
    Wrong(
        "half-missing-in-the-entropy",
        elbo(entropy_mu=lambda at: float(0.5 * LOG_2PI - 0.5 * np.log(at.tau_q))),
        "The entropy of a Gaussian is ½ log(2πe/τ): the e under the logarithm is worth ½ a nat.",
    ),
    Wrong(
        "means-plugged-in",
        elbo(
            log_lik=lambda at: log_lik(at, at.e_gamma, log_of_the_mean(at), at.gaps),
            log_prior_mu=lambda at: log_prior_mu(at, (at.nu_q - at.mu0) ** 2),
            log_prior_gamma=lambda at: log_prior_gamma(at, at.e_gamma, log_of_the_mean(at)),
        ),
        "You evaluate the log joint at the means of q. The ELBO averages it over q: E[log γ] and "
        "E[(x − μ)²] both differ from their values at the means.",
    ),
    Wrong(
        "a-thousand-draws",
        monte_carlo(1000),
        "A Monte Carlo average of a thousand draws is off by a tenth of a nat here. All five "
        "expectations have closed forms: no draws are needed.",
    ),
)


# Right


def as_kl_divergences(*values: Any) -> Any:
    at = At(*values)
    a, b, a0, b0 = at.alpha_q, at.beta_q, at.alpha0, at.beta0
    kl_mu = 0.5 * (
        at.tau0 / at.tau_q + at.tau0 * (at.nu_q - at.mu0) ** 2 - 1 + np.log(at.tau_q / at.tau0)
    )
    kl_gamma = (
        (a - a0) * special.digamma(a)
        - special.gammaln(a)
        + special.gammaln(a0)
        + a0 * (np.log(b) - np.log(b0))
        + a * (b0 - b) / b
    )
    return np.array([TERMS["log_lik"](at) - kl_mu - kl_gamma])


def in_a_loop(*values: Any) -> Any:
    at = At(*values)
    total = 0.0
    for value in at.x:
        square = (value - at.nu_q) ** 2 + 1 / at.tau_q
        total += 0.5 * at.e_log_gamma - 0.5 * LOG_2PI - 0.5 * at.e_gamma * square
    total += TERMS["log_prior_mu"](at) + TERMS["log_prior_gamma"](at)
    total += float(stats.norm(at.nu_q, at.tau_q**-0.5).entropy())
    return total + float(stats.gamma(at.alpha_q, scale=1 / at.beta_q).entropy())


def by_quadrature(*values: Any) -> Any:
    at = At(*values)
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    mu = at.nu_q + nodes / np.sqrt(at.tau_q)
    strata = (np.arange(20_000) + 0.5) / 20_000
    gamma = stats.gamma(at.alpha_q, scale=1 / at.beta_q).ppf(strata)
    averages = [average(at, np.array([[m]]), gamma[:, None]) for m in mu]
    return weights @ averages / weights.sum()


RIGHT = (
    Right("KL form", {"elbo_gaussian_gamma": as_kl_divergences}),
    Right("loop over the data", {"elbo_gaussian_gamma": in_a_loop}),
    Right("quadrature over mu, strata over gamma", {"elbo_gaussian_gamma": by_quadrature}),
)

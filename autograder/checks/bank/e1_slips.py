"""Mistakes in the three numbers of E1.4: what each is called, its hint, and how it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.checks.bank.e1_normal import (
    LOG_2PI,
    Value,
    elbo,
    entropy,
    half_log_both,
    half_log_lik_sd,
    half_log_prior_sd,
    joint_at,
    kl,
    kl_to_posterior,
    log_evidence,
    log_lik,
    log_prior,
    marginals,
    mean_alone,
    multivariate,
    plugged_in,
    posterior_of,
    sds_as_variances,
    without_brackets,
    without_prior_mean,
)

Array = Any


@dataclass(frozen=True)
class Slip:
    """One mistake in one number: its name, its hint, and the ways in which it is made."""

    number: str
    name: str
    hint: str
    values: tuple[Value, ...]
    identity: bool = True  # whether another number may have been computed from the wrong one


ALL_SLIPS = (
    Slip(
        "elbo",
        "uncertainty-of-q-forgotten",
        "In the ELBO E_q[μ²] is not m²: μ varies under q, so add its variance s². It appears in "
        "each of the N squares (xᵢ − μ)² and in the prior's.",
        (
            lambda at: log_lik(at, 0) + log_prior(at, 0) + entropy(at),
            lambda at: log_lik(at, 0) + log_prior(at) + entropy(at),
            lambda at: log_lik(at) + log_prior(at, 0) + entropy(at),
        ),
    ),
    Slip(
        "elbo",
        "uncertainty-once",
        "Each of the N observations brings its own s² into the expected log likelihood: "
        "E_q[Σ (xᵢ − μ)²] = Σ (xᵢ − m)² + N s².",
        (lambda at: log_lik(at, 1) + log_prior(at) + entropy(at),),
    ),
    Slip(
        "elbo",
        "likelihood-averaged",
        "The log likelihood is a sum over the data, not their average: N observations weigh N "
        "times as much as one.",
        (lambda at: log_lik(at) / at.count + log_prior(at) + entropy(at),),
    ),
    Slip(
        "elbo",
        "entropy-subtracted",
        "E_q[log q] is *minus* the entropy, and it is subtracted: the entropy comes with a plus. "
        "A wider q has a larger entropy; that must raise the ELBO.",
        (lambda at: log_lik(at) + log_prior(at) - entropy(at),),
    ),
    Slip(
        "elbo",
        "entropy-forgotten",
        "That is E_q[log p(x, μ)] alone. The ELBO also has −E_q[log q], the entropy of q.",
        (lambda at: log_lik(at) + log_prior(at),),
    ),
    Slip(
        "elbo",
        "kl-added",
        "ELBO = E_q[log p(x | μ)] − KL(q‖prior): the divergence from the prior is a penalty. You "
        "add it.",
        (lambda at: log_lik(at) + kl(at.m, at.s, at.prior_mean, at.prior_sd),),
    ),
    Slip(
        "elbo",
        "prior-forgotten",
        "The ELBO averages the log *joint*: where is the log density of the prior?",
        (lambda at: log_lik(at) + entropy(at), log_lik),
    ),
    Slip(
        "elbo",
        "jensen-reversed",
        "The ELBO is a *lower* bound, log p(x) − KL, and you have log p(x) + KL. Which side of "
        "log E is E log, says Jensen?",
        (lambda at: log_evidence(at) + kl_to_posterior(at),),
    ),
    Slip(
        "elbo",
        "penalty-of-the-wrong-kl",
        "E_q[log p(x | μ)] goes with the divergence from the *prior*. The divergence from the "
        "posterior is what is missing from log p(x).",
        (lambda at: log_lik(at) - kl_to_posterior(at),),
    ),
    Slip(
        "elbo",
        "fraction-without-brackets",
        "Check the brackets of your fractions: Python reads `a / 2 * b` from left to right, as "
        "(a/2) times b.",
        (
            lambda at: elbo(at) + without_brackets(at, 0),
            lambda at: elbo(at) + without_brackets(at, 1),
            lambda at: elbo(at) + without_brackets(at, 0) + without_brackets(at, 1),
        ),
    ),
    Slip(
        "elbo",
        "two-pi-dropped-in-the-elbo",
        "A −½ log 2π is missing in the ELBO. Constants do not move the best q, but without them "
        "the ELBO cannot be compared with log p(x).",
        (
            lambda at: elbo(at) + 0.5 * at.count * LOG_2PI,
            lambda at: elbo(at) + 0.5 * (at.count + 1) * LOG_2PI,
            lambda at: elbo(at) - 0.5 * LOG_2PI,
            lambda at: elbo(at) + 0.5 * (at.count - 1) * LOG_2PI,
        ),
    ),
    Slip(
        "elbo",
        "entropy-without-e",
        "The entropy of a Gaussian is ½ log(2πe s²): the e is worth half a nat.",
        (lambda at: elbo(at) - 0.5,),
    ),
    Slip(
        "elbo",
        "half-log-sd",
        "The normaliser of a Gaussian is 1/sd, so its log density has −log sd. A ½ goes with "
        "log sd², not with log sd.",
        (half_log_lik_sd, half_log_prior_sd, half_log_both),
    ),
    Slip(
        "elbo",
        "sd-taken-as-variance-in-the-elbo",
        "`prior_sd`, `lik_sd` and `s` are standard deviations. In the ELBO you use them as if they "
        "were variances.",
        (lambda at: elbo(sds_as_variances(at)),),
    ),
    Slip(
        "log_evidence",
        "product-of-marginals",
        "You multiply the densities of single observations. Given μ they are independent, but p(x) "
        "does not know μ: all of them share it, and so they are correlated.",
        (marginals,),
    ),
    Slip(
        "log_evidence",
        "plugged-in",
        "You plug one value of μ into the likelihood. p(x) is the *average* of the likelihood over "
        "the prior, ∫ p(x | μ) p(μ) dμ.",
        (
            lambda at: plugged_in(at, at.posterior[0]),
            lambda at: plugged_in(at, float(np.mean(at.x))),
            lambda at: plugged_in(at, at.prior_mean),
            lambda at: plugged_in(at, at.m),
        ),
    ),
    Slip(
        "log_evidence",
        "joint-at-the-mode",
        "That is log p(x, μ) at the posterior mean, the height of the joint. The evidence is the "
        "area under it.",
        (
            lambda at: joint_at(at, at.posterior[0]),
            lambda at: joint_at(at, at.m),
        ),
    ),
    Slip(
        "log_evidence",
        "density-of-the-mean-only",
        "That is the density of the average of the data. p(x) is the density of all N of them: "
        "their scatter about the average counts as well.",
        (mean_alone,),
    ),
    Slip(
        "log_evidence",
        "two-pi-dropped-in-the-evidence",
        "Check the power of 2π in p(x): it is a density in N dimensions, (2π)^(−N/2).",
        (
            lambda at: log_evidence(at) + 0.5 * at.count * LOG_2PI,
            lambda at: log_evidence(at) + 0.5 * (at.count - 1) * LOG_2PI,
        ),
    ),
    Slip(
        "log_evidence",
        "prior-sd-not-squared",
        "Any two observations have the covariance prior_sd², and each has the variance "
        "lik_sd² + prior_sd²: check what you squared.",
        (
            lambda at: multivariate(at, at.lik_sd**2, at.prior_sd),
            lambda at: multivariate(at, at.lik_sd, at.prior_sd),
            lambda at: multivariate(at, at.lik_sd, at.prior_sd**2),
        ),
    ),
    Slip(
        "kl",
        "kl-to-the-prior",
        "That is the divergence of q from the *prior*. Which of the two KLs closes the gap between "
        "the ELBO and log p(x)?",
        (lambda at: kl(at.m, at.s, at.prior_mean, at.prior_sd),),
    ),
    Slip(
        "kl",
        "kl-negated",
        "A KL divergence is not negative: it is log p(x) − ELBO, not ELBO − log p(x).",
        (lambda at: -kl_to_posterior(at),),
        identity=False,
    ),
    Slip(
        "kl",
        "kl-reversed",
        "That is the divergence of the posterior from q. In the identity log p(x) = ELBO + KL the "
        "average is under q.",
        (lambda at: kl(*at.posterior, at.m, at.s),),
    ),
    Slip(
        "kl",
        "posterior-of-one-datum",
        "Every observation adds 1/lik_sd² to the precision of the posterior: where are the N of "
        "them?",
        (
            lambda at: kl(at.m, at.s, *posterior_of(at, 1.0, float(np.mean(at.x)))),
            lambda at: kl(at.m, at.s, *posterior_of(at, 1.0, float(np.sum(at.x)))),
            lambda at: kl(at.m, at.s, *posterior_of(at, at.count, float(np.mean(at.x)))),
        ),
    ),
    Slip(
        "kl",
        "prior-forgotten-in-the-posterior",
        "Your posterior knows the data only. Its precision is that of the prior plus that of the "
        "data, and its mean weighs both by their precisions.",
        (
            lambda at: kl(at.m, at.s, float(np.mean(at.x)), at.lik_sd / at.count**0.5),
            lambda at: kl(at.m, at.s, float(np.mean(at.x)), at.posterior[1]),
            lambda at: kl(at.m, at.s, *without_prior_mean(at)),
        ),
    ),
    Slip(
        "kl",
        "posterior-variance-as-sd",
        "The inverse of the posterior's precision is its *variance*. The KL formula wants the "
        "standard deviation.",
        (
            lambda at: kl(at.m, at.s, at.posterior[0], at.posterior[1] ** 2),
            lambda at: kl(at.m, at.s, at.posterior[0], at.posterior[1] ** -2),
        ),
    ),
    Slip(
        "kl",
        "sd-taken-as-variance-in-the-kl",
        "Precisions are 1/sd²: in your posterior the sds are used as if they were variances.",
        (lambda at: kl(at.m, at.s, *replace(sds_as_variances(at), s=at.s).posterior),),
    ),
    Slip(
        "kl",
        "half-forgotten-in-the-kl",
        "If q is the posterior, the KL divergence must be 0: check the constant in your formula.",
        (lambda at: kl_to_posterior(at) + 0.5,),
        identity=False,
    ),
)

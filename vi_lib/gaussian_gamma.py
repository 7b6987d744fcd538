r"""The Gaussian-Gamma model, whose mean-field updates and ELBO are in closed form.

A Gaussian with unknown mean mu and precision gamma, independent a priori,

    mu ~ N(mu0, prec=tau0),   gamma ~ Gamma(alpha0, rate=beta0),
    x_i | mu, gamma ~ N(mu, prec=gamma),   i = 1..N,

and q(mu, gamma) = N(mu | nu_q, prec=tau_q) Gamma(gamma | alpha_q, rate=beta_q). Each update is the
exponential of the expected log joint under the other factor. Bishop (2006), section 10.1.3, has the
same calculation with a prior precision of mu that is proportional to gamma.
"""

from __future__ import annotations

import numpy as np

from vi_lib._check import Array, ShapeError, require_finite, require_shape
from vi_lib._special import digamma, gammaln
from vi_lib.densities import LOG_2PI


def update_q_mu(x: Array, E_gamma: float, mu0: float, tau0: float) -> tuple[float, float]:
    """Best q(mu) = N(nu_q, prec=tau_q) given E[gamma].

    tau_q = tau0 + N E[gamma],  nu_q = (tau0 mu0 + E[gamma] sum_i x_i) / tau_q

    Args:
        x: Data (N,).
        E_gamma: Mean of q(gamma).
        mu0: Prior mean.
        tau0: Prior precision.

    Returns:
        `(nu_q, tau_q)`, mean and precision.
    """
    x = observations(x)
    tau_q = tau0 + len(x) * E_gamma
    nu_q = (tau0 * mu0 + E_gamma * np.sum(x)) / tau_q
    return float(nu_q), float(tau_q)


def update_q_gamma(
    x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float
) -> tuple[float, float]:
    """Best q(gamma) = Gamma(alpha_q, rate=beta_q) given q(mu).

    alpha_q = alpha0 + N / 2,  beta_q = beta0 + (sum_i (x_i - nu_q)^2 + N / tau_q) / 2

    Args:
        x: Data (N,).
        nu_q: Mean of q(mu).
        tau_q: Precision of q(mu); its variance 1 / tau_q enters once per observation.
        alpha0: Prior shape.
        beta0: Prior rate.

    Returns:
        `(alpha_q, beta_q)`, shape and rate.
    """
    x = observations(x)
    alpha_q = alpha0 + len(x) / 2.0
    beta_q = beta0 + _expected_squares(x, nu_q, tau_q) / 2.0
    return float(alpha_q), float(beta_q)


def elbo_terms_gaussian_gamma(
    x: Array,
    mu0: float,
    tau0: float,
    alpha0: float,
    beta0: float,
    nu_q: float,
    tau_q: float,
    alpha_q: float,
    beta_q: float,
) -> dict[str, float]:
    """The five expectations whose sum is the ELBO, in nats, for observations x (N,).

    The parameters of q may be arrays of one common shape; so are the terms then.

    Returns:
        `log_lik` E[log p(x | mu, gamma)], `log_prior_mu` E[log p(mu)], `log_prior_gamma`
        E[log p(gamma)], and the entropies `entropy_mu`, `entropy_gamma` of the factors of q.
    """
    x = observations(x)
    squares = _expected_squares(x, nu_q, tau_q)
    prior_square = (nu_q - mu0) ** 2 + 1.0 / tau_q
    log_prior_gamma, entropy_gamma = gamma_terms(alpha0, beta0, alpha_q, beta_q)
    return {
        "log_lik": gamma_log_lik(len(x), squares, alpha_q, beta_q),
        "log_prior_mu": 0.5 * (np.log(tau0) - LOG_2PI - tau0 * prior_square),
        "log_prior_gamma": log_prior_gamma,
        "entropy_mu": 0.5 * (1.0 + LOG_2PI - np.log(tau_q)),
        "entropy_gamma": entropy_gamma,
    }


def gamma_log_lik(num_rows: int, squares: float, alpha_q: float, beta_q: float) -> float:
    """E[log p] of N Gaussian observations whose precision gamma has q = Gamma(alpha_q, beta_q).

    N (E[log gamma] - log 2 pi) / 2 - E[gamma] squares / 2, in nats, where `squares` is the expected
    sum of squared residuals, E[gamma] = alpha_q / beta_q and
    E[log gamma] = digamma(alpha_q) - log beta_q (Bishop 2006, appendix B).
    """
    E_log_gamma = digamma(alpha_q) - np.log(beta_q)
    return 0.5 * (num_rows * (E_log_gamma - LOG_2PI) - alpha_q / beta_q * squares)


def gamma_terms(alpha0: float, beta0: float, alpha_q: float, beta_q: float) -> tuple[float, float]:
    """E[log p(gamma)] and the entropy of q(gamma) = Gamma(alpha_q, rate=beta_q), both in nats.

    alpha0 log beta0 - log Gamma(alpha0) + (alpha0 - 1) E[log gamma] - beta0 E[gamma], and
    alpha_q - log beta_q + log Gamma(alpha_q) + (1 - alpha_q) digamma(alpha_q).
    """
    E_log_gamma = digamma(alpha_q) - np.log(beta_q)
    log_prior = alpha0 * np.log(beta0) - gammaln(alpha0)
    log_prior = log_prior + (alpha0 - 1.0) * E_log_gamma - beta0 * alpha_q / beta_q
    entropy = alpha_q - np.log(beta_q) + gammaln(alpha_q) + (1.0 - alpha_q) * digamma(alpha_q)
    return log_prior, entropy


def elbo_gaussian_gamma(
    x: Array,
    mu0: float,
    tau0: float,
    alpha0: float,
    beta0: float,
    nu_q: float,
    tau_q: float,
    alpha_q: float,
    beta_q: float,
) -> float:
    """ELBO of the Gaussian-Gamma model with every constant, so ELBO <= log p(x), in nats.

    Args:
        x: Data (N,).
        mu0: Prior mean of mu.
        tau0: Prior precision of mu.
        alpha0: Prior shape of gamma.
        beta0: Prior rate of gamma.
        nu_q: Mean of q(mu).
        tau_q: Precision of q(mu).
        alpha_q: Shape of q(gamma).
        beta_q: Rate of q(gamma).
    """
    return sum(
        elbo_terms_gaussian_gamma(
            x, mu0, tau0, alpha0, beta0, nu_q, tau_q, alpha_q, beta_q
        ).values()
    )


def _expected_squares(x: Array, nu_q: float, tau_q: float) -> float:
    """E_q[sum_i (x_i - mu)^2] = sum_i (x_i - nu_q)^2 + N / tau_q, for arrays of parameters too."""
    centred = np.sum((x - np.mean(x)) ** 2) + len(x) * (np.mean(x) - nu_q) ** 2
    return centred + len(x) / tau_q


def observations(x: Array) -> Array:
    """Check data: finite, shape (N,), N >= 1.

    Raises:
        ShapeError: If x has another shape or is empty.
        NonFiniteError: If an observation is not finite.
    """
    x = np.asarray(x, dtype=float)
    require_shape("x", x, ("N",))
    if len(x) == 0:
        raise ShapeError("x must have shape (N,) with N >= 1, got (0,)")
    require_finite("x", x)
    return x

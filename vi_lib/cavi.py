r"""Coordinate ascent variational inference on two models where every update is in closed form.

Mean field restricts q to a product of factors. With the others fixed, the factor that maximises
the ELBO is (Bishop 2006, eq. 10.9; Blei, Kucukelbir and McAuliffe 2017, eq. 17)

    log q_j(z_j) = E_{-j}[log p(x, z)] + const,

so updating the factors in turn never lowers the ELBO.

1. A Gaussian target, the model of the figures: what mean field does to a correlated posterior.
2. The Gaussian-Gamma model, with a Gaussian mean mu and a precision gamma, independent a priori,

    mu ~ N(mu0, prec=tau0),  gamma ~ Gamma(alpha0, rate=beta0),  x_i | mu, gamma ~ N(mu, prec=gamma),

   and q(mu, gamma) = N(mu | nu_q, prec=tau_q) Gamma(gamma | alpha_q, rate=beta_q).

Signatures and dictionary keys are those of the exercises of lesson 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import digamma, gammaln

Array = np.ndarray

LOG_2PI = float(np.log(2.0 * np.pi))

#: An ELBO may fall by this fraction of its size between sweeps before it counts as a bug. Round-off
#: makes a converged trace wobble in the last digits (1e-14 relative); a wrong update costs far more.
ROUND_OFF_SLACK = 1e-9


def mean_field_gaussian(mu: Array, cov: Array) -> tuple[Array, Array, float]:
    r"""The factorised Gaussian q that minimises KL(q || N(mu, cov)).

    With Lambda = cov^{-1}: q_i = N(mu_i, prec=Lambda_ii) and
    KL = (sum_i log Lambda_ii - log|Lambda|) / 2 (Bishop 2006, eqs. 10.12-10.15).

    Args:
        mu: Mean of the target (D,).
        cov: Covariance of the target (D, D), symmetric and positive definite.

    Returns:
        Mean (D,) and standard deviations (D,) of q, and the KL divergence in nats.

    Raises:
        ValueError: If the shapes do not fit or `cov` is not a covariance matrix.
    """
    mu, precision, log_det_cov = _gaussian(mu, cov)
    diagonal = np.diag(precision)
    kl = 0.5 * (np.sum(np.log(diagonal)) + log_det_cov)
    return mu, 1.0 / np.sqrt(diagonal), float(kl)


def coordinate_path_gaussian(mu: Array, cov: Array, start: Array, num_sweeps: int) -> Array:
    r"""Means of q along coordinate ascent on N(mu, cov), one row per coordinate update.

    m_i <- mu_i - (1 / Lambda_ii) sum_{j != i} Lambda_ij (m_j - mu_j)   (Bishop 2006, eq. 10.13)

    The standard deviations need no path: the first update of a coordinate sets its final one.

    Args:
        mu: Mean of the target (D,).
        cov: Covariance of the target (D, D).
        start: First means of q (D,).
        num_sweeps: How often every coordinate is updated.

    Returns:
        Means (num_sweeps * D + 1, D); the first row is `start`.

    Raises:
        ValueError: If the shapes do not fit or `cov` is not a covariance matrix.
    """
    mu, precision, _ = _gaussian(mu, cov)
    mean = np.array(start, dtype=float)
    if mean.shape != mu.shape:
        raise ValueError(f"start must have shape {mu.shape} like mu, got shape {mean.shape}")
    path = [mean]
    for _ in range(num_sweeps):
        for i in range(len(mu)):
            # (Lambda (m - mu))_i holds the i-th term too; subtracting all of it keeps mu_i only.
            mean = mean.copy()
            mean[i] -= precision[i] @ (mean - mu) / precision[i, i]
            path.append(mean)
    return np.stack(path)


def update_q_mu(x: Array, E_gamma: float, mu0: float, tau0: float) -> tuple[float, float]:
    """Best q(mu) = N(nu_q, prec=tau_q) given E[gamma] (Bishop 2006, eqs. 10.26-10.27).

    tau_q = tau0 + N E[gamma],  nu_q = (tau0 mu0 + E[gamma] sum_i x_i) / tau_q

    Args:
        x: Data (N,).
        E_gamma: Mean of q(gamma).
        mu0: Prior mean.
        tau0: Prior precision.

    Returns:
        `(nu_q, tau_q)`, mean and precision.
    """
    x = _data(x)
    tau_q = tau0 + len(x) * E_gamma
    nu_q = (tau0 * mu0 + E_gamma * np.sum(x)) / tau_q
    return float(nu_q), float(tau_q)


def update_q_gamma(
    x: Array, nu_q: float, tau_q: float, alpha0: float, beta0: float
) -> tuple[float, float]:
    """Best q(gamma) = Gamma(alpha_q, rate=beta_q) given q(mu) (Bishop 2006, eqs. 10.29-10.30).

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
    x = _data(x)
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
    """The five expectations whose sum is the ELBO, in nats.

    The parameters of q may be arrays of one common shape; so are the terms then.

    Returns:
        `log_lik` E[log p(x | mu, gamma)], `log_prior_mu` E[log p(mu)], `log_prior_gamma`
        E[log p(gamma)], and the entropies `entropy_mu`, `entropy_gamma` of the factors of q.
    """
    x = _data(x)
    E_gamma = alpha_q / beta_q
    E_log_gamma = digamma(alpha_q) - np.log(beta_q)
    squares = _expected_squares(x, nu_q, tau_q)
    prior_square = (nu_q - mu0) ** 2 + 1.0 / tau_q
    return {
        "log_lik": 0.5 * (len(x) * (E_log_gamma - LOG_2PI) - E_gamma * squares),
        "log_prior_mu": 0.5 * (np.log(tau0) - LOG_2PI - tau0 * prior_square),
        "log_prior_gamma": alpha0 * np.log(beta0)
        - gammaln(alpha0)
        + (alpha0 - 1.0) * E_log_gamma
        - beta0 * E_gamma,
        "entropy_mu": 0.5 * (1.0 + LOG_2PI - np.log(tau_q)),
        "entropy_gamma": alpha_q
        - np.log(beta_q)
        + gammaln(alpha_q)
        + (1.0 - alpha_q) * digamma(alpha_q),
    }


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


def cavi_gaussian_gamma(
    x: Array,
    prior: Mapping[str, float],
    init: Mapping[str, float] | None = None,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> dict[str, Any]:
    """Coordinate ascent for the Gaussian-Gamma model: mu, then gamma, until the ELBO stands still.

    Args:
        x: Data (N,).
        prior: `mu0`, `tau0`, `alpha0`, `beta0`.
        init: `nu_q`, `tau_q`, `alpha_q`, `beta_q` to start from. As q(mu) is updated first, only
            E[gamma] = alpha_q / beta_q matters; without `init` it is alpha0 / beta0.
        max_iter: Largest number of sweeps.
        rel_tol: Stop when a sweep raises the ELBO by at most this fraction of its size.

    Returns:
        `nu_q`, `tau_q`, `alpha_q`, `beta_q` and `elbo`, the trace with one value after each sweep.

    Raises:
        ValueError: If a parameter is missing or not positive, or `max_iter` is less than 1.
        ArithmeticError: If a sweep lowers the ELBO by more than round-off; only a wrong update can.
    """
    x = _data(x)
    mu0, tau0, alpha0, beta0 = _named("prior", prior, ("mu0", "tau0", "alpha0", "beta0"))
    alpha_q, beta_q = alpha0, beta0
    if init is not None:
        _, _, alpha_q, beta_q = _named("init", init, ("nu_q", "tau_q", "alpha_q", "beta_q"))
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1, got {max_iter}")

    trace: list[float] = []
    for sweep in range(1, max_iter + 1):
        nu_q, tau_q = update_q_mu(x, alpha_q / beta_q, mu0, tau0)
        alpha_q, beta_q = update_q_gamma(x, nu_q, tau_q, alpha0, beta0)
        elbo = elbo_gaussian_gamma(x, mu0, tau0, alpha0, beta0, nu_q, tau_q, alpha_q, beta_q)
        trace.append(float(elbo))
        if sweep == 1:
            continue
        rise, size = trace[-1] - trace[-2], max(1.0, abs(trace[-2]))
        if rise < -ROUND_OFF_SLACK * size:
            raise ArithmeticError(
                f"the ELBO fell from {trace[-2]:.9g} to {trace[-1]:.9g} in sweep {sweep}"
            )
        if rise <= rel_tol * size:
            break
    return {
        "nu_q": nu_q,
        "tau_q": tau_q,
        "alpha_q": alpha_q,
        "beta_q": beta_q,
        "elbo": np.array(trace),
    }


def _gaussian(mu: Array, cov: Array) -> tuple[Array, Array, float]:
    """Checked mean, precision matrix and log|cov| of a Gaussian."""
    mu, cov = np.array(mu, dtype=float), np.array(cov, dtype=float)
    if mu.ndim != 1 or cov.shape != (len(mu), len(mu)):
        raise ValueError(
            f"mu must have shape (D,) and cov (D, D), got shapes {mu.shape} and {cov.shape}"
        )
    if not np.allclose(cov, cov.T, rtol=1e-8, atol=0.0):
        raise ValueError("cov must be symmetric")
    try:
        root = np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        raise ValueError(
            f"cov must be positive definite, its smallest eigenvalue is "
            f"{np.linalg.eigvalsh(cov)[0]:.3g}"
        ) from None
    inverse_root = np.linalg.solve(root, np.eye(len(mu)))
    return mu, inverse_root.T @ inverse_root, float(2.0 * np.sum(np.log(np.diag(root))))


def _data(x: Array) -> Array:
    x = np.asarray(x, dtype=float)
    if x.ndim != 1 or len(x) == 0:
        raise ValueError(f"x must have shape (N,) with N >= 1, got shape {x.shape}")
    if not np.all(np.isfinite(x)):
        raise ValueError(f"x must be finite, got {x[~np.isfinite(x)][0]} among its values")
    return x


def _expected_squares(x: Array, nu_q: float, tau_q: float) -> float:
    """E_q[sum_i (x_i - mu)^2] = sum_i (x_i - nu_q)^2 + N / tau_q, for arrays of parameters too."""
    centred = np.sum((x - np.mean(x)) ** 2) + len(x) * (np.mean(x) - nu_q) ** 2
    return centred + len(x) / tau_q


def _named(what: str, values: Mapping[str, float], keys: tuple[str, ...]) -> tuple[float, ...]:
    """The values under `keys`, of which all but the first (a mean) must be positive."""
    if not set(keys) <= set(values):
        raise ValueError(f"{what} must have the keys {', '.join(keys)}, got {', '.join(values)}")
    numbers = tuple(float(values[key]) for key in keys)
    for key, number in zip(keys[1:], numbers[1:], strict=True):
        if not 0.0 < number < np.inf:
            raise ValueError(f"{what}[{key!r}] must be positive and finite, got {number}")
    return numbers

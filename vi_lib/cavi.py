r"""Coordinate ascent variational inference on two models where every update is in closed form.

Mean field restricts q to a product of factors. With the others fixed, the factor that maximises
the ELBO is (Bishop 2006, eq. 10.9; Blei, Kucukelbir and McAuliffe 2017, eq. 17)

    log q_j(z_j) = E_{-j}[log p(x, z)] + const,

so updating the factors in turn never lowers the ELBO. Here are a Gaussian target, which shows what
mean field does to a correlated posterior, and the model of `gaussian_gamma`. Linear regression, two
Gaussian mixtures and the Ising model have modules of their own; all models share one loop, and all
their public names are here. Signatures and dictionary keys are those of the exercises of lessons 2
and 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vi_lib._bayesian_mixture import cavi_bayesian_gmm
from vi_lib._check import Array, SupportError, require_shape
from vi_lib._conjugate import ROUND_OFF_SLACK, coordinate_ascent, named
from vi_lib._gaussian_mixture import (
    cavi_gmm,
    elbo_gmm,
    elbo_terms_gmm,
    gmm_responsibilities,
    gmm_restarts,
    sort_components,
    update_gmm_means,
)
from vi_lib._ising import cavi_ising, elbo_ising, grid_couplings, noisy_image_field
from vi_lib._regression import (
    cavi_linreg,
    cavi_linreg_unknown_noise,
    elbo_linreg,
    elbo_linreg_unknown_noise,
    exact_posterior_linreg,
)
from vi_lib.gaussian_gamma import (
    elbo_gaussian_gamma,
    elbo_terms_gaussian_gamma,
    observations,
    update_q_gamma,
    update_q_mu,
)

__all__ = [
    "ROUND_OFF_SLACK",
    "cavi_bayesian_gmm",
    "cavi_gaussian_gamma",
    "cavi_gmm",
    "cavi_ising",
    "cavi_linreg",
    "cavi_linreg_unknown_noise",
    "coordinate_ascent",
    "coordinate_path_gaussian",
    "elbo_gaussian_gamma",
    "elbo_gmm",
    "elbo_ising",
    "elbo_linreg",
    "elbo_linreg_unknown_noise",
    "elbo_terms_gaussian_gamma",
    "elbo_terms_gmm",
    "exact_posterior_linreg",
    "gmm_responsibilities",
    "gmm_restarts",
    "grid_couplings",
    "mean_field_gaussian",
    "noisy_image_field",
    "sort_components",
    "update_gmm_means",
    "update_q_gamma",
    "update_q_mu",
]


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
        ShapeError: If the shapes do not fit.
        SupportError: If `cov` is not symmetric and positive definite.
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
        ShapeError: If the shapes do not fit.
        SupportError: If `cov` is not symmetric and positive definite.
    """
    mu, precision, _ = _gaussian(mu, cov)
    mean = np.array(start, dtype=float)
    require_shape("start", mean, mu.shape)
    path = [mean]
    for _ in range(num_sweeps):
        for i in range(len(mu)):
            # (Lambda (m - mu))_i holds the i-th term too; subtracting all of it keeps mu_i only.
            mean = mean.copy()
            mean[i] -= precision[i] @ (mean - mu) / precision[i, i]
            path.append(mean)
    return np.stack(path)


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
    x = observations(x)
    mu0, tau0, alpha0, beta0 = named("prior", prior, ("mu0", "tau0", "alpha0", "beta0"))
    start: tuple[float, ...] = (mu0, tau0, alpha0, beta0)
    if init is not None:
        start = named("init", init, ("nu_q", "tau_q", "alpha_q", "beta_q"))

    def sweep(q: tuple[float, ...]) -> tuple[float, ...]:
        _, _, alpha_q, beta_q = q
        nu_q, tau_q = update_q_mu(x, alpha_q / beta_q, mu0, tau0)
        return nu_q, tau_q, *update_q_gamma(x, nu_q, tau_q, alpha0, beta0)

    def elbo(q: tuple[float, ...]) -> float:
        return elbo_gaussian_gamma(x, mu0, tau0, alpha0, beta0, *q)

    (nu_q, tau_q, alpha_q, beta_q), trace = coordinate_ascent(sweep, elbo, start, max_iter, rel_tol)
    return {"nu_q": nu_q, "tau_q": tau_q, "alpha_q": alpha_q, "beta_q": beta_q, "elbo": trace}


def _gaussian(mu: Array, cov: Array) -> tuple[Array, Array, float]:
    """Checked mean, precision matrix and log|cov| of a Gaussian."""
    mu, cov = np.array(mu, dtype=float), np.array(cov, dtype=float)
    require_shape("mu", mu, ("D",))
    require_shape("cov", cov, (len(mu), len(mu)))
    if not np.allclose(cov, cov.T, rtol=1e-8, atol=0.0):
        raise SupportError("cov must be symmetric, got a matrix that differs from its transpose")
    try:
        root = np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        raise SupportError(
            f"cov must be positive definite, got a smallest eigenvalue of "
            f"{np.linalg.eigvalsh(cov)[0]:.3g}"
        ) from None
    inverse_root = np.linalg.solve(root, np.eye(len(mu)))
    return mu, inverse_root.T @ inverse_root, float(2.0 * np.sum(np.log(np.diag(root))))

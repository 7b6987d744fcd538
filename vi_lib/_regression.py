"""Bayesian linear regression: exact, by coordinate ascent, and with an unknown noise precision.

The first model has a known noise precision,

    y ~ N(X beta, prec=noise_prec I),   beta_j ~ N(0, prec=prior_prec_j),

so its posterior is Gaussian with precision A = diag(prior_prec) + noise_prec X'X and a mean that
solves A mean = noise_prec X'y (Bishop 2006, eqs. 3.53-3.54). Mean field, q(beta) = prod_j q_j, then
gets every mean right and replaces A by its diagonal (eqs. 10.12-10.15).

The second one has gamma ~ Gamma(a0, rate=b0) in place of noise_prec, independent of beta, and
q(beta, gamma) = N(beta | mean, cov) Gamma(gamma | a_q, rate=b_q). Bishop (2006), section 10.3,
calculates likewise with a known noise and an unknown prior precision.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vi_lib._check import Array, require_finite, require_positive, require_shape
from vi_lib._conjugate import coordinate_ascent, positive_vector
from vi_lib.densities import LOG_2PI
from vi_lib.gaussian_gamma import gamma_log_lik, gamma_terms


def exact_posterior_linreg(
    X: Array, y: Array, prior_prec: Any, noise_prec: float
) -> tuple[Array, Array, float]:
    """Posterior and evidence of linear regression with known noise.

    log p(y) = (N log noise_prec + sum_j log prior_prec_j - log|A| - N log 2 pi
    - noise_prec sum_i (y_i - x_i' mean)^2 - sum_j prior_prec_j mean_j^2) / 2
    (Bishop 2006, eqs. 3.82 and 3.86, for a common prior precision).

    Args:
        X: Covariates (N, D).
        y: Responses (N,).
        prior_prec: Prior precisions of the coefficients, whose prior mean is 0: a number or (D,).
        noise_prec: Precision of the noise.

    Returns:
        Mean (D,) and covariance (D, D) of beta, and the log evidence in nats.

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
    """
    X, y, prior_prec = regression_data(X, y, prior_prec)
    require_positive("noise_prec", noise_prec)
    mean, cov, log_det = _gaussian_factor(X, y, prior_prec, noise_prec)
    fit = noise_prec * np.sum((y - X @ mean) ** 2) + np.sum(prior_prec * mean**2)
    constants = len(y) * (np.log(noise_prec) - LOG_2PI) + np.sum(np.log(prior_prec))
    return mean, cov, float(0.5 * (constants + log_det - fit))


def cavi_linreg(
    X: Array, y: Array, prior_prec: Any, noise_prec: float, num_sweeps: int
) -> tuple[Array, Array]:
    """Coordinate ascent with one Gaussian factor a coefficient, from means of 0.

    prec_j = prior_prec_j + noise_prec sum_i x_ij^2,
    mean_j <- noise_prec sum_i x_ij (y_i - sum_{k != j} x_ik mean_k) / prec_j

    The precisions are final after one sweep; the means solve the normal equations by Gauss-Seidel
    steps, slowly where covariates are correlated.

    Args:
        X: Covariates (N, D).
        y: Responses (N,).
        prior_prec: Prior precisions, a number or (D,).
        noise_prec: Precision of the noise.
        num_sweeps: How often each coefficient is updated.

    Returns:
        Means (D,) and precisions (D,) of q.

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
        ValueError: If `num_sweeps` is less than 1.
        ArithmeticError: If a sweep lowers the ELBO by more than round-off; only a wrong update can.
    """
    X, y, prior_prec = regression_data(X, y, prior_prec)
    require_positive("noise_prec", noise_prec)
    if num_sweeps < 1:
        raise ValueError(f"num_sweeps must be at least 1, got {num_sweeps}")
    A, b = normal_equations(X, y, prior_prec, noise_prec)
    prec = np.diag(A).copy()
    mean, _ = coordinate_ascent(
        lambda mean: _sweep_means(mean, A, b),
        lambda mean: elbo_linreg(X, y, prior_prec, noise_prec, mean, prec),
        np.zeros(X.shape[1]), max_iter=num_sweeps, rel_tol=-np.inf,
    )  # fmt: skip
    return mean, prec


def elbo_linreg(
    X: Array, y: Array, prior_prec: Any, noise_prec: float, mean: Array, prec: Array
) -> float:
    """ELBO of q(beta) = prod_j N(mean_j, prec_j) with every constant, in nats.

    The sum of E[log p(y | beta)] = (N log noise_prec - N log 2 pi - noise_prec
    (sum_i (y_i - x_i' mean)^2 + sum_ij x_ij^2 / prec_j)) / 2, E[log p(beta)] =
    sum_j (log prior_prec_j - log 2 pi - prior_prec_j (mean_j^2 + 1 / prec_j)) / 2 and the entropy
    sum_j (1 + log 2 pi - log prec_j) / 2.

    Args:
        X: Covariates (N, D).
        y: Responses (N,).
        prior_prec: Prior precisions, a number or (D,).
        noise_prec: Precision of the noise.
        mean: Means of q (..., D).
        prec: Precisions of q (..., D).

    Returns:
        A number, or an array (...).

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
    """
    X, y, prior_prec = regression_data(X, y, prior_prec)
    require_positive("noise_prec", noise_prec)
    mean, prec = np.asarray(mean, dtype=float), np.asarray(prec, dtype=float)
    require_shape("mean", mean, (..., X.shape[1]))
    require_shape("prec", prec, (..., X.shape[1]))
    require_finite("mean", mean)
    require_positive("prec", prec)
    squares = np.sum((y - mean @ X.T) ** 2, axis=-1) + (1.0 / prec) @ np.sum(X**2, axis=0)
    log_lik = len(y) * (np.log(noise_prec) - LOG_2PI) - noise_prec * squares
    log_prior = np.log(prior_prec) - LOG_2PI - prior_prec * (mean**2 + 1.0 / prec)
    entropy = 1.0 + LOG_2PI - np.log(prec)
    return 0.5 * (log_lik + np.sum(log_prior + entropy, axis=-1))


class _Factors(NamedTuple):
    """Parameters of q(beta) q(gamma) of the model with unknown noise."""

    mean: Array
    cov: Array
    a_q: float
    b_q: float


def cavi_linreg_unknown_noise(
    X: Array,
    y: Array,
    prior_prec: Any,
    a0: float,
    b0: float,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> dict[str, Any]:
    """Coordinate ascent for linear regression whose noise precision gamma is Gamma(a0, rate=b0).

    q(beta) is updated first, from E[gamma] = a0 / b0: it is the exact posterior for that noise
    precision. Then a_q = a0 + N / 2 and b_q = b0 + S / 2, with the expected sum of squares
    S = E[sum_i (y_i - x_i' beta)^2] = sum_i ((y_i - x_i' mean)^2 + x_i' cov x_i).

    Args:
        X: Covariates (N, D).
        y: Responses (N,).
        prior_prec: Prior precisions of the coefficients, a number or (D,).
        a0: Prior shape of gamma.
        b0: Prior rate of gamma.
        max_iter: Largest number of sweeps.
        rel_tol: Stop when a sweep raises the ELBO by at most this fraction of its size.

    Returns:
        `mean` (D,), `cov` (D, D), `a_q`, `b_q`, and `elbo`, the trace with one value a sweep.

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
        ValueError: If `max_iter` is less than 1.
        ArithmeticError: If a sweep lowers the ELBO by more than round-off; only a wrong update can.
    """
    X, y, prior_prec = regression_data(X, y, prior_prec)
    require_positive("a0", a0)
    require_positive("b0", b0)

    def sweep(q: _Factors) -> _Factors:
        mean, cov, _ = _gaussian_factor(X, y, prior_prec, q.a_q / q.b_q)
        return _Factors(mean, cov, *gamma_factor(X, y, a0, b0, mean, cov))

    def elbo(q: _Factors) -> float:
        return elbo_linreg_unknown_noise(X, y, prior_prec, a0, b0, *q)

    dim = X.shape[1]
    start = _Factors(np.zeros(dim), np.diag(1.0 / prior_prec), a0, b0)
    q, trace = coordinate_ascent(sweep, elbo, start, max_iter, rel_tol)
    return {**q._asdict(), "elbo": trace}


def elbo_linreg_unknown_noise(
    X: Array,
    y: Array,
    prior_prec: Any,
    a0: float,
    b0: float,
    mean: Array,
    cov: Array,
    a_q: float,
    b_q: float,
) -> float:
    """ELBO of q = N(beta | mean, cov) Gamma(gamma | a_q, rate=b_q), every constant kept, in nats.

    With X (N, D), y (N,), prior_prec a number or (D,), mean (D,), cov (D, D);
    E[log p(y | beta, gamma)] = (N E[log gamma] - N log 2 pi - E[gamma] S) / 2 with S, the expected
    sum of squares, as in `cavi_linreg_unknown_noise`;
    E[log p(beta)] = sum_j (log prior_prec_j - log 2 pi - prior_prec_j (mean_j^2 + cov_jj)) / 2;
    the entropy of q(beta) is (D + D log 2 pi + log|cov|) / 2; `gamma_terms` has those of gamma.

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
        numpy.linalg.LinAlgError: If `cov` is not positive definite.
    """
    X, y, prior_prec = regression_data(X, y, prior_prec)
    dim = X.shape[1]
    require_shape("mean", mean, (dim,))
    require_shape("cov", cov, (dim, dim))
    for name, value in (("a0", a0), ("b0", b0), ("a_q", a_q), ("b_q", b_q)):
        require_positive(name, value)
    second_moment = np.asarray(mean) ** 2 + np.diag(cov)
    log_prior = np.sum(np.log(prior_prec) - LOG_2PI - prior_prec * second_moment) / 2.0
    half_log_det = np.sum(np.log(np.diag(np.linalg.cholesky(cov))))
    entropy = dim * (1.0 + LOG_2PI) / 2.0 + half_log_det
    log_lik = gamma_log_lik(len(y), _expected_squares(X, y, mean, cov), a_q, b_q)
    return float(log_lik + log_prior + entropy + sum(gamma_terms(a0, b0, a_q, b_q)))


def regression_data(X: Array, y: Array, prior_prec: Any) -> tuple[Array, Array, Array]:
    """Return the data as float arrays, and prior precisions as a vector (D,).

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
    """
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    require_shape("X", X, ("N", "D"))
    require_shape("y", y, (X.shape[0],))
    require_finite("X", X)
    require_finite("y", y)
    return X, y, positive_vector("prior_prec", prior_prec, X.shape[1])


def normal_equations(
    X: Array, y: Array, prior_prec: Array, noise_prec: float
) -> tuple[Array, Array]:
    """A = diag(prior_prec) + noise_prec X'X and b = noise_prec X'y of A mean = b."""
    return np.diag(prior_prec) + noise_prec * (X.T @ X), noise_prec * (X.T @ y)


def _sweep_means(mean: Array, A: Array, b: Array) -> Array:
    """One Gauss-Seidel sweep of A mean = b: every factor's mean given the others'."""
    mean = mean.copy()
    for j in range(len(b)):
        # (A mean)_j holds mean_j too; adding the whole residual leaves b_j less the other terms.
        mean[j] += (b[j] - A[j] @ mean) / A[j, j]
    return mean


def _gaussian_factor(
    X: Array, y: Array, prior_prec: Array, noise_prec: float
) -> tuple[Array, Array, float]:
    """Mean, covariance and log|covariance| of beta given the noise precision."""
    A, b = normal_equations(X, y, prior_prec, noise_prec)
    root = np.linalg.cholesky(A)
    inverse_root = np.linalg.solve(root, np.eye(len(b)))
    cov = inverse_root.T @ inverse_root
    return inverse_root.T @ (inverse_root @ b), cov, float(-2.0 * np.sum(np.log(np.diag(root))))


def gamma_factor(
    X: Array, y: Array, a0: float, b0: float, mean: Array, cov: Array
) -> tuple[float, float]:
    """Shape and rate of q(gamma) given q(beta)."""
    return a0 + len(y) / 2.0, float(b0 + _expected_squares(X, y, mean, cov) / 2.0)


def _expected_squares(X: Array, y: Array, mean: Array, cov: Array) -> float:
    """E[sum_i (y_i - x_i' beta)^2] = sum_i ((y_i - x_i' mean)^2 + x_i' cov x_i)."""
    return float(np.sum((y - X @ mean) ** 2) + np.sum((X @ cov) * X))

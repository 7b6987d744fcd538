"""Stochastic variational inference: unbiased minibatch gradients, and coordinate ascent on batches.

`stochastic_ascent` takes steps rho_t = (t + delay)^-kappa along the natural gradient; for
1/2 < kappa <= 1 it converges (Robbins and Monro 1951; Hoffman, Blei, Wang and Paisley 2013, section
2). Three models of `cavi` are fitted with it. All trace the full-data ELBO after each step, which
costs a pass over the data. Signatures and dictionary keys are those of the exercises of lesson 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vi_lib._check import Array, require_positive, require_shape
from vi_lib._conjugate import named
from vi_lib._gaussian_mixture import (
    elbo_gmm,
    gmm_responsibilities,
    start_means,
    update_gmm_means,
)
from vi_lib._regression import (
    elbo_linreg_unknown_noise,
    gamma_factor,
    normal_equations,
    regression_data,
)
from vi_lib._stochastic import natural_gradient_step, stochastic_ascent
from vi_lib.gaussian_gamma import elbo_gaussian_gamma, observations, update_q_gamma, update_q_mu
from vi_lib.optimizers import robbins_monro

__all__ = [
    "minibatch_elbo_gradient",
    "natural_gradient_step",
    "robbins_monro_rate",
    "stochastic_ascent",
    "svi_gaussian_gamma",
    "svi_gmm",
    "svi_linreg_unknown_noise",
]


def minibatch_elbo_gradient(
    grad_log_lik: Callable[[Array, Array], Array],
    grad_log_prior: Callable[[Array], Array],
    grad_entropy: Callable[[Array], Array],
    lam: Array,
    data: Array,
    idx: Array,
) -> Array:
    """Unbiased estimate of the ELBO's gradient from the rows `idx` of the data.

    (N / B) sum_{i in idx} grad_log_lik_i + grad_log_prior + grad_entropy: only the likelihood is a
    sum over observations, so only it is scaled.

    Args:
        grad_log_lik: `grad_log_lik(lam, rows)`, the gradients (B, P) of E_q[log p(x_i | z)].
        grad_log_prior: `grad_log_prior(lam)`, the gradient (P,) of E_q[log p(z)].
        grad_entropy: `grad_entropy(lam)`, the gradient (P,) of q's entropy.
        lam: Parameters of q (P,).
        data: N rows; the first axis counts the observations.
        idx: Indices of the batch (B,), B >= 1.

    Raises:
        ShapeError: If `idx` is no vector or a gradient has another shape.
        ValueError: If the batch is empty.
    """
    data, idx, num_params = np.asarray(data), np.asarray(idx), len(lam)
    require_shape("idx", idx, ("B",))
    if len(idx) == 0:
        raise ValueError("idx must name at least one row, got an empty batch")
    per_row, prior, entropy = grad_log_lik(lam, data[idx]), grad_log_prior(lam), grad_entropy(lam)
    require_shape("grad_log_lik(lam, rows)", per_row, (len(idx), num_params))
    require_shape("grad_log_prior(lam)", prior, (num_params,))
    require_shape("grad_entropy(lam)", entropy, (num_params,))
    return len(data) / len(idx) * np.sum(per_row, axis=0) + prior + entropy


def robbins_monro_rate(t: Any, rho0: float, kappa: float, delay: float) -> Any:
    """Return rho0 (t + delay)^-kappa for t >= 1, a number or an array.

    `optimizers.robbins_monro` is the same as a function of t alone, and
    `optimizers.is_robbins_monro` says which kappa meet both conditions on the sums.

    Raises:
        SupportError: Unless rho0 > 0.
        ValueError: If a t is less than 1 or `delay` is negative.
    """
    schedule = robbins_monro(rho0, kappa, delay)
    return schedule(t) if np.ndim(t) == 0 else np.array([schedule(each) for each in t])


def svi_gaussian_gamma(
    x: Array,
    prior: Mapping[str, float],
    batch_size: int,
    kappa: float,
    delay: float,
    num_steps: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Stochastic coordinate ascent for the Gaussian-Gamma model of `cavi_gaussian_gamma`.

    q starts at the prior; in a step q(mu) moves first, then q(gamma), on the same batch.

    Args:
        x: Data (N,).
        prior: `mu0`, `tau0`, `alpha0`, `beta0`.
        batch_size: Observations in a batch.
        kappa: Forgetting rate.
        delay: Delay of the step sizes.
        num_steps: Number of steps.
        rng: Source of the batches.

    Returns:
        `nu_q`, `tau_q`, `alpha_q`, `beta_q` and `elbo`, the full-data ELBO after each step.

    Raises:
        ValueError: For data, a prior or options that do not fit; see `stochastic_ascent`.
    """
    x = observations(x)
    mu0, tau0, alpha0, beta0 = named("prior", prior, ("mu0", "tau0", "alpha0", "beta0"))

    def update_mu(etas: Sequence[Array], idx: Array) -> Array:
        alpha_q, beta_q = etas[1]
        nu_q, tau_q = update_q_mu(x[idx], alpha_q / beta_q, mu0, tau0)
        return np.array([tau_q * nu_q, tau_q])

    def update_gamma(etas: Sequence[Array], idx: Array) -> Array:
        weighted, tau_q = etas[0]
        return np.array(update_q_gamma(x[idx], weighted / tau_q, tau_q, alpha0, beta0))

    def factors(etas: Sequence[Array]) -> tuple[float, ...]:
        (weighted, tau_q), (alpha_q, beta_q) = etas
        return float(weighted / tau_q), float(tau_q), float(alpha_q), float(beta_q)

    etas, trace = stochastic_ascent(
        (update_mu, update_gamma),
        (np.array([tau0 * mu0, tau0]), np.array([alpha0, beta0])),
        lambda etas: elbo_gaussian_gamma(x, mu0, tau0, alpha0, beta0, *factors(etas)),
        len(x), batch_size, kappa, delay, num_steps, rng,
    )  # fmt: skip
    names = ("nu_q", "tau_q", "alpha_q", "beta_q")
    return {**dict(zip(names, factors(etas), strict=True)), "elbo": trace}


def svi_linreg_unknown_noise(
    X: Array,
    y: Array,
    prior_prec: Any,
    a0: float,
    b0: float,
    batch_size: int,
    kappa: float,
    delay: float,
    num_steps: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Stochastic coordinate ascent for the model of `cavi_linreg_unknown_noise`.

    q starts at the prior; in a step q(beta) moves first, then q(gamma), on the same batch.

    Args:
        X: Covariates (N, D).
        y: Responses (N,).
        prior_prec: Prior precisions of the coefficients, a number or (D,).
        a0: Prior shape of the noise precision.
        b0: Prior rate of the noise precision.
        batch_size: Rows in a batch.
        kappa: Forgetting rate.
        delay: Delay of the step sizes.
        num_steps: Number of steps.
        rng: Source of the batches.

    Returns:
        `mean` (D,), `cov` (D, D), `a_q`, `b_q`, and `elbo`, the full-data ELBO after each step.

    Raises:
        ValueError: For data, a prior or options that do not fit; see `stochastic_ascent`.
    """
    X, y, prior_prec = regression_data(X, y, prior_prec)
    require_positive("a0", a0)
    require_positive("b0", b0)

    def moments(eta: Array) -> tuple[Array, Array]:
        cov = np.linalg.inv(eta[:, 1:])
        return cov @ eta[:, 0], cov

    def update_beta(etas: Sequence[Array], idx: Array) -> Array:
        precision, weighted = normal_equations(X[idx], y[idx], prior_prec, etas[1][0] / etas[1][1])
        return np.column_stack([weighted, precision])

    def update_gamma(etas: Sequence[Array], idx: Array) -> Array:
        return np.array(gamma_factor(X[idx], y[idx], a0, b0, *moments(etas[0])))

    def elbo(etas: Sequence[Array]) -> float:
        return elbo_linreg_unknown_noise(X, y, prior_prec, a0, b0, *moments(etas[0]), *etas[1])

    dim = X.shape[1]
    etas, trace = stochastic_ascent(
        (update_beta, update_gamma),
        (np.column_stack([np.zeros(dim), np.diag(prior_prec)]), np.array([a0, b0], dtype=float)),
        elbo, len(y), batch_size, kappa, delay, num_steps, rng,
    )  # fmt: skip
    mean, cov = moments(etas[0])
    a_q, b_q = (float(value) for value in etas[1])
    return {"mean": mean, "cov": cov, "a_q": a_q, "b_q": b_q, "elbo": trace}


def svi_gmm(
    x: Array,
    K: int,
    prior_sd: float,
    batch_size: int,
    kappa: float,
    delay: float,
    num_steps: int,
    rng: np.random.Generator,
    init: Array | None = None,
) -> dict[str, Any]:
    """Stochastic coordinate ascent for the mixture of `cavi_gmm`, from one start.

    The responsibilities of a batch are local: they are set to their best values before the
    component means move. The ELBO is that with the best responsibilities of all data.

    Args:
        x: Data (N,).
        K: Number of components.
        prior_sd: Prior standard deviation of a component's mean.
        batch_size: Observations in a batch.
        kappa: Forgetting rate.
        delay: Delay of the step sizes.
        num_steps: Number of steps.
        rng: Source of the batches, and of the start where there is no `init`.
        init: Component means (K,) to start from, each with variance 1, as `cavi_gmm` does.

    Returns:
        `m` (K,), `s2` (K,), `resp` (N, K), and `elbo`, the full-data ELBO after each step.

    Raises:
        ValueError: For data, a prior or options that do not fit; see `stochastic_ascent`.
    """
    x = observations(x)
    require_positive("prior_sd", prior_sd)
    means = start_means(x, K, rng, init)

    def respond(eta: Array, rows: Array) -> Array:
        return gmm_responsibilities(rows, eta[0] / eta[1], 1.0 / eta[1], -np.log(K))

    def update(etas: Sequence[Array], idx: Array) -> Array:
        m, s2 = update_gmm_means(x[idx], respond(etas[0], x[idx]), prior_sd)
        return np.stack([m / s2, 1.0 / s2])

    def factors(eta: Array) -> tuple[Array, Array, Array]:
        return eta[0] / eta[1], 1.0 / eta[1], respond(eta, x)

    etas, trace = stochastic_ascent(
        (update,),
        (np.stack([np.zeros(K), np.full(K, prior_sd**-2.0)]),),
        lambda etas: elbo_gmm(x, *factors(etas[0]), prior_sd),
        len(x), batch_size, kappa, delay, num_steps, rng,
        start=(np.stack([means, np.ones(K)]),),
    )  # fmt: skip
    return {**dict(zip(("m", "s2", "resp"), factors(etas[0]), strict=True)), "elbo": trace}

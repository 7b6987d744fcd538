"""Regression with networks: maximum likelihood, a latent value with its own noise, and a mistake.

Three objectives for targets y and a network that reports (m(x), log variance(x)):

    maximum likelihood   log N(y; m, variance)
    latent value         y = f + noise, f ~ N(0, 1), q(f) = N(m, s²):  E_q log N(y; f, noise) - KL
    the mistake          log N(y; m, variance) - KL(N(m, variance) || N(0, 1))

The third looks like the second, but y is in both places at once: it is the datum of the likelihood
and the latent variable of the KL. It is no bound on any evidence (see `published_objective`).
"""

from __future__ import annotations

from collections.abc import Sequence

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, require_positive, require_shape
from vi_lib.amortised.mlp import Activation, Params, init_mlp, mlp
from vi_lib.amortised.training import Training, train
from vi_lib.estimators import Estimator, reparam
from vi_lib.families import MeanField
from vi_lib.optimizers import Step


def gaussian_log_likelihood(y: Array, mu: Array, log_var: Array) -> Array:
    """Return log N(y; mu, var) = -½ log 2π - ½ log var - ½ (y - mu)² / var, elementwise, nats.

    Args:
        y: targets, any shape.
        mu: means, broadcast against y.
        log_var: logarithms of the *variances*, broadcast against y; exp(-log_var) multiplies, so
            no variance is divided by.
    """
    return -0.5 * (densities.LOG_2PI + log_var + (y - mu) ** 2 * np.exp(-log_var))


def latent_regression_elbo(y: Array, m: Array, s: Array, noise_sd: Array | float) -> Array:
    """Return the ELBO of y = f + noise, f ~ N(0, 1), noise ~ N(0, noise_sd²), q(f) = N(m, s²).

    log N(y; m, noise_sd²) - ½ s² / noise_sd² - KL(N(m, s²) || N(0, 1)): the variance of q stands in
    the likelihood, because E_q (y - f)² = (y - m)² + s². At most the evidence
    log N(y; 0, 1 + noise_sd²), with equality at m = y / (1 + noise_sd²), s² = noise_sd² / (1 +
    noise_sd²), the exact posterior.

    Args:
        y: targets, any shape.
        m: means of q, broadcast against y.
        s: standard deviations of q.
        noise_sd: standard deviation of the noise.

    Returns:
        one value an element, nats.

    Raises:
        SupportError: unless s and noise_sd are positive.
    """
    require_positive("s", s)
    require_positive("noise_sd", noise_sd)
    expected = densities.normal(y, m, noise_sd) - 0.5 * (s / noise_sd) ** 2
    kl = 0.5 * (m**2 + s**2 - 1.0) - np.log(s)
    return expected - kl


def published_objective(y: Array, mu: Array, log_var: Array) -> Array:
    """Return log N(y; mu, var) - KL(N(mu, var) || N(0, 1)), elementwise: *not* an ELBO.

    Published for regression with an encoder, with y as "the latent variable": the likelihood is
    evaluated under q's own mean and variance, so no generative model has this evidence. For targets
    with mean m and variance v the maximum is where

        mu = m / (1 + var),    var² = v + (m - mu)²,

    found by setting both derivatives to 0. So means shrink and variances inflate: m = 1, v = .1
    gives mu = .695, var = .440. `latent_regression_elbo` is the repair. It is kept for the
    comparison only.

    Args:
        y: targets, any shape.
        mu: means, broadcast against y.
        log_var: logarithms of the variances.
    """
    kl = 0.5 * (mu**2 + np.expm1(log_var) - log_var)
    return gaussian_log_likelihood(y, mu, log_var) - kl


def published_optimum(m: float, var_y: float) -> tuple[float, float]:
    """Return (mu, var) at which `published_objective` is largest for targets N(m, var_y).

    Raises:
        SupportError: unless var_y is positive.
    """
    require_positive("var_y", var_y)
    from scipy.optimize import brentq

    # var = sqrt(var_y + (m - mu)²) with mu = m / (1 + var); its right side lies between the ends.
    low, high = onp.sqrt(var_y), onp.sqrt(var_y + m**2)
    if low == high:
        return 0.0, float(low)
    var = brentq(lambda v: v**2 - var_y - (m * v / (1.0 + v)) ** 2, low, high, xtol=1e-14)
    return m / (1.0 + var), float(var)


def amortised_regression_values(
    params: Params,
    inputs: Array,
    y: Array,
    eps: Array,
    estimator: Estimator = reparam,
    activation: Activation = np.tanh,
) -> Array:
    """Return an estimator's values of the ELBO of y_n = f_n + noise with an encoder, nats.

    f_n ~ N(0, 1), q(f_n) = `MeanField(1)` with lam_n = encoder(inputs_n) = (m, log s), and the
    noise has a standard deviation of its own, exp(params["log_noise_sd"]). Each value is a bound on
    log N(y_n; 0, 1 + noise_sd²), tight where the encoder sees y_n and is wide enough.

    Args:
        params: from `init_amortised_regression`.
        inputs: what the encoder sees (N, K), for instance y itself as (N, 1).
        y: targets (N,), of unit scale, as the prior of f is.
        eps: noise (N, 1), or (M, N, 1).
        estimator: any that differentiates log p.
        activation: of the encoder's hidden layers.

    Returns:
        values (N,) or (M, N).

    Raises:
        ShapeError: if a shape is wrong.
    """
    require_shape("y", y, (np.shape(inputs)[0],))
    lam = mlp(params, inputs, activation)

    def log_joint(f: Array) -> Array:
        log_lik = densities.normal(y, f[..., 0], np.exp(params["log_noise_sd"]))
        return densities.normal(f[..., 0]) + log_lik

    return estimator(lam, log_joint, MeanField(1), eps)


def init_amortised_regression(
    sizes: Sequence[int], rng: onp.random.Generator, noise_sd: float = 0.5
) -> Params:
    """Draw an encoder with sizes (inputs, hidden, ...) and two outputs, and set the noise's start.

    Raises:
        SupportError: unless noise_sd is positive.
    """
    require_positive("noise_sd", noise_sd)
    return {**init_mlp((*sizes, 2), rng), "log_noise_sd": onp.array(onp.log(noise_sd))}


def fit_mlp_regression(
    X: Array,
    y: Array,
    hidden: Sequence[int] = (20,),
    *,
    heteroscedastic: bool = False,
    activation: Activation = np.tanh,
    batch_size: int = 10,
    num_steps: int = 2000,
    optimizer: Step | None = None,
    rng: onp.random.Generator | None = None,
    progress: bool | None = None,
) -> Training:
    """Fit a network by maximum likelihood: the baseline that knows no uncertainty of its weights.

    With one output, and a single log variance beside it, the best mean is that of least squares;
    heteroscedastic, the second output is log var(x).

    Args:
        X: inputs (N, K), best of unit scale.
        y: targets (N,), best of unit scale.
        hidden: widths of the hidden layers.
        heteroscedastic: whether the variance depends on x.
        activation: of the hidden layers.
        batch_size: observations of a step.
        num_steps: steps; N / batch_size of them are an epoch.
        optimizer: step rule, by default `adam(0.01)`.
        rng: source of weights and order; by default a fresh one.
        progress: as in `train`.

    Returns:
        The training; `predict_mlp_regression` reads its params.

    Raises:
        ShapeError: if the shapes do not fit.
    """
    require_shape("X", X, ("N", "K"))
    require_shape("y", y, (len(X),))
    rng = onp.random.default_rng() if rng is None else rng
    params = init_mlp((X.shape[1], *hidden, 2 if heteroscedastic else 1), rng)
    if not heteroscedastic:
        params["log_var"] = onp.array(0.0)

    def log_likelihood(params: Params, rows: Array, eps: None, step: int) -> Array:
        mu, log_var = predict_mlp_regression(params, X[rows], activation)
        return np.mean(gaussian_log_likelihood(y[rows], mu, log_var))

    return train(
        log_likelihood,
        params,
        len(X),
        batch_size=min(batch_size, len(X)),
        num_steps=num_steps,
        optimizer=optimizer,
        rng=rng,
        progress=progress,
    )


def predict_mlp_regression(
    params: Params, X: Array, activation: Activation = np.tanh
) -> tuple[Array, Array]:
    """Return mean and log variance of y at X (N, K), (N,) and (N,) or a number.

    Raises:
        ShapeError: if X does not fit the network.
    """
    output = mlp(params, X, activation)
    log_var = params["log_var"] if "log_var" in params else output[..., 1]
    return output[..., 0], log_var

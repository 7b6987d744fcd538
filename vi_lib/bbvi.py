"""Black-box VI for a factorised Gaussian q, term by term: the functions of lesson 5.

q(theta; mu, sd) = Π_d N(theta_d; mu_d, sd_d). Only values of the log joint are used, never its
derivative:

    d ELBO / d lam = E_q[(log p(x, theta) - log q(theta; lam)) d log q(theta; lam) / d lam].

Everywhere theta is (S, D), mu and sd are (D,), and log_joint maps (S, D) to (S,), in nats.

Source: Ranganath, Gerrish and Blei, Black Box Variational Inference (2014), algorithm 1, eqs.
(2)-(3), and section 3.2 for the control variate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from vi_lib import densities
from vi_lib._check import (
    Array,
    NonFiniteError,
    ShapeError,
    require_positive,
    require_shape,
)
from vi_lib.optimizers import Schedule

LogJoint = Callable[[Array], Array]

MAX_LOG_SD = 350.0
"""Beyond it the variance, exp(2 log_sd), is no positive finite float64."""


class Gaussian(Protocol):
    """A factorised Gaussian as the regression's functions take it."""

    @property
    def mean(self) -> Array:
        """(2,): offset theta_0, slope theta_1."""

    @property
    def sd(self) -> Array:
        """(2,): standard deviations."""


def score_gaussian(theta: Array, mu: Array, sd: Array) -> tuple[Array, Array]:
    """Return the score, d log N(theta; mu, sd) / d mu and d / d sd, each (S, D), elementwise.

    (theta - mu) / sd²  and  ((theta - mu)² / sd² - 1) / sd; both have mean zero under q.

    Raises:
        SupportError: unless sd > 0.
    """
    require_positive("sd", sd)
    z = (theta - mu) / sd
    return z / sd, (z**2 - 1.0) / sd


def score_function_gradient(
    log_joint: LogJoint, mu: Array, sd: Array, theta: Array
) -> tuple[Array, Array]:
    """Return the score-function estimate of the ELBO's gradient in mu and in sd, each (D,).

    The mean over the draws of (log p(x, theta_s) - log q(theta_s)) times their scores.

    Args:
        log_joint: (S, D) -> (S,), nats.
        mu: (D,).
        sd: (D,), positive.
        theta: draws from q, (S, D).

    Raises:
        ShapeError: if a shape is wrong.
        SupportError: unless sd > 0.
    """
    return _gradient(_weights(log_joint, mu, sd, theta), mu, sd, theta)


def evidence_lower_bound(
    data: Mapping[str, Array], q: Gaussian, prior: Gaussian, noise_sd: float
) -> float:
    """Return the exact ELBO of y_i ~ N(theta_0 + theta_1 x_i, noise_sd), in nats.

    E_q log p(theta) + E_q log p(y | theta) + H[q], with E_q theta_j² = m_j² + s_j² and

        E_q (y - theta_0 - x theta_1)² = (y - m_0 - x m_1)² + s_0² + x² s_1².

    Args:
        data: arrays x and y (N,).
        q: the factorised Gaussian posterior, `mean` and `sd` (2,).
        prior: the factorised Gaussian prior, `mean` and `sd` (2,).
        noise_sd: known standard deviation of the noise.

    Raises:
        ShapeError: if a shape is wrong.
        SupportError: unless all standard deviations are positive.
    """
    x, y = np.asarray(data["x"], dtype=float), np.asarray(data["y"], dtype=float)
    require_shape("x", x, ("N",))
    require_shape("y", y, x.shape)
    require_positive("noise_sd", noise_sd)
    m, s = _mean_and_sd("q", q)
    prior_mean, prior_sd = _mean_and_sd("prior", prior)

    # E log N(a; b, sd) is log N at the means, less half the variance of (a - b) over sd².
    log_prior = densities.normal(m, prior_mean, prior_sd) - 0.5 * (s / prior_sd) ** 2
    residual_var = s[0] ** 2 + x**2 * s[1] ** 2
    log_lik = densities.normal(y, m[0] + x * m[1], noise_sd) - 0.5 * residual_var / noise_sd**2
    entropy = 0.5 * (1.0 + densities.LOG_2PI) + np.log(s)
    return float(np.sum(log_prior) + np.sum(log_lik) + np.sum(entropy))


def control_variate(f: Array, h: Array) -> tuple[Array, Array]:
    """Return f - a h and a, with a = Cov(f, h) / Var(h) in each column.

    Where h has mean zero, f - a h has f's mean and, for this a, the least variance; the variance
    falls by the factor 1 - corr(f, h)². Covariance and variance have the same denominator. In a
    column where h does not vary a is 0. With a from the same draws the mean of f - a h has a bias
    of order 1/S; with a from other draws it has none.

    Args:
        f: what is averaged, (S, D) or (S,), for instance the draws' gradients.
        h: what has mean zero, of f's shape, for instance the draws' scores.

    Returns:
        (f - a h, of f's shape; a (D,), or a number for (S,)).

    Raises:
        ShapeError: unless f and h have the same shape and two rows or more.
    """
    f, h = np.asarray(f, dtype=float), np.asarray(h, dtype=float)
    require_shape("h", h, f.shape)
    if f.ndim not in (1, 2) or len(f) < 2:
        raise ShapeError(f"f must be (S, D) or (S,) with S >= 2, got {f.shape}")
    # Compare the extremes: rounding of the mean can leave a constant column a tiny variance.
    varies = np.max(h, axis=0) > np.min(h, axis=0)
    centred = h - np.mean(h, axis=0)
    covariance = np.mean((f - np.mean(f, axis=0)) * centred, axis=0)
    variance = np.where(varies, np.mean(centred**2, axis=0), 1.0)
    a = np.where(varies, covariance / variance, 0.0)
    return f - a * h, a


def bbvi(
    log_joint: LogJoint,
    mu: Array,
    log_sd: Array,
    num_iter: int,
    num_samples: int,
    rho: float | Schedule,
    rng: np.random.Generator,
) -> dict[str, Array]:
    """Maximise the ELBO by plain stochastic ascent on (mu, log_sd) with the score function.

    Iteration t = 1, 2, ... draws eps = rng.standard_normal((num_samples, D)), sets
    theta = mu + sd eps, and adds rho_t times the gradient. That in log_sd is sd times that in sd.

    Args:
        log_joint: (S, D) -> (S,), nats.
        mu: start (D,).
        log_sd: start (D,).
        num_iter: number of steps.
        num_samples: draws S in each.
        rho: step size, a number or a function of t.
        rng: source of all noise.

    Returns:
        dict with mu (D,) and log_sd (D,) after the last step; elbo (num_iter,), the Monte Carlo
        estimate of the ELBO *before* each step, from that step's draws; history (num_iter, D), mu
        after each step.

    Raises:
        ShapeError: if a shape is wrong.
        NonFiniteError: if mu or the variance leaves the finite numbers, with the iteration
            (0 for the start).
    """
    mu, log_sd = np.array(mu, dtype=float), np.array(log_sd, dtype=float)
    require_shape("mu", mu, ("D",))
    require_shape("log_sd", log_sd, mu.shape)
    _require_inside(mu, log_sd, 0)
    elbo, history = np.empty(num_iter), np.empty((num_iter, len(mu)))
    for t in range(1, num_iter + 1):
        # What overflows is told below, with the iteration.
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            sd = np.exp(log_sd)
            theta = mu + sd * rng.standard_normal((num_samples, len(mu)))
            weights = _weights(log_joint, mu, sd, theta)
            g_mu, g_sd = _gradient(weights, mu, sd, theta)
        step = rho(t) if callable(rho) else rho
        mu, log_sd = mu + step * g_mu, log_sd + step * sd * g_sd
        _require_inside(mu, log_sd, t)
        elbo[t - 1], history[t - 1] = np.mean(weights), mu
    return {"mu": mu, "log_sd": log_sd, "elbo": elbo, "history": history}


def _require_inside(mu: Array, log_sd: Array, t: int) -> None:
    """Raise unless mu is finite and exp(log_sd) a positive number, in every coordinate."""
    good = np.isfinite(mu) & (np.abs(log_sd) < MAX_LOG_SD)
    if not good.all():
        d = int(np.argmin(good))
        raise NonFiniteError(
            f"coordinate {d} left the finite numbers in step {t}: mu = {mu[d]:g}, log_sd ="
            f" {log_sd[d]:g}; try a smaller rho or more samples",
            iteration=t,
            coordinate=d,
        )


def _weights(log_joint: LogJoint, mu: Array, sd: Array, theta: Array) -> Array:
    """Return log p(x, theta) - log q(theta), (S,)."""
    require_shape("mu", mu, ("D",))
    require_shape("sd", sd, np.shape(mu))
    require_positive("sd", sd)
    require_shape("theta", theta, ("S", len(mu)))
    log_p = np.asarray(log_joint(theta))
    require_shape("log_joint(theta)", log_p, (len(theta),))
    return log_p - np.sum(densities.normal(theta, mu, sd), axis=-1)


def _gradient(weights: Array, mu: Array, sd: Array, theta: Array) -> tuple[Array, Array]:
    d_mu, d_sd = score_gaussian(theta, mu, sd)
    return np.mean(weights[:, None] * d_mu, axis=0), np.mean(weights[:, None] * d_sd, axis=0)


def _mean_and_sd(name: str, gaussian: Any) -> tuple[Array, Array]:
    mean = np.asarray(gaussian.mean, dtype=float)
    sd = np.asarray(gaussian.sd, dtype=float)
    require_shape(f"{name}.mean", mean, (2,))
    require_shape(f"{name}.sd", sd, (2,))
    require_positive(f"{name}.sd", sd)
    return mean, sd

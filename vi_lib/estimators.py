"""Estimators of the ELBO and of its gradient.

An estimator maps (lam, log_p, q, eps) to one value a draw, (M,), from the noise eps (M, E). The
mean of the values is an unbiased estimate of the ELBO, E_q[log p(z) - log q(z; lam)], and the
*derivative* of that mean is an unbiased estimate of the ELBO's gradient. Noise is an argument, so
with `eps` given everything is deterministic.

    name              gradient of one draw                                        needs
    reparam           d/dlam [log p(z) - log q(z; lam)], z = t(lam, eps)          gradient of log p
    reparam_entropy   d/dlam [log p(z)] + d/dlam H[q]                             also closed H[q]
    stl               the path through z only, d log q(z; lam)/dlam dropped       gradient of log p
    score             [log p(z) - log q(z; lam)] d log q(z; lam)/dlam, z fixed    log p alone
    score_cv          the same with the other draws' mean as baseline             log p alone
    score_cv_optimal  ... with a coefficient for each parameter                   log p alone
    rao_blackwell     ... each coordinate with its own terms of log p only        those terms
    iwae(K)           d/dlam log mean of K weights p(z) / q(z; lam)               gradient of log p
    dreg(K)           the path through z only, squared normalised weights         gradient of log p
    renyi(alpha, K)   d/dlam log mean of weights^(1 - alpha), / (1 - alpha)       gradient of log p

The last three estimate other bounds than the ELBO and return one value for K draws; they and
`rao_blackwell` are functions that return estimators.

Sources: Ranganath, Gerrish and Blei, Black Box Variational Inference (2014), eqs. (2)-(3), for
score; Kingma and Welling (2014) for reparam; Roeder, Wu and Duvenaud (2017), eq. (8), for stl;
Kool, van Hoof and Welling (2019) for the leave-one-out baseline.
"""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp

from vi_lib._certify import EstimatorReport, GaussianOracle, check_estimator
from vi_lib._check import Array, ShapeError
from vi_lib._control import check_terms, rao_blackwell, score_cv_optimal
from vi_lib._gradients import (
    Estimator,
    ExplicitEstimator,
    LogDensity,
    differentiate,
    explicit_gradient,
    gradient_variance,
    per_draw_gradients,
    stop_gradient,
    values_and_gradient,
    with_gradient_of,
)
from vi_lib._importance import (
    doubly_reparameterized_bound,
    dreg,
    importance_weighted_bound,
    iwae,
    renyi,
    renyi_bound,
)
from vi_lib.families import Family

__all__ = [
    "Estimator",
    "EstimatorReport",
    "ExplicitEstimator",
    "GaussianOracle",
    "LogDensity",
    "check_estimator",
    "check_terms",
    "differentiate",
    "doubly_reparameterized_bound",
    "dreg",
    "explicit_gradient",
    "gradient_variance",
    "importance_weighted_bound",
    "iwae",
    "per_draw_gradients",
    "rao_blackwell",
    "renyi",
    "renyi_bound",
    "reparam",
    "reparam_entropy",
    "score",
    "score_cv",
    "score_cv_optimal",
    "stl",
    "stop_gradient",
    "values_and_gradient",
    "with_gradient_of",
]


def reparam(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
    """Return log p(z) - log q(z; lam) at z = t(lam, eps), (M,): the total derivative."""
    z = q.transport(lam, eps)
    return log_p(z) - q.log_prob(lam, z)


def reparam_entropy(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
    """Return log p(z) + H[q], (M,): reparam with the entropy's expectation taken exactly."""
    z = q.transport(lam, eps)
    return log_p(z) + q.entropy(lam)


def stl(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
    """Return reparam's values, (M,), with the path derivative only ("sticking the landing").

    The dropped term d log q(z; lam)/dlam at fixed z has mean zero, so the gradient stays unbiased.
    Where q = p every single draw's gradient is zero; far from there its variance can be *larger*
    than reparam's.
    """
    z = q.transport(lam, eps)
    return log_p(z) - q.log_prob(stop_gradient(lam), z)


def score(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
    """Return reparam's values w, (M,), with the score-function gradient w d log q(z; lam)/dlam.

    log_p is only evaluated, never differentiated: it may be discontinuous.
    """
    z = q.transport(stop_gradient(lam), eps)
    log_q = q.log_prob(lam, z)
    w = stop_gradient(log_p(z)) - stop_gradient(log_q)
    return with_gradient_of(w, w * log_q)


def score_cv(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
    """Return score's values w, (M,), with a leave-one-out baseline in the gradient.

    The gradient of draw m is (w_m - b_m) d log q(z_m; lam)/dlam with b_m the mean of the *other*
    draws' values. b_m is independent of z_m and the score has mean zero, so E[b_m score_m] = 0 and
    the estimator is unbiased for every M >= 2. (With the mean of all draws it would be shrunk by (M
    - 1)/M.)

    Raises:
        ShapeError: for fewer than two draws.
    """
    num_draws = np.shape(eps)[0] if np.ndim(eps) > 1 else 1
    if num_draws < 2:
        raise ShapeError(
            f"score_cv's baseline needs at least 2 draws, got eps of shape {np.shape(eps)}"
        )
    z = q.transport(stop_gradient(lam), eps)
    log_q = q.log_prob(lam, z)
    w = stop_gradient(log_p(z)) - stop_gradient(log_q)
    baseline = (onp.sum(w, axis=0) - w) / (num_draws - 1)
    return with_gradient_of(w, (w - baseline) * log_q)

"""Pathwise gradients of a factorised Gaussian q, term by term: the functions of lesson 6.

A draw is theta = mu + sd eps with eps ~ N(0, I), so it moves with the parameters: d theta / d mu =
1 and d theta / d sd = eps. Differentiating the ELBO along that path, with r the gradient of log p
in theta, gives for each draw

                       in mu           in sd
    total derivative   r               r eps + 1 / sd
    path derivative    r + eps / sd    (r + eps / sd) eps

The total derivative has the entropy's gradient, 1 / sd, in closed form. The path derivative leaves
out the score of q at fixed theta, which has mean zero, and so takes -d log q / d theta = eps / sd
along the path instead; where q is the posterior it vanishes on every single draw.

Everywhere mu and sd are (D,), eps is (S, D), and grad_log_joint maps (S, D) to (S, D).

Sources: Kingma and Welling, Auto-Encoding Variational Bayes (2014), section 2.4; Roeder, Wu and
Duvenaud, Sticking the Landing (2017), section 3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vi_lib._check import Array, require_finite, require_positive, require_shape

GradLogJoint = Callable[[Array], Array]


def reparameterization_gradient(
    grad_log_joint: GradLogJoint, mu: Array, sd: Array, eps: Array
) -> tuple[Array, Array]:
    """Return the total pathwise gradient of the ELBO in mu and in sd, each (D,).

    The means over the draws of r and of r eps, r = grad_log_joint(mu + sd eps), plus the entropy's
    gradient: 0 in mu, 1 / sd in sd.

    Args:
        grad_log_joint: d log p(x, theta) / d theta, (S, D) -> (S, D).
        mu: (D,).
        sd: (D,), positive.
        eps: standard normal noise (S, D).

    Raises:
        ShapeError: if a shape is wrong.
        SupportError: unless sd > 0.
    """
    slope = _slope(grad_log_joint, mu, sd, eps)
    return np.mean(slope, axis=0), np.mean(slope * eps, axis=0) + 1.0 / np.asarray(sd)


def path_derivative_gradient(
    grad_log_joint: GradLogJoint, mu: Array, sd: Array, eps: Array
) -> tuple[Array, Array]:
    """Return the path derivative of the ELBO in mu and in sd, each (D,), without the score of q.

    The means of r + eps / sd and of (r + eps / sd) eps: the gradient in theta of
    log p(x, theta) - log q(theta), carried along the path. Every draw gives 0 where q = p.

    Args:
        grad_log_joint: d log p(x, theta) / d theta, (S, D) -> (S, D).
        mu: (D,).
        sd: (D,), positive.
        eps: standard normal noise (S, D).

    Raises:
        ShapeError: if a shape is wrong.
        SupportError: unless sd > 0.
    """
    slope = _slope(grad_log_joint, mu, sd, eps) + eps / np.asarray(sd)
    return np.mean(slope, axis=0), np.mean(slope * eps, axis=0)


def gradient_variance(
    estimator: Callable[[np.random.Generator], Array], num_rep: int, rng: np.random.Generator
) -> Array:
    """Return the variance of each coordinate of an estimator, (P,), over num_rep calls.

    Denominator num_rep - 1, so that it is unbiased, and computed about the mean, so that it keeps
    its digits where the mean is large.

    Args:
        estimator: rng -> one estimate (P,).
        num_rep: number of independent estimates, at least 2.
        rng: source of their noise, one after the other.

    Raises:
        ValueError: for fewer than two repetitions.
        ShapeError: unless the estimates are (P,).
        NonFiniteError: if an estimate is not finite.
    """
    if num_rep < 2:
        raise ValueError(f"num_rep must be at least 2, a variance needs two values, got {num_rep}")
    rows = np.array([estimator(rng) for _ in range(num_rep)], dtype=float)
    require_shape("the estimates", rows, (num_rep, "P"))
    require_finite("the estimates", rows)
    return np.var(rows, axis=0, ddof=1)


def _slope(grad_log_joint: GradLogJoint, mu: Array, sd: Array, eps: Array) -> Array:
    """Return d log p(x, theta) / d theta at theta = mu + sd eps, (S, D)."""
    require_shape("mu", mu, ("D",))
    require_shape("sd", sd, np.shape(mu))
    require_positive("sd", sd)
    require_shape("eps", eps, ("S", len(mu)))
    slope = np.asarray(grad_log_joint(mu + sd * eps))
    require_shape("grad_log_joint(theta)", slope, np.shape(eps))
    return slope

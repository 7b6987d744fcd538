"""Lesson 8's functions: a Gaussian with a full covariance, in the open.

q(zeta) = N(mu, L L') with L lower triangular and a positive diagonal. The family
`vi_lib.families.FullRank` is the same Gaussian with mu and the packed L in one vector; here the
pieces have the names and the signatures of the exercises.

Source: Kucukelbir, Tran, Ranganath, Gelman and Blei, Automatic Differentiation Variational
Inference (JMLR 2017), section 2.
"""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import numpy as onp
from autograd import grad, hessian

from vi_lib import densities
from vi_lib._check import Array, plain, require_finite, require_shape
from vi_lib._matrices import dot, pack_tril, packed_log_det, transpose, unpack_tril

__all__ = [
    "full_rank_elbo",
    "full_rank_gradients",
    "laplace_approximation",
    "pack_tril",
    "unpack_tril",
]

LogDensity = Callable[[Array], Array]

#: Largest distance of the mode, in posterior standard deviations, at which Newton's method stops.
MODE_TOLERANCE = 1e-8


def full_rank_elbo(log_joint: LogDensity, mu: Array, L: Array, eps: Array) -> Array:
    """Return the ELBO of N(mu, L L') with its entropy taken exactly, in nats.

    With zeta_m = mu + L eps_m:

        mean_m log p(zeta_m) + Σ_i log L_ii + D/2 (1 + log 2π)

    Args:
        log_joint: log joint on the unconstrained scale, (M, D) -> (M,), nats.
        mu: mean (D,).
        L: lower triangular with a positive diagonal (D, D).
        eps: standard normal noise (M, D). On a Gaussian log joint the value is exact if the noise
            has mean zero and second moment I, as the 2 D points ±√D e_i have.

    Raises:
        ShapeError: if a shape is wrong.
        SupportError: unless L is lower triangular with a positive diagonal.
    """
    zeta = _draws(mu, L, eps)
    values = log_joint(zeta)
    require_shape("log_joint's value", values, (len(zeta),))
    dim = len(plain(mu))
    entropy = 0.5 * dim * (1.0 + densities.LOG_2PI) + packed_log_det(pack_tril(L), dim)
    return np.mean(values) + entropy


def full_rank_gradients(
    grad_log_joint: LogDensity, mu: Array, L: Array, eps: Array
) -> tuple[Array, Array]:
    """Return the gradients of `full_rank_elbo` with respect to mu and L.

    With g_m the gradient of the log joint at zeta_m = mu + L eps_m:

        g_mu = mean_m g_m
        g_L = lower triangle of mean_m g_m eps_m' + diag(1 / L_ii)

    The second term of g_L is the gradient of the entropy, the lower triangle of the transposed
    inverse of L. What lies above the diagonal is no parameter and stays zero.

    Args:
        grad_log_joint: gradient of the log joint, row by row, (M, D) -> (M, D).
        mu: mean (D,).
        L: lower triangular with a positive diagonal (D, D).
        eps: standard normal noise (M, D).

    Returns:
        g_mu (D,) and g_L (D, D), lower triangular.

    Raises:
        ShapeError: if a shape is wrong.
        SupportError: unless L is lower triangular with a positive diagonal.
    """
    zeta = _draws(mu, L, eps)
    pack_tril(L)  # for its checks
    g = onp.asarray(grad_log_joint(zeta))
    require_shape("grad_log_joint's value", g, zeta.shape)
    return g.mean(axis=0), onp.tril(g.T @ eps / len(eps)) + onp.diag(1.0 / onp.diagonal(L))


def laplace_approximation(log_p: LogDensity, start: Array) -> tuple[Array, Array]:
    """Return the mode of a density and minus the inverse Hessian of its logarithm there.

    N(mode, cov) matches log p to second order at its highest point; a full-rank fit matches it on
    average over q. On a Gaussian both are exact, on a skewed density they differ.

    Args:
        log_p: log density up to a constant, (M, D) -> (M,), written with autograd.numpy.
        start: where to begin the climb (D,).

    Returns:
        mode (D,) and cov (D, D).

    Raises:
        ShapeError: if start is not (D,) or log_p does not map (1, D) to (1,).
        NonFiniteError: if the log density, its gradient or its Hessian is not finite on the way.
        ValueError: if no maximum is found, or the density is flat there in some direction.
    """
    from scipy import optimize  # costs import time, and only this function needs it

    x = onp.array(start, dtype=float)
    require_shape("start", x, ("D",))

    def loss(x: Array) -> Array:
        values = log_p(np.reshape(x, (1, -1)))
        require_shape("log_p's value", values, (1,))
        return -values[0]

    def slope(x: Array) -> Array:
        return grad(loss)(x)

    for name, value in (("log_p", loss(x)), ("log_p's gradient", slope(x))):
        require_finite(f"{name} at start", value)
    with onp.errstate(all="ignore"):  # a step too far is taken back by the line search
        x = optimize.minimize(loss, x, jac=slope, method="BFGS").x
    for _ in range(50):  # Newton's method: BFGS finds about half of the digits
        precision = hessian(loss)(x)
        require_finite("log_p's Hessian at the mode", precision)
        try:
            L = onp.linalg.cholesky(precision)
        except onp.linalg.LinAlgError:
            raise ValueError(
                f"log_p is not curved downward in every direction at {x}, where the climb ended:"
                " it has no maximum near there, or a flat one"
            ) from None
        gradient = slope(x)
        if onp.linalg.norm(onp.linalg.solve(L, gradient)) < MODE_TOLERANCE:
            return x, onp.linalg.inv(precision)
        x = x - onp.linalg.solve(precision, gradient)
    raise ValueError(f"the climb did not end at a maximum: the gradient at {x} is {-gradient}")


def _draws(mu: Array, L: Array, eps: Array) -> Array:
    """Return zeta = mu + L eps, (M, D)."""
    require_shape("mu", mu, ("D",))
    dim = len(plain(mu))
    require_shape("L", L, (dim, dim))
    require_shape("eps", eps, ("M", dim))
    return mu + dot(eps, transpose(L))

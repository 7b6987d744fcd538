"""Score-function gradients with less noise: control variates and Rao-Blackwellisation.

The score h = d log q(z; lam)/dlam has mean zero. Subtracting a h from the gradient w h of a draw,
w = log p(z) - log q(z; lam), leaves the mean alone as long as a does not depend on the draw that it
is applied to; leaving terms out of w that are independent of the coordinate does, too.

Source: Ranganath, Gerrish and Blei, Black Box Variational Inference (2014), sections 3.1 and 3.2.
Public names are re-exported by `vi_lib.estimators`.
"""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import numpy as onp
from autograd import make_vjp

from vi_lib import densities
from vi_lib._check import Array, ShapeError, plain, require_shape
from vi_lib._gradients import Estimator, LogDensity, stop_gradient, with_gradient_of
from vi_lib.families import Family, MeanField


def score_cv_optimal(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
    """Return score's values w, (M,), with the best coefficient for each parameter, left one out.

    Of f - a h, with f = w h the score-function gradient and h the score, the variance is least for

        a = Cov(f, h) / Var(h) = E[w h²] / E[h²],

    a number for each entry of lam; the second form holds because E[h] = 0 exactly. Draw m uses the
    average over the *other* draws, Σ w h² / Σ h², which is independent of h_m: unbiased for every M
    >= 2, while the coefficient from all draws has a bias of order 1/M. Being a weighted mean of w,
    it cannot explode, as a ratio of sample covariance and sample variance can for few draws.

    Raises:
        ShapeError: for fewer than two draws.
    """
    num_draws = np.shape(eps)[0] if np.ndim(eps) > 1 else 1
    if num_draws < 2:
        raise ShapeError(
            f"score_cv_optimal needs at least 2 draws, got eps of shape {np.shape(eps)}"
        )
    z = q.transport(stop_gradient(lam), eps)
    rows = onp.broadcast_to(plain(lam), (num_draws, q.num_params))
    vjp, log_q = make_vjp(lambda rows: q.log_prob(rows, z))(rows)
    h = vjp(onp.ones(num_draws))
    w = stop_gradient(log_p(z)) - stop_gradient(log_q)
    others = onp.sum(h**2, axis=0) - h**2
    weighted = onp.sum(w[:, None] * h**2, axis=0) - w[:, None] * h**2
    a = onp.where(others > 0.0, weighted / onp.where(others > 0.0, others, 1.0), 0.0)
    return with_gradient_of(w, np.sum(lam * ((w[:, None] - a) * h), axis=-1))


def rao_blackwell(terms: Callable[[Array], Array]) -> Estimator:
    """Return the score-function estimator whose coordinates each see their own terms only.

    For a factorised q, the gradient in coordinate d's parameters is

        E[(log p_d(z) - log q_d(z_d)) d log q_d(z_d)/dlam_d],

    log p_d being the sum of those terms of log p in which z_d occurs, that is its Markov blanket's
    (Ranganath et al. 2014, section 3.1). The values are those of `score`, with all of log p.

    `terms` cannot be compared with log_p at every step without making each step D times as
    expensive; `check_terms` does so once.

    Args:
        terms: (M, D) -> (M, D), in column d the sum of the terms that contain z_d, nats. It is only
            evaluated, never differentiated.

    Returns:
        an estimator, for `MeanField` only.

    Raises:
        TypeError: when the estimator is called with a family that is not factorised.
        ShapeError: when the terms are not (M, D).
    """

    def estimator(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
        if not isinstance(q, MeanField):
            raise TypeError(
                "rao_blackwell needs a factorised family, in which each coordinate has parameters"
                f" of its own: MeanField, got {q!r}"
            )
        z = q.transport(stop_gradient(lam), eps)
        mu, omega = q.unpack(lam)
        # omega itself, not log(exp(omega)): the log sd is a parameter.
        log_q = -0.5 * densities.LOG_2PI - omega - 0.5 * ((z - mu) * np.exp(-omega)) ** 2
        own = onp.asarray(stop_gradient(terms(z)))
        require_shape("terms", own, (*np.shape(z)[:-1], q.dim))
        w = stop_gradient(log_p(z)) - stop_gradient(np.sum(log_q, axis=-1))
        return with_gradient_of(w, np.sum((own - stop_gradient(log_q)) * log_q, axis=-1))

    estimator.__name__ = estimator.__qualname__ = "rao_blackwell"
    return estimator


def check_terms(
    terms: Callable[[Array], Array], log_p: LogDensity, z: Array, tol: float = 1e-8
) -> None:
    """Raise unless each column of `terms` holds all of log_p that depends on its coordinate.

    Coordinate d of each draw is replaced by the next draw's; log_p and column d must change by the
    same amount. Terms without z_d cancel, so superfluous ones are allowed: they only add noise.

    Args:
        terms: as for `rao_blackwell`.
        log_p: log density (M, D) -> (M,), nats.
        z: at least two distinct draws (M, D).
        tol: largest difference, relative to the size of log_p.

    Raises:
        ShapeError: unless z is (M, D) with M >= 2, or the terms are not (M, D).
        ValueError: naming the first coordinate whose terms do not suffice.
    """
    require_shape("z", z, ("M", "D"))
    if len(z) < 2:
        raise ShapeError(f"z must hold at least two draws, got shape {onp.shape(z)}")
    here, own = onp.asarray(log_p(z)), onp.asarray(terms(z))
    require_shape("terms", own, onp.shape(z))
    for d in range(onp.shape(z)[1]):
        moved = onp.array(z, dtype=float)
        moved[:, d] = onp.roll(moved[:, d], -1)
        change = onp.asarray(log_p(moved)) - here
        got = onp.asarray(terms(moved))[:, d] - own[:, d]
        error = onp.abs(got - change)
        if not onp.all(error <= tol * (1.0 + onp.abs(here) + onp.abs(change))):
            worst = int(onp.argmax(error))
            raise ValueError(
                f"terms of coordinate {d} miss a part of log_p that depends on it: moving it"
                f" changes log_p by {change[worst]:.6g} nats, the terms by {got[worst]:.6g}"
            )

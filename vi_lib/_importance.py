"""Bounds from several importance samples: IWAE, its doubly reparameterised gradient, Rényi.

With K draws z_k ~ q and weights w_k = p(z_k) / q(z_k; lam),

    VR_K(alpha) = 1/(1 - alpha) log 1/K Σ_k w_k^(1 - alpha),

whose expectation is the ELBO for K = 1 or alpha = 1, and for alpha = 0 the importance-weighted
bound, log 1/K Σ w_k, which rises with K towards log p(x). Functions of log weights take them with
the samples on the first axis, (K,) or (K, N), and so serve one posterior as well as one for each of
N data. The estimators take noise of M draws and return M / K values, one a group of K consecutive
draws.

Sources: Burda, Grosse and Salakhutdinov (ICLR 2016) for the bound; Tucker, Lawson, Gu and Maddison
(ICLR 2019) for the doubly reparameterised gradient; Li and Turner (NeurIPS 2016) for the
variational Rényi bound. Public names are re-exported by `vi_lib.estimators`.
"""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, ShapeError, plain
from vi_lib._gradients import Estimator, LogDensity, stop_gradient, with_gradient_of
from vi_lib.families import Family


def importance_weighted_bound(log_w: Array) -> Array:
    """Return log 1/K Σ_k exp(log_w_k), nats: the bound of K importance samples.

    Its derivative is Σ_k v_k d log_w_k, with v the normalised weights.

    Args:
        log_w: log p(z_k) - log q(z_k), (K,) or (K, N); -inf is a weight of zero.

    Returns:
        a number or (N,).

    Raises:
        ShapeError: unless there is a first axis with at least one sample.
    """
    _require_samples(log_w)
    return _log_mean_exp(log_w)


def renyi_bound(log_w: Array, alpha: float) -> Array:
    """Return 1/(1 - alpha) log 1/K Σ_k exp((1 - alpha) log_w_k), nats; the mean for alpha = 1.

    A finite number of samples makes it a *biased* estimate of the variational Rényi bound, which is
    its limit for many: too low on average for alpha < 1, too high for alpha > 1. With one sample it
    is the ELBO's estimate whatever alpha is.

    Args:
        log_w: log weights (K,) or (K, N).
        alpha: order; 1 is the ELBO, 0 the importance-weighted bound. Near 1 rounding errors grow
            like 1e-16 / |1 - alpha|.

    Returns:
        a number or (N,).

    Raises:
        ShapeError: as `importance_weighted_bound`.
        ValueError: unless alpha is finite.
    """
    _require_samples(log_w)
    _require_alpha(alpha)
    if alpha == 1.0:
        return np.mean(log_w, axis=0)
    return _log_mean_exp((1.0 - alpha) * log_w) / (1.0 - alpha)


def doubly_reparameterized_bound(log_w: Array) -> Array:
    """Return the importance-weighted bound with the derivative Σ_k v_k² d log_w_k.

    v are the normalised weights. If log_w depends on q's parameters through the draws alone (stop
    the gradient of log q's own), this is an unbiased gradient of the bound in them. It is none in
    the parameters of p: a model that learns, too, takes `importance_weighted_bound` for its own.

    Args:
        log_w: log weights (K,) or (K, N).

    Returns:
        a number or (N,).

    Raises:
        ShapeError: as `importance_weighted_bound`.
    """
    bound = importance_weighted_bound(stop_gradient(log_w))
    v = onp.exp(stop_gradient(log_w) - bound) / len(stop_gradient(log_w))
    return with_gradient_of(bound, np.sum(v**2 * log_w, axis=0))


def iwae(num_samples: int) -> Estimator:
    """Return the estimator of the importance-weighted bound with K = `num_samples`.

    Its gradient is the total derivative, unbiased for that of the expected bound. In q's parameters
    its signal-to-noise ratio falls with K (Rainforth et al., 2018); `dreg` repairs that.

    Returns:
        (lam, log_p, q, eps (M, E)) -> values (M / K,); it raises ShapeError unless K divides M.

    Raises:
        ValueError: unless num_samples >= 1.
    """
    return _grouped(f"iwae({num_samples})", num_samples, importance_weighted_bound, path_only=False)


def dreg(num_samples: int) -> Estimator:
    """Return `iwae`'s values with the doubly reparameterised gradient.

    It is unbiased for the gradient of the same expected bound, and zero for every draw where q = p;
    with K = 1 it is `stl`. Its variance is often the smaller one, but not everywhere.

    Returns:
        (lam, log_p, q, eps (M, E)) -> values (M / K,); it raises ShapeError unless K divides M.

    Raises:
        ValueError: unless num_samples >= 1.
    """
    return _grouped(
        f"dreg({num_samples})", num_samples, doubly_reparameterized_bound, path_only=True
    )


def renyi(alpha: float, num_samples: int) -> Estimator:
    """Return the estimator of the variational Rényi bound of order alpha from K samples.

    What it is unbiased for is its own expectation, the K-sample objective E[VR_K(alpha)], and by
    the total derivative that objective's gradient. For the variational Rényi bound itself, the
    limit of large K, both are biased by O(1/K) (`renyi_bound` says which way).

    Returns:
        (lam, log_p, q, eps (M, E)) -> values (M / K,); it raises ShapeError unless K divides M.

    Raises:
        ValueError: unless num_samples >= 1 and alpha is finite.
    """
    _require_alpha(alpha)
    return _grouped(
        f"renyi({alpha:g}, {num_samples})",
        num_samples,
        lambda log_w: renyi_bound(log_w, alpha),
        path_only=False,
    )


def _grouped(
    name: str, num_samples: int, bound: Callable[[Array], Array], path_only: bool
) -> Estimator:
    """Return the estimator that applies a bound to groups of consecutive draws."""
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, got {num_samples}")

    def estimator(lam: Array, log_p: LogDensity, q: Family, eps: Array) -> Array:
        if np.ndim(eps) != 2 or len(eps) % num_samples or not len(eps):
            raise ShapeError(
                f"{name} needs noise (M, {q.noise_dim}) with M a multiple of {num_samples}, got"
                f" {np.shape(eps)}"
            )
        z = q.transport(lam, eps)
        log_w = log_p(z) - q.log_prob(stop_gradient(lam) if path_only else lam, z)
        return bound(np.reshape(log_w, (-1, num_samples)).T)

    estimator.__name__ = estimator.__qualname__ = name
    return estimator


def _log_mean_exp(x: Array) -> Array:
    """Return log of the mean of exp(x) over the first axis, (N, ...) -> (...)."""
    highest = onp.max(plain(x), axis=0)
    highest = onp.where(onp.isfinite(highest), highest, 0.0)
    with onp.errstate(divide="ignore"):  # all weights zero: the bound is -inf
        return highest + np.log(np.mean(np.exp(x - highest), axis=0))


def _require_samples(log_w: Array) -> None:
    shape = np.shape(plain(log_w))
    if not shape or not shape[0]:
        raise ShapeError(f"log_w must have the samples on its first axis, (K, ...), got {shape}")


def _require_alpha(alpha: float) -> None:
    if not onp.isfinite(alpha):
        raise ValueError(f"alpha must be finite, got {alpha}")

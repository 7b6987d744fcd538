"""A mixture of Gaussians with unknown weights, means and precision matrices.

    pi ~ Dirichlet(alpha0, ..., alpha0),   c_n ~ Categorical(pi),
    Lambda_k ~ Wishart(W0, nu0),   mu_k | Lambda_k ~ N(m0, prec = kappa0 Lambda_k),
    x_n | c_n = k ~ N(mu_k, prec = Lambda_k)

and q = q(pi) prod_k q(mu_k, Lambda_k) prod_n q(c_n) (Bishop 2006, section 10.2; kappa is his beta).
As exponential families the updates need no formulas of their own: with T(x_n) the message of an
observation to a component, N(x | mu, Lambda) = (2 pi)^(-D/2) exp(T(x) . T'(mu, Lambda)),

    eta_k = eta_0 + sum_n resp_nk T(x_n),   alpha_k = alpha0 + sum_n resp_nk,
    resp_nk proportional to exp(T(x_n) . E[T'] + E[log pi_k]).

Components that the data do not need return to the prior, and their expected weight to nearly 0 if
alpha0 is small. As always there are local optima, one of them for each order of the labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from vi_lib._check import (
    Array,
    ShapeError,
    require_finite,
    require_positive,
    require_shape,
)
from vi_lib._conjugate import coordinate_ascent, require_probabilities
from vi_lib.densities import LOG_2PI
from vi_lib.expfam import Dirichlet, NormalWishart, kl


class _Factors(NamedTuple):
    """Natural parameters of q(pi) (K,) and of q(mu, Lambda) (K, P), and responsibilities."""

    weights: Array
    components: Array
    resp: Array


def cavi_bayesian_gmm(
    X: Array,
    K: int,
    prior: Mapping[str, Any],
    rng: np.random.Generator,
    num_restarts: int,
    init: Array | None = None,
    *,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> dict[str, Any]:
    """Coordinate ascent for the mixture above; of several runs the one with the best ELBO.

    A start assigns each observation to the nearest of K observations drawn at random, distances
    being measured in each coordinate's sd. q(pi) and the components are updated first.

    Args:
        X: Data (N, D).
        K: Number of components, at most N unless `init` is given.
        prior: `alpha0`, `m0` (D,), `kappa0`, `W0` (D, D), `nu0` > D - 1; E[Lambda] = nu0 W0.
        rng: Source of the random starts.
        num_restarts: Number of runs.
        init: Responsibilities (N, K) from which the first run starts.
        max_iter: Largest number of sweeps of a run.
        rel_tol: Stop when a sweep raises the ELBO by at most this fraction of its size.

    Returns:
        `alpha` (K,), `m` (K, D), `kappa` (K,), `W` (K, D, D), `nu` (K,), `resp` (N, K), `elbo`
        (the trace of the best run, one value a sweep) and `traces`, those of all runs.

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
        ValueError: If K or `num_restarts` is less than 1, `prior` lacks a key, or K > N.
        ArithmeticError: If a sweep lowers the ELBO by more than round-off; only a wrong update can.
    """
    X = np.asarray(X, dtype=float)
    require_shape("X", X, ("N", "D"))
    require_finite("X", X)
    if X.size == 0:
        raise ShapeError(f"X must have shape (N, D) with N, D >= 1, got {X.shape}")
    for name, count in (("K", K), ("num_restarts", num_restarts)):
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    # Far from 0 the second moments in eta would cancel; the model does not mind a shift.
    centre = X.mean(axis=0)
    alpha0, eta0 = _prior(prior, centre)
    X = X - centre
    starts = [_nearest(X, K, rng) for _ in range(num_restarts - (init is not None))]
    if init is not None:
        starts = [_responsibilities(init, len(X), K), *starts]
    family, messages = NormalWishart(X.shape[1]), gaussian_messages(X)

    def sweep(q: _Factors) -> _Factors:
        weights = update_weights(alpha0, q.resp)
        components = eta0 + q.resp.T @ messages
        return _Factors(weights, components, update_resp(messages, weights, components))

    runs = []
    for resp in starts:
        start = _Factors(np.full(K, alpha0), np.tile(eta0, (K, 1)), resp)
        runs.append(
            coordinate_ascent(
                sweep, lambda q: _elbo(messages, alpha0, eta0, q), start, max_iter, rel_tol
            )
        )
    q, trace = max(runs, key=lambda run: run[1][-1])
    m, kappa, W, nu = family.standard(q.components)
    return {
        "alpha": q.weights + 1.0, "m": m + centre, "kappa": kappa, "W": W, "nu": nu,
        "resp": q.resp, "elbo": trace, "traces": [each for _, each in runs],
    }  # fmt: skip


def gaussian_messages(X: Array) -> Array:
    """What each observation adds to a component's natural parameters, (N, D) -> (N, P).

    (x, -1/2, -x x' / 2, 1/2), the coefficients of (Lambda mu, mu' Lambda mu, Lambda, log|Lambda|)
    in log N(x | mu, Lambda) + D/2 log 2 pi.
    """
    num_rows, dim = X.shape
    half = np.full((num_rows, 1), 0.5)
    squares = (X[:, :, None] * X[:, None, :]).reshape(num_rows, dim * dim)
    return np.concatenate([X, -half, -0.5 * squares, half], axis=1)


def update_weights(alpha0: float, resp: Array) -> Array:
    """Natural parameters alpha - 1 (K,) of q(pi), with alpha_k = alpha0 + sum_n resp_nk."""
    return alpha0 - 1.0 + resp.sum(axis=0)


def update_resp(messages: Array, weights: Array, components: Array) -> Array:
    """Best q(c): rows proportional to exp(E[log N(x_n | mu_k, Lambda_k)] + E[log pi_k])."""
    logits = _expected_log_joint(messages, weights, components)
    unnormalised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return unnormalised / unnormalised.sum(axis=1, keepdims=True)


def _elbo(messages: Array, alpha0: float, eta0: Array, q: _Factors) -> float:
    """sum_nk resp_nk (E[log p(x_n, c_n = k)] - log resp_nk) - KL(q(pi)) - sum_k KL(q_k)."""
    num_weights, dim = len(q.weights), _dim(eta0)
    log_joint = _expected_log_joint(messages, q.weights, q.components) - 0.5 * dim * LOG_2PI
    log_resp = np.log(np.where(q.resp > 0.0, q.resp, 1.0))
    prior = np.full(num_weights, alpha0 - 1.0)
    kl_components = np.sum(kl(NormalWishart(dim), q.components, eta0))
    kl_weights = kl(Dirichlet(num_weights), q.weights, prior)
    return float(np.sum(q.resp * (log_joint - log_resp)) - kl_weights - kl_components)


def _expected_log_joint(messages: Array, weights: Array, components: Array) -> Array:
    """E[log p(x_n, c_n = k)] + D/2 log 2 pi, (N, K)."""
    moments = NormalWishart(_dim(components)).mean_parameters(components)
    return messages @ moments.T + Dirichlet(len(weights)).mean_parameters(weights)


def _dim(eta: Array) -> int:
    """D, of P = D^2 + D + 2 natural parameters."""
    return int(np.sqrt(eta.shape[-1] - 2))


def _prior(prior: Mapping[str, Any], centre: Array) -> tuple[float, Array]:
    """alpha0 and the natural parameters (P,) of the components' prior, m0 less `centre`."""
    keys = ("alpha0", "m0", "kappa0", "W0", "nu0")
    if not set(keys) <= set(prior):
        raise ValueError(f"prior must have the keys {', '.join(keys)}, got {', '.join(prior)}")
    m0, W0 = np.asarray(prior["m0"], dtype=float), np.asarray(prior["W0"], dtype=float)
    require_shape("prior['m0']", m0, centre.shape)
    require_finite("prior['m0']", m0)
    require_positive("prior['alpha0']", prior["alpha0"])
    family = NormalWishart(len(centre))
    return float(prior["alpha0"]), family.natural(m0 - centre, prior["kappa0"], W0, prior["nu0"])


def _nearest(X: Array, K: int, rng: np.random.Generator) -> Array:
    """Responsibilities 0 and 1: the nearest of K rows drawn at random."""
    if len(X) < K:
        raise ValueError(f"K must be at most N = {len(X)} for a random start, got {K}")
    spread = X.std(axis=0)
    scaled = X / np.where(spread > 0.0, spread, 1.0)
    seeds = scaled[rng.choice(len(X), size=K, replace=False)]
    distance = np.sum((scaled[:, None] - seeds) ** 2, axis=-1)
    return np.eye(K)[distance.argmin(axis=1)]


def _responsibilities(init: Array, num_rows: int, K: int) -> Array:
    """Checked responsibilities (N, K)."""
    resp = np.array(init, dtype=float)
    require_shape("init", resp, (num_rows, K))
    require_probabilities("init", resp)
    return resp

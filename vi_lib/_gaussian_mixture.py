"""A mixture of K Gaussians of unit variance and equal weights, by coordinate ascent.

The model of Blei, Kucukelbir and McAuliffe (2017), section 3, is

    mu_k ~ N(0, sd=prior_sd),   c_i ~ Categorical(1/K, ..., 1/K),   x_i | c_i = k, mu ~ N(mu_k, 1),

and q(mu, c) = prod_k N(mu_k | m_k, var=s2_k) prod_i Categorical(c_i | resp_i). The posterior has K!
equal modes, one an order of the labels. q settles near one of them, or at a poorer local optimum,
so the ascent is started several times. The order of the components is left as it was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from vi_lib._check import (
    Array,
    NonFiniteError,
    SupportError,
    require_finite,
    require_positive,
    require_shape,
)
from vi_lib._conjugate import coordinate_ascent, require_probabilities
from vi_lib.densities import LOG_2PI
from vi_lib.gaussian_gamma import observations


def gmm_responsibilities(x: Array, m: Array, s2: Array, log_pi: Any) -> Array:
    """Best q(c) given q(mu): the probability that component k has made observation i.

    resp_ik is proportional to exp(log_pi_k - ((x_i - m_k)^2 + s2_k) / 2), the expected log joint
    up to what all components share (Blei et al. 2017, section 3.1). Each row's largest exponent is
    subtracted first, so no row underflows.

    Args:
        x: Data (N,).
        m: Means of q(mu) (K,).
        s2: Variances of q(mu) (K,), or one for all.
        log_pi: Log weights (K,), or one for all; they need not be normalised, and -inf shuts a
            component out.

    Returns:
        Responsibilities (N, K), whose rows sum to 1.

    Raises:
        ShapeError: If a shape does not fit.
        NonFiniteError: If a number is NaN or infinite where it must not be.
        SupportError: If a variance is not positive, or every weight is 0.
    """
    x, m = observations(x), np.asarray(m, dtype=float)
    require_shape("m", m, ("K",))
    require_finite("m", m)
    require_positive("s2", s2)
    log_pi = np.asarray(log_pi, dtype=float)
    for name, value in (("s2", s2), ("log_pi", log_pi)):
        if np.ndim(value):
            require_shape(name, value, m.shape)
    if np.any(np.isnan(log_pi) | (log_pi == np.inf)):
        raise NonFiniteError(f"log_pi must be finite or -inf, got {log_pi}")
    if np.all(log_pi == -np.inf):
        raise SupportError("log_pi must leave a component, got -inf only")
    logits = log_pi - 0.5 * ((x[:, None] - m) ** 2 + s2)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def update_gmm_means(x: Array, resp: Array, prior_sd: float) -> tuple[Array, Array]:
    """Best q(mu) given q(c).

    s2_k = 1 / (1 / prior_sd^2 + sum_i resp_ik),  m_k = s2_k sum_i resp_ik x_i
    (Blei et al. 2017, section 3.2). A component without observations returns to its prior.

    Args:
        x: Data (N,).
        resp: Responsibilities (N, K).
        prior_sd: Prior standard deviation of a component's mean.

    Returns:
        Means (K,) and variances (K,).
    """
    s2 = 1.0 / (prior_sd**-2 + resp.sum(axis=0))
    return s2 * (x @ resp), s2


def elbo_terms_gmm(x: Array, m: Array, s2: Array, resp: Array, prior_sd: float) -> dict[str, float]:
    """The five expectations whose sum is the ELBO, in nats; x (N,), m and s2 (K,), resp (N, K).

    log_lik: E[log p(x | c, mu)] = -sum_ik resp_ik (log 2 pi + (x_i - m_k)^2 + s2_k) / 2
    log_prior_m: E[log p(mu)] = -sum_k (log 2 pi + 2 log prior_sd + (m_k^2 + s2_k) / prior_sd^2) / 2
    log_prior_c: E[log p(c)] = -N log K
    entropy_m: sum_k (1 + log 2 pi + log s2_k) / 2
    entropy_c: -sum_ik resp_ik log resp_ik, where 0 log 0 = 0

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
    """
    x, m = observations(x), np.asarray(m, dtype=float)
    s2, resp = np.asarray(s2, dtype=float), np.asarray(resp, dtype=float)
    require_shape("m", m, ("K",))
    require_shape("s2", s2, m.shape)
    require_shape("resp", resp, (len(x), len(m)))
    require_finite("m", m)
    require_finite("resp", resp)
    require_positive("s2", s2)
    require_positive("prior_sd", prior_sd)
    require_probabilities("resp", resp)
    log_lik = -0.5 * np.sum(resp * (LOG_2PI + (x[:, None] - m) ** 2 + s2))
    log_prior_m = -0.5 * np.sum(LOG_2PI + 2.0 * np.log(prior_sd) + (m**2 + s2) / prior_sd**2)
    return {
        "log_lik": float(log_lik),
        "log_prior_m": float(log_prior_m),
        "log_prior_c": -len(x) * float(np.log(len(m))),
        "entropy_m": float(0.5 * np.sum(1.0 + LOG_2PI + np.log(s2))),
        "entropy_c": -float(np.sum(resp * np.log(np.where(resp > 0.0, resp, 1.0)))),
    }


def elbo_gmm(x: Array, m: Array, s2: Array, resp: Array, prior_sd: float) -> float:
    """ELBO of the mixture with every constant, so ELBO <= log p(x), in nats.

    Args:
        x: Data (N,).
        m: Means of q(mu) (K,).
        s2: Variances of q(mu) (K,).
        resp: Responsibilities (N, K).
        prior_sd: Prior standard deviation of a component's mean.

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
    """
    return sum(elbo_terms_gmm(x, m, s2, resp, prior_sd).values())


class _Factors(NamedTuple):
    m: Array
    s2: Array
    resp: Array


def gmm_restarts(
    x: Array,
    K: int,
    prior_sd: float,
    rng: np.random.Generator,
    num_restarts: int,
    init: Array | None = None,
    *,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> list[dict[str, Any]]:
    """Coordinate ascent from several starts; every run is kept, in the order of the starts.

    A start consists of component means: observations drawn at random (without replacement while
    they last) plus noise of a component's own sd 1. Without the noise two components that began at
    the same value would stay equal for ever. Responsibilities are updated first; all s2_k being
    equal at a start, they do not depend on it.

    Args:
        x: Data (N,).
        K: Number of components; it may exceed N.
        prior_sd: Prior standard deviation of a component's mean.
        rng: Source of the random starts; a run from `init` takes nothing from it.
        num_restarts: Number of runs.
        init: Component means (K,) from which the first run starts.
        max_iter: Largest number of sweeps of a run.
        rel_tol: Stop when a sweep raises the ELBO by at most this fraction of its size.

    Returns:
        One dictionary a run: `m` (K,), `s2` (K,), `resp` (N, K), `elbo` (the trace, one value a
        sweep).

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
        ValueError: If K, `num_restarts` or `max_iter` is less than 1.
        ArithmeticError: If a sweep lowers the ELBO by more than round-off; only a wrong update can.
    """
    x = observations(x)
    require_positive("prior_sd", prior_sd)
    if num_restarts < 1:
        raise ValueError(f"num_restarts must be at least 1, got {num_restarts}")
    given = [init, *[None] * (num_restarts - 1)]
    starts = [start_means(x, K, rng, each) for each in given]

    def sweep(q: _Factors) -> _Factors:
        resp = gmm_responsibilities(x, q.m, q.s2, -np.log(K))
        return _Factors(*update_gmm_means(x, resp, prior_sd), resp)

    def elbo(q: _Factors) -> float:
        return elbo_gmm(x, q.m, q.s2, q.resp, prior_sd)

    runs = []
    for m in starts:
        start = _Factors(m, np.ones(K), np.full((len(x), K), 1.0 / K))
        q, trace = coordinate_ascent(sweep, elbo, start, max_iter, rel_tol)
        runs.append({**q._asdict(), "elbo": trace})
    return runs


def cavi_gmm(
    x: Array,
    K: int,
    prior_sd: float,
    rng: np.random.Generator,
    num_restarts: int,
    init: Array | None = None,
    *,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> dict[str, Any]:
    """The best run, by its last ELBO, of `gmm_restarts`, which has the arguments and the errors.

    Returns:
        `m` (K,), `s2` (K,), `resp` (N, K), `elbo` (the trace of this run, one value a sweep). The
        traces of all runs are those of `gmm_restarts` with a generator in the same state.
    """
    runs = gmm_restarts(x, K, prior_sd, rng, num_restarts, init, max_iter=max_iter, rel_tol=rel_tol)
    return max(runs, key=lambda run: run["elbo"][-1])


def sort_components(q: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same q with its components in increasing order of their means.

    The ELBO does not change: the model does not know an order of the labels.
    """
    order = np.argsort(q["m"], kind="stable")
    ordered = {"m": q["m"][order], "s2": q["s2"][order], "resp": q["resp"][:, order]}
    return {**q, **ordered}


def start_means(x: Array, K: int, rng: np.random.Generator, init: Array | None = None) -> Array:
    """Return component means (K,): `init`, checked and copied, or random ones near observations.

    Raises:
        ShapeError, NonFiniteError: If `init` is not a finite vector (K,).
        ValueError: If K is less than 1.
    """
    if K < 1:
        raise ValueError(f"K must be at least 1, got {K}")
    if init is None:
        return rng.choice(x, size=K, replace=len(x) < K) + rng.standard_normal(K)
    means = np.array(init, dtype=float)
    require_shape("init", means, (K,))
    require_finite("init", means)
    return means

"""The quantile function of a one-dimensional mixture of Gaussians, with its derivatives.

    Σ_k w_k Φ((x - mu_k) / sd_k) = Φ(eps)

has no solution in closed form, but its derivatives have one: with F the left-hand side and f its
density, the implicit function theorem gives dx = (φ(eps) deps - dF at fixed x) / f.

Sources: Graves, Stochastic Backpropagation through Mixture Density Distributions (2016); Figurnov,
Mohamed and Mnih, Implicit Reparameterization Gradients (2018), section 3.
"""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
from autograd.extend import defvjp, primitive

from vi_lib._check import Array, plain
from vi_lib._special import log_ndtr
from vi_lib.densities import LOG_2PI

#: Relative accuracy of log F at which the search ends.
TOLERANCE = 1e-15
#: The search halves its interval or better, so that it never comes near this number.
MAX_STEPS = 500


def logsumexp(a: Array) -> Array:
    """Return log Σ_k exp(a_k) over the last axis, (..., K) -> (...), for finite a."""
    largest = onp.max(plain(a), axis=-1, keepdims=True)  # cancels: it needs no derivative
    return largest[..., 0] + np.log(np.sum(np.exp(a - largest), axis=-1))


def mixture_quantile(log_w: Array, mu: Array, omega: Array, eps: Array) -> Array:
    """Return the x (...) at which the mixture's distribution function is Φ(eps).

    x is differentiable in all arguments, any number of times. Both tails are exact to rounding:
    for eps > 0 the equation is solved for 1 - F, and always between logarithms. Where the density
    at x underflows the derivative with respect to the weights and to eps is infinite.

    Args:
        log_w: log weights (..., K), of sum 1 once exponentiated.
        mu: means (..., K).
        omega: log sds (..., K).
        eps: standard normal quantile (...).
    """
    num_components = np.shape(log_w)[-1]
    shapes = [np.shape(a)[:-1] for a in (log_w, mu, omega)]
    leading = onp.broadcast_shapes(*shapes, np.shape(eps))
    zeros = onp.zeros((*leading, num_components))  # autograd's broadcast_to adds no leading axes
    return _quantile(log_w + zeros, mu + zeros, omega + zeros, eps + zeros[..., 0])


@primitive
def _quantile(log_w: Array, mu: Array, omega: Array, eps: Array) -> Array:
    side = _side(eps)  # mirrored, an upper tail is a lower one
    K = log_w.shape[-1]
    x = _lower_quantile(
        log_w.reshape(-1, K),
        (side[..., None] * mu).reshape(-1, K),
        onp.exp(omega).reshape(-1, K),
        -onp.abs(eps).reshape(-1),
    )
    return side * x.reshape(eps.shape)


def _side(eps: Array) -> Array:
    """Return 1 in the lower half, where log F is solved for, and -1 in the upper, for 1 - F."""
    return onp.where(plain(eps) > 0.0, -1.0, 1.0)


def _log_densities(x: Array, log_w: Array, mu: Array, omega: Array) -> tuple[Array, Array]:
    """Return log [w_k N(x; mu_k, sd_k)] (..., K), and the log of their sum (...)."""
    u = (x[..., None] - mu) * np.exp(-omega)
    parts = log_w - 0.5 * u**2 - omega - 0.5 * LOG_2PI
    return parts, logsumexp(parts)


def _by_log_weight(x: Array, log_w: Array, mu: Array, omega: Array, eps: Array) -> Array:
    """Return -w_k Φ(u_k) / f, or w_k (1 - Φ(u_k)) / f: the same for changes that keep Σ w = 1."""
    side = _side(eps)[..., None]
    u = (x[..., None] - mu) * np.exp(-omega)
    _, log_f = _log_densities(x, log_w, mu, omega)
    return -side * np.exp(log_w + log_ndtr(side * u) - log_f[..., None])


def _posterior(x: Array, log_w: Array, mu: Array, omega: Array) -> Array:
    """Return the probability of each component given x, which is dx/dmu_k."""
    parts, log_f = _log_densities(x, log_w, mu, omega)
    return np.exp(parts - log_f[..., None])


def _by_noise(x: Array, log_w: Array, mu: Array, omega: Array, eps: Array) -> Array:
    """Return φ(eps) / f."""
    _, log_f = _log_densities(x, log_w, mu, omega)
    return np.exp(-0.5 * eps**2 - 0.5 * LOG_2PI - log_f)


# Written with autograd's functions of the solution itself, so they can be differentiated again.
defvjp(
    _quantile,
    lambda x, w, m, o, e: lambda g: g[..., None] * _by_log_weight(x, w, m, o, e),
    lambda x, w, m, o, e: lambda g: g[..., None] * _posterior(x, w, m, o),
    lambda x, w, m, o, e: lambda g: g[..., None] * _posterior(x, w, m, o) * (x[..., None] - m),
    lambda x, w, m, o, e: lambda g: g * _by_noise(x, w, m, o, e),
)


def _lower_quantile(log_w: Array, mu: Array, sd: Array, eps: Array) -> Array:
    """Solve log F(x) = log Φ(eps) for eps <= 0, by Newton steps inside a shrinking interval.

    All arguments have N rows. x lies between the components' own quantiles. A step that leaves the
    interval, or that is not half of the last but one, is replaced by the interval's middle: far
    from every component log F is flat.

    Returns:
        x (N,); NaN where an argument is NaN.

    Raises:
        ArithmeticError: if the search does not end, which no argument is known to cause.
    """
    target = log_ndtr(eps)
    ends = mu + sd * eps[:, None]
    low, high = ends.min(axis=1), ends.max(axis=1)
    x = 0.5 * (low + high)
    last = before = high - low
    rows = onp.arange(len(x))  # those still searched for
    for _ in range(MAX_STEPS):
        w, m, s, a, b, y = log_w[rows], mu[rows], sd[rows], low[rows], high[rows], x[rows]
        u = (y[:, None] - m) / s
        log_F = logsumexp(w + log_ndtr(u))
        log_f = logsumexp(w - 0.5 * u**2 - onp.log(s) - 0.5 * LOG_2PI)
        h = log_F - target[rows]
        low[rows], high[rows] = a, b = onp.where(h < 0.0, y, a), onp.where(h > 0.0, y, b)
        with onp.errstate(over="ignore", invalid="ignore"):  # then the middle is taken
            new = y - h * onp.exp(log_F - log_f)
            newton = (new > a) & (new < b) & (onp.abs(new - y) < 0.5 * before[rows])
        new = onp.where(newton, new, 0.5 * (a + b))
        open_ = (onp.abs(h) > TOLERANCE * (1.0 - target[rows])) & (new != a) & (new != b)
        before[rows], last[rows] = last[rows], onp.abs(new - y)
        x[rows] = onp.where(open_, new, y)
        rows = rows[open_]
        if len(rows) == 0:
            return x
    raise ArithmeticError(
        f"a mixture's quantile was not found for {len(rows)} of {len(x)} draws; the first has"
        f" log weights {log_w[rows[0]]}, means {mu[rows[0]]} and sds {sd[rows[0]]}"
    )
